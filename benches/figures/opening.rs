//! How long opening takes: closed cleanly, with many segments, and after a kill.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use proglog::log::{Append, Log, LogConfig, NewRecord, Offset, SyncPolicy};

use crate::work::Scratch;

/// Opens a log of segments of `segment_bytes`; opens a second.
///
/// Opening looks at the ends of a segment only, so all but its last record is a hole in the file:
/// the disk needn't have the room for 100 GiB.
pub(crate) fn clean(scratch: &Scratch, n_segments: u64, segment_bytes: u64) -> f64 {
    let dir = scratch.path("hollow");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).expect("a directory");
    let n_records = segment_bytes / 1024;
    for number in 0..n_segments {
        hollow_segment(&dir, number * n_records, segment_bytes, scratch);
    }
    let start = Instant::now();
    let log = Log::open(&dir, LogConfig::default()).expect("a log");
    let elapsed = start.elapsed();
    assert!(log.recovery().is_clean(), "{:?}", log.recovery());
    assert_eq!(log.next_offset(), Offset(n_segments * n_records));
    drop(log);
    fs::remove_dir_all(&dir).expect("removed");
    1.0 / elapsed.as_secs_f64()
}

/// A segment whose last record only is there.
fn hollow_segment(dir: &Path, base: u64, segment_bytes: u64, scratch: &Scratch) {
    let n_records = segment_bytes / 1024;
    let last = base + n_records - 1;
    let one = scratch.path("one");
    let _ = fs::remove_dir_all(&one);
    let config = LogConfig { initial_offset: Offset(last), ..LogConfig::default() };
    let log = Log::open(&one, config).expect("a log");
    log.append(&Append::new(&[NewRecord::new(b"the last one")])).expect("appended");
    log.close().expect("closed");
    let frame = fs::read(one.join(format!("{last}.store"))).expect("a frame");
    let position = segment_bytes - frame.len() as u64;
    let store = File::create(dir.join(format!("{base}.store"))).expect("a store");
    store.write_all_at(&frame, position).expect("written");
    let index = File::create(dir.join(format!("{base}.index"))).expect("an index");
    let mut entry = ((n_records - 1) as u32).to_be_bytes().to_vec();
    entry.extend_from_slice(&position.to_be_bytes());
    index.write_all_at(&entry, (n_records - 1) * 12).expect("written");
}

/// Opens a log whose one segment has no index, so that all of it has to be read: the worst that a
/// kill can leave. Bytes a second.
pub(crate) fn after_kill(prepared: &Path, scratch: &Scratch) -> f64 {
    let dir = scratch.path("killed");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).expect("a directory");
    fs::hard_link(prepared.join("0.store"), dir.join("0.store")).expect("linked");
    let n_bytes = fs::metadata(dir.join("0.store")).expect("a store").len();
    let start = Instant::now();
    let config = LogConfig { sync: SyncPolicy::Never, ..LogConfig::default() };
    let log = Log::open(&dir, config).expect("a log");
    let elapsed = start.elapsed();
    assert_eq!(log.recovery().damage, []);
    n_bytes as f64 / elapsed.as_secs_f64()
}
