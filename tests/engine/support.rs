//! What all engine tests share: directories, short ways to write and read, and a walk over stores
//! that knows nothing of the engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proglog::log::{Append, Appended, Log, LogConfig, LogError, LogReader, NewRecord};
use proglog::log::{Record, Report, Scan, SyncPolicy};
use prost::Message;
use tempfile::TempDir;

/// A log's directory below one that goes away with the value.
pub(crate) struct LogDir {
    parent: TempDir,
}

impl LogDir {
    pub(crate) fn new() -> LogDir {
        LogDir { parent: tempfile::tempdir().expect("a temporary directory") }
    }

    /// One in memory, if there is a place for that: thousands of syncs are quick there.
    pub(crate) fn quick() -> LogDir {
        let parent = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        LogDir { parent: parent.expect("a temporary directory") }
    }

    /// A copy of `from` as it is now, where quick ones are.
    pub(crate) fn copy_of(from: &Path) -> LogDir {
        let dir = LogDir::quick();
        copy_dir(from, &dir.path());
        dir
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.parent.path().join("log")
    }

    /// What the log's directory is in.
    pub(crate) fn parent(&self) -> &Path {
        self.parent.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("a directory entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).expect("a file")).expect("a copy");
        }
    }
}

/// Every file below `dir` with its bytes.
pub(crate) fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            let bytes = fs::read(&path).expect("a file");
            files.insert(path, bytes);
        }
    }
    files
}

/// Segments of 1 KiB, and no waiting for the device.
pub(crate) fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 1024, sync: SyncPolicy::Never, ..LogConfig::default() }
}

pub(crate) fn append(log: &Log, values: &[&[u8]]) -> Result<Appended, LogError> {
    let records: Vec<_> = values.iter().map(|value| NewRecord::new(value)).collect();
    log.append(&Append { records: &records, ..Append::default() })
}

/// The value that [`build`] gives to the record at `offset`.
pub(crate) fn value_at(offset: u64) -> Vec<u8> {
    format!("record {offset} ").into_bytes().repeat(1 + (offset % 5) as usize)
}

/// A log with records 0 to `n`, each appended by itself, closed cleanly.
pub(crate) fn build(config: &LogConfig, n: u64) -> LogDir {
    let dir = LogDir::quick();
    let log = Log::open(&dir.path(), config.clone()).expect("a new log");
    for offset in 0..n {
        append(&log, &[&value_at(offset)]).expect("an append");
    }
    log.close().expect("a clean close");
    dir
}

/// A copy of `dir` while its log is open: what a killed process leaves behind, but for most of the
/// zeros that were prepared ahead, which would only make many copies slow.
pub(crate) fn killed_copy_of(dir: &Path) -> LogDir {
    let copy = LogDir::copy_of(dir);
    let base = *bases(dir).last().expect("a segment");
    let cut = |kind: &str, len: usize| {
        let file = fs::OpenOptions::new().write(true).open(copy.file(&format!("{base}.{kind}")));
        file.and_then(|file| file.set_len(len as u64)).expect("a shorter file");
    };
    let frames = walk(&fs::read(copy.file(&format!("{base}.store"))).expect("a store"));
    cut("store", frames.last().map_or(0, Frame::end) + 1000);
    cut("index", frames.len() * 12 + 100);
    copy
}

/// What a process leaves that is killed after it has appended records 0 to `n`.
pub(crate) fn build_and_kill(config: &LogConfig, n: u64) -> LogDir {
    let dir = LogDir::quick();
    let log = Log::open(&dir.path(), config.clone()).expect("a new log");
    for offset in 0..n {
        append(&log, &[&value_at(offset)]).expect("an append");
    }
    killed_copy_of(&dir.path())
}

/// Damages the value of the record at `offset`; answers with its frame as it is then.
pub(crate) fn damage(dir: &LogDir, offset: u64) -> Vec<u8> {
    let base = *bases(&dir.path()).iter().rfind(|base| **base <= offset).expect("a segment");
    let file = dir.file(&format!("{base}.store"));
    let mut store = fs::read(&file).expect("a store");
    let frame = walk(&store).swap_remove((offset - base) as usize);
    store[frame.position + 12] ^= 0x55;
    fs::write(&file, &store).expect("a damaged store");
    store[frame.position..frame.end()].to_vec()
}

pub(crate) fn verify(dir: &Path) -> Report {
    proglog::log::verify(dir, &|_| {}).expect("a report")
}

/// All records of a scan, up to its end or its first error.
pub(crate) fn records(mut scan: Scan) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::new();
    while let Some(record) = scan.next_record() {
        records.push(record?.to_record());
    }
    Ok(records)
}

/// All intact records, and the offsets that had to be skipped.
pub(crate) fn intact_records(mut scan: Scan) -> (Vec<Record>, Vec<u64>) {
    let (mut intact, mut skipped) = (Vec::new(), Vec::new());
    loop {
        match scan.next_record().map(|record| record.map(|record| record.to_record())) {
            Some(Ok(record)) => intact.push(record),
            Some(Err(LogError::Corrupt(_))) => {
                let range = scan.skip_corrupt().expect("a way on");
                assert!(range.start < range.end, "skipped nothing: {range:?}");
                skipped.extend(range.start.0..range.end.0);
            }
            Some(Err(error)) => panic!("not a corruption: {error}"),
            None => return (intact, skipped),
        }
    }
}

/// All records that a reader sees, which has to agree with itself.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<Record>, LogError> {
    let reader = LogReader::open(dir)?;
    let records = records(reader.scan(reader.lowest_offset())?)?;
    let offsets = records.iter().map(|record| record.offset.0);
    assert!(offsets.eq(reader.lowest_offset().0..reader.next_offset().0), "not dense");
    Ok(records)
}

pub(crate) fn values(records: &[Record]) -> Vec<&[u8]> {
    records.iter().map(|record| record.value.as_slice()).collect()
}

/// The values that [`build`] wrote, from `lowest` up to `next`.
pub(crate) fn assert_built(records: &[Record], lowest: u64, next: u64) {
    let offsets: Vec<u64> = records.iter().map(|record| record.offset.0).collect();
    let wanted: Vec<u64> = (lowest..next).collect();
    assert!(offsets == wanted, "{offsets:?} were read instead of {wanted:?}");
    for record in records {
        assert_eq!(record.value, value_at(record.offset.0), "at {}", record.offset);
    }
}

/// A record as the Go original knows it: four fields, everything else skipped.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GoRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) value: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) offset: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) term: u64,
    #[prost(uint32, tag = "4")]
    pub(crate) r#type: u32,
}

/// One frame of a store, found by walking its length prefixes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) position: usize,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn end(&self) -> usize {
        self.position + 8 + self.payload.len()
    }

    pub(crate) fn as_go(&self) -> GoRecord {
        GoRecord::decode(self.payload.as_slice()).expect("a record that the Go original reads")
    }
}

/// The whole frames of a store, up to its torn tail or the zeros that were prepared ahead.
pub(crate) fn walk(store: &[u8]) -> Vec<Frame> {
    let (mut frames, mut position): (Vec<Frame>, usize) = (Vec::new(), 0);
    while let Some((prefix, rest)) = store[position..].split_first_chunk::<8>() {
        let len = usize::try_from(u64::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if len > rest.len() || store[position..].iter().all(|byte| *byte == 0) {
            break;
        }
        frames.push(Frame { position, payload: rest[..len].to_vec() });
        position += 8 + len;
    }
    frames
}

/// The base offsets of the segments in `dir`, ascending.
pub(crate) fn bases(dir: &Path) -> Vec<u64> {
    let names = fs::read_dir(dir).expect("a directory");
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string());
    let stores = names.filter_map(|name| name.ok()?.strip_suffix(".store")?.parse().ok());
    let mut bases: Vec<u64> = stores.collect();
    bases.sort_unstable();
    bases
}

/// Every frame of every store, in the order of the base offsets.
pub(crate) fn walk_log(dir: &Path) -> Vec<Frame> {
    let store = |base| fs::read(dir.join(format!("{base}.store"))).expect("a store");
    bases(dir).into_iter().flat_map(|base| walk(&store(base))).collect()
}
