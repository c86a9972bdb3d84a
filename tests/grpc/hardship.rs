//! Clients that break the rules: each is told so, or cut off, and costs nothing for long.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use proglog::wire::v1;
use rustix::process::Signal;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::followers::{connect, serve};
use crate::raw::Raw;
use crate::serving::Serving;
use crate::support::{Client, MAX_RECORD_BYTES, produce, refused, within_patience};

async fn raw_client(serving: &Serving) -> tonic::client::Grpc<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc));
    let endpoint = endpoint.expect("an address");
    tonic::client::Grpc::new(endpoint.connect().await.expect("connected"))
}

/// Why a call with these bytes as its message is refused.
async fn refusal(
    client: &mut tonic::client::Grpc<Channel>,
    path: &'static str,
    bytes: impl Into<Bytes>,
) -> Status {
    client.ready().await.expect("ready");
    let path = hyper::http::uri::PathAndQuery::from_static(path);
    let answer = client.unary(tonic::Request::new(bytes.into()), path, Raw).await;
    answer.expect_err("it can't be taken")
}

/// A connection that sends these bytes and then does what `end` says.
fn raw_connection(serving: &Serving, bytes: &[u8], end: impl FnOnce(&TcpStream)) -> TcpStream {
    let mut stream = TcpStream::connect(serving.grpc).expect("connected");
    stream.write_all(bytes).expect("sent");
    end(&stream);
    stream
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn works(client: &mut Client, offset: u64) {
    let answer = client.produce(produce("sound")).await.expect("appended");
    assert_eq!(answer.into_inner().offset, offset);
}

#[tokio::test]
async fn malformed_messages_are_refused_and_append_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    let mut client = raw_client(&serving).await;
    for bytes in [&b"\x0A\x7F"[..], b"\xFF\xFF\xFF\xFF", b"\x0A\x02\x0A\x09", b"\x08\x01"] {
        for path in ["/log.v1.Log/Produce", "/log.v1.Log/ProduceBatch"] {
            let status = refusal(&mut client, path, bytes).await;
            let is_clear = matches!(status.code(), Code::Internal | Code::InvalidArgument);
            assert!(is_clear && !status.message().is_empty(), "{path} {bytes:?}: {status:?}");
        }
    }
    works(&mut connect(&serving).await, 0).await;
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));
}

/// A record of nothing, and a header of nothing within one: 2 bytes in a message, many in memory.
const EMPTY_RECORD: [u8; 2] = [0x0A, 0];
const EMPTY_HEADER: [u8; 2] = [0x42, 0];

/// A message's only record.
fn record_of(fields: &[u8]) -> Vec<u8> {
    let mut message = vec![0x0A];
    prost::encoding::encode_varint(fields.len() as u64, &mut message);
    message.extend(fields);
    message
}

#[tokio::test]
async fn messages_of_nothing_but_records_or_headers_cost_little() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    works(&mut connect(&serving).await, 0).await;
    let before = serving.peak_bytes();
    let records = EMPTY_RECORD.repeat(1 << 20);
    let headers = record_of(&EMPTY_HEADER.repeat(1 << 20));
    let mut plain = raw_client(&serving).await;
    let mut packed = raw_client(&serving).await.send_compressed(Gzip);
    for (is_packed, path, message, reason) in [
        (false, "/log.v1.Log/ProduceBatch", &records, "BATCH_TOO_LARGE"),
        (true, "/log.v1.Log/ProduceBatch", &records, "BATCH_TOO_LARGE"),
        (false, "/log.v1.Log/ProduceBatch", &headers, "BATCH_TOO_LARGE"),
        (false, "/log.v1.Log/Produce", &headers, "RECORD_TOO_LARGE"),
        (false, "/log.v1.Log/ProduceStream", &headers, "RECORD_TOO_LARGE"),
    ] {
        let client = if is_packed { &mut packed } else { &mut plain };
        let status = refusal(client, path, message.clone()).await;
        refused(&status, Code::InvalidArgument, reason);
    }
    let grown = serving.peak_bytes() - before;
    assert!(grown < 48 << 20, "{grown} bytes more at the worst");
    works(&mut connect(&serving).await, 1).await;
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));
}

#[tokio::test]
async fn rough_clients_leave_neither_files_nor_memory_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    let mut client = connect(&serving).await;
    let mut n_appended = 0;
    let mut round = async || {
        for _ in 0..20 {
            rough_handling(&serving).await;
        }
        works(&mut client, n_appended).await;
        n_appended += 1;
    };
    // Once to grow what is kept for later use.
    round().await;
    let (files, memory) = (serving.n_open_files(), serving.resident_bytes());
    for _ in 0..5 {
        round().await;
    }
    within_patience(async {
        while serving.n_open_files() > files {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let grown = serving.resident_bytes().saturating_sub(memory);
    assert!(grown < 24 << 20, "{grown} bytes more after 100 rough clients of each kind");
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));
}

/// One client of each kind.
async fn rough_handling(serving: &Serving) {
    let at_once = |stream: &TcpStream| {
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(stream, linger).expect("an option");
    };
    // Gone by a reset: before a word, in the middle of the first one, and behind it.
    for bytes in [&b""[..], &PREFACE[..10], PREFACE] {
        drop(raw_connection(serving, bytes, at_once));
    }
    // Not HTTP/2, or not for long: told so, and closed.
    for bytes in
        [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[PREFACE, &[0xFF; 64]].concat()]
    {
        let mut stream = raw_connection(serving, bytes, |_| ());
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // A call that is dropped before its answer, and one that is too large.
    let mut client = connect(serving).await;
    let stream = client.consume_stream(v1::ConsumeRequest { offset: 0 }).await;
    drop(stream);
    let large = produce(&"x".repeat(2 * MAX_RECORD_BYTES));
    let refused = client.produce(large).await.expect_err("too large");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
}

/// The status of HTTP that a request over HTTP/2 is answered with.
async fn status_of(serving: &Serving, content_type: Option<&str>) -> u16 {
    let stream = tokio::net::TcpStream::connect(serving.grpc).await.expect("connected");
    let connection = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut requests, connection) = connection.expect("a connection");
    tokio::spawn(connection);
    let uri = format!("http://{}/log.v1.Log/Produce", serving.grpc);
    let mut request = hyper::Request::post(uri);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    // A record with a value of one byte.
    let body = Full::new(Bytes::from_static(b"\0\0\0\0\x05\x0a\x03\x0a\x01A"));
    let answer = requests.send_request(request.body(body).expect("a request")).await;
    answer.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn what_is_no_call_of_grpc_appends_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    // A web page has its browser send these for it without asking.
    for foreign in
        [None, Some("text/plain"), Some("application/grpc-web"), Some("multipart/form-data")]
    {
        assert_eq!(status_of(&serving, foreign).await, 415, "{foreign:?}");
    }
    for own in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
        assert_eq!(status_of(&serving, Some(own)).await, 200, "{own}");
    }
    let mut client = connect(&serving).await;
    let told = client.get_log(v1::GetLogRequest::default()).await.expect("told").into_inner();
    assert_eq!(told.next_offset, 3);
    tokio::task::spawn_blocking(move || serving.stop(Signal::TERM)).await.expect("it stops");
}
