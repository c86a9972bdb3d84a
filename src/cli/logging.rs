//! Diagnostics on standard error, as text or JSON. Results never go through here.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::args::GlobalArgs;

/// How diagnostics look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Where the log says what recovery does.
const RECOVERY: &str = "proglog::log::recover";

/// Starts to print diagnostics. A second call, as in tests, changes nothing. With `notes_recovery`
/// warnings about recovery are left out, unless more is asked for, since a note tells the same.
pub(crate) fn start(global: &GlobalArgs, notes_recovery: bool) {
    let mut filter = Targets::new().with_default(level(global.verbose, global.quiet));
    if notes_recovery && global.verbose == 0 {
        filter = filter.with_target(RECOVERY, LevelFilter::ERROR);
    }
    let layer = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !is_plain())
        // A closed standard error must not end the program.
        .log_internal_errors(false);
    let registry = tracing_subscriber::registry();
    let _ = match global.log_format {
        LogFormat::Text => registry.with(layer.with_target(false).with_filter(filter)).try_init(),
        LogFormat::Json => registry.with(layer.json().with_filter(filter)).try_init(),
    };
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
