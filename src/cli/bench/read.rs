//! `proglog bench read`: fills a log of its own, then reads it in order and at random.

use std::path::Path;

use clap::Args;

use super::report::Comparison;
use super::workload::{Measured, Random, Stop, Workload, measure, on_threads};
use super::{CallArgs, SizeArgs, floor};
use crate::log::{Append, Log, LogConfig, LogReader, NewRecord, Offset, SyncPolicy};

/// Read records of a new log
#[derive(Args, Clone, Debug)]
pub(crate) struct ReadBenchArgs {
    #[command(flatten)]
    pub(crate) size: SizeArgs,

    #[command(flatten)]
    pub(crate) calls: CallArgs,
}

/// How many records unless the user says otherwise.
pub(crate) const DEFAULT_RECORDS: u64 = 100_000;

/// About so many bytes go down in one append while the log is filled.
const FILL_BYTES: u64 = 1 << 20;

/// Records that count as one step of the sequential read: one alone is too short to be timed.
pub(crate) const STEP_RECORDS: u64 = 100;

/// Does it in `dir`.
pub(crate) fn run(
    workload: &Workload,
    dir: &Path,
    stop: Stop<'_>,
) -> anyhow::Result<Vec<Comparison>> {
    let (log_dir, floor_path) = (dir.join("log"), dir.join("floor"));
    fill(&log_dir, workload, stop)?;
    floor::append(&floor_path, workload, false, stop)?;
    let log = LogReader::open(&log_dir)?;
    let sequential = Comparison {
        name: "sequential",
        floor_is: "a plain file read through a buffer of 64 KiB; latencies are of 100 records",
        log: read_all(&log, workload, stop)?,
        floor: floor::read_all(&floor_path, workload, stop)?,
    };
    let threads = workload.threads;
    let random = Comparison {
        name: "random",
        floor_is: "one read at a known position of a plain file",
        log: on_threads(threads, |thread| read_random(&log, workload, thread, stop))?,
        floor: on_threads(threads, |thread| {
            floor::read_random(&floor_path, workload, thread, stop)
        })?,
    };
    Ok(vec![sequential, random])
}

fn fill(dir: &Path, workload: &Workload, stop: Stop<'_>) -> anyhow::Result<()> {
    let config = LogConfig {
        sync: SyncPolicy::Never,
        max_record_bytes: LogConfig::default().max_record_bytes.max(workload.record_bytes),
        ..LogConfig::default()
    };
    let log = Log::open(dir, config)?;
    let value = workload.value();
    let batch = (FILL_BYTES / workload.record_bytes.max(64)).max(1);
    let records = vec![NewRecord::new(&value); usize::try_from(batch)?];
    let mut left = workload.n_records;
    while left > 0 {
        let n_records = batch.min(left);
        let records = &records[..n_records as usize];
        log.append(&Append { records, ..Append::default() })?;
        left -= n_records;
        stop.check()?;
    }
    log.close()?;
    Ok(())
}

fn read_all(log: &LogReader, workload: &Workload, stop: Stop<'_>) -> anyhow::Result<Measured> {
    let mut scan = log.scan(Offset(0))?;
    measure(workload.record_bytes, stop, || {
        let mut n_records = 0;
        while n_records < STEP_RECORDS {
            let Some(record) = scan.next_record() else { break };
            std::hint::black_box(record?.value);
            n_records += 1;
        }
        Ok(n_records)
    })
}

fn read_random(
    log: &LogReader,
    workload: &Workload,
    thread: u64,
    stop: Stop<'_>,
) -> anyhow::Result<Measured> {
    let mut random = Random::new(thread + 1);
    let mut share = workload.share_of(thread);
    measure(workload.record_bytes, stop, || {
        if share.next().is_none() {
            return Ok(0);
        }
        std::hint::black_box(log.read(Offset(random.below(workload.n_records)))?.value);
        Ok(1)
    })
}
