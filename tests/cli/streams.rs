//! Inputs and outputs that take their time, end early, or never end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Place, Said, wait};

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process is there");
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("readable");
    line
}

/// An append that waits for input, and the two ends of it.
fn appending(place: &Place) -> (Child, ChildStdin, impl BufRead + use<>) {
    let mut child = place.start("append --print-offsets");
    let input = child.stdin.take().expect("piped");
    let offsets = BufReader::new(child.stdout.take().expect("piped"));
    (child, input, offsets)
}

#[test]
fn a_slow_producers_line_is_durable_at_once() {
    let place = Place::new();
    let (mut child, mut input, mut offsets) = appending(&place);
    input.write_all(b"one\ntw").expect("written");
    assert_eq!(line(&mut offsets), "0\n");
    assert_eq!(place.run("read").stdout, "one\n");
    input.write_all(b"o\n").expect("written");
    assert_eq!(line(&mut offsets), "1\n");
    drop(input);
    assert_eq!(wait(&mut child).code(), Some(0));
    assert_eq!(place.run("read").stdout, "one\ntwo\n");
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let place = Place::new();
    let (mut child, mut input, mut offsets) = appending(&place);
    input.write_all(b"one\n").expect("written");
    assert_eq!(line(&mut offsets), "0\n");
    for words in ["append", "truncate --before 0", "repair"] {
        let second = place.run(words);
        assert_eq!(second.exit, Some(6), "{words}: {}", second.stderr);
        assert!(second.stderr.contains("in use by another writer"), "{}", second.stderr);
    }
    assert!(place.run("info").stdout.contains("at work"));
    assert_eq!(place.run("verify").exit, Some(0));
    drop(input);
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn a_signal_ends_an_append_cleanly() {
    for (asked, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = Place::new();
        let (mut child, mut input, mut offsets) = appending(&place);
        input.write_all(b"one\nhal").expect("written");
        assert_eq!(line(&mut offsets), "0\n");
        signal(&child, asked);
        assert_eq!(wait(&mut child).code(), Some(exit));
        drop(input);
        let verified = place.run("verify");
        assert_eq!(verified.exit, Some(0), "{}", verified.stdout);
        assert_eq!(place.run("read").stdout, "one\n");
    }
}

#[test]
fn bytes_come_back_as_they_were() {
    let place = Place::new();
    let lines = b"plain\nwith \0 and \xFF\r\n\n  blanks  \n";
    let said = place.run_with("append", lines);
    assert_eq!(said.stdout, "appended 4 records at offsets 0 to 3 (fsync)\n", "{}", said.stderr);
    let output = place.command(["read"]).output().expect("proglog runs");
    assert_eq!(output.stdout, lines);
    let copy = Place::new();
    let json = place.run("read --format json");
    assert_eq!(copy.run_with("append --format json", json.stdout.as_bytes()).exit, Some(0));
    assert_eq!(copy.run("read --format json").stdout, json.stdout);
}

#[test]
fn following_prints_what_comes_until_there_is_enough() {
    let place = Place::new();
    let (mut child, mut input, mut offsets) = appending(&place);
    input.write_all(b"one\n").expect("written");
    assert_eq!(line(&mut offsets), "0\n");
    let mut follower = place.start("read --follow -n 3");
    let mut records = BufReader::new(follower.stdout.take().expect("piped"));
    assert_eq!(line(&mut records), "one\n");
    input.write_all(b"two\n").expect("written");
    assert_eq!(line(&mut records), "two\n");
    input.write_all(b"three\nfour\n").expect("written");
    assert_eq!(line(&mut records), "three\n");
    assert_eq!(wait(&mut follower).code(), Some(0));
    assert_eq!(line(&mut records), "");
    drop(input);
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn following_stops_when_asked_or_when_nobody_reads() {
    let place = Place::new();
    assert_eq!(place.run_with("append", b"one\n").exit, Some(0));
    for by_signal in [true, false] {
        let mut follower = place.start("read --follow");
        let mut records = BufReader::new(follower.stdout.take().expect("piped"));
        assert_eq!(line(&mut records), "one\n");
        if by_signal {
            signal(&follower, Signal::INT);
        } else {
            drop(records);
        }
        assert_eq!(wait(&mut follower).code(), Some(0));
        let mut stderr = String::new();
        follower.stderr.take().expect("piped").read_to_string(&mut stderr).expect("readable");
        assert_eq!(stderr, "");
    }
}

/// Runs it with an output that nobody reads.
fn run_unread(place: &Place, words: &str, input: &[u8]) -> Said {
    let mut child = place.start(words);
    drop(child.stdout.take());
    child.stdin.take().expect("piped").write_all(input).expect("all of it is read");
    Said::of(child.wait_with_output().expect("proglog ends"))
}

#[test]
fn a_closed_pipe_is_a_quiet_success() {
    let place = Place::new();
    let lines = "a line\n".repeat(50_000);
    let said = run_unread(&place, "append --print-offsets --fsync never", lines.as_bytes());
    assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""));
    let info = place.run("info --output json").stdout;
    assert!(info.contains("\"records\":50000"), "nothing of it is left out: {info}");
    for words in ["read", "info", "verify", "man", "completions bash", "dump-index"] {
        let said = run_unread(&place, words, b"");
        assert_eq!((said.exit, said.stderr.as_str()), (Some(0), ""), "{words}");
    }
}

#[test]
fn a_name_that_is_not_text_is_printed_as_well_as_it_can_be() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"not \xFF text");
    for (words, exit) in [("info", 1), ("append", 0), ("info", 0), ("read -o 5", 4)] {
        let first_word = words.split(' ').next().unwrap_or(words);
        let words = ["--output", "json"].into_iter().chain(words.split(' '));
        let mut command = place.command(words);
        let output = command.arg("--dir").arg(name).stdin(Stdio::null()).output();
        let said = Said::of(output.expect("proglog runs"));
        assert_eq!(said.exit, Some(exit), "{}", said.stderr);
        let document = said.stdout + &said.stderr;
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&document);
        assert!(parsed.is_ok(), "{document}");
        let has_name = document.contains("not \u{FFFD} text");
        assert_eq!(has_name, first_word == "info", "{document}");
    }
}

#[test]
fn a_full_output_is_an_error() {
    let place = Place::new();
    assert_eq!(place.run_with("append", b"one\n").exit, Some(0));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it's Linux");
    let output = place.command(["read"]).stdout(full).output().expect("proglog runs");
    let said = Said::of(output);
    assert_eq!(said.exit, Some(1));
    assert!(said.stderr.contains("can't write to standard output: No space"), "{}", said.stderr);
}

#[test]
fn an_endless_line_ends_at_the_limit() {
    let place = Place::new();
    let mut child = place.start("append --max-record-bytes 64KiB");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"one\n").expect("written");
    let block = [b'x'; 64 * 1024];
    // It fails once the other end has seen enough.
    let n_blocks = (0..1_000_000).take_while(|_| input.write_all(&block).is_ok()).count();
    assert!(n_blocks < 1_000_000);
    let said = Said::of(child.wait_with_output().expect("proglog ends"));
    assert_eq!(said.exit, Some(1));
    assert!(said.stderr.contains("standard input, line 2: "), "{}", said.stderr);
    assert!(said.stderr.contains("1 record was appended before, at offset 0"), "{}", said.stderr);
}

#[test]
fn the_file_size_limit_is_an_error_and_no_death() {
    let place = Place::new();
    let script = "ulimit -f 100; exec \"$0\" --dir \"$1\" append --fsync never";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_proglog")])
        .arg(place.log())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let lines = "a line\n".repeat(50_000);
    // It stops reading when it fails.
    let _ = child.stdin.take().expect("piped").write_all(lines.as_bytes());
    let said = Said::of(child.wait_with_output().expect("proglog ends"));
    assert_eq!(said.exit, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("File too large"), "{}", said.stderr);
    assert_eq!(place.run_with("append", b"more\n").exit, Some(0));
    assert!(matches!(place.run("verify").exit, Some(0)));
}

#[test]
fn a_benchmark_that_is_stopped_leaves_nothing_behind() {
    let place = Place::new();
    let parent = place.log().parent().expect("it has one").to_owned();
    let n_entries = || parent.read_dir().expect("readable").count();
    let mut child = place.start("bench append --records 1000000000 --fsync never");
    while n_entries() == 0 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended early");
        std::thread::yield_now();
    }
    signal(&child, Signal::INT);
    assert_eq!(wait(&mut child).code(), Some(130));
    assert_eq!(n_entries(), 0);
}
