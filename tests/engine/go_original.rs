//! Directories that the Go original wrote: read, continued, and recovered where it crashed.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proglog::log::{
    Append, Consent, CorruptReason, FindingKind, Header, Log, LogConfig, LogError, LogReader,
    NewRecord, Offset, Position, Record, RepairStep, TornTail, Verdict, plan_repair, repair,
};
use serde_json::Value;

use crate::support::{
    LogDir, append, intact_records, read_all, records, small_segments, snapshot, verify, walk_log,
};

/// Logs that were closed cleanly: the fixture, the log's folder in it, its records' key.
const CLEAN: [(&str, &str, &str); 7] = [
    ("clean", "log", "records"),
    ("empty", "log", "records"),
    ("many-segments", "log", "records"),
    ("initial-offset", "log", "records"),
    ("truncated", "log", "records"),
    ("node", "data/log", "log"),
    ("node", "data/raft/log", "raft_log"),
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/go-log").join(name)
}

/// What the manifest says that the log holds, in its order.
fn manifest_records(name: &str, key: &str) -> Vec<Record> {
    let text = fs::read_to_string(fixture(name).join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let listed = manifest[key].as_array().expect("a list of records");
    listed.iter().map(manifest_record).collect()
}

fn manifest_record(listed: &Value) -> Record {
    let number = |key: &str| listed[key].as_u64().expect("a number");
    Record {
        value: STANDARD.decode(listed["value_base64"].as_str().expect("text")).expect("base64"),
        offset: Offset(number("offset")),
        term: number("term"),
        record_type: u32::try_from(number("type")).expect("32 bits"),
        ..Record::default()
    }
}

fn go_settings() -> LogConfig {
    LogConfig { segment_bytes: 1024, ..LogConfig::default() }
}

#[test]
fn every_record_of_every_fixture_is_read() {
    for (name, folder, key) in CLEAN {
        let dir = LogDir::copy_of(&fixture(name).join(folder));
        let (before, wanted) = (snapshot(&dir.path()), manifest_records(name, key));
        let reader = LogReader::open(&dir.path()).expect(name);
        let all = records(reader.scan(reader.lowest_offset()).expect(name)).expect(name);
        assert_eq!(all, wanted, "{name}/{folder} by scan");
        for record in &wanted {
            assert_eq!(reader.read(record.offset).as_ref().ok(), Some(record), "{name}/{folder}");
        }
        let lowest = wanted.first().map_or(0, |record| record.offset.0);
        assert_eq!(reader.lowest_offset(), Offset(lowest), "{name}/{folder}");
        assert_eq!(reader.next_offset(), Offset(lowest + wanted.len() as u64), "{name}/{folder}");
        assert_eq!(snapshot(&dir.path()), before, "a reader changed {name}/{folder}");
    }
}

#[test]
fn what_the_manifest_counts_is_in_the_report() {
    for (name, folder, key) in CLEAN {
        let report = verify(&LogDir::copy_of(&fixture(name).join(folder)).path());
        assert_eq!(report.verdict(), Verdict::Sound, "{name}/{folder}: {:?}", report.findings);
        let n_records = manifest_records(name, key).len() as u64;
        assert_eq!((report.records, report.unchecksummed), (n_records, n_records), "{name}");
    }
}

#[test]
fn every_clean_fixture_can_be_continued() {
    for (name, folder, key) in CLEAN {
        let dir = LogDir::copy_of(&fixture(name).join(folder));
        let log = Log::open(&dir.path(), go_settings()).expect(name);
        let recovery = log.recovery();
        assert!(recovery.damage.is_empty(), "{name}/{folder}: {recovery:?}");
        assert!(recovery.torn_tails.is_empty(), "{name}/{folder}: {recovery:?}");
        let mut wanted = manifest_records(name, key);
        for _ in 0..20 {
            wanted.push(append_ours(&log));
        }
        log.close().expect(name);
        drop(log);
        let all = read_all(&dir.path()).expect(name);
        assert_same_but_for_times(&all, &wanted, name);
        let log = Log::open(&dir.path(), go_settings()).expect(name);
        assert_eq!(log.next_offset(), Offset(wanted.last().map_or(0, |r| r.offset.0) + 1));
        assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound, "{name}/{folder}");
        assert_the_original_reads(&dir.path(), &wanted, name);
    }
}

/// Appends a record with all that the original doesn't know of; answers with what is expected back.
fn append_ours(log: &Log) -> Record {
    let headers = [Header { name: "colour".into(), value: b"blue".into() }];
    let new = NewRecord { key: Some(b"key"), headers: &headers, ..NewRecord::new(&[b'v'; 150]) };
    let batch = Append { records: &[new], expected_offset: Some(log.next_offset()), term: 9 };
    let appended = log.append(&batch).expect("an append");
    Record {
        value: new.value.to_vec(),
        offset: appended.first_offset,
        term: 9,
        key: Some(b"key".to_vec()),
        headers: headers.to_vec(),
        ..Record::default()
    }
}

fn assert_same_but_for_times(all: &[Record], wanted: &[Record], name: &str) {
    assert_eq!(all.len(), wanted.len(), "{name}");
    for (got, wanted) in all.iter().zip(wanted) {
        assert_eq!(&Record { timestamp_us: None, ..got.clone() }, wanted, "{name}");
        assert_eq!(got.timestamp_us.is_some(), got.key.is_some(), "{name}: {got:?}");
    }
}

fn assert_the_original_reads(dir: &Path, wanted: &[Record], name: &str) {
    let frames = walk_log(dir);
    assert_eq!(frames.len(), wanted.len(), "{name}");
    for (frame, wanted) in frames.iter().zip(wanted) {
        let seen = frame.as_go();
        assert_eq!(seen.value, wanted.value, "{name} at {}", wanted.offset);
        assert_eq!(
            (seen.offset, seen.term, seen.r#type),
            (wanted.offset.0, wanted.term, wanted.record_type),
            "{name}"
        );
    }
}

#[test]
fn a_torn_tail_and_an_empty_leftover_are_removed() {
    let dir = LogDir::copy_of(&fixture("crashed").join("log"));
    let wanted = manifest_records("crashed", "records");
    assert_eq!(verify(&dir.path()).verdict(), Verdict::NeedsRecovery);
    assert_eq!(read_all(&dir.path()).expect("a reader beside no writer"), wanted);
    let log = Log::open(&dir.path(), go_settings()).expect("an open log");
    let (segment, position) = (Offset(0), Position(301));
    let torn = TornTail { segment, offset: Offset(3), position, bytes: 4096 };
    assert_eq!(log.recovery().torn_tails, [torn]);
    assert_eq!(log.recovery().removed_segments, [Offset(4)]);
    assert!(log.recovery().damage.is_empty(), "{:?}", log.recovery());
    assert_eq!(log.next_offset(), Offset(3));
    assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, Offset(3));
    log.close().expect("a clean close");
    let all = read_all(&dir.path()).expect("all records");
    assert_eq!(all[..3], wanted);
    assert_eq!(all[3].value, b"goes on");
    assert!(!dir.file("4.store").exists() && !dir.file("4.index").exists());
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound);
}

const GAP: Range<u64> = 10..20;

#[test]
fn a_gap_is_damage_and_changes_nothing() {
    let dir = LogDir::copy_of(&fixture("crashed-gap").join("log"));
    let before = snapshot(&dir.path());
    let log = Log::open(&dir.path(), go_settings()).expect("a log for reading");
    let damage = &log.recovery().damage;
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!((damage[0].segment, damage[0].offset), (Offset(GAP.start), Offset(GAP.start)));
    assert_eq!(damage[0].reason, CorruptReason::Missing { next: Offset(GAP.end) });
    let refused = append(&log, &[b"never"]);
    assert!(matches!(refused, Err(LogError::Damaged { n_findings: 1, .. })), "{refused:?}");
    assert!(matches!(log.refusal(), Some(LogError::Damaged { .. })), "{:?}", log.refusal());
    let wanted = manifest_records("crashed-gap", "records");
    assert_gap_reads(|offset| log.read(offset), &wanted);
    let (intact, skipped) = intact_records(log.scan(Offset(0)).expect("a scan"));
    assert_eq!((intact, skipped), (wanted, GAP.collect()));
    assert_eq!(snapshot(&dir.path()), before, "while it is open");
    log.close().expect("a close");
    assert_eq!(snapshot(&dir.path()), before, "when it is closed");
}

#[test]
fn a_reader_sees_around_a_gap() {
    let dir = LogDir::copy_of(&fixture("crashed-gap").join("log"));
    let before = snapshot(&dir.path());
    let reader = LogReader::open(&dir.path()).expect("a reader");
    let wanted = manifest_records("crashed-gap", "records");
    assert_gap_reads(|offset| reader.read(offset), &wanted);
    assert_eq!((reader.lowest_offset(), reader.next_offset()), (Offset(0), Offset(25)));
    assert_eq!(reader.recovery().damage.len(), 1, "{:?}", reader.recovery());
    let report = verify(&dir.path());
    assert_eq!(report.verdict(), Verdict::Damaged);
    let missing = |finding: &&_| finding_is(finding, FindingKind::MissingRecords, GAP.start);
    assert!(report.findings.iter().find(missing).is_some(), "{:?}", report.findings);
    assert_eq!(snapshot(&dir.path()), before);
}

fn finding_is(finding: &proglog::log::Finding, kind: FindingKind, offset: u64) -> bool {
    finding.kind == kind && finding.offset == Offset(offset)
}

fn assert_gap_reads(read: impl Fn(Offset) -> Result<Record, LogError>, wanted: &[Record]) {
    for record in wanted {
        assert_eq!(read(record.offset).as_ref().ok(), Some(record));
    }
    for offset in GAP {
        let answer = read(Offset(offset));
        let Err(LogError::Corrupt(corruption)) = &answer else { panic!("{offset}: {answer:?}") };
        assert_eq!(corruption.offset, Offset(offset));
    }
}

#[test]
fn a_gap_is_given_up_only_with_consent() {
    let dir = LogDir::copy_of(&fixture("crashed-gap").join("log"));
    assert!(plan_repair(&dir.path()).expect("a plan").loses_data());
    let repaired = repair(&dir.path(), Consent::Lossless).expect("a repair");
    assert!(repaired.left.iter().any(RepairStep::loses_data), "{repaired:?}");
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Damaged);
    let repaired = repair(&dir.path(), Consent::AcceptLoss).expect("a repair");
    assert!(repaired.left.is_empty(), "{repaired:?}");
    let given_up = |step: &RepairStep| matches!(step, RepairStep::GiveUp { offsets, .. } if (offsets.start.0..offsets.end.0) == GAP);
    assert!(repaired.done.iter().any(given_up), "{repaired:?}");
    let report = verify(&dir.path());
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
    assert!(report.lost > 0, "{report:?}");
    let log = Log::open(&dir.path(), go_settings()).expect("a log");
    for offset in GAP.map(Offset) {
        let answer = log.read(offset);
        assert!(matches!(answer, Err(LogError::Lost { offset: o }) if o == offset), "{answer:?}");
    }
    assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, Offset(25));
    let mut scan = log.scan(Offset(0)).expect("a scan");
    let mut offsets = Vec::new();
    while let Some(record) = scan.next_record() {
        offsets.push(record.expect("a record").offset.0);
    }
    assert!(offsets.iter().copied().eq((0..10).chain(20..26)), "{offsets:?}");
    assert_eq!(scan.take_lost(), [Offset(GAP.start)..Offset(GAP.end)]);
}

#[test]
fn offsets_given_out_twice_are_quarantined_and_the_first_ones_kept() {
    let dir = LogDir::copy_of(&fixture("crashed-reopened").join("log"));
    let before = snapshot(&dir.path());
    let wanted = &manifest_records("crashed-reopened", "records")[..5];
    let log = Log::open(&dir.path(), go_settings()).expect("a log for reading");
    let damage = &log.recovery().damage;
    assert!(damage.iter().any(|d| d.reason == CorruptReason::Overlap), "{damage:?}");
    for record in wanted {
        assert_eq!(log.read(record.offset).as_ref().ok(), Some(record));
    }
    assert_eq!(records(log.scan(Offset(0)).expect("a scan")).expect("all records"), wanted);
    assert!(matches!(append(&log, &[b"never"]), Err(LogError::Damaged { .. })));
    drop(log);
    assert_eq!(snapshot(&dir.path()), before);
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Damaged);
    let repaired = repair(&dir.path(), Consent::AcceptLoss).expect("a repair");
    let quarantine = repaired.quarantine.expect("a quarantine");
    let kept = snapshot(&quarantine).into_values().flatten().collect::<Vec<u8>>();
    assert!(kept.windows(11).any(|window| window == b"after-crash"));
    assert!(!quarantine.starts_with(dir.path()), "inside the log: {}", quarantine.display());
    let log = Log::open(&dir.path(), go_settings()).expect("a log");
    assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, Offset(5));
    drop(log);
    assert_eq!(read_all(&dir.path()).expect("all records")[..5], *wanted);
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Sound);
}

#[test]
fn opening_and_closing_changes_no_byte_of_a_clean_log() {
    let dir = LogDir::copy_of(&fixture("many-segments").join("log"));
    let before = snapshot(&dir.path());
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    log.close().expect("a clean close");
    assert_eq!(snapshot(&dir.path()), before);
}
