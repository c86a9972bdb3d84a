//! Whoever wants to know what a log does, such as metrics. Without an observer nothing is timed and
//! nothing is called.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::recover::Recovery;

/// Is told what a log has done, by the thread that did it: it had better be quick.
pub trait Observer: Send + Sync {
    /// Opening has read so much to find out what is there: told now and then, of segments that weren't
    /// closed cleanly. Most don't care.
    fn recovering(&self, progress: &RecoveryProgress) {
        let _ = progress;
    }

    /// Opening has found out and mended what it could.
    fn opened(&self, recovery: &Recovery, took: Duration);

    /// A group of batches has been written, synced if the policy says so, and can be seen by readers.
    fn committed(&self, commit: &Commit);

    /// A store has been synced outside of a commit: in the background, or since its segment is sealed.
    fn synced(&self, took: Duration);
}

/// How far opening is in finding out what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryProgress {
    /// Segments that are done.
    pub n_examined: u64,
    /// Segments there are.
    pub n_segments: u64,
    /// How many bytes of the next one's store are done.
    pub position: u64,
    /// How many it has.
    pub store_bytes: u64,
}

/// What went down in one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Records, of all batches.
    pub n_records: u64,
    /// Batches that shared the write.
    pub n_batches: u64,
    /// Bytes of frames.
    pub n_bytes: u64,
    /// How long the write took.
    pub write: Duration,
    /// How long the sync took, if there was one.
    pub sync: Option<Duration>,
}

/// An observer in a [`LogConfig`](super::LogConfig). Two are equal if they are the same one.
#[derive(Clone)]
pub struct ObserverHandle(Arc<dyn Observer>);

impl ObserverHandle {
    /// Shares an observer with a log.
    #[must_use]
    pub fn new(observer: Arc<dyn Observer>) -> ObserverHandle {
        ObserverHandle(observer)
    }
}

impl std::ops::Deref for ObserverHandle {
    type Target = dyn Observer;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for ObserverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObserverHandle")
    }
}

impl PartialEq for ObserverHandle {
    fn eq(&self, other: &ObserverHandle) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ObserverHandle {}

/// The target of spans, which a subscriber has to ask for; the telemetry of the layers above has the
/// same.
pub(super) const SPANS: &str = "proglog::spans";

/// Times the steps of something, if somebody wants to know.
pub(super) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    pub(super) fn start(observer: Option<&ObserverHandle>) -> Stopwatch {
        Stopwatch(observer.map(|_| Instant::now()))
    }

    /// How long it has been since the last lap; nothing if nobody asks.
    pub(super) fn lap(&mut self) -> Duration {
        let Some(last) = self.0 else { return Duration::ZERO };
        let now = Instant::now();
        self.0 = Some(now);
        now - last
    }
}

#[cfg(test)]
mod tests;
