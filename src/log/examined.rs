//! What looking at a segment tells of it.

use std::io;
use std::sync::Arc;

use super::damage::Damage;
use super::dir::{LogDir, SegmentFiles};
use super::frame_run::FrameRun;
use super::fs::{Access, StorageFile};
use super::index::{self, ENTRY_BYTES, Index, MappedIndex, SparseIndex};
use super::offset::{Offset, Position};
use super::record::RecordRef;
use super::segment::{Extent, Segment};

/// One segment, looked at.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) files: SegmentFiles,
    pub(super) store: Option<Arc<dyn StorageFile>>,
    pub(super) index: Option<Arc<dyn StorageFile>>,
    pub(super) store_len: u64,
    pub(super) index_len: u64,
    pub(super) extent: Extent,
    pub(super) last: LastRecord,
    pub(super) state: State,
}

/// What the next append has to know of the last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LastRecord {
    pub(super) timestamp_us: u64,
    pub(super) checksummed: bool,
}

impl LastRecord {
    pub(super) fn of(record: &RecordRef<'_>) -> Self {
        LastRecord {
            timestamp_us: record.timestamp_us.unwrap_or(0),
            checksummed: record.checksum.is_some(),
        }
    }
}

/// What shape a segment is in.
#[derive(Debug)]
pub(super) enum State {
    /// As a clean close leaves it, as far as its end tells.
    Clean,
    /// Being written by someone else.
    Live,
    /// Sound up to its extent, but its files want cutting or its index rebuilding.
    Unclean {
        /// Some positions, since the index can't be relied on.
        sparse: SparseIndex,
        /// The frames whose entries are to be written anew.
        stale: FrameRun,
        /// What is behind the extent, if it's more than zeros.
        torn_tail: Option<TornTail>,
    },
    /// Something that was on the device isn't what it was.
    Damaged {
        /// Some positions, among them the first behind each damaged range that is told of.
        sparse: SparseIndex,
        /// What is damaged.
        damage: Damage,
    },
}

impl Examined {
    pub(super) fn base(&self) -> Offset {
        self.files.base
    }

    pub(super) fn next(&self) -> Offset {
        self.base().plus(self.extent.n_records)
    }

    /// How many records the index says were there when the segment was closed; 0 if it wasn't closed.
    pub(super) fn n_claimed(&self) -> io::Result<u64> {
        match &self.index {
            Some(_) if !self.index_len.is_multiple_of(ENTRY_BYTES) => Ok(0),
            // Entry 0 is all zeros, but a length of one entry says that it's there.
            Some(_) if self.index_len == ENTRY_BYTES => Ok(1),
            Some(index) => index::count_entries(&**index, 0),
            None => Ok(0),
        }
    }

    /// What is damaged inside of the segment.
    pub(super) fn damage(&self) -> Option<&Damage> {
        match &self.state {
            State::Damaged { damage, .. } => Some(damage),
            State::Clean | State::Live | State::Unclean { .. } => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.extent.n_records == 0 && !matches!(self.state, State::Damaged { .. })
    }

    /// The segment for readers.
    pub(super) fn into_segment(self, dir: &LogDir, purpose: Purpose) -> Option<Segment> {
        let (base, store) = (self.base(), self.store?);
        let n_records = self.extent.n_records;
        let index = match (self.state, self.index, purpose) {
            (State::Clean, Some(file), Purpose::Sealed) => {
                Index::Mapped(MappedIndex::new(file, Access::Read, n_records))
            }
            (State::Clean, Some(file), Purpose::Active { capacity }) => {
                let capacity = capacity.max(n_records);
                Index::Mapped(MappedIndex::new(file, Access::ReadWrite, capacity))
            }
            (State::Clean | State::Live, Some(file), _) => Index::Read(file),
            (State::Unclean { sparse, .. } | State::Damaged { sparse, .. }, file, _) => {
                Index::Sparse(sparse, file)
            }
            (State::Clean | State::Live, None, _) => Index::Sparse(SparseIndex::default(), None),
        };
        Some(Segment::new(base, store, dir.store_path(base), index, self.extent))
    }
}

/// What a segment is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading without the lock, so the index can't be mapped.
    Reading,
    /// Reading with the lock held.
    Sealed,
    /// Appending, up to so many records.
    Active { capacity: u64 },
}

/// The end of a segment that a crash left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Base offset of the segment.
    pub segment: Offset,
    /// The first offset that isn't there.
    pub offset: Offset,
    /// Where in the store the tail starts.
    pub position: Position,
    /// How long it is.
    pub bytes: u64,
}
