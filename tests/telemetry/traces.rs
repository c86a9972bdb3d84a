//! What `proglog serve` sends to a collector of traces.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use proglog::client::{Client, ClientConfig};
use proglog::service::{Batch, NewRecord};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::collector::Collector;
use crate::serving::Serving;
use crate::support::send_with;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn serve(dir: &TempDir, collector: SocketAddr) -> Serving {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proglog"));
    command.args(["serve", "--http-addr", "127.0.0.1:0", "--grpc-addr", "127.0.0.1:0", "-d"]);
    command.arg(dir.path()).env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
    Serving::start(&mut command)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_is_traced_from_the_caller_to_the_device() {
    let (collector, address) = Collector::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(&dir, address);
    let traceparent = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n");
    assert_eq!(send_with(serving.http, "POST", "/v1/records", &traceparent).await.status, 201);
    // What is left is sent at the end.
    let (code, said) =
        tokio::task::spawn_blocking(move || serving.stop(Signal::TERM)).await.expect("it stops");
    assert_eq!(code, Some(0), "{said}");
    let spans = collector.spans();
    let request = named(&spans, "POST /v1/records");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(request.kind, 2, "a server's");
    let commit = named(&spans, "commit");
    for (child, parent) in [
        (named(&spans, "queue_wait"), request),
        (commit, request),
        (named(&spans, "write"), commit),
        (named(&spans, "fsync"), commit),
    ] {
        assert_eq!(child.parent_span_id, parent.span_id, "{child:?}");
        assert_eq!(hex(&child.trace_id), TRACE);
        assert!(child.start_time_unix_nano >= parent.start_time_unix_nano);
    }
    assert!(collector.services().iter().all(|name| name.contains("proglog")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_grpc_is_traced_until_its_end() {
    let (collector, address) = Collector::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(&dir, address);
    let client = Client::connect(&serving.grpc.to_string(), ClientConfig::default()).await;
    let batch = Batch::of(NewRecord::new("value"));
    client.expect("a client").append(batch).await.expect("appended");
    let stopped = tokio::task::spawn_blocking(move || serving.stop(Signal::TERM)).await;
    assert_eq!(stopped.expect("it stops").0, Some(0));
    let spans = collector.spans();
    let request = named(&spans, "log.v1.Log/ProduceBatch");
    assert!(request.parent_span_id.is_empty(), "nobody has asked for a trace");
    assert_eq!(named(&spans, "commit").parent_span_id, request.span_id);
    let code = request.attributes.iter().find(|attribute| attribute.key == "code");
    assert!(format!("{code:?}").contains("\"OK\""), "{code:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_holds_nothing_up() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(&dir, address);
    assert_eq!(send_with(serving.http, "POST", "/v1/records", "").await.status, 201);
    let started = Instant::now();
    let stopped = tokio::task::spawn_blocking(move || serving.stop(Signal::TERM)).await;
    assert_eq!(stopped.expect("it stops").0, Some(0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
