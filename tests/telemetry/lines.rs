//! The line that `proglog serve` writes about each call of gRPC.

use std::process::Command;

use proglog::client::{Client, ClientConfig};
use proglog::service::{Batch, NewRecord, Offset};
use rustix::process::Signal;
use serde_json::Value;

use crate::serving::Serving;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_line_with_its_offset_and_the_bytes_of_its_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_proglog"));
    command.args(["-v", "--log-format", "json", "serve", "--http-addr", "127.0.0.1:0"]);
    command.args(["--grpc-addr", "127.0.0.1:0", "-d"]).arg(dir.path());
    let serving = Serving::start(&mut command);
    let client = Client::connect(&serving.grpc.to_string(), ClientConfig::default()).await;
    let client = client.expect("a client");
    let batch =
        |n_records| Batch { records: vec![NewRecord::new("value"); n_records], ..Batch::default() };
    client.append(batch(2)).await.expect("appended");
    client.append(batch(1)).await.expect("appended");
    client.read(Offset(1)).await.expect("read");
    let stopped = tokio::task::spawn_blocking(move || serving.stop(Signal::TERM)).await;
    let (_, said) = stopped.expect("it stops");
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let calls = lines.map(|line| line["fields"].clone());
    let calls = calls.filter(|fields| fields["message"] == "call");
    let told: Vec<_> = calls
        .map(|call| {
            let method = call["method"].as_str().expect("a method").to_owned();
            (method, call["code"].clone(), call["offset"].as_u64(), call["bytes"].as_u64())
        })
        .collect();
    let line = |method: &str, offset, bytes| {
        (method.to_owned(), Value::from("Ok"), Some(offset), Some(bytes))
    };
    let (append, read) = ("/log.v1.Log/ProduceBatch", "/log.v1.Log/Consume");
    assert_eq!(told, [line(append, 0, 4), line(append, 2, 6), line(read, 1, 20)], "{said}");
}
