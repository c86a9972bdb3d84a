//! Every bit of every store flipped, one at a time.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::thread;

use proglog::log::{Log, LogError, LogReader, Offset, Record, SyncPolicy, Verdict};

use super::overwrite;
use crate::support::{
    Frame, LogDir, append, bases, intact_records, killed_copy_of, read_all, small_segments,
    snapshot, verify, walk,
};

/// A frame, and where it is.
struct Place {
    base: u64,
    offset: u64,
    frame: Frame,
}

/// A small log of three segments, with records of all sizes, alone and in batches.
fn write_small(dir: &LogDir, sync: SyncPolicy) -> Log {
    let config = proglog::log::LogConfig { sync, ..small_segments() };
    let log = Log::open(&dir.path(), config).expect("a new log");
    let (long, longer) = ([b'l'; 130], [b'm'; 300]);
    append(&log, &[b"alone"]).expect("an append");
    append(&log, &[b""]).expect("an append");
    append(&log, &[b"one", &longer, b"", &long, &longer, &long, b"seven"]).expect("an append");
    append(&log, &[b"in the last segment"]).expect("an append");
    append(&log, &[b"", &[0; 20]]).expect("an append");
    append(&log, &[b"the end"]).expect("an append");
    log
}

fn places(dir: &LogDir) -> Vec<Place> {
    let of_segment = |base: u64| {
        let store = fs::read(dir.file(&format!("{base}.store"))).expect("a store");
        let place = move |(frame, offset)| Place { base, offset, frame };
        walk(&store).into_iter().zip(base..).map(place)
    };
    bases(&dir.path()).into_iter().flat_map(of_segment).collect()
}

fn every_bit(_: usize) -> Range<usize> {
    0..8
}

/// Every bit of a frame's head, and one of each byte behind it.
fn few_bits(at: usize) -> Range<usize> {
    if at < 24 { 0..8 } else { at % 8..at % 8 + 1 }
}

/// Flips the bits that `picks` names in each byte of each frame, in copies of `dir`, and lets
/// `check` look at each.
fn flip_each(
    dir: &LogDir,
    picks: impl Fn(usize) -> Range<usize> + Sync,
    check: impl Fn(&LogDir, &Place) + Sync,
) {
    let places = places(dir);
    assert!(places.len() > 10 && bases(&dir.path()).len() == 3, "{:?}", bases(&dir.path()));
    thread::scope(|scope| {
        for share in places.chunks(places.len().div_ceil(4)) {
            let (picks, check) = (&picks, &check);
            scope.spawn(move || {
                let copy = LogDir::copy_of(&dir.path());
                for place in share {
                    flip_in_frame(&copy, place, picks, check);
                }
            });
        }
    });
}

fn flip_in_frame(
    copy: &LogDir,
    place: &Place,
    picks: impl Fn(usize) -> Range<usize>,
    check: impl Fn(&LogDir, &Place),
) {
    let file = copy.file(&format!("{}.store", place.base));
    let intact = fs::read(&file).expect("a store");
    for position in place.frame.position..place.frame.end() {
        for bit in picks(position - place.frame.position) {
            overwrite(&file, position, &[intact[position] ^ (1 << bit)]);
            check(copy, place);
            overwrite(&file, position, &intact[position..=position]);
        }
    }
}

/// All but the record at `offset`, and that one named as the only one that is missing.
fn assert_others_intact(all: &[Record], seen: (Vec<Record>, Vec<u64>), offset: u64) {
    let others = all.iter().filter(|record| record.offset.0 != offset);
    assert!(seen.0.iter().eq(others), "at {offset}: {:?}", seen.0);
    assert_eq!(seen.1, [offset]);
}

#[test]
fn each_flipped_bit_is_found_and_costs_one_record() {
    let dir = LogDir::quick();
    write_small(&dir, SyncPolicy::Always).close().expect("a clean close");
    let all = read_all(&dir.path()).expect("all records");
    flip_each(&dir, every_bit, |copy, place| {
        let report = verify(&copy.path());
        assert_eq!(report.verdict(), Verdict::Damaged, "in record {}: missed", place.offset);
        let names = report.findings.iter().filter(|finding| finding.kind.is_damage());
        let names: Vec<_> = names.map(|finding| (finding.segment.0, finding.offset.0)).collect();
        assert_eq!(names, [(place.base, place.offset)], "{:?}", report.findings);
        let reader = LogReader::open(&copy.path()).expect("a reader");
        let seen = intact_records(reader.scan(Offset(0)).expect("a scan"));
        assert_others_intact(&all, seen, place.offset);
        assert_corrupt(reader.read(Offset(place.offset)), place);
    });
}

fn assert_corrupt(answer: Result<Record, LogError>, place: &Place) {
    let Err(LogError::Corrupt(corruption)) = &answer else { panic!("{answer:?}") };
    assert_eq!((corruption.segment.0, corruption.offset.0), (place.base, place.offset));
    assert_eq!(corruption.position.0, place.frame.position as u64);
}

#[test]
fn opening_never_mends_rot_in_a_clean_log() {
    let dir = LogDir::quick();
    write_small(&dir, SyncPolicy::Always).close().expect("a clean close");
    let all = read_all(&dir.path()).expect("all records");
    flip_each(&dir, few_bits, |copy, place| {
        let before = snapshot(&copy.path());
        let log = Log::open(&copy.path(), small_segments()).expect("a log, if only for reading");
        assert!(log.recovery().torn_tails.is_empty(), "{:?}", log.recovery());
        assert_eq!(log.next_offset().0, all.len() as u64);
        let seen = intact_records(log.scan(Offset(0)).expect("a scan"));
        assert_others_intact(&all, seen, place.offset);
        assert_corrupt(log.read(Offset(place.offset)), place);
        if log.refusal().is_some() {
            assert!(matches!(append(&log, &[b"x"]), Err(LogError::Damaged { .. })));
            assert!(snapshot(&copy.path()) == before, "changed while open at {}", place.offset);
        } else {
            assert_only_zeros_added(&before, &snapshot(&copy.path()));
        }
        log.close().expect("a close");
        assert!(snapshot(&copy.path()) == before, "changed by closing at {}", place.offset);
    });
}

/// What is prepared ahead for a first append is zeros, behind what was there.
fn assert_only_zeros_added(before: &BTreeMap<PathBuf, Vec<u8>>, now: &BTreeMap<PathBuf, Vec<u8>>) {
    assert!(before.keys().eq(now.keys()));
    for (path, bytes) in now {
        let (kept, added) = bytes.split_at(before[path].len());
        assert!(kept == before[path] && added.iter().all(|byte| *byte == 0), "{}", path.display());
    }
}

#[test]
fn the_last_frame_of_a_clean_log_is_not_taken_for_a_torn_tail() {
    let dir = LogDir::quick();
    write_small(&dir, SyncPolicy::Always).close().expect("a clean close");
    let last = places(&dir).pop().expect("a frame");
    overwrite(&dir.file(&format!("{}.store", last.base)), last.frame.end() - 1, &[0xA5]);
    let log = Log::open(&dir.path(), small_segments()).expect("a log for reading");
    assert_eq!(log.recovery().damage.len(), 1, "{:?}", log.recovery());
    assert!(matches!(log.refusal(), Some(LogError::Damaged { .. })));
}

#[test]
fn rot_in_a_killed_log_takes_no_other_acknowledged_record_with_it() {
    let dir = LogDir::quick();
    let log = write_small(&dir, SyncPolicy::Always);
    let killed = killed_copy_of(&dir.path());
    drop(log);
    let all = read_all(&dir.path()).expect("all records");
    let last = all.len() as u64 - 1;
    flip_each(&killed, few_bits, |copy, place| {
        let copy = LogDir::copy_of(&copy.path());
        let log = Log::open(&copy.path(), small_segments()).expect("a log");
        let seen = intact_records(log.scan(Offset(0)).expect("a scan"));
        if place.offset == last && log.next_offset().0 == last {
            // The known limit: rot in the very last batch can't be told from a torn tail.
            assert!(seen.0 == all[..last as usize] && seen.1.is_empty());
        } else {
            assert_others_intact(&all, seen, place.offset);
            assert_corrupt(log.read(Offset(place.offset)), place);
        }
    });
}
