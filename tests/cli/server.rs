//! `--server`: what works on a directory works on a server, with the same words.

use std::io::{BufRead, BufReader, Write};

use rustix::process::{Pid, Signal, kill_process};

use crate::serving::Serving;
use crate::support::{Place, Said, wait};

/// Two records with times of their own, and one that is not text.
const RECORDS: &[u8] = br#"{"text":"one","key":"k","timestamp":"2026-01-01T00:00:00Z"}
{"text":"two","headers":[{"name":"a","text":"b"}],"timestamp":"2026-01-02T00:00:00Z"}
{"value":"/wA=","timestamp":"2026-01-03T00:00:00Z"}
"#;

fn serve(place: &Place) -> Serving {
    serve_at(place, "127.0.0.1:0")
}

/// Listens for gRPC at this address.
fn serve_at(place: &Place, address: &str) -> Serving {
    let words = ["serve", "--http-addr", "127.0.0.1:0", "--grpc-addr", address];
    Serving::start(&mut place.command(words))
}

/// The same said with `--server`, in a place that has no log.
fn run_with(serving: &Serving, words: &str, input: &[u8]) -> Said {
    let elsewhere = Place::new();
    let (global, words) = words.split_once(" -- ").unwrap_or(("", words));
    let global = global.split(' ').filter(|word| !word.is_empty());
    let address = serving.grpc.to_string();
    let words = words.split(' ').chain(["--server", &address]);
    let mut command = elsewhere.bare_command(global.chain(words));
    command.env_remove("PROGLOG_SERVER");
    let output = assert_cmd::Command::from_std(command).write_stdin(input).output();
    Said::of(output.expect("proglog runs"))
}

fn run(serving: &Serving, words: &str) -> Said {
    run_with(serving, words, b"")
}

#[test]
fn a_directory_and_a_server_give_the_same_output() {
    let (directory, served) = (Place::new(), Place::new());
    let serving = serve(&served);
    let same = |words: &str, input: &[u8]| {
        let on_directory = directory.run_with(&words.replacen(" -- ", " ", 1), input);
        let on_server = run_with(&serving, words, input);
        assert_eq!(on_server.stdout, on_directory.stdout, "{words}: {}", on_server.stderr);
        assert_eq!(on_server.stderr, on_directory.stderr, "{words}");
        assert_eq!(on_server.exit, on_directory.exit, "{words}");
    };
    same("append", b"");
    same("read", b"");
    same("read --offset 0", b"");
    same("append --format json", RECORDS);
    same("--output json -- append --format json", RECORDS);
    same("append --format json --print-offsets --batch-records 2", RECORDS);
    same("append --format base64", b"YQ==\n!\n");
    same("--output json -- append --expect-offset 3", b"a\n");
    same("append --format json --expect-offset 10", RECORDS);
    for words in [
        "read --format json --count 9",
        "read --offset 1:3",
        "read --offset -2 --count 1",
        "read --offset @2026-01-02T00:00:00Z:2026-01-03T00:00:00Z --count 9",
        "read --offset end",
        "read --offset 2:2",
        "read --count 0",
        "read --count 3 --chomp",
        "read --count 3 --format %o:%k:%h:%T:%s",
        "read --follow --count 3 --format base64",
        "read --offset 99",
        "--output json -- read --offset 99",
        "read --offset 99 --follow",
        "read --format raw --delimiter x",
    ] {
        same(words, b"");
    }
}

#[test]
fn what_a_server_does_not_know_is_a_wrong_use() {
    let served = Place::new();
    let serving = serve(&served);
    for (words, said) in [
        ("read --format %p", "doesn't tell"),
        ("append --fsync never", "--fsync has no meaning with --server"),
        ("append --segment-bytes 1MiB", "--segment-bytes has no meaning"),
        ("--dir x -- read", "--dir has no meaning"),
    ] {
        let refused = run(&serving, words);
        assert_eq!(refused.exit, Some(2), "{words}");
        assert!(refused.stderr.contains(said), "{words}: {}", refused.stderr);
    }
    let nobody = Place::new().run_bare("read --server 127.0.0.1:1");
    assert_eq!(nobody.exit, Some(1));
    assert!(nobody.stderr.starts_with("error: can't reach 127.0.0.1:1: "), "{}", nobody.stderr);
}

#[test]
fn info_tells_what_the_server_tells() {
    let served = Place::new();
    let serving = serve(&served);
    assert_eq!(run_with(&serving, "append", b"a\nb\n").exit, Some(0));
    let info = run(&serving, "info").stdout;
    for row in ["server:        127.0.0.1:", "next offset:   2\n", "appends:       taken\n"] {
        assert!(info.contains(row), "{info}");
    }
    let json = run(&serving, "--output json -- info").stdout;
    assert!(json.contains(r#""records":2"#) && json.contains(r#""durability":"fsync""#), "{json}");
}

#[test]
fn a_record_too_large_for_the_server_is_named() {
    let served = Place::new();
    let serving = serve(&served);
    let mut input = b"a\nb\n".to_vec();
    input.resize((5 << 20) + 4, b'x');
    let refused = run_with(&serving, "append", &input);
    assert_eq!(refused.exit, Some(1));
    let said = "standard input, line 3: the line is longer than 4,194,304 bytes";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert!(refused.stderr.contains("start the server with"), "{}", refused.stderr);
    assert_eq!(run(&serving, "read").stdout, "a\nb\n");
}

#[test]
fn following_goes_on_when_the_server_is_back_and_ends_with_a_signal() {
    let (served, elsewhere) = (Place::new(), Place::new());
    let serving = serve(&served);
    let address = serving.grpc.to_string();
    assert_eq!(run_with(&serving, "append", b"one\n").exit, Some(0));
    let words = ["read", "--follow", "--server", &address];
    let mut follower = elsewhere.bare_command(words).spawn().expect("it starts");
    let mut records = BufReader::new(follower.stdout.take().expect("a pipe"));
    let mut next = || {
        let mut line = String::new();
        records.read_line(&mut line).expect("text");
        line
    };
    assert_eq!(next(), "one\n");
    serving.stop(Signal::TERM);
    let serving = serve_at(&served, &address);
    assert_eq!(run_with(&serving, "append", b"two\n").exit, Some(0));
    assert_eq!(next(), "two\n");
    kill_process(Pid::from_child(&follower), Signal::INT).expect("it runs");
    assert_eq!(wait(&mut follower).code(), Some(0));
    assert_eq!(next(), "");
}

#[test]
fn a_server_that_goes_away_is_told_with_what_was_acknowledged() {
    let (served, elsewhere) = (Place::new(), Place::new());
    let serving = serve(&served);
    let words = "append --print-offsets --retry-for 100ms --server";
    let address = serving.grpc.to_string();
    let words = words.split(' ').chain([&*address]);
    let mut child = elsewhere.bare_command(words).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut offsets = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    input.write_all(b"one\ntwo\n").expect("written");
    for offset in ["0", "1"] {
        assert_eq!(offsets.next().expect("an offset").expect("text"), offset);
    }
    serving.stop(Signal::KILL);
    input.write_all(b"three\n").expect("written");
    drop(input);
    let said = Said::of(child.wait_with_output().expect("it ends"));
    assert_eq!(said.exit, Some(1));
    let tally = "; 2 records were appended before, the last at offset 1";
    assert!(said.stderr.contains(tally), "{}", said.stderr);
}

#[test]
fn an_append_with_an_expected_offset_outlives_a_restart() {
    let (served, elsewhere) = (Place::new(), Place::new());
    let serving = serve(&served);
    let address = serving.grpc.to_string();
    let words = "append --print-offsets --expect-offset 0 --server";
    let words = words.split(' ').chain([&*address]);
    let mut child = elsewhere.bare_command(words).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut offsets = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    input.write_all(b"one\n").expect("written");
    assert_eq!(offsets.next().expect("an offset").expect("text"), "0");
    serving.stop(Signal::KILL);
    input.write_all(b"two\n").expect("written");
    drop(input);
    let serving = serve_at(&served, &address);
    assert_eq!(offsets.next().expect("an offset").expect("text"), "1");
    assert_eq!(wait(&mut child).code(), Some(0));
    assert_eq!(run(&serving, "read").stdout, "one\ntwo\n");
}

#[test]
fn a_benchmark_of_a_server_prints_both_rates() {
    let served = Place::new();
    let serving = serve(&served);
    let appended = run(&serving, "bench append --records 40 --clients 20 --size 10B");
    assert_eq!(appended.exit, Some(0), "{}", appended.stderr);
    for row in ["1 client ", "20 clients ", "ratio ", "fdatasync "] {
        assert!(appended.stdout.contains(row), "{}", appended.stdout);
    }
    let read = run(&serving, "--output json -- bench read --records 40 --clients 2");
    assert_eq!(read.exit, Some(0), "{}", read.stderr);
    assert!(read.stdout.contains(r#""clients":2,"one_client":{"#), "{}", read.stdout);
}

#[test]
fn checking_the_configuration_touches_neither_log_nor_ports() {
    let place = Place::new();
    let said = place.run("serve --check-config");
    assert_eq!((said.exit, &*said.stderr), (Some(0), ""));
    assert!(!place.log().exists(), "{}", said.stdout);
    // A server that has both doesn't matter.
    let serving = serve(&place);
    let (http, grpc) = (serving.http, serving.grpc);
    let words = format!("serve --check-config --http-addr {http} --grpc-addr {grpc}");
    let said = place.run(&words);
    assert_eq!((said.exit, &*said.stderr), (Some(0), ""));
    assert!(said.stdout.contains(&format!("\nhttp-addr = \"{http}\"")), "{}", said.stdout);
}
