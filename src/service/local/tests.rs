//! `LocalLog` over a real log in a temporary directory.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use super::*;
use crate::log::{Header, LogConfig};
use crate::service::{DiskUse, NewRecord, Watermarks};

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

/// A disk of 1,000 bytes of which a test says how many are in use.
#[derive(Clone, Default)]
struct TestDisk(Arc<AtomicU64>);

impl TestDisk {
    fn fill_to(&self, used_bytes: u64) {
        self.0.store(used_bytes, Ordering::SeqCst);
    }

    fn watch(&self, watermarks: Option<Watermarks>) -> DiskWatch {
        let used = Arc::clone(&self.0);
        let gauge = move || {
            let used_bytes = used.load(Ordering::SeqCst);
            Ok(DiskUse { used_bytes, available_bytes: 1000 - used_bytes, size_bytes: 1000 })
        };
        DiskWatch { gauge: Box::new(gauge), watermarks, pause: Duration::from_millis(1) }
    }
}

fn marks() -> Option<Watermarks> {
    Some(Watermarks::new(95, 90).expect("good marks"))
}

#[tokio::test]
async fn a_nearly_full_disk_holds_appends_off_until_it_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, disk) = (start(dir.path()), TestDisk::default());
    log.append(batch("kept")).await.expect("appends");
    disk.fill_to(949);
    log.watch_disk(disk.watch(marks())).expect("a thread");
    log.append(batch("kept, too")).await.expect("appends");
    disk.fill_to(950);
    let refusal = log.refused().await;
    assert_eq!(refusal.code(), "disk_nearly_full");
    assert_eq!(refusal.numbers(), [("used_percent", 95), ("low_percent", 90)]);
    let error = log.append(batch("refused")).await.expect_err("too full");
    assert_eq!(error.code(), "disk_nearly_full");
    assert_eq!(log.info().refusal.map(|refusal| refusal.code()), Some("disk_nearly_full"));
    assert_eq!(log.read(Offset(1)).await.expect("reads go on").value, "kept, too");
    assert_eq!(log.truncate_before(Offset(1)).await.expect("so does this"), Offset(0));
    // Not yet: it would be too full again at once.
    disk.fill_to(900);
    while log.info().disk.is_none_or(|disk| disk.used_bytes != 900) {
        task::yield_now().await;
    }
    assert!(log.append(batch("refused")).await.is_err());
    disk.fill_to(899);
    log.ready().await;
    let appended = log.append(batch("goes on")).await.expect("appends");
    assert_eq!(appended.first_offset, Offset(2));
    log.close().await.expect("closes");
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_is_noticed_before_the_first_append() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, disk) = (start(dir.path()), TestDisk::default());
    disk.fill_to(990);
    log.watch_disk(disk.watch(marks())).expect("a thread");
    assert_eq!(log.info().refusal.map(|refusal| refusal.code()), Some("disk_nearly_full"));
}

#[tokio::test]
async fn without_watermarks_a_full_disk_is_only_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, disk) = (start(dir.path()), TestDisk::default());
    disk.fill_to(1000);
    log.watch_disk(disk.watch(None)).expect("a thread");
    assert_eq!(log.info().disk.map(|disk| disk.used_percent()), Some(100));
    log.append(batch("taken")).await.expect("appends");
}

#[tokio::test]
async fn a_disk_that_can_not_be_measured_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, disk) = (start(dir.path()), TestDisk::default());
    let DiskWatch { gauge, watermarks, pause } = disk.watch(marks());
    let is_blind = Arc::new(AtomicBool::new(false));
    let (blind, (looked, looks)) = (Arc::clone(&is_blind), mpsc::channel());
    let gauge = Box::new(move || {
        let _ = looked.send(());
        if blind.load(Ordering::SeqCst) { Err(io::ErrorKind::Other.into()) } else { gauge() }
    });
    disk.fill_to(990);
    log.watch_disk(DiskWatch { gauge, watermarks, pause }).expect("a thread");
    is_blind.store(true, Ordering::SeqCst);
    disk.fill_to(0);
    (0..5).for_each(|_| looks.recv().expect("it looks"));
    assert!(log.append(batch("refused")).await.is_err(), "it was too full when last seen");
    is_blind.store(false, Ordering::SeqCst);
    log.ready().await;
}

#[tokio::test]
async fn retention_removes_what_is_too_much() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = LogConfig { segment_bytes: 1024, ..LogConfig::default() };
    let log = Log::open(dir.path(), config).expect("opens");
    let log = LocalLog::start(log, &LocalLogConfig::default()).expect("starts");
    for _ in 0..20 {
        log.append(Batch::of(NewRecord::new(vec![7; 400]))).await.expect("appends");
    }
    log.retain(Retention { max_bytes: Some(2000), max_age: None }).expect("a thread");
    while log.info().lowest < Offset(16) {
        task::yield_now().await;
    }
    let error = log.read(Offset(15)).await.expect_err("removed");
    assert!(matches!(error, ServiceError::OutOfRange { lowest: Offset(16), .. }), "{error:?}");
    assert_eq!(log.read(Offset(16)).await.expect("kept").value, vec![7; 400]);
    log.close().await.expect("closes");
}
