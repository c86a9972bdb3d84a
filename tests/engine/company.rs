//! A log that is not alone: readers while it is truncated, a second writer, and those who wait.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proglog::log::{Log, LogError, LogReader, Offset, Scan};

use crate::support::{LogDir, append, small_segments};

/// Generous, so that only what never comes true fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn readers_go_on_while_old_segments_are_removed() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    let (done, n_ready) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while n_ready.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            for offset in 0..3000_u64 {
                append(&log, &[&offset.to_be_bytes().repeat(4)]).expect("an append");
                if offset % 50 == 49 {
                    log.truncate_before(Offset(offset - 30)).expect("a truncated log");
                }
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            n_ready.fetch_add(1, Ordering::SeqCst);
            while !done.load(Ordering::SeqCst) {
                let from = log.lowest_offset();
                check_dense(log.scan(from), from);
            }
        });
        scope.spawn(|| {
            let reader = LogReader::open(&dir.path()).expect("a reader");
            n_ready.fetch_add(1, Ordering::SeqCst);
            while !done.load(Ordering::SeqCst) {
                reader.refresh().expect("a look");
                let from = reader.lowest_offset();
                check_dense(reader.scan(from), from);
            }
            reader.refresh().expect("a look");
            assert_eq!(reader.next_offset(), Offset(3000));
            assert_eq!(reader.lowest_offset(), log.lowest_offset());
        });
    });
    assert!(log.lowest_offset() > Offset(2000), "nothing was removed");
}

/// Reads on until the end or until the records ahead were removed, which is the one error allowed.
fn check_dense(scan: Result<Scan, LogError>, from: Offset) {
    let mut scan = match scan {
        Ok(scan) => scan,
        Err(LogError::OutOfRange { lowest, .. }) if lowest > from => return,
        Err(error) => panic!("scan from {from}: {error}"),
    };
    let mut next = from.0;
    loop {
        match scan.next_record() {
            Some(Ok(record)) => {
                assert_eq!(record.offset.0, next);
                assert_eq!(record.value, next.to_be_bytes().repeat(4));
                next += 1;
            }
            Some(Err(LogError::OutOfRange { lowest, .. })) if lowest.0 > next => return,
            Some(Err(error)) => panic!("at {next}: {error}"),
            None => return,
        }
    }
}

#[test]
fn a_second_writer_is_refused_at_once() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    append(&log, &[b"first"]).expect("an append");
    let started = Instant::now();
    let second = Log::open(&dir.path(), small_segments());
    assert!(matches!(second, Err(LogError::InUse { .. })), "{second:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(LogReader::open(&dir.path()).expect("a reader").has_writer());
    append(&log, &[b"the first goes on"]).expect("an append");
    drop(log);
    assert!(!LogReader::open(&dir.path()).expect("a reader").has_writer());
    let log = Log::open(&dir.path(), small_segments()).expect("the next writer");
    assert_eq!(log.next_offset(), Offset(2));
}

#[test]
fn who_waits_for_a_record_is_woken_by_it() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    assert!(!log.wait_for(Offset(0), Duration::from_millis(20)), "nothing is there yet");
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|offset| {
                scope.spawn({
                    let log = &log;
                    move || log.wait_for(Offset(offset), PATIENCE)
                })
            })
            .collect();
        let outside = scope.spawn(|| {
            let reader = LogReader::open(&dir.path()).expect("a reader");
            reader.wait_for(Offset(3), PATIENCE).expect("a look")
        });
        append(&log, &[b"a"]).expect("an append");
        append(&log, &[b"b", b"c", b"d"]).expect("an append");
        assert!(waiting.into_iter().all(|waiting| waiting.join().expect("an answer")));
        assert!(outside.join().expect("an answer"));
    });
}

#[test]
fn who_waits_is_told_when_the_log_closes() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    thread::scope(|scope| {
        let started = Instant::now();
        let waiting = scope.spawn(|| log.wait_for(Offset(0), PATIENCE));
        log.close().expect("a clean close");
        assert!(!waiting.join().expect("an answer"));
        assert!(started.elapsed() < PATIENCE / 2, "it waited on");
    });
    assert!(matches!(append(&log, &[b"x"]), Err(LogError::Closed)));
}
