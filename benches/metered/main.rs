//! What metrics cost an append: the same appends through a `LocalLog` with and without them.
//!
//! `cargo bench --bench metered` times both by turns, since a machine isn't as fast at all times.
//! `cargo bench --bench metered -- with` (or `without`) does one of them once, for a profiler. One
//! that hides the processor's counter, as valgrind does, sees the slower clock that takes its place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proglog::log::{Log, LogConfig, SyncPolicy};
use proglog::service::{self, Batch, CommitLog, LocalLog, LocalLogConfig, NewRecord, ProgressNote};
use proglog::telemetry::Metrics;
use tokio::runtime::Builder;

const N_APPENDS: u32 = 50_000;
const N_ROUNDS: usize = 200;
const IN_FLIGHT: usize = 64;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).find(|word| !word.starts_with('-')) {
        Some("with") => println!("{:?} an append", run(true)),
        Some("without") => println!("{:?} an append", run(false)),
        _ => compare(),
    }
}

/// By turns; what counts is the median of what each pair of neighbours differs by, since all else drifts.
fn compare() {
    let mut without = Vec::with_capacity(N_ROUNDS);
    let mut shares = Vec::with_capacity(N_ROUNDS);
    for _ in 0..N_ROUNDS {
        let (bare, metered) = (run(false).as_secs_f64(), run(true).as_secs_f64());
        without.push(bare);
        shares.push(metered / bare - 1.0);
    }
    println!(
        "{:.0} ns an append without metrics; with them {:+.1} % (medians of {N_ROUNDS} pairs, half of which \
         lie between {:+.1} and {:+.1} %)",
        quantile(&mut without, 0.5) * 1e9,
        quantile(&mut shares, 0.5) * 1e2,
        quantile(&mut shares, 0.25) * 1e2,
        quantile(&mut shares, 0.75) * 1e2,
    );
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}

/// The time of one append, of many that are under way together.
fn run(is_metered: bool) -> Duration {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let metrics = Arc::new(Metrics::new());
        let observer = is_metered.then(|| service::observer(&metrics, ProgressNote::default()));
        let config = LogConfig { sync: SyncPolicy::Never, observer, ..LogConfig::default() };
        let log = Log::open(dir.path(), config).expect("a log");
        let config = LocalLogConfig::default();
        let log = if is_metered {
            LocalLog::start_metered(log, &config, &metrics)
        } else {
            LocalLog::start(log, &config)
        };
        let log = log.expect("a storage thread");
        let value = bytes::Bytes::from(vec![7; 128]);
        let started = Instant::now();
        for _ in 0..N_APPENDS as usize / IN_FLIGHT {
            let mut pending = Vec::with_capacity(IN_FLIGHT);
            for _ in 0..IN_FLIGHT {
                let batch = Batch::of(NewRecord::new(value.clone()));
                pending.push(log.submit(batch).await.expect("taken"));
            }
            for answer in pending {
                answer.await.expect("appended");
            }
        }
        let took = started.elapsed() / N_APPENDS;
        log.close().await.expect("closed");
        took
    })
}
