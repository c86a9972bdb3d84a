//! Requests that arrive in pieces, slowly, and beyond what there is room for.

use axum::body::Body;
use futures_util::future::{self, FutureExt};
use futures_util::stream;
use http_body_util::BodyExt;
use prost::Message;
use prost_types::FileDescriptorSet;
use tokio::sync::{mpsc, oneshot};
use tonic::Code;

use super::super::produce::within_room;
use super::*;
use crate::wire::v1;

const UNARY: &str = "/log.v1.Log/ProduceBatch";
const STREAM: &str = CLIENT_STREAMS[0];
const MAX_MESSAGE_BYTES: usize = 1000;

/// Room for two messages of the greatest length.
fn limits() -> Arc<MessageLimits> {
    let config = ServerConfig { max_bodies_bytes: 0, ..ServerConfig::for_records_of(1) };
    Arc::new(MessageLimits::new(&config, MAX_MESSAGE_BYTES))
}

/// What is sent of a request, and the request as the server sees it.
fn request(limits: &Arc<MessageLimits>, path: &str) -> (mpsc::Sender<Vec<u8>>, Body, Arc<Held>) {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>(10);
    let pieces = stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((Ok::<_, axum::BoxError>(piece), receiver))
    });
    let request = Request::builder().uri(path).body(Body::from_stream(pieces)).expect("a request");
    let access = access::access(request.uri().path());
    let (request, held) = limits.bound(request, access, None);
    (sender, Body::new(request.into_body()), held)
}

fn message(n_bytes: usize) -> Vec<u8> {
    let mut message = vec![0];
    message.extend_from_slice(&(n_bytes as u32).to_be_bytes());
    message.resize(PREFIX_BYTES + n_bytes, b'x');
    message
}

async fn code_of_next(body: &mut Body) -> Option<Code> {
    let error = body.frame().await?.err()?;
    Some(Status::from_error(error.into()).code())
}

#[tokio::test]
async fn messages_of_all_calls_share_the_room() {
    let limits = limits();
    let mut calls = Vec::new();
    for _ in 0..2 {
        let (sender, mut body, held) = request(&limits, UNARY);
        // Only the start of it, which tells how long it will be.
        sender.send(message(MAX_MESSAGE_BYTES)[..10].to_vec()).await.expect("sent");
        assert_eq!(code_of_next(&mut body).await, None);
        calls.push((sender, body, held));
    }
    let (sender, mut body, _held) = request(&limits, UNARY);
    sender.send(message(1)).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, Some(Code::ResourceExhausted));
    calls.pop();
    let (sender, mut body, _held) = request(&limits, UNARY);
    sender.send(message(1)).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, None);
}

#[tokio::test]
async fn a_message_keeps_its_room_until_the_call_is_answered() {
    let limits = limits();
    let (sender, mut body, held) = request(&limits, UNARY);
    sender.send(message(MAX_MESSAGE_BYTES)).await.expect("sent");
    sender.send(Vec::new()).await.expect("sent");
    drop(sender);
    while body.frame().await.is_some() {}
    drop(body);
    assert_eq!(limits.room.available_permits(), MAX_MESSAGE_BYTES);
    drop(held);
    assert_eq!(limits.room.available_permits(), 2 * MAX_MESSAGE_BYTES);
}

#[tokio::test]
async fn a_stream_holds_what_is_arriving() {
    let limits = limits();
    let (sender, mut body, _held) = request(&limits, STREAM);
    let n_held = || 2 * MAX_MESSAGE_BYTES - limits.room.available_permits();
    let row = [message(300), message(200), message(500)].concat();
    // Cut within a prefix, between messages, and within one.
    for (piece, expected) in [
        (&row[..3], 0),
        (&row[3..305], 300),
        (&row[305..520], 200 + 500),
        (&row[520..600], 500),
        (&row[600..], 500),
    ] {
        sender.send(piece.to_vec()).await.expect("sent");
        assert_eq!(code_of_next(&mut body).await, None);
        assert_eq!(n_held(), expected);
    }
    sender.send(message(0)).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, None);
    assert_eq!(n_held(), 0);
}

#[tokio::test]
async fn what_is_packed_counts_as_the_most_that_comes_out() {
    let limits = limits();
    let (sender, mut body, _held) = request(&limits, STREAM);
    let mut packed = message(10);
    packed[0] = 1;
    sender.send(packed).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, None);
    assert_eq!(limits.room.available_permits(), MAX_MESSAGE_BYTES - 10);
    // However many come at once, one at a time is unpacked.
    let mut packed = message(10);
    packed[0] = 1;
    sender.send(packed.repeat(20)).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, None);
}

#[tokio::test]
async fn a_batch_that_waits_for_the_log_is_counted() {
    let limits = limits();
    let n_held = || 2 * MAX_MESSAGE_BYTES - limits.room.available_permits();
    let at_once = within_room(&limits, u64::MAX, future::ready(Ok(7)));
    assert_eq!(at_once.await.expect("it needs no room"), 7);
    let (hand_over, handed_over) = oneshot::channel();
    let waiting = within_room(&limits, 1500, handed_over.map(|taken| Ok(taken.is_ok())));
    let others = async {
        assert_eq!(n_held(), 1500);
        let more = within_room(&limits, 600, future::pending::<Result<(), _>>()).await;
        assert!(matches!(more, Err(ServiceError::Busy { waiting_bytes: 1500 })), "{more:?}");
        hand_over.send(()).expect("it waits");
    };
    let (taken, ()) = tokio::join!(waiting, others);
    assert!(taken.expect("taken") && n_held() == 0);
}

#[tokio::test]
async fn who_needs_no_permission_takes_no_room() {
    let limits = limits();
    let (sender, mut body, _held) = request(&limits, "/grpc.health.v1.Health/Check");
    sender.send(message(20)).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, None);
    assert_eq!(limits.room.available_permits(), 2 * MAX_MESSAGE_BYTES);
    let (sender, mut body, _held) = request(&limits, "/grpc.health.v1.Health/Check");
    sender.send(message(MAX_UNCOUNTED_BYTES + 1)[..PREFIX_BYTES].to_vec()).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, Some(Code::ResourceExhausted));
}

#[tokio::test(start_paused = true)]
async fn a_call_with_one_message_has_to_end_in_time() {
    let limits = limits();
    let (sender, mut body, _held) = request(&limits, UNARY);
    sender.send(message(10)).await.expect("sent");
    assert_eq!(code_of_next(&mut body).await, None);
    assert_eq!(code_of_next(&mut body).await, Some(Code::DeadlineExceeded));
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn a_message_has_to_come_and_to_end_in_time() {
    let limits = limits();
    let (_unsent, mut silent, _held) = request(&limits, UNARY);
    assert_eq!(code_of_next(&mut silent).await, Some(Code::DeadlineExceeded));
    let (sender, mut slow, _held) = request(&limits, STREAM);
    sender.send(message(10)[..7].to_vec()).await.expect("sent");
    assert_eq!(code_of_next(&mut slow).await, None);
    assert_eq!(code_of_next(&mut slow).await, Some(Code::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_silent_between_messages() {
    let limits = limits();
    let (sender, mut body, _held) = request(&limits, STREAM);
    for _ in 0..2 {
        let next = tokio::time::timeout(10 * limits.time, body.frame()).await;
        assert!(next.is_err(), "nothing is wrong");
        sender.send(message(10)).await.expect("sent");
        assert_eq!(code_of_next(&mut body).await, None);
    }
}

#[test]
fn all_methods_with_a_stream_of_requests_are_known() {
    for set in [
        v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ] {
        let set = FileDescriptorSet::decode(set).expect("descriptors");
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let is_known = CLIENT_STREAMS.contains(&&*path);
                    assert_eq!(is_known, method.client_streaming(), "{path}");
                }
            }
        }
    }
}
