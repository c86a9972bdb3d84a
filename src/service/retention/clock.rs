//! What time it is, as far as records may be removed for it.
//!
//! A clock that is set wrong by years would make every record too old. Nobody can tell for sure from inside
//! that it is, so retention by age trusts the clock that the server starts with, and doubts it where it can:
//! - If it goes ahead faster than time passes, retention goes on at the pace of time. So a jump removes
//!   nothing before its time as long as the server runs. A machine that slept looks the same; then records
//!   are kept longer.
//! - If it is behind the newest record, either it or the one that stamped the records is wrong, and nothing
//!   goes by age. That is what is left of a jump that was taken back, and what a machine sees whose clock
//!   starts in 1970 until it is set.
//!
//! Steps of up to an hour are nobody's mistake.

use std::time::Duration;

/// Up to this much, a difference is none.
const TOLERANCE: Duration = Duration::from_secs(3600);

/// What the clocks of the machine say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The time of day in Unix microseconds, which may be set.
    pub(super) wall_us: u64,
    /// For how long the server has been running, which may not.
    pub(super) running: Duration,
}

/// Why the time of day isn't believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It has gone ahead faster than time passes.
    Ahead,
    /// It is behind the newest record.
    Behind,
}

/// See the module's docs.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The first reading that made sense.
    trusted: Option<Reading>,
    doubt: Option<Doubt>,
}

impl Clock {
    /// The time to go by, in Unix microseconds; `None` if there is no telling.
    pub(super) fn now(&mut self, reading: Reading, newest_us: Option<u64>) -> Option<u64> {
        let (now_us, doubt) = self.judge(reading, newest_us);
        if doubt != self.doubt {
            self.doubt = doubt;
            report(doubt);
        }
        now_us
    }

    fn judge(&mut self, reading: Reading, newest_us: Option<u64>) -> (Option<u64>, Option<Doubt>) {
        let wall_us = reading.wall_us;
        if newest_us.is_some_and(|newest_us| newest_us > later(wall_us, TOLERANCE)) {
            self.trusted = None;
            return (None, Some(Doubt::Behind));
        }
        let trusted = *self.trusted.get_or_insert(reading);
        let passed = reading.running.saturating_sub(trusted.running);
        let latest_us = later(later(trusted.wall_us, passed), TOLERANCE);
        (Some(wall_us.min(latest_us)), (wall_us > latest_us).then_some(Doubt::Ahead))
    }
}

fn later(time_us: u64, by: Duration) -> u64 {
    time_us.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX))
}

fn report(doubt: Option<Doubt>) {
    match doubt {
        Some(Doubt::Ahead) => tracing::warn!(
            "the clock was set ahead, or the machine slept: retention by age goes on at the pace of time; \
             restart the server if the clock is right"
        ),
        Some(Doubt::Behind) => tracing::warn!(
            "the newest record is from the future: nothing is removed by age until the clock gets there"
        ),
        None => tracing::info!("retention by age trusts the clock again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;
    const YEAR_US: u64 = 365 * 24 * HOUR_US;

    fn at(wall_us: u64, running_us: u64) -> Reading {
        Reading { wall_us, running: Duration::from_micros(running_us) }
    }

    #[test]
    fn a_clock_that_goes_as_time_passes_is_believed() {
        let mut clock = Clock::default();
        for passed in [0, 1, HOUR_US, YEAR_US] {
            assert_eq!(
                clock.now(at(YEAR_US + passed, passed), Some(YEAR_US)),
                Some(YEAR_US + passed)
            );
        }
        assert_eq!(clock.doubt, None);
    }

    #[test]
    fn small_steps_are_followed() {
        let mut clock = Clock::default();
        clock.now(at(YEAR_US, 0), None);
        assert_eq!(clock.now(at(YEAR_US + HOUR_US, 0), None), Some(YEAR_US + HOUR_US));
        assert_eq!(clock.now(at(YEAR_US - 5, 0), Some(YEAR_US)), Some(YEAR_US - 5));
        assert_eq!(clock.doubt, None);
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_followed_at_the_pace_of_time() {
        let mut clock = Clock::default();
        clock.now(at(YEAR_US, 0), None);
        assert_eq!(clock.now(at(20 * YEAR_US, 7), Some(YEAR_US)), Some(YEAR_US + 7 + HOUR_US));
        assert_eq!(clock.doubt, Some(Doubt::Ahead));
        // Records are stamped with the wrong time meanwhile.
        let newest = Some(20 * YEAR_US);
        assert_eq!(clock.now(at(20 * YEAR_US, 8), newest), Some(YEAR_US + 8 + HOUR_US));
        // It is set right: they are from the future then.
        assert_eq!(clock.now(at(YEAR_US + 9, 9), newest), None);
        assert_eq!(clock.doubt, Some(Doubt::Behind));
    }

    #[test]
    fn a_clock_that_is_set_late_is_trusted_from_then_on() {
        let mut clock = Clock::default();
        let newest = Some(50 * YEAR_US);
        assert_eq!(clock.now(at(10, 0), newest), None);
        assert_eq!(clock.now(at(51 * YEAR_US, 5), newest), Some(51 * YEAR_US));
        assert_eq!(clock.now(at(51 * YEAR_US + 5, 10), newest), Some(51 * YEAR_US + 5));
        assert_eq!(clock.doubt, None);
    }
}
