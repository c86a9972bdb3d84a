//! What a log does: appends, syncs, reads, recovery.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use super::durations::{Durations, Tally};

/// Counters and histograms of one log.
#[derive(Debug)]
pub struct LogMetrics {
    append_records: Counter,
    append_bytes: Counter,
    append_duration: Durations,
    fsync_duration: Durations,
    batch_records: Histogram,
    read_records: Counter,
    read_bytes: Counter,
    read_duration: Durations,
    recovery_duration: Gauge<f64, std::sync::atomic::AtomicU64>,
    recovery_cut_bytes: Gauge,
    recovery_rebuilt_indexes: Gauge,
    corrupt_records: Counter,
}

/// Batches that are acknowledged together.
#[derive(Debug, Default)]
pub struct Appends {
    n_records: u64,
    n_bytes: u64,
    took: Tally,
}

impl Appends {
    /// Notes one batch: what is in it, and how long it took.
    pub fn note(&mut self, n_records: u64, n_bytes: u64, took_ns: u64) {
        self.n_records += n_records;
        self.n_bytes += n_bytes;
        self.took.note(took_ns);
    }
}

impl LogMetrics {
    pub(super) fn register(registry: &mut Registry) -> LogMetrics {
        let mut counter =
            |name: &str, help: &str| registered(registry, name, help, Counter::default());
        let append_records = counter("proglog_append_records", "Records acknowledged");
        let append_bytes = counter(
            "proglog_append_bytes",
            "Bytes of values, keys and headers of acknowledged records",
        );
        let read_records = counter("proglog_read_records", "Records read");
        let read_bytes =
            counter("proglog_read_bytes", "Bytes of values, keys and headers of records read");
        let corrupt_records = counter(
            "proglog_corrupt_records",
            "Damage met: places found when opening, and records that a read found damaged",
        );
        let mut durations =
            |name: &str, help: &str| registered(registry, name, help, Durations::default());
        LogMetrics {
            append_duration: durations(
                "proglog_append_duration_seconds",
                "From handing a batch to the log until it is acknowledged",
            ),
            fsync_duration: durations(
                "proglog_fsync_duration_seconds",
                "Syncs of a store to its device",
            ),
            read_duration: durations(
                "proglog_read_duration_seconds",
                "Reads of a record, or of a chunk of records",
            ),
            batch_records: registered(
                registry,
                "proglog_batch_records",
                "Records that shared one write and one sync",
                Histogram::new(exponential_buckets(1.0, 4.0, 9)),
            ),
            recovery_duration: registered(
                registry,
                "proglog_recovery_duration_seconds",
                "How long opening took to find out what was there and to mend it",
                Gauge::default(),
            ),
            recovery_cut_bytes: registered(
                registry,
                "proglog_recovery_cut_bytes",
                "Bytes behind the last whole records that opening cut; none was acknowledged as durable",
                Gauge::default(),
            ),
            recovery_rebuilt_indexes: registered(
                registry,
                "proglog_recovery_rebuilt_indexes",
                "Indexes that opening rebuilt",
                Gauge::default(),
            ),
            append_records,
            append_bytes,
            read_records,
            read_bytes,
            corrupt_records,
        }
    }

    /// Counts batches that are acknowledged together.
    pub fn appended(&self, appends: &Appends) {
        self.append_records.inc_by(appends.n_records);
        self.append_bytes.inc_by(appends.n_bytes);
        self.append_duration.add(&appends.took);
    }

    /// Notes a group commit.
    pub fn committed(&self, n_records: u64) {
        self.batch_records.observe(n_records as f64);
    }

    /// Notes a sync.
    pub fn synced(&self, took: Duration) {
        self.fsync_duration.observe(took);
    }

    /// Notes one read and what came of it.
    pub fn read(&self, n_records: u64, n_bytes: u64, took: Duration) {
        self.read_records.inc_by(n_records);
        self.read_bytes.inc_by(n_bytes);
        self.read_duration.observe(took);
    }

    /// Notes damage.
    pub fn corrupt(&self, n_places: u64) {
        self.corrupt_records.inc_by(n_places);
    }

    /// Notes what opening did.
    pub fn recovered(&self, took: Duration, cut_bytes: u64, n_rebuilt_indexes: u64) {
        self.recovery_duration.set(took.as_secs_f64());
        self.recovery_cut_bytes.set(i64::try_from(cut_bytes).unwrap_or(i64::MAX));
        self.recovery_rebuilt_indexes.set(i64::try_from(n_rebuilt_indexes).unwrap_or(i64::MAX));
    }
}

fn registered<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}
