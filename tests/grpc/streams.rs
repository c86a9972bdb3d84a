//! Streams of single records, both ways.

use futures_util::{StreamExt, stream};
use proglog::service::{CommitLog, Offset};
use proglog::wire::v1;
use tonic::{Code, Status};

use crate::support::{MAX_RECORD_BYTES, Server, fill, produce, refused, within_patience};

/// What a stream of these requests is answered, and how it ends.
async fn produced(
    server: &Server,
    requests: Vec<v1::ProduceRequest>,
) -> (Vec<u64>, Option<Status>) {
    let answers = server.client().await.produce_stream(stream::iter(requests)).await;
    let (mut answers, mut offsets) = (answers.expect("a stream").into_inner(), Vec::new());
    while let Some(answer) = within_patience(answers.next()).await {
        match answer {
            Ok(answer) => offsets.push(answer.offset),
            Err(status) => return (offsets, Some(status)),
        }
    }
    (offsets, None)
}

fn expecting(value: &str, offset: u64) -> v1::ProduceRequest {
    v1::ProduceRequest { expected_offset: Some(offset), ..produce(value) }
}

#[tokio::test]
async fn appends_are_acknowledged_in_order() {
    let server = Server::start().await;
    let requests = (0..5000).map(|number| produce(&number.to_string())).collect();
    let (offsets, end) = produced(&server, requests).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(offsets, (0..5000).collect::<Vec<_>>());
    for offset in [0, 1234, 4999] {
        let record = server.log.read(Offset(offset)).await.expect("read");
        assert_eq!(record.value, offset.to_string());
    }
    server.stop().await;
}

#[tokio::test]
async fn an_append_is_acknowledged_before_the_next_one_is_sent() {
    let server = Server::start().await;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let requests = stream::unfold(requests, async |mut requests| {
        requests.recv().await.map(|request| (request, requests))
    });
    let answers = server.client().await.produce_stream(requests).await.expect("a stream");
    let mut answers = answers.into_inner();
    for offset in 0..3 {
        sender.send(produce("x")).await.expect("the stream is open");
        let answer = within_patience(answers.next()).await.expect("an answer").expect("appended");
        assert_eq!(answer.offset, offset);
    }
    drop(sender);
    assert!(within_patience(answers.next()).await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn nothing_behind_a_refused_append_is_appended() {
    let too_large = "x".repeat(MAX_RECORD_BYTES + 1);
    // Two bytes each as the log counts them, though their names and values have none.
    let empty_headers = vec![v1::Header::default(); MAX_RECORD_BYTES / 2 + 1];
    let mut of_headers = produce("");
    of_headers.record.as_mut().expect("a record").headers = empty_headers;
    let without_record = v1::ProduceRequest { record: None, expected_offset: None };
    for (bad, code, reason) in [
        (produce(&too_large), Code::InvalidArgument, "RECORD_TOO_LARGE"),
        (of_headers, Code::InvalidArgument, "RECORD_TOO_LARGE"),
        (without_record, Code::InvalidArgument, "MISSING_RECORD"),
        (expecting("x", 99), Code::FailedPrecondition, "OFFSET_MISMATCH"),
    ] {
        let server = Server::start().await;
        let mut requests = vec![produce("before"); 10];
        requests.push(bad);
        requests.extend(vec![produce("behind"); 10]);
        let (offsets, end) = produced(&server, requests).await;
        assert_eq!(offsets, (0..10).collect::<Vec<_>>(), "{reason}");
        refused(&end.expect("refused"), code, reason);
        assert_eq!(server.log_next().await, 10, "{reason}");
        server.stop().await;
    }
}

#[tokio::test]
async fn conditions_that_hold_one_after_the_other_are_met() {
    let server = Server::start().await;
    let mut requests: Vec<_> = (0..100).map(|offset| expecting("x", offset)).collect();
    requests.extend([produce("y"), produce("y"), expecting("x", 102), produce("y")]);
    let (offsets, end) = produced(&server, requests).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(offsets, (0..104).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn a_stream_waits_for_records_and_for_its_first_offset() {
    let server = Server::start().await;
    let mut client = server.client().await;
    fill(&mut client, 2).await;
    let mut ahead =
        client.consume_stream(v1::ConsumeRequest { offset: 4 }).await.expect("a stream");
    let mut all = client.consume_stream(v1::ConsumeRequest { offset: 0 }).await.expect("a stream");
    let next = async |stream: &mut tonic::Streaming<v1::ConsumeResponse>| {
        let answer = within_patience(stream.next()).await.expect("it goes on").expect("a record");
        answer.record.expect("a record").offset
    };
    assert_eq!((next(all.get_mut()).await, next(all.get_mut()).await), (0, 1));
    let mut writer = server.client().await;
    fill(&mut writer, 4).await;
    assert_eq!((next(all.get_mut()).await, next(ahead.get_mut()).await), (2, 4));
    server.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_server_is_asked_to_stop() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let reading = client.consume_stream(v1::ConsumeRequest { offset: 0 }).await.expect("a stream");
    let appending = client.produce_stream(stream::pending()).await.expect("a stream");
    server.ask_to_stop();
    let (mut reading, mut appending) = (reading.into_inner(), appending.into_inner());
    let read = within_patience(reading.next()).await.expect("a word of why").expect_err("the end");
    refused(&read, Code::Unavailable, "CLOSED");
    let appended = within_patience(appending.next()).await.expect("a word of why");
    refused(&appended.expect_err("the end"), Code::Unavailable, "CLOSED");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_streams() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let reading = client.consume_stream(v1::ConsumeRequest { offset: 0 }).await.expect("a stream");
    let appending = client.produce_stream(stream::pending()).await.expect("a stream");
    // The server, its connections and its streams hold the log.
    drop((reading, appending, client));
    let log = std::sync::Arc::downgrade(&server.log);
    let _dir = server.stop().await;
    within_patience(async {
        while log.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
