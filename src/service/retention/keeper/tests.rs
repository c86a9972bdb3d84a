//! The keeper over a real log whose records are as old as a test says.

use tempfile::TempDir;

use super::*;
use crate::log::{Append, LogConfig, NewRecord};

const MINUTE_US: u64 = 60_000_000;
const HOUR_US: u64 = 60 * MINUTE_US;
const NOW_US: u64 = 1_000_000 * HOUR_US;

fn open(dir: &TempDir) -> Arc<Log> {
    let config = LogConfig { segment_bytes: 1024, ..LogConfig::default() };
    Arc::new(Log::open(dir.path(), config).expect("a log"))
}

/// Two records fit into a segment.
fn append(log: &Log, timestamp_us: u64) {
    let record = NewRecord { timestamp_us: Some(timestamp_us), ..NewRecord::new(&[7; 400]) };
    log.append(&Append::new(&[record])).expect("appended");
}

/// Ten segments, the newest record of each a minute older than that of the next.
fn fill(log: &Log) {
    (0..20).for_each(|number| append(log, NOW_US - 10 * MINUTE_US + number / 2 * MINUTE_US));
}

fn keeper(log: &Arc<Log>, max_age: Option<Duration>, max_bytes: Option<u64>) -> Keeper {
    Keeper::new(Retention { max_age, max_bytes }, Arc::clone(log))
}

fn check_at(keeper: &mut Keeper, wall_us: u64) {
    let reading = Reading { wall_us, running: keeper.started.elapsed() };
    keeper.check(&keeper.log.segments(), reading).expect("checked");
}

const MINUTES_5: Option<Duration> = Some(Duration::from_secs(300));

#[test]
fn old_segments_go_and_the_active_one_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    fill(&log);
    assert_eq!(log.segments().len(), 10);
    let mut keeper = keeper(&log, MINUTES_5, None);
    // The newest record of the fifth segment is six minutes old, that of the sixth five.
    check_at(&mut keeper, NOW_US);
    assert_eq!(log.lowest_offset(), Offset(10));
    check_at(&mut keeper, NOW_US);
    assert_eq!(log.lowest_offset(), Offset(10));
    check_at(&mut keeper, NOW_US + MINUTE_US);
    assert_eq!(log.lowest_offset(), Offset(12));
    check_at(&mut keeper, NOW_US + 50 * MINUTE_US);
    assert_eq!((log.lowest_offset(), log.segments().len()), (Offset(18), 1));
    assert_eq!(log.read(Offset(19)).expect("kept").value, [7; 400]);
}

#[test]
fn a_clock_that_jumps_by_years_removes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    fill(&log);
    let mut keeper = keeper(&log, Some(Duration::from_secs(86_400)), None);
    check_at(&mut keeper, NOW_US);
    let later_us = NOW_US + 100_000 * HOUR_US;
    check_at(&mut keeper, later_us);
    append(&log, later_us);
    check_at(&mut keeper, later_us);
    check_at(&mut keeper, NOW_US);
    assert_eq!(log.lowest_offset(), Offset(0));
}

#[test]
fn the_newest_segments_that_fit_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    fill(&log);
    let max_bytes = 3 * log.size_bytes() / 10 + 10;
    // Whatever time it is.
    check_at(&mut keeper(&log, None, Some(max_bytes)), 0);
    assert_eq!(log.lowest_offset(), Offset(14));
    assert!(log.size_bytes() <= max_bytes);
}

#[test]
fn it_checks_when_the_log_starts_a_segment() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    fill(&log);
    let mut keeper = keeper(&log, None, Some(log.size_bytes()));
    keeper.tick();
    assert_eq!(log.lowest_offset(), Offset(0));
    append(&log, NOW_US);
    keeper.tick();
    assert_eq!(log.lowest_offset(), Offset(2), "the time for the next check has not come");
}

#[test]
fn a_segment_whose_newest_record_is_damaged_goes_with_the_next() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir);
    fill(&log);
    // Damage that is found when a log is opened would keep it from being truncated at all.
    let store = dir.path().join("0.store");
    let mut bytes = std::fs::read(&store).expect("a store");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&store, bytes).expect("written");
    let mut keeper = keeper(&log, MINUTES_5, None);
    check_at(&mut keeper, NOW_US - 4 * MINUTE_US - MINUTE_US / 2);
    assert_eq!(log.lowest_offset(), Offset(0));
    check_at(&mut keeper, NOW_US);
    assert_eq!(log.lowest_offset(), Offset(10));
}
