//! The log that is damaged in every way: 16 KiB in several segments, in memory.

use std::path::Path;
use std::sync::Arc;

use proglog::log::{
    Append, Header, Log, LogConfig, LogReader, NewRecord, Offset, Record, SyncPolicy,
};

use crate::memory::{Files, Memory};
use crate::support::{Frame, records, walk};

pub(crate) const DIR: &str = "/log";

/// The stores together.
const STORE_BYTES: u64 = 16 << 10;

/// Of the index that is still open, so much is kept behind its entries.
const OPEN_TAIL_BYTES: usize = 103;

pub(crate) fn config() -> LogConfig {
    LogConfig { sync: SyncPolicy::Always, segment_bytes: 4 << 10, ..LogConfig::default() }
}

/// A log, and all that is known of it.
pub(crate) struct Original {
    pub(crate) files: Files,
    pub(crate) records: Vec<Record>,
    /// The frames of each store with the offset of the first.
    pub(crate) frames: Vec<(u64, Vec<Frame>)>,
    /// The first offset of the last batch.
    pub(crate) last_batch: u64,
    pub(crate) is_closed: bool,
}

impl Original {
    /// One that was closed cleanly.
    pub(crate) fn closed() -> Original {
        let memory = Memory::default();
        let (log, last_batch) = write(&memory);
        log.close().expect("a clean close");
        drop(log);
        Original::of(&memory, last_batch, true)
    }

    /// One whose writer was killed; of the zeros that were prepared ahead there are fewer.
    pub(crate) fn killed() -> Original {
        let memory = Memory::default();
        let (log, last_batch) = write(&memory);
        let active = log.segments().pop().expect("a segment");
        let mut files = memory.files(Path::new(DIR));
        drop(log);
        let base = active.base_offset;
        let mut cut = |name: String, len: usize| {
            Arc::make_mut(files.get_mut(&name).expect("a file")).truncate(len);
        };
        cut(format!("{base}.store"), active.store_bytes as usize + 1000);
        cut(format!("{base}.index"), active.index_bytes as usize + OPEN_TAIL_BYTES);
        Original::of(&Memory::holding(Path::new(DIR), &files), last_batch, false)
    }

    fn of(memory: &Memory, last_batch: u64, is_closed: bool) -> Original {
        let files = memory.files(Path::new(DIR));
        let reader = LogReader::open_on(Arc::new(memory.clone()), Path::new(DIR));
        let reader = reader.expect("a reader");
        let records = records(reader.scan(Offset(0)).expect("a scan")).expect("all records");
        let store = |name: &String| name.strip_suffix(".store")?.parse().ok();
        let stores = files.iter().filter_map(|(name, bytes)| Some((store(name)?, walk(bytes))));
        let mut frames: Vec<(u64, Vec<Frame>)> = stores.collect();
        frames.sort_by_key(|(base, _)| *base);
        assert!(frames.len() >= 4, "{} segments", frames.len());
        assert_eq!(frames.iter().map(|(_, frames)| frames.len()).sum::<usize>(), records.len());
        Original { files, records, frames, last_batch, is_closed }
    }
}

/// Records of all sizes and with all fields, alone and in batches; the same bytes each time.
fn write(memory: &Memory) -> (Log, u64) {
    let log = Log::open_on(Arc::new(memory.clone()), Path::new(DIR), config()).expect("a log");
    let mut last_batch = 0;
    for number in 0.. {
        let stored: u64 = log.segments().iter().map(|segment| segment.store_bytes).sum();
        if stored >= STORE_BYTES {
            break;
        }
        last_batch = append(&log, number, STORE_BYTES - stored);
    }
    (log, last_batch)
}

/// Appends batch `number`, of at most so many bytes; answers with its first offset.
fn append(log: &Log, number: u64, most_bytes: u64) -> u64 {
    let n_records = if most_bytes > 2000 { 1 + number % 4 * (number % 3) } else { 1 };
    let sizes =
        (0..n_records).map(|place| [0, 9, 40, 130, 300, 700][((number + place) % 6) as usize]);
    let values: Vec<Vec<u8>> = sizes.map(|size| filler(number, size)).collect();
    let headers = [Header { name: "name".into(), value: filler(number, 5) }];
    let records = (number..).zip(&values).map(|(place, value)| NewRecord {
        key: (place % 3 == 1).then_some(b"key"),
        headers: if place % 4 == 2 { &headers } else { &[] },
        timestamp_us: Some(1_700_000_000_000_000 + number),
        record_type: (place % 2) as u32,
        ..NewRecord::new(value)
    });
    let records: Vec<NewRecord<'_>> = records.collect();
    let batch = Append { records: &records, term: number / 10, ..Append::default() };
    log.append(&batch).expect("an append").first_offset.0
}

/// Bytes among which zeros and all others are.
fn filler(number: u64, size: u64) -> Vec<u8> {
    (0..size).map(|at| (number * 31 + at * at * 7) as u8).collect()
}
