//! An index in memory, of a segment whose file can't be relied on.

use super::Entry;

/// Some positions of a store, in memory.
#[derive(Clone, Debug, Default)]
pub(in crate::log) struct SparseIndex {
    entries: Vec<Entry>,
    /// Position from which on the next frame is noted.
    next_at: u64,
}

impl SparseIndex {
    /// Bytes of store between two entries: 16,384 of them for a segment of 1 GiB.
    const SPACING_BYTES: u64 = 64 << 10;

    /// Is told of every frame in order and keeps some.
    pub(in crate::log) fn note(&mut self, entry: Entry) {
        if entry.position.0 >= self.next_at {
            self.keep(entry);
        }
    }

    /// Keeps a frame that has to be found, such as the first behind damage.
    pub(in crate::log) fn keep(&mut self, entry: Entry) {
        self.next_at = entry.position.0 + Self::SPACING_BYTES;
        self.entries.push(entry);
    }

    pub(super) fn floor(&self, relative: u64) -> Option<Entry> {
        let n_before =
            self.entries.partition_point(|entry| u64::from(entry.relative.0) <= relative);
        n_before.checked_sub(1).map(|last| self.entries[last])
    }
}
