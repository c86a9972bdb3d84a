//! The program killed while it appends, over and over in one directory: whatever it has printed as
//! durable is there afterwards, and a run that isn't killed leaves nothing to mend.
//!
//! `PROGLOG_KILLS` says how often, `PROGLOG_SEED` plays a failed run's moments again, and
//! `PROGLOG_BIN` names another binary.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use proglog::log::{LogReader, Offset, Verdict};

use crate::support::{LogDir, verify};

/// A directory grows with every run, and all of it is verified after each.
const RUNS_PER_LOG: usize = 20;

/// So often a run is let end, among those that are killed.
const RUNS_PER_END: u64 = 4;

fn from_environment(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number in the environment"))
}

/// Numbers that look random and come again with the same seed.
struct Moments(u64);

impl Moments {
    fn next_below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The line that run `run` sends as its `n`th.
fn line(run: u64, n: u64) -> String {
    let padding = (run * 31 + n * 7) % 200;
    format!("run {run} line {n} {}", "x".repeat(padding as usize))
}

fn binary() -> OsString {
    let other = std::env::var_os("PROGLOG_BIN");
    other.unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_proglog")))
}

fn start(dir: &Path, run: u64) -> Child {
    let fsync = ["always", "never", "interval:5ms"][(run % 3) as usize];
    Command::new(binary())
        .args(["append", "--print-offsets", "--segment-bytes", "65536", "--fsync", fsync, "--dir"])
        .arg(dir)
        .env_remove("PROGLOG_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program")
}

fn send_lines(mut stdin: ChildStdin, run: u64) {
    for n in 0.. {
        if writeln!(stdin, "{}", line(run, n)).is_err() {
            return;
        }
    }
}

/// The offsets that were printed, whole lines only: the last may have been cut by the kill.
fn printed_offsets(stdout: ChildStdout) -> Vec<u64> {
    let mut lines = BufReader::new(stdout);
    let (mut offsets, mut text) = (Vec::new(), String::new());
    while lines.read_line(&mut text).is_ok_and(|n_bytes| n_bytes > 0) && text.ends_with('\n') {
        offsets.push(text.trim().parse().expect("an offset"));
        text.clear();
    }
    offsets
}

/// Lets the program append until `moment` after its first offset, kills it, and answers with the
/// offsets that it printed.
fn run_until_killed(dir: &Path, run: u64, moment: Duration) -> Vec<u64> {
    let mut child = start(dir, run);
    let stdin = child.stdin.take().expect("its input");
    let stdout = child.stdout.take().expect("its output");
    let offsets = thread::scope(|scope| {
        scope.spawn(|| send_lines(stdin, run));
        let offsets = scope.spawn(|| printed_offsets(stdout));
        // The moment is the test, so here it is right to let time pass.
        thread::sleep(moment);
        child.kill().expect("a kill");
        offsets.join().expect("the offsets")
    });
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stderr));
    offsets
}

/// Appends a line to what a kill has left, and ends.
fn assert_ends_soundly(dir: &Path, run: u64) {
    let mut command = Command::new(binary());
    let command = command.args(["append", "--quiet", "--fsync", "always", "--dir"]).arg(dir);
    let mut child = command.env_remove("PROGLOG_DIR").stdin(Stdio::piped()).spawn().expect("a run");
    writeln!(child.stdin.take().expect("its input"), "the end").expect("a line");
    assert!(child.wait().expect("its end").success(), "no append after kill {run}");
    let report = verify(dir);
    assert_eq!(report.verdict(), Verdict::Sound, "after kill {run}: {:?}", report.findings);
}

fn assert_there(dir: &Path, printed: &BTreeMap<u64, String>) {
    let report = verify(dir);
    assert_ne!(report.verdict(), Verdict::Damaged, "{:?}", report.findings);
    let Some((&first, _)) = printed.first_key_value() else { return };
    let reader = LogReader::open(dir).expect("a reader");
    let mut scan = reader.scan(Offset(first)).expect("a scan");
    for (offset, line) in printed {
        let record = loop {
            let record = scan.next_record().expect("a printed record").expect("an intact record");
            if record.offset.0 == *offset {
                break record;
            }
        };
        assert_eq!(record.value, line.as_bytes(), "at {offset}");
    }
}

#[test]
fn what_was_printed_before_a_kill_is_there() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time");
    let seed = from_environment("PROGLOG_SEED", now.as_micros() as u64) | 1;
    println!("PROGLOG_SEED={seed}");
    let mut moments = Moments(seed);
    let runs: Vec<u64> = (0..from_environment("PROGLOG_KILLS", 20)).collect();
    let mut n_printed = 0;
    for runs in runs.chunks(RUNS_PER_LOG) {
        n_printed += kill_over_and_over(runs, &mut moments);
    }
    println!("{} kills of append, {n_printed} printed offsets: 0 lost, 0 wrong", runs.len());
}

/// Kills the program in each of these runs, all in one directory, and says how many offsets it printed.
fn kill_over_and_over(runs: &[u64], moments: &mut Moments) -> usize {
    let (dir, mut printed) = (LogDir::new(), BTreeMap::new());
    for &run in runs {
        let moment = Duration::from_micros(moments.next_below(60_000));
        let offsets = run_until_killed(&dir.path(), run, moment);
        let lines = offsets.into_iter().zip(0..).map(|(offset, n)| (offset, line(run, n)));
        let fresh: BTreeMap<u64, String> = lines.collect();
        if dir.path().exists() {
            assert_there(&dir.path(), &fresh);
        }
        printed.extend(fresh);
        if run % RUNS_PER_END == RUNS_PER_END - 1 {
            assert_ends_soundly(&dir.path(), run + 1);
        }
    }
    assert!(!printed.is_empty(), "nothing was ever printed");
    assert_there(&dir.path(), &printed);
    printed.len()
}
