//! The log as a whole, on real files: appending, reopening, being killed, truncating, waiting.

use std::fs;
use std::time::Instant;

use tempfile::TempDir;

use super::super::record::{NewRecord, TYPE_LOST};
use super::super::{LogReader, SyncPolicy};
use super::*;

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 1024, ..LogConfig::default() }
}

fn value(number: u64) -> Vec<u8> {
    format!("record-{number}-{}", "x".repeat(number as usize % 90)).into_bytes()
}

fn append(log: &Log, numbers: std::ops::Range<u64>) -> Appended {
    let values: Vec<_> = numbers.map(value).collect();
    let records: Vec<_> = values.iter().map(|value| NewRecord::new(value)).collect();
    log.append(&Append::new(&records)).expect("appended")
}

fn open(dir: &TempDir) -> Log {
    Log::open(dir.path(), small_segments()).expect("a log")
}

fn check(log: &Log, numbers: std::ops::Range<u64>) {
    assert_eq!((log.lowest_offset().0, log.next_offset().0), (numbers.start, numbers.end));
    for number in numbers.clone() {
        assert_eq!(log.read(Offset(number)).expect("a record").value, value(number));
    }
    let mut scan = log.scan(Offset(numbers.start)).expect("a scan");
    for number in numbers {
        let record = scan.next_record().expect("one more").expect("sound");
        assert_eq!((record.offset, record.value), (Offset(number), &value(number)[..]));
    }
    assert!(scan.next_record().is_none());
}

/// The files as a killed process leaves them.
fn killed_copy(dir: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for entry in fs::read_dir(dir.path()).expect("a listing") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
    }
    copy
}

#[test]
fn records_come_back_over_segments_and_reopens() {
    let dir = tempfile::tempdir().expect("a directory");
    for round in 0..5 {
        let log = open(&dir);
        assert!(log.recovery().is_clean(), "{:?}", log.recovery());
        for n in 0..20 {
            append(&log, round * 60 + n * 3..round * 60 + n * 3 + 3);
        }
        check(&log, 0..(round + 1) * 60);
        log.close().expect("closed");
    }
    assert!(open(&dir).segments().len() > 10);
}

#[test]
fn a_killed_writer_loses_nothing_and_a_reader_sees_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    for n in 0..100 {
        append(&log, n..n + 1);
        let reader = LogReader::open(dir.path()).expect("a reader");
        assert!(reader.has_writer());
        assert_eq!(reader.next_offset(), Offset(n + 1));
        let copy = killed_copy(&dir);
        let reader = LogReader::open(copy.path()).expect("a reader");
        assert_eq!((reader.has_writer(), reader.next_offset()), (false, Offset(n + 1)));
        let reopened = open(&copy);
        assert_eq!(reopened.recovery().torn_tails, []);
        check(&reopened, 0..n + 1);
        append(&reopened, n + 1..n + 4);
        check(&reopened, 0..n + 4);
    }
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = Log::open(dir.path(), LogConfig::default()).expect("a log");
    let mut ends = vec![0];
    for n in 0..6 {
        append(&log, n..n + 1);
        ends.push(log.segments()[0].store_bytes);
    }
    for cut in 0..ends[6] {
        let copy = killed_copy(&dir);
        let store = fs::OpenOptions::new().write(true).open(copy.path().join("0.store"));
        store.and_then(|store| store.set_len(cut)).expect("cut");
        let n_whole = ends.iter().filter(|end| **end > 0 && **end <= cut).count() as u64;
        let reopened = open(&copy);
        check(&reopened, 0..n_whole);
        // The first bytes of a length are zeros, as is space prepared ahead: that's no torn frame.
        let torn = Some(cut - ends[n_whole as usize]).filter(|torn| *torn > 7).unwrap_or(0);
        let tails = &reopened.recovery().torn_tails;
        assert_eq!(tails.iter().map(|tail| tail.bytes).sum::<u64>(), torn);
    }
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let _log = open(&dir);
    assert!(matches!(Log::open(dir.path(), small_segments()), Err(LogError::InUse { .. })));
}

#[test]
fn expected_offsets_and_limits_are_checked_before_anything_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = LogConfig { max_record_bytes: 8, ..LogConfig::default() };
    let log = Log::open(dir.path(), config).expect("a log");
    let records = [NewRecord::new(b"a"), NewRecord::new(b"123456789")];
    let result = log.append(&Append::new(&records));
    assert!(matches!(result, Err(LogError::RecordTooLarge { bytes: 9, max: 8 })));
    let batch = Append { expected_offset: Some(Offset(1)), ..Append::new(&records[..1]) };
    assert!(matches!(
        log.append(&batch),
        Err(LogError::OffsetMismatch { expected: Offset(1), next: Offset(0) })
    ));
    assert!(matches!(log.append(&Append::default()), Err(LogError::EmptyBatch)));
    let mark = [NewRecord { record_type: TYPE_LOST, ..NewRecord::new(b"a") }];
    assert!(matches!(log.append(&Append::new(&mark)), Err(LogError::ReservedType { .. })));
    assert_eq!(log.next_offset(), Offset(0));
    let batch = Append { expected_offset: Some(Offset(0)), ..Append::new(&records[..1]) };
    assert_eq!(log.append(&batch).expect("appended").last_offset, Offset(0));
}

#[test]
fn old_segments_go_whole_and_never_the_active_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    (0..100).for_each(|n| {
        append(&log, n..n + 1);
    });
    let mut scan = log.scan(Offset(0)).expect("a scan");
    scan.next_record().expect("one").expect("sound");
    let second = log.segments()[1].base_offset;
    assert_eq!(log.truncate_before(Offset(second.0 + 1)).expect("truncated"), second);
    assert!(matches!(log.read(Offset(0)), Err(LogError::OutOfRange { .. })));
    check(&log, second.0..100);
    let lowest = log.truncate_before(Offset(100)).expect("truncated");
    assert_eq!(log.segments().len(), 1);
    check(&log, lowest.0..100);
    drop(log);
    check(&open(&dir), lowest.0..100);
}

#[test]
fn a_scan_that_is_overtaken_ends_at_a_record_and_tells_the_range() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    (0..100).for_each(|n| {
        append(&log, n..n + 1);
    });
    let second = log.segments()[1].base_offset;
    let mut scan = log.scan(Offset(0)).expect("a scan");
    let first = scan.next_record().expect("one").expect("sound").to_record();
    let lowest = log.truncate_before(Offset(90)).expect("truncated");
    assert!(lowest > second && first.value == value(0));
    // The segment it is in is read to its end, though its files are gone.
    for number in 1..second.0 {
        let record = scan.next_record().expect("one more").expect("sound");
        assert_eq!((record.offset, record.value), (Offset(number), &value(number)[..]));
    }
    for _ in 0..2 {
        let overtaken = scan.next_record().expect("an end").map(|record| record.offset);
        let Err(LogError::OutOfRange { offset, lowest: told, next }) = overtaken else {
            panic!("{overtaken:?}")
        };
        assert_eq!((offset, told, next), (second, lowest, Offset(100)));
    }
}

#[test]
fn the_newest_records_can_be_undone_until_they_are_committed() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = LogConfig { commit: CommitPolicy::Explicit, ..small_segments() };
    let log = Log::open(dir.path(), config).expect("a log");
    (0..100).for_each(|n| {
        append(&log, n..n + 1);
    });
    log.commit(Offset(10));
    assert!(matches!(log.truncate_after(Offset(9)), Err(LogError::Committed { .. })));
    for end in [99, 60, 59, 10] {
        log.truncate_after(Offset(end)).expect("undone");
        check(&log, 0..end);
        check(&open(&killed_copy(&dir)), 0..end);
        append(&log, end..end + 2);
        check(&log, 0..end + 2);
        log.truncate_after(Offset(end)).expect("undone");
    }
    drop(log);
    check(&open(&dir), 0..10);
}

#[test]
fn concurrent_appends_each_get_their_own_offsets() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = Log::open(dir.path(), LogConfig { segment_bytes: 4096, ..LogConfig::default() });
    let log = log.expect("a log");
    let offsets = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8_u64)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || {
                    (0..50)
                        .map(|n| append(log, thread * 1000 + n..thread * 1000 + n + 2))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("joined")).collect::<Vec<_>>()
    });
    let mut firsts: Vec<_> = offsets.iter().map(|appended| appended.first_offset.0).collect();
    firsts.sort_unstable();
    assert_eq!(firsts, (0..400).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(log.next_offset(), Offset(800));
}

#[test]
fn waiting_ends_when_the_record_comes_or_the_log_is_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    assert!(!log.wait_for(Offset(0), Duration::from_millis(1)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| log.wait_for(Offset(0), Duration::from_secs(60)));
        append(&log, 0..1);
        assert!(waiting.join().expect("joined"));
        let waiting = scope.spawn(|| log.wait_for(Offset(1), Duration::from_secs(60)));
        log.close().expect("closed");
        assert!(!waiting.join().expect("joined"));
    });
    let refused = log.append(&Append::new(&[NewRecord::new(b"x")]));
    assert!(matches!(refused, Err(LogError::Closed)));
}

#[test]
fn an_interval_is_synced_in_the_background() {
    let dir = tempfile::tempdir().expect("a directory");
    let sync = SyncPolicy::Interval(Duration::from_millis(1));
    let log = Log::open(dir.path(), LogConfig { sync, ..LogConfig::default() }).expect("a log");
    assert_eq!(append(&log, 0..3).durability.as_str(), "os");
    let deadline = Instant::now() + Duration::from_secs(30);
    while log.commit.writer().unsynced().is_some() {
        assert!(Instant::now() < deadline, "nothing was synced");
        std::thread::yield_now();
    }
    check(&log, 0..3);
}
