//! A log directory of its own for each test, and `proglog` run on it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a process may take to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A place for a log, gone afterwards.
pub(crate) struct Place {
    dir: TempDir,
}

/// What a run of `proglog` said.
pub(crate) struct Said {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { dir: tempfile::tempdir().expect("a directory for the test") }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// `proglog` with these words, not started yet.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proglog"));
        command.arg("--dir").arg(self.log()).args(words).current_dir(self.dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Likewise without naming a directory.
    pub(crate) fn bare_command<I: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proglog"));
        command.args(words).current_dir(self.dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it without a directory and without input.
    pub(crate) fn run_bare(&self, words: &str) -> Said {
        let mut command = self.bare_command(words.split(' '));
        Said::of(command.stdin(Stdio::null()).output().expect("proglog runs"))
    }

    pub(crate) fn start(&self, words: &str) -> Child {
        self.command(words.split(' ')).spawn().expect("proglog starts")
    }

    /// Runs it without input.
    pub(crate) fn run(&self, words: &str) -> Said {
        self.run_with(words, b"")
    }

    pub(crate) fn run_with(&self, words: &str, input: &[u8]) -> Said {
        let mut command = self.command(words.split(' '));
        Said::of(
            assert_cmd::Command::from_std({
                command.stdin(Stdio::null());
                command
            })
            .write_stdin(input)
            .output()
            .expect("proglog runs"),
        )
    }
}

impl Said {
    pub(crate) fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let exit = output.status.code();
        Said { exit, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Waits for the end of a process; one that doesn't end fails the test.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("the process can be waited for") {
            return status;
        }
        assert!(Instant::now() < deadline, "the process didn't end");
        std::thread::sleep(Duration::from_millis(2));
    }
}
