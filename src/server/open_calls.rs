//! For how long a connection of gRPC has had no call open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The calls of one connection; shared by the connection and who answers them.
#[derive(Clone, Debug)]
pub(super) struct OpenCalls(Arc<State>);

#[derive(Debug)]
struct State {
    began: Instant,
    n_open: AtomicUsize,
    /// When a call ended last, in microseconds since the connection began.
    ended_us: AtomicU64,
}

/// While it lives, a call is open.
#[derive(Debug)]
pub(super) struct OpenCall(OpenCalls);

impl OpenCalls {
    pub(super) fn new() -> OpenCalls {
        let (n_open, ended_us) = (AtomicUsize::new(0), AtomicU64::new(0));
        OpenCalls(Arc::new(State { began: Instant::now(), n_open, ended_us }))
    }

    pub(super) fn begin(&self) -> OpenCall {
        self.0.n_open.fetch_add(1, Ordering::AcqRel);
        OpenCall(self.clone())
    }

    /// Waits until no call has been open for so long. Calls don't have to wake it: it looks again when that
    /// could be so at the earliest.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let idle = self.idle();
            if idle.is_some_and(|idle| idle >= limit) {
                return;
            }
            sleep(limit.saturating_sub(idle.unwrap_or_default())).await;
        }
    }

    /// `None` while a call is open.
    fn idle(&self) -> Option<Duration> {
        if self.0.n_open.load(Ordering::Acquire) > 0 {
            return None;
        }
        let ended = Duration::from_micros(self.0.ended_us.load(Ordering::Acquire));
        Some(self.0.began.elapsed().saturating_sub(ended))
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let State { began, n_open, ended_us } = &*self.0.0;
        let now_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        ended_us.fetch_max(now_us, Ordering::AcqRel);
        n_open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn only_the_time_without_a_call_counts() {
        let (calls, began) = (OpenCalls::new(), Instant::now());
        let calling = async {
            for pause in [LIMIT / 2, LIMIT - Duration::from_secs(1)] {
                sleep(pause).await;
                let (first, second) = (calls.begin(), calls.begin());
                sleep(3 * LIMIT).await;
                drop(first);
                sleep(3 * LIMIT).await;
                drop(second);
            }
            Instant::now()
        };
        let (ended, ()) = tokio::join!(calling, calls.idle_for(LIMIT));
        assert_eq!((ended + LIMIT) - began, began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_has_a_call_is_idle_from_the_start() {
        let (calls, began) = (OpenCalls::new(), Instant::now());
        calls.idle_for(LIMIT).await;
        assert_eq!(began.elapsed(), LIMIT);
    }
}
