//! Floods of HTTP/2 frames: the connection is closed, and the server goes on as before.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::followers::{connect, serve};
use crate::serving::Serving;
use crate::support::produce;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Frames sent before a test gives up on the server's patience; some ten thousand are enough for it.
const MAX_FRAMES: u32 = 2_000_000;

/// One frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The header of a call, in HPACK without compression (RFC 7541).
fn header(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    let mut literal = |name_index: u8, value: &str| {
        block.extend([name_index, value.len() as u8]);
        block.extend(value.bytes());
    };
    literal(0x04, path);
    literal(0x01, "localhost");
    // Number 31 doesn't fit into the four bits of an index, so it goes on in the next byte.
    block.extend([0x0F, 31 - 15, 16]);
    block.extend(b"application/grpc");
    block
}

/// Sends what `next` makes until the server closes; panics if it never does.
fn flood(serving: &Serving, mut next: impl FnMut(u32) -> Vec<u8>) {
    let mut stream = TcpStream::connect(serving.grpc).expect("connected");
    stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).expect("sent");
    let mut reading = stream.try_clone().expect("a handle");
    // What the server answers has to be taken, or it would be that which ends the connection.
    let drained = std::thread::spawn(move || {
        let mut answer = [0; 16 << 10];
        while matches!(reading.read(&mut answer), Ok(1..)) {}
    });
    let mut number = 0;
    let error = loop {
        // Many at once, so that the server sees a burst.
        let mut frames = Vec::new();
        for _ in 0..1000 {
            frames.extend(next(number));
            number += 1;
        }
        if let Err(error) = stream.write_all(&frames) {
            break error;
        }
        assert!(number < MAX_FRAMES, "the server has taken {number} frames");
    };
    let is_closed = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
    assert!(is_closed, "{error}");
    drained.join().expect("drained");
}

async fn survives(name: &str, next: impl FnMut(u32) -> Vec<u8>) {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    let mut client = connect(&serving).await;
    client.produce(produce("before")).await.expect("appended");
    let memory = serving.resident_bytes();
    flood(&serving, next);
    client.produce(produce("after")).await.expect("appended");
    let grown = serving.resident_bytes().saturating_sub(memory);
    assert!(grown < 32 << 20, "{name}: {grown} bytes more");
    assert_eq!(serving.stop(Signal::TERM).0, Some(0), "{name}");
}

#[tokio::test]
async fn streams_that_are_reset_at_once() {
    let block = header("/log.v1.Log/GetLog");
    survives("rapid reset", |number| {
        let stream = 2 * number + 1;
        let cancel = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS, stream, &block), cancel].concat()
    })
    .await;
}

#[tokio::test]
async fn a_header_without_an_end() {
    let block = header("/log.v1.Log/GetLog");
    survives("continuation", |number| {
        if number == 0 {
            return frame(HEADERS, 0, 1, &block);
        }
        // One more field each time: `x: y`, never indexed.
        frame(CONTINUATION, 0, 1, &[0x10, 1, b'x', 1, b'y'])
    })
    .await;
}

#[tokio::test]
async fn empty_continuations() {
    let block = header("/log.v1.Log/GetLog");
    survives("empty continuation", |number| {
        if number == 0 { frame(HEADERS, 0, 1, &block) } else { frame(CONTINUATION, 0, 1, &[]) }
    })
    .await;
}

#[tokio::test]
async fn pings_are_answered_but_not_hoarded() {
    let dir = tempfile::tempdir().expect("a directory");
    let serving = serve(dir.path());
    let mut client = connect(&serving).await;
    client.produce(produce("before")).await.expect("appended");
    let memory = serving.resident_bytes();
    let mut stream = TcpStream::connect(serving.grpc).expect("connected");
    stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a time-out");
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).expect("sent");
    // Never reads: the server stops reading, too, or closes.
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(1000);
    for _ in 0..2000 {
        if stream.write_all(&pings).is_err() {
            break;
        }
    }
    client.produce(produce("after")).await.expect("appended");
    let grown = serving.resident_bytes().saturating_sub(memory);
    assert!(grown < 32 << 20, "{grown} bytes more");
    drop(stream);
    assert_eq!(serving.stop(Signal::TERM).0, Some(0));
}
