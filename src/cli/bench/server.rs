//! `bench --server` and `--http`: a server, called by one client and by many at once, each call with one
//! record that is answered once it has the server's durability.

mod caller;
mod http;
mod report;

use std::io::Write;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::caller::{Caller, Callers};
use self::report::ServerReport;
use super::floor;
use super::scratch_dir::ScratchDir;
use super::workload::{Measured, Stop, Workload};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// How many records are synced one by one on this machine, to compare with.
const FLOOR_RECORDS: u64 = 500;

/// What is called, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service<'a> {
    /// gRPC's `Produce`.
    Produce(&'a str),
    /// gRPC's `Consume`, at random offsets.
    Consume(&'a str),
    /// HTTP's `POST /v1/records`.
    Post(&'a str),
}

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerBench<'a> {
    pub(crate) service: Service<'a>,
    pub(crate) n_clients: u64,
    /// Of all clients together.
    pub(crate) n_records: u64,
    pub(crate) record_bytes: u64,
}

impl ServerBench<'_> {
    /// Measures and prints.
    pub(crate) fn run(
        &self,
        context: &Context,
        stop: Stop<'_>,
        out: &mut impl Write,
    ) -> anyhow::Result<Exit> {
        let runtime = Runtime::new().map_err(|error| {
            Failure::new(Exit::Failed, "io", format!("can't start the runtime: {error}"))
        })?;
        let one = self.workload(1, self.n_records.div_ceil(10));
        let many = self.workload(self.n_clients, self.n_records);
        let callers = runtime.block_on(Callers::connect(self.service, &many))?;
        let one = runtime.block_on(measure(&callers, &one, stop))?;
        let many = runtime.block_on(measure(&callers, &many, stop))?;
        let (fdatasync, dir) = if matches!(self.service, Service::Consume(_)) {
            (None, None)
        } else {
            let (measured, dir) = self.fdatasync(context, stop)?;
            (Some(measured), Some(dir))
        };
        ServerReport { bench: self, one, many, fdatasync, dir }.print(context, out)?;
        Ok(Exit::Done)
    }

    const fn workload(&self, clients: u64, n_records: u64) -> Workload {
        Workload { n_records, record_bytes: self.record_bytes, batch: 1, threads: clients }
    }

    /// What this machine's own disk needs for a record alone.
    fn fdatasync(&self, context: &Context, stop: Stop<'_>) -> anyhow::Result<(Measured, String)> {
        let scratch = ScratchDir::create(&context.dir)?;
        let workload = self.workload(1, FLOOR_RECORDS.min(self.n_records));
        let measured = floor::append(&scratch.path().join("floor"), &workload, true, stop)?;
        let dir = scratch.path().parent().unwrap_or(scratch.path()).display().to_string();
        Ok((measured, dir))
    }
}

/// Lets each client make its calls, all at once, one after the other each.
async fn measure(
    callers: &Callers,
    workload: &Workload,
    stop: Stop<'_>,
) -> anyhow::Result<Measured> {
    let mut clients = Vec::new();
    for client in 0..workload.threads {
        let share = workload.share_of(client);
        clients.push((callers.caller(client).await?, share.end - share.start));
    }
    let started = Instant::now();
    let mut running: JoinSet<anyhow::Result<Measured>> = JoinSet::new();
    for (caller, n_calls) in clients {
        running.spawn(call(caller, n_calls));
    }
    let mut all = Measured::default();
    while let Some(measured) = next(&mut running, stop).await? {
        all.n_records += measured.n_records;
        all.bytes += measured.bytes;
        all.latencies.merge(&measured.latencies);
    }
    all.elapsed = started.elapsed();
    Ok(all)
}

async fn call(mut caller: Caller, n_calls: u64) -> anyhow::Result<Measured> {
    let mut measured = Measured { n_records: n_calls, ..Measured::default() };
    let mut before = Instant::now();
    for _ in 0..n_calls {
        measured.bytes += caller.call().await? as u64;
        let now = Instant::now();
        measured.latencies.record(now - before);
        before = now;
    }
    Ok(measured)
}

/// The next client that is done; looks now and then whether to stop.
async fn next(
    running: &mut JoinSet<anyhow::Result<Measured>>,
    stop: Stop<'_>,
) -> anyhow::Result<Option<Measured>> {
    loop {
        let pause = tokio::time::sleep(std::time::Duration::from_millis(100));
        tokio::select! {
            joined = running.join_next() => {
                return match joined {
                    None => Ok(None),
                    Some(Ok(measured)) => measured.map(Some),
                    Some(Err(error)) => {
                        Err(Failure::new(Exit::Failed, "internal", error.to_string()).into())
                    }
                };
            }
            () = pause => stop.check()?,
        }
    }
}
