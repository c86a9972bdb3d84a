//! Diagnostics on standard error, as text or JSON. Results never go through here.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

/// How diagnostics look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Starts to print diagnostics. A second call, as in tests, changes nothing.
pub(crate) fn start(format: LogFormat, verbose: u8, quiet: bool) {
    let builder = fmt()
        .with_max_level(level(verbose, quiet))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !is_plain())
        // A closed standard error must not end the program.
        .log_internal_errors(false);
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
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
