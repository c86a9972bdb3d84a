//! What an observer is told.

use std::sync::{Mutex, mpsc};

use super::*;
use crate::log::{Append, Log, LogConfig, NewRecord, SyncPolicy};

#[derive(Default)]
struct Notes {
    commits: Mutex<Vec<Commit>>,
    recoveries: Mutex<Vec<Recovery>>,
    progress: Mutex<Vec<RecoveryProgress>>,
    n_syncs: Mutex<u64>,
    synced: Option<mpsc::SyncSender<()>>,
}

impl Observer for Notes {
    fn recovering(&self, progress: &RecoveryProgress) {
        self.progress.lock().expect("notes").push(*progress);
    }

    fn opened(&self, recovery: &Recovery, _: Duration) {
        self.recoveries.lock().expect("notes").push(recovery.clone());
    }

    fn committed(&self, commit: &Commit) {
        self.commits.lock().expect("notes").push(*commit);
    }

    fn synced(&self, _: Duration) {
        *self.n_syncs.lock().expect("notes") += 1;
        if let Some(synced) = &self.synced {
            let _ = synced.try_send(());
        }
    }
}

fn open(dir: &std::path::Path, sync: SyncPolicy, notes: Notes) -> (Log, Arc<Notes>) {
    let notes = Arc::new(notes);
    let observer = Some(ObserverHandle::new(Arc::clone(&notes) as Arc<dyn Observer>));
    let config = LogConfig { sync, segment_bytes: 1024, observer, ..LogConfig::default() };
    (Log::open(dir, config).expect("a log"), notes)
}

#[test]
fn a_commit_tells_of_all_batches_that_shared_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, notes) = open(dir.path(), SyncPolicy::Always, Notes::default());
    let records = [NewRecord::new(b"value"); 3];
    let group = [Append::new(&records), Append::new(&records[..1]), Append::new(&[])];
    assert_eq!(log.append_group(&group).iter().filter(|answer| answer.is_ok()).count(), 2);
    log.append(&Append::new(&records[..1])).expect("an append");
    let commits = notes.commits.lock().expect("notes").clone();
    let shape = |commit: &Commit| (commit.n_records, commit.n_batches, commit.sync.is_some());
    assert_eq!(commits.iter().map(shape).collect::<Vec<_>>(), [(4, 2, true), (1, 1, true)]);
    let n_bytes: u64 = commits.iter().map(|commit| commit.n_bytes).sum();
    assert_eq!(n_bytes, log.segments()[0].store_bytes);
}

#[test]
fn a_sealed_segment_is_synced_and_told_of() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, notes) = open(dir.path(), SyncPolicy::Never, Notes::default());
    for _ in 0..3 {
        log.append(&Append::new(&[NewRecord::new(&[7; 600])])).expect("an append");
    }
    assert_eq!(*notes.n_syncs.lock().expect("notes"), 2);
    assert!(notes.commits.lock().expect("notes").iter().all(|commit| commit.sync.is_none()));
}

#[test]
fn a_background_sync_is_told_of() {
    let dir = tempfile::tempdir().expect("a directory");
    let (synced, told) = mpsc::sync_channel(1);
    let interval = SyncPolicy::Interval(Duration::from_millis(1));
    let (log, _) = open(dir.path(), interval, Notes { synced: Some(synced), ..Notes::default() });
    log.append(&Append::new(&[NewRecord::new(b"value")])).expect("an append");
    told.recv_timeout(Duration::from_secs(30)).expect("a sync");
}

#[test]
fn opening_tells_what_it_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path(), SyncPolicy::Never, Notes::default());
    log.append(&Append::new(&[NewRecord::new(b"value")])).expect("an append");
    log.close().expect("closed");
    drop(log);
    let store = dir.path().join("0.store");
    let mut bytes = std::fs::read(&store).expect("a store");
    bytes.extend_from_slice(b"\0\0\0\0\0\0\0\x40torn");
    std::fs::write(&store, bytes).expect("a torn tail");
    let (log, notes) = open(dir.path(), SyncPolicy::Never, Notes::default());
    assert_eq!(notes.recoveries.lock().expect("notes").as_slice(), [log.recovery().clone()]);
    assert_eq!(log.recovery().torn_tails.len(), 1);
}

#[test]
fn opening_tells_how_far_it_is_in_a_segment_that_has_to_be_read() {
    const MIB: usize = 1 << 20;
    let dir = tempfile::tempdir().expect("a directory");
    let open = |observer| {
        let sync = SyncPolicy::Never;
        let config = LogConfig { sync, segment_bytes: 16 << 20, observer, ..LogConfig::default() };
        Log::open(dir.path(), config).expect("a log")
    };
    let log = open(None);
    // Five to a segment.
    for byte in 0..6 {
        log.append(&Append::new(&[NewRecord::new(&vec![byte; 3 * MIB])])).expect("an append");
    }
    let store_bytes = log.segments()[0].store_bytes;
    log.close().expect("closed");
    drop(log);
    std::fs::remove_file(dir.path().join("0.index")).expect("an index");
    let notes = Arc::new(Notes::default());
    drop(open(Some(ObserverHandle::new(Arc::clone(&notes) as Arc<dyn Observer>))));
    let progress = notes.progress.lock().expect("notes").clone();
    // Of the other one, which was closed cleanly, nothing has to be read.
    let all = RecoveryProgress { n_examined: 0, n_segments: 2, position: 0, store_bytes };
    assert!(progress.iter().all(|told| RecoveryProgress { position: 0, ..*told } == all));
    let mib: Vec<_> = progress.iter().map(|told| told.position >> 20).collect();
    assert_eq!(mib, [0, 6, 12]);
}
