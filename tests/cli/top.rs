//! `proglog top`, as lines: what a directory and a server show, and a server that goes and comes back.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Command};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::serving::Serving;
use crate::support::{Place, Said, wait};

fn serve(place: &Place, http: &str) -> Serving {
    let words = ["serve", "--http-addr", http, "--grpc-addr", "127.0.0.1:0"];
    Serving::start(&mut place.command(words))
}

/// `top` that runs, and the lines that it prints.
struct Top {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Top {
    fn start(mut command: Command) -> Top {
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Top { child, lines }
    }

    fn next(&mut self) -> Value {
        let line = self.lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Skips what doesn't fit. The test's own time limit is the only end to that.
    fn until(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let line = self.next();
            if fits(&line) {
                return line;
            }
        }
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// In a place without a log.
fn top(elsewhere: &Place, words: &str) -> Top {
    let words = format!("--output json top --interval 100ms {words}");
    Top::start(elsewhere.bare_command(words.split(' ')))
}

fn append(place: &Place, server: Option<&Serving>, input: &[u8]) {
    let said = match server {
        None => place.run_with("append", input),
        Some(serving) => {
            let address = serving.grpc.to_string();
            let elsewhere = Place::new();
            let command = elsewhere.bare_command(["append", "--server", &address]);
            Said::of(
                assert_cmd::Command::from_std(command)
                    .write_stdin(input)
                    .output()
                    .expect("it runs"),
            )
        }
    };
    assert_eq!(said.exit, Some(0), "{}", said.stderr);
}

#[test]
fn over_http_a_server_shows_rates_latencies_and_offsets() {
    let (served, elsewhere) = (Place::new(), Place::new());
    let serving = serve(&served, "127.0.0.1:0");
    let mut top = top(&elsewhere, &format!("--http {}", serving.http));
    let first = top.next();
    assert_eq!((&first["state"], &first["next_offset"]), (&"ready".into(), &0.into()));
    assert!(first["append_records_per_s"].is_null(), "there is no rate before the second look");
    append(&served, Some(&serving), b"one\ntwo\n");
    // A look may fall between two of them.
    let mut unseen = vec![
        "append_records_per_s",
        "append_bytes_per_s",
        "append_p50_seconds",
        "append_p99_seconds",
        "fsync_p99_seconds",
    ];
    let busy = top.until(|line| {
        unseen.retain(|known| line[known].as_f64().is_none_or(|value| value <= 0.0));
        unseen.is_empty()
    });
    assert_eq!((&busy["next_offset"], &busy["committed_offset"]), (&2.into(), &2.into()));
    assert_eq!(busy["http_connections"], 1, "its own: {busy}");
    assert_eq!(busy["disk_high_ratio"], 0.95);
    let idle = top.until(|line| line["append_records_per_s"] == 0.0);
    assert!(idle["append_p50_seconds"].is_null(), "{idle}");
}

#[test]
fn over_grpc_a_server_shows_what_is_appended() {
    let (served, elsewhere) = (Place::new(), Place::new());
    let serving = serve(&served, "127.0.0.1:0");
    let mut top = top(&elsewhere, &format!("--server {}", serving.grpc));
    assert_eq!(top.next()["committed_offset"], 0);
    append(&served, Some(&serving), b"one\ntwo\n");
    let busy = top.until(|line| line["append_records_per_s"].as_f64() > Some(0.0));
    assert_eq!(busy["next_offset"], 2);
    assert!(busy["append_p50_seconds"].is_null() && busy["read_records_per_s"].is_null());
}

#[test]
fn a_directory_shows_what_is_appended_and_is_not_locked() {
    let place = Place::new();
    append(&place, None, b"one\n");
    let mut command = place.command(["--output", "json", "top", "--interval", "100ms"]);
    command.env_remove("PROGLOG_SERVER").env_remove("PROGLOG_HTTP");
    let mut top = Top::start(command);
    let first = top.next();
    assert_eq!((&first["state"], &first["next_offset"]), (&"clean".into(), &1.into()));
    append(&place, None, b"two\nthree\n");
    let busy = top.until(|line| line["append_records_per_s"].as_f64() > Some(0.0));
    assert_eq!(busy["next_offset"], 3);
    assert!(busy["append_bytes_per_s"].as_f64() > Some(0.0), "{busy}");
}

#[test]
fn a_server_that_goes_is_asked_until_it_is_back() {
    let (served, elsewhere) = (Place::new(), Place::new());
    let serving = serve(&served, "127.0.0.1:0");
    let address = serving.http.to_string();
    let mut top = top(&elsewhere, &format!("--http {address}"));
    assert_eq!(top.next()["state"], "ready");
    serving.stop(Signal::KILL);
    let gone = top.until(|line| line["state"] != "ready");
    assert_eq!(
        (&gone["state"], &gone["error"]["code"]),
        (&"unknown".into(), &"unavailable".into())
    );
    let serving = serve(&served, &address);
    let back = top.until(|line| line["state"] == "ready");
    assert!(back["append_records_per_s"].is_null(), "another process counts anew: {back}");
    append(&served, Some(&serving), b"one\n");
    top.until(|line| line["next_offset"] == 1);
    kill_process(Pid::from_child(&top.child), Signal::TERM).expect("it runs");
    assert_eq!(wait(&mut top.child).code(), Some(0));
}

#[test]
fn lines_are_counted_and_a_closed_pipe_ends_them() {
    let place = Place::new();
    append(&place, None, b"one\n");
    let said = place.run("top --interval 100ms --count 2");
    assert_eq!((said.exit, said.stdout.lines().count()), (Some(0), 3), "{}", said.stdout);
    let mut endless = place.start("top --interval 1h");
    drop(endless.stdout.take());
    assert_eq!(wait(&mut endless).code(), Some(0));
}

#[test]
fn what_cannot_be_seen_from_the_start_is_an_error() {
    let served = Place::new();
    let serving = serve(&served, "127.0.0.1:0");
    for (words, exit, said) in [
        ("top --http 127.0.0.1:1".to_owned(), 1, "can't reach 127.0.0.1:1: "),
        ("top --http localhost".to_owned(), 2, "is not an address: use HOST:PORT"),
        (format!("top --http {}", serving.grpc), 1, "can't reach 127.0.0.1:"),
        (format!("top --server {}", serving.http), 1, "can't reach 127.0.0.1:"),
        (format!("-d x top --http {}", serving.http), 2, "--dir has no meaning with --http"),
        ("-d nowhere top --count 1".to_owned(), 1, "nowhere"),
    ] {
        let refused = Place::new().run_bare(&words);
        assert_eq!(refused.exit, Some(exit), "{words}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{words}: {}", refused.stderr);
    }
}

/// Standard output of a run that has to succeed.
fn done(said: Said) -> String {
    assert_eq!(said.exit, Some(0), "{}", said.stderr);
    said.stdout
}

/// `serve` with these words, too.
fn serve_with(place: &Place, words: &str) -> Serving {
    let all = format!("serve --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0 {words}");
    Serving::start(&mut place.command(all.split(' ')))
}

#[test]
fn who_may_see_the_metrics_alone_sees_them_and_is_denied_the_rest_once() {
    let place = Place::new();
    let write = |name: &str, text: &str| {
        let path = place.log().with_file_name(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
    };
    write("secret", "a secret that has more than 32 bytes\n");
    write("policy.csv", "p, prom, *, metrics\np, eve, *, consume\n");
    let serving = serve_with(&place, "--token-key secret --acl-policy-file policy.csv");
    let issue = |name: &str| {
        done(place.run(&format!("token issue --sub {name} --ttl 1h --key secret")))
            .trim_end()
            .to_owned()
    };
    let top = |token: Option<&str>, count: u64| {
        let words = format!("top --http {} --interval 100ms --count {count}", serving.http);
        let mut command = place.bare_command(words.split(' '));
        command.envs(token.map(|token| ("PROGLOG_TOKEN", token)));
        Said::of(command.output().expect("it runs"))
    };
    let prom = issue("prom");
    let shown = done(top(Some(&prom), 4));
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(shown.lines().skip(1).all(|line| line.contains("  ready  ")), "{shown}");
    let mut stream = TcpStream::connect(serving.http).expect("connected");
    let request = format!("GET /metrics HTTP/1.0\r\nAuthorization: Bearer {prom}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let metrics = io::read_to_string(stream).expect("text");
    assert!(metrics.contains("\nproglog_denied_total 1.0\n"), "{metrics}");
    for (token, hint) in [(Some(issue("eve")), "the action `metrics`"), (None, "--token-file")] {
        let refused = top(token.as_deref(), 1);
        assert_eq!(refused.exit, Some(1));
        assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    }
}

#[test]
fn a_server_with_tls_is_watched_as_well() {
    let place = Place::new();
    for words in ["certs init", "certs server", "certs client --cn root"] {
        done(place.run(words));
    }
    let tls = "--tls-cert certs/server.pem --tls-key certs/server-key.pem";
    let serving = serve_with(&place, &format!("{tls} --tls-client-ca certs/ca.pem"));
    let top =
        format!("top --http {} --tls-ca certs/ca.pem --count 2 --interval 100ms", serving.http);
    let client = "--client-cert certs/root.pem --client-key certs/root-key.pem";
    let shown = done(place.run_bare(&format!("{top} {client}")));
    assert_eq!(shown.lines().count(), 3, "{shown}");
    let refused = place.run_bare(&top);
    assert_eq!(refused.exit, Some(1));
    assert!(refused.stderr.contains("CertificateRequired"), "{}", refused.stderr);
}
