//! Length prefixes that lie: refused before anything is allocated or cut because of them.

use std::fs;
use std::path::Path;

use proglog::log::{CorruptReason, Log, LogError, LogReader, Offset, Verdict};

use super::overwrite;
use crate::support::{
    Frame, LogDir, assert_built, build, build_and_kill, intact_records, read_all, small_segments,
    verify, walk,
};

const LIES: [u64; 6] = [u64::MAX, 1 << 63, 1 << 40, (1 << 30) - 1, 200 << 20, 0];

fn frames(dir: &LogDir) -> Vec<Frame> {
    walk(&fs::read(dir.file("0.store")).expect("a store"))
}

/// The most memory that this process ever had, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    kib << 10
}

#[test]
fn a_lying_length_in_a_clean_log_costs_one_record() {
    let dir = build(&small_segments(), 8);
    let frame = frames(&dir).remove(3);
    for lie in LIES {
        overwrite(&dir.file("0.store"), frame.position, &lie.to_be_bytes());
        assert_eq!(verify(&dir.path()).verdict(), Verdict::Damaged);
        let reader = LogReader::open(&dir.path()).expect("a reader");
        let answer = reader.read(Offset(3));
        let Err(LogError::Corrupt(corruption)) = &answer else { panic!("{lie}: {answer:?}") };
        if lie >= 1 << 40 {
            assert_eq!(corruption.reason, CorruptReason::BadLength { length: lie });
        }
        let (intact, skipped) = intact_records(reader.scan(Offset(0)).expect("a scan"));
        assert_eq!(skipped, [3], "{lie}");
        assert_built(&intact[..3], 0, 3);
        assert_built(&intact[3..], 4, 8);
    }
}

#[test]
fn a_lying_length_at_the_end_of_a_killed_log_is_a_torn_tail() {
    for lie in LIES.into_iter().filter(|lie| *lie > 0) {
        let dir = build_and_kill(&small_segments(), 8);
        let end = frames(&dir).last().expect("a frame").end();
        let tail = [&lie.to_be_bytes(), b"garbage".as_slice()].concat();
        overwrite(&dir.file("0.store"), end, &tail);
        assert_built(&read_all(&dir.path()).expect("all records"), 0, 8);
        let log = Log::open(&dir.path(), small_segments()).expect("a log");
        assert_eq!(log.recovery().torn_tails.len(), 1, "{lie}: {:?}", log.recovery());
        assert_eq!(log.recovery().torn_tails[0].offset, Offset(8));
        assert_eq!(log.next_offset(), Offset(8));
    }
}

/// Makes the store so long (with a hole) that the length fits into it.
fn stretch(store: &Path, len: u64) {
    let file = fs::OpenOptions::new().write(true).open(store).expect("a store");
    file.set_len(len).expect("a longer store");
}

#[test]
fn a_length_that_fits_into_the_file_is_not_trusted_for_an_allocation() {
    let dir = build_and_kill(&small_segments(), 8);
    let (store, len) = (dir.file("0.store"), 200_u64 << 20);
    let end = frames(&dir).last().expect("a frame").end();
    // What a record of 200 MiB begins with.
    let head = [&len.to_be_bytes(), b"\x0A\xF0\xFF\xFF\x63".as_slice(), b"value"].concat();
    overwrite(&store, end, &head);
    stretch(&store, end as u64 + 8 + len);
    let before = peak_memory();
    assert_built(&read_all(&dir.path()).expect("all records"), 0, 8);
    assert_ne!(verify(&dir.path()).verdict(), Verdict::Damaged);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert_eq!(log.next_offset(), Offset(8));
    let grown = peak_memory() - before;
    assert!(grown < 100 << 20, "took {} MiB", grown >> 20);
}
