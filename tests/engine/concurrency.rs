//! Many threads at one log, and readers that weren't told of it.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use proglog::log::{Log, LogConfig, LogReader, Offset, RecordRef, SyncPolicy};

use crate::support::{LogDir, append, read_all, small_segments};

const N_THREADS: u64 = 8;
const N_BATCHES: u64 = 60;

/// Generous, so that only what never comes true fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What each record says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag {
    thread: u64,
    batch: u64,
    place: u64,
    len: u64,
}

impl Tag {
    /// The record's value: the four numbers, then bytes that follow from them.
    fn value(self) -> Vec<u8> {
        let numbers = [self.thread, self.batch, self.place, self.len];
        let mut value: Vec<u8> = numbers.into_iter().flat_map(u64::to_be_bytes).collect();
        let n_padding = (self.thread * 13 + self.batch * 7 + self.place * 5) % 120;
        value.extend((0..n_padding).map(|n| (n + self.batch) as u8));
        value
    }

    fn of(record: &RecordRef<'_>) -> Tag {
        let number = |n: usize| {
            let bytes = record.value[n * 8..][..8].try_into().expect("eight bytes");
            u64::from_be_bytes(bytes)
        };
        let tag = Tag { thread: number(0), batch: number(1), place: number(2), len: number(3) };
        assert_eq!(record.value, tag.value(), "at {}", record.offset);
        tag
    }

    fn is_last(self) -> bool {
        self.place + 1 == self.len
    }
}

fn batch_values(thread: u64, batch: u64) -> Vec<Vec<u8>> {
    let len = 1 + (thread + batch) % 5;
    (0..len).map(|place| Tag { thread, batch, place, len }.value()).collect()
}

fn append_batches(log: &Log, thread: u64) {
    for batch in 0..N_BATCHES {
        let values = batch_values(thread, batch);
        let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let appended = append(log, &slices).expect("an append");
        assert_eq!(appended.last_offset.0 + 1 - appended.first_offset.0, values.len() as u64);
        assert!(log.next_offset() > appended.last_offset, "acknowledged before it is visible");
        let own = log.read(appended.first_offset).expect("one's own record");
        assert_eq!(own.value, values[0]);
    }
}

/// Follows what is appended and checks that batches come whole, each thread's in its order.
#[derive(Default)]
struct Follower {
    next: u64,
    previous: Option<Tag>,
    batches_of: BTreeMap<u64, u64>,
}

impl Follower {
    fn take(&mut self, record: &RecordRef<'_>) {
        assert_eq!(record.offset.0, self.next, "a hole");
        let tag = Tag::of(record);
        match self.previous.filter(|previous| !previous.is_last()) {
            Some(previous) => {
                assert_eq!(tag, Tag { place: previous.place + 1, ..previous }, "at {}", self.next);
            }
            None => {
                assert_eq!(tag.place, 0, "at {}", self.next);
                let expected = self.batches_of.entry(tag.thread).or_default();
                assert_eq!(tag.batch, *expected, "of thread {}", tag.thread);
                *expected += 1;
            }
        }
        self.previous = Some(tag);
        self.next += 1;
    }

    fn is_between_batches(&self) -> bool {
        self.previous.is_none_or(Tag::is_last)
    }

    /// All batches of all threads.
    fn is_done(&self) -> bool {
        self.batches_of.len() as u64 == N_THREADS
            && self.batches_of.values().all(|n_batches| *n_batches == N_BATCHES)
            && self.is_between_batches()
    }
}

/// Follows through the log itself, a new scan each time, up to what is next at that moment.
fn follow_log(log: &Log) {
    let mut follower = Follower::default();
    while !follower.is_done() {
        assert!(log.wait_for(Offset(follower.next), PATIENCE), "no record {}", follower.next);
        let next = log.next_offset().0;
        let mut scan = log.scan(Offset(follower.next)).expect("a scan");
        while follower.next < next {
            follower.take(&scan.next_record().expect("no hole").expect("an intact record"));
        }
        assert!(follower.is_between_batches(), "half a batch is visible at {next}");
    }
}

/// Follows with one scan, which has to find what comes after its end.
fn follow_scan(log: &Log) {
    let mut follower = Follower::default();
    let mut scan = log.scan(Offset(0)).expect("a scan");
    while !follower.is_done() {
        match scan.next_record() {
            Some(record) => follower.take(&record.expect("an intact record")),
            None => {
                assert!(follower.is_between_batches(), "the scan ended inside a batch");
                assert!(log.wait_for(Offset(follower.next), PATIENCE), "no {}", follower.next);
            }
        }
    }
}

fn newest_base(reader: &LogReader) -> u64 {
    reader.segments().last().map_or(0, |segment| segment.base_offset.0)
}

/// Follows from outside, as another process would.
fn follow_reader(dir: &LogDir) {
    let mut follower = Follower::default();
    let reader = LogReader::open(&dir.path()).expect("a reader");
    while !follower.is_done() {
        let there = reader.wait_for(Offset(follower.next), PATIENCE).expect("a look");
        assert!(there, "no record {}", follower.next);
        let (next, base) = (reader.next_offset().0, newest_base(&reader));
        let mut scan = reader.scan(Offset(follower.next)).expect("a scan");
        while follower.next < next {
            follower.take(&scan.next_record().expect("no hole").expect("an intact record"));
        }
        // The entry of a segment's first record is all zeros, so it can't be held back.
        let is_whole = follower.is_between_batches() || next == base + 1;
        assert!(is_whole, "half a batch is visible at {next}");
    }
}

fn append_and_follow(config: LogConfig) {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), config).expect("a new log");
    thread::scope(|scope| {
        for thread in 0..N_THREADS {
            let log = &log;
            scope.spawn(move || append_batches(log, thread));
        }
        scope.spawn(|| follow_log(&log));
        scope.spawn(|| follow_scan(&log));
        scope.spawn(|| follow_reader(&dir));
    });
    log.close().expect("a clean close");
    let n_records: usize = (0..N_THREADS)
        .flat_map(|thread| (0..N_BATCHES).map(move |batch| batch_values(thread, batch).len()))
        .sum();
    assert_eq!(read_all(&dir.path()).expect("all records").len(), n_records);
}

#[test]
fn batches_stay_whole_and_in_order_without_syncs() {
    append_and_follow(LogConfig { segment_bytes: 4096, ..small_segments() });
}

#[test]
fn batches_stay_whole_and_in_order_with_syncs() {
    let sync = SyncPolicy::Always;
    append_and_follow(LogConfig { segment_bytes: 16 << 10, sync, ..small_segments() });
}

#[test]
fn batches_stay_whole_and_in_order_with_syncs_at_intervals() {
    let sync = SyncPolicy::Interval(Duration::from_millis(1));
    append_and_follow(LogConfig { segment_bytes: 4096, sync, ..small_segments() });
}

#[test]
fn batches_stay_whole_when_little_may_wait() {
    let max_waiting_bytes = 1;
    append_and_follow(LogConfig { segment_bytes: 4096, max_waiting_bytes, ..small_segments() });
}

#[test]
fn a_reader_outside_sees_large_batches_whole() {
    const N_RECORDS: u64 = 500;
    const N_BATCHES: u64 = 300;
    let dir = LogDir::quick();
    let log = Log::open(&dir.path(), LogConfig { segment_bytes: 1 << 20, ..small_segments() });
    let log = log.expect("a new log");
    thread::scope(|scope| {
        scope.spawn(|| {
            let batch = [b"x".as_slice(); N_RECORDS as usize];
            for _ in 0..N_BATCHES {
                append(&log, &batch).expect("an append");
            }
        });
        let reader = LogReader::open(&dir.path()).expect("a reader");
        let (mut next, mut n_looks) = (0, 0);
        while next < N_RECORDS * N_BATCHES {
            reader.refresh().expect("a look");
            next = reader.next_offset().0;
            let is_whole = next.is_multiple_of(N_RECORDS) || next == newest_base(&reader) + 1;
            assert!(is_whole, "half a batch is visible at {next}");
            n_looks += 1;
        }
        assert!(n_looks > 20, "only {n_looks} looks");
    });
}
