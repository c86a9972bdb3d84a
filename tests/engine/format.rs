//! Every byte of a log: what is written is compared with golden files and with an encoder of its
//! own, which knows `docs/format.md` and not the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use proglog::log::{
    Append, Header, Log, LogConfig, LogReader, NewRecord, Offset, Record, SyncPolicy, Verdict,
};
use prost::Message;

use crate::support::{LogDir, bases, copy_dir, records, snapshot, verify};

/// All fields of a record but the checksum, which is added by hand.
#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(bytes = "vec", tag = "1")]
    value: Vec<u8>,
    #[prost(uint64, tag = "2")]
    offset: u64,
    #[prost(uint64, tag = "3")]
    term: u64,
    #[prost(uint32, tag = "4")]
    r#type: u32,
    #[prost(fixed64, optional, tag = "5")]
    timestamp_us: Option<u64>,
    #[prost(uint32, tag = "6")]
    unsynced: u32,
    #[prost(bytes = "vec", optional, tag = "7")]
    key: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "8")]
    headers: Vec<PayloadHeader>,
}

#[derive(Clone, PartialEq, Message)]
struct PayloadHeader {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The batches that the golden log of version 1 was written from. Offsets and, where a timestamp
/// would go back, the timestamp are what the log has to make of them.
fn batches() -> Vec<Vec<Record>> {
    let record = |value: &[u8], timestamp_us: u64| Record {
        value: value.to_vec(),
        timestamp_us: Some(timestamp_us),
        ..Record::default()
    };
    let header = |name: &str, value: &[u8]| Header { name: name.into(), value: value.to_vec() };
    let headers = vec![
        header("colour", b"blue"),
        header("colour", b""),
        header("größe", b"\xFF\0"),
        header("", b"nameless"),
    ];
    let of_batch = |key: &[u8], r: Record| Record { key: Some(key.to_vec()), term: 3, ..r };
    vec![
        vec![record(b"", 0)],
        vec![record(b"hello", 1_700_000_000_000_000)],
        vec![Record { key: Some(Vec::new()), ..record(b"", 1_700_000_000_000_001) }],
        vec![
            of_batch(b"a", record(b"first of a batch", 1_700_000_000_000_300)),
            of_batch(b"b", Record { headers, ..record(b"second", 1_700_000_000_000_300) }),
            of_batch(b"c", Record { record_type: 7, ..record(b"third", 1_700_000_000_000_301) }),
        ],
        vec![record(&[b'x'; 700], 1_700_000_000_100_000)],
        vec![record(&[0; 700], 1_700_000_000_200_000), record(b"\xFE\xFF", 1_700_000_000_200_000)],
        vec![record("later, but the clock was set back: äöü".as_bytes(), 1_700_000_000_200_000)],
        vec![Record { record_type: u32::MAX, term: u64::MAX, ..record(&[b'y'; 1500], u64::MAX) }],
        vec![record(b"last", u64::MAX)],
    ]
}

/// The offset at which the golden log begins.
const FIRST: u64 = 126;

/// The batches with their offsets.
fn numbered() -> Vec<Vec<Record>> {
    let mut batches = batches();
    let all = batches.iter_mut().flatten();
    all.zip(FIRST..).for_each(|(record, offset)| record.offset = Offset(offset));
    batches
}

fn golden_config() -> LogConfig {
    LogConfig {
        segment_bytes: 1024,
        sync: SyncPolicy::Always,
        initial_offset: Offset(FIRST),
        ..LogConfig::default()
    }
}

fn write_golden(dir: &Path) {
    let log = Log::open(dir, golden_config()).expect("a new log");
    for (n, batch) in numbered().iter().enumerate() {
        // In the batch after the clock was set back, a caller's timestamp is raised.
        let set_back = if n == 6 { 50_000 } else { 0 };
        let new = batch.iter().map(|record| NewRecord {
            value: &record.value,
            key: record.key.as_deref(),
            headers: &record.headers,
            timestamp_us: record.timestamp_us.map(|timestamp_us| timestamp_us - set_back),
            record_type: record.record_type,
        });
        let new: Vec<_> = new.collect();
        let term = batch[0].term;
        let append = Append { records: &new, expected_offset: Some(batch[0].offset), term };
        log.append(&append).expect("an append");
    }
    log.close().expect("a clean close");
}

fn encode(record: &Record, unsynced: u32) -> Vec<u8> {
    let header = |h: &Header| PayloadHeader { name: h.name.clone(), value: h.value.clone() };
    let payload = Payload {
        value: record.value.clone(),
        offset: record.offset.0,
        term: record.term,
        r#type: record.record_type,
        timestamp_us: record.timestamp_us,
        unsynced,
        key: record.key.clone(),
        headers: record.headers.iter().map(header).collect(),
    };
    let payload = payload.encode_to_vec();
    let mut frame = (payload.len() as u64 + 5).to_be_bytes().to_vec();
    frame.extend(payload);
    frame.push(0x7D);
    frame.extend(crc32c::crc32c(&frame).to_le_bytes());
    frame
}

/// The files that `batches` have to become, by name.
fn expected_files(segment_bytes: usize, batches: &[Vec<Record>]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut segments: Vec<(u64, Vec<u8>, Vec<u8>)> = Vec::new();
    for batch in batches {
        let frames: Vec<_> = batch.iter().zip(0..).map(|(record, n)| encode(record, n)).collect();
        let n_bytes: usize = frames.iter().map(Vec::len).sum();
        if segments.last().is_none_or(|(_, store, _)| store.len() + n_bytes > segment_bytes) {
            segments.push((batch[0].offset.0, Vec::new(), Vec::new()));
        }
        let (base, store, index) = segments.last_mut().expect("a segment");
        for (record, frame) in batch.iter().zip(frames) {
            let relative = u32::try_from(record.offset.0 - *base).expect("32 bits");
            index.extend(relative.to_be_bytes());
            index.extend((store.len() as u64).to_be_bytes());
            store.extend(frame);
        }
    }
    let files = segments.into_iter().flat_map(|(base, store, index)| {
        [(format!("{base}.store").into(), store), (format!("{base}.index").into(), index)]
    });
    files.collect()
}

/// The files of a log, by name.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let name = |path: PathBuf| path.file_name().expect("a name").into();
    snapshot(dir).into_iter().map(|(path, bytes)| (name(path), bytes)).collect()
}

fn assert_same_files(got: &BTreeMap<PathBuf, Vec<u8>>, wanted: &BTreeMap<PathBuf, Vec<u8>>) {
    assert!(got.keys().eq(wanted.keys()), "{:?} and not {:?}", got.keys(), wanted.keys());
    for (name, bytes) in got {
        let wanted = &wanted[name];
        let differs = bytes.iter().zip(wanted).position(|(a, b)| a != b);
        assert_eq!(differs, None, "first byte that differs in {}", name.display());
        assert_eq!(bytes.len(), wanted.len(), "length of {}", name.display());
    }
}

/// The golden log. It is written once, with `PROGLOG_BLESS=1`, and never again.
fn golden() -> PathBuf {
    static BLESSING: Mutex<()> = Mutex::new(());
    let _blessing = BLESSING.lock().expect("nobody panics while blessing");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format-v1");
    if !golden.exists() && std::env::var_os("PROGLOG_BLESS").is_some() {
        let dir = LogDir::new();
        write_golden(&dir.path());
        copy_dir(&dir.path(), &golden);
    }
    golden
}

#[test]
fn a_log_is_written_as_the_format_says() {
    let dir = LogDir::new();
    write_golden(&dir.path());
    let written = files(&dir.path());
    assert_same_files(&written, &expected_files(1024, &numbered()));
    assert_same_files(&written, &files(&golden()));
}

#[test]
fn the_golden_log_of_version_1_is_read() {
    let dir = LogDir::copy_of(&golden());
    let wanted = numbered().concat();
    let reader = LogReader::open(&dir.path()).expect("a reader");
    assert_eq!(records(reader.scan(Offset(FIRST)).expect("a scan")).expect("records"), wanted);
    let log = Log::open(&dir.path(), golden_config()).expect("a log");
    for record in &wanted {
        assert_eq!(log.read(record.offset).as_ref().ok(), Some(record));
    }
    log.close().expect("a clean close");
    assert_same_files(&files(&dir.path()), &files(&golden()));
    let report = verify(&dir.path());
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
    assert_eq!((report.records, report.unchecksummed), (wanted.len() as u64, 0));
    assert!(report.segments > 2, "{report:?}");
}

#[test]
fn a_batch_larger_than_a_segment_goes_into_one() {
    let dir = LogDir::new();
    let config = LogConfig { initial_offset: Offset(0), ..golden_config() };
    let log = Log::open(&dir.path(), config).expect("a new log");
    let value = [b'z'; 400];
    let new = NewRecord { timestamp_us: Some(5), ..NewRecord::new(&value) };
    for n_records in [1, 6, 1] {
        let records = vec![new; n_records];
        log.append(&Append { records: &records, ..Append::default() }).expect("an append");
    }
    log.close().expect("a clean close");
    assert_eq!(bases(&dir.path()), [0, 1, 7]);
}
