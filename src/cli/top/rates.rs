//! What happened between two looks, a second.

use super::latency::Quantiles;
use super::sample::{Counted, Sample, ServerFigures};

/// What happened, as far as the source tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) appends: Flow,
    pub(super) reads: Option<Flow>,
    pub(super) append_latency: Option<Quantiles>,
    pub(super) fsync_latency: Option<Quantiles>,
    pub(super) read_latency: Option<Quantiles>,
}

/// How much goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    pub(super) records_per_s: f64,
    pub(super) bytes_per_s: Option<f64>,
}

impl Rates {
    /// `None` where counting began anew in between, so that a difference would say nothing.
    pub(super) fn between(before: &Sample, now: &Sample) -> Option<Rates> {
        let seconds = now.at.checked_duration_since(before.at)?.as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let appends = Flow::between(&before.appended, &now.appended, seconds)?;
        let (Some(earlier), Some(later)) = (&before.server, &now.server) else {
            return Some(Rates {
                appends,
                reads: None,
                append_latency: None,
                fsync_latency: None,
                read_latency: None,
            });
        };
        Rates::of_server(appends, earlier, later, seconds)
    }

    fn of_server(
        appends: Flow,
        before: &ServerFigures,
        now: &ServerFigures,
        seconds: f64,
    ) -> Option<Rates> {
        if before.started_s != now.started_s {
            return None;
        }
        Some(Rates {
            appends,
            reads: Some(Flow::between(&before.read, &now.read, seconds)?),
            append_latency: now.append_latency.quantiles_since(&before.append_latency),
            fsync_latency: now.fsync_latency.quantiles_since(&before.fsync_latency),
            read_latency: now.read_latency.quantiles_since(&before.read_latency),
        })
    }
}

impl Flow {
    fn between(before: &Counted, now: &Counted, seconds: f64) -> Option<Flow> {
        let a_second = |before: u64, now: u64| Some(now.checked_sub(before)? as f64 / seconds);
        Some(Flow {
            records_per_s: a_second(before.records, now.records)?,
            bytes_per_s: match before.bytes.zip(now.bytes) {
                Some((before, now)) => Some(a_second(before, now)?),
                None => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::view::testing::{of_directory, of_server};
    use super::*;

    const TWO_SECONDS: Duration = Duration::from_secs(2);

    #[test]
    fn a_rate_is_a_difference_a_second() {
        let before = of_server();
        let mut now = before.clone();
        now.at += TWO_SECONDS;
        now.appended = Counted { records: before.appended.records + 10, ..before.appended };
        let rates = Rates::between(&before, &now).expect("rates");
        assert_eq!(rates.appends, Flow { records_per_s: 5.0, bytes_per_s: Some(0.0) });
        assert_eq!(rates.reads, Some(Flow { records_per_s: 0.0, bytes_per_s: Some(0.0) }));
        assert_eq!(rates.append_latency, None, "nothing of that kind was seen");
    }

    #[test]
    fn a_directory_tells_nothing_of_reads() {
        let before = of_directory();
        let mut now = before.clone();
        now.at += TWO_SECONDS;
        let rates = Rates::between(&before, &now).expect("rates");
        assert_eq!((rates.reads, rates.append_latency), (None, None));
    }

    #[test]
    fn another_process_has_no_rate_yet() {
        let before = of_server();
        let mut now = before.clone();
        now.at += TWO_SECONDS;
        now.server.as_mut().expect("a server").started_s = Some(7.0);
        assert_eq!(Rates::between(&before, &now), None);
    }

    #[test]
    fn what_was_undone_or_took_no_time_has_no_rate() {
        let before = of_directory();
        assert_eq!(Rates::between(&before, &before), None);
        let mut now = before.clone();
        now.at += TWO_SECONDS;
        now.appended.records -= 1;
        assert_eq!(Rates::between(&before, &now), None);
    }
}
