//! Latencies out of a histogram's buckets, as Prometheus reckons them: within a bucket all are taken to
//! be spread evenly.

/// How many took at most so long, from the shortest bound to the longest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets(Vec<Bucket>);

/// One bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    pub(super) upper_s: f64,
    /// Those of the shorter bounds among them.
    pub(super) count: u64,
}

/// In seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantiles {
    pub(super) p50_s: f64,
    pub(super) p99_s: f64,
}

impl Buckets {
    pub(super) fn new(mut buckets: Vec<Bucket>) -> Buckets {
        buckets.sort_by(|one, other| one.upper_s.total_cmp(&other.upper_s));
        Buckets(buckets)
    }

    /// Those of what came since `before`; `None` if nothing did, or if the two can't be compared.
    pub(super) fn quantiles_since(&self, before: &Buckets) -> Option<Quantiles> {
        let since = self.since(before)?;
        let n_all = since.last()?.count;
        if n_all == 0 {
            return None;
        }
        let quantile = |share: f64| quantile(&since, share * n_all as f64);
        Some(Quantiles { p50_s: quantile(0.5), p99_s: quantile(0.99) })
    }

    fn since(&self, before: &Buckets) -> Option<Vec<Bucket>> {
        if self.0.len() != before.0.len() {
            return None;
        }
        let both = self.0.iter().zip(&before.0);
        both.map(|(now, before)| {
            let count = now.count.checked_sub(before.count)?;
            (now.upper_s == before.upper_s).then_some(Bucket { count, ..*now })
        })
        .collect()
    }
}

/// The duration of the one at this place in the order of their lengths.
fn quantile(buckets: &[Bucket], rank: f64) -> f64 {
    let (mut lower_s, mut n_below) = (0.0, 0);
    for bucket in buckets {
        // Beyond the last bound nothing is known but that.
        if bucket.upper_s.is_infinite() {
            break;
        }
        if bucket.count as f64 >= rank {
            let n_within = bucket.count.saturating_sub(n_below).max(1) as f64;
            return lower_s + (bucket.upper_s - lower_s) * (rank - n_below as f64) / n_within;
        }
        (lower_s, n_below) = (bucket.upper_s, bucket.count);
    }
    lower_s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(counts: [u64; 4]) -> Buckets {
        let bounds = [0.001, 0.002, 0.004, f64::INFINITY];
        let bucket = |(upper_s, count)| Bucket { upper_s, count };
        Buckets::new(bounds.into_iter().zip(counts).map(bucket).collect())
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn only_what_came_since_counts() {
        let before = buckets([1000, 1000, 1000, 1000]);
        let now = buckets([1000, 1100, 1100, 1100]);
        let quantiles = now.quantiles_since(&before).expect("some came");
        assert!(near(quantiles.p50_s, 0.0015), "{quantiles:?}");
        assert!(near(quantiles.p99_s, 0.00199), "{quantiles:?}");
    }

    #[test]
    fn what_is_beyond_all_bounds_counts_as_the_last() {
        let quantiles = buckets([0, 0, 0, 5]).quantiles_since(&buckets([0; 4])).expect("some");
        assert!(near(quantiles.p50_s, 0.004) && near(quantiles.p99_s, 0.004), "{quantiles:?}");
    }

    #[test]
    fn nothing_has_no_latency() {
        let some = buckets([1, 2, 3, 4]);
        assert_eq!(some.quantiles_since(&some), None);
        assert_eq!(buckets([0; 4]).quantiles_since(&some), None, "counted anew");
        assert_eq!(some.quantiles_since(&Buckets::default()), None, "other bounds");
        assert_eq!(Buckets::default().quantiles_since(&Buckets::default()), None);
    }

    #[test]
    fn buckets_are_in_order_whatever_order_they_come_in() {
        let mut bounds = buckets([1, 2, 3, 4]).0;
        bounds.reverse();
        assert_eq!(Buckets::new(bounds), buckets([1, 2, 3, 4]));
    }
}
