//! What is shown at one moment: the last sample, what happened since the one before, and how it went
//! until then.

use std::collections::VecDeque;
use std::time::Duration;

use super::rates::{Flow, Rates};
use super::sample::Sample;
use super::sampler::Taken;
use super::source::Place;
use crate::cli::failure::Failure;
use crate::text::time::now_us;

/// As many looks as the widest terminal has columns for.
const HISTORY: usize = 512;

/// All that is drawn or printed.
#[derive(Debug)]
pub(super) struct View {
    pub(super) place: Place,
    pub(super) interval: Duration,
    /// When the last look was over, in microseconds since 1970.
    pub(super) at_us: u64,
    /// The last look that showed something.
    pub(super) sample: Option<Sample>,
    pub(super) rates: Option<Rates>,
    /// Why the last one didn't.
    pub(super) trouble: Option<Failure>,
    /// Records a second, the newest last.
    pub(super) appends: VecDeque<u64>,
    pub(super) reads: VecDeque<u64>,
}

impl View {
    pub(super) fn new(place: Place, interval: Duration) -> View {
        View {
            place,
            interval,
            at_us: now_us(),
            sample: None,
            rates: None,
            trouble: None,
            appends: VecDeque::new(),
            reads: VecDeque::new(),
        }
    }

    /// Takes what came of a look.
    pub(super) fn take(&mut self, taken: Taken) {
        self.at_us = now_us();
        let had_sample = self.sample.is_some();
        match taken {
            Ok(now) => {
                let before = self.sample.as_ref();
                self.rates = before.and_then(|before| Rates::between(before, &now));
                (self.sample, self.trouble) = (Some(now), None);
            }
            Err(failure) => (self.rates, self.trouble) = (None, Some(failure)),
        }
        if had_sample {
            let rates = self.rates.as_ref();
            remember(&mut self.appends, rates.map(|rates| rates.appends));
            remember(&mut self.reads, rates.and_then(|rates| rates.reads));
        }
    }
}

fn remember(history: &mut VecDeque<u64>, flow: Option<Flow>) {
    if history.len() == HISTORY {
        history.pop_front();
    }
    history.push_back(flow.map_or(0, |flow| flow.records_per_s.round() as u64));
}

/// Samples for tests.
#[cfg(test)]
pub(super) mod testing {
    use std::time::Instant;

    use super::super::latency::{Bucket, Buckets};
    use super::super::sample::{Counted, Disk, Health, ServerFigures};
    use super::*;

    pub(in super::super) fn of_directory() -> Sample {
        Sample {
            at: Instant::now(),
            health: Health::good("open"),
            lowest: 10,
            next: 1_234_567,
            committed: None,
            n_segments: 3,
            bytes: 5 << 20,
            appended: Counted { records: 1_234_567, bytes: Some(0) },
            disk: Some(Disk { used_ratio: 0.42, free_bytes: 7 << 30, high_ratio: None }),
            server: None,
        }
    }

    pub(in super::super) fn of_server() -> Sample {
        let buckets = buckets(0);
        Sample {
            health: Health::of_server(None),
            committed: Some(1_234_567),
            disk: Some(Disk { used_ratio: 0.42, free_bytes: 7 << 30, high_ratio: Some(0.95) }),
            server: Some(ServerFigures {
                read: Counted { records: 5, bytes: Some(50) },
                append_latency: buckets.clone(),
                fsync_latency: buckets.clone(),
                read_latency: buckets,
                http_connections: 1,
                grpc_connections: 2,
                started_s: Some(1.0),
            }),
            ..of_directory()
        }
    }

    /// A second later, with 500 appends that took a millisecond at most.
    pub(in super::super) fn later(before: &Sample) -> Sample {
        let mut now = before.clone();
        now.at += Duration::from_secs(1);
        now.next += 500;
        now.appended.records += 500;
        now.appended.bytes = now.appended.bytes.map(|bytes| bytes + 1024 * 1024);
        if let Some(server) = &mut now.server {
            server.append_latency = buckets(500);
        }
        now
    }

    fn buckets(count: u64) -> Buckets {
        let bounds = [(0.001, count), (f64::INFINITY, count)];
        Buckets::new(bounds.map(|(upper_s, count)| Bucket { upper_s, count }).to_vec())
    }

    pub(in super::super) fn view_of(sample: Sample) -> View {
        let place = match sample.server {
            Some(_) => Place::Http("log.example:8080".to_owned()),
            None => Place::Directory("/var/lib/proglog".into()),
        };
        let mut view = View::new(place, Duration::from_secs(1));
        let next = later(&sample);
        view.take(Ok(sample));
        view.take(Ok(next));
        view
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{later, of_server, view_of};
    use super::*;
    use crate::cli::exit::Exit;

    fn gone() -> Failure {
        Failure::new(Exit::Failed, "unavailable", "can't reach it")
    }

    #[test]
    fn a_server_that_goes_away_and_comes_back_is_shown_as_such() {
        let mut view = view_of(of_server());
        assert!(view.rates.is_some() && view.trouble.is_none());
        view.take(Err(gone()));
        assert!(view.rates.is_none() && view.trouble.is_some());
        let last = view.sample.clone().expect("what was seen last stays");
        view.take(Ok(later(&last)));
        assert!(view.rates.is_some() && view.trouble.is_none());
        assert_eq!(view.appends, [500, 0, 500]);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut view = view_of(of_server());
        for _ in 0..2 * HISTORY {
            view.take(Err(gone()));
        }
        assert_eq!((view.appends.len(), view.reads.len()), (HISTORY, HISTORY));
    }
}
