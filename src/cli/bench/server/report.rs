//! The figures of a server: one client, many, and what this machine's disk needs for a sync.

use std::io::{self, Write};

use serde::Serialize;

use super::{ServerBench, Service};
use crate::cli::bench::report::{Figures, print_row};
use crate::cli::bench::workload::Measured;
use crate::cli::context::Context;
use crate::cli::output::{binary_bytes, counted, print_json};

/// Everything about one run.
pub(super) struct ServerReport<'a> {
    pub(super) bench: &'a ServerBench<'a>,
    pub(super) one: Measured,
    pub(super) many: Measured,
    pub(super) fdatasync: Option<Measured>,
    /// Where that was measured.
    pub(super) dir: Option<String>,
}

impl ServerReport<'_> {
    pub(super) fn print(&self, context: &Context, out: &mut impl Write) -> io::Result<()> {
        if context.is_json() { print_json(out, &self.document()) } else { self.print_text(out) }
    }

    fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        let (name, protocol, address) = self.names();
        writeln!(
            out,
            "{name}: {}{}, one a call; {protocol} at {address}\n",
            counted(self.many.n_records, "record"),
            self.record_bytes()
                .map(|bytes| format!(" of {}", binary_bytes(bytes)))
                .unwrap_or_default(),
        )?;
        writeln!(
            out,
            "{name:<12}{:>12}{:>10}{:>10}{:>10}{:>10}",
            "records/s", "MB/s", "p50", "p99", "p99.9"
        )?;
        print_row("1 client", &self.one, out)?;
        print_row(&counted(self.bench.n_clients, "client"), &self.many, out)?;
        writeln!(out, "{:<12}{:>12.2}", "ratio", self.ratio())?;
        if let (Some(fdatasync), Some(dir)) = (&self.fdatasync, &self.dir) {
            print_row("fdatasync", fdatasync, out)?;
            writeln!(
                out,
                "fdatasync is one thread that syncs each record to a plain file of this machine, in {dir}"
            )?;
        }
        out.flush()
    }

    /// What is read has the size that it has.
    fn record_bytes(&self) -> Option<u64> {
        let is_read = matches!(self.bench.service, Service::Consume(_));
        (!is_read).then_some(self.bench.record_bytes)
    }

    fn ratio(&self) -> f64 {
        self.many.records_per_second() / self.one.records_per_second().max(1e-9)
    }

    const fn names(&self) -> (&'static str, &'static str, &str) {
        match self.bench.service {
            Service::Produce(address) => ("append", "gRPC", address),
            Service::Consume(address) => ("read", "gRPC", address),
            Service::Post(address) => ("append", "HTTP", address),
        }
    }

    fn document(&self) -> Document<'_> {
        let (bench, protocol, server) = self.names();
        Document {
            bench,
            protocol,
            server,
            records: self.many.n_records,
            record_bytes: self.record_bytes(),
            clients: self.bench.n_clients,
            one_client: Figures::of(&self.one),
            many_clients: Figures::of(&self.many),
            ratio: self.ratio(),
            fdatasync: self.fdatasync.as_ref().map(Figures::of),
            dir: self.dir.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    bench: &'a str,
    protocol: &'a str,
    server: &'a str,
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_bytes: Option<u64>,
    clients: u64,
    one_client: Figures,
    many_clients: Figures,
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fdatasync: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<&'a str>,
}
