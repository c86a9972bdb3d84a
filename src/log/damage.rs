//! The damaged ranges of a segment: the first of them in full, and how many more there are, so that
//! no bytes on a disk can ask for any amount of memory.

use std::ops::Range;

use super::error::Corruption;
use super::offset::Offset;

/// So many of a kind are told of in full, for each segment.
pub(super) const MOST_TOLD: usize = 1000;

/// Damaged ranges of one segment, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    ranges: Vec<DamagedRange>,
    /// Ranges beyond those, and what they make up.
    pub(super) untold: Untold,
}

/// Records that aren't what was written, one behind the other.
#[derive(Clone, Debug)]
pub(super) struct DamagedRange {
    /// What is wrong with the first of them.
    pub(super) first: Corruption,
    pub(super) offsets: Range<Offset>,
    /// Bytes of the store from the first one to the next sound record.
    pub(super) n_bytes: u64,
}

/// What is only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) n_ranges: u64,
    pub(super) n_records: u64,
    pub(super) n_bytes: u64,
}

impl Damage {
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a further range would only be counted.
    pub(super) fn is_full(&self) -> bool {
        self.ranges.len() >= MOST_TOLD
    }

    pub(super) fn add(&mut self, range: DamagedRange) {
        if self.is_full() {
            self.untold.n_ranges += 1;
            self.untold.n_records += range.offsets.end.since(range.offsets.start);
            self.untold.n_bytes += range.n_bytes;
        } else {
            self.ranges.push(range);
        }
    }

    /// Those that are told of in full.
    pub(super) fn ranges(&self) -> &[DamagedRange] {
        &self.ranges
    }
}
