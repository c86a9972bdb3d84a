//! What every subcommand is given beside its own flags.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use super::output::OutputFormat;

/// The global flags, settled.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) dir: PathBuf,
    pub(crate) output: OutputFormat,
    /// Whether progress may be shown, terminal or not.
    pub(crate) progress: bool,
    /// Whether notes are left out.
    pub(crate) quiet: bool,
}

impl Context {
    /// Says something beside the result, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            // Nobody is left to be told that nobody listens.
            let _ = writeln!(io::stderr(), "note: {text}");
        }
    }

    /// Whether a progress bar would be seen.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress && io::stderr().is_terminal()
    }

    pub(crate) fn is_json(&self) -> bool {
        self.output == OutputFormat::Json
    }
}
