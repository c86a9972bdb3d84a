//! What a benchmark writes, and how a run of it is timed.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::histogram::Histogram;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Size and number of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) n_records: u64,
    pub(crate) record_bytes: u64,
    pub(crate) batch: u64,
    pub(crate) threads: u64,
}

impl Workload {
    /// Bytes that don't repeat, so that a file system that compresses gains nothing.
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut random = Random::new(1);
        (0..self.record_bytes).map(|_| random.next() as u8).collect()
    }

    /// The records of one thread, by number.
    pub(crate) fn share_of(&self, thread: u64) -> Range<u64> {
        let bound = |thread: u64| {
            let bound = u128::from(self.n_records) * u128::from(thread) / u128::from(self.threads);
            bound as u64
        };
        bound(thread)..bound(thread + 1)
    }
}

/// A run, measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) n_records: u64,
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latencies: Histogram,
}

impl Measured {
    pub(crate) fn records_per_second(&self) -> f64 {
        self.n_records as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(crate) fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Asked now and then by what runs long.
#[derive(Clone, Copy)]
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Stop<'_> {
    pub(crate) fn check(self) -> anyhow::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(
                Failure::new(Exit::Interrupted, "interrupted", "stopped by a signal").into()
            );
        }
        Ok(())
    }
}

/// Times each call of `step`, which answers how many records it did; ends when that is 0.
pub(crate) fn measure(
    record_bytes: u64,
    stop: Stop<'_>,
    mut step: impl FnMut() -> anyhow::Result<u64>,
) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let started = Instant::now();
    let mut before = started;
    loop {
        let n_records = step()?;
        if n_records == 0 {
            break;
        }
        let now = Instant::now();
        measured.latencies.record(now - before);
        before = now;
        measured.n_records += n_records;
        stop.check()?;
    }
    measured.elapsed = started.elapsed();
    measured.bytes = measured.n_records * record_bytes;
    Ok(measured)
}

/// Runs `work` on each thread at once and adds up what they measured.
pub(crate) fn on_threads(
    n_threads: u64,
    work: impl Fn(u64) -> anyhow::Result<Measured> + Sync,
) -> anyhow::Result<Measured> {
    let started = Instant::now();
    let results: Vec<anyhow::Result<Measured>> = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..n_threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
            .collect()
    });
    let mut all = Measured::default();
    for measured in results {
        let measured = measured?;
        all.n_records += measured.n_records;
        all.bytes += measured.bytes;
        all.latencies.merge(&measured.latencies);
    }
    all.elapsed = started.elapsed();
    Ok(all)
}

fn panicked() -> anyhow::Error {
    Failure::new(Exit::Failed, "internal", "a thread of the benchmark panicked").into()
}

/// Xorshift: good enough to pick records by, and the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_all_records() {
        let workload = Workload { n_records: 10, record_bytes: 1, batch: 1, threads: 3 };
        let shares: Vec<_> = (0..3).map(|thread| workload.share_of(thread)).collect();
        assert_eq!(shares, [0..3, 3..6, 6..10]);
    }

    #[test]
    fn measuring_counts_and_stops_on_demand() {
        let flag = AtomicBool::new(false);
        let run = || {
            let mut left = 3;
            measure(100, Stop(&flag), || {
                left -= 1;
                Ok(if left > 0 { 2 } else { 0 })
            })
        };
        let measured = run().expect("not stopped");
        assert_eq!((measured.n_records, measured.bytes), (4, 400));
        let both = on_threads(2, |_| run()).expect("not stopped");
        assert_eq!((both.n_records, both.bytes), (8, 800));
        flag.store(true, Ordering::Relaxed);
        assert!(run().is_err());
        assert!(on_threads(2, |_| run()).is_err());
    }
}
