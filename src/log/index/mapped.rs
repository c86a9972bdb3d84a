//! The index file of whoever holds the lock, mapped.

use std::io;
use std::sync::{Arc, OnceLock};

use super::{ENTRY_BYTES, Entry};
use crate::log::fs::{self, Access, StorageFile};
use crate::log::mmap::Mapping;
use crate::log::offset::{Position, RelativeOffset};

const WORDS_PER_ENTRY: usize = 3;

/// Entries mapped at once: 3 MiB, a multiple of both the page and the entry size.
const CHUNK_ENTRIES: u64 = 256 << 10;
const CHUNK_BYTES: u64 = CHUNK_ENTRIES * ENTRY_BYTES;

/// Space reserved for the first entries of a segment, and the most that is reserved at once.
const MIN_RESERVED_BYTES: u64 = 64 << 10;
const MAX_RESERVE_STEP_BYTES: u64 = 4 << 20;

/// An index file, mapped in chunks as they're needed.
#[derive(Debug)]
pub(in crate::log) struct MappedIndex {
    pub(super) file: Arc<dyn StorageFile>,
    access: Access,
    chunks: Box<[OnceLock<Mapping>]>,
}

impl MappedIndex {
    /// Maps room for `capacity` entries of `file`. Nothing is mapped before it's touched.
    pub(in crate::log) fn new(file: Arc<dyn StorageFile>, access: Access, capacity: u64) -> Self {
        let n_chunks = capacity.div_ceil(CHUNK_ENTRIES) as usize;
        let chunks = (0..n_chunks).map(|_| OnceLock::new()).collect();
        MappedIndex { file, access, chunks }
    }

    /// How many entries there is room for.
    pub(in crate::log) fn capacity(&self) -> u64 {
        self.chunks.len() as u64 * CHUNK_ENTRIES
    }

    pub(in crate::log) fn file(&self) -> &Arc<dyn StorageFile> {
        &self.file
    }

    /// Entry `relative`, which the caller knows to be there.
    pub(super) fn load(&self, relative: u64) -> Option<Entry> {
        let mapping = self.chunk(relative).ok()?;
        let word = word_of(relative);
        let high = u64::from(mapping.load(word + 1));
        let low = u64::from(mapping.load(word + 2));
        Some(Entry {
            relative: RelativeOffset(mapping.load(word)),
            position: Position(high << 32 | low),
        })
    }

    /// Lengthens the file from `reserved` bytes so that `n_entries` fit; answers with the new length,
    /// which is never a multiple of the entry size: that says "closed cleanly".
    pub(in crate::log) fn reserve(&self, reserved: u64, n_entries: u64) -> io::Result<u64> {
        let needed = n_entries * ENTRY_BYTES;
        if reserved >= needed && !reserved.is_multiple_of(ENTRY_BYTES) {
            return Ok(reserved);
        }
        let step = needed.clamp(MIN_RESERVED_BYTES, MAX_RESERVE_STEP_BYTES);
        let mut target = (needed + 1).next_multiple_of(step);
        if target.is_multiple_of(ENTRY_BYTES) {
            target += 4096;
        }
        fs::reserve(&*self.file, reserved, target)?;
        Ok(target)
    }

    /// Stores the entries of one batch, the first of which is `first`.
    pub(in crate::log) fn store(&self, first: u64, positions: &[u64]) -> io::Result<()> {
        for (number, &position) in positions.iter().enumerate().rev() {
            let relative = first + number as u64;
            let mapping = self.chunk(relative)?;
            let word = word_of(relative);
            mapping.store(word + 1, (position >> 32) as u32);
            mapping.store(word + 2, position as u32);
            mapping.store(word, relative as u32);
        }
        self.release_full_chunks(first, positions.len() as u64);
        Ok(())
    }

    /// Takes back the entries `from..to`, last first.
    pub(in crate::log) fn clear(&self, from: u64, to: u64) -> io::Result<()> {
        for relative in (from..to).rev() {
            let mapping = self.chunk(relative)?;
            let word = word_of(relative);
            for word in word..word + WORDS_PER_ENTRY {
                mapping.store(word, 0);
            }
        }
        Ok(())
    }

    /// A chunk that has just been filled isn't needed for appending any more; letting go of it keeps
    /// the memory of an endless append constant.
    fn release_full_chunks(&self, first: u64, n_entries: u64) {
        let (from, to) = (first / CHUNK_ENTRIES, (first + n_entries) / CHUNK_ENTRIES);
        for chunk in from..to {
            if let Some(mapping) = self.chunks.get(chunk as usize).and_then(OnceLock::get) {
                mapping.release(CHUNK_BYTES as usize / 4);
            }
        }
    }

    fn chunk(&self, relative: u64) -> io::Result<&Mapping> {
        let number = relative / CHUNK_ENTRIES;
        let chunk = self.chunks.get(number as usize).ok_or(io::ErrorKind::InvalidInput)?;
        if let Some(mapping) = chunk.get() {
            return Ok(mapping);
        }
        let mapping = self.file.map(number * CHUNK_BYTES, CHUNK_BYTES as usize, self.access)?;
        // Another thread may have been faster; then its mapping is the one.
        Ok(chunk.get_or_init(|| mapping))
    }
}

fn word_of(relative: u64) -> usize {
    (relative % CHUNK_ENTRIES) as usize * WORDS_PER_ENTRY
}
