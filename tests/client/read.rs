//! Reading and following, over as many connections as it takes.

use futures_util::StreamExt;
use proglog::client::{Records, RecordsOptions};
use proglog::service::Offset;

use crate::server::{Server, batch};

const FOLLOW: RecordsOptions =
    RecordsOptions { end: None, follow: true, max_records: 0, max_bytes: 0, skip_corrupt: false };

/// The next records, as many as `n_records`.
async fn next_values(records: &mut Records, n_records: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < n_records {
        let chunk = records.next_chunk().await.expect("a server").expect("it goes on");
        let text = chunk.records.iter().map(|record| String::from_utf8_lossy(&record.value).into());
        values.extend(text);
    }
    values
}

#[tokio::test]
async fn a_range_is_read_to_its_end() {
    let server = Server::start().await;
    let client = server.client().await;
    client.append(batch(&["a", "b", "c", "d"], None)).await.expect("appended");
    let options =
        RecordsOptions { end: Some(Offset(3)), max_records: 1, ..RecordsOptions::default() };
    let mut records = client.records(Offset(1), options);
    assert_eq!(next_values(&mut records, 2).await, ["b", "c"]);
    assert_eq!(records.position(), Offset(3));
    assert!(records.next_chunk().await.expect("a server").is_none());
    let all = client.records(Offset(0), RecordsOptions::default()).into_stream();
    let chunks: Vec<_> = all.map(|chunk| chunk.expect("a chunk").records.len()).collect().await;
    assert_eq!(chunks.iter().sum::<usize>(), 4);
}

#[tokio::test]
async fn following_waits_for_what_comes() {
    let server = Server::start().await;
    let client = server.client().await;
    let mut records = client.records(Offset(0), FOLLOW);
    let (first, _) = tokio::join!(records.next_chunk(), client.append(batch(&["a"], None)));
    assert_eq!(first.expect("a server").expect("a chunk").records[0].value, "a");
    client.append(batch(&["b"], None)).await.expect("appended");
    assert_eq!(next_values(&mut records, 1).await, ["b"]);
}

#[tokio::test]
async fn following_goes_on_behind_a_restart() {
    let mut server = Server::start().await;
    let client = server.client().await;
    client.append(batch(&["a", "b"], None)).await.expect("appended");
    let mut records = client.records(Offset(0), FOLLOW);
    assert_eq!(next_values(&mut records, 2).await, ["a", "b"]);
    for value in ["c", "d"] {
        server.stop().await;
        server.start_again();
        client.append(batch(&[value], None)).await.expect("appended");
        assert_eq!(next_values(&mut records, 1).await, [value], "neither lost nor twice");
    }
}

#[tokio::test]
async fn an_offset_that_is_not_there_ends_the_stream() {
    let server = Server::start().await;
    let client = server.client().await;
    let mut records = client.records(Offset(5), FOLLOW);
    let error = records.next_chunk().await.expect_err("the log is empty");
    assert_eq!(error.code(), "offset_out_of_range");
    assert!(records.next_chunk().await.expect("it is over").is_none());
}

#[tokio::test]
async fn what_is_before_damage_is_read_and_what_is_behind_it_on_demand() {
    let mut server = Server::start().await;
    let client = server.client().await;
    client.append(batch(&["before", "corrupt", "after"], None)).await.expect("appended");
    server.stop().await;
    let store = server.dir().join("0.store");
    let mut bytes = std::fs::read(&store).expect("a store");
    let at = bytes.windows(7).position(|window| window == b"corrupt").expect("a value");
    bytes[at] ^= 1;
    std::fs::write(&store, bytes).expect("written");
    server.start_again();
    let mut records = client.records(Offset(0), RecordsOptions::default());
    assert_eq!(next_values(&mut records, 1).await, ["before"]);
    let error = records.next_chunk().await.expect_err("damage");
    assert_eq!(error.code(), "corrupt");
    let options = RecordsOptions { skip_corrupt: true, ..RecordsOptions::default() };
    let chunks: Vec<_> = client.records(Offset(0), options).into_stream().collect().await;
    let chunks: Vec<_> = chunks.into_iter().map(|chunk| chunk.expect("a chunk")).collect();
    assert_eq!(chunks.iter().flat_map(|chunk| &chunk.records).count(), 2);
    let missing: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.missing).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].offsets, Offset(1)..Offset(2));
}
