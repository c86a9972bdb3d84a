//! A histogram of durations that takes many at once and has no lock: what an append is measured by had
//! better cost little.

use std::array;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds, from the time of a memory copy to that of a device in trouble.
const SECONDS_BUCKETS: [f64; 17] = [
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

/// The bucket of `2^n` ns, at `n`. Each bound is at least twice the one before, so what is less than
/// `2^(n+1)` is in that bucket or in the next one.
static BUCKETS_OF_POWERS: [u8; 64] = buckets_of_powers();

const fn buckets_of_powers() -> [u8; 64] {
    let (mut buckets, mut bucket, mut power) = ([0; 64], 0, 0);
    while power < 64 {
        while bucket < BOUNDS_NS.len() && BOUNDS_NS[bucket] < 1 << power {
            bucket += 1;
        }
        buckets[power] = bucket as u8;
        power += 1;
    }
    buckets
}

fn bucket_of(ns: u64) -> usize {
    let lower = BUCKETS_OF_POWERS[(ns | 1).ilog2() as usize] as usize;
    lower + usize::from(BOUNDS_NS.get(lower).is_some_and(|bound| ns > *bound))
}

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
        let ns = nanoseconds(duration);
        self.0.buckets[bucket_of(ns)].fetch_add(1, Ordering::Relaxed);
        self.0.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    pub(super) fn add(&self, tally: &Tally) {
        let buckets = self.0.buckets.iter().zip(tally.buckets);
        for (bucket, count) in buckets.filter(|(_, count)| *count > 0) {
            bucket.fetch_add(u64::from(count), Ordering::Relaxed);
        }
        self.0.sum_ns.fetch_add(tally.sum_ns, Ordering::Relaxed);
    }
}

/// Durations that are to be added together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    buckets: [u32; N_BUCKETS],
    sum_ns: u64,
}

impl Tally {
    pub(super) fn note(&mut self, ns: u64) {
        self.buckets[bucket_of(ns)] += 1;
        self.sum_ns = self.sum_ns.wrapping_add(ns);
    }
}

/// More than 584 years are as many.
fn nanoseconds(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(u64::from(duration.subsec_nanos()))
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
        Self::TYPE
    }
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
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
    fn a_bucket_holds_what_is_within_its_bound_and_beyond_the_one_before() {
        assert_eq!((bucket_of(0), bucket_of(u64::MAX)), (0, BOUNDS_NS.len()));
        for (bucket, bound) in BOUNDS_NS.into_iter().enumerate() {
            assert_eq!((bucket_of(bound), bucket_of(bound + 1)), (bucket, bucket + 1));
        }
        for power in 0..64 {
            for ns in [1 << power, (1 << power) | (u64::MAX >> (63 - power))] {
                let found = BOUNDS_NS.iter().position(|bound| ns <= *bound);
                assert_eq!(bucket_of(ns), found.unwrap_or(N_BUCKETS - 1), "{ns}");
            }
        }
    }

    #[test]
    fn each_duration_is_in_the_buckets_that_hold_it() {
        let (mut registry, durations) = (Registry::default(), Durations::default());
        registry.register("d", "D", durations.clone());
        let just_within = Duration::from_micros(100);
        let beyond = Duration::from_secs(60);
        let mut tally = Tally::default();
        for duration in [Duration::ZERO, just_within, beyond] {
            tally.note(nanoseconds(duration));
        }
        durations.add(&tally);
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
