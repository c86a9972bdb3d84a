//! Which old segments a log gives up by itself, and when. By default it keeps everything.
//!
//! - By age: a segment goes when its newest record was appended longer ago than that.
//! - By size: what stays is the newest segments that together take no more than that.
//! - Whole segments go, the oldest first, and never the active one, however old or large it is.
//!
//! This is the only place where the time of day decides over records, so [`clock`] doubts it.

mod clock;
mod keeper;

use std::time::Duration;

use crate::log::Offset;
pub(super) use keeper::{Keeper, TICK};

/// How much of a log is kept. What isn't limited is kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long records are kept.
    pub max_age: Option<Duration>,
    /// How many bytes of segments are kept.
    pub max_bytes: Option<u64>,
}

/// A segment, as far as that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    /// The first offset behind it.
    next: Offset,
    /// Bytes of its store and its index.
    bytes: u64,
    /// When its newest record was appended, in Unix microseconds. Records of the Go original don't say.
    last_timestamp_us: Option<u64>,
}

impl Retention {
    /// Whether everything is kept.
    #[must_use]
    pub const fn keeps_all(&self) -> bool {
        self.max_age.is_none() && self.max_bytes.is_none()
    }

    /// How often to look. A tenth of the age is soon enough, and a log may grow fast.
    fn pause(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_secs(1);
        const LONGEST: Duration = Duration::from_secs(60);
        const FOR_BYTES: Duration = Duration::from_secs(10);
        let for_age = self.max_age.map(|age| (age / 10).clamp(SHORTEST, LONGEST));
        let for_bytes = self.max_bytes.map(|_| FOR_BYTES);
        for_age.into_iter().chain(for_bytes).min().unwrap_or(LONGEST)
    }

    /// The offset before which the log is to be truncated, if it is. `segments` are in order, the last one
    /// active; without a time, none is too old.
    fn cut(&self, segments: &[Kept], now_us: Option<u64>) -> Option<Offset> {
        let (active, sealed) = segments.split_last()?;
        let too_old = self.max_age.zip(now_us).and_then(|(age, now_us)| {
            let age_us = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
            n_too_old(sealed, now_us.saturating_sub(age_us))
        });
        let too_many = self.max_bytes.map(|max| match max.checked_sub(active.bytes) {
            Some(rest) => n_too_many(sealed, rest),
            None => sealed.len(),
        });
        let n_gone = too_old.max(too_many).unwrap_or(0);
        n_gone.checked_sub(1).map(|last| sealed[last].next)
    }
}

/// How many go so that the newest of those that were last appended to before `oldest_us` goes. Times never go
/// back in a log, so one that doesn't tell its time is as old as one behind it.
fn n_too_old(sealed: &[Kept], oldest_us: u64) -> Option<usize> {
    let is_too_old =
        |segment: &Kept| segment.last_timestamp_us.is_some_and(|last| last < oldest_us);
    sealed.iter().rposition(is_too_old).map(|last| last + 1)
}

/// How many go so that the rest takes no more than so many bytes.
fn n_too_many(sealed: &[Kept], max_bytes: u64) -> usize {
    let mut kept_bytes = 0_u64;
    let kept = sealed.iter().rev().take_while(|segment| {
        kept_bytes = kept_bytes.saturating_add(segment.bytes);
        kept_bytes <= max_bytes
    });
    sealed.len() - kept.count()
}

#[cfg(test)]
mod tests;
