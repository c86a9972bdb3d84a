//! The program itself, started and stopped as an operator does.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use proglog::log::{Verdict, verify};
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::Value;

use crate::damage::flip_a_bit;
use crate::serving::Serving;
use crate::support::{Answer, Client, PATIENCE, produce_body};

const PROGLOG: &str = env!("CARGO_BIN_EXE_proglog");

pub(crate) fn serve_command(dir: &Path) -> Command {
    let mut command = Command::new(PROGLOG);
    command.arg("-d").arg(dir).args([
        "-v",
        "serve",
        "--http-addr",
        "127.0.0.1:0",
        "--grpc-addr",
        "127.0.0.1:0",
    ]);
    command
}

impl Serving {
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        Client::connect(self.http).send(method, path, body)
    }

    fn produce(&self, base64: &str) -> Answer {
        self.send("POST", "/", &produce_body(base64))
    }

    /// Lets it open only so many files more.
    fn leave_files(&self, n_files: u64) {
        let current = Some(self.n_open_files() + n_files);
        let limit = Rlimit { current, maximum: current };
        prlimit(Some(self.pid()), Resource::Nofile, limit).expect("a lower limit");
    }
}

fn output(command: &mut Command) -> Output {
    command.output().expect("proglog runs")
}

#[test]
fn a_signal_stops_it_in_order_and_the_records_stay() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempfile::tempdir().expect("a directory");
        let serving = Serving::start(&mut serve_command(dir.path()));
        assert_eq!(serving.produce("aGVsbG8=").text(), "{\"offset\":0}\n");
        let (code, said) = serving.stop(signal);
        assert_eq!(code, Some(0), "{said}");
        let read = output(Command::new(PROGLOG).arg("-d").arg(dir.path()).arg("read"));
        assert_eq!(read.stdout, b"hello\n");
        assert!(read.stderr.is_empty(), "nothing had to be recovered: {read:?}");
    }
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(&mut serve_command(dir.path()));
    for _ in 0..5 {
        assert_eq!(serving.produce("aGVsbG8=").status, 200);
    }
    serving.stop(Signal::KILL);
    let serving = Serving::start(&mut serve_command(dir.path()));
    assert_eq!(serving.send("GET", "/", "{\"offset\":4}").status, 200);
    assert_eq!(serving.produce("aGVsbG8=").text(), "{\"offset\":5}\n");
    serving.stop(Signal::TERM);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(serve_command(dir.path()).args(["--grace", "1h"]));
    let mut client = Client::connect(serving.http);
    client.write("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n");
    client.write("Content-Length: 100\r\n\r\n");
    assert_eq!(client.answer("POST").status, 100);
    serving.signal(Signal::TERM);
    while TcpStream::connect(serving.http).is_ok() {
        thread::yield_now();
    }
    let (code, said) = serving.stop(Signal::TERM);
    assert_eq!(code, Some(143), "{said}");
}

#[test]
fn each_request_is_one_line_of_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(serve_command(dir.path()).args(["--log-format", "json"]));
    serving.produce("aGVsbG8=");
    serving.send("GET", "/?offset=0", "{\"offset\":7}");
    let (_, said) = serving.stop(Signal::TERM);
    let lines = said.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let requests: Vec<Value> = lines
        .map(|line: Value| line["fields"].clone())
        .filter(|fields| fields["message"] == "request")
        .collect();
    assert_eq!(requests.len(), 2, "{said}");
    for (request, (method, status)) in requests.iter().zip([("POST", 200), ("GET", 404)]) {
        assert_eq!(request["method"], method);
        assert_eq!(request["path"], "/", "a query may hold what is nobody's business");
        assert_eq!(request["status"], status);
        assert!(request["bytes"].is_u64() && request["duration_us"].is_u64(), "{request}");
    }
    assert_eq!(requests[0]["offset"], 0, "that of the record that was appended");
    assert!(requests[1]["offset"].is_null(), "there is none");
}

#[test]
fn a_directory_has_one_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(&mut serve_command(dir.path()));
    let second = output(&mut serve_command(dir.path()));
    assert_eq!(second.status.code(), Some(6), "{second:?}");
    serving.stop(Signal::TERM);
}

#[test]
fn a_port_that_is_taken_leaves_the_log_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(&mut serve_command(dir.path()));
    let other = dir.path().join("other");
    let mut command = Command::new(PROGLOG);
    command
        .arg("-d")
        .arg(&other)
        .args(["serve", "--grpc-addr", "127.0.0.1:0"])
        .args(["--http-addr", &serving.http.to_string()]);
    let second = output(&mut command);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("can't listen on") && said.contains("--http-addr"), "{said}");
    assert!(!other.exists());
    serving.stop(Signal::TERM);
}

#[test]
fn an_address_that_others_can_reach_needs_consent() {
    let dir = tempfile::tempdir().expect("a directory");
    let public = ["serve", "--http-addr", "0.0.0.0:0"];
    let refused = output(Command::new(PROGLOG).arg("-d").arg(dir.path()).args(public));
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--insecure"), "{refused:?}");
    let mut command = Command::new(PROGLOG);
    command.arg("-d").arg(dir.path()).args(public).arg("--insecure");
    let (code, said) = Serving::start(&mut command).stop(Signal::TERM);
    assert_eq!(code, Some(0));
    assert!(said.contains("INSECURE"), "{said}");
}

#[test]
fn a_damaged_log_is_served_read_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(&mut serve_command(dir.path()));
    for value in ["YmVmb3Jl", "Y29ycnVwdA==", "YWZ0ZXI="] {
        assert_eq!(serving.produce(value).status, 200);
    }
    serving.stop(Signal::TERM);
    flip_a_bit(dir.path(), b"corrupt");
    // Without its index, the next start looks at every record.
    fs::remove_file(dir.path().join("0.index")).expect("the index");
    let serving = Serving::start(serve_command(dir.path()).arg("--quiet"));
    serving.produce("aGVsbG8=").problem(503, "damaged");
    serving.send("GET", "/readyz", "").problem(503, "damaged");
    assert_eq!(serving.send("GET", "/livez", "").status, 200);
    assert_eq!(serving.send("GET", "/", "{\"offset\":2}").status, 200);
    serving.send("GET", "/", "{\"offset\":1}").problem(500, "corrupt");
    let (code, said) = serving.stop(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("READ-ONLY") && said.contains("proglog repair"), "{said}");
}

#[test]
fn running_out_of_files_is_survived() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::start(&mut serve_command(dir.path()));
    serving.leave_files(4);
    let crowd: Vec<Client> = (0..20).map(|_| Client::connect(serving.http)).collect();
    let mut last = Client::connect(serving.http);
    last.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(last.is_silent(), "there is no file left for it");
    drop(crowd);
    assert_eq!(last.answer("GET").status, 200);
    assert_eq!(serving.produce("aGVsbG8=").status, 200);
    drop(last);
    let (code, said) = serving.stop(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("can't take connections"), "{said}");
}

/// Runs `serve` with files of at most 8 or 16 MiB, as the shell counts, until the limit is raised.
fn serve_with_short_files(dir: &Path) -> Serving {
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -S -f 16384; exec \"$0\" \"$@\"").arg(PROGLOG);
    command.arg("-d").arg(dir).args([
        "serve",
        "--http-addr",
        "127.0.0.1:0",
        "--grpc-addr",
        "127.0.0.1:0",
    ]);
    Serving::start(&mut command)
}

/// Appends until there is no room; gives the number of records that were acknowledged.
fn fill(serving: &Serving) -> u64 {
    let value = "AAAA".repeat(1 << 18);
    let mut n_appended = 0;
    let refused = loop {
        let answer = serving.produce(&value);
        if answer.status != 200 {
            break answer;
        }
        n_appended += 1;
    };
    assert!(n_appended > 0, "{}", refused.text());
    refused.problem(507, "disk_full");
    n_appended
}

#[test]
fn a_full_disk_with_room_again_is_written_on_without_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve_with_short_files(dir.path());
    let n_appended = fill(&serving);
    serving.produce("aGVsbG8=").problem(507, "disk_full");
    serving.send("GET", "/readyz", "").problem(503, "disk_full");
    let no_limit = Rlimit { current: None, maximum: None };
    prlimit(Some(serving.pid()), Resource::Fsize, no_limit).expect("raised");
    let deadline = Instant::now() + PATIENCE;
    while serving.send("GET", "/readyz", "").status != 200 {
        assert!(Instant::now() < deadline, "it doesn't go on");
    }
    let answer = serving.produce("aGVsbG8=");
    assert_eq!(answer.text(), format!("{{\"offset\":{n_appended}}}\n"));
    for offset in 0..=n_appended {
        let answer = serving.send("GET", "/", &format!("{{\"offset\":{offset}}}"));
        assert_eq!(answer.status, 200, "what was acknowledged is readable");
    }
    let (code, said) = serving.stop(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("READ-ONLY"), "{said}");
    let report = verify(dir.path(), &|_| {}).expect("verified");
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve_with_short_files(dir.path());
    let n_appended = fill(&serving);
    serving.produce("aGVsbG8=").problem(507, "disk_full");
    serving.send("GET", "/readyz", "").problem(503, "disk_full");
    for offset in 0..n_appended {
        let answer = serving.send("GET", "/", &format!("{{\"offset\":{offset}}}"));
        assert_eq!(answer.status, 200, "what was acknowledged is readable");
    }
    serving.stop(Signal::TERM);
    let serving = Serving::start(&mut serve_command(dir.path()));
    let answer = serving.produce("aGVsbG8=");
    assert_eq!(answer.text(), format!("{{\"offset\":{n_appended}}}\n"), "it goes on with room");
    serving.stop(Signal::TERM);
}
