//! Undoing the newest records, and what is still under way then.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use proglog::log::{CommitPolicy, Log, LogConfig, Offset, SyncPolicy};
use prost::Message;

use crate::disk::Disk;
use crate::support::{GoRecord, LogDir, append, small_segments};

fn explicit() -> LogConfig {
    LogConfig { commit: CommitPolicy::Explicit, ..small_segments() }
}

#[test]
fn a_scan_over_an_undo_yields_what_is_in_the_log() {
    for segment_bytes in [1024, 1 << 20] {
        let dir = LogDir::quick();
        let config = LogConfig { segment_bytes, ..explicit() };
        let log = Log::open(&dir.path(), config).expect("a new log");
        for number in 0..40 {
            append(&log, &[format!("old {number}").as_bytes()]).expect("an append");
        }
        let mut scan = log.scan(Offset(0)).expect("a scan");
        assert_eq!(scan.next_record().expect("a record").expect("a record").value, b"old 0");
        log.truncate_after(Offset(5)).expect("an undo");
        for number in 5..50 {
            append(&log, &[format!("new, and longer: {number}").as_bytes()]).expect("an append");
        }
        let mut next = 1;
        while let Some(record) = scan.next_record() {
            let record = record.expect("an intact record").to_record();
            assert_eq!(record.offset, Offset(next));
            assert_eq!(record, log.read(Offset(next)).expect("a record"));
            next += 1;
        }
        assert_eq!(next, 50);
    }
}

/// A segment of the Go original with this many empty records, closed cleanly.
fn write_go_segment(dir: &LogDir, n_records: u32) {
    let (mut store, mut index) = (Vec::new(), Vec::new());
    for relative in 0..n_records {
        index.extend(relative.to_be_bytes());
        index.extend((store.len() as u64).to_be_bytes());
        let record = GoRecord { offset: u64::from(relative), ..GoRecord::default() };
        store.extend((record.encoded_len() as u64).to_be_bytes());
        record.encode(&mut store).expect("room");
    }
    fs::create_dir(dir.path()).expect("a directory");
    fs::write(dir.file("0.store"), store).expect("a store");
    fs::write(dir.file("0.index"), index).expect("an index");
}

#[test]
fn a_segment_with_more_records_than_its_size_asks_for_can_be_undone_and_continued() {
    const N_RECORDS: u32 = 3_500_000;
    let dir = LogDir::quick();
    write_go_segment(&dir, N_RECORDS);
    let log = Log::open(&dir.path(), explicit()).expect("a log");
    assert_eq!(log.next_offset(), Offset(u64::from(N_RECORDS)));
    let kept = Offset(u64::from(N_RECORDS) - 10);
    log.truncate_after(kept).expect("an undo");
    assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, kept);
    assert_eq!(log.read(kept).expect("a record").value, b"goes on");
}

#[test]
fn a_sync_that_was_under_way_does_not_vouch_for_what_came_after_an_undo() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    let sync = SyncPolicy::Interval(Duration::from_millis(1));
    let config = LogConfig { sync, segment_bytes: 1 << 20, ..explicit() };
    let gate = disk.hold_syncs_of_others();
    let log = Log::open_on(Arc::new(disk), &dir.path(), config).expect("a new log");
    for _ in 0..100 {
        append(&log, &[b"old"]).expect("an append");
    }
    assert!(gate.wait_for(1), "no sync in the background");
    log.truncate_after(Offset(50)).expect("an undo");
    append(&log, &[b"new"]).expect("an append");
    gate.let_one_through();
    assert!(gate.wait_for(2), "what came after the undo is taken for synced");
    append(&log, &[b"last"]).expect("an append");
    let mut scan = log.scan(Offset(51)).expect("a scan");
    assert_eq!(scan.next_record().expect("a record").expect("a record").unsynced, 1);
    gate.open();
}
