//! Space behind the content of the active store, got ready before it is needed. Only an advantage:
//! where it can't be had, the writes themselves say what is wrong.
//!
//! - Blocks are reserved, which leaves the length alone: a write that need not ask for blocks is a
//!   quarter cheaper.
//! - Zeros are written where each write is synced: a sync that needn't note new blocks or a new
//!   length is up to half cheaper.

use crate::log::fs::{self, StorageFile};

/// Smaller stores aren't worth a call.
const MIN_RESERVING_BYTES: u64 = 1 << 20;

/// Reserved at once: as much again as there is, up to this.
const MAX_RESERVED_BYTES: u64 = 32 << 20;

/// A writer that syncs only now and then doesn't pay for zeros.
const SYNCS_BEFORE_ZEROS: u32 = 4;

/// Zeros written at once, for so many writes of the size at hand, within these bounds.
const WRITES_A_ZEROING: u64 = 20;
const MIN_ZEROED_BYTES: u64 = 512 << 10;
const MAX_ZEROED_BYTES: u64 = 2 << 20;

/// For larger writes the zeros, which the device gets as well, cost more than they spare.
const MAX_ZEROED_WRITE_BYTES: u64 = 128 << 10;

/// What is ready in the active store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    /// Up to where there are zeros.
    zeroed: u64,
    /// Up to where there are blocks.
    reserved: u64,
    n_syncs: u32,
}

impl Space {
    /// Nothing is ready behind `position`.
    pub(super) const fn none_behind(position: u64) -> Self {
        Space { zeroed: position, reserved: position, n_syncs: 0 }
    }

    /// Goes on in a store that has nothing behind `position`.
    pub(super) fn restart(&mut self, position: u64) {
        *self = Space { n_syncs: self.n_syncs, ..Space::none_behind(position) };
    }

    /// Whether the file, or what it takes of the disk, reaches past `position`.
    pub(super) fn reaches_past(&self, position: u64) -> bool {
        self.zeroed > position || self.reserved > position
    }

    /// Reserves blocks if a write of `n_bytes` at `position` needs some, but none behind `end`, where
    /// the segment will be full.
    pub(super) fn reserve(
        &mut self,
        store: &dyn StorageFile,
        position: u64,
        n_bytes: u64,
        end: u64,
    ) {
        let needed = position + n_bytes;
        if position < MIN_RESERVING_BYTES || needed <= self.reserved || needed > end {
            return;
        }
        let to = (needed + position.min(MAX_RESERVED_BYTES)).min(end);
        // If it fails, it isn't tried again in this segment.
        self.reserved = store.reserve_ahead(to).map_or(u64::MAX, |()| to);
    }

    /// Notes that there are zeros up to `end`.
    pub(super) fn note_zeros(&mut self, end: u64) {
        (self.zeroed, self.reserved) = (end, self.reserved.max(end));
    }

    /// Gives back what is reserved behind `position`, for others that need it. Says whether there was
    /// something.
    pub(super) fn give_back(&mut self, store: &dyn StorageFile, position: u64) -> bool {
        let is_there = self.reserved > self.zeroed && self.reserved != u64::MAX;
        self.reserved = u64::MAX;
        is_there && store.set_len(self.zeroed.max(position)).is_ok()
    }

    /// Notes that `n_just_written` bytes before `position` are about to be synced, and fills some space
    /// behind them with zeros, to be synced along with them.
    pub(super) fn prepare(&mut self, store: &dyn StorageFile, position: u64, n_just_written: u64) {
        self.n_syncs = self.n_syncs.saturating_add(1);
        let is_worthwhile = self.n_syncs > SYNCS_BEFORE_ZEROS
            && n_just_written < MAX_ZEROED_WRITE_BYTES
            && self.zeroed < position + n_just_written;
        if !is_worthwhile {
            return;
        }
        let n_bytes = n_just_written * WRITES_A_ZEROING;
        let to = position + n_bytes.clamp(MIN_ZEROED_BYTES, MAX_ZEROED_BYTES);
        if fs::write_zeros(store, position.max(self.zeroed), to).is_ok() {
            self.zeroed = to;
        } else if store.set_len(position).is_ok() {
            self.restart(position);
        }
    }
}
