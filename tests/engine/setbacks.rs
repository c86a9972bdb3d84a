//! One call fails, and the log goes on as if it had been made in time.

use std::fs;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use proglog::log::fs::FileSystem;
use proglog::log::{Append, Log, LogConfig, LogError, NewRecord, Offset, SyncPolicy, Verdict};

use crate::disk::{Call, Disk};
use crate::leftovers::Survives;
use crate::support::{LogDir, append, bases, read_all, small_segments, verify};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

#[test]
fn a_failed_removal_leaves_no_gap_behind_the_next_one() {
    for call in [Call::Remove, Call::SyncDir] {
        let (dir, disk) = (LogDir::quick(), Disk::default());
        let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), small_segments());
        let log = log.expect("a new log");
        for _ in 0..20 {
            append(&log, &[&[7; 400]]).expect("an append");
        }
        disk.fail_next(call, EIO);
        let failed = log.truncate_before(Offset(6));
        assert!(matches!(failed, Err(LogError::Io { .. })), "{failed:?}");
        let again = log.truncate_before(Offset(10));
        drop(log);
        let report = verify(&dir.path());
        assert_eq!(report.verdict(), Verdict::Sound, "{again:?}: {:?}", report.findings);
        let log = Log::open(&dir.path(), small_segments()).expect("a log");
        assert!(log.refusal().is_none(), "{:?}", log.recovery());
        assert!(log.lowest_offset() <= Offset(10), "{}", log.lowest_offset());
        assert_eq!(bases(&dir.path())[0], log.lowest_offset().0);
        assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, Offset(20));
        drop(log);
        read_all(&dir.path()).expect("all records");
    }
}

#[test]
fn appends_go_on_while_old_segments_are_removed() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), small_segments());
    let log = log.expect("a new log");
    for _ in 0..20 {
        append(&log, &[&[7; 400]]).expect("an append");
    }
    let gate = disk.hold_dir_syncs_of_others();
    std::thread::scope(|scope| {
        let removing = scope.spawn(|| log.truncate_before(Offset(10)));
        assert!(gate.wait_for(1), "the removal doesn't sync the directory");
        // They roll, too: the list of segments grows at its other end meanwhile. This thread passes the
        // gate.
        let (done, is_done) = mpsc::channel();
        let gate = &gate;
        let opening = scope.spawn(move || {
            let is_late = is_done.recv_timeout(Duration::from_secs(20)).is_err();
            gate.open();
            is_late
        });
        for _ in 0..10 {
            append(&log, &[&[8; 400]]).expect("an append");
        }
        done.send(()).expect("someone waits");
        assert!(!opening.join().expect("no panic"), "appends wait for the removal");
        assert_eq!(removing.join().expect("no panic").expect("removed"), Offset(10));
    });
    let bases: Vec<u64> = log.segments().iter().map(|segment| segment.base_offset.0).collect();
    assert_eq!(bases, (10..30).step_by(2).collect::<Vec<_>>());
    drop(log);
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound);
    assert_eq!(read_all(&dir.path()).expect("all records").len(), 20);
}

/// What is acknowledged as synced is there although the first open failed half-way.
fn assert_survives(dir: &LogDir, disk: &Disk) {
    let config = LogConfig { sync: SyncPolicy::Always, ..small_segments() };
    let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), config).expect("a second open");
    append(&log, &[b"acknowledged"]).expect("an append");
    let after = LogDir::quick();
    disk.look().lay_out(dir.parent(), after.parent(), Survives::Synced);
    let all = read_all(&after.path()).expect("a log");
    assert_eq!(all.len(), 1, "the acknowledged record is gone");
}

#[test]
fn names_that_a_failed_open_left_are_synced_by_the_next() {
    for n_syncs_before in 0..2 {
        let (dir, disk) = (LogDir::quick(), Disk::default());
        if n_syncs_before == 1 {
            disk.create_dir(&dir.path()).expect("a directory");
            disk.sync_dir(dir.parent()).expect("a sync");
        }
        disk.fail_next(Call::SyncDir, EIO);
        let failed = Log::open_on(Arc::new(disk.clone()), &dir.path(), small_segments());
        assert!(failed.is_err());
        assert_survives(&dir, &disk);
    }
}

#[test]
fn a_directory_that_someone_else_made_is_synced_in_its_parent() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    disk.create_dir(&dir.path()).expect("a directory");
    assert_survives(&dir, &disk);
}

#[test]
fn a_disk_that_is_full_for_a_moment_does_not_latch_an_empty_log() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), small_segments());
    let log = log.expect("a new log");
    disk.fail_next(Call::Reserve, ENOSPC);
    let records = [NewRecord::new(&[1; 900])];
    let batch = Append { records: &records, ..Append::default() };
    let answers = log.append_group(&[batch, batch]);
    assert!(matches!(answers[0], Err(LogError::DiskFull { .. })), "{answers:?}");
    assert!(log.refusal().is_none(), "{:?}", log.refusal());
    append(&log, &[b"there is room again"]).expect("an append");
    let n_acknowledged = 1 + answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    assert_eq!(log.next_offset(), Offset(n_acknowledged));
}

#[test]
fn a_batch_that_is_refused_starts_no_segment() {
    let dir = LogDir::quick();
    let config = LogConfig { max_record_bytes: 1000, ..small_segments() };
    let log = Log::open(&dir.path(), config).expect("a new log");
    let (fitting, too_large) = ([NewRecord::new(&[1; 900]); 2], [NewRecord::new(&[1; 1001]); 2]);
    for _ in 0..20 {
        append(&log, &[b"x"]).expect("an append");
        let expected_offset = Some(Offset(999));
        let batch = Append { records: &fitting, expected_offset, term: 0 };
        assert!(matches!(log.append(&batch), Err(LogError::OffsetMismatch { .. })));
        let batch = Append { records: &too_large, ..Append::default() };
        assert!(matches!(log.append(&batch), Err(LogError::RecordTooLarge { .. })));
    }
    assert_eq!(log.segments().len(), 1);
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 2);
}
