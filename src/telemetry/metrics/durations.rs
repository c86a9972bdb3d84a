//! A histogram of durations that takes many at once and has no lock: what an append is measured by had
//! better cost little.

use std::array;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Upper bounds, from the time of a memory copy to that of a device in trouble.
pub(super) const SECONDS_BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// The same in nanoseconds.
const BOUNDS_NS: [u64; 17] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// The last one is for what is beyond all bounds.
const N_BUCKETS: usize = BOUNDS_NS.len() + 1;

/// Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    buckets: [AtomicU64; N_BUCKETS],
    sum_ns: AtomicU64,
}

impl Durations {
    pub(super) fn observe(&self, duration: Duration) {
        self.observe_all([duration].into_iter());
    }

    pub(super) fn observe_all(&self, durations: impl Iterator<Item = Duration>) {
        let (mut buckets, mut sum_ns) = ([0u64; N_BUCKETS], 0u64);
        for duration in durations {
            let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            let bucket = BOUNDS_NS.iter().position(|bound| ns <= *bound);
            buckets[bucket.unwrap_or(N_BUCKETS - 1)] += 1;
            sum_ns = sum_ns.saturating_add(ns);
        }
        for (bucket, count) in self.0.buckets.iter().zip(buckets).filter(|(_, count)| *count > 0) {
            bucket.fetch_add(count, Ordering::Relaxed);
        }
        self.0.sum_ns.fetch_add(sum_ns, Ordering::Relaxed);
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = SECONDS_BUCKETS.into_iter().chain([f64::INFINITY]);
        let counts: [u64; N_BUCKETS] =
            array::from_fn(|bucket| self.0.buckets[bucket].load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let sum = Duration::from_nanos(self.0.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn both_lists_of_bounds_are_the_same() {
        let seconds = BOUNDS_NS.map(|ns| Duration::from_nanos(ns).as_secs_f64());
        assert_eq!(seconds, SECONDS_BUCKETS);
    }

    #[test]
    fn each_duration_is_in_the_buckets_that_hold_it() {
        let (mut registry, durations) = (Registry::default(), Durations::default());
        registry.register("d", "D", durations.clone());
        let just_within = Duration::from_micros(100);
        let beyond = Duration::from_secs(60);
        durations.observe_all([Duration::ZERO, just_within, beyond].into_iter());
        durations.observe(Duration::from_nanos(100_001));
        let mut text = String::new();
        encode(&mut text, &registry).expect("text");
        for line in [
            "d_bucket{le=\"0.00005\"} 1",
            "d_bucket{le=\"0.0001\"} 2",
            "d_bucket{le=\"0.00025\"} 3",
            "d_bucket{le=\"10.0\"} 3",
            "d_bucket{le=\"+Inf\"} 4",
            "d_count 4",
            "d_sum 60.000200001",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} isn't in\n{text}");
        }
    }
}
