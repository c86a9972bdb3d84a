//! What is measured: each work with its floor, its way through the log, and the goal.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use proglog::log::{Append, Log, LogConfig, NewRecord, Offset, SyncPolicy, verify};

use crate::floor::{self, rate};
use crate::opening;

/// Where files go; removed at the end.
pub(crate) struct Scratch {
    dir: PathBuf,
    /// The log that reading works share: its record size, and how many there are.
    prepared: RefCell<Option<(usize, u64)>>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let parent = std::env::var_os("PROGLOG_BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let dir = parent.join(format!("proglog-bench-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory for the benchmark");
        Scratch { dir, prepared: RefCell::new(None) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// An empty log.
    fn log(&self, sync: SyncPolicy) -> Log {
        let dir = self.path("log");
        let _ = fs::remove_dir_all(&dir);
        open(&dir, sync)
    }

    /// A closed log and a floor's file with the same records, made once for all works that want the same.
    fn prepared(&self, value: &[u8], n_records: u64) -> (PathBuf, PathBuf) {
        let (dir, file) = (self.path("prepared"), self.path("prepared-floor"));
        let wanted = Some((value.len(), n_records));
        if *self.prepared.borrow() != wanted {
            let _ = fs::remove_dir_all(&dir);
            append_batches(&open(&dir, SyncPolicy::Never), value, n_records, 100);
            floor::append_buffered(&file, value, n_records);
            *self.prepared.borrow_mut() = wanted;
        }
        (dir, file)
    }

    /// A closed log of 16 segments, made once for each record size.
    fn segmented(&self, value: &[u8], n_records: u64) -> PathBuf {
        let dir = self.path(&format!("segmented-{}", value.len()));
        if !dir.exists() {
            let segment_bytes = n_records * value.len() as u64 / 16;
            let config = LogConfig { sync: SyncPolicy::Never, segment_bytes, ..Default::default() };
            append_batches(&Log::open(&dir, config).expect("a log"), value, n_records, 100);
        }
        dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn open(dir: &Path, sync: SyncPolicy) -> Log {
    Log::open(dir, LogConfig { sync, ..LogConfig::default() }).expect("a log")
}

/// One row of the table.
pub(crate) struct Work {
    pub(crate) kind: Kind,
    pub(crate) record_bytes: usize,
    /// The least ratio of ours to the floor's rate, if one is to be reached.
    pub(crate) goal: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    AppendBatches,
    AppendEach,
    LoneDurable,
    DurableBatches,
    DurableThreads,
    ReadAll,
    ReadRandom,
    Verify,
    VerifyChecked,
    OpenOne,
    OpenTen,
    OpenHundred,
    OpenHundredSmall,
    OpenAfterKill,
    DiskUsed,
}

pub(crate) fn all() -> Vec<Work> {
    use Kind::*;
    let work = |kind, record_bytes, goal| Work { kind, record_bytes, goal };
    vec![
        work(AppendBatches, 100, Some(0.5)),
        work(AppendBatches, 1024, Some(0.85)),
        work(AppendBatches, 64 << 10, None),
        work(AppendEach, 1024, Some(0.7)),
        work(LoneDurable, 1024, Some(1.5)),
        work(DurableBatches, 1024, Some(1.3)),
        work(DurableThreads, 1024, Some(2.5)),
        work(ReadAll, 100, None),
        work(ReadAll, 1024, Some(1.0)),
        work(ReadRandom, 1024, Some(1.1)),
        work(Verify, 1024, Some(0.8)),
        work(VerifyChecked, 1024, None),
        work(ReadAll, 64 << 10, None),
        work(OpenOne, 1024, Some(1.0)),
        work(OpenTen, 1024, None),
        work(OpenHundred, 1024, Some(1.0)),
        work(OpenHundredSmall, 1024, None),
        work(OpenAfterKill, 1024, Some(1.0 / 1.3)),
        work(DiskUsed, 100, Some(1.0 / 1.45)),
        work(DiskUsed, 1024, Some(1.0 / 1.05)),
    ]
}

const N_THREADS: u64 = 64;
const N_SYNCS: u64 = 1000;
const N_RANDOM_READS: u64 = 200_000;

impl Work {
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::AppendBatches => "append, no sync, batches of 64 KiB",
            Kind::AppendEach => "append, no sync, one a call",
            Kind::LoneDurable => "durable append, alone",
            Kind::DurableBatches => "durable batches of 100",
            Kind::DurableThreads => "durable append, 64 threads",
            Kind::ReadAll => "read all, checksums on",
            Kind::ReadRandom => "read at random, warm",
            Kind::Verify => "verify, against a scan a processor",
            Kind::VerifyChecked => "verify, against one with checksums",
            Kind::OpenOne => "open, 1 GiB, against 1 ms",
            Kind::OpenTen => "open, 10 of 1 GiB, against 50 ms",
            Kind::OpenHundred => "open, 100 of 1 GiB, against 50 ms",
            Kind::OpenHundredSmall => "open, 100 of 1 MiB, against 50 ms",
            Kind::OpenAfterKill => "open after a kill, no index",
            Kind::DiskUsed => "payload by disk used",
        }
    }

    /// What a rate counts.
    pub(crate) fn unit(&self) -> &'static str {
        match self.kind {
            Kind::Verify | Kind::VerifyChecked | Kind::OpenAfterKill => "B/s",
            Kind::OpenOne | Kind::OpenTen | Kind::OpenHundred | Kind::OpenHundredSmall => "/s",
            Kind::DiskUsed => "",
            _ => "rec/s",
        }
    }

    fn value(&self) -> Vec<u8> {
        (0..self.record_bytes).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    fn n_records(&self) -> u64 {
        let n_bytes = std::env::var("PROGLOG_BENCH_BYTES").ok().and_then(|n| n.parse().ok());
        let n_bytes: u64 = n_bytes.unwrap_or(match self.kind {
            // A whole segment: what doesn't grow with it is to count as little as it does there.
            Kind::OpenAfterKill => 1000 << 20,
            _ => 256 << 20,
        });
        (n_bytes / self.record_bytes as u64).max(100).next_multiple_of(100)
    }

    fn numbers(&self) -> Vec<u64> {
        let n_records = self.n_records();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % n_records
        };
        (0..N_RANDOM_READS).map(next).collect()
    }

    pub(crate) fn floor(&self, scratch: &Scratch) -> f64 {
        let (value, file, n_records) = (self.value(), scratch.path("floor"), self.n_records());
        let rate = match self.kind {
            Kind::AppendBatches => floor::append_buffered(&file, &value, n_records),
            Kind::AppendEach => floor::append_each(&file, &value, n_records),
            Kind::LoneDurable => floor::append_synced(&file, &value, N_SYNCS, 1),
            Kind::DurableBatches => floor::append_synced(&file, &value, 100 * N_SYNCS, 100),
            Kind::DurableThreads => floor::append_in_threads(&file, &value, N_THREADS, N_SYNCS / 4),
            Kind::ReadAll => {
                let (_, file) = scratch.prepared(&value, n_records);
                floor::read_buffered(&file, n_records)
            }
            Kind::ReadRandom => {
                let (_, file) = scratch.prepared(&value, n_records);
                floor::read_randomly(&file, 8 + value.len() as u64, &self.numbers())
            }
            Kind::OpenOne => 1e3 / 1.0,
            Kind::OpenTen | Kind::OpenHundred | Kind::OpenHundredSmall => 1e3 / 50.0,
            Kind::Verify => {
                let look = |value: &[u8]| {
                    std::hint::black_box(value);
                };
                scan_rate(scratch, &value, n_records, &look)
            }
            Kind::VerifyChecked => {
                let look = |value: &[u8]| {
                    std::hint::black_box(crc_fast::crc32_iscsi(value));
                };
                scan_rate(scratch, &value, n_records, &look)
            }
            Kind::OpenAfterKill => {
                let (_, file) = scratch.prepared(&value, n_records);
                floor::read_buffered(&file, n_records) * (8 + value.len()) as f64
            }
            Kind::DiskUsed => 1.0,
        };
        let _ = fs::remove_file(&file);
        rate
    }

    pub(crate) fn ours(&self, scratch: &Scratch) -> f64 {
        let (value, n_records) = (self.value(), self.n_records());
        match self.kind {
            Kind::AppendBatches => {
                // As much at a time as the floor's buffer passes on.
                let batch = (floor::BUFFER_BYTES / value.len()).max(1);
                append_batches(&scratch.log(SyncPolicy::Never), &value, n_records, batch)
            }
            Kind::AppendEach => {
                append_batches(&scratch.log(SyncPolicy::Never), &value, n_records, 1)
            }
            Kind::LoneDurable => {
                append_batches(&scratch.log(SyncPolicy::Always), &value, N_SYNCS, 1)
            }
            Kind::DurableBatches => {
                append_batches(&scratch.log(SyncPolicy::Always), &value, 100 * N_SYNCS, 100)
            }
            Kind::DurableThreads => {
                append_in_threads(&scratch.log(SyncPolicy::Always), &value, N_SYNCS / 4)
            }
            Kind::ReadAll => read_all(&scratch.prepared(&value, n_records).0, n_records),
            Kind::ReadRandom => {
                read_randomly(&scratch.prepared(&value, n_records).0, &self.numbers())
            }
            Kind::Verify | Kind::VerifyChecked => verify_all(&scratch.segmented(&value, n_records)),
            Kind::OpenOne => opening::clean(scratch, 1, 1 << 30),
            Kind::OpenTen => opening::clean(scratch, 10, 1 << 30),
            Kind::OpenHundred => opening::clean(scratch, 100, 1 << 30),
            Kind::OpenHundredSmall => opening::clean(scratch, 100, 1 << 20),
            Kind::OpenAfterKill => {
                opening::after_kill(&scratch.prepared(&value, n_records).0, scratch)
            }
            Kind::DiskUsed => payload_by_disk(&scratch.prepared(&value, n_records).0, self),
        }
    }

    pub(crate) fn payload_bytes(&self) -> u64 {
        self.n_records() * self.record_bytes as u64
    }
}

/// Bytes a second that all processors together read in frames of the floor's kind.
fn scan_rate(
    scratch: &Scratch,
    value: &[u8],
    n_records: u64,
    look: &(impl Fn(&[u8]) + Sync),
) -> f64 {
    let (_, file) = scratch.prepared(value, n_records);
    let frame_bytes = 8 + value.len() as u64;
    floor::read_on_all_processors(&file, frame_bytes, n_records, look) * frame_bytes as f64
}

fn append_batches(log: &Log, value: &[u8], n_records: u64, batch: usize) -> f64 {
    let records = vec![NewRecord::new(value); batch];
    let n_batches = n_records / batch as u64;
    let start = Instant::now();
    for _ in 0..n_batches {
        log.append(&Append::new(&records)).expect("appended");
    }
    rate(n_batches * batch as u64, start)
}

fn append_in_threads(log: &Log, value: &[u8], n_each: u64) -> f64 {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..N_THREADS {
            scope.spawn(|| append_batches(log, value, n_each, 1));
        }
    });
    rate(N_THREADS * n_each, start)
}

fn read_all(dir: &Path, n_records: u64) -> f64 {
    let log = open(dir, SyncPolicy::Never);
    let start = Instant::now();
    let mut scan = log.scan(Offset(0)).expect("a scan");
    while let Some(record) = scan.next_record() {
        std::hint::black_box(record.expect("a sound record").value);
    }
    assert_eq!(scan.position(), Offset(n_records));
    rate(n_records, start)
}

fn read_randomly(dir: &Path, numbers: &[u64]) -> f64 {
    let log = open(dir, SyncPolicy::Never);
    let start = Instant::now();
    for number in numbers {
        std::hint::black_box(log.read(Offset(*number)).expect("a record"));
    }
    rate(numbers.len() as u64, start)
}

/// Bytes a second, on all processors, as the floor.
fn verify_all(dir: &Path) -> f64 {
    let start = Instant::now();
    let report = verify(dir, &|_| {}).expect("a report");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    report.store_bytes as f64 / start.elapsed().as_secs_f64()
}

fn payload_by_disk(dir: &Path, work: &Work) -> f64 {
    let files = fs::read_dir(dir).expect("a listing");
    let used: u64 =
        files.map(|file| file.and_then(|file| file.metadata()).expect("a file").len()).sum();
    work.payload_bytes() as f64 / used as f64
}
