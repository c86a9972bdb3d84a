//! What `--offset` takes: one offset, a range, the newest few, or times.

use super::time::TimePoint;

/// Which records are meant, before a log has been looked at. Upper bounds are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetSpec {
    /// `start`: the first record still kept.
    Start,
    /// `end`: behind the newest record.
    End,
    /// `N`: from there on.
    From(u64),
    /// `-N`: the newest N.
    Newest(u64),
    /// `A:B`, `A:`, `:B`.
    Range { from: Option<u64>, to: Option<u64> },
    /// `@TIME`, `@T1:T2`, `@T1:`, `:@T2`.
    Times { from: Option<TimePoint>, to: Option<TimePoint> },
}

/// One end of a range, as written.
enum Bound {
    Open,
    Offset(u64),
    Time(TimePoint),
}

impl OffsetSpec {
    /// Reads the value of `--offset`.
    pub(crate) fn parse(text: &str) -> Result<OffsetSpec, String> {
        match text {
            "start" => return Ok(OffsetSpec::Start),
            "end" => return Ok(OffsetSpec::End),
            _ => {}
        }
        if let Some(time) = text.strip_prefix('@').and_then(|time| TimePoint::parse(time).ok()) {
            return Ok(OffsetSpec::Times { from: Some(time), to: None });
        }
        if let Some(newest) = text.strip_prefix('-') {
            return parse_offset(newest).map(OffsetSpec::Newest).ok_or_else(|| unknown(text));
        }
        match parse_offset(text) {
            Some(offset) => Ok(OffsetSpec::From(offset)),
            None => parse_range(text),
        }
    }

    /// The times that have to be looked up in the log before the places are known, in Unix microseconds.
    pub(crate) fn times(self, now_us: u64) -> Vec<u64> {
        let OffsetSpec::Times { from, to } = self else { return Vec::new() };
        [from, to].into_iter().flatten().map(|time| time.to_micros(now_us)).collect()
    }
}

/// RFC 3339 has colons of its own, so each colon is tried as the one that parts the two ends.
fn parse_range(text: &str) -> Result<OffsetSpec, String> {
    let of_times = text.contains('@');
    for (colon, _) in text.match_indices(':') {
        let from = parse_bound(&text[..colon], false);
        let to = parse_bound(&text[colon + 1..], of_times);
        if let (Some(from), Some(to)) = (from, to) {
            return join(text, from, to);
        }
    }
    // About a lone time its own message says more than the general one.
    match text.strip_prefix('@').filter(|time| !time.contains(':')) {
        Some(time) => TimePoint::parse(time).and(Err(unknown(text))),
        None => Err(unknown(text)),
    }
}

/// `bare_time` allows the second time of `@T1:T2` to go without its `@`.
fn parse_bound(text: &str, bare_time: bool) -> Option<Bound> {
    if text.is_empty() {
        return Some(Bound::Open);
    }
    if let Some(time) = text.strip_prefix('@') {
        return TimePoint::parse(time).ok().map(Bound::Time);
    }
    if bare_time {
        return TimePoint::parse(text).ok().map(Bound::Time);
    }
    parse_offset(text).map(Bound::Offset)
}

fn join(text: &str, from: Bound, to: Bound) -> Result<OffsetSpec, String> {
    let ends_before_start =
        || Err(format!("the range {text} ends before it starts: the end is the second number"));
    match (from, to) {
        (Bound::Offset(from), Bound::Offset(to)) if to < from => ends_before_start(),
        (Bound::Time(from), Bound::Time(to)) if is_before(to, from) => ends_before_start(),
        (Bound::Offset(from), Bound::Offset(to)) => {
            Ok(OffsetSpec::Range { from: Some(from), to: Some(to) })
        }
        (Bound::Offset(from), Bound::Open) => Ok(OffsetSpec::Range { from: Some(from), to: None }),
        (Bound::Open, Bound::Offset(to)) => Ok(OffsetSpec::Range { from: None, to: Some(to) }),
        (Bound::Time(from), Bound::Time(to)) => {
            Ok(OffsetSpec::Times { from: Some(from), to: Some(to) })
        }
        (Bound::Time(from), Bound::Open) => Ok(OffsetSpec::Times { from: Some(from), to: None }),
        (Bound::Open, Bound::Time(to)) => Ok(OffsetSpec::Times { from: None, to: Some(to) }),
        (Bound::Open, Bound::Open) => Err("the range has no end at all: use `start`".into()),
        (Bound::Offset(_), Bound::Time(_)) | (Bound::Time(_), Bound::Offset(_)) => {
            Err(format!("the range {text} mixes an offset and a time"))
        }
    }
}

/// Whether one time is before another whenever the command is run.
fn is_before(time: TimePoint, other: TimePoint) -> bool {
    match (time, other) {
        (TimePoint::At(time), TimePoint::At(other)) => time < other,
        (TimePoint::Ago(time), TimePoint::Ago(other)) => time > other,
        _ => false,
    }
}

/// Digits only: no sign, no blanks.
fn parse_offset(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is none of start, end, N, -N (the newest N), A:B (B not included), A:, :B, \
         @TIME, @TIME:TIME"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn range(from: Option<u64>, to: Option<u64>) -> OffsetSpec {
        OffsetSpec::Range { from, to }
    }

    fn ago(seconds: u64) -> TimePoint {
        TimePoint::Ago(Duration::from_secs(seconds))
    }

    #[test]
    fn offsets_and_ranges() {
        for (text, spec) in [
            ("start", OffsetSpec::Start),
            ("end", OffsetSpec::End),
            ("0", OffsetSpec::From(0)),
            ("18446744073709551615", OffsetSpec::From(u64::MAX)),
            ("-5", OffsetSpec::Newest(5)),
            ("10:20", range(Some(10), Some(20))),
            ("5:5", range(Some(5), Some(5))),
            ("10:", range(Some(10), None)),
            (":20", range(None, Some(20))),
        ] {
            assert_eq!(OffsetSpec::parse(text), Ok(spec), "{text}");
        }
    }

    #[test]
    fn times_are_found_among_their_own_colons() {
        let (first, second) = ("2026-11-24T01:42:59Z", "2026-11-24T02:00:00+01:00");
        let at = |text| TimePoint::parse(text).ok();
        let times = |from, to| Ok(OffsetSpec::Times { from, to });
        for text in [format!("@{second}:{first}"), format!("@{second}:@{first}")] {
            assert_eq!(OffsetSpec::parse(&text), times(at(second), at(first)), "{text}");
        }
        assert_eq!(OffsetSpec::parse(&format!("@{first}")), times(at(first), None));
        assert_eq!(OffsetSpec::parse(&format!("@{first}:")), times(at(first), None));
        assert_eq!(OffsetSpec::parse(&format!(":@{first}")), times(None, at(first)));
        assert_eq!(OffsetSpec::parse(&format!("@{first}:-1h")), times(at(first), Some(ago(3600))));
        assert_eq!(OffsetSpec::parse("@-1h"), times(Some(ago(3600)), None));
        assert_eq!(OffsetSpec::parse("@-1h:-90s"), times(Some(ago(3600)), Some(ago(90))));
        assert_eq!(OffsetSpec::parse("@-1h:@-90s"), times(Some(ago(3600)), Some(ago(90))));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_said() {
        for (text, said) in [
            ("5:2", "ends before it starts"),
            ("@-90s:-1h", "ends before it starts"),
            ("@2026-11-24T01:42:59Z:2026-11-24T01:42:58Z", "ends before it starts"),
            (":", "no end"),
            ("", "none of start"),
            ("+5", "none of start"),
            ("-", "none of start"),
            ("-1h", "none of start"),
            ("1:2:3", "none of start"),
            ("18446744073709551616", "none of start"),
            ("@noon", "is not a time"),
            ("@", "is not a time"),
            ("5:@-1h", "mixes"),
            ("@-1h:5", "none of start"),
        ] {
            let message = OffsetSpec::parse(text).expect_err(text);
            assert!(message.contains(said), "{text}: {message}");
        }
    }
}
