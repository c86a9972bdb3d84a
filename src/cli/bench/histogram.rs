//! Counts durations in a few kilobytes, however many there are: each power of two is parted in 32,
//! so what is read back is at most a thirty-second too high.

use std::time::Duration;

const PARTS_BITS: u32 = 5;
const PARTS: u64 = 1 << PARTS_BITS;
const N_BUCKETS: usize = ((64 - PARTS_BITS as usize) + 1) * PARTS as usize;

/// Durations by how often they were seen.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    n_durations: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; N_BUCKETS].into_boxed_slice(), n_durations: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket_of(nanos)] += 1;
        self.n_durations += 1;
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.n_durations += other.n_durations;
    }

    /// The duration that `share` (0 to 1) of all don't exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = (share * self.n_durations as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return Duration::from_nanos(highest_in(bucket));
            }
        }
        Duration::ZERO
    }
}

fn bucket_of(nanos: u64) -> usize {
    let magnitude = nanos.checked_ilog2().unwrap_or(0);
    let Some(shift) = magnitude.checked_sub(PARTS_BITS) else { return nanos as usize };
    let part = (nanos >> shift) - PARTS;
    (u64::from(shift + 1) * PARTS + part) as usize
}

fn highest_in(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let (shift, part) = (bucket / PARTS - 1, bucket % PARTS);
    ((PARTS + part) << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_close_from_above() {
        let mut low = Histogram::default();
        let mut high = Histogram::default();
        for micros in 1..=500 {
            low.record(Duration::from_micros(micros));
            high.record(Duration::from_micros(500 + micros));
        }
        low.merge(&high);
        for (share, micros) in [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000)] {
            let exact = Duration::from_micros(micros);
            let found = low.quantile(share);
            assert!(found >= exact && found <= exact.mul_f64(1.04), "{share}: {found:?}");
        }
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_is_put_in_it(nanos: u64) {
            let bucket = bucket_of(nanos);
            prop_assert!(bucket < N_BUCKETS);
            let highest = highest_in(bucket);
            prop_assert!(highest >= nanos);
            prop_assert!(highest - nanos <= nanos / 32);
            prop_assert_eq!(bucket_of(highest), bucket);
        }
    }
}
