//! Removes what isn't to be kept, as it becomes too old or too much.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock::{Clock, Reading};
use super::{Kept, Retention};
use crate::log::{Log, LogError, Offset, SegmentInfo};
use crate::text::time::now_us;

/// How often [`Keeper::tick`] is to be called.
pub(in crate::service) const TICK: Duration = Duration::from_secs(1);

/// See the module's docs.
#[derive(Debug)]
pub(in crate::service) struct Keeper {
    retention: Retention,
    log: Arc<Log>,
    clock: Clock,
    /// When the newest records of sealed segments were appended. That never changes, so each is read once.
    times: BTreeMap<Offset, Option<u64>>,
    started: Instant,
    /// When the last check was, and the base of the active segment then.
    checked: Option<(Instant, Offset)>,
}

impl Keeper {
    pub(in crate::service) fn new(retention: Retention, log: Arc<Log>) -> Keeper {
        let (clock, times) = (Clock::default(), BTreeMap::new());
        Keeper { retention, log, clock, times, started: Instant::now(), checked: None }
    }

    /// Checks if it's time for that, or if the log has started a segment since.
    pub(in crate::service) fn tick(&mut self) {
        let segments = self.log.segments();
        let Some(active) = segments.last().map(|segment| segment.base_offset) else { return };
        let is_due = self
            .checked
            .is_none_or(|(at, base)| at.elapsed() >= self.retention.pause() || base != active);
        if !is_due {
            return;
        }
        self.checked = Some((Instant::now(), active));
        let reading = Reading { wall_us: now_us(), running: self.started.elapsed() };
        match self.check(&segments, reading) {
            // It is about to be closed, or refuses more than this.
            Ok(()) | Err(LogError::Closed | LogError::Damaged { .. } | LogError::Failed { .. }) => {
            }
            Err(error) => tracing::warn!(%error, "retention failed; it is tried again"),
        }
    }

    fn check(&mut self, segments: &[SegmentInfo], reading: Reading) -> Result<(), LogError> {
        let mut now_us = None;
        if self.retention.max_age.is_some() {
            self.look_up_times(segments)?;
            let newest_us = self.log.ends()?.last_timestamp_us;
            now_us = self.clock.now(reading, newest_us);
        }
        let kept: Vec<Kept> = segments
            .iter()
            .map(|segment| Kept {
                next: segment.next_offset,
                bytes: segment.store_bytes + segment.index_bytes,
                last_timestamp_us: self.times.get(&segment.base_offset).copied().flatten(),
            })
            .collect();
        let Some(cut) = self.retention.cut(&kept, now_us) else { return Ok(()) };
        let lowest = self.log.truncate_before(cut)?;
        let gone = segments.iter().take_while(|segment| segment.next_offset <= lowest);
        let (n_segments, n_bytes) = gone.fold((0_u64, 0), |(n_segments, n_bytes), segment| {
            (n_segments + 1, n_bytes + segment.store_bytes + segment.index_bytes)
        });
        let lowest = lowest.0;
        tracing::info!(
            lowest,
            segments = n_segments,
            bytes = n_bytes,
            "retention removed old segments"
        );
        Ok(())
    }

    fn look_up_times(&mut self, segments: &[SegmentInfo]) -> Result<(), LogError> {
        let Some((_active, sealed)) = segments.split_last() else { return Ok(()) };
        let lowest = segments[0].base_offset;
        self.times = self.times.split_off(&lowest);
        for segment in sealed {
            if !self.times.contains_key(&segment.base_offset) {
                let time = self.last_time(segment)?;
                self.times.insert(segment.base_offset, time);
            }
        }
        Ok(())
    }

    /// When the newest record of a segment was appended; `None` if it doesn't say, or can't be read.
    fn last_time(&self, segment: &SegmentInfo) -> Result<Option<u64>, LogError> {
        let last = segment.next_offset.0.checked_sub(1).map(Offset);
        match last.map(|last| self.log.read(last)).transpose() {
            Ok(record) => Ok(record.and_then(|record| record.timestamp_us)),
            Err(LogError::Corrupt(_) | LogError::Lost { .. } | LogError::OutOfRange { .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
