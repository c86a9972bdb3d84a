//! The server killed under load, over and over: clients come back by themselves, whatever was acknowledged
//! is there once, and a follower sees all of it in order.
//!
//! `PROGLOG_KILLS` says how often, `PROGLOG_BIN` names another binary.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use proglog::client::{Client, ClientError, RecordsOptions};
use proglog::log::{LogReader, Verdict, verify};
use proglog::service::{Batch, NewRecord, Offset};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::server::patient;
use crate::serving::Serving;

const N_WRITERS: u64 = 8;

/// Acknowledgements between two kills, at least.
const N_BETWEEN: u64 = 100;

const PATIENCE: Duration = Duration::from_secs(60);

fn serve(dir: &Path, grpc: &str) -> Serving {
    let binary = std::env::var_os("PROGLOG_BIN")
        .unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_proglog")));
    let mut command = Command::new(binary);
    command.arg("--dir").arg(dir).env_remove("PROGLOG_DIR").args(["--quiet", "serve"]);
    command.args(["--http-addr", "127.0.0.1:0", "--grpc-addr", grpc, "--segment-bytes", "65536"]);
    Serving::start(&mut command)
}

/// What one writer was told.
#[derive(Default)]
struct Told {
    acknowledged: BTreeMap<Offset, String>,
    /// Values of which nobody knows whether they are in the log.
    unknown: Vec<String>,
}

/// Appends until it is told to stop; with the same client all the time.
async fn write(
    client: Client,
    name: u64,
    n_acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Told {
    let mut told = Told::default();
    for number in 0_u64.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let value = format!("writer {name} value {number}");
        match client.append(Batch::of(NewRecord::new(value.clone()))).await {
            Ok(appended) => {
                let before = told.acknowledged.insert(appended.first_offset, value);
                assert_eq!(before, None, "an offset was given out twice");
                n_acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err(ClientError::OutcomeUnknown { .. }) => told.unknown.push(value),
            Err(error) => panic!("an append was neither taken nor in doubt: {error:?}"),
        }
    }
    told
}

/// Reads until the record with this value has come.
async fn follow(client: Client, last: &str) -> BTreeMap<Offset, String> {
    let options = RecordsOptions { follow: true, ..RecordsOptions::default() };
    let (mut records, mut seen) = (client.records(Offset(0), options), BTreeMap::new());
    loop {
        let chunk = records.next_chunk().await.expect("it comes back").expect("it goes on");
        for record in chunk.records {
            assert_eq!(record.offset, Offset(seen.len() as u64), "in order, and none left out");
            let value = String::from_utf8(record.value.to_vec()).expect("text");
            let is_last = value == last;
            seen.insert(record.offset, value);
            if is_last {
                return seen;
            }
        }
    }
}

async fn grown(n_acknowledged: &AtomicU64, by: u64) {
    let wanted = n_acknowledged.load(Ordering::SeqCst) + by;
    let grow = async {
        while n_acknowledged.load(Ordering::SeqCst) < wanted {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, grow).await.expect("the writers come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_come_back_and_what_was_acknowledged_is_there_once() {
    let n_kills = std::env::var("PROGLOG_KILLS").ok();
    let n_kills: u64 = n_kills.map_or(3, |n| n.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a directory");
    let mut serving = serve(dir.path(), "127.0.0.1:0");
    let address = serving.grpc.to_string();
    let client = Client::connect(&address, patient()).await.expect("connected");
    let (n_acknowledged, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for name in 0..N_WRITERS {
        let client = Client::connect(&address, patient()).await.expect("connected");
        writers.spawn(write(client, name, Arc::clone(&n_acknowledged), Arc::clone(&stop)));
    }
    let following = tokio::spawn(follow(client.clone(), "the last one"));
    for _ in 0..n_kills {
        grown(&n_acknowledged, N_BETWEEN).await;
        serving.signal(Signal::KILL);
        let _ = serving.end();
        serving = serve(dir.path(), &address);
    }
    grown(&n_acknowledged, N_BETWEEN).await;
    stop.store(true, Ordering::SeqCst);
    let told = timeout(PATIENCE, writers.join_all()).await.expect("the writers end");
    client.append(Batch::of(NewRecord::new("the last one"))).await.expect("appended");
    let seen = timeout(PATIENCE, following).await.expect("it sees the last one").expect("no panic");
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));

    let report = verify(dir.path(), &|_| {}).expect("a report");
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
    let log = LogReader::open(dir.path()).expect("a log");
    assert_eq!(log.next_offset(), Offset(seen.len() as u64), "the follower saw all there is");
    let mut times = BTreeMap::<&str, u64>::new();
    seen.values().for_each(|value| *times.entry(value).or_default() += 1);
    let mut n_checked = 0;
    for told in &told {
        for (offset, value) in &told.acknowledged {
            assert_eq!(seen.get(offset), Some(value), "LOST or wrong at {offset}");
            assert_eq!(times.get(value.as_str()), Some(&1), "{value} is there more than once");
            n_checked += 1;
        }
        for value in &told.unknown {
            assert!(times.get(value.as_str()).is_none_or(|n| *n == 1), "{value} is there twice");
        }
    }
    let n_unknown: usize = told.iter().map(|told| told.unknown.len()).sum();
    println!(
        "{n_kills} kills under {N_WRITERS} clients that come back: {n_checked} acknowledged records, \
         {n_unknown} in doubt; 0 lost, 0 wrong"
    );
}
