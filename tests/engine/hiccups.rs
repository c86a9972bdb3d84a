//! Calls that are interrupted, do only half, or fail to look: what has to be repeated is repeated, and a
//! look that failed is never taken for the end of the log.

use std::fs;
use std::sync::Arc;

use proglog::log::{Log, LogConfig, LogError, LogReader, Offset, SyncPolicy, Verdict};

use crate::disk::{Call, Disk, Fault};
use crate::faults::{assert_goes_on, at_each_call};
use crate::support::{LogDir, append, assert_built, build, build_and_kill, records};
use crate::support::{small_segments, verify};

const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENOMEM: i32 = 12;

const POLICIES: [SyncPolicy; 2] = [SyncPolicy::Always, SyncPolicy::Never];

/// The calls that a file system may break off without having done anything.
const REPEATED: [Call; 3] = [Call::Write, Call::Reserve, Call::Read];

#[test]
fn an_interrupted_call_is_repeated_or_an_error() {
    for sync in POLICIES {
        at_each_call(Fault::Once(EINTR), sync, |dir, disk, told, what| {
            let is_repeated = disk.hit().is_none_or(|call| REPEATED.contains(&call));
            assert!(told.is_done || !is_repeated, "{what}: given up");
            assert_goes_on(&dir.path(), told, told.n_acknowledged, what);
        });
    }
}

#[test]
fn a_short_write_is_completed() {
    for sync in POLICIES {
        at_each_call(Fault::ShortWrite, sync, |dir, _, told, what| {
            assert!(told.is_done, "{what}: given up");
            assert_goes_on(&dir.path(), told, told.n_acknowledged, what);
        });
    }
}

#[test]
fn short_and_interrupted_reads_are_completed() {
    for fault in [Fault::ShortReads, Fault::BadLook(EINTR)] {
        at_each_call(fault, SyncPolicy::Never, |dir, disk, told, what| {
            let is_repeated = disk.hit().is_none_or(|call| REPEATED.contains(&call));
            assert!(told.is_done || !is_repeated, "{what}: given up");
            assert_goes_on(&dir.path(), told, told.n_acknowledged, what);
        });
    }
}

#[test]
fn a_failed_look_costs_nothing_that_was_acknowledged() {
    for sync in POLICIES {
        at_each_call(Fault::BadLook(EIO), sync, |dir, _, told, what| {
            assert_goes_on(&dir.path(), told, told.n_acknowledged, what);
        });
    }
}

/// A killed log is opened while one look after the other fails: either that is said, or all is there.
#[test]
fn recovery_never_takes_a_failed_look_for_the_end_of_the_log() {
    const N_RECORDS: u64 = 40;
    let config = LogConfig { sync: SyncPolicy::Always, ..small_segments() };
    for loses_indexes in [false, true] {
        let killed = build_and_kill(&config, N_RECORDS);
        if loses_indexes {
            for entry in fs::read_dir(killed.path()).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.extension().is_some_and(|kind| kind == "index") {
                    fs::remove_file(path).expect("removed");
                }
            }
        }
        for at in 0.. {
            let dir = LogDir::copy_of(&killed.path());
            let disk = Disk::with_fault(at, Fault::BadLook(EIO));
            let what = || format!("{at}: {:?}", disk.hit());
            match Log::open_on(Arc::new(disk.clone()), &dir.path(), config.clone()) {
                Ok(log) => {
                    assert_eq!(log.next_offset(), Offset(N_RECORDS), "{}", what());
                    assert!(log.refusal().is_none(), "{}: {:?}", what(), log.recovery());
                    assert_eq!(log.recovery().torn_tails, [], "{}", what());
                }
                Err(LogError::Io { .. }) => {}
                Err(error) => panic!("{}: not a failed call: {error}", what()),
            }
            assert_all_there(&dir, N_RECORDS, &what());
            if disk.hit().is_none() {
                assert!(at > 10, "only {at} looks");
                println!("{at} looks failed while opening: 0 lost, 0 wrong");
                break;
            }
        }
    }
}

fn assert_all_there(dir: &LogDir, n_records: u64, what: &str) {
    let log = Log::open(&dir.path(), small_segments()).expect(what);
    assert!(log.refusal().is_none(), "{what}: {:?}", log.recovery());
    assert_built(&records(log.scan(Offset(0)).expect(what)).expect(what), 0, n_records);
    drop(log);
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound, "{what}");
}

/// The entries come behind the sync, so by then the records are on the device. But who appended them
/// wasn't told, so nobody may see them before the log is opened anew.
#[test]
fn an_index_that_can_not_be_mapped_latches_the_log() {
    let (dir, disk) = (LogDir::quick(), Disk::default());
    let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), LogConfig::default());
    let log = log.expect("a new log");
    disk.fail_next(Call::Map, ENOMEM);
    let failed = append(&log, &[b"not acknowledged"]);
    assert!(matches!(failed, Err(LogError::Io { .. })), "{failed:?}");
    assert!(failed.is_err_and(|error| error.to_string().contains("0.index")));
    let refused = append(&log, &[b"nor this"]);
    assert!(matches!(refused, Err(LogError::Failed { .. })), "{refused:?}");
    assert_eq!(log.next_offset(), Offset(0), "it can be seen");
    drop(log);
    let log = Log::open(&dir.path(), LogConfig::default()).expect("a log");
    assert!(log.refusal().is_none() && log.next_offset() <= Offset(1), "{:?}", log.recovery());
    append(&log, &[b"goes on"]).expect("an append");
}

/// The index is only the shorter way to a record.
#[test]
fn a_record_is_read_without_the_index_where_it_can_not_be_mapped() {
    let dir = build(&small_segments(), 40);
    let disk = Disk::default();
    let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), small_segments());
    let log = log.expect("a log");
    for offset in 0..40 {
        disk.fail_next(Call::Map, ENOMEM);
        let record = log.read(Offset(offset)).expect("a record");
        assert_built(&[record], offset, offset + 1);
    }
}

/// Beside a writer, what can't be read is an error and not the end, and the next look works.
#[test]
fn a_reader_says_that_it_can_not_read() {
    let dir = build(&small_segments(), 40);
    for at in 0.. {
        let disk = Disk::with_fault(at, Fault::BadLook(EIO));
        let look = || {
            let reader = LogReader::open_on(Arc::new(disk.clone()), &dir.path())?;
            assert_eq!(reader.next_offset(), Offset(40), "{at}: {:?}", disk.hit());
            assert_built(&records(reader.scan(Offset(0))?)?, 0, 40);
            Ok(())
        };
        match look() {
            Ok(()) => {}
            Err(LogError::Io { .. }) => look().expect("the next look works"),
            Err(error) => panic!("{at}: {:?}: not a failed call: {error}", disk.hit()),
        }
        if disk.hit().is_none() {
            assert!(at > 10, "only {at} looks");
            return;
        }
    }
}
