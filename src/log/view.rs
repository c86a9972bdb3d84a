//! What readers see of a log: a snapshot of its segments and the offsets that are visible in them.
//!
//! Shared by the writer's [`Log`](super::Log), the [`LogReader`](super::LogReader) and every
//! [`Scan`]. Readers never lock: the list of segments is swapped whole, the offsets are atomic.
//!
//! Invariant: `next` is raised after the segments that hold the records are in the list, and
//! `lowest` before any leaves it; so whoever loads `next` first and the list second finds every
//! offset in between, or learns that it has been truncated. Undoing the newest records lowers `next`;
//! whoever meets something odd then looks whether that has happened (`n_cuts`) before believing it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;

use super::error::{CorruptReason, Corruption, LogError};
use super::index::ENTRY_BYTES;
use super::offset::{Offset, Position};
use super::record::{Record, TYPE_LOST};
use super::scan::Scan;
use super::segment::Segment;
use super::sync::AtomicU64;

/// One segment, as shown to callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// The first offset behind it.
    pub next_offset: Offset,
    /// Bytes of frames in its store.
    pub store_bytes: u64,
    /// Bytes of entries in its index.
    pub index_bytes: u64,
}

/// Segments in order, the last one maybe growing.
pub(super) type SegmentList = Vec<Arc<Segment>>;

/// See the module's docs.
#[derive(Debug)]
pub(super) struct View {
    dir: PathBuf,
    segments: ArcSwap<SegmentList>,
    lowest: AtomicU64,
    next: AtomicU64,
    /// How often records have been undone; what was looked at before may be gone since.
    n_cuts: AtomicU64,
}

impl View {
    pub(super) fn new(dir: &Path, segments: SegmentList, lowest: Offset, next: Offset) -> Self {
        View {
            dir: dir.to_path_buf(),
            segments: ArcSwap::from_pointee(segments),
            lowest: AtomicU64::new(lowest.0),
            next: AtomicU64::new(next.0),
            n_cuts: AtomicU64::new(0),
        }
    }

    pub(super) fn lowest(&self) -> Offset {
        Offset(self.lowest.load(Ordering::Acquire))
    }

    pub(super) fn next(&self) -> Offset {
        Offset(self.next.load(Ordering::Acquire))
    }

    pub(super) fn segments(&self) -> Arc<SegmentList> {
        self.segments.load_full()
    }

    pub(super) fn set_segments(&self, segments: SegmentList) {
        self.segments.store(Arc::new(segments));
    }

    pub(super) fn set_lowest(&self, lowest: Offset) {
        self.lowest.store(lowest.0, Ordering::Release);
    }

    pub(super) fn set_next(&self, next: Offset) {
        self.next.store(next.0, Ordering::Release);
    }

    pub(super) fn n_cuts(&self) -> u64 {
        self.n_cuts.load(Ordering::Acquire)
    }

    /// Lowers the next offset, and lets everyone who is reading look anew.
    pub(super) fn cut(&self, next: Offset) {
        self.set_next(next);
        self.n_cuts.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn offsets(&self) -> Range<Offset> {
        self.lowest()..self.next()
    }

    pub(super) fn read(&self, offset: Offset) -> Result<Record, LogError> {
        let record = self.read_marked(offset)?;
        if record.record_type == TYPE_LOST {
            return Err(LogError::Lost { offset });
        }
        Ok(record)
    }

    /// Like `read`, but a mark that stands for a lost record is a record.
    fn read_marked(&self, offset: Offset) -> Result<Record, LogError> {
        loop {
            let n_cuts = self.n_cuts();
            let result = self.read_once(offset);
            if !matches!(result, Err(LogError::Corrupt(_))) || n_cuts == self.n_cuts() {
                return result;
            }
        }
    }

    fn read_once(&self, offset: Offset) -> Result<Record, LogError> {
        let next = self.next();
        if offset >= next || offset < self.lowest() {
            return Err(self.out_of_range(offset));
        }
        let segments = self.segments.load();
        match find(&segments, offset) {
            Some(segment) => segment.read(offset),
            None => Err(self.missing(&segments, offset)),
        }
    }

    /// Scans from `from` on, which may be the next offset but not one above it.
    pub(super) fn scan(self: &Arc<Self>, from: Offset) -> Result<Scan, LogError> {
        if from > self.next() || from < self.lowest() {
            return Err(self.out_of_range(from));
        }
        Ok(Scan::new(Arc::clone(self), from))
    }

    pub(super) fn out_of_range(&self, offset: Offset) -> LogError {
        LogError::OutOfRange { offset, lowest: self.lowest(), next: self.next() }
    }

    /// The error for an offset that no segment holds: damage, unless it has just been truncated.
    pub(super) fn missing(&self, segments: &[Arc<Segment>], offset: Offset) -> LogError {
        if !self.offsets().contains(&offset) {
            return self.out_of_range(offset);
        }
        let n_before = segments.partition_point(|segment| segment.floor <= offset);
        let before = n_before.checked_sub(1).and_then(|last| segments.get(last));
        let next = segments.get(n_before).map_or(self.next(), |behind| behind.floor);
        LogError::Corrupt(Corruption {
            segment: before.map_or(self.lowest(), |segment| segment.base),
            offset,
            position: Position(before.map_or(0, |segment| segment.extent().end)),
            reason: CorruptReason::Missing { next },
            path: before.map_or_else(|| self.dir.clone(), |segment| segment.store_path.clone()),
        })
    }

    pub(super) fn infos(&self) -> Vec<SegmentInfo> {
        let info = |segment: &Arc<Segment>| {
            let extent = segment.extent();
            SegmentInfo {
                base_offset: segment.base,
                next_offset: segment.base.plus(extent.n_records),
                store_bytes: extent.end,
                index_bytes: extent.n_records * ENTRY_BYTES,
            }
        };
        self.segments.load().iter().map(info).collect()
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.infos().iter().map(|info| info.store_bytes + info.index_bytes).sum()
    }

    /// The first offset whose timestamp is at or after `timestamp_us`, by bisection: timestamps never
    /// go back. A record without one counts as older than any time. One that can't be read is passed
    /// over in favour of the next that can, and then counts as not older than asked for.
    pub(super) fn offset_at_time(self: &Arc<Self>, timestamp_us: u64) -> Result<Offset, LogError> {
        let Range { start: Offset(mut low), end: Offset(mut high) } = self.offsets();
        while low < high {
            let middle = low + (high - low) / 2;
            match self.readable_time(Offset(middle), Offset(high))? {
                Some((Offset(read), time)) if time.is_none_or(|time| time < timestamp_us) => {
                    low = read + 1;
                }
                _ => high = middle,
            }
        }
        Ok(Offset(low))
    }

    /// The first record from `from` on and below `to` that can be read, and its time.
    fn readable_time(
        self: &Arc<Self>,
        from: Offset,
        to: Offset,
    ) -> Result<Option<(Offset, Option<u64>)>, LogError> {
        match self.read_marked(from) {
            Ok(record) => return Ok(Some((from, record.timestamp_us))),
            Err(LogError::Corrupt(_)) => {}
            Err(error) => return Err(error),
        }
        let mut scan = self.scan(from)?;
        while scan.position() < to {
            match scan.next_record() {
                Some(Ok(record)) if record.offset < to => {
                    return Ok(Some((record.offset, record.timestamp_us)));
                }
                Some(Ok(_)) | None => break,
                Some(Err(LogError::Corrupt(_))) => {
                    scan.skip_corrupt()?;
                }
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// The segment that holds `offset`, if one does.
pub(super) fn find(segments: &[Arc<Segment>], offset: Offset) -> Option<&Arc<Segment>> {
    let n_from = segments.partition_point(|segment| segment.floor <= offset);
    let segment = segments.get(n_from.checked_sub(1)?)?;
    (offset < segment.next()).then_some(segment)
}
