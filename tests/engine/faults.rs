//! Every call that changes something fails once, or the disk is full from it on, or the power goes:
//! what was acknowledged is there, before and after a new open.

use std::path::Path;
use std::sync::Arc;

use proglog::log::{
    CommitPolicy, Durability, Log, LogConfig, LogError, Offset, SyncPolicy, Verdict,
};

use crate::disk::{Call, Disk, Fault};
use crate::leftovers::Survives;
use crate::support::{LogDir, append, records, small_segments, verify};

/// What a run of the program below has tried and been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The value tried for each offset.
    tried: Vec<Vec<u8>>,
    /// How many were acknowledged, and how many of them as being on the device.
    pub(crate) n_acknowledged: usize,
    n_durable: usize,
    /// Records below it may be gone, since it was asked for that.
    truncated_before: u64,
    /// Whether all went well up to the end.
    pub(crate) is_done: bool,
}

impl Told {
    /// What a log may say that it holds. If it can't be read, that's an error that says so.
    fn assert_is(&self, log: &Log, n_promised: usize, what: &str) -> Result<(), LogError> {
        let (lowest, next) = (log.lowest_offset().0, log.next_offset().0);
        assert!(lowest <= self.truncated_before, "{what}: {lowest} is the lowest");
        assert!(next >= n_promised as u64, "{what}: {next} of {n_promised} are left");
        assert!(next <= self.tried.len() as u64, "{what}: {next} are more than were tried");
        let seen = records(log.scan(Offset(lowest))?)?;
        assert_eq!(seen.len() as u64, next - lowest, "{what}");
        for record in seen {
            assert!(record.value == self.tried[record.offset.0 as usize], "{what}: {record:?}");
        }
        Ok(())
    }

    /// The same of the log that is open: a read that fails, fails clearly and only once.
    fn assert_is_now(&self, log: &Log) {
        const WHAT: &str = "while it is open";
        if let Err(error) = self.assert_is(log, self.n_acknowledged, WHAT) {
            assert!(matches!(error, LogError::Io { .. }), "not a failed call: {error}");
            self.assert_is(log, self.n_acknowledged, WHAT).expect("the next read works");
        }
    }

    fn append(&mut self, log: &Log, sizes: &[usize]) -> Result<(), LogError> {
        let value = |size: &usize| {
            let text = format!("{} of {size}.", self.tried.len()).into_bytes();
            text.into_iter().cycle().take(*size).collect::<Vec<u8>>()
        };
        let values: Vec<Vec<u8>> = sizes.iter().map(value).collect();
        let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let result = append(log, &slices);
        if result.is_err() && log.refusal().is_none() {
            // Refused before anything was written: the next batch gets these offsets.
            return Ok(());
        }
        self.tried.extend(values.iter().cloned());
        if let Ok(appended) = result {
            self.n_acknowledged = self.tried.len();
            if appended.durability == Durability::Fsync {
                self.n_durable = self.tried.len();
            }
        }
        log.refusal().map_or(Ok(()), Err)
    }
}

/// Batches of several sizes, over several segments.
const BATCHES: [&[usize]; 9] =
    [&[5], &[40, 0, 300], &[700], &[2000], &[1, 2, 3, 4], &[600, 600], &[9], &[1100], &[30]];

/// Appends, rolls, truncates, closes, opens again and appends on, until something fails.
fn run(disk: &Disk, dir: &Path, config: &LogConfig) -> Told {
    let mut told = Told::default();
    told.is_done = run_until_failure(disk, dir, config, &mut told).is_ok();
    told
}

fn run_until_failure(
    disk: &Disk,
    dir: &Path,
    config: &LogConfig,
    told: &mut Told,
) -> Result<(), LogError> {
    for _ in 0..2 {
        let log = Log::open_on(Arc::new(disk.clone()), dir, config.clone())?;
        for sizes in BATCHES {
            let appended = told.append(&log, sizes);
            told.assert_is_now(&log);
            appended?;
        }
        told.truncated_before = told.tried.len().saturating_sub(8) as u64;
        log.truncate_before(Offset(told.truncated_before))?;
        log.close()?;
        told.n_durable = told.n_acknowledged;
    }
    Ok(())
}

fn config(sync: SyncPolicy) -> LogConfig {
    LogConfig { sync, ..small_segments() }
}

/// Opens what is left, on a disk that works: nothing that was promised is missing, and it goes on.
pub(crate) fn assert_goes_on(dir: &Path, told: &Told, n_promised: usize, what: &str) {
    if dir.exists() {
        let report = verify(dir);
        assert_ne!(report.verdict(), Verdict::Damaged, "{what}: {:?}", report.findings);
    }
    let log = Log::open(dir, config(SyncPolicy::Never)).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(log.refusal().is_none(), "{what}: {:?}", log.recovery());
    told.assert_is(&log, n_promised, what).expect(what);
    let next = log.next_offset();
    assert_eq!(append(&log, &[b"goes on"]).expect(what).first_offset, next, "{what}");
    log.close().expect(what);
    drop(log);
    let report = verify(dir);
    assert_eq!(report.verdict(), Verdict::Sound, "{what}: {:?}", report.findings);
}

/// Runs the program with the fault at one call after the other, until the program doesn't get to it.
pub(crate) fn at_each_call(
    fault: Fault,
    sync: SyncPolicy,
    check: impl Fn(&LogDir, &Disk, &Told, &str),
) {
    for at in 0.. {
        let (dir, disk) = (LogDir::quick(), Disk::with_fault(at, fault));
        let told = run(&disk, &dir.path(), &config(sync));
        let what = format!("{fault:?} at {:?} {at} with {sync:?}", disk.hit());
        check(&dir, &disk, &told, &what);
        if disk.hit().is_none() {
            assert!(told.is_done && at > 10, "{what}: {} acknowledged", told.n_acknowledged);
            println!("{at} calls met {fault:?} with {sync:?}: 0 lost, 0 wrong");
            return;
        }
    }
}

const EIO: i32 = 5;

#[test]
fn a_failed_call_costs_nothing_that_was_acknowledged() {
    for sync in [SyncPolicy::Always, SyncPolicy::Never] {
        at_each_call(Fault::Once(EIO), sync, |dir, _, told, what| {
            assert_goes_on(&dir.path(), told, told.n_acknowledged, what);
        });
    }
}

#[test]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    for sync in [SyncPolicy::Always, SyncPolicy::Never] {
        at_each_call(Fault::Full, sync, |dir, _, told, what| {
            assert_goes_on(&dir.path(), told, told.n_acknowledged, what);
        });
    }
}

/// The power goes before each call in turn, and less or more of what wasn't synced survives it.
fn at_each_power_cut(sync: SyncPolicy, check: impl Fn(&LogDir, &Told, &str)) {
    at_each_call(Fault::PowerCut, sync, |dir, disk, told, what| {
        let Some(leftovers) = disk.leftovers() else { return };
        let some = (0..6).map(|seed| Survives::Some(seed * 0x51_7CC1 + told.tried.len() as u64));
        for survives in [Survives::Synced, Survives::Everything].into_iter().chain(some) {
            let after = LogDir::quick();
            leftovers.lay_out(dir.parent(), after.parent(), survives);
            check(&after, told, &format!("{what}, {survives:?}"));
        }
    });
}

#[test]
fn a_power_cut_costs_nothing_that_was_acknowledged_as_synced() {
    at_each_power_cut(SyncPolicy::Always, |after, told, what| {
        assert_eq!(told.n_durable, told.n_acknowledged, "{what}");
        assert_goes_on(&after.path(), told, told.n_durable, what);
    });
}

#[test]
fn a_power_cut_without_syncs_leaves_a_whole_beginning() {
    at_each_power_cut(SyncPolicy::Never, |after, told, what| {
        assert_goes_on(&after.path(), told, told.n_durable, what);
    });
}

#[test]
fn the_disk_finds_a_program_that_does_not_sync() {
    let mut n_lost = 0;
    for at in 0..60 {
        let disk = Disk::with_fault(at, Fault::PowerCut).forgetting_syncs();
        let dir = LogDir::quick();
        let told = run(&disk, &dir.path(), &config(SyncPolicy::Always));
        let after = LogDir::quick();
        let leftovers = disk.leftovers().expect("a cut");
        leftovers.lay_out(dir.parent(), after.parent(), Survives::Synced);
        let log = Log::open(&after.path(), config(SyncPolicy::Always)).expect("a log");
        n_lost += usize::from(log.next_offset().0 < told.n_acknowledged as u64);
    }
    assert!(n_lost > 10, "only {n_lost} cuts lost something");
}

#[test]
fn after_a_failed_write_or_sync_nothing_is_appended_until_a_new_open() {
    let mut n_latched = 0;
    for at in 0..40 {
        let (dir, disk) = (LogDir::quick(), Disk::with_fault(at, Fault::Once(EIO)));
        let opened = Log::open_on(Arc::new(disk.clone()), &dir.path(), config(SyncPolicy::Always));
        let Ok(log) = opened else { continue };
        let Err(first) = (0..20).try_for_each(|_| append(&log, &[&[7; 100]]).map(drop)) else {
            continue;
        };
        if !matches!(disk.hit(), Some(Call::Write | Call::Sync)) {
            continue;
        }
        assert!(matches!(first, LogError::Io { .. }), "{first}");
        let second = append(&log, &[b"again"]);
        assert!(matches!(second, Err(LogError::Failed { .. })), "{second:?}");
        let grown = log.next_offset();
        // Whoever didn't look at the appends is told at the end.
        let closed = log.close();
        assert!(matches!(closed, Err(LogError::Failed { .. })), "{closed:?}");
        log.close().expect("told once");
        assert_eq!(log.next_offset(), grown);
        n_latched += 1;
    }
    assert!(n_latched > 5, "only {n_latched} were latched");
}

#[test]
fn undoing_the_newest_survives_a_failure_of_each_call() {
    let config = LogConfig { commit: CommitPolicy::Explicit, ..config(SyncPolicy::Always) };
    for at in 0.. {
        let (dir, disk) = (LogDir::quick(), Disk::with_fault(at, Fault::PowerCut));
        let mut n_kept = None;
        let mut undo = || -> Result<(), LogError> {
            let log = Log::open_on(Arc::new(disk.clone()), &dir.path(), config.clone())?;
            for number in 0..30_u8 {
                append(&log, &[&[number; 100]])?;
            }
            n_kept = Some(11);
            log.truncate_after(Offset(11))?;
            append(&log, &[b"instead"])?;
            n_kept = None;
            Ok(())
        };
        let result = undo();
        let Some(leftovers) = disk.leftovers() else {
            assert!(result.is_ok() && at > 60, "{at}: {result:?}");
            return;
        };
        let Some(n_kept) = n_kept else { continue };
        for survives in [Survives::Synced, Survives::Everything, Survives::Some(at)] {
            let after = LogDir::quick();
            leftovers.lay_out(dir.parent(), after.parent(), survives);
            let log = Log::open(&after.path(), config.clone()).expect("a log");
            assert!(log.refusal().is_none(), "{at} {survives:?}: {:?}", log.recovery());
            assert!(log.next_offset() >= Offset(n_kept), "{at} {survives:?}: committed are gone");
            for record in records(log.scan(Offset(0)).expect("a scan")).expect("records") {
                let is_old = record.value == [record.offset.0 as u8; 100];
                let is_new = record.offset == Offset(11) && record.value == b"instead";
                assert!(is_old || is_new, "{at} {survives:?}: {record:?}");
            }
        }
    }
}
