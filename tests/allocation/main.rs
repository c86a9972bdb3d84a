//! Appending and scanning allocate nothing once they are under way; a read allocates what it returns.
//!
//! A test binary of its own with one test, since all threads of the process are counted.

use std::alloc::System;
use std::sync::Arc;

use proglog::log::{Append, Log, LogConfig, NewRecord, Offset, SyncPolicy};
use proglog::service::{self, ProgressNote};
use proglog::telemetry::Metrics;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RECORD_BYTES: usize = 1000;

/// How many allocations `work` makes.
fn n_allocations(work: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

fn open(dir: &tempfile::TempDir, sync: SyncPolicy) -> Log {
    open_with(dir, LogConfig { sync, ..LogConfig::default() })
}

fn open_with(dir: &tempfile::TempDir, config: LogConfig) -> Log {
    Log::open(&dir.path().join("log"), config).expect("a log")
}

fn append(log: &Log, n_batches: usize, batch: &[NewRecord<'_>]) {
    for _ in 0..n_batches {
        log.append(&Append::new(batch)).expect("an append");
    }
}

fn appends(sync: SyncPolicy) {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir, sync);
    let value = [7; RECORD_BYTES];
    let batch = [NewRecord::new(&value); 100];
    append(&log, 20, &batch);
    append(&log, 20, &batch[..1]);
    assert_eq!(n_allocations(|| append(&log, 30, &batch)), 0, "batches, {sync:?}");
    assert_eq!(n_allocations(|| append(&log, 100, &batch[..1])), 0, "alone, {sync:?}");
}

fn observed_appends() {
    let dir = tempfile::tempdir().expect("a directory");
    let observer = Some(service::observer(&Arc::new(Metrics::new()), ProgressNote::default()));
    let log = open_with(&dir, LogConfig { observer, ..LogConfig::default() });
    let batch = [NewRecord::new(&[7; RECORD_BYTES])];
    append(&log, 20, &batch);
    assert_eq!(n_allocations(|| append(&log, 100, &batch)), 0, "observed by metrics");
}

fn scans_and_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = open(&dir, SyncPolicy::Never);
    let value = [7; RECORD_BYTES];
    append(&log, 300, &[NewRecord::new(&value); 100]);

    let mut scan = log.scan(Offset(0)).expect("a scan");
    let mut take = |n_records: usize| {
        for _ in 0..n_records {
            let record = scan.next_record().expect("a record").expect("a sound one");
            assert_eq!(record.value, value);
        }
    };
    take(8000);
    // If this machine has the processors for it, the store is read ahead: a thread that may start late, and
    // allocates when it does.
    let n_each = [(); 2].map(|()| n_allocations(|| take(10_000)));
    assert!(n_each.contains(&0), "scan: {n_each:?}");

    // Makes room for a frame that is at least as long.
    log.read(Offset(29_999)).expect("a record");
    let read = || drop(log.read(Offset(12_345)).expect("a record"));
    assert_eq!(n_allocations(read), 1, "read: the value alone");
}

#[test]
fn nothing_is_allocated_in_the_steady_state() {
    [SyncPolicy::Never, SyncPolicy::Always].into_iter().for_each(appends);
    observed_appends();
    scans_and_reads();
    // The counter counts.
    assert_eq!(n_allocations(|| drop(Box::new(1))), 1);
}
