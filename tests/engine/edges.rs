//! What is refused, and what is at the limits of sizes, offsets and names.

use std::fs;

use proglog::log::{
    Append, ConfigError, Log, LogConfig, LogError, LogReader, NewRecord, Offset, Verdict, repair,
};

use crate::support::{LogDir, append, build, read_all, records, small_segments, snapshot, verify};

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
