//! `proglog append`, fed with numbered lines until they or the power end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::thread;

use crate::device::Device;
use crate::numbers::Numbers;
use crate::program::{Ending, Program, check_end, end};

/// What is sent, and how.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) round: u64,
    pub(crate) n_lines: u64,
    pub(crate) batch_records: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) fsync: &'static str,
    pub(crate) ending: Ending,
}

/// The value that round `round` appends as its `n`th.
pub(crate) fn line(round: u64, n: u64) -> String {
    let mut numbers = Numbers::new(round << 32 | n);
    let padding = if numbers.one_in(40) { numbers.below(6000) } else { numbers.below(300) };
    format!("round {round} line {n} {}", "x".repeat(padding as usize))
}

impl Append {
    pub(crate) fn choose(round: u64, fsync: &'static str, numbers: &mut Numbers) -> Append {
        Append {
            round,
            n_lines: numbers.of_any_size(11),
            batch_records: 1 + numbers.of_any_size(6),
            segment_bytes: numbers.one_of(&[1024, 4096, 16_384, 65_536, 1 << 20]),
            fsync,
            ending: numbers.one_of(&[Ending::Kill, Ending::Wait]),
        }
    }

    /// Answers with the offsets that were printed, in the order of the lines.
    pub(crate) fn run(&self, program: &Program, device: &Device) -> Result<Vec<u64>, String> {
        let (segment_bytes, batch) =
            (self.segment_bytes.to_string(), self.batch_records.to_string());
        // A batch waits until it is full, so that the same lines make the same batches.
        let args = ["append", "--print-offsets", "--linger", "1h", "--fsync", self.fsync];
        let mut command = program.command(&args);
        command.args(["--segment-bytes", &segment_bytes, "--batch-records", &batch]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program runs");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut stderr = child.stderr.take().expect("a pipe");
        let (ended, offsets) = thread::scope(|scope| {
            scope.spawn(|| self.send(stdin.expect("a pipe")));
            let offsets = scope.spawn(|| {
                let offsets = printed_offsets(stdout.expect("a pipe"));
                device.is_over();
                offsets
            });
            let ended = end(&mut child, device, self.ending);
            (ended, offsets.join().expect("the offsets"))
        });
        let mut complaint = String::new();
        stderr.read_to_string(&mut complaint).expect("text");
        let status = child.wait().expect("an end");
        ended?;
        check_end(status, &complaint, device.is_cut())?;
        Ok(offsets)
    }

    fn send(&self, mut stdin: ChildStdin) {
        for n in 0..self.n_lines {
            if writeln!(stdin, "{}", line(self.round, n)).is_err() {
                return;
            }
        }
    }
}

/// Whole lines only: the last one may have been cut by the kill.
fn printed_offsets(stdout: ChildStdout) -> Vec<u64> {
    let mut lines = BufReader::new(stdout);
    let (mut offsets, mut text) = (Vec::new(), String::new());
    while lines.read_line(&mut text).is_ok_and(|n_bytes| n_bytes > 0) && text.ends_with('\n') {
        offsets.push(text.trim().parse().expect("an offset"));
        text.clear();
    }
    offsets
}
