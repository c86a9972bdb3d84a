//! Small promises of the surface, one test each.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use proglog::log::{
    Append, ConfigError, Durability, Header, Log, LogConfig, LogError, LogReader, NewRecord,
    Offset, SyncPolicy, Verdict, repair,
};

use crate::support::{
    LogDir, append, bases, build, read_all, records, small_segments, snapshot, value_at, values,
    verify,
};

fn at_time(timestamp_us: u64) -> NewRecord<'static> {
    NewRecord { timestamp_us: Some(timestamp_us), ..NewRecord::new(b"timed") }
}

fn append_one(log: &Log, record: NewRecord<'_>) -> Offset {
    let batch = Append { records: &[record], ..Append::default() };
    log.append(&batch).expect("an append").first_offset
}

#[test]
fn everything_of_a_record_comes_back() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    let header = |name: &str, value: &[u8]| Header { name: name.into(), value: value.into() };
    let headers = [header("a", b"1"), header("b", b""), header("a", b"\xFF\0"), header("", b"x")];
    let new = NewRecord {
        value: b"\0value\xFF",
        key: Some(b""),
        headers: &headers,
        timestamp_us: Some(77),
        record_type: 5,
    };
    let batch = Append { records: &[new], expected_offset: Some(Offset(0)), term: 6 };
    log.append(&batch).expect("an append");
    let from_scan = records(log.scan(Offset(0)).expect("a scan")).expect("records").remove(0);
    assert_eq!(log.read(Offset(0)).expect("a record"), from_scan);
    assert_eq!((from_scan.value.as_slice(), from_scan.key.as_deref()), (new.value, new.key));
    assert_eq!((from_scan.term, from_scan.record_type, from_scan.timestamp_us), (6, 5, Some(77)));
    assert_eq!(from_scan.headers, headers);
}

#[test]
fn a_batch_with_a_record_too_large_is_refused_whole() {
    let dir = LogDir::new();
    let config = LogConfig { max_record_bytes: 100, ..small_segments() };
    let log = Log::open(&dir.path(), config).expect("a new log");
    let refused = append(&log, &[b"small", &[0; 101], b"small"]);
    let Err(LogError::RecordTooLarge { bytes: 101, max: 100 }) = refused else {
        panic!("{refused:?}")
    };
    let with_key = NewRecord { key: Some(&[0; 60]), ..NewRecord::new(&[0; 41]) };
    let refused = log.append(&Append { records: &[with_key], ..Append::default() });
    assert!(matches!(refused, Err(LogError::RecordTooLarge { .. })), "{refused:?}");
    assert_eq!(log.next_offset(), Offset(0));
    assert_eq!(append(&log, &[&[0; 100]]).expect("an append").first_offset, Offset(0));
}

#[test]
fn reading_is_not_bound_by_the_record_limit() {
    let dir = LogDir::new();
    let value = vec![7; 3 << 20];
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    append(&log, &[&value]).expect("an append");
    drop(log);
    let config = LogConfig { max_record_bytes: 10, ..small_segments() };
    let log = Log::open(&dir.path(), config).expect("a log");
    assert!(log.read(Offset(0)).expect("a record").value == value);
    assert!(records(log.scan(Offset(0)).expect("a scan")).expect("records")[0].value == value);
}

#[test]
fn an_empty_batch_has_no_offset() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    assert!(matches!(append(&log, &[]), Err(LogError::EmptyBatch)));
    assert!(matches!(log.try_append(&Append::default()), Err(LogError::EmptyBatch)));
    assert_eq!(log.next_offset(), Offset(0));
}

#[test]
fn a_bad_configuration_touches_nothing() {
    let dir = LogDir::new();
    let config = LogConfig { segment_bytes: 10, ..LogConfig::default() };
    let refused = Log::open(&dir.path(), config);
    let Err(LogError::Config(ConfigError::SegmentTooSmall { .. })) = refused else {
        panic!("{refused:?}")
    };
    assert!(!dir.path().exists());
}

#[test]
fn what_is_not_a_log_is_said_to_be_none() {
    let dir = LogDir::new();
    let missing = LogReader::open(&dir.path());
    assert!(matches!(missing, Err(LogError::NoSuchLog { .. })), "{missing:?}");
    let missing = proglog::log::verify(&dir.path(), &|_| {});
    assert!(matches!(missing, Err(LogError::NoSuchLog { .. })), "{missing:?}");
    let missing = repair(&dir.path(), proglog::log::Consent::AcceptLoss);
    assert!(matches!(missing, Err(LogError::NoSuchLog { .. })), "{missing:?}");
    assert!(!dir.path().exists(), "looking made a directory");
    fs::write(dir.path(), b"I am a file").expect("a file");
    let file = Log::open(&dir.path(), LogConfig::default());
    assert!(matches!(file, Err(LogError::NotADirectory { .. })), "{file:?}");
    let file = LogReader::open(&dir.path());
    assert!(matches!(file, Err(LogError::NotADirectory { .. })), "{file:?}");
}

#[test]
fn a_new_log_makes_its_directory_and_its_parents() {
    let dir = LogDir::new();
    let deep = dir.file("some/where/below");
    let log = Log::open(&deep, LogConfig::default()).expect("a new log");
    assert_eq!(append(&log, &[b"x"]).expect("an append").durability, Durability::Fsync);
    drop(log);
    assert_eq!(read_all(&deep).expect("records").len(), 1);
}

#[test]
fn the_initial_offset_is_that_of_a_new_log_only() {
    let dir = LogDir::new();
    let config = LogConfig { initial_offset: Offset(1 << 40), ..small_segments() };
    let log = Log::open(&dir.path(), config.clone()).expect("a new log");
    assert_eq!((log.lowest_offset(), log.next_offset()), (Offset(1 << 40), Offset(1 << 40)));
    assert_eq!(append(&log, &[b"x"]).expect("an append").first_offset, Offset(1 << 40));
    drop(log);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert_eq!((log.lowest_offset(), log.next_offset()), (Offset(1 << 40), Offset((1 << 40) + 1)));
}

#[test]
fn timestamps_never_go_back() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    let future = u64::MAX - 5;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_micros() as u64;
    append_one(&log, NewRecord::new(b"now"));
    append_one(&log, at_time(future));
    append_one(&log, NewRecord::new(b"now, which is before"));
    drop(log);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    append_one(&log, at_time(3));
    let all = records(log.scan(Offset(0)).expect("a scan")).expect("records");
    let times: Vec<_> = all.iter().map(|record| record.timestamp_us.expect("a time")).collect();
    assert!((now..now + 60_000_000).contains(&times[0]), "{times:?}");
    assert_eq!(times[1..], [future; 3]);
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound);
}

#[test]
fn a_time_finds_the_first_record_at_or_after_it() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    let times: Vec<u64> = (0..200).map(|n| 1000 + n / 3 * 10).collect();
    for time in &times {
        append_one(&log, at_time(*time));
    }
    assert!(bases(&dir.path()).len() > 3);
    let reader = LogReader::open(&dir.path()).expect("a reader");
    for wanted in (990..1680).step_by(5) {
        let expected = times.iter().position(|time| *time >= wanted).unwrap_or(times.len());
        let expected = Offset(expected as u64);
        assert_eq!(log.offset_at_time(wanted).expect("an offset"), expected, "time {wanted}");
        assert_eq!(reader.offset_at_time(wanted).expect("an offset"), expected, "time {wanted}");
    }
}

#[test]
fn batches_of_a_group_succeed_and_fail_by_themselves() {
    let dir = LogDir::new();
    let config = LogConfig { max_record_bytes: 50, ..small_segments() };
    let log = Log::open(&dir.path(), config).expect("a new log");
    let (short, long) = ([NewRecord::new(b"short"), NewRecord::new(b"too")], [0; 51]);
    let long = [NewRecord::new(&long)];
    let plain = Append { records: &short, ..Append::default() };
    let expecting = |offset| Append { expected_offset: Some(Offset(offset)), ..plain };
    let too_long = Append { records: &long, ..Append::default() };
    let answers = log.append_group(&[
        plain,
        too_long,
        expecting(2),
        expecting(2),
        Append::default(),
        expecting(4),
    ]);
    let offsets: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().ok().map(|a| a.first_offset.0)).collect();
    assert_eq!(offsets, [Some(0), None, Some(2), None, None, Some(4)]);
    assert!(matches!(answers[1], Err(LogError::RecordTooLarge { .. })));
    let Err(LogError::OffsetMismatch { expected, next }) = answers[3] else {
        panic!("{answers:?}")
    };
    assert_eq!((expected, next), (Offset(2), Offset(4)));
    assert!(matches!(answers[4], Err(LogError::EmptyBatch)));
    assert_eq!(log.next_offset(), Offset(6));
}

#[test]
fn a_scan_outlives_its_log_and_finds_what_came_later() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    let mut scan = log.scan(Offset(0)).expect("a scan");
    assert!(scan.next_record().is_none());
    for offset in 0..50 {
        append(&log, &[&value_at(offset)]).expect("an append");
        let record = scan.next_record().expect("what came later").expect("an intact record");
        assert_eq!((record.offset.0, record.value), (offset, value_at(offset).as_slice()));
    }
    let rest = log.scan(Offset(20)).expect("a scan");
    drop(log);
    let rest = records(rest).expect("records");
    assert_eq!(values(&rest), (20..50).map(value_at).collect::<Vec<_>>());
}

#[test]
fn an_index_tells_whether_its_log_was_closed() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    for offset in 0..40 {
        append(&log, &[&value_at(offset)]).expect("an append");
    }
    let bases = bases(&dir.path());
    let (active, sealed) = bases.split_last().expect("segments");
    let len =
        |base: &u64| fs::metadata(dir.file(&format!("{base}.index"))).expect("an index").len();
    assert_ne!(len(active) % 12, 0, "the active index looks closed");
    assert!(sealed.iter().all(|base| len(base) % 12 == 0), "a sealed index looks open");
    log.close().expect("a clean close");
    assert_eq!(len(active) % 12, 0, "the closed index looks open");
}

#[test]
fn what_is_not_a_segment_is_left_alone() {
    let dir = build(&small_segments(), 20);
    fs::create_dir(dir.file("raft")).expect("a folder");
    fs::write(dir.file("raft/vote"), b"mine").expect("a file");
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound, "raft/ belongs there");
    for stray in ["notes.txt", "00.store", "x.index", "1.store.tmp"] {
        fs::write(dir.file(stray), b"not a segment").expect("a file");
    }
    let before = snapshot(&dir.path());
    let report = verify(&dir.path());
    assert_ne!(report.verdict(), Verdict::Damaged, "{:?}", report.findings);
    assert_eq!(report.findings.len(), 4, "{:?}", report.findings);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert_eq!(log.next_offset(), Offset(20));
    log.close().expect("a clean close");
    assert!(snapshot(&dir.path()) == before);
}

#[test]
fn nothing_is_appended_after_a_close_and_closing_twice_is_harmless() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    append(&log, &[b"x"]).expect("an append");
    log.close().expect("a clean close");
    let before = snapshot(&dir.path());
    assert!(matches!(append(&log, &[b"y"]), Err(LogError::Closed)));
    log.close().expect("a second close");
    drop(log);
    assert!(snapshot(&dir.path()) == before);
}

#[test]
fn each_policy_says_what_an_append_survives() {
    let interval = SyncPolicy::Interval(std::time::Duration::from_secs(1));
    for (sync, durability) in [
        (SyncPolicy::Always, Durability::Fsync),
        (interval, Durability::Os),
        (SyncPolicy::Never, Durability::Os),
    ] {
        let dir = LogDir::new();
        let log = Log::open(&dir.path(), LogConfig { sync, ..small_segments() }).expect("a log");
        assert_eq!(append(&log, &[b"x"]).expect("an append").durability, durability);
        drop(log);
        assert_eq!(read_all(&dir.path()).expect("records").len(), 1);
    }
}

#[test]
fn sizes_and_segments_add_up() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    for offset in 0..40 {
        append(&log, &[&value_at(offset)]).expect("an append");
    }
    let segments = log.segments();
    assert!(segments.len() > 2);
    assert_eq!(segments.first().map(|s| s.base_offset), Some(log.lowest_offset()));
    assert_eq!(segments.last().map(|s| s.next_offset), Some(log.next_offset()));
    assert!(segments.windows(2).all(|pair| pair[0].next_offset == pair[1].base_offset));
    let sum: u64 = segments.iter().map(|s| s.store_bytes + s.index_bytes).sum();
    log.close().expect("a clean close");
    let on_disk: usize = snapshot(&dir.path()).values().map(Vec::len).sum();
    assert_eq!(sum, on_disk as u64);
    assert!([sum, segments.iter().map(|s| s.store_bytes).sum()].contains(&log.size_bytes()));
}

#[test]
fn offsets_end_without_an_overflow() {
    let dir = LogDir::new();
    let config = LogConfig { initial_offset: Offset(u64::MAX - 2), ..small_segments() };
    let Ok(log) = Log::open(&dir.path(), config) else { return };
    let mut n_appended = 0;
    for _ in 0..5 {
        if append(&log, &[b"x"]).is_ok() {
            n_appended += 1;
        }
    }
    assert!(n_appended <= 3);
    assert_eq!(log.next_offset().0 - log.lowest_offset().0, n_appended);
    drop(log);
    assert_eq!(read_all(&dir.path()).expect("records").len() as u64, n_appended);
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound);
}

#[test]
fn a_directory_named_like_a_store_is_no_segment() {
    let dir = build(&small_segments(), 20);
    fs::create_dir(dir.file("99.store")).expect("a folder");
    assert_ne!(verify(&dir.path()).verdict(), Verdict::Damaged);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert_eq!(append(&log, &[b"x"]).expect("an append").first_offset, Offset(20));
}

#[test]
fn the_largest_record_that_is_allowed_fits_and_one_byte_more_does_not() {
    let dir = LogDir::new();
    let config = LogConfig { max_record_bytes: 5 << 20, ..small_segments() };
    let log = Log::open(&dir.path(), config).expect("a new log");
    let value = vec![9; (5 << 20) + 1];
    assert!(matches!(append(&log, &[&value]), Err(LogError::RecordTooLarge { .. })));
    append(&log, &[&value[1..]]).expect("an append");
    append(&log, &[b"small", &value[1..], b"small"]).expect("an append");
    drop(log);
    let all = read_all(&dir.path()).expect("records");
    let lengths: Vec<_> = all.iter().map(|record| record.value.len()).collect();
    assert_eq!(lengths, [5 << 20, 5, 5 << 20, 5]);
}
