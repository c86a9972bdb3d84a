//! Syncs a log every so often, for [`SyncPolicy::Interval`](super::SyncPolicy::Interval).
//!
//! The sync itself runs beside the appends; only noting its result takes a turn at the writer. A
//! failed sync latches the log like any other.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::error::LogError;
use super::group_commit::GroupCommit;
use super::observer::{ObserverHandle, Stopwatch};

/// A thread that syncs until it's dropped.
#[derive(Debug)]
pub(super) struct BackgroundSync {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    requested: Mutex<bool>,
    signal: Condvar,
}

impl BackgroundSync {
    /// # Errors
    /// No thread can be had.
    pub(super) fn start(
        commit: Arc<GroupCommit>,
        interval: Duration,
        observer: Option<ObserverHandle>,
    ) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let theirs = Arc::clone(&stop);
        let thread = thread::Builder::new().name("proglog-sync".to_owned()).spawn(move || {
            while !theirs.wait(interval) {
                sync(&commit, observer.as_ref());
            }
        })?;
        Ok(BackgroundSync { stop, thread: Some(thread) })
    }
}

impl Drop for BackgroundSync {
    fn drop(&mut self) {
        *self.stop.requested.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.signal.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Stop {
    /// Waits for `interval`, or less if asked to stop, and says whether that's so.
    fn wait(&self, interval: Duration) -> bool {
        let requested = self.requested.lock().unwrap_or_else(PoisonError::into_inner);
        let result = self.signal.wait_timeout_while(requested, interval, |requested| !*requested);
        *result.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn sync(commit: &GroupCommit, observer: Option<&ObserverHandle>) {
    let Some(unsynced) = commit.writer().unsynced() else { return };
    let segment = &unsynced.segment;
    let mut stopwatch = Stopwatch::start(observer);
    match segment.store.sync_data() {
        Ok(()) => {
            if let Some(observer) = observer {
                observer.synced(stopwatch.lap());
            }
            commit.writer().note_synced(&unsynced);
        }
        Err(error) => {
            let failure = LogError::io("sync", &segment.store_path, error);
            tracing::error!(error = %failure, "a background sync failed: the log refuses appends");
            commit.writer().latch(failure);
        }
    }
}
