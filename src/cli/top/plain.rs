//! A line each time, for pipes and programs.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde::Serialize;

use super::rates::Flow;
use super::sampler::Taken;
use super::source::Place;
use super::text;
use super::view::View;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{is_reader_gone, print_json};
use crate::text::time::display_time;

/// How long to wait for a sample before looking whether somebody still wants it.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Prints what there is, and what comes, until enough is printed.
pub(super) fn run(
    view: &mut View,
    samples: &Receiver<Taken>,
    count: Option<u64>,
    stopping: &AtomicBool,
    is_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if !is_json {
        writeln!(out, "{}", header(view))?;
    }
    let mut n_left = count;
    loop {
        print(view, is_json, out)?;
        n_left = n_left.map(|n_left| n_left - 1);
        if n_left == Some(0) {
            return Ok(());
        }
        match next(samples, stopping)? {
            Some(taken) => view.take(taken),
            None => return Ok(()),
        }
    }
}

/// `None` once nobody wants it.
fn next(samples: &Receiver<Taken>, stopping: &AtomicBool) -> Result<Option<Taken>, Failure> {
    loop {
        match samples.recv_timeout(CHECK_INTERVAL) {
            Ok(taken) => return Ok(Some(taken)),
            Err(RecvTimeoutError::Disconnected) => return Err(nobody_looks()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stopping.load(Ordering::SeqCst) || is_reader_gone() {
            return Ok(None);
        }
    }
}

/// The thread that looks has panicked, which is said already.
pub(super) fn nobody_looks() -> Failure {
    Failure::new(Exit::Failed, "internal", "the thread that looks is gone")
}

fn print(view: &View, is_json: bool, out: &mut impl Write) -> io::Result<()> {
    if is_json {
        return print_json(out, &Line::of(view));
    }
    match &view.trouble {
        Some(failure) => writeln!(out, "{:24}  {}", time(view), failure.message)?,
        None => writeln!(out, "{}", row(view))?,
    }
    out.flush()
}

fn time(view: &View) -> String {
    let time = display_time(view.at_us);
    time.split_once('.').map_or(time.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// A name, how wide it is, and what is below it.
type Column = (&'static str, usize, String);

fn header(view: &View) -> String {
    let columns = columns(view).into_iter();
    joined(columns.map(|(name, width, _)| format!("{name:>width$}")))
}

fn row(view: &View) -> String {
    let columns = columns(view).into_iter();
    joined(columns.map(|(_, width, value)| format!("{value:>width$}")))
}

fn joined(columns: impl Iterator<Item = String>) -> String {
    columns.collect::<Vec<_>>().join("  ")
}

/// Those that such a place can fill.
fn columns(view: &View) -> Vec<Column> {
    let line = Line::of(view);
    let bytes = |bytes: Option<u64>| text::bytes(bytes.map(|bytes| bytes as f64));
    let mut columns = vec![
        ("time", 20, time(view)),
        ("state", 14, line.state.to_owned()),
        ("next", 13, text::number(line.next_offset)),
        ("segments", 8, text::number(line.segments)),
        ("size", 10, bytes(line.bytes)),
        ("append/s", 10, text::rate(line.append_records_per_s)),
    ];
    if !matches!(view.place, Place::Grpc(_)) {
        columns.push(("append B/s", 10, text::bytes(line.append_bytes_per_s)));
    }
    if matches!(view.place, Place::Http(_)) {
        columns.extend([
            ("read/s", 10, text::rate(line.read_records_per_s)),
            ("read B/s", 10, text::bytes(line.read_bytes_per_s)),
            ("append p50", 10, text::seconds(line.append_p50_seconds)),
            ("append p99", 10, text::seconds(line.append_p99_seconds)),
            ("fsync p50", 10, text::seconds(line.fsync_p50_seconds)),
            ("fsync p99", 10, text::seconds(line.fsync_p99_seconds)),
            ("clients", 7, text::number(line.connections())),
        ]);
    }
    if !matches!(view.place, Place::Grpc(_)) {
        let percent = line.disk_used_ratio.map_or_else(|| text::UNKNOWN.into(), text::percent);
        columns.push(("disk", 5, percent));
    }
    columns
}

/// One look for programs. What isn't known is `null`.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    state: &'a str,
    /// Why it's in that state.
    detail: Option<&'a str>,
    /// Why there is nothing else to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    lowest_offset: Option<u64>,
    next_offset: Option<u64>,
    committed_offset: Option<u64>,
    segments: Option<u64>,
    bytes: Option<u64>,
    append_records_per_s: Option<f64>,
    append_bytes_per_s: Option<f64>,
    read_records_per_s: Option<f64>,
    read_bytes_per_s: Option<f64>,
    append_p50_seconds: Option<f64>,
    append_p99_seconds: Option<f64>,
    fsync_p50_seconds: Option<f64>,
    fsync_p99_seconds: Option<f64>,
    read_p50_seconds: Option<f64>,
    read_p99_seconds: Option<f64>,
    http_connections: Option<u64>,
    grpc_connections: Option<u64>,
    disk_used_ratio: Option<f64>,
    disk_high_ratio: Option<f64>,
    disk_free_bytes: Option<u64>,
}

impl<'a> Line<'a> {
    fn of(view: &'a View) -> Line<'a> {
        let (dir, server) = match &view.place {
            Place::Directory(dir) => (Some(dir.display().to_string()), None),
            Place::Http(address) | Place::Grpc(address) => (None, Some(address.as_str())),
        };
        let line = Line { time: display_time(view.at_us), dir, server, ..Line::default() };
        match (&view.trouble, &view.sample) {
            (Some(error), _) => Line { state: "unknown", error: Some(error), ..line },
            (None, None) => Line { state: "unknown", ..line },
            (None, Some(_)) => line.with_sample(view).with_rates(view),
        }
    }

    fn with_sample(self, view: &'a View) -> Line<'a> {
        let Some(sample) = &view.sample else { return self };
        let (disk, server) = (sample.disk, sample.server.as_ref());
        Line {
            state: sample.health.word,
            detail: sample.health.detail.as_deref(),
            lowest_offset: Some(sample.lowest),
            next_offset: Some(sample.next),
            committed_offset: sample.committed,
            segments: Some(sample.n_segments),
            bytes: Some(sample.bytes),
            http_connections: server.map(|server| server.http_connections),
            grpc_connections: server.map(|server| server.grpc_connections),
            disk_used_ratio: disk.map(|disk| disk.used_ratio),
            disk_high_ratio: disk.and_then(|disk| disk.high_ratio),
            disk_free_bytes: disk.map(|disk| disk.free_bytes),
            ..self
        }
    }

    fn with_rates(self, view: &'a View) -> Line<'a> {
        let Some(rates) = &view.rates else { return self };
        let records = |flow: Flow| flow.records_per_s;
        Line {
            append_records_per_s: Some(records(rates.appends)),
            append_bytes_per_s: rates.appends.bytes_per_s,
            read_records_per_s: rates.reads.map(records),
            read_bytes_per_s: rates.reads.and_then(|reads| reads.bytes_per_s),
            append_p50_seconds: rates.append_latency.map(|latency| latency.p50_s),
            append_p99_seconds: rates.append_latency.map(|latency| latency.p99_s),
            fsync_p50_seconds: rates.fsync_latency.map(|latency| latency.p50_s),
            fsync_p99_seconds: rates.fsync_latency.map(|latency| latency.p99_s),
            read_p50_seconds: rates.read_latency.map(|latency| latency.p50_s),
            read_p99_seconds: rates.read_latency.map(|latency| latency.p99_s),
            ..self
        }
    }

    fn connections(&self) -> Option<u64> {
        Some(self.http_connections? + self.grpc_connections?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::testing::{of_directory, of_server, view_of};
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn a_row_has_a_value_below_each_name() {
        let view = view_of(of_server());
        let (header, row) = (header(&view), row(&view));
        assert_eq!(header.chars().count(), row.chars().count());
        let pairs: Vec<_> = words(&header).into_iter().zip(words(&row)).skip(1).collect();
        for pair in [
            ("state", "ready"),
            ("next", "1,235,067"),
            ("append/s", "500"),
            ("append B/s", "1.0 MiB"),
            ("append p50", "500 µs"),
            ("fsync p99", "-"),
            ("clients", "3"),
            ("disk", "42 %"),
        ] {
            assert!(pairs.contains(&pair), "{pair:?} isn't in {pairs:?}");
        }
    }

    #[test]
    fn a_directory_has_no_columns_that_it_cannot_fill() {
        let header = header(&view_of(of_directory()));
        assert!(header.contains("append/s") && header.contains("disk"), "{header}");
        assert!(!header.contains("p50") && !header.contains("read"), "{header}");
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_a_line_as_well() {
        let mut view = view_of(of_server());
        view.take(Err(Failure::new(Exit::Failed, "unavailable", "can't reach it")));
        let (mut text, mut json) = (Vec::new(), Vec::new());
        print(&view, false, &mut text).expect("printed");
        print(&view, true, &mut json).expect("printed");
        assert!(String::from_utf8_lossy(&text).ends_with("  can't reach it\n"));
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["state"], "unknown");
        assert_eq!(json["error"]["code"], "unavailable");
        assert!(json["next_offset"].is_null());
    }
}
