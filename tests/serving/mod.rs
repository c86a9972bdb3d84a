//! `proglog serve` as a process of its own, for the tests of each of its interfaces.
#![allow(dead_code, reason = "no test binary needs all of it")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running server.
pub(crate) struct Serving {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Serving {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Serving {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command) -> Serving {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("proglog starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("text");
        let address = |name: &str| {
            let (_, behind) = line.split_once(&format!("{name} on "))?;
            behind.split([',', '\n']).next()?.parse().ok()
        };
        let (Some(http), Some(grpc)) = (address("http"), address("grpc")) else {
            panic!("not ready: {line:?}, {child:?}")
        };
        Serving { http, grpc, child, _stdout: stdout }
    }

    pub(crate) fn pid(&self) -> Pid {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        pid.expect("a process id")
    }

    pub(crate) fn n_open_files(&self) -> u64 {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files").count() as u64
    }

    /// What it holds in memory now, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most it ever held in memory, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("its memory");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// Its exit code, if it ended by itself, and what it said on standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let stderr = self.child.stderr.as_mut().expect("a pipe");
        stderr.read_to_string(&mut said).expect("text");
        (self.child.wait().expect("it ends").code(), said)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    pub(crate) fn stop(self, signal: Signal) -> (Option<i32>, String) {
        self.signal(signal);
        self.end()
    }
}
