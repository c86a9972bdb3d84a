//! How far ahead of the clock a client may say that its record is.
//!
//! Times never go back in a log: one record from the far future gives its time to all behind it, and
//! nothing would go by its age any more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ServerConfig;
use crate::service::{NewRecord, ServiceError};

/// The limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamps {
    max_ahead: Duration,
}

impl Timestamps {
    pub(super) const fn new(config: &ServerConfig) -> Timestamps {
        Timestamps { max_ahead: config.max_timestamp_ahead }
    }

    /// Refuses a record that is from too far in the future.
    pub(super) fn check(self, record: &NewRecord) -> Result<(), ServiceError> {
        self.check_all(std::slice::from_ref(record))
    }

    /// Refuses a batch with such a record.
    pub(super) fn check_all(self, records: &[NewRecord]) -> Result<(), ServiceError> {
        let newest = records.iter().filter_map(|record| record.timestamp_us).max();
        let Some(timestamp_us) = newest else { return Ok(()) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let latest = now.saturating_add(self.max_ahead).as_micros();
        let latest_us = u64::try_from(latest).unwrap_or(u64::MAX);
        if timestamp_us > latest_us {
            return Err(ServiceError::TimestampAhead { timestamp_us, latest_us });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(max_ahead: Duration, timestamp_us: Option<u64>) -> Result<(), ServiceError> {
        Timestamps { max_ahead }.check(&NewRecord { timestamp_us, ..NewRecord::default() })
    }

    #[test]
    fn only_what_is_too_far_ahead_is_refused() {
        let hour = Duration::from_secs(3600);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let us = |time: Duration| Some(time.as_micros() as u64);
        for timestamp_us in [None, Some(0), Some(1), us(now), us(now + hour)] {
            check(hour, timestamp_us).expect("it may");
        }
        for timestamp_us in [us(now + 2 * hour), Some(u64::MAX)] {
            let refused = check(hour, timestamp_us).expect_err("too far");
            assert!(matches!(refused, ServiceError::TimestampAhead { .. }), "{refused}");
            check(Duration::MAX, timestamp_us).expect("it may be anything");
        }
    }
}
