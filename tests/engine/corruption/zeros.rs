//! Zeros in the middle of a store: damage, and never the end of the log.

use std::fs;
use std::ops::Range;

use proglog::log::{Log, LogConfig, LogError, Offset, SyncPolicy};

use super::overwrite;
use crate::support::{
    Frame, LogDir, append, assert_built, build, build_and_kill, intact_records, small_segments,
    snapshot, walk,
};

const N_RECORDS: u64 = 12;

/// One segment, and each record on the device before the next was written.
fn config() -> LogConfig {
    LogConfig { sync: SyncPolicy::Always, segment_bytes: 1 << 20, ..small_segments() }
}

/// Ranges of the store before the last frame, each with the records that it hits.
fn ranges(frames: &[Frame]) -> Vec<(Range<usize>, Range<u64>)> {
    let mut ranges = Vec::new();
    for (n, pair) in frames.windows(2).enumerate() {
        let (frame, next, n) = (&pair[0], &pair[1], n as u64);
        let inside = frame.position + 4..frame.end() - 1;
        ranges.extend([
            (frame.position..frame.end(), n..n + 1),
            (frame.position + 7..frame.position + 8, n..n + 1),
            (inside, n..n + 1),
        ]);
        if n + 2 < N_RECORDS {
            ranges.push((frame.position + 9..next.position + 8, n..n + 2));
        }
    }
    ranges
}

fn assert_others_intact(log: &Log, hit: &Range<u64>) {
    let (intact, skipped) = intact_records(log.scan(Offset(0)).expect("a scan"));
    assert!(skipped.into_iter().eq(hit.clone()), "{hit:?}");
    let (before, behind) = intact.split_at(hit.start as usize);
    assert_built(before, 0, hit.start);
    assert_built(behind, hit.end, N_RECORDS);
    for offset in hit.clone().map(Offset) {
        assert!(matches!(log.read(offset), Err(LogError::Corrupt(_))));
    }
}

fn each_zeroed(dir: &LogDir, check: impl Fn(&LogDir, &[u8], &Range<u64>)) {
    let store = fs::read(dir.file("0.store")).expect("a store");
    let frames = walk(&store);
    assert_eq!(frames.len() as u64, N_RECORDS);
    for (range, hit) in ranges(&frames) {
        let copy = LogDir::copy_of(&dir.path());
        overwrite(&copy.file("0.store"), range.start, &vec![0; range.len()]);
        let damaged = fs::read(copy.file("0.store")).expect("a store");
        check(&copy, &damaged, &hit);
    }
}

#[test]
fn zeros_in_a_clean_log_cut_nothing() {
    each_zeroed(&build(&config(), N_RECORDS), |copy, damaged, hit| {
        let log = Log::open(&copy.path(), config()).expect("a log");
        assert_others_intact(&log, hit);
        log.close().expect("a close");
        assert!(fs::read(copy.file("0.store")).expect("a store") == damaged);
    });
}

#[test]
fn zeros_in_a_killed_log_cut_nothing() {
    each_zeroed(&build_and_kill(&config(), N_RECORDS), |copy, damaged, hit| {
        let content = damaged.iter().rposition(|byte| *byte != 0).expect("content") + 1;
        let log = Log::open(&copy.path(), config()).expect("a log");
        assert_others_intact(&log, hit);
        log.close().expect("a close");
        let left = fs::read(copy.file("0.store")).expect("a store");
        assert!(left.len() >= content && left[..content] == damaged[..content], "{hit:?}");
    });
}

#[test]
fn zeros_before_a_vouching_frame_are_damage_even_without_an_index() {
    each_zeroed(&build_and_kill(&config(), N_RECORDS), |copy, damaged, hit| {
        fs::remove_file(copy.file("0.index")).expect("no index");
        let log = Log::open(&copy.path(), config()).expect("a log");
        assert_eq!(log.recovery().damage.len(), 1, "{hit:?}: {:?}", log.recovery());
        assert_eq!(log.recovery().damage[0].offset, Offset(hit.start));
        assert!(matches!(append(&log, &[b"x"]), Err(LogError::Damaged { .. })), "{hit:?}");
        assert_others_intact(&log, hit);
        log.close().expect("a close");
        assert!(fs::read(copy.file("0.store")).expect("a store") == damaged);
        assert!(!copy.file("0.index").exists(), "an index was made for a damaged log");
    });
}

#[test]
fn rot_in_a_sealed_segment_without_its_index_costs_one_record() {
    // The next segment was started only when this one was on the device, so it vouches for all of it.
    let dir = build(&small_segments(), 40);
    let frames = walk(&fs::read(dir.file("0.store")).expect("a store"));
    assert!(frames.len() > 4 && frames.len() < 40);
    for hit in 0..frames.len() as u64 {
        let copy = LogDir::copy_of(&dir.path());
        fs::remove_file(copy.file("0.index")).expect("no index");
        let frame = &frames[hit as usize];
        overwrite(&copy.file("0.store"), frame.position, &vec![0; frame.end() - frame.position]);
        let before = snapshot(&copy.path());
        let log = Log::open(&copy.path(), small_segments()).expect("a log for reading");
        assert!(matches!(log.refusal(), Some(LogError::Damaged { .. })), "{hit}");
        let (intact, skipped) = intact_records(log.scan(Offset(0)).expect("a scan"));
        assert_eq!(skipped, [hit]);
        assert_built(&intact[..hit as usize], 0, hit);
        assert_built(&intact[hit as usize..], hit + 1, 40);
        drop(log);
        assert!(snapshot(&copy.path()) == before, "{hit}");
    }
}
