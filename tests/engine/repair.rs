//! Repair: what loses nothing is done on a word, what loses something only with consent, and every
//! byte that is given up is kept aside.

use std::fs;
use std::sync::Arc;

use proglog::log::{
    Consent, FindingKind, Log, LogError, LogReader, Offset, RepairStep, Report, TYPE_LOST, Verdict,
    plan_repair, repair, repair_on,
};

use crate::disk::{Disk, Fault};
use crate::leftovers::Survives;
use crate::support::{
    LogDir, append, assert_built, bases, build, build_and_kill, copy_dir, damage, read_all,
    small_segments, snapshot, verify, walk, walk_log,
};

const N_RECORDS: u64 = 60;

fn gives_up(step: &RepairStep, wanted: u64) -> bool {
    matches!(step, RepairStep::GiveUp { offsets, .. }
        if (offsets.start.0..offsets.end.0) == (wanted..wanted + 1))
}

fn assert_sound(dir: &LogDir) -> Report {
    let report = verify(&dir.path());
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
    report
}

#[test]
fn a_sound_log_needs_no_repair() {
    let dir = build(&small_segments(), N_RECORDS);
    let before = snapshot(&dir.path());
    assert!(plan_repair(&dir.path()).expect("a plan").is_empty());
    let repaired = repair(&dir.path(), Consent::AcceptLoss).expect("a repair");
    assert!(repaired.done.is_empty() && repaired.left.is_empty(), "{repaired:?}");
    assert_eq!(repaired.quarantine, None);
    assert!(snapshot(&dir.path()) == before);
}

#[test]
fn a_plan_changes_nothing_and_a_lossless_repair_loses_nothing() {
    let dir = build_and_kill(&small_segments(), N_RECORDS);
    let last = *bases(&dir.path()).last().expect("a segment");
    let file = dir.file(&format!("{last}.store"));
    let mut store = fs::read(&file).expect("a store");
    let end = walk(&store).last().expect("a frame").end();
    store.truncate(end);
    store.extend(b"\0\0\0\0\0\0\0\x40half of a frame");
    fs::write(&file, store).expect("a torn store");
    fs::remove_file(dir.file("0.index")).expect("no index");
    let before = snapshot(&dir.path());
    let plan = plan_repair(&dir.path()).expect("a plan");
    assert!(snapshot(&dir.path()) == before, "the plan changed something");
    assert!(!plan.loses_data(), "{plan:?}");
    let cuts = |step: &RepairStep| matches!(step, RepairStep::CutTornTail(torn) if torn.offset == Offset(N_RECORDS));
    assert!(plan.steps.iter().any(cuts), "{plan:?}");
    let rebuilds =
        |step: &RepairStep| matches!(step, RepairStep::RebuildIndex { segment: Offset(0) });
    assert!(plan.steps.iter().any(rebuilds), "{plan:?}");
    let repaired = repair(&dir.path(), Consent::Lossless).expect("a repair");
    assert!(repaired.left.is_empty(), "{repaired:?}");
    assert_sound(&dir);
    assert_built(&read_all(&dir.path()).expect("all records"), 0, N_RECORDS);
}

#[test]
fn a_damaged_record_is_given_up_only_with_consent_and_its_bytes_are_kept() {
    for offset in [0, 7, 13, N_RECORDS - 1] {
        let dir = build(&small_segments(), N_RECORDS);
        let frame = damage(&dir, offset);
        let before = snapshot(&dir.path());
        let repaired = repair(&dir.path(), Consent::Lossless).expect("a repair");
        assert!(repaired.done.is_empty(), "{repaired:?}");
        assert!(repaired.left.iter().any(|step| gives_up(step, offset)), "{repaired:?}");
        assert!(snapshot(&dir.path()) == before, "changed without consent");
        let repaired = repair(&dir.path(), Consent::AcceptLoss).expect("a repair");
        assert!(repaired.done.iter().any(|step| gives_up(step, offset)), "{repaired:?}");
        let quarantine = snapshot(&repaired.quarantine.expect("a quarantine"));
        let is_kept = |bytes: &Vec<u8>| bytes.windows(frame.len()).any(|window| window == frame);
        assert!(quarantine.values().any(is_kept), "the damaged frame is nowhere");
        assert_given_up(&dir, offset);
    }
}

fn assert_given_up(dir: &LogDir, offset: u64) {
    assert_eq!(assert_sound(dir).lost, 1);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert!(log.recovery().damage.is_empty(), "{:?}", log.recovery());
    let appended = append(&log, &[b"goes on"]).expect("an append");
    assert_eq!(appended.first_offset, Offset(N_RECORDS), "an offset was given out twice");
    for other in 0..N_RECORDS {
        match log.read(Offset(other)) {
            Ok(record) if other != offset => assert_built(&[record], other, other + 1),
            Err(LogError::Lost { offset: lost }) if other == offset => assert_eq!(lost.0, other),
            answer => panic!("{other}: {answer:?}"),
        }
    }
    log.close().expect("a clean close");
    let mut scan = LogReader::open(&dir.path()).expect("a reader").scan(Offset(0)).expect("a scan");
    let mut n_seen = 0;
    while let Some(record) = scan.next_record() {
        assert_ne!(record.expect("a record").offset.0, offset);
        n_seen += 1;
    }
    assert_eq!(n_seen, N_RECORDS);
    assert_eq!(scan.take_lost(), vec![Offset(offset)..Offset(offset + 1)].as_slice());
    let frames: Vec<_> = walk_log(&dir.path()).iter().map(crate::support::Frame::as_go).collect();
    assert!(
        frames.iter().map(|record| record.offset).eq(0..=N_RECORDS),
        "the original sees a hole"
    );
    assert_eq!(frames[offset as usize].r#type, TYPE_LOST);
}

#[test]
fn a_segment_without_its_store_is_damage_until_it_is_given_up() {
    let dir = build(&small_segments(), N_RECORDS);
    let bases = bases(&dir.path());
    let (gone, behind) = (bases[1], bases[2]);
    fs::remove_file(dir.file(&format!("{gone}.store"))).expect("no store");
    let before = snapshot(&dir.path());
    let report = verify(&dir.path());
    assert_eq!(report.verdict(), Verdict::Damaged, "{:?}", report.findings);
    let kinds: Vec<_> = report.findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::MissingStore), "{:?}", report.findings);
    let log = Log::open(&dir.path(), small_segments()).expect("a log for reading");
    assert!(matches!(append(&log, &[b"x"]), Err(LogError::Damaged { .. })));
    for offset in (0..N_RECORDS).map(Offset) {
        let is_gone = (gone..behind).contains(&offset.0);
        match log.read(offset) {
            Ok(record) if !is_gone => assert_built(&[record], offset.0, offset.0 + 1),
            Err(LogError::Corrupt(corruption)) if is_gone => assert_eq!(corruption.offset, offset),
            answer => panic!("{offset}: {answer:?}"),
        }
    }
    drop(log);
    assert!(snapshot(&dir.path()) == before);
    repair(&dir.path(), Consent::AcceptLoss).expect("a repair");
    assert_sound(&dir);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert!(matches!(log.read(Offset(gone)), Err(LogError::Lost { .. })));
    assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, Offset(N_RECORDS));
}

#[test]
fn whole_segments_that_are_gone_are_damage_until_they_are_given_up() {
    let dir = build(&small_segments(), N_RECORDS);
    let bases = bases(&dir.path());
    for kind in ["store", "index"] {
        fs::remove_file(dir.file(&format!("{}.{kind}", bases[1]))).expect("one file less");
    }
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Damaged);
    let log = Log::open(&dir.path(), small_segments()).expect("a log for reading");
    assert!(matches!(append(&log, &[b"x"]), Err(LogError::Damaged { .. })));
    assert!(matches!(log.read(Offset(bases[1])), Err(LogError::Corrupt(_))));
    assert_built(&[log.read(Offset(bases[2])).expect("a record")], bases[2], bases[2] + 1);
    drop(log);
    repair(&dir.path(), Consent::AcceptLoss).expect("a repair");
    assert_sound(&dir);
    let log = Log::open(&dir.path(), small_segments()).expect("a log");
    assert!(matches!(log.read(Offset(bases[1])), Err(LogError::Lost { .. })));
}

#[test]
fn a_repair_beside_a_writer_is_refused() {
    let dir = LogDir::new();
    let log = Log::open(&dir.path(), small_segments()).expect("a new log");
    append(&log, &[b"x"]).expect("an append");
    let refused = repair(&dir.path(), Consent::AcceptLoss);
    assert!(matches!(refused, Err(LogError::InUse { .. })), "{refused:?}");
    assert_eq!(append(&log, &[b"y"]).expect("an append").first_offset, Offset(1));
}

#[test]
fn a_repair_cut_short_by_a_power_cut_can_be_done_again() {
    let damaged = build(&small_segments(), N_RECORDS);
    let frame = damage(&damaged, 7);
    for at in 0.. {
        let dir = LogDir::copy_of(&damaged.path());
        let disk = Disk::with_fault(at, Fault::PowerCut).holding(&dir.path());
        let result = repair_on(Arc::new(disk.clone()), &dir.path(), Consent::AcceptLoss);
        let Some(leftovers) = disk.leftovers() else {
            assert!(result.is_ok() && at > 10, "{at}: {result:?}");
            return;
        };
        let some = (0..6).map(|seed| Survives::Some(seed * 0xAB_CDEF + at));
        for survives in [Survives::Synced, Survives::Everything].into_iter().chain(some) {
            let after = LogDir::quick();
            leftovers.lay_out(dir.parent(), after.parent(), survives);
            repair(&after.path(), Consent::AcceptLoss)
                .unwrap_or_else(|error| panic!("{at} {survives:?}: {error}"));
            assert_given_up(&after, 7);
            let kept = snapshot(after.parent());
            let kept = kept.iter().filter(|(path, _)| !path.starts_with(after.path()));
            let is_kept = |bytes: &Vec<u8>| bytes.windows(frame.len()).any(|bytes| bytes == frame);
            assert!(kept.into_iter().any(|(_, bytes)| is_kept(bytes)), "{at} {survives:?}");
        }
    }
}

#[test]
fn a_second_repair_keeps_what_the_first_put_aside() {
    let dir = build(&small_segments(), N_RECORDS);
    let first = damage(&dir, 4);
    let one = repair(&dir.path(), Consent::AcceptLoss).expect("a repair").quarantine;
    let second = damage(&dir, 9);
    let two = repair(&dir.path(), Consent::AcceptLoss).expect("a repair").quarantine;
    let aside = LogDir::new();
    copy_dir(&one.expect("a quarantine"), &aside.file("one"));
    copy_dir(&two.expect("a quarantine"), &aside.file("two"));
    for frame in [first, second] {
        let is_kept = |bytes: &Vec<u8>| bytes.windows(frame.len()).any(|window| window == frame);
        assert!(snapshot(&aside.path()).values().any(is_kept));
    }
    assert_eq!(assert_sound(&dir).lost, 2);
}
