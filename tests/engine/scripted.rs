//! A short life of a log in memory: all that is shared is the program's, so that a sanitizer sees it
//! (`.ci/sanitize`).

use std::path::Path;
use std::sync::Arc;
use std::thread;

use proglog::log::{Append, CommitPolicy, Log, LogConfig, LogError, NewRecord, Offset, SyncPolicy};
use proglog::log::{Verdict, verify_on};

use crate::memory::Memory;
use crate::support::{records, values};

const DIR: &str = "/log";
const N_THREADS: u64 = 2;
const N_BATCHES: u64 = 2;

fn open(memory: &Memory) -> Log {
    let (sync, commit) = (SyncPolicy::Always, CommitPolicy::Explicit);
    let config = LogConfig { segment_bytes: 4096, sync, commit, ..LogConfig::default() };
    Log::open_on(Arc::new(memory.clone()), Path::new(DIR), config).expect("a log")
}

fn append(log: &Log, value: &str) -> Offset {
    let batch = [NewRecord::new(value.as_bytes()), NewRecord::new(b"its companion")];
    log.append(&Append::new(&batch)).expect("an append").first_offset
}

#[test]
fn threads_share_a_log_that_is_undone_closed_and_opened_again() {
    let memory = Memory::default();
    let log = open(&memory);
    thread::scope(|scope| {
        for thread in 0..N_THREADS {
            let log = &log;
            scope.spawn(move || {
                for batch in 0..N_BATCHES {
                    let value = format!("batch {batch} of thread {thread}, {:040}", 0);
                    let offset = append(log, &value);
                    assert_eq!(log.read(offset).expect("its record").value, value.as_bytes());
                }
            });
        }
        let scan = log.scan(Offset(0)).expect("a scan");
        assert!(records(scan).expect("records").len().is_multiple_of(2), "half a batch");
    });
    let next = log.next_offset();
    assert_eq!(next, Offset(2 * N_THREADS * N_BATCHES));
    log.truncate_after(Offset(next.0 - 3)).expect("undone");
    append(&log, "instead");
    log.close().expect("closed");
    drop(log);
    let log = open(&memory);
    let all = records(log.scan(Offset(0)).expect("a scan")).expect("records");
    assert_eq!(values(&all)[next.0 as usize - 3..], [&b"instead"[..], b"its companion"]);
    drop(log);
    let report = verify_on(Arc::new(memory), Path::new(DIR), &|_| {}).expect("a report");
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
}

/// Nothing orders these reads and the entries that are taken back, but that both are atomic.
#[test]
fn records_are_read_while_they_are_undone() {
    let log = open(&Memory::default());
    for _ in 0..2 {
        append(&log, "stays or comes again");
    }
    let values = [&b"stays or comes again"[..], b"its companion"];
    thread::scope(|scope| {
        scope.spawn(|| {
            for offset in (0..4).cycle().take(100) {
                match log.read(Offset(offset)) {
                    Ok(record) => assert_eq!(record.value, values[offset as usize % 2]),
                    Err(LogError::OutOfRange { .. }) => assert!(offset >= 2),
                    Err(error) => panic!("{offset}: {error}"),
                }
            }
        });
        for _ in 0..25 {
            log.truncate_after(Offset(2)).expect("undone");
            append(&log, "stays or comes again");
        }
    });
}
