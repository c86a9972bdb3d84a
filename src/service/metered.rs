//! What a log does, counted: from its own threads as an observer, and around the calls of async code.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::Job;
use super::{Chunk, ProgressNote, Record, ServiceError};
use crate::log::{Appended, Commit, Log, Observer, ObserverHandle, Recovery, RecoveryProgress};
use crate::telemetry::{LogFigures, Metrics};

/// Counts what a log does by itself, for [`LogConfig::observer`](crate::log::LogConfig::observer), and takes
/// note of how far its recovery is; [`LocalLog::start_metered`](super::LocalLog::start_metered) counts the rest.
#[must_use]
pub fn observer(metrics: &Arc<Metrics>, progress: ProgressNote) -> ObserverHandle {
    ObserverHandle::new(Arc::new(Counting { metrics: Arc::clone(metrics), progress }))
}

struct Counting {
    metrics: Arc<Metrics>,
    progress: ProgressNote,
}

impl Observer for Counting {
    fn recovering(&self, progress: &RecoveryProgress) {
        self.progress.set(*progress);
    }

    fn opened(&self, recovery: &Recovery, took: Duration) {
        let log = &self.metrics.log;
        let cut_bytes = recovery.torn_tails.iter().map(|tail| tail.bytes).sum();
        log.recovered(took, cut_bytes, recovery.rebuilt_indexes.len() as u64);
        log.corrupt(recovery.damage.len() as u64 + recovery.damage_untold);
    }

    fn committed(&self, commit: &Commit) {
        self.metrics.log.committed(commit.n_records);
        if let Some(took) = commit.sync {
            self.metrics.log.synced(took);
        }
    }

    fn synced(&self, took: Duration) {
        self.metrics.log.synced(took);
    }
}

/// Counts, or doesn't: then it asks for no time either.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Option<Arc<Metrics>>);

impl Meter {
    pub(super) const fn new(metrics: Option<Arc<Metrics>>) -> Meter {
        Meter(metrics)
    }

    /// When something that is measured begins.
    pub(super) fn begin(&self) -> Option<Instant> {
        self.0.as_ref().map(|_| Instant::now())
    }

    /// Counts the answers of a group that is acknowledged now. Those that took nothing don't count.
    pub(super) fn appended(&self, answers: &[(Job, Result<Appended, ServiceError>)]) {
        let Some(metrics) = &self.0 else { return };
        let now = Instant::now();
        let taken = || answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(job, _)| job);
        let records = taken().flat_map(|job| &job.batch.records);
        let (n_records, n_bytes) =
            records.fold((0, 0), |(n, bytes), record| (n + 1, bytes + record.content_bytes()));
        let took = taken().filter_map(|job| job.began).map(|began| now - began);
        metrics.log.appended(n_records, n_bytes, took);
    }

    /// Counts a read of one record.
    pub(super) fn read(&self, began: Option<Instant>, read: &Result<Record, ServiceError>) {
        match read {
            Ok(record) => self.count_read(began, 1, record.content_bytes()),
            Err(error) => self.failed(error),
        }
    }

    /// Counts a read of a chunk.
    pub(super) fn scanned(&self, began: Option<Instant>, read: &Result<Chunk, ServiceError>) {
        let Some(metrics) = &self.0 else { return };
        match read {
            Ok(chunk) => {
                let bytes = chunk.records.iter().map(Record::content_bytes);
                self.count_read(began, chunk.records.len() as u64, bytes.sum());
                let damaged = chunk.missing.iter().filter(|missing| !missing.is_lost);
                let n_damaged = damaged.map(|gap| gap.offsets.end.since(gap.offsets.start)).sum();
                metrics.log.corrupt(n_damaged);
            }
            Err(error) => self.failed(error),
        }
    }

    fn count_read(&self, began: Option<Instant>, n_records: u64, n_bytes: u64) {
        if let (Some(metrics), Some(began)) = (&self.0, began) {
            metrics.log.read(n_records, n_bytes, began.elapsed());
        }
    }

    fn failed(&self, error: &ServiceError) {
        if let (Some(metrics), ServiceError::Corrupt(_)) = (&self.0, error) {
            metrics.log.corrupt(1);
        }
    }

    /// Shows what the log holds for as long as it is open somewhere. `is_writable` must not wait for
    /// the writer.
    pub(super) fn watch(
        &self,
        log: &Arc<Log>,
        is_writable: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        let Some(metrics) = &self.0 else { return };
        let log = Arc::downgrade(log);
        metrics.watch_log(move || {
            let log = log.upgrade()?;
            let segments = log.segments();
            Some(LogFigures {
                lowest_offset: log.lowest_offset().0,
                next_offset: log.next_offset().0,
                n_segments: segments.len() as u64,
                store_bytes: segments.iter().map(|segment| segment.store_bytes).sum(),
                is_writable: is_writable(),
            })
        });
    }
}

#[cfg(test)]
mod tests;
