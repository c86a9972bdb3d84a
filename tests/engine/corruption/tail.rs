//! The last segment's store cut at every byte, as a crash in the middle of a write leaves it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proglog::log::{Log, LogConfig, LogError, LogReader, Offset, SyncPolicy, Verdict};

use super::overwrite;
use crate::support::{
    Frame, LogDir, append, bases, build_and_kill, killed_copy_of, read_all, records,
    small_segments, values, verify, walk,
};

/// A killed log, and what is in the store of its last segment.
struct Killed {
    dir: LogDir,
    base: u64,
    store: Vec<u8>,
    frames: Vec<Frame>,
    values: Vec<Vec<u8>>,
}

impl Killed {
    fn new(dir: LogDir) -> Killed {
        let base = *bases(&dir.path()).last().expect("a segment");
        let store = fs::read(dir.file(&format!("{base}.store"))).expect("a store");
        let frames = walk(&store);
        let all = read_all(&dir.path()).expect("all records");
        let values = values(&all).into_iter().map(<[u8]>::to_vec).collect();
        Killed { dir, base, store, frames, values }
    }

    fn content_len(&self) -> usize {
        self.frames.last().expect("a frame").end()
    }

    /// Opens a copy whose last store is `store`: `kept` bytes of it are as they were written.
    fn assert_recovers(&self, store: &[u8], kept: usize) {
        let copy = LogDir::copy_of(&self.dir.path());
        fs::write(copy.file(&format!("{}.store", self.base)), store).expect("a torn store");
        let whole = self.frames.iter().take_while(|frame| frame.end() <= kept);
        let (n_whole, end) = whole.fold((0, 0), |(n, _), frame| (n + 1, frame.end()));
        let next = self.base + n_whole;
        let wanted = &self.values[..next as usize];
        self.assert_seen_from_outside(&copy.path(), wanted, kept);
        let log = Log::open(&copy.path(), small_segments()).expect("a log");
        assert!(log.refusal().is_none(), "kept {kept}: {:?}", log.recovery());
        assert_eq!(log.next_offset(), Offset(next), "kept {kept}: {:?}", log.recovery());
        let torn = &log.recovery().torn_tails;
        if store[end..].iter().any(|byte| *byte != 0) {
            assert_eq!(torn.len(), 1, "kept {kept}");
        }
        for torn in torn {
            assert_eq!((torn.segment.0, torn.offset.0), (self.base, next), "kept {kept}");
            assert_eq!(torn.position.0, end as u64, "kept {kept}");
            assert!(torn.bytes > 0, "kept {kept}");
        }
        assert_eq!(append(&log, &[b"goes on"]).expect("an append").first_offset, Offset(next));
        // Without its lock, so that nothing behind the last record is taken for work in progress.
        log.close().expect("a clean close");
        drop(log);
        let all = read_all(&copy.path()).expect("all records");
        assert_eq!(values(&all), [wanted, &[b"goes on".to_vec()]].concat(), "kept {kept}");
        assert_eq!(verify(&copy.path()).verdict(), Verdict::Sound, "kept {kept}");
    }

    fn assert_seen_from_outside(&self, dir: &Path, wanted: &[Vec<u8>], kept: usize) {
        let report = verify(dir);
        assert_ne!(report.verdict(), Verdict::Damaged, "kept {kept}: {:?}", report.findings);
        let reader = LogReader::open(dir).expect("a reader");
        let all = records(reader.scan(Offset(0)).expect("a scan")).expect("records");
        assert_eq!(values(&all), wanted, "kept {kept}");
    }

    /// Cut off behind `kept` bytes.
    fn assert_cut_recovers(&self, kept: usize) {
        self.assert_recovers(&self.store[..kept], kept);
    }

    /// As long as before, but zeros behind `kept` bytes: the length got to the device, the data not.
    fn assert_zeroed_recovers(&self, kept: usize) {
        let mut store = self.store.clone();
        store[kept..].fill(0);
        // A checksum may end in zeros of its own.
        let n_same = self.store.iter().zip(&store).take_while(|(now, then)| now == then).count();
        self.assert_recovers(&store, n_same);
    }
}

fn always() -> LogConfig {
    LogConfig { sync: SyncPolicy::Always, ..small_segments() }
}

#[test]
fn a_store_cut_at_any_byte_keeps_every_whole_frame() {
    let killed = Killed::new(build_and_kill(&small_segments(), 40));
    assert!(killed.base > 0 && killed.frames.len() > 2, "{} {}", killed.base, killed.frames.len());
    for kept in 0..=killed.content_len() {
        killed.assert_cut_recovers(kept);
    }
}

#[test]
fn a_store_zeroed_from_any_byte_on_keeps_every_whole_frame() {
    let killed = Killed::new(build_and_kill(&always(), 40));
    let last_two = killed.frames[killed.frames.len() - 2].position;
    for kept in last_two..=killed.content_len() {
        killed.assert_zeroed_recovers(kept);
    }
}

#[test]
fn a_batch_torn_anywhere_keeps_its_whole_frames() {
    let dir = LogDir::quick();
    let log = Log::open(&dir.path(), always()).expect("a new log");
    append(&log, &[b"before"]).expect("an append");
    append(&log, &[b"one", b"", b"three", &[b'4'; 50], b"five"]).expect("an append");
    let killed = Killed::new(killed_copy_of(&dir.path()));
    for kept in killed.frames[0].end()..=killed.content_len() {
        killed.assert_cut_recovers(kept);
        killed.assert_zeroed_recovers(kept);
    }
}

#[test]
fn a_batch_whose_first_frame_never_got_to_the_device_is_cut_whole() {
    let dir = LogDir::quick();
    let log = Log::open(&dir.path(), always()).expect("a new log");
    append(&log, &[b"before"]).expect("an append");
    append(&log, &[b"one", b"two", b"three"]).expect("an append");
    let killed = Killed::new(killed_copy_of(&dir.path()));
    // Entries are written behind the sync that this batch didn't live to see.
    overwrite(&killed.dir.file("0.index"), 12, &[0; 36]);
    let mut store = killed.store.clone();
    store[killed.frames[1].position..killed.frames[1].end()].fill(0);
    killed.assert_recovers(&store, killed.frames[0].end());
}

/// What a record is that holds a log: nothing in it may pass for a frame of the log around it.
fn value_with_a_log_in_it() -> Vec<u8> {
    let inner = LogDir::quick();
    let log = Log::open(&inner.path(), LogConfig::default()).expect("a new log");
    for offset in 0..12 {
        append(&log, &[format!("inner {offset}").as_bytes()]).expect("an append");
    }
    log.close().expect("a clean close");
    fs::read(inner.file("0.store")).expect("a store")
}

#[test]
fn a_torn_record_that_holds_a_log_is_a_torn_tail() {
    let value = value_with_a_log_in_it();
    let dir = LogDir::quick();
    let log = Log::open(&dir.path(), always()).expect("a new log");
    append(&log, &[b"before"]).expect("an append");
    append(&log, &[b"also before"]).expect("an append");
    append(&log, &[&value]).expect("an append");
    let killed = Killed::new(killed_copy_of(&dir.path()));
    assert_eq!(killed.frames.len(), 3);
    for kept in killed.frames[1].end()..=killed.content_len() {
        killed.assert_cut_recovers(kept);
        killed.assert_zeroed_recovers(kept);
    }
}

#[test]
fn a_killed_log_whose_last_store_is_gone_has_lost_something() {
    let dir = build_and_kill(&always(), 40);
    let last = *bases(&dir.path()).last().expect("a segment");
    assert!(last > 0);
    fs::remove_file(dir.file(&format!("{last}.store"))).expect("no store");
    assert_eq!(verify(&dir.path()).verdict(), Verdict::Damaged);
    let log = Log::open(&dir.path(), always()).expect("a log for reading");
    let refused = append(&log, &[b"in the place of what was acknowledged"]);
    assert!(matches!(refused, Err(LogError::Damaged { .. })), "{refused:?}");
    drop(log);
    assert!(dir.file(&format!("{last}.index")).exists(), "the only witness is gone");
}

#[test]
fn bytes_made_to_look_like_frames_are_searched_in_bounded_time() {
    let dir = build_and_kill(&always(), 3);
    let mut store = fs::read(dir.file("0.store")).expect("a store");
    store.truncate(walk(&store).last().expect("a frame").end());
    // The prefix of a long frame, the tag of a value, the tag of a checksum: all over 4 MiB.
    let pattern = [&(2_u64 << 20).to_be_bytes(), b"\x0A\x01\0\x7D\0\0\0\0".as_slice()].concat();
    store.push(0xFF);
    store.extend(pattern.repeat((4 << 20) / pattern.len()));
    fs::write(dir.file("0.store"), store).expect("a torn store");
    let started = Instant::now();
    let log = Log::open(&dir.path(), always()).expect("a log");
    assert!(log.next_offset() >= Offset(3), "{:?}", log.recovery());
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
