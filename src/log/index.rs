//! Index of one segment: finds where in the store a record starts.
//!
//! Bytes: fixed-width entries in offset order, no header. See `docs/format.md`, "Index".
//!
//! Invariants
//! - Entry `n` belongs to record `base_offset + n`.
//! - An entry is a hint: whoever follows it checks the frame it leads to, so a damaged index can
//!   cost time but never a record.
//! - An entry is stored relative offset last, and the entries of a batch last entry first, so a
//!   reader that counts entries from the start sees all of a batch or none of it.

use std::io;
use std::sync::{Arc, OnceLock};

use super::frame::MIN_FRAME_BYTES;
use super::fs::{self, Access, StorageFile, read_full};
use super::mmap::Mapping;
use super::offset::{Position, RelativeOffset};
use super::plant::{Plant, is_planted};

/// Bytes of an entry: relative offset (4) and position (8), both big-endian.
pub(super) const ENTRY_BYTES: u64 = 12;

const WORDS_PER_ENTRY: usize = 3;

/// Entries mapped at once: 3 MiB, a multiple of both the page and the entry size.
const CHUNK_ENTRIES: u64 = 256 << 10;
const CHUNK_BYTES: u64 = CHUNK_ENTRIES * ENTRY_BYTES;

/// Space reserved for the first entries of a segment, and the most that is reserved at once.
const MIN_RESERVED_BYTES: u64 = 64 << 10;
const MAX_RESERVE_STEP_BYTES: u64 = 4 << 20;

/// One row: where the record with that relative offset starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) relative: RelativeOffset,
    pub(super) position: Position,
}

impl Entry {
    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES as usize] {
        let mut bytes = [0; ENTRY_BYTES as usize];
        bytes[..4].copy_from_slice(&self.relative.0.to_be_bytes());
        bytes[4..].copy_from_slice(&self.position.0.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; ENTRY_BYTES as usize]) -> Entry {
        let [r0, r1, r2, r3, position @ ..] = bytes;
        Entry {
            relative: RelativeOffset(u32::from_be_bytes([r0, r1, r2, r3])),
            position: Position(u64::from_be_bytes(position)),
        }
    }
}

/// How a segment's positions are known.
#[derive(Debug)]
pub(super) enum Index {
    /// The file, mapped: for the holder of the lock.
    Mapped(MappedIndex),
    /// The file, read: for readers beside a writer, who may cut it at any time.
    Read(Arc<dyn StorageFile>),
    /// Every so many bytes of the store one position, in memory: where the file can't be relied on.
    /// It's still asked, if there is one, since its entries prove themselves.
    Sparse(SparseIndex, Option<Arc<dyn StorageFile>>),
}

impl Index {
    /// Where record `relative` starts, as far as this index knows exactly.
    pub(super) fn exact(&self, relative: u64) -> Option<Position> {
        let entry = match self {
            Index::Mapped(index) => index.load(relative)?,
            Index::Read(file) | Index::Sparse(_, Some(file)) => {
                read_entry(&**file, relative).ok().flatten()?
            }
            Index::Sparse(_, None) => return None,
        };
        (u64::from(entry.relative.0) == relative || is_planted(Plant::Index))
            .then_some(entry.position)
    }

    /// Like [`Index::exact`], but never touches a mapping: for those who may outlive the lock, or look
    /// where the file has been cut.
    pub(super) fn exact_by_reading(&self, relative: u64) -> Option<Position> {
        let file = match self {
            Index::Mapped(index) => &index.file,
            Index::Read(file) | Index::Sparse(_, Some(file)) => file,
            Index::Sparse(_, None) => return None,
        };
        let entry = read_entry(&**file, relative).ok().flatten()?;
        (u64::from(entry.relative.0) == relative).then_some(entry.position)
    }

    /// A record at or before `relative` to walk from, if this index only knows some.
    pub(super) fn checkpoint(&self, relative: u64) -> Option<Entry> {
        match self {
            Index::Sparse(index, _) => index.floor(relative),
            Index::Mapped(_) | Index::Read(_) => None,
        }
    }
}

/// Reads entry `relative` from the file; `None` past its end.
pub(super) fn read_entry(file: &dyn StorageFile, relative: u64) -> io::Result<Option<Entry>> {
    let mut bytes = [0; ENTRY_BYTES as usize];
    let n_read = read_full(file, &mut bytes, relative * ENTRY_BYTES)?;
    Ok((n_read == bytes.len()).then(|| Entry::from_bytes(bytes)))
}

/// Counts the entries from the start without a gap, beginning at `from`, which are known to be there.
///
/// Entry 0 is all zeros, as is space without an entry, so it counts only if entry 1 is there, or as
/// the caller says by `from`.
pub(super) fn count_entries(file: &dyn StorageFile, from: u64) -> io::Result<u64> {
    let mut block = vec![0; 4096 * ENTRY_BYTES as usize];
    let mut n_entries = from;
    // With nothing known, entry 1 tells of entry 0 as well.
    let mut next = from.max(1);
    loop {
        let n_read = read_full(file, &mut block, next * ENTRY_BYTES)?;
        let entries = block[..n_read].chunks_exact(ENTRY_BYTES as usize);
        let n_in_block = entries.len() as u64;
        for entry in entries {
            let relative = entry.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
            if u64::from(relative) != next {
                return Ok(n_entries);
            }
            next += 1;
            n_entries = next;
        }
        if n_in_block * ENTRY_BYTES < block.len() as u64 {
            return Ok(n_entries);
        }
    }
}

/// An index file, mapped in chunks as they're needed.
#[derive(Debug)]
pub(super) struct MappedIndex {
    file: Arc<dyn StorageFile>,
    access: Access,
    chunks: Box<[OnceLock<Mapping>]>,
}

impl MappedIndex {
    /// Maps room for `capacity` entries of `file`. Nothing is mapped before it's touched.
    pub(super) fn new(file: Arc<dyn StorageFile>, access: Access, capacity: u64) -> Self {
        let n_chunks = capacity.div_ceil(CHUNK_ENTRIES) as usize;
        let chunks = (0..n_chunks).map(|_| OnceLock::new()).collect();
        MappedIndex { file, access, chunks }
    }

    /// How many entries there is room for.
    pub(super) fn capacity(&self) -> u64 {
        self.chunks.len() as u64 * CHUNK_ENTRIES
    }

    pub(super) fn file(&self) -> &Arc<dyn StorageFile> {
        &self.file
    }

    /// Entry `relative`, which the caller knows to be there.
    fn load(&self, relative: u64) -> Option<Entry> {
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
    pub(super) fn reserve(&self, reserved: u64, n_entries: u64) -> io::Result<u64> {
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
    pub(super) fn store(&self, first: u64, positions: &[u64]) -> io::Result<()> {
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
    pub(super) fn clear(&self, from: u64, to: u64) -> io::Result<()> {
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

/// The most entries that frames of `store_bytes` bytes can need.
pub(super) fn max_entries(store_bytes: u64) -> u64 {
    (store_bytes / MIN_FRAME_BYTES + 1).min(1 << 32)
}

/// Some positions of a store, in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct SparseIndex {
    entries: Vec<Entry>,
    /// Position from which on the next frame is noted.
    next_at: u64,
}

impl SparseIndex {
    /// Bytes of store between two entries: 16,384 of them for a segment of 1 GiB.
    const SPACING_BYTES: u64 = 64 << 10;

    /// Is told of every frame in order and keeps some.
    pub(super) fn note(&mut self, entry: Entry) {
        if entry.position.0 >= self.next_at {
            self.keep(entry);
        }
    }

    /// Keeps a frame that has to be found, such as the first behind damage.
    pub(super) fn keep(&mut self, entry: Entry) {
        self.next_at = entry.position.0 + Self::SPACING_BYTES;
        self.entries.push(entry);
    }

    fn floor(&self, relative: u64) -> Option<Entry> {
        let n_before =
            self.entries.partition_point(|entry| u64::from(entry.relative.0) <= relative);
        n_before.checked_sub(1).map(|last| self.entries[last])
    }
}

/// Writes entries to a file in order, in blocks.
pub(super) struct EntryWriter<'a> {
    file: &'a dyn StorageFile,
    /// Where in the file the block goes.
    position: u64,
    block: Vec<u8>,
}

impl<'a> EntryWriter<'a> {
    const BLOCK_BYTES: usize = 256 << 10;

    /// Starts with entry `first`.
    pub(super) fn new(file: &'a dyn StorageFile, first: u64) -> Self {
        EntryWriter { file, position: first * ENTRY_BYTES, block: Vec::new() }
    }

    pub(super) fn put(&mut self, entry: Entry) -> io::Result<()> {
        self.block.extend_from_slice(&entry.to_bytes());
        if self.block.len() >= Self::BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        fs::write_full(self.file, &self.block, self.position)?;
        self.position += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Cuts the file behind the last entry, and syncs it.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.set_len(self.position)?;
        self.file.sync_all()
    }
}

/// Reads entries of a file in order, in blocks.
#[derive(Debug)]
pub(super) struct EntryReader {
    file: Arc<dyn StorageFile>,
    block: Vec<u8>,
    /// The first entry in the block, and how many bytes of it are filled.
    first: u64,
    n_filled: usize,
}

impl EntryReader {
    const BLOCK_ENTRIES: u64 = 4096;

    pub(super) fn new(file: Arc<dyn StorageFile>) -> Self {
        let block = vec![0; (Self::BLOCK_ENTRIES * ENTRY_BYTES) as usize];
        EntryReader { file, block, first: u64::MAX, n_filled: 0 }
    }

    pub(super) fn entry(&mut self, relative: u64) -> io::Result<Option<Entry>> {
        let first = relative - relative % Self::BLOCK_ENTRIES;
        if first != self.first {
            self.n_filled = read_full(&*self.file, &mut self.block, first * ENTRY_BYTES)?;
            self.first = first;
        }
        let at = ((relative - first) * ENTRY_BYTES) as usize;
        let bytes = self.block[..self.n_filled].get(at..).and_then(<[u8]>::first_chunk);
        Ok(bytes.map(|bytes| Entry::from_bytes(*bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::fs::{FileSystem, OsFileSystem};

    fn new_file() -> (tempfile::TempDir, Arc<dyn StorageFile>) {
        let dir = tempfile::tempdir().expect("a directory");
        let file = OsFileSystem.open(&dir.path().join("0.index"), Access::CreateNew);
        (dir, file.expect("a file"))
    }

    #[test]
    fn a_reserved_length_never_says_closed_cleanly() {
        let (_dir, file) = new_file();
        let index = MappedIndex::new(file, Access::ReadWrite, 1 << 20);
        let mut reserved = 0;
        for n_entries in (1..1 << 20).step_by(50_021) {
            reserved = index.reserve(reserved, n_entries).expect("room");
            assert!(reserved >= n_entries * ENTRY_BYTES);
            assert_ne!(reserved % ENTRY_BYTES, 0);
        }
    }

    #[test]
    fn entries_are_counted_from_the_start_without_a_gap() {
        let (_dir, file) = new_file();
        let index = MappedIndex::new(Arc::clone(&file), Access::ReadWrite, 1 << 20);
        index.reserve(0, 600_000).expect("room");
        assert_eq!(count_entries(&*file, 0).expect("a count"), 0);
        let positions: Vec<u64> = (0..600_000).map(|n| n * 30).collect();
        index.store(0, &positions[..2]).expect("stored");
        assert_eq!(count_entries(&*file, 0).expect("a count"), 2);
        index.store(3, &positions[3..5]).expect("stored");
        assert_eq!(count_entries(&*file, 0).expect("a count"), 2, "entry 2 is missing");
        index.store(2, &positions[2..]).expect("stored");
        assert_eq!(count_entries(&*file, 2).expect("a count"), 600_000);
        assert_eq!(index.load(599_999).map(|entry| entry.position), Some(Position(599_999 * 30)));
        assert_eq!(
            read_entry(&*file, 300_000).expect("read").map(|entry| entry.relative),
            Some(RelativeOffset(300_000))
        );
        index.clear(10, 600_000).expect("cleared");
        assert_eq!(count_entries(&*file, 0).expect("a count"), 10);
    }
}
