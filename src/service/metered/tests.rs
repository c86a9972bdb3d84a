//! What appends, reads, damage and recovery add to the metrics.

use std::fs;
use std::path::Path;

use super::*;
use crate::log::{LogConfig, Offset};
use crate::service::{Batch, CommitLog, LocalLog, LocalLogConfig, NewRecord, ScanLimits};
use crate::telemetry::ExpositionFormat;

fn start(dir: &Path) -> (LocalLog, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let config = LogConfig {
        observer: Some(observer(&metrics, ProgressNote::default())),
        ..LogConfig::default()
    };
    let log = Log::open(dir, config).expect("a log");
    let log = LocalLog::start_metered(log, &LocalLogConfig::default(), &metrics);
    (log.expect("a storage thread"), metrics)
}

#[track_caller]
fn assert_shows(metrics: &Metrics, lines: &[&str]) {
    let text = metrics.render(ExpositionFormat::Classic);
    for line in lines {
        assert!(text.lines().any(|there| there == *line), "{line} isn't in\n{text}");
    }
}

fn limits(skips_corrupt: bool) -> ScanLimits {
    ScanLimits { end: None, max_records: 100, max_bytes: 1 << 20, skips_corrupt }
}

async fn append(log: &LocalLog, values: &[&'static str]) {
    let records = values.iter().map(|value| NewRecord::new(*value)).collect();
    log.append(Batch { records, expected_offset: None }).await.expect("an append");
}

#[tokio::test]
async fn appends_and_reads_are_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, metrics) = start(dir.path());
    append(&log, &["one", "three"]).await;
    append(&log, &["four"]).await;
    log.read(Offset(1)).await.expect("a record");
    log.scan(Offset(0), limits(false)).await.expect("a chunk");
    log.read(Offset(9)).await.expect_err("not there");
    let refused = Batch { expected_offset: Some(Offset(7)), ..Batch::of(NewRecord::new("no")) };
    log.append(refused).await.expect_err("another offset");
    assert_shows(
        &metrics,
        &[
            "proglog_append_records_total 3",
            "proglog_append_bytes_total 12",
            "proglog_append_duration_seconds_count 2",
            "proglog_batch_records_count 2",
            "proglog_batch_records_sum 3.0",
            "proglog_fsync_duration_seconds_count 2",
            "proglog_read_records_total 4",
            "proglog_read_bytes_total 17",
            "proglog_read_duration_seconds_count 2",
            "proglog_next_offset 3.0",
            "proglog_segments 1.0",
            "proglog_writable 1.0",
            "proglog_corrupt_records_total 0",
        ],
    );
    log.close().await.expect("closed");
    assert_shows(&metrics, &["proglog_writable 0.0", "proglog_fsync_duration_seconds_count 3"]);
}

#[tokio::test]
async fn damage_is_counted_when_it_is_met() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, metrics) = start(dir.path());
    append(&log, &["one", "two", "three"]).await;
    let store = dir.path().join("0.store");
    let mut bytes = fs::read(&store).expect("a store");
    let at = bytes.windows(3).position(|window| window == b"two").expect("a value");
    bytes[at] ^= 1;
    fs::write(&store, bytes).expect("damage");
    log.read(Offset(1)).await.expect_err("damaged");
    assert_shows(&metrics, &["proglog_corrupt_records_total 1"]);
    log.scan(Offset(1), limits(false)).await.expect_err("damaged");
    assert_shows(&metrics, &["proglog_corrupt_records_total 2"]);
    let chunk = log.scan(Offset(1), limits(true)).await.expect("the rest");
    assert_eq!((chunk.records.len(), chunk.missing.len()), (1, 1));
    assert_shows(&metrics, &["proglog_corrupt_records_total 3"]);
}

#[tokio::test]
async fn recovery_shows_what_it_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = start(dir.path());
    append(&log, &["one"]).await;
    log.close().await.expect("closed");
    drop(log);
    let store = dir.path().join("0.store");
    let mut bytes = fs::read(&store).expect("a store");
    bytes.extend_from_slice(b"\0\0\0\0\0\0\0\x40torn");
    fs::write(&store, bytes).expect("a torn tail");
    let (_log, metrics) = start(dir.path());
    assert_shows(
        &metrics,
        &["proglog_recovery_cut_bytes 12", "proglog_recovery_rebuilt_indexes 1"],
    );
}

#[tokio::test]
async fn a_log_that_is_dropped_is_not_kept_by_its_metrics() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, metrics) = start(dir.path());
    log.close().await.expect("closed");
    drop(log);
    let text = metrics.render(ExpositionFormat::Classic);
    assert!(!text.contains("proglog_next_offset"), "{text}");
    drop(start(dir.path()));
}
