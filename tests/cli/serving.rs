//! A running `proglog serve` on a log of a [`Place`].

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Place, wait};

pub(crate) struct Serving {
    child: Child,
    /// Of gRPC.
    pub(crate) address: String,
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Serving {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    pub(crate) fn start(place: &Place) -> Serving {
        Serving::at(place, "127.0.0.1:0")
    }

    /// Listens for gRPC at this address.
    pub(crate) fn at(place: &Place, address: &str) -> Serving {
        let words = ["serve", "--http-addr", "127.0.0.1:0", "--grpc-addr", address];
        let mut child = place.command(words).stderr(Stdio::inherit()).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("text");
        let address = line.trim_end().rsplit_once("grpc on ").expect(&line).1.to_owned();
        Serving { child, address, _stdout: stdout }
    }

    /// Ends it, and waits for that.
    pub(crate) fn end(mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
        wait(&mut self.child);
    }
}
