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

mod mapped;
mod sparse;
mod stream;

use std::io;
use std::sync::Arc;

use super::frame::MIN_FRAME_BYTES;
use super::fs::{StorageFile, read_full};
use super::offset::{Position, RelativeOffset};
use super::plant::{Plant, is_planted};

pub(super) use mapped::MappedIndex;
pub(super) use sparse::SparseIndex;
pub(super) use stream::{EntryReader, EntryWriter};

/// Bytes of an entry: relative offset (4) and position (8), both big-endian.
pub(super) const ENTRY_BYTES: u64 = 12;

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

/// The most entries that frames of `store_bytes` bytes can need.
pub(super) fn max_entries(store_bytes: u64) -> u64 {
    (store_bytes / MIN_FRAME_BYTES + 1).min(1 << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::fs::{Access, FileSystem, OsFileSystem};

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
