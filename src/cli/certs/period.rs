//! From when until when a certificate is valid.

use std::time::Duration;

use clap::builder::RangedI64ValueParser;
use jiff::Timestamp;
use rcgen::CertificateParams;

use crate::text::time::now_us;

/// Clocks differ by seconds, of virtual machines by minutes.
const LEEWAY_SECONDS: u64 = 5 * 60;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A number of days that a certificate can be valid for: up to a century.
pub(super) fn days() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_500)
}

/// Both ends in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    not_before: u64,
    not_after: u64,
}

impl Period {
    pub(super) fn from_now(days: u32) -> Period {
        let now = now_seconds();
        Period {
            not_before: now.saturating_sub(LEEWAY_SECONDS),
            not_after: now + u64::from(days) * DAY_SECONDS,
        }
    }

    /// Not beyond the end of who signs: nobody would trust it then.
    pub(super) fn until(self, not_after: u64) -> Period {
        Period { not_after: self.not_after.min(not_after), ..self }
    }

    pub(super) fn set(self, params: &mut CertificateParams) {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = epoch + Duration::from_secs(self.not_before);
        params.not_after = epoch + Duration::from_secs(self.not_after);
    }

    pub(super) fn end(self) -> String {
        display_seconds(self.not_after)
    }
}

pub(super) fn now_seconds() -> u64 {
    now_us() / 1_000_000
}

/// RFC 3339.
pub(super) fn display_seconds(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_with_who_signs() {
        let period = Period { not_before: 100, not_after: 200 };
        assert_eq!(period.until(150).not_after, 150);
        assert_eq!(period.until(250), period);
    }

    #[test]
    fn a_period_has_begun_and_lasts_for_its_days() {
        let before = now_seconds();
        let period = Period::from_now(90);
        assert!((before..before + 60).contains(&(period.not_before + 300)), "{period:?}");
        assert_eq!(period.not_after - period.not_before, 90 * 86_400 + 300);
        assert_eq!(display_seconds(978_307_200), "2001-01-01T00:00:00Z");
    }
}
