//! Diagnostics on standard error, as text or JSON. Results never go through here.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, writer::MakeWriterExt};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::args::GlobalArgs;
use crate::telemetry::{SPANS, Traces, TracesError, TracesResource};

/// How diagnostics look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Where the log says what recovery does.
const RECOVERY: &str = "proglog::log::recover";

/// Whether the terminal of standard error is a screen now, on which lines have no place.
static HAS_SCREEN: AtomicBool = AtomicBool::new(false);

/// Keeps diagnostics off the terminal for as long as it lives.
#[derive(Debug)]
pub(crate) struct Screen(());

impl Screen {
    pub(crate) fn begin() -> Screen {
        HAS_SCREEN.store(io::stderr().is_terminal(), Ordering::Relaxed);
        Screen(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        HAS_SCREEN.store(false, Ordering::Relaxed);
    }
}

/// Starts to print diagnostics, and to export traces if the environment says where to. A second call, as in tests, changes nothing. With `notes_recovery`
/// warnings about recovery are left out, unless more is asked for, since a note tells the same.
pub(crate) fn start(global: &GlobalArgs, notes_recovery: bool) -> Option<Traces> {
    let mut filter = Targets::new()
        .with_default(level(global.verbose, global.quiet))
        .with_target(SPANS, LevelFilter::OFF);
    if notes_recovery && global.verbose == 0 {
        filter = filter.with_target(RECOVERY, LevelFilter::ERROR);
    }
    let layer = fmt::layer()
        .with_writer(io::stderr.with_filter(|_| !HAS_SCREEN.load(Ordering::Relaxed)))
        .with_ansi(io::stderr().is_terminal() && !is_plain())
        // A closed standard error must not end the program.
        .log_internal_errors(false);
    let (traces, error) = match start_traces().transpose() {
        Ok(traces) => (traces, None),
        Err(error) => (None, Some(error)),
    };
    let registry = tracing_subscriber::registry().with(traces.as_ref().map(Traces::layer));
    let _ = match global.log_format {
        LogFormat::Text => registry.with(layer.with_target(false).with_filter(filter)).try_init(),
        LogFormat::Json => registry.with(layer.json().with_filter(filter)).try_init(),
    };
    if let Some(error) = error {
        tracing::warn!("{error}");
    }
    traces
}

/// As OpenTelemetry's specification has it; only the exporter over gRPC is there.
fn start_traces() -> Option<Result<Traces, TracesError>> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_disabled = std::env::var_os("OTEL_SDK_DISABLED")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    if is_disabled || !endpoints.into_iter().any(is_set) {
        return None;
    }
    let names_itself = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"].into_iter().any(is_set);
    Some(Traces::start(if names_itself {
        TracesResource::FromEnvironment
    } else {
        TracesResource::Named("proglog")
    }))
}

const fn level(verbose: u8, quiet: bool) -> LevelFilter {
    match (verbose, quiet) {
        (0, true) => LevelFilter::ERROR,
        (0, false) => LevelFilter::WARN,
        (1, _) => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    }
}

/// Whether `NO_COLOR` is set to anything.
fn is_plain() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_flags() {
        assert_eq!(level(0, false), LevelFilter::WARN);
        assert_eq!(level(0, true), LevelFilter::ERROR);
        assert_eq!(level(1, false), LevelFilter::INFO);
        assert_eq!(level(2, true), LevelFilter::DEBUG);
    }
}
