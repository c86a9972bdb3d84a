//! Indexes deleted, zeroed, shuffled, cut, grown and flipped: the store decides what is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proglog::log::{Log, LogReader, Offset, Verdict};

use crate::support::{
    LogDir, assert_built, bases, build, build_and_kill, read_all, records, small_segments,
    snapshot, verify,
};

const N_RECORDS: u64 = 30;

/// What an index is changed to; `None` deletes it.
type Damage = (String, Option<Vec<u8>>);

fn coarse_damages(index: &[u8]) -> Vec<Damage> {
    let mut damages = vec![
        ("deleted".to_owned(), None),
        ("zeroed".to_owned(), Some(vec![0; index.len()])),
        ("all ones".to_owned(), Some(vec![0xFF; index.len()])),
        ("reversed".to_owned(), Some(index.chunks(12).rev().flatten().copied().collect())),
        ("rotated".to_owned(), Some([&index[12..], &index[..12]].concat())),
        ("repeated".to_owned(), Some(index.repeat(2))),
    ];
    for n_bytes in [1, 7, 12, 24, 4096] {
        let grown = |byte: u8| Some([index, &vec![byte; n_bytes]].concat());
        damages.push((format!("grown by {n_bytes} zeros"), grown(0)));
        damages.push((format!("grown by {n_bytes} times 5A"), grown(0x5A)));
    }
    damages
}

fn cuts(index: &[u8]) -> Vec<Damage> {
    (0..index.len()).map(|len| (format!("cut to {len}"), Some(index[..len].to_vec()))).collect()
}

fn flips(index: &[u8]) -> Vec<Damage> {
    let flipped = |bit: usize| {
        let mut bytes = index.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit} flipped"), Some(bytes))
    };
    (0..index.len() * 8).map(flipped).collect()
}

fn put(file: &Path, bytes: Option<&Vec<u8>>) {
    match bytes {
        Some(bytes) => fs::write(file, bytes).expect("a damaged index"),
        None => fs::remove_file(file).expect("no index"),
    }
}

fn restore(dir: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in snapshot(dir).into_keys().filter(|path| !files.contains_key(path)) {
        fs::remove_file(path).expect("one file less");
    }
    for (path, bytes) in files {
        fs::write(path, bytes).expect("a restored file");
    }
}

/// Lets readers and writers at the log with each damage in turn.
fn assert_indexes_are_a_cache(dir: &LogDir, damages: impl Fn(&[u8]) -> Vec<Damage>) {
    let files = snapshot(&dir.path());
    for base in bases(&dir.path()) {
        let file = dir.file(&format!("{base}.index"));
        for (name, bytes) in damages(&files[&file]) {
            put(&file, bytes.as_ref());
            let damaged = snapshot(&dir.path());
            let name = format!("{base}.index {name}");
            assert_readers_see_all(&dir.path(), &name);
            assert!(snapshot(&dir.path()) == damaged, "{name}: a reader changed something");
            assert_a_writer_goes_on(&dir.path(), &name);
            restore(&dir.path(), &files);
        }
    }
}

fn assert_readers_see_all(dir: &Path, name: &str) {
    let report = verify(dir);
    assert_ne!(report.verdict(), Verdict::Damaged, "{name}: {:?}", report.findings);
    let reader = LogReader::open(dir).unwrap_or_else(|error| panic!("{name}: {error}"));
    let all = records(reader.scan(Offset(0)).expect(name));
    assert_built(&all.unwrap_or_else(|error| panic!("{name}: {error}")), 0, N_RECORDS);
    assert_eq!(reader.next_offset(), Offset(N_RECORDS), "{name}");
    for offset in (0..N_RECORDS).map(Offset) {
        let record = reader.read(offset).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_built(&[record], offset.0, offset.0 + 1);
    }
}

fn assert_a_writer_goes_on(dir: &Path, name: &str) {
    let log = Log::open(dir, small_segments()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(log.refusal().is_none(), "{name}: {:?}", log.recovery());
    assert!(log.recovery().torn_tails.is_empty(), "{name}: {:?}", log.recovery());
    for offset in (0..N_RECORDS).map(Offset) {
        let record = log.read(offset).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_built(&[record], offset.0, offset.0 + 1);
    }
    let appended = crate::support::append(&log, &[b"goes on"]).expect(name);
    assert_eq!(appended.first_offset, Offset(N_RECORDS), "{name}");
    log.close().unwrap_or_else(|error| panic!("{name}: {error}"));
    let all = read_all(dir).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_built(&all[..N_RECORDS as usize], 0, N_RECORDS);
    assert_eq!(all.last().expect("a record").value, b"goes on", "{name}");
}

#[test]
fn a_clean_log_with_an_index_lost_or_shuffled_is_whole() {
    assert_indexes_are_a_cache(&build(&small_segments(), N_RECORDS), coarse_damages);
}

#[test]
fn a_clean_log_with_an_index_cut_anywhere_is_whole() {
    assert_indexes_are_a_cache(&build(&small_segments(), N_RECORDS), cuts);
}

#[test]
fn a_clean_log_with_a_bit_of_an_index_flipped_is_whole() {
    assert_indexes_are_a_cache(&build(&small_segments(), N_RECORDS), flips);
}

#[test]
fn a_killed_log_with_an_index_lost_or_shuffled_is_whole() {
    assert_indexes_are_a_cache(&build_and_kill(&small_segments(), N_RECORDS), coarse_damages);
}

#[test]
fn a_killed_log_with_an_index_cut_anywhere_near_its_entries_is_whole() {
    let cuts_near_entries = |index: &[u8]| cuts(&index[..index.len().min(400)]);
    assert_indexes_are_a_cache(&build_and_kill(&small_segments(), N_RECORDS), cuts_near_entries);
}

#[test]
fn all_indexes_may_be_lost_at_once() {
    let dir = build(&small_segments(), N_RECORDS);
    let before = snapshot(&dir.path());
    for base in bases(&dir.path()) {
        fs::remove_file(dir.file(&format!("{base}.index"))).expect("no index");
    }
    assert_readers_see_all(&dir.path(), "none");
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert!(log.recovery().rebuilt_indexes.len() > 1, "{:?}", log.recovery());
    log.close().expect("a clean close");
    assert!(snapshot(&dir.path()) == before, "the rebuilt indexes differ");
}
