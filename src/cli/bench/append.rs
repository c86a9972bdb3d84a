//! `proglog bench append`: appends to a log of its own, then the same to a plain file.

use std::path::Path;

use clap::Args;

use super::floor;
use super::report::Comparison;
use super::workload::{Measured, Stop, Workload, measure, on_threads};
use super::{CallArgs, SizeArgs, TITLE_OF_APPEND};
use crate::cli::log_args::LogArgs;
use crate::log::{Append, Log, NewRecord, SyncPolicy};
use crate::text::values::parse_positive;

/// Append records to a new log
#[derive(Args, Clone, Debug)]
pub(crate) struct AppendBenchArgs {
    #[command(flatten)]
    pub(crate) size: SizeArgs,

    /// Records in one append
    #[arg(long, env = "PROGLOG_BATCH", value_name = "N", default_value = "1")]
    #[arg(value_parser = parse_positive)]
    pub(crate) batch: u64,

    #[command(flatten)]
    pub(crate) calls: CallArgs,

    /// Call the server at this address, over HTTP
    #[arg(long, env = "PROGLOG_HTTP", value_name = "HOST:PORT", conflicts_with = "server")]
    pub(crate) http: Option<String>,

    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// How many records unless the user says otherwise: a few seconds on a slow disk.
pub(crate) const DEFAULT_RECORDS: u64 = 10_000;

/// Does it in `dir`.
pub(crate) fn run(
    args: &AppendBenchArgs,
    workload: &Workload,
    dir: &Path,
    stop: Stop<'_>,
) -> anyhow::Result<Vec<Comparison>> {
    let log = Log::open(&dir.join("log"), args.log.to_config())?;
    let measured = on_threads(workload.threads, |thread| append(&log, workload, thread, stop));
    let closed = log.close();
    let measured = measured?;
    closed?;
    let syncs = args.log.fsync == SyncPolicy::Always;
    let floor_is = if syncs {
        "one thread that writes each call's records to a plain file and fdatasyncs it"
    } else {
        "one thread that writes to a plain file through a buffer of 64 KiB and never syncs it"
    };
    let floor = floor::append(&dir.join("floor"), workload, syncs, stop)?;
    Ok(vec![Comparison { name: TITLE_OF_APPEND, floor_is, log: measured, floor }])
}

fn append(log: &Log, workload: &Workload, thread: u64, stop: Stop<'_>) -> anyhow::Result<Measured> {
    let value = workload.value();
    let record = NewRecord::new(&value);
    let share = workload.share_of(thread);
    let mut left = share.end - share.start;
    let records = vec![record; usize::try_from(workload.batch.min(left))?];
    measure(workload.record_bytes, stop, || {
        let n_records = workload.batch.min(left);
        if n_records > 0 {
            let records = &records[..n_records as usize];
            log.append(&Append { records, ..Append::default() })?;
        }
        left -= n_records;
        Ok(n_records)
    })
}
