//! From what `--offset` says to where reading starts and ends in this log.

use super::offset_spec::OffsetSpec;
use super::time::TimePoint;
use crate::log::{LogError, LogReader, Offset};

/// What of a log matters to the answer.
pub(crate) trait Extent {
    fn lowest(&self) -> Offset;
    fn next(&self) -> Offset;
    /// First offset at or after this time.
    fn at_time(&self, timestamp_us: u64) -> Result<Offset, LogError>;
}

impl Extent for LogReader {
    fn lowest(&self) -> Offset {
        self.lowest_offset()
    }

    fn next(&self) -> Offset {
        self.next_offset()
    }

    fn at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        self.offset_at_time(timestamp_us)
    }
}

/// Where to start, and the first offset that isn't wanted any more, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadRange {
    pub(crate) from: Offset,
    pub(crate) to: Option<Offset>,
}

/// An offset that is named has to be in the log; `follow` allows the next one, too. Other ways to
/// name a place fit any log. Relative times are relative to `now_us`.
pub(crate) fn resolve(
    spec: OffsetSpec,
    log: &impl Extent,
    follow: bool,
    now_us: u64,
) -> Result<ReadRange, LogError> {
    let (lowest, next) = (log.lowest(), log.next());
    let within = |offset: u64| {
        let offset = Offset(offset);
        let may_start = offset < next || (follow && offset == next);
        if offset >= lowest && may_start {
            Ok(offset)
        } else {
            Err(LogError::OutOfRange { offset, lowest, next })
        }
    };
    let range = |from, to| ReadRange { from, to };
    Ok(match spec {
        OffsetSpec::Start => range(lowest, None),
        OffsetSpec::End => range(next, None),
        OffsetSpec::From(offset) => range(within(offset)?, None),
        OffsetSpec::Newest(n_records) => {
            range(Offset(next.0.saturating_sub(n_records)).max(lowest), None)
        }
        OffsetSpec::Range { from, to } => range(from.map_or(Ok(lowest), within)?, to.map(Offset)),
        OffsetSpec::Times { from, to } => {
            let at = |time: TimePoint| log.at_time(time.to_micros(now_us));
            range(from.map_or(Ok(lowest), at)?, to.map(at).transpose()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::Tens;

    fn found(text: &str, follow: bool) -> Option<(u64, Option<u64>)> {
        let spec = OffsetSpec::parse(text).expect(text);
        match resolve(spec, &Tens { us_apart: 1 }, follow, u64::MAX) {
            Ok(range) => Some((range.from.0, range.to.map(|to| to.0))),
            Err(LogError::OutOfRange { lowest: Offset(10), next: Offset(20), .. }) => None,
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn places_in_the_log() {
        for (text, expected) in [
            ("start", (10, None)),
            ("end", (20, None)),
            ("10", (10, None)),
            ("19", (19, None)),
            ("-3", (17, None)),
            ("-0", (20, None)),
            ("-999", (10, None)),
            ("12:15", (12, Some(15))),
            ("12:99", (12, Some(99))),
            ("12:12", (12, Some(12))),
            (":15", (10, Some(15))),
            (":5", (10, Some(5))),
            ("@1970-01-01T00:00:00.000012Z", (12, None)),
            ("@-1h", (20, None)),
            ("@1970-01-01T00:00:00Z:1970-01-01T00:00:00.000013Z", (10, Some(13))),
        ] {
            assert_eq!(found(text, false), Some(expected), "{text}");
            assert_eq!(found(text, true), Some(expected), "{text} followed");
        }
    }

    #[test]
    fn an_offset_that_is_not_there_is_refused() {
        for text in ["9", "20", "21", "9:15", "20:25", "20:"] {
            assert_eq!(found(text, false), None, "{text}");
        }
        assert_eq!(found("20", true), Some((20, None)));
        assert_eq!(found("20:25", true), Some((20, Some(25))));
        assert_eq!(found("21", true), None);
        assert_eq!(found("9", true), None);
    }
}
