//! What a log does, counted: from its own threads as an observer, and around the calls of async code.

use std::sync::Arc;
use std::time::Duration;

use quanta::Clock;

use super::queue::Job;
use super::{Chunk, ProgressNote, Record, ServiceError};
use crate::log::{Appended, Commit, Log, Observer, ObserverHandle, Recovery, RecoveryProgress};
use crate::telemetry::{Appends, LogFigures, Metrics};

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
pub(super) struct Meter(Option<Counted>);

#[derive(Clone, Debug)]
struct Counted {
    metrics: Arc<Metrics>,
    /// The processor's own counter where it can be trusted: each append looks at it, and that is most of
    /// what metrics cost one.
    clock: Clock,
}

/// When something that is measured began, in ticks of the clock that measures it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    ticks: u64,
}

impl Counted {
    fn now(&self) -> Began {
        Began { ticks: self.clock.raw() }
    }

    fn ns_between(&self, began: Began, now: Began) -> u64 {
        self.clock.delta_as_nanos(began.ticks, now.ticks)
    }
}

impl Meter {
    pub(super) fn new(metrics: Option<Arc<Metrics>>) -> Meter {
        Meter(metrics.map(|metrics| Counted { metrics, clock: Clock::new() }))
    }

    fn metrics(&self) -> Option<&Arc<Metrics>> {
        self.0.as_ref().map(|counted| &counted.metrics)
    }

    /// When something that is measured begins.
    pub(super) fn begin(&self) -> Option<Began> {
        self.0.as_ref().map(Counted::now)
    }

    /// Counts the answers of a group that is acknowledged now. Those that took nothing don't count.
    pub(super) fn appended(&self, answers: &[(Job, Result<Appended, ServiceError>)]) {
        let Some(counted) = &self.0 else { return };
        let now = counted.now();
        let mut appends = Appends::default();
        for (job, _) in answers.iter().filter(|(_, answer)| answer.is_ok()) {
            let took_ns = job.began.map_or(0, |began| counted.ns_between(began, now));
            appends.note(job.batch.records.len() as u64, job.size.content_bytes, took_ns);
        }
        counted.metrics.log.appended(&appends);
    }

    /// Counts a read of one record.
    pub(super) fn read(&self, began: Option<Began>, read: &Result<Record, ServiceError>) {
        match read {
            Ok(record) => self.count_read(began, 1, record.content_bytes()),
            Err(error) => self.failed(error),
        }
    }

    /// Counts a read of a chunk.
    pub(super) fn scanned(&self, began: Option<Began>, read: &Result<Chunk, ServiceError>) {
        let Some(metrics) = self.metrics() else { return };
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

    fn count_read(&self, began: Option<Began>, n_records: u64, n_bytes: u64) {
        if let (Some(counted), Some(began)) = (&self.0, began) {
            let took = Duration::from_nanos(counted.ns_between(began, counted.now()));
            counted.metrics.log.read(n_records, n_bytes, took);
        }
    }

    fn failed(&self, error: &ServiceError) {
        if let (Some(metrics), ServiceError::Corrupt(_)) = (self.metrics(), error) {
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
        let Some(metrics) = self.metrics() else { return };
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
