//! The server killed while clients append, over and over in one directory: whatever it has
//! acknowledged is there afterwards.
//!
//! `PROGLOG_KILLS` says how often, `PROGLOG_SEED` chooses a failed run's moments again, and
//! `PROGLOG_BIN` names another binary.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proglog::log::{LogReader, Offset, Verdict, verify};
use rustix::process::Signal;

use crate::serving::Serving;
use crate::support::{Client, produce_body, request};

const N_CLIENTS: u64 = 8;

/// Most acknowledgements before a kill.
const MAX_ACKNOWLEDGED: u64 = 400;

type Acknowledged = BTreeMap<u64, String>;

fn from_environment(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number in the environment"))
}

/// A number that looks random and comes again with the same seed.
const fn next_below(state: &mut u64, limit: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % limit
}

fn start(dir: &Path) -> Serving {
    let binary = std::env::var_os("PROGLOG_BIN")
        .unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_proglog")));
    let mut command = Command::new(binary);
    command.arg("--dir").arg(dir).env_remove("PROGLOG_DIR");
    command.args([
        "--quiet",
        "serve",
        "--http-addr",
        "127.0.0.1:0",
        "--grpc-addr",
        "127.0.0.1:0",
        "--segment-bytes",
        "16384",
    ]);
    Serving::start(&mut command)
}

/// Posts one value after the other, and tells of each that was acknowledged, until the server is gone.
fn post_values(
    mut client: Client,
    name: &str,
    acknowledged: &Sender<(u64, String)>,
) -> io::Result<()> {
    for n in 0.. {
        let value = format!("{name} value {n}");
        let body = produce_body(&STANDARD.encode(&value));
        client.try_write(request("POST", "/", body.as_bytes()))?;
        let answer = client.try_answer("POST")?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let offset = answer.json()["offset"].as_u64().expect("an offset");
        acknowledged.send((offset, value)).expect("the test still listens");
    }
    Ok(())
}

/// Lets clients append until `n_acknowledged` values are acknowledged, kills the server, and answers
/// with all that were.
fn run_until_killed(serving: Serving, run: u64, n_acknowledged: u64) -> Acknowledged {
    let (sender, receiver) = mpsc::channel();
    let clients: Vec<_> = (0..N_CLIENTS).map(|_| Client::connect(serving.http)).collect();
    let acknowledged = thread::scope(|scope| {
        for (number, client) in clients.into_iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move || {
                // Its end is the kill, however that shows.
                let _ = post_values(client, &format!("run {run} client {number}"), &sender);
            });
        }
        drop(sender);
        let before: Vec<_> = receiver.iter().take(n_acknowledged as usize).collect();
        serving.signal(Signal::KILL);
        before.into_iter().chain(receiver.iter()).collect::<Vec<_>>()
    });
    let (code, said) = serving.end();
    assert_eq!(code, None, "{said}");
    assert!(acknowledged.len() as u64 >= n_acknowledged, "it ended by itself: {said}");
    let n_answers = acknowledged.len();
    let acknowledged: Acknowledged = acknowledged.into_iter().collect();
    assert_eq!(acknowledged.len(), n_answers, "an offset was given out twice");
    acknowledged
}

/// As a client sees them.
fn assert_served(serving: &Serving, acknowledged: &Acknowledged) {
    for (offset, value) in acknowledged {
        let answer = serving.send("GET", "/", &format!("{{\"offset\":{offset}}}"));
        assert_eq!(answer.status, 200, "{offset} is lost: {}", answer.text());
        assert_eq!(answer.json()["record"]["value"], STANDARD.encode(value), "at {offset}");
    }
}

#[test]
fn what_was_acknowledged_to_any_client_before_a_kill_is_there() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time");
    let mut seed = from_environment("PROGLOG_SEED", now.as_micros() as u64) | 1;
    println!("PROGLOG_SEED={seed}");
    let dir = tempfile::tempdir().expect("a directory");
    let mut all = Acknowledged::new();
    let mut serving = start(dir.path());
    let n_kills = from_environment("PROGLOG_KILLS", 5);
    for run in 0..n_kills {
        let n_acknowledged = 1 + next_below(&mut seed, MAX_ACKNOWLEDGED);
        let mut fresh = run_until_killed(serving, run, n_acknowledged);
        let report = verify(dir.path(), &|_| {}).expect("a report");
        assert_ne!(report.verdict(), Verdict::Damaged, "{:?}", report.findings);
        serving = start(dir.path());
        assert_served(&serving, &fresh);
        let n_before = all.len();
        let n_fresh = fresh.len();
        all.append(&mut fresh);
        assert_eq!(all.len(), n_before + n_fresh, "an offset was given out twice");
    }
    let (code, said) = serving.stop(Signal::TERM);
    assert_eq!(code, Some(0), "{said}");
    let report = verify(dir.path(), &|_| {}).expect("a report");
    assert_eq!(report.verdict(), Verdict::Sound, "after kill {n_kills}: {:?}", report.findings);
    let reader = LogReader::open(dir.path()).expect("a reader");
    for (offset, value) in &all {
        let record = reader.read(Offset(*offset)).expect("an acknowledged record");
        assert_eq!(record.value, value.as_bytes(), "at {offset}");
    }
    println!("{n_kills} kills of serve, {} acknowledged records: 0 lost, 0 wrong", all.len());
}
