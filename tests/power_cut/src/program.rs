//! The program under test, and what is said of a run of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use crate::device::{Device, Waited};

/// The binary, and the log's directory on the mounted device.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    binary: OsString,
    pub(crate) dir: PathBuf,
}

/// How a run that was to be cut is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Killed as soon as the power is gone.
    Kill,
    /// Left to find out by itself that its disk doesn't answer any more.
    Wait,
}

impl Program {
    /// The release binary, or the one that `PROGLOG_BIN` names.
    pub(crate) fn new(mount: &Path) -> Program {
        let release = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/proglog");
        let binary = std::env::var_os("PROGLOG_BIN").unwrap_or_else(|| OsString::from(release));
        Program { binary, dir: mount.join("log") }
    }

    pub(crate) fn is_there(&self) -> Result<(), String> {
        let version = Command::new(&self.binary).arg("--version").output();
        match version {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("{} is no proglog: {output:?}", self.binary.display())),
            Err(error) => Err(format!(
                "can't run {}: {error}\nhint: cargo build --release --locked, or name another binary \
                 with PROGLOG_BIN",
                self.binary.display()
            )),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--dir").arg(&self.dir).args(args);
        command.env_remove("PROGLOG_DIR").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }
}

/// What it said, for a message.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Waits for the power to go, or for the program to end, and sees to it that it does.
pub(crate) fn end(child: &mut Child, device: &Device, ending: Ending) -> Result<(), String> {
    let mut waited = device.wait_for_cut();
    if waited == Waited::Cut && ending == Ending::Wait {
        waited = device.wait_for_end();
    }
    if waited != Waited::Over {
        child.kill().map_err(|error| format!("can't kill it: {error}"))?;
    }
    if waited == Waited::Stuck { Err("it hangs, and was killed".to_owned()) } else { Ok(()) }
}

/// A program may end well or, without a disk, with 1, and was maybe killed; never with a panic, and
/// never by finding damage.
pub(crate) fn check_end(status: ExitStatus, stderr: &str, is_cut: bool) -> Result<(), String> {
    let is_fine = match status.code() {
        Some(0) => true,
        Some(1) => is_cut,
        Some(_) => false,
        None => is_cut,
    };
    if is_fine && !stderr.contains("panicked") {
        return Ok(());
    }
    Err(format!("it ended with {status}: {stderr}"))
}
