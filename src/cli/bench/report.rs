//! How a benchmark's figures are told: the log's beside the floor's, from the same run.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::workload::{Measured, Workload};
use crate::cli::context::Context;
use crate::cli::output::{binary_bytes, counted, grouped, print_json};

/// One kind of work, done by the log and by the floor.
pub(crate) struct Comparison {
    pub(crate) name: &'static str,
    /// What the floor does, in a sentence.
    pub(crate) floor_is: &'static str,
    pub(crate) log: Measured,
    pub(crate) floor: Measured,
}

/// Everything about one run.
pub(crate) struct BenchReport<'a> {
    pub(crate) bench: &'static str,
    pub(crate) workload: Workload,
    /// The policy of an append, with which the size of a batch matters, too.
    pub(crate) fsync: Option<&'a str>,
    pub(crate) dir: String,
    pub(crate) comparisons: Vec<Comparison>,
}

impl BenchReport<'_> {
    pub(crate) fn print(&self, context: &Context, out: &mut impl Write) -> io::Result<()> {
        if context.is_json() { print_json(out, &self.document()) } else { self.print_text(out) }
    }

    fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.title())?;
        for comparison in &self.comparisons {
            writeln!(
                out,
                "\n{:<12}{:>12}{:>10}{:>10}{:>10}{:>10}",
                comparison.name, "records/s", "MB/s", "p50", "p99", "p99.9"
            )?;
            print_row("log", &comparison.log, out)?;
            print_row("floor", &comparison.floor, out)?;
            writeln!(out, "{:<12}{:>12.2}", "ratio", comparison.ratio())?;
            writeln!(out, "The floor is {}.", comparison.floor_is)?;
        }
        out.flush()
    }

    fn title(&self) -> String {
        let Workload { n_records, record_bytes, batch, threads } = self.workload;
        format!(
            "{}: {} of {}, {}{}; in {}",
            self.bench,
            counted(n_records, "record"),
            binary_bytes(record_bytes),
            counted(threads, "thread"),
            self.fsync
                .map(|fsync| format!(", batches of {}, fsync {fsync}", grouped(batch)))
                .unwrap_or_default(),
            self.dir
        )
    }

    fn document(&self) -> Document<'_> {
        Document {
            bench: self.bench,
            records: self.workload.n_records,
            record_bytes: self.workload.record_bytes,
            batch: self.fsync.map(|_| self.workload.batch),
            threads: self.workload.threads,
            fsync: self.fsync,
            dir: &self.dir,
            results: self.comparisons.iter().map(Comparison::document).collect(),
        }
    }
}

pub(super) fn print_row(name: &str, measured: &Measured, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{name:<12}{:>12}{:>10.1}{:>10}{:>10}{:>10}",
        grouped(measured.records_per_second() as u64),
        measured.megabytes_per_second(),
        short(measured.latencies.quantile(0.5)),
        short(measured.latencies.quantile(0.99)),
        short(measured.latencies.quantile(0.999)),
    )
}

/// Three digits and a unit.
fn short(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    let (number, unit) = match nanos {
        nanos if nanos < 1e3 => (nanos, "ns"),
        nanos if nanos < 1e6 => (nanos / 1e3, "µs"),
        nanos if nanos < 1e9 => (nanos / 1e6, "ms"),
        nanos => (nanos / 1e9, "s"),
    };
    let digits = if number < 10.0 && unit != "ns" { 1 } else { 0 };
    format!("{number:.digits$} {unit}")
}

impl Comparison {
    fn ratio(&self) -> f64 {
        self.log.records_per_second() / self.floor.records_per_second().max(1e-9)
    }

    fn document(&self) -> ComparisonDocument<'_> {
        let (log, floor) = (Figures::of(&self.log), Figures::of(&self.floor));
        ComparisonDocument { name: self.name, log, floor, ratio: self.ratio() }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    bench: &'a str,
    records: u64,
    record_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<u64>,
    threads: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fsync: Option<&'a str>,
    dir: &'a str,
    results: Vec<ComparisonDocument<'a>>,
}

#[derive(Serialize)]
struct ComparisonDocument<'a> {
    name: &'a str,
    log: Figures,
    floor: Figures,
    ratio: f64,
}

#[derive(Serialize)]
pub(super) struct Figures {
    records_per_second: f64,
    megabytes_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
}

impl Figures {
    pub(super) fn of(measured: &Measured) -> Figures {
        let micros = |share| measured.latencies.quantile(share).as_nanos() as f64 / 1e3;
        Figures {
            records_per_second: measured.records_per_second(),
            megabytes_per_second: measured.megabytes_per_second(),
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_fitting_unit() {
        for (nanos, text) in [
            (7, "7 ns"),
            (1500, "1.5 µs"),
            (180_000, "180 µs"),
            (2_300_000, "2.3 ms"),
            (12_000_000_000, "12 s"),
        ] {
            assert_eq!(short(Duration::from_nanos(nanos)), text);
        }
    }
}
