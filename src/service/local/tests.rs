//! `LocalLog` over a real log in a temporary directory.

use std::path::Path;

use super::*;
use crate::log::{Header, LogConfig};
use crate::service::NewRecord;

fn start(dir: &Path) -> LocalLog {
    let log = Log::open(dir, LogConfig::default()).expect("opens");
    LocalLog::start(log, &LocalLogConfig::default()).expect("starts")
}

fn batch(value: &'static str) -> Batch {
    Batch::of(NewRecord::new(value))
}

#[tokio::test]
async fn a_record_comes_back_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = start(dir.path());
    let record = NewRecord {
        value: "value".into(),
        key: Some("key".into()),
        headers: vec![Header { name: "name".to_owned(), value: b"header".to_vec() }],
        timestamp_us: Some(1_700_000_000_000_000),
        record_type: 7,
    };
    let appended = log.append(Batch::of(record.clone())).await.expect("appends");
    assert_eq!((appended.first_offset, appended.last_offset), (Offset(0), Offset(0)));
    let read = log.read(Offset(0)).await.expect("reads");
    assert_eq!(read.value, record.value);
    assert_eq!(read.key, record.key);
    assert_eq!(read.headers, record.headers);
    assert_eq!(read.timestamp_us, record.timestamp_us);
}

#[tokio::test]
async fn an_unexpected_offset_appends_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = start(dir.path());
    let expecting = Batch { expected_offset: Some(Offset(5)), ..batch("x") };
    let error = log.append(expecting).await.expect_err("the log is empty");
    assert!(
        matches!(error, ServiceError::OffsetMismatch { expected: Offset(5), next: Offset(0) }),
        "{error:?}"
    );
    assert_eq!(log.info().next, Offset(0));
}

#[tokio::test]
async fn waiting_ends_with_the_record_or_with_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = start(dir.path());
    let (waited, appended) = tokio::join!(log.wait_for(Offset(0)), log.append(batch("x")));
    waited.expect("the record came");
    appended.expect("appends");
    log.wait_for(Offset(0)).await.expect("it is there already");
    let (waited, closed) = tokio::join!(log.wait_for(Offset(1)), log.close());
    assert!(matches!(waited, Err(ServiceError::Closed)), "{waited:?}");
    closed.expect("closes");
}

#[tokio::test]
async fn a_closed_log_keeps_what_was_acknowledged_and_refuses_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = start(dir.path());
    assert!(log.info().refusal.is_none());
    log.append(batch("kept")).await.expect("appends");
    log.close().await.expect("closes");
    log.close().await.expect("closing again is nothing");
    assert!(matches!(log.append(batch("late")).await, Err(ServiceError::Closed)));
    assert!(matches!(log.info().refusal, Some(ServiceError::Closed)));
    drop(log);
    let log = start(dir.path());
    assert_eq!(log.info().next, Offset(1));
    assert_eq!(log.read(Offset(0)).await.expect("reads").value, "kept");
}

#[tokio::test]
async fn an_offset_that_is_not_there_comes_with_the_range() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = start(dir.path());
    let error = log.read(Offset(3)).await.expect_err("empty");
    assert!(
        matches!(error, ServiceError::OutOfRange { offset: Offset(3), next: Offset(0), .. }),
        "{error:?}"
    );
}
