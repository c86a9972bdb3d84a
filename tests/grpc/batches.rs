//! Reading many records a message: bounds, ends, and damage.

use futures_util::StreamExt;
use proglog::log::LogConfig;
use proglog::wire::v1;
use tonic::{Code, Status};

use crate::support::{
    Client, Server, fill, flip_a_bit, log_dir, produce, record, refused, within_patience,
};

/// All messages up to the end of the stream, or why it ended early.
async fn messages(
    client: &mut Client,
    request: v1::ConsumeBatchRequest,
) -> (Vec<v1::ConsumeBatchResponse>, Option<Status>) {
    let mut stream = match client.consume_batch(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return (Vec::new(), Some(status)),
    };
    let mut messages = Vec::new();
    while let Some(message) = within_patience(stream.next()).await {
        match message {
            Ok(message) => messages.push(message),
            Err(status) => return (messages, Some(status)),
        }
    }
    (messages, None)
}

fn offsets(messages: &[v1::ConsumeBatchResponse]) -> Vec<u64> {
    messages.iter().flat_map(|message| &message.records).map(|record| record.offset).collect()
}

#[tokio::test]
async fn a_range_is_read_in_messages_of_the_size_asked_for() {
    let server = Server::start().await;
    let mut client = server.client().await;
    fill(&mut client, 100).await;
    let request = v1::ConsumeBatchRequest { offset: 10, max_records: 7, ..Default::default() };
    let (all, end) = messages(&mut client, request).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(offsets(&all), (10..100).collect::<Vec<_>>());
    assert!(all.iter().all(|message| (1..=7).contains(&message.records.len())));

    let request =
        v1::ConsumeBatchRequest { offset: 10, end_offset: Some(12), ..Default::default() };
    assert_eq!(offsets(&messages(&mut client, request).await.0), [10, 11]);
    let request = v1::ConsumeBatchRequest { offset: 100, ..Default::default() };
    assert_eq!(offsets(&messages(&mut client, request).await.0), [0; 0]);
    let request = v1::ConsumeBatchRequest { offset: 101, ..Default::default() };
    let (_, end) = messages(&mut client, request).await;
    refused(&end.expect("past the end"), Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    server.stop().await;
}

#[tokio::test]
async fn a_message_keeps_to_its_bytes_but_holds_one_record_at_least() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for n_bytes in [10, 3000, 10, 10] {
        client.produce(produce(&"x".repeat(n_bytes))).await.expect("appended");
    }
    let request = v1::ConsumeBatchRequest { max_bytes: 1000, ..Default::default() };
    let (all, _) = messages(&mut client, request).await;
    let sizes: Vec<_> = all.iter().map(|message| message.records.len()).collect();
    assert_eq!(sizes, [1, 1, 2]);
    server.stop().await;
}

#[tokio::test]
async fn a_batch_stream_that_follows_gets_what_comes_up_to_its_end() {
    let server = Server::start().await;
    let mut client = server.client().await;
    fill(&mut client, 3).await;
    let request = v1::ConsumeBatchRequest {
        follow: true,
        end_offset: Some(6),
        max_records: 1,
        ..Default::default()
    };
    let mut follower = server.client().await;
    let following = tokio::spawn(async move { messages(&mut follower, request).await });
    fill(&mut client, 5).await;
    let (all, end) = within_patience(following).await.expect("no panic");
    assert!(end.is_none(), "{end:?}");
    assert_eq!(offsets(&all), [0, 1, 2, 3, 4, 5]);
    server.stop().await;
}

/// A server of ten records, the fifth of which has rotted.
async fn damaged() -> Server {
    let server = Server::start().await;
    let mut client = server.client().await;
    for number in 0..10 {
        client.produce(produce(&format!("record {number}"))).await.expect("appended");
    }
    let dir = server.stop().await;
    let store = log_dir(&dir).join("0.store");
    let bytes = std::fs::read(&store).expect("a store");
    let at = bytes.windows(8).position(|window| window == b"record 4").expect("the record");
    flip_a_bit(&store, at);
    Server::of_dir(dir, LogConfig::default()).await
}

#[tokio::test]
async fn what_is_intact_comes_before_the_word_of_damage() {
    let server = damaged().await;
    let mut client = server.client().await;
    let (all, end) = messages(&mut client, v1::ConsumeBatchRequest::default()).await;
    assert_eq!(offsets(&all), [0, 1, 2, 3]);
    let numbers = refused(&end.expect("damage"), Code::DataLoss, "CORRUPT");
    assert_eq!(numbers["offset"], "4");
    let read = client.consume(v1::ConsumeRequest { offset: 5 }).await.expect("it is intact");
    assert_eq!(read.into_inner().record.expect("a record").value, "record 5");
    server.stop().await;
}

#[tokio::test]
async fn damage_that_is_skipped_is_named() {
    let server = damaged().await;
    let mut client = server.client().await;
    let request = v1::ConsumeBatchRequest { skip_corrupt: true, ..Default::default() };
    let (all, end) = messages(&mut client, request).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(offsets(&all), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
    let missing: Vec<_> = all.iter().flat_map(|message| &message.missing).collect();
    let [missing] = missing.as_slice() else { panic!("one range: {missing:?}") };
    assert_eq!((missing.first_offset, missing.end_offset, missing.lost), (4, 5, false));
    assert!(missing.reason.contains("checksum"), "{}", missing.reason);
    server.stop().await;
}

#[tokio::test]
async fn readers_of_a_removed_range_learn_the_valid_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = LogConfig { segment_bytes: 1024, ..LogConfig::default() };
    let server = Server::of_dir(dir, config).await;
    let mut client = server.client().await;
    for _ in 0..20 {
        let request =
            v1::ProduceRequest { record: Some(record(&"x".repeat(200))), expected_offset: None };
        client.produce(request).await.expect("appended");
    }
    use proglog::service::{CommitLog, Offset};
    let lowest = server.log.truncate_before(Offset(9)).await.expect("truncated");
    assert!(lowest > Offset(0));
    let (_, end) = messages(&mut client, v1::ConsumeBatchRequest::default()).await;
    let numbers = refused(&end.expect("it is gone"), Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    assert_eq!((&numbers["lowest"], &*numbers["next"]), (&lowest.to_string(), "20"));
    server.stop().await;
}
