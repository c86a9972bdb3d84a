//! `proglog bench`: what the user's own disk gives, the log beside a plain file in the same run; or what
//! a server gives, one client beside many.

mod append;
mod floor;
mod histogram;
mod read;
mod report;
mod scratch_dir;
mod server;
mod workload;

use std::io::Write;

use clap::{Args, Subcommand};

use self::append::AppendBenchArgs;
use self::read::ReadBenchArgs;
use self::report::BenchReport;
use self::scratch_dir::ScratchDir;
use self::server::{ServerBench, Service};
use self::workload::{Stop, Workload};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::output::counted;
use super::signals::stop_flag;
use crate::log::SyncPolicy;
use crate::text::values::{parse_bytes, parse_positive};

const TITLE_OF_APPEND: &str = "append";

const DETAILS: &str = "\
Works in a directory of its own, beside the log directory (in it, if it isn't a log), and removes it
afterwards. No existing log is touched.

With --server or --http it calls a server instead, once a record: first as one client, with a tenth of
the records, then as many. What is appended stays in the server's log.

Examples:
  proglog bench append
  proglog bench append --threads 16 --size 100B
  proglog bench append --fsync never --batch 100 --records 1000000
  proglog --dir /mnt/disk bench read --bytes 4GiB
  proglog bench append --server localhost:8400
  proglog bench append --http localhost:8080 --clients 16";

/// Measure this disk: the log beside a plain file
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand, Clone, Debug)]
enum Work {
    Append(AppendBenchArgs),
    Read(ReadBenchArgs),
}

/// How much work.
#[derive(Args, Clone, Debug)]
pub(crate) struct SizeArgs {
    /// Records to append or read [default: 10000 to append, 100000 to read]
    #[arg(long, env = "PROGLOG_RECORDS", value_name = "N", conflicts_with = "bytes")]
    #[arg(value_parser = parse_positive)]
    records: Option<u64>,

    /// As many records as make this size
    #[arg(long, env = "PROGLOG_BYTES", value_name = "SIZE", value_parser = parse_bytes)]
    bytes: Option<u64>,

    /// Size of a record's value
    #[arg(long, env = "PROGLOG_SIZE", value_name = "SIZE", default_value = "1KiB")]
    #[arg(value_parser = parse_bytes)]
    size: u64,

    /// Threads that work at once
    #[arg(long, env = "PROGLOG_THREADS", value_name = "N", default_value = "1")]
    #[arg(value_parser = parse_positive)]
    threads: u64,
}

impl SizeArgs {
    fn n_records(&self, default_records: u64) -> u64 {
        let by_bytes = self.bytes.map(|bytes| bytes.div_ceil(self.size.max(1)));
        by_bytes.or(self.records).unwrap_or(default_records)
    }

    fn workload(&self, default_records: u64, batch: u64) -> Result<Workload, Failure> {
        let n_records = self.n_records(default_records);
        if self.threads > n_records {
            return Err(Failure::usage(format!(
                "{} can't share {}: use --records",
                counted(self.threads, "thread"),
                counted(n_records, "record")
            )));
        }
        let (record_bytes, threads) = (self.size, self.threads);
        Ok(Workload { n_records, record_bytes, batch, threads })
    }
}

/// A server instead of a directory.
#[derive(Args, Clone, Debug)]
pub(crate) struct CallArgs {
    /// Call the server at this address, over gRPC
    #[arg(long, env = "PROGLOG_SERVER", value_name = "HOST:PORT")]
    server: Option<String>,

    /// Clients that call a server at once, beside a run of one alone
    #[arg(long, env = "PROGLOG_CLIENTS", value_name = "N", default_value = "64")]
    #[arg(value_parser = parse_positive)]
    clients: u64,
}

impl BenchArgs {
    /// Takes this machine's disk, though a server is known.
    pub(crate) fn forget_server(&mut self) {
        match &mut self.work {
            Work::Append(args) => (args.calls.server, args.http) = (None, None),
            Work::Read(args) => args.calls.server = None,
        }
    }

    /// What is asked of a server, if one is to be.
    fn of_server(&self) -> Option<ServerBench<'_>> {
        let (size, calls, service, default_records) = match &self.work {
            Work::Append(args) => {
                let grpc = args.calls.server.as_deref().map(Service::Produce);
                let service = args.http.as_deref().map(Service::Post).or(grpc);
                (&args.size, &args.calls, service, append::DEFAULT_RECORDS)
            }
            Work::Read(args) => {
                let service = args.calls.server.as_deref().map(Service::Consume);
                (&args.size, &args.calls, service, read::DEFAULT_RECORDS)
            }
        };
        let (service, n_clients) = (service?, calls.clients);
        let n_records = size.n_records(default_records).max(n_clients);
        Some(ServerBench { service, n_clients, n_records, record_bytes: size.size })
    }
}

/// Runs one and prints its figures.
pub(crate) fn run(
    args: BenchArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let stopping = stop_flag()?;
    let stop = Stop(&stopping);
    if let Some(bench) = args.of_server() {
        return bench.run(context, stop, out);
    }
    let workload = match &args.work {
        Work::Append(args) => args.size.workload(append::DEFAULT_RECORDS, args.batch)?,
        Work::Read(args) => args.size.workload(read::DEFAULT_RECORDS, read::STEP_RECORDS)?,
    };
    let scratch = ScratchDir::create(&context.dir)?;
    let dir = scratch.path();
    let (bench, fsync, comparisons) = match &args.work {
        Work::Append(args) => {
            let fsync = policy_word(args.log.fsync);
            (TITLE_OF_APPEND, Some(fsync), append::run(args, &workload, dir, stop)?)
        }
        Work::Read(_) => ("read", None, read::run(&workload, dir, stop)?),
    };
    let dir = dir.parent().unwrap_or(dir).display().to_string();
    drop(scratch);
    BenchReport { bench, workload, fsync, dir, comparisons }.print(context, out)?;
    Ok(Exit::Done)
}

const fn policy_word(policy: SyncPolicy) -> &'static str {
    match policy {
        SyncPolicy::Always => "always",
        SyncPolicy::Interval(_) => "interval",
        SyncPolicy::Never => "never",
    }
}
