//! Many followers of one log: each sees every record once and in order, in bounded memory, and one that
//! stops reading slows nobody.
//!
//! `PROGLOG_FOLLOWERS` says how many, `PROGLOG_BIN` names another binary.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use proglog::wire::v1;
use proglog::wire::v1::log_client::LogClient;
use rustix::process::Signal;
use tokio::task::JoinSet;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::serving::Serving;
use crate::support::{Client, produce, within_patience};

/// Followers that share a connection: the server allows for 128.
const A_CONNECTION: usize = 100;

/// What a follower may cost the server, in bytes: a chunk that is being sent, what waits in its stream,
/// and its part of a connection; see docs/operations.md.
const MAX_BYTES_A_FOLLOWER: u64 = 160 << 10;

pub(crate) fn serve(dir: &Path) -> Serving {
    let binary = std::env::var_os("PROGLOG_BIN")
        .unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_proglog")));
    let mut command = Command::new(binary);
    command.arg("--dir").arg(dir).env_remove("PROGLOG_DIR").args(["--quiet", "serve"]);
    command.args(["--http-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0"]);
    Serving::start(&mut command)
}

pub(crate) async fn connect(serving: &Serving) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc));
    let channel = endpoint.expect("an address").connect().await.expect("connected");
    LogClient::new(channel)
}

async fn follow(client: &mut Client) -> Streaming<v1::ConsumeResponse> {
    client.consume_stream(v1::ConsumeRequest { offset: 0 }).await.expect("a stream").into_inner()
}

/// Streams over as few connections as there may be.
async fn follow_many(serving: &Serving, n: usize) -> Vec<Streaming<v1::ConsumeResponse>> {
    let mut streams = Vec::new();
    while streams.len() < n {
        let mut client: LogClient<Channel> = connect(serving).await;
        for _ in 0..A_CONNECTION.min(n - streams.len()) {
            streams.push(follow(&mut client).await);
        }
    }
    streams
}

/// Takes so many records, which have to be all there are.
async fn take(mut stream: Streaming<v1::ConsumeResponse>, n_records: u64) {
    for offset in 0..n_records {
        let message = stream.next().await.expect("it goes on").expect("a record");
        let record = message.record.expect("a record");
        assert_eq!((record.offset, &record.value[..4]), (offset, &offset.to_be_bytes()[4..]));
    }
}

/// A record of 1 KiB that begins with its number.
fn numbered(number: u64) -> v1::ProduceRequest {
    let mut request = produce("");
    let mut value = vec![7; 1024];
    value[..4].copy_from_slice(&number.to_be_bytes()[4..]);
    request.record = Some(v1::Record { value: value.into(), ..v1::Record::default() });
    request
}

async fn append(client: &mut Client, numbers: std::ops::Range<u64>) -> Duration {
    let start = Instant::now();
    for number in numbers {
        client.produce(numbered(number)).await.expect("appended");
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_followers_sees_every_record_once_and_in_order() {
    let n_followers = std::env::var("PROGLOG_FOLLOWERS").ok();
    let n_followers: usize = n_followers.map_or(100, |n| n.parse().expect("a number"));
    const N_RECORDS: u64 = 300;
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    let mut writer = connect(&serving).await;
    append(&mut writer, 0..10).await;
    let before = serving.resident_bytes();
    let mut followers = JoinSet::new();
    for stream in follow_many(&serving, n_followers).await {
        followers.spawn(take(stream, N_RECORDS));
    }
    append(&mut writer, 10..N_RECORDS).await;
    let followed =
        async { while followers.join_next().await.transpose().expect("all").is_some() {} };
    tokio::time::timeout(Duration::from_secs(120), followed).await.expect("all are served in time");
    let grown = serving.resident_bytes().saturating_sub(before);
    let bound = MAX_BYTES_A_FOLLOWER * n_followers as u64 + (32 << 20);
    assert!(grown < bound, "{grown} bytes for {n_followers} followers, at most {bound}");
    println!(
        "{n_followers} followers, {N_RECORDS} records each, {} KiB a follower: 0 lost, 0 wrong",
        grown / 1024 / n_followers as u64
    );
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_that_stop_reading_cost_a_buffer_and_slow_nobody() {
    const N_STUCK: usize = 50;
    const N_RECORDS: u64 = 2000;
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    let mut writer = connect(&serving).await;
    // The first goes through all that a connection needs.
    append(&mut writer, 0..100).await;
    let alone = append(&mut writer, 100..N_RECORDS).await;
    let before = serving.resident_bytes();
    // They have streams, and never take from them.
    let stuck = follow_many(&serving, N_STUCK).await;
    let mut reader = connect(&serving).await;
    let reading = tokio::spawn(take(follow(&mut reader).await, 2 * N_RECORDS));
    let beside = append(&mut writer, N_RECORDS..2 * N_RECORDS).await;
    within_patience(reading).await.expect("the reader sees all");
    let grown = serving.resident_bytes().saturating_sub(before);
    let bound = MAX_BYTES_A_FOLLOWER * N_STUCK as u64 + (32 << 20);
    assert!(grown < bound, "{grown} bytes for {N_STUCK} stuck followers, at most {bound}");
    // Far from what one waiting for them would make of it.
    assert!(beside < 4 * alone + Duration::from_secs(2), "{beside:?} beside them, {alone:?} alone");
    drop(stuck);
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));
}
