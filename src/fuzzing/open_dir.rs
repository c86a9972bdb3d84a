//! What the fuzzer asks of whole directories: reading changes nothing, opening and repairing lose
//! nothing that could be read, and what is appended is there afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::directory::{Directory, Files, directory};
use crate::log::fuzzing::checksummed_beginning;
use crate::log::{
    Append, Consent, CorruptReason, FindingKind, Log, LogConfig, LogError, LogReader, NewRecord,
    Offset, Plan, Record, RepairStep, Repaired, Report, SyncPolicy, dump_index, plan_repair,
    repair, verify,
};

/// Makes a log's directory of `bytes` in `scratch`, looks at it in every way, opens it, and appends.
///
/// # Panics
/// A property doesn't hold.
pub fn open_dir(scratch: &Path, bytes: &[u8]) {
    let trial = Trial::new(scratch, bytes);
    let before = trial.look();
    let Some(log) = trial.open() else {
        assert_eq!(before.reader.segments().len(), 0, "there is something to read");
        assert_eq!(trial.files(), trial.files, "a damaged log is left as it is");
        return;
    };
    assert_eq!(log.recovery().damage, before.reader.recovery().damage, "damage, as readers see it");
    trial.keeps_what_was_durable(&log);
    let appended = append(&log);
    close(&log);
    drop(log);
    if before.reader.recovery().damage.is_empty() {
        trial.is_as_good(&before, &appended.unwrap_or_else(|error| panic!("append: {error}")));
    } else {
        assert!(matches!(appended, Err(LogError::Damaged { .. })), "{appended:?}");
        assert_eq!(trial.files(), trial.files, "a damaged log is left as it is");
    }
}

/// Likewise, but has all damage repaired with consent before it opens the log.
///
/// # Panics
/// A property doesn't hold.
pub fn repair_dir(scratch: &Path, bytes: &[u8]) {
    let trial = Trial::new(scratch, bytes);
    let before = trial.look();
    let plan = planned(&trial.dir);
    assert_eq!(trial.files(), trial.files, "a plan changes nothing");
    if trial.is_patchwork {
        return;
    }
    // What is mended may bring to light what it hid.
    const MOST_REPAIRS: usize = 3;
    let mut repairs = Vec::new();
    while repairs.last().is_none_or(|last: &Repaired| !last.left.is_empty()) {
        assert!(repairs.len() < MOST_REPAIRS, "{plan:?} takes too many repairs: {repairs:?}");
        if planned(&trial.dir).steps.iter().any(is_vast) {
            return;
        }
        let repaired = repair(&trial.dir, Consent::AcceptLoss);
        repairs.push(repaired.unwrap_or_else(|error| panic!("repair: {error}, of {plan:?}")));
    }
    let Some(log) = trial.open() else { panic!("nothing is left after {repairs:?}") };
    assert_eq!(log.recovery().damage, [], "damage that repairs leave; they did {repairs:?}");
    let appended = append(&log);
    close(&log);
    drop(log);
    trial.is_as_good(&before, &appended.unwrap_or_else(|error| panic!("append: {error}")));
}

fn planned(dir: &Path) -> Plan {
    plan_repair(dir).unwrap_or_else(|error| panic!("plan: {error}"))
}

/// Whether a step marks so many missing records, each by itself, that it takes its time.
fn is_vast(step: &RepairStep) -> bool {
    matches!(step, RepairStep::GiveUp { offsets, .. } if offsets.end.since(offsets.start) > 1000)
}

/// A directory, and what was in it. Opening begins at the last entry that holds, `verify` and `repair`
/// at the first frame; in a patchwork they come apart, so of one less is asked.
struct Trial<'a> {
    scratch: &'a Path,
    dir: std::path::PathBuf,
    files: Files,
    is_patchwork: bool,
    vouched: Offset,
}

/// What is to be seen before anything is changed.
struct Before {
    reader: LogReader,
    records: BTreeMap<Offset, Record>,
    report: Report,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        clear(self.scratch);
    }
}

fn clear(scratch: &Path) {
    for name in ["log", "log.quarantine"] {
        // Mostly it isn't there.
        let _ = fs::remove_dir_all(scratch.join(name));
    }
}

impl<'a> Trial<'a> {
    fn new(scratch: &'a Path, bytes: &[u8]) -> Trial<'a> {
        clear(scratch);
        let dir = scratch.join("log");
        let Directory { files, is_patchwork, vouched } = directory(bytes);
        fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("scratch directory: {error}"));
        for (name, bytes) in &files {
            fs::write(dir.join(name), bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        Trial { scratch, dir, files, is_patchwork, vouched }
    }

    fn files(&self) -> Files {
        let read = |entry: std::io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?))
        };
        let files: std::io::Result<Files> =
            fs::read_dir(&self.dir).and_then(|entries| entries.map(read).collect());
        files.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Looks in every way that changes nothing.
    fn look(&self) -> Before {
        let reader = LogReader::open(&self.dir).unwrap_or_else(|error| panic!("{error}"));
        let report = verify(&self.dir, &|_| {}).unwrap_or_else(|error| panic!("verify: {error}"));
        let records = readable(&reader, self.is_patchwork);
        if !self.is_patchwork && !has_overlap(&reader) {
            for record in self.checksummed_beginnings() {
                assert_eq!(records.get(&record.offset), Some(&record), "a sound record is hidden");
            }
        }
        let mut n_entries = 0;
        let dumped = dump_index(&self.dir, None, &mut |_| {
            n_entries += 1;
            if n_entries < 10_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        dumped.unwrap_or_else(|error| panic!("dump_index: {error}"));
        assert_eq!(self.files(), self.files, "looking changes nothing");
        Before { reader, records, report }
    }

    /// The records that anyone can find who knows `docs/format.md` and no more.
    fn checksummed_beginnings(&self) -> impl Iterator<Item = Record> {
        let stores = self.files.iter().filter_map(|(name, bytes)| {
            let base: u64 = name.strip_suffix(".store")?.parse().ok()?;
            (format!("{base}.store") == *name).then_some((Offset(base), bytes))
        });
        stores
            .flat_map(|(base, store)| checksummed_beginning(store, base))
            .filter(|record| record.record_type != crate::log::TYPE_LOST)
    }

    /// Opens the log; `None` if it is damaged beyond reading.
    fn open(&self) -> Option<Log> {
        let config = LogConfig {
            segment_bytes: 1024,
            max_record_bytes: 1 << 20,
            sync: SyncPolicy::Never,
            ..LogConfig::default()
        };
        match Log::open(&self.dir, config) {
            Ok(log) => Some(log),
            Err(LogError::Damaged { .. }) => None,
            Err(error) => panic!("open: {error}"),
        }
    }

    /// Nothing is cut of which an intact frame says that it was on the device.
    fn keeps_what_was_durable(&self, log: &Log) {
        if log.recovery().damage.is_empty() && !self.is_patchwork {
            let recovery = log.recovery();
            assert!(
                log.next_offset() >= self.vouched,
                "{} was durable: {recovery:?}",
                self.vouched
            );
        }
    }

    /// Nothing that could be read is lost, and what was appended is there.
    fn is_as_good(&self, before: &Before, appended: &[Record]) {
        let reader = LogReader::open(&self.dir).unwrap_or_else(|error| panic!("{error}"));
        assert!(reader.recovery().is_clean(), "not closed: {:?}", reader.recovery());
        let records = readable(&reader, self.is_patchwork);
        for (offset, record) in &before.records {
            let Some(after) = records.get(offset) else { panic!("a record is lost: {record:?}") };
            // A repair that rewrites a record of the Go original has to give it a time.
            let timestamp_us = record.timestamp_us.or(after.timestamp_us);
            assert_eq!(*after, Record { timestamp_us, ..record.clone() }, "a record is changed");
        }
        for record in appended {
            assert_eq!(records.get(&record.offset), Some(record), "a record was appended");
        }
        // What lies in the middle of a clean segment is for `verify`, not for opening, to find.
        let is_undamaged = found(&before.report, FindingKind::is_damage).is_empty();
        if is_undamaged && !self.is_patchwork {
            let was_stale =
                !found(&before.report, |kind| kind == FindingKind::StaleIndex).is_empty();
            let is_new = |kind| match kind {
                FindingKind::StrayFile => false,
                FindingKind::StaleIndex => !was_stale,
                _ => true,
            };
            let report = verify(&self.dir, &|_| {}).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found(&report, is_new), [""; 0], "was {:?}", before.report.findings);
        }
    }
}

/// The findings of some kinds, in words.
fn found(report: &Report, is_meant: impl Fn(FindingKind) -> bool) -> Vec<String> {
    let findings = report.findings.iter().filter(|finding| is_meant(finding.kind));
    findings.map(|finding| format!("{finding:?}")).collect()
}

fn has_overlap(reader: &LogReader) -> bool {
    reader.recovery().damage.iter().any(|found| found.reason == CorruptReason::Overlap)
}

/// All intact records, each read twice: by a scan and by its offset.
fn readable(reader: &LogReader, is_patchwork: bool) -> BTreeMap<Offset, Record> {
    let scan = reader.scan(reader.lowest_offset());
    let mut scan = scan.unwrap_or_else(|error| panic!("scan: {error}"));
    let mut records = BTreeMap::new();
    loop {
        match scan.next_record().map(|record| record.map(|record| record.to_record())) {
            None => break,
            Some(Ok(record)) => {
                if !is_patchwork {
                    let again = reader.read(record.offset);
                    let again = again.unwrap_or_else(|error| panic!("read {record:?}: {error}"));
                    assert_eq!(again, record, "a scan and a read differ");
                }
                assert!(records.insert(record.offset, record).is_none(), "an offset twice");
            }
            // The latter where the first segment has lost its store.
            Some(Err(LogError::Corrupt(_) | LogError::OutOfRange { .. })) => {
                let skipped = scan.skip_corrupt().unwrap_or_else(|error| panic!("{error}"));
                assert!(skipped.start < skipped.end, "skips nothing: {skipped:?}");
            }
            Some(Err(error)) => panic!("no corruption: {error}"),
        }
    }
    records
}

/// Appends three batches, the last of which wants a segment of its own, and reads them back.
fn append(log: &Log) -> Result<Vec<Record>, LogError> {
    let mut appended = Vec::new();
    for (n_records, length) in [(1, 0), (2, 9), (1, 1500)] {
        let value = vec![b'v'; length];
        let new = NewRecord { key: Some(b"new"), ..NewRecord::new(&value) };
        let next = log.next_offset();
        let answer = log.append(&Append::new(&vec![new; n_records]))?;
        assert_eq!(answer.first_offset, next, "the next offset is the one that is given");
        for offset in answer.first_offset.0..=answer.last_offset.0 {
            let record = log.read(Offset(offset)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((&record.value, record.offset), (&value, Offset(offset)));
            appended.push(record);
        }
    }
    assert_eq!(appended.len(), 4, "as many as were appended");
    Ok(appended)
}

fn close(log: &Log) {
    log.close().unwrap_or_else(|error| panic!("close: {error}"));
}
