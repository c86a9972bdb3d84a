//! Small promises of the surface, one test each.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use proglog::log::{
    Append, Durability, Header, Log, LogConfig, LogError, LogReader, NewRecord, Offset, SyncPolicy,
    Verdict,
};

use crate::support::{
    LogDir, append, bases, damage, read_all, records, small_segments, snapshot, value_at, values,
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
fn a_new_log_makes_its_directory_and_its_parents() {
    let dir = LogDir::new();
    let deep = dir.file("some/where/below");
    let log = Log::open(&deep, LogConfig::default()).expect("a new log");
    assert_eq!(append(&log, &[b"x"]).expect("an append").durability, Durability::Fsync);
    drop(log);
    assert_eq!(read_all(&deep).expect("records").len(), 1);
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
fn a_corrupt_record_does_not_hide_what_is_older() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    for number in 0..100 {
        append_one(&log, at_time(1000 + number));
    }
    log.close().expect("a clean close");
    let whole = LogDir::copy_of(&dir.path());
    for damaged in 0..100_u64 {
        let dir = LogDir::copy_of(&whole.path());
        damage(&dir, damaged);
        let reader = LogReader::open(&dir.path()).expect("a reader");
        assert!(matches!(reader.read(Offset(damaged)), Err(LogError::Corrupt(_))));
        for wanted in [10, 50, 90].into_iter().filter(|wanted| *wanted != damaged) {
            let found = reader.offset_at_time(1000 + wanted).expect("an offset");
            // A record right before it that can't be read may be as new.
            let may_be = [wanted, if damaged + 1 == wanted { damaged } else { wanted }];
            assert!(may_be.contains(&found.0), "{found} and not {wanted} with {damaged} damaged");
        }
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
