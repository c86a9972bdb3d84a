//! The pauses between attempts: each twice as long as the one before, partly by chance, up to a
//! deadline.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::RetryConfig;

/// The attempts at one call.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    config: RetryConfig,
    /// From the first failure on.
    started: Option<Instant>,
    pause: Duration,
}

impl Backoff {
    pub(super) fn new(config: &RetryConfig) -> Backoff {
        Backoff { config: config.clone(), started: None, pause: config.first_pause }
    }

    /// When to try again after a failure; `None` once the time is over. `asked` is the pause that the
    /// server wants.
    pub(super) fn next_attempt(&mut self, asked: Option<Duration>) -> Option<Instant> {
        let now = Instant::now();
        let spent = now - *self.started.get_or_insert(now);
        let own = with_jitter(self.pause.min(self.config.max_pause), random_share());
        let pause = own.max(asked.unwrap_or_default().min(self.config.max_pause));
        self.pause = self.pause.saturating_mul(2).min(self.config.max_pause);
        if self.config.total.is_zero() || spent.saturating_add(pause) > self.config.total {
            return None;
        }
        now.checked_add(pause)
    }

    /// It went well: the next failure is a first one.
    pub(super) fn reset(&mut self) {
        *self = Backoff::new(&self.config);
    }
}

/// At least half of the pause, and up to all of it.
fn with_jitter(pause: Duration, share: f64) -> Duration {
    pause.mul_f64(0.5 + share / 2.0)
}

/// From 0 to 1. The standard library seeds each hasher by chance, which is all that is needed here.
fn random_share() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RetryConfig {
        RetryConfig {
            total: Duration::from_secs(3600),
            first_pause: Duration::from_millis(100),
            max_pause: Duration::from_millis(300),
        }
    }

    fn pause(backoff: &mut Backoff, asked: Option<Duration>) -> Duration {
        backoff.next_attempt(asked).expect("there is time left") - Instant::now()
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut backoff = Backoff::new(&config());
        for most_ms in [100, 200, 300, 300] {
            let pause = pause(&mut backoff, None);
            let most = Duration::from_millis(most_ms);
            assert!(pause <= most && pause > most / 4, "{pause:?} of {most:?}");
        }
        backoff.reset();
        assert!(pause(&mut backoff, None) <= Duration::from_millis(100));
    }

    #[test]
    fn a_server_can_ask_for_a_longer_pause_within_limits() {
        let mut backoff = Backoff::new(&config());
        assert!(pause(&mut backoff, Some(Duration::from_millis(290))) > Duration::from_millis(200));
        let long = pause(&mut backoff, Some(Duration::from_secs(60)));
        assert!(long <= Duration::from_millis(300), "{long:?}");
    }

    #[test]
    fn the_time_for_attempts_ends() {
        let mut never = Backoff::new(&RetryConfig { total: Duration::ZERO, ..config() });
        assert!(never.next_attempt(None).is_none());
        let total = Duration::from_millis(40);
        assert!(Backoff::new(&RetryConfig { total, ..config() }).next_attempt(None).is_none());
    }

    #[test]
    fn half_of_a_pause_is_left_to_chance() {
        let second = Duration::from_secs(1);
        assert_eq!(with_jitter(second, 0.0), second / 2);
        assert_eq!(with_jitter(second, 1.0), second);
        assert_ne!(random_share(), random_share());
    }
}
