//! A disk that is nearly full, and records that are removed while they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use proglog::log::LogConfig;
use proglog::service::{CommitLog, DiskUse, DiskWatch, Offset, Watermarks};
use proglog::wire::v1;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::support::{Server, produce, record, refused, within_patience};

/// Watches a disk of 100 bytes, of which as many are in use as the answer says.
fn watch_a_disk(server: &Server) -> Arc<AtomicU64> {
    let used = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&used);
    let gauge = move || {
        let used_bytes = seen.load(Ordering::SeqCst);
        Ok(DiskUse { used_bytes, available_bytes: 100 - used_bytes, size_bytes: 100 })
    };
    let watermarks = Some(Watermarks::new(95, 90).expect("good marks"));
    let watch = DiskWatch { gauge: Box::new(gauge), watermarks, pause: Duration::from_millis(1) };
    server.log.watch_disk(watch).expect("a thread");
    used
}

#[tokio::test]
async fn a_nearly_full_disk_is_told_and_passes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let used = watch_a_disk(&server);
    let mut health = HealthClient::new(server.channel().await);
    let request = HealthCheckRequest { service: String::new() };
    let mut watching = health.watch(request).await.expect("watching").into_inner();
    let mut status = async || {
        within_patience(watching.next()).await.expect("a status").expect("a status").status()
    };
    assert_eq!(status().await, ServingStatus::Serving);
    client.produce(produce("kept")).await.expect("appended");
    for full in [95, 99] {
        used.store(full, Ordering::SeqCst);
        assert_eq!(status().await, ServingStatus::NotServing);
        let error = client.produce(produce("refused")).await.expect_err("too full");
        let numbers = refused(&error, Code::ResourceExhausted, "DISK_NEARLY_FULL");
        assert_eq!(numbers.get("low_percent").map(String::as_str), Some("90"));
        let retry = error.get_details_retry_info().expect("a time").retry_delay;
        assert_eq!(retry, Some(Duration::from_secs(5)));
        let read = client.consume(v1::ConsumeRequest { offset: 0 }).await.expect("reads go on");
        assert_eq!(read.into_inner().record.expect("a record").value, "kept");
        used.store(89, Ordering::SeqCst);
        assert_eq!(status().await, ServingStatus::Serving);
        client.produce(produce("goes on")).await.expect("appended");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stream_whose_records_are_removed_is_told_the_range_and_gets_none_cut() {
    const N_RECORDS: u64 = 60;
    let config = LogConfig { segment_bytes: 1024, ..LogConfig::default() };
    let server = Server::of_dir(tempfile::tempdir().expect("a directory"), config).await;
    let mut client = server.client().await;
    // More than what is on its way to a client that doesn't take it.
    let value = "x".repeat(200_000);
    for _ in 0..N_RECORDS {
        let request =
            v1::ProduceBatchRequest { records: vec![record(&value)], expected_offset: None };
        client.produce_batch(request).await.expect("appended");
    }
    let stream = client.consume_stream(v1::ConsumeRequest { offset: 0 }).await;
    let mut stream = stream.expect("a stream").into_inner();
    let mut take = async || within_patience(stream.next()).await.expect("it goes on");
    let first = take().await.expect("a record").record.expect("a record");
    assert_eq!((first.offset, first.value.len()), (0, value.len()));
    let lowest = server.log.truncate_before(Offset(N_RECORDS - 5)).await.expect("truncated");
    assert_eq!(lowest, Offset(N_RECORDS - 5));
    let mut next = 1;
    let end = loop {
        match take().await {
            Ok(answer) => {
                let record = answer.record.expect("a record");
                assert_eq!((record.offset, record.value.len()), (next, value.len()));
                next += 1;
            }
            Err(end) => break end,
        }
    };
    let numbers = refused(&end, Code::OutOfRange, "OFFSET_OUT_OF_RANGE");
    let number = |name: &str| numbers.get(name).and_then(|number| number.parse::<u64>().ok());
    // It may have been told while they were going, segment by segment.
    let told = number("lowest").expect("the lowest offset");
    assert!(next < told && told <= lowest.0, "{next}, {told}");
    assert_eq!(number("next"), Some(N_RECORDS));
    server.stop().await;
}
