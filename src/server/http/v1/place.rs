//! From what `offset` says to where reading starts and ends, by asking the log.

use crate::log::LogError;
use crate::service::{CommitLog, LogInfo, Offset, ServiceError};
use crate::text::offset_spec::OffsetSpec;
use crate::text::read_range::{Extent, ReadRange, resolve};
use crate::text::time::now_us;

/// Where a reader starts and ends. The next offset is a place, too: that of who waits for more, or
/// has paged to the end.
pub(super) async fn find<L: CommitLog>(
    log: &L,
    spec: OffsetSpec,
) -> Result<ReadRange, ServiceError> {
    let now_us = now_us();
    let mut times = Vec::new();
    for time in spec.times(now_us) {
        times.push((time, log.offset_at_time(time).await?));
    }
    let LogInfo { lowest, next, .. } = log.info();
    let seen = Seen { lowest, next, times };
    Ok(resolve(spec, &seen, true, now_us)?)
}

/// A log at one moment, with the times that matter.
struct Seen {
    lowest: Offset,
    next: Offset,
    times: Vec<(u64, Offset)>,
}

impl Extent for Seen {
    fn lowest(&self) -> Offset {
        self.lowest
    }

    fn next(&self) -> Offset {
        self.next
    }

    fn at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        let found = self.times.iter().find(|(time, _)| *time == timestamp_us);
        // All times of the question were looked up.
        Ok(found.map_or(self.next, |(_, offset)| *offset))
    }
}
