//! Points in time: RFC 3339 or relative to now on the command line, microseconds in the log.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A point in time as the user names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimePoint {
    /// Unix microseconds.
    At(u64),
    /// This long before now.
    Ago(Duration),
}

impl TimePoint {
    /// Reads RFC 3339 (`2026-11-24T01:42:59Z`), or how long ago (`-1h`, `-90s`, `-2d`, `-1h30m`).
    pub(crate) fn parse(text: &str) -> Result<TimePoint, String> {
        match text.strip_prefix('-') {
            Some(ago) => parse_duration(ago).map(TimePoint::Ago),
            None => parse_rfc3339(text).map(TimePoint::At),
        }
    }

    /// As Unix microseconds, given the present.
    pub(crate) fn to_micros(self, now_us: u64) -> u64 {
        match self {
            TimePoint::At(micros) => micros,
            TimePoint::Ago(ago) => {
                now_us.saturating_sub(u64::try_from(ago.as_micros()).unwrap_or(u64::MAX))
            }
        }
    }
}

/// The present in Unix microseconds; 0 if the clock is before 1970.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Unix microseconds of an RFC 3339 time; what is finer than a microsecond is dropped.
pub(crate) fn parse_rfc3339(text: &str) -> Result<u64, String> {
    let time: Timestamp = text.parse().map_err(|_| {
        format!(
            "`{text}` is not a time: use RFC 3339 such as 2026-11-24T01:42:59Z, or how long ago \
             such as -1h, -90s, -2d"
        )
    })?;
    u64::try_from(time.as_microsecond()).map_err(|_| format!("`{text}` is before 1970"))
}

/// RFC 3339 in UTC with all six digits of a microsecond; `None` past the year 9999.
pub(crate) fn format_rfc3339(micros: u64) -> Option<String> {
    let time = Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok()?;
    Some(format!("{time:.6}"))
}

/// For people: like [`format_rfc3339`], or the plain number where there is no such year.
pub(crate) fn display_time(micros: u64) -> String {
    format_rfc3339(micros).unwrap_or_else(|| format!("{micros} µs after 1970"))
}

/// `1s`, `100ms`, `1h30m`, `2d` (a day is 24 hours). Negative ones are refused.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let hint = || {
        format!(
            "`{text}` is not a duration: use a number and a unit, such as 100ms, 1s, 5m, 1h, 2d"
        )
    };
    let span: Span = text.parse().map_err(|_| hint())?;
    let duration: SignedDuration =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| hint())?;
    Duration::try_from(duration).map_err(|_| hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_relative() {
        assert_eq!(TimePoint::parse("1970-01-01T00:00:01.5Z"), Ok(TimePoint::At(1_500_000)));
        assert_eq!(TimePoint::parse("1970-01-01T01:00:00+01:00"), Ok(TimePoint::At(0)));
        assert_eq!(TimePoint::parse("-90s"), Ok(TimePoint::Ago(Duration::from_secs(90))));
        assert_eq!(TimePoint::parse("-2d"), Ok(TimePoint::Ago(Duration::from_secs(172_800))));
        assert_eq!(TimePoint::parse("-1h30m"), Ok(TimePoint::Ago(Duration::from_secs(5400))));
        for bad in ["", "-", "yesterday", "12", "-1", "--1h", "2026-11-24", "1969-12-31T23:59:59Z"]
        {
            assert!(TimePoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_relative_time_stops_at_1970() {
        assert_eq!(TimePoint::Ago(Duration::from_secs(2)).to_micros(5_000_000), 3_000_000);
        assert_eq!(TimePoint::Ago(Duration::from_secs(9)).to_micros(5_000_000), 0);
        assert_eq!(TimePoint::At(7).to_micros(5_000_000), 7);
    }

    #[test]
    fn times_print_all_their_microseconds_and_parse_back() {
        assert_eq!(format_rfc3339(0).as_deref(), Some("1970-01-01T00:00:00.000000Z"));
        let text = format_rfc3339(1_795_484_579_123_456).expect("a time");
        assert_eq!(text, "2026-11-24T01:42:59.123456Z");
        assert_eq!(parse_rfc3339(&text), Ok(1_795_484_579_123_456));
        assert_eq!(format_rfc3339(u64::MAX), None);
        assert_eq!(display_time(u64::MAX), "18446744073709551615 µs after 1970");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for bad in ["", "1", "s", "-1s", "1s ago", "1 parsec"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
