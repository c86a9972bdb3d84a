//! A store and its index, from a base offset: what readers see of one segment.
//!
//! Invariants
//! - Readers see records `base..base + n_records`, whose frames end at `end`; the writer raises both
//!   only once the records have the durability of the log's policy.
//! - A record is found by its index entry or, if that doesn't lead to it, by walking the store from
//!   the nearest entry that holds: the store decides.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::error::{CorruptReason, Corruption, LogError};
use super::frame_reader::{FrameError, FrameReader};
use super::fs::{StorageFile, read_full};
use super::index::Index;
use super::offset::{Offset, Position, RelativeOffset};
use super::plant::{Plant, is_planted};
use super::record::{Record, RecordRef};
use super::sync::AtomicU64;
use super::walker::{Found, Walker};

/// Frames up to this length are read in one call on the word of the index.
const MAX_DIRECT_BYTES: u64 = 1 << 20;

thread_local! {
    /// A read takes the frame into this buffer, so that only what is returned is allocated.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One segment, to be read.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) base: Offset,
    /// The first offset that is read from here; above the base only if an earlier segment has the
    /// same offsets, which is damage.
    pub(super) floor: Offset,
    pub(super) store: Arc<dyn StorageFile>,
    pub(super) store_path: PathBuf,
    pub(super) index: Index,
    n_records: AtomicU64,
    end: AtomicU64,
}

impl Segment {
    pub(super) fn new(
        base: Offset,
        store: Arc<dyn StorageFile>,
        store_path: PathBuf,
        index: Index,
        visible: Extent,
    ) -> Self {
        Segment {
            base,
            floor: base,
            store,
            store_path,
            index,
            n_records: AtomicU64::new(visible.n_records),
            end: AtomicU64::new(visible.end),
        }
    }

    /// The first offset behind the segment.
    pub(super) fn next(&self) -> Offset {
        self.base.plus(self.n_records.load(Ordering::Acquire))
    }

    pub(super) fn extent(&self) -> Extent {
        // The count first: `end` is raised before it, so it covers at least so many records.
        let n_records = self.n_records.load(Ordering::Acquire);
        Extent { n_records, end: self.end.load(Ordering::Acquire) }
    }

    /// Makes more, or after a truncation fewer, records visible.
    pub(super) fn publish(&self, visible: Extent) {
        self.end.store(visible.end, Ordering::Release);
        self.n_records.store(visible.n_records, Ordering::Release);
    }

    /// Reads one record, which the caller knows to be in the visible extent.
    pub(super) fn read(&self, offset: Offset) -> Result<Record, LogError> {
        if let Some(record) = self.read_directly(offset)? {
            return Ok(record);
        }
        let mut walker = self.walker_at(offset)?;
        let position = Position(walker.position());
        match walker.next(self.extent().end) {
            Ok(record) => Ok(record.to_record()),
            Err(error) => Err(self.explain(error, offset, position)),
        }
    }

    /// One look into the index and one read; `None` if they don't lead to the record.
    fn read_directly(&self, offset: Offset) -> Result<Option<Record>, LogError> {
        let extent = self.extent();
        let relative = offset.since(self.base);
        let Some(position) = self.index.exact(relative) else { return Ok(None) };
        let frame_end = if relative + 1 < extent.n_records {
            self.index.exact(relative + 1).map_or(0, |position| position.0)
        } else {
            extent.end
        };
        let n_bytes = frame_end.saturating_sub(position.0);
        if n_bytes == 0 || n_bytes > MAX_DIRECT_BYTES || frame_end > extent.end {
            return Ok(None);
        }
        SCRATCH.with_borrow_mut(|buffer| {
            buffer.resize(buffer.len().max(n_bytes as usize), 0);
            let frame = &mut buffer[..n_bytes as usize];
            let n_read = read_full(&*self.store, frame, position.0)
                .map_err(|error| LogError::io("read", &self.store_path, error))?;
            let whole = n_read == frame.len() && super::frame::has_length(frame, n_bytes);
            Ok(super::frame::decode(frame)
                .ok()
                .filter(|record| {
                    whole && record.offset == offset && record.checksum.is_some()
                        || is_planted(Plant::Index)
                })
                .map(|record| record.to_record()))
        })
    }

    /// A walker that stands where the record `offset` is, or is missing.
    pub(super) fn walker_at(&self, offset: Offset) -> Result<Walker, LogError> {
        let extent = self.extent();
        let mut walker = self.nearest(offset, extent)?;
        while walker.expected() < offset {
            match walker.next(extent.end) {
                Ok(_) => {}
                Err(FrameError::Io(error)) => return Err(self.io(error)),
                Err(FrameError::Corrupt(_)) => {
                    let limit = self.base.plus(extent.n_records);
                    let resynced = walker.resync(&self.index, limit, extent.end);
                    if !resynced.map_err(|error| self.io(error))? || walker.expected() > offset {
                        // The record itself is among the damaged ones.
                        let position = Position(walker.position());
                        return Ok(self.walker(Found { offset, position }));
                    }
                }
            }
        }
        Ok(walker)
    }

    /// A walker at the nearest record at or before `offset` that is where the index says.
    fn nearest(&self, offset: Offset, extent: Extent) -> Result<Walker, LogError> {
        let relative = offset.since(self.base);
        let mut reader = FrameReader::new(Arc::clone(&self.store), 0);
        let mut back = 0;
        while back <= relative {
            let candidate = relative - back;
            for found in self.hints(candidate).into_iter().flatten() {
                match reader.record(found.position.0, extent.end, found.offset) {
                    Ok(_) => return Ok(self.walker(found)),
                    Err(FrameError::Corrupt(_)) => {}
                    Err(FrameError::Io(error)) => return Err(self.io(error)),
                }
            }
            // Further and further back, but never past the first record.
            back = if back == relative { relative + 1 } else { (2 * back + 1).min(relative) };
        }
        Ok(self.walker(Found { offset: self.base, position: Position(0) }))
    }

    /// Where the index says that record `relative`, or one before it, starts.
    fn hints(&self, relative: u64) -> [Option<Found>; 2] {
        let exact = self.index.exact_by_reading(relative);
        let exact = exact.map(|position| Found { offset: self.base.plus(relative), position });
        let checkpoint = self.index.checkpoint(relative).map(|entry| {
            let RelativeOffset(relative) = entry.relative;
            Found { offset: self.base.plus(u64::from(relative)), position: entry.position }
        });
        [exact, checkpoint]
    }

    pub(super) fn walker(&self, at: Found) -> Walker {
        Walker::new(Arc::clone(&self.store), self.base, at)
    }

    pub(super) fn explain(
        &self,
        error: FrameError,
        offset: Offset,
        position: Position,
    ) -> LogError {
        match error {
            FrameError::Io(error) => self.io(error),
            FrameError::Corrupt(reason) => LogError::Corrupt(Corruption {
                segment: self.base,
                offset,
                position,
                reason,
                path: self.store_path.clone(),
            }),
        }
    }

    pub(super) fn io(&self, error: io::Error) -> LogError {
        LogError::io("read", &self.store_path, error)
    }
}

/// How much of a segment is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) n_records: u64,
    /// Where the last frame ends.
    pub(super) end: u64,
}

/// A record at a known place, checked; used where a segment isn't open yet.
pub(super) fn read_frame_at<T>(
    store: &Arc<dyn StorageFile>,
    at: Found,
    end: u64,
    then: impl FnOnce(&RecordRef<'_>) -> T,
) -> Result<T, FrameError> {
    let mut reader = FrameReader::new(Arc::clone(store), 0);
    reader.record(at.position.0, end, at.offset).map(|record| then(&record))
}

/// Names the damage of a segment that isn't open yet.
pub(super) fn corruption(
    base: Offset,
    at: Found,
    reason: CorruptReason,
    path: &Path,
) -> Corruption {
    Corruption {
        segment: base,
        offset: at.offset,
        position: at.position,
        reason,
        path: path.to_path_buf(),
    }
}
