//! What a service manager is told: these tests listen as systemd does.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use crate::process::serve_command;
use crate::support::{Client, PATIENCE};

/// The service manager: a socket, in a directory that has room for a log, too.
struct Manager {
    dir: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Manager {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("bound");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Manager { dir, socket }
    }

    fn log(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a server that is told to tell.
    fn start(&self, environment: &[(&str, &str)], flags: &[&str]) -> Service {
        let mut command = serve_command(self.log());
        command.args(flags).env("NOTIFY_SOCKET", self.dir.path().join("notify"));
        command.envs(environment.iter().copied());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Service(command.spawn().expect("proglog starts"))
    }

    fn receive(&self) -> io::Result<String> {
        let mut message = [0; 4096];
        let n_bytes = self.socket.recv(&mut message)?;
        Ok(String::from_utf8(message[..n_bytes].to_vec()).expect("text"))
    }

    /// All messages up to the first that begins so.
    fn until(&self, beginning: &str) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.receive().expect("a message in time"));
            if messages.last().is_some_and(|message| message.starts_with(beginning)) {
                return messages;
            }
        }
    }

    /// What has come and was not taken yet.
    fn rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).expect("set");
        std::iter::from_fn(|| self.receive().ok()).collect()
    }
}

/// A server of which nothing is known but what it tells its manager.
struct Service(Child);

impl Drop for Service {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

impl Service {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).expect("a process id"));
        kill_process(pid.expect("a process id"), signal).expect("it runs");
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().expect("it ends").code()
    }

    fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.exit_code(), Some(0));
    }
}

fn monotonic_usec() -> u128 {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).expect("a time").as_micros()
}

#[test]
fn who_is_told_that_it_is_ready_gets_an_answer() {
    let manager = Manager::new();
    let service = manager.start(&[], &[]);
    let messages = manager.until("READY=1");
    assert_eq!(messages[0], "STATUS=opening the log");
    let status = &messages[messages.len() - 2];
    let (_, http) = status.split_once("http on ").expect("where it listens");
    let http: SocketAddr = http.split(',').next().expect("one").parse().expect("an address");
    assert_eq!(Client::connect(http).send("GET", "/readyz", "").status, 200);
    service.stop();
}

#[test]
fn a_server_that_cannot_open_its_log_is_never_ready() {
    let manager = Manager::new();
    let first = manager.start(&[], &[]);
    manager.until("READY=1");
    let mut second = manager.start(&[], &[]);
    assert_eq!(second.exit_code(), Some(6), "the directory is in use");
    let told = manager.rest();
    assert!(told.contains(&"STATUS=opening the log".into()), "{told:?}");
    assert!(!told.iter().any(|message| message.contains("READY=1")), "{told:?}");
    first.stop();
}

#[test]
fn a_reload_is_told_of_and_so_is_its_end() {
    let manager = Manager::new();
    let service = manager.start(&[], &[]);
    manager.until("READY=1");
    for _ in 0..3 {
        let asked = monotonic_usec();
        service.signal(Signal::HUP);
        let messages = manager.until("READY=1");
        let [reloading, _] = &messages[..] else { panic!("{messages:?}") };
        let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("since when");
        let since: u128 = since.parse().expect("a number");
        assert!((asked..monotonic_usec()).contains(&since), "after it was asked: {since}");
    }
    service.stop();
}

#[test]
fn a_stop_is_told_of_with_the_time_it_may_take() {
    let manager = Manager::new();
    let mut service = manager.start(&[], &["--grace", "1h"]);
    manager.until("READY=1");
    service.signal(Signal::TERM);
    assert_eq!(service.exit_code(), Some(0));
    let told = manager.rest();
    assert!(told[0].starts_with("STOPPING=1\n"), "{told:?}");
    let extended = told[1].strip_prefix("EXTEND_TIMEOUT_USEC=").expect("how long");
    assert!(extended.parse::<u64>().expect("a number") > 3_600_000_000, "{told:?}");
}

#[test]
fn the_watchdog_is_fed_while_the_server_runs_and_not_while_it_hangs() {
    let manager = Manager::new();
    let service = manager.start(&[("WATCHDOG_USEC", "200000")], &[]);
    manager.until("READY=1");
    for _ in 0..5 {
        manager.until("WATCHDOG=1");
    }
    service.signal(Signal::STOP);
    // Nothing comes for five periods, but what was under way.
    manager.socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time-out");
    assert!((0..3).any(|_| manager.receive().is_err()), "a stopped process tells nothing");
    service.signal(Signal::CONT);
    manager.socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    manager.until("WATCHDOG=1");
    service.stop();
}

#[test]
fn a_watchdog_for_another_process_is_not_fed() {
    let manager = Manager::new();
    let service = manager.start(&[("WATCHDOG_USEC", "3600000000"), ("WATCHDOG_PID", "1")], &[]);
    let mut messages = manager.until("READY=1");
    // The first would have come at once: by now, if not before.
    service.signal(Signal::HUP);
    messages.extend(manager.until("READY=1"));
    assert!(!messages.contains(&"WATCHDOG=1".into()), "{messages:?}");
    service.stop();
}
