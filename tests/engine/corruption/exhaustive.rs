//! Every damage to a log of 16 KiB: either it harms no record, or it is found, and what it didn't hit
//! is returned as it was.
//!
//! All of it takes minutes in a debug build, so only one damage of so many is tried there;
//! `PROGLOG_SAMPLE=1`, in a release build, tries all (`.ci/prove soak corruption`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proglog::log::{
    Append, Log, LogError, LogReader, NewRecord, Offset, Record, Verdict, verify_on,
};

use super::damages::{Damage, cuts, flips, zeros};
use super::original::{DIR, Original, config};
use crate::memory::{Files, Memory};
use crate::support::intact_records;

/// One damage of so many is tried if the environment doesn't say otherwise; a prime.
const DEFAULT_SAMPLE: usize = 211;

/// What the damages of one kind came to.
#[derive(Debug, Default)]
struct Tally {
    n_found: AtomicU64,
    n_harmless: AtomicU64,
    /// They change nothing, such as zeros on zeros.
    n_none: AtomicU64,
}

/// A damage in the log that it was done to.
struct Trial<'a> {
    original: &'a Original,
    damaged: Files,
    /// Offsets of the records that it changed.
    hit: BTreeSet<u64>,
    what: String,
}

impl Trial<'_> {
    /// The records that have to be readable: all that weren't hit. In a log that wasn't closed, damage
    /// in the very last batch can't be told from a torn tail, which ends the log.
    fn is_promised(&self, offset: u64) -> bool {
        let is_in_tail = !self.original.is_closed
            && offset >= self.original.last_batch
            && self.hit.last().is_some_and(|last| *last >= self.original.last_batch);
        !self.hit.contains(&offset) && !is_in_tail
    }

    fn memory(&self) -> Arc<Memory> {
        Arc::new(Memory::holding(Path::new(DIR), &self.damaged))
    }

    fn run(&self) {
        let memory = self.memory();
        self.assert_verify_finds_it(&memory);
        let reader = LogReader::open_on(Arc::clone(&memory) as _, Path::new(DIR));
        self.assert_reads(&reader.unwrap_or_else(|error| panic!("{}: {error}", self.what)));
        assert!(memory.files(Path::new(DIR)) == self.damaged, "{}: a reader wrote", self.what);
        self.assert_opens();
    }

    fn assert_verify_finds_it(&self, memory: &Arc<Memory>) {
        let what = &self.what;
        let report = verify_on(Arc::clone(memory) as _, Path::new(DIR), &|_| {});
        let report = report.unwrap_or_else(|error| panic!("{what}: {error}"));
        let verdict = report.verdict();
        if self.hit.is_empty() {
            assert_ne!(verdict, Verdict::Damaged, "{what}: {:?}", report.findings);
            return;
        }
        let is_tail = !self.original.is_closed && verdict == Verdict::NeedsRecovery;
        let is_found = verdict == Verdict::Damaged || is_tail;
        assert!(is_found, "{what} is missed, {verdict:?}: {:?}", report.findings);
        // Nothing that is intact is named.
        for finding in report.findings.iter().filter(|finding| finding.kind.is_damage()) {
            assert!(!self.is_promised(finding.offset.0), "{what}: {finding:?}");
        }
    }

    fn assert_reads(&self, reader: &LogReader) {
        let what = &self.what;
        let next = reader.next_offset().0;
        let scan = reader.scan(reader.lowest_offset()).unwrap_or_else(|e| panic!("{what}: {e}"));
        let (intact, skipped) = intact_records(scan);
        let intact: BTreeMap<u64, &Record> =
            intact.iter().map(|record| (record.offset.0, record)).collect();
        for record in &self.original.records {
            let offset = record.offset.0;
            let read = reader.read(record.offset);
            match (intact.get(&offset), &read) {
                (Some(scanned), Ok(read)) => {
                    assert!(*scanned == record && read == record, "{what}: wrong: {read:?}");
                }
                (None, Err(LogError::Corrupt(_))) if self.original.is_closed || offset < next => {
                    assert!(!self.is_promised(offset), "{what}: {offset} is lost");
                    assert!(skipped.contains(&offset), "{what}: {offset} is passed over");
                }
                (None, Err(LogError::OutOfRange { .. })) if !self.original.is_closed => {
                    assert!(!self.is_promised(offset), "{what}: {offset} is lost");
                }
                (scanned, read) => panic!("{what}: {offset} is lost: {scanned:?}, {read:?}"),
            }
        }
        let n_more = intact.keys().filter(|offset| **offset >= self.original.records.len() as u64);
        assert_eq!(n_more.count(), 0, "{what}: made up");
    }

    /// Opening for writing either refuses appends and changes nothing, or goes on without a loss.
    fn assert_opens(&self) {
        let (memory, what) = (self.memory(), &self.what);
        let log = Log::open_on(Arc::clone(&memory) as _, Path::new(DIR), config());
        let log = log.unwrap_or_else(|error| panic!("{what}: {error}"));
        let next = log.next_offset();
        let n_records = self.original.records.len() as u64;
        assert!(next.0 == n_records || !self.original.is_closed, "{what}: {next} is next");
        let appended = log.append(&Append::new(&[NewRecord::new(b"goes on")]));
        log.close().unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(log);
        match appended {
            Err(LogError::Damaged { .. }) => {
                assert!(!self.hit.is_empty(), "{what}: refused");
                assert!(memory.files(Path::new(DIR)) == self.damaged, "{what}: changed");
            }
            Ok(appended) => {
                assert_eq!(appended.first_offset, next, "{what}");
                self.assert_goes_on(&memory, next);
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }

    fn assert_goes_on(&self, memory: &Arc<Memory>, appended: Offset) {
        let what = &self.what;
        let reader = LogReader::open_on(Arc::clone(memory) as _, Path::new(DIR));
        let reader = reader.unwrap_or_else(|error| panic!("{what}: {error}"));
        let new = reader.read(appended).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(new.value, b"goes on", "{what}");
        for record in self.original.records.iter().filter(|record| record.offset < appended) {
            match reader.read(record.offset) {
                Ok(read) => assert!(read == *record, "{what}: wrong: {read:?}"),
                Err(LogError::Corrupt(_)) if self.hit.contains(&record.offset.0) => {}
                Err(error) => panic!("{what}: {} is lost by opening: {error}", record.offset),
            }
        }
        let is_lost =
            |record: &Record| record.offset >= appended && self.is_promised(record.offset.0);
        assert!(!self.original.records.iter().any(is_lost), "{what}: cut by opening");
    }
}

/// One damage of how many is tried.
fn sample() -> usize {
    let sample = std::env::var("PROGLOG_SAMPLE").ok();
    sample.map_or(DEFAULT_SAMPLE, |sample| sample.parse().expect("a number in PROGLOG_SAMPLE"))
}

/// Tries the damages of one kind, and says what they came to.
fn try_all(kind: &str, original: &Original, damages: &[Damage]) {
    let (tally, sample) = (Tally::default(), sample());
    let chosen: Vec<(usize, &Damage)> = damages.iter().step_by(sample).enumerate().collect();
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for first in 0..n_threads {
            let (tally, chosen) = (&tally, &chosen);
            scope.spawn(move || {
                for (number, damage) in chosen.iter().skip(first).step_by(n_threads) {
                    try_one(&format!("{kind} {number}, {damage}"), original, damage, tally);
                }
            });
        }
    });
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let state = if original.is_closed { "closed" } else { "killed" };
    let (found, harmless, none) =
        (count(&tally.n_found), count(&tally.n_harmless), count(&tally.n_none));
    println!(
        "{state} log, {kind}s: {} tried of {}: {found} found, {harmless} harmless, {none} changed \
         nothing; 0 lost, 0 wrong",
        chosen.len(),
        damages.len()
    );
    assert!(found > 0 && harmless > 0, "{kind}s came to nothing");
}

fn try_one(what: &str, original: &Original, damage: &Damage, tally: &Tally) {
    let counter = match damage.applied_to(&original.files) {
        None => &tally.n_none,
        Some(damaged) => {
            let hit = damage.hit(original, &damaged);
            let counter = if hit.is_empty() { &tally.n_harmless } else { &tally.n_found };
            Trial { original, damaged, hit, what: what.to_owned() }.run();
            counter
        }
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

fn try_every(kind: &str, damages: impl Fn(&Original) -> Vec<Damage>) {
    for original in [Original::closed(), Original::killed()] {
        try_all(kind, &original, &damages(&original));
    }
}

#[test]
fn each_flipped_bit_is_harmless_or_found() {
    try_every("flip", flips);
}

#[test]
fn each_zeroed_range_is_harmless_or_found() {
    try_every("range", zeros);
}

#[test]
fn each_cut_is_harmless_or_found() {
    try_every("cut", cuts);
}
