//! Threads at one log, interleaved in every way that a scheduler comes upon: `.ci/shuttle`.
//!
//! Built only with the feature `shuttle`, where the log's locks and atomics are the scheduler's. What it
//! can't show are effects of weak memory: everything is sequentially consistent.
#![cfg(feature = "shuttle")]

mod failing;
#[path = "../engine/memory.rs"]
#[allow(dead_code, reason = "it has more than is needed here")]
mod memory;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use failing::Failing;
use memory::Memory;
use proglog::log::fs::FileSystem;
use proglog::log::{Append, Appended, Log, LogConfig, LogError, NewRecord, Offset, SyncPolicy};
use shuttle::thread;

const BATCH: u64 = 3;

fn config() -> LogConfig {
    LogConfig { sync: SyncPolicy::Always, segment_bytes: 1024, ..LogConfig::default() }
}

fn open(fs: impl FileSystem + 'static, config: LogConfig) -> Arc<Log> {
    Arc::new(Log::open_on(Arc::new(fs), Path::new("/log"), config).expect("a log"))
}

/// Values that say who appended them.
fn values(thread: u64, number: u64) -> Vec<Vec<u8>> {
    (0..BATCH).map(|place| format!("{thread} {number} {place} {:0200}", 0).into_bytes()).collect()
}

fn append(log: &Log, values: &[Vec<u8>]) -> Result<Appended, LogError> {
    let records: Vec<NewRecord<'_>> = values.iter().map(|value| NewRecord::new(value)).collect();
    log.append(&Append::new(&records))
}

fn assert_holds(log: &Log, appended: &Appended, values: &[Vec<u8>]) {
    for (offset, value) in (appended.first_offset.0..).zip(values) {
        assert_eq!(log.read(Offset(offset)).expect("an acknowledged record").value, *value);
    }
}

/// Tries schedules of both kinds that shuttle has, and says how many.
fn explore(name: &str, scenario: impl Fn() + Send + Sync + 'static) {
    let n_schedules = std::env::var("PROGLOG_SCHEDULES").ok();
    let n_schedules = n_schedules.map_or(300, |n| n.parse().expect("a number of schedules"));
    let (scenario, n_run) = (Arc::new(scenario), Arc::new(AtomicU64::new(0)));
    let counted = || {
        let (scenario, n_run) = (Arc::clone(&scenario), Arc::clone(&n_run));
        move || {
            scenario();
            n_run.fetch_add(1, Ordering::Relaxed);
        }
    };
    shuttle::check_random(counted(), n_schedules);
    shuttle::check_pct(counted(), n_schedules, 3);
    println!("{name}: {} schedules", n_run.load(Ordering::Relaxed));
}

fn appenders(log: &Arc<Log>, n_threads: u64, n_each: u64) -> Vec<thread::JoinHandle<()>> {
    let appender = |thread| {
        let log = Arc::clone(log);
        thread::spawn(move || {
            for number in 0..n_each {
                let values = values(thread, number);
                let appended = append(&log, &values).expect("an append");
                assert_eq!(appended.last_offset.0 - appended.first_offset.0, BATCH - 1);
                assert_holds(&log, &appended, &values);
            }
        })
    };
    (0..n_threads).map(appender).collect()
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("a thread that ends well"));
}

#[test]
fn each_append_is_answered_once_and_offsets_are_dense() {
    explore("appends", || {
        let log = open(Memory::default(), config());
        join(appenders(&log, 4, 2));
        assert_eq!(log.next_offset(), Offset(4 * 2 * BATCH));
        log.close().expect("closed");
    });
}

#[test]
fn nobody_waits_for_ever_for_room() {
    explore("a full queue", || {
        let log = open(Memory::default(), LogConfig { max_waiting_bytes: 1, ..config() });
        join(appenders(&log, 4, 2));
        assert_eq!(log.next_offset(), Offset(4 * 2 * BATCH));
    });
}

#[test]
fn who_is_told_busy_has_appended_nothing() {
    explore("busy", || {
        let log = open(Memory::default(), LogConfig { max_waiting_bytes: 1, ..config() });
        let n_appended = Arc::new(AtomicU64::new(0));
        let trier = |_| {
            let (log, n_appended) = (Arc::clone(&log), Arc::clone(&n_appended));
            thread::spawn(move || match log.try_append(&Append::new(&[NewRecord::new(b"value")])) {
                Ok(_) => drop(n_appended.fetch_add(1, Ordering::SeqCst)),
                Err(LogError::Busy { .. }) => {}
                Err(error) => panic!("{error}"),
            })
        };
        join((0..4).map(trier).collect());
        assert_eq!(log.next_offset(), Offset(n_appended.load(Ordering::SeqCst)));
    });
}

#[test]
fn readers_see_whole_batches_and_all_below_the_next_offset() {
    explore("readers", || {
        let log = open(Memory::default(), config());
        let reader = {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for _ in 0..4 {
                    let next = log.next_offset();
                    assert!(next.0.is_multiple_of(BATCH), "half a batch: {next}");
                    (0..next.0).for_each(|offset| drop(log.read(Offset(offset)).expect("there")));
                    let mut scan = log.scan(Offset(0)).expect("a scan");
                    while let Some(record) = scan.next_record() {
                        record.expect("a sound record");
                    }
                    assert!(scan.position() >= next, "the scan ends at {}", scan.position());
                }
            })
        };
        join(appenders(&log, 2, 2));
        join(vec![reader]);
    });
}

#[test]
fn truncation_hides_nothing_that_is_kept() {
    explore("truncation", || {
        let log = open(Memory::default(), config());
        join(appenders(&log, 1, 3));
        let reader = {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for _ in 0..3 {
                    let lowest = log.lowest_offset();
                    match log.read(lowest) {
                        Ok(_) => {}
                        Err(LogError::OutOfRange { lowest: now, .. }) => assert!(now > lowest),
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        };
        let next = log.next_offset();
        assert!(log.truncate_before(next).expect("truncated") > Offset(0));
        join(vec![reader]);
    });
}

#[test]
fn waiting_for_a_record_or_the_end_never_misses_it() {
    explore("waiting", || {
        let log = open(Memory::default(), config());
        let waiter = |offset| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                let is_there = log.wait_for(Offset(offset), Duration::MAX);
                assert_eq!(is_there, offset < BATCH, "offset {offset}");
            })
        };
        let waiters = [0, 2, BATCH].map(waiter);
        append(&log, &values(0, 0)).expect("an append");
        log.close().expect("closed");
        join(waiters.into());
    });
}

#[test]
fn after_a_failed_sync_everybody_is_told() {
    explore("failures", || {
        let log = open(Failing::after(Memory::default(), 2), config());
        let appender = |thread| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                let mut has_failed = false;
                for number in 0..3 {
                    let values = values(thread, number);
                    match append(&log, &values) {
                        Ok(appended) => {
                            assert!(!has_failed, "acknowledged after a failure");
                            assert_holds(&log, &appended, &values);
                        }
                        Err(LogError::Io { .. } | LogError::Failed { .. }) => has_failed = true,
                        Err(error) => panic!("{error}"),
                    }
                }
                assert!(has_failed);
            })
        };
        join((0..3).map(appender).collect());
        assert!(log.refusal().is_some());
    });
}
