//! Going on after a full disk: the log takes appends again without being opened anew, and holds what was
//! acknowledged and nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proglog::log::{Log, LogConfig, LogError, Offset, SyncPolicy, Verdict};

use crate::disk::{Call, Disk, Fault};
use crate::support::{LogDir, append, read_all, records, small_segments, verify};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn config(sync: SyncPolicy) -> LogConfig {
    LogConfig { sync, ..small_segments() }
}

fn open(disk: &Disk, dir: &LogDir, sync: SyncPolicy) -> Result<Log, LogError> {
    Log::open_on(Arc::new(disk.clone()), &dir.path(), config(sync))
}

fn value(number: usize) -> Vec<u8> {
    format!("{number}, ").into_bytes().repeat(1 + number * 37 % 160)
}

/// Appends batches of two, over several segments, until one is refused. Those that were acknowledged are
/// added to `told`.
fn fill(log: &Log, told: &mut Vec<Vec<u8>>) -> Result<(), LogError> {
    for number in 0..12 {
        let batch = [value(2 * number), value(2 * number + 1)];
        append(log, &[&batch[0], &batch[1]])?;
        told.extend(batch);
    }
    Ok(())
}

fn assert_holds(log: &Log, told: &[Vec<u8>], what: &str) {
    let seen = records(log.scan(log.lowest_offset()).expect("a scan")).expect("all records");
    let seen: Vec<_> = seen.into_iter().map(|record| record.value).collect();
    let n_removed = usize::try_from(log.lowest_offset().0).expect("a small number");
    assert!(seen == told[n_removed..], "{what}: {} instead of {}", seen.len(), told.len());
}

/// Lets the disk be full from one call on, for as long as one append needs, and goes on; `false` if no
/// append came to that call.
fn fill_up_and_go_on(at: u64, sync: SyncPolicy) -> bool {
    let what = format!("full at call {at}, {sync:?}");
    let (dir, disk) = (LogDir::quick(), Disk::with_fault(at, Fault::Full));
    let Ok(log) = open(&disk, &dir, sync) else { return true };
    let mut told = Vec::new();
    match fill(&log, &mut told) {
        Ok(()) => return false,
        Err(LogError::DiskFull { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
    assert_holds(&log, &told, &what);
    let before = log.next_offset().min(Offset(4));
    log.truncate_before(before).unwrap_or_else(|error| panic!("{what}: {error}"));
    if log.refusal().is_some() {
        assert!(matches!(log.resume(), Err(LogError::DiskFull { .. })), "{what}: it is full still");
        assert!(log.refusal().is_some(), "{what}");
    }
    disk.make_room();
    log.resume().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(log.refusal().is_none(), "{what}: {:?}", log.refusal());
    assert_holds(&log, &told, &what);
    // A process that is killed now leaves the same.
    let killed = LogDir::copy_of(&dir.path());
    assert_holds(&Log::open(&killed.path(), config(sync)).expect(&what), &told, &what);
    fill(&log, &mut told).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_holds(&log, &told, &what);
    log.close().unwrap_or_else(|error| panic!("{what}: {error}"));
    drop(log);
    assert_is_sound(&dir.path(), &told, &what);
    true
}

fn assert_is_sound(dir: &Path, told: &[Vec<u8>], what: &str) {
    let report = verify(dir);
    assert_eq!(report.verdict(), Verdict::Sound, "{what}: {:?}", report.findings);
    let log = Log::open(dir, small_segments()).expect(what);
    assert!(log.recovery().is_clean(), "{what}: {:?}", log.recovery());
    assert_holds(&log, told, what);
}

#[test]
fn a_disk_that_was_full_is_written_on_without_a_new_open() {
    for sync in [SyncPolicy::Always, SyncPolicy::Never] {
        let n_tried = (0..).take_while(|at| fill_up_and_go_on(*at, sync)).count();
        assert!(n_tried > 30, "only {n_tried} calls were tried");
    }
}

#[test]
fn a_disk_that_is_still_full_is_said_to_be() {
    let dir = LogDir::quick();
    let disk = Disk::default();
    let log = open(&disk, &dir, SyncPolicy::Never).expect("a new log");
    append(&log, &[&[1; 900]]).expect("an append");
    // The next append starts a segment.
    disk.fail_next(Call::Create, ENOSPC);
    assert!(matches!(append(&log, &[&[2; 900]]), Err(LogError::DiskFull { .. })));
    disk.fail_next(Call::Create, ENOSPC);
    assert!(matches!(log.resume(), Err(LogError::DiskFull { .. })));
    assert!(matches!(append(&log, &[b"x"]), Err(LogError::Failed { .. })));
    log.resume().expect("room again");
    assert_eq!(append(&log, &[&[2; 900]]).expect("an append").first_offset, Offset(1));
    drop(log);
    assert_eq!(read_all(&dir.path()).expect("all records").len(), 2);
}

#[test]
fn no_other_failure_is_mended_by_room() {
    for (call, error) in [(Call::Write, EIO), (Call::Sync, ENOSPC), (Call::Sync, EIO)] {
        let (dir, disk) = (LogDir::quick(), Disk::default());
        let log = open(&disk, &dir, SyncPolicy::Always).expect("a new log");
        append(&log, &[b"kept"]).expect("an append");
        disk.fail_next(call, error);
        append(&log, &[b"refused"]).expect_err("a failing call");
        for _ in 0..2 {
            assert!(matches!(log.resume(), Err(LogError::Failed { .. })), "{call:?} {error}");
            assert!(append(&log, &[b"refused"]).is_err(), "{call:?} {error}");
        }
        assert!(log.truncate_before(Offset(0)).is_err(), "{call:?} {error}");
    }
}

#[test]
fn a_sync_that_fails_while_the_disk_is_full_outweighs_it() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    let interval = SyncPolicy::Interval(Duration::from_millis(1));
    let gate = disk.hold_syncs_of_others();
    let log = open(&disk, &dir, interval).expect("a new log");
    append(&log, &[b"os"]).expect("an append");
    assert!(gate.wait_for(1), "nothing is synced in the background");
    disk.fail_next(Call::Write, ENOSPC);
    assert!(matches!(append(&log, &[b"no room"]), Err(LogError::DiskFull { .. })));
    disk.fail_next(Call::Sync, EIO);
    gate.open();
    // Closing waits for the background sync.
    let closed = log.close();
    let Err(LogError::Failed { cause }) = closed else { panic!("{closed:?}") };
    assert!(matches!(*cause, LogError::Io { .. }), "{cause}");
    assert!(log.resume().is_err());
}

#[test]
fn a_closed_log_does_not_resume() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    let log = open(&disk, &dir, SyncPolicy::Never).expect("a new log");
    disk.fail_next(Call::Write, ENOSPC);
    append(&log, &[b"no room"]).expect_err("a full disk");
    log.close().expect_err("it is latched");
    assert!(log.resume().is_err());
}
