//! Entries of a file one after the other, in blocks.

use std::io;
use std::sync::Arc;

use super::{ENTRY_BYTES, Entry};
use crate::log::fs::{self, StorageFile, read_full};

/// Writes entries to a file in order, in blocks.
pub(in crate::log) struct EntryWriter<'a> {
    file: &'a dyn StorageFile,
    /// Where in the file the block goes.
    position: u64,
    block: Vec<u8>,
}

impl<'a> EntryWriter<'a> {
    const BLOCK_BYTES: usize = 256 << 10;

    /// Starts with entry `first`.
    pub(in crate::log) fn new(file: &'a dyn StorageFile, first: u64) -> Self {
        EntryWriter { file, position: first * ENTRY_BYTES, block: Vec::new() }
    }

    pub(in crate::log) fn put(&mut self, entry: Entry) -> io::Result<()> {
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
    pub(in crate::log) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.set_len(self.position)?;
        self.file.sync_all()
    }
}

/// Reads entries of a file in order, in blocks.
#[derive(Debug)]
pub(in crate::log) struct EntryReader {
    file: Arc<dyn StorageFile>,
    block: Vec<u8>,
    /// The first entry in the block, and how many bytes of it are filled.
    first: u64,
    n_filled: usize,
}

impl EntryReader {
    const BLOCK_ENTRIES: u64 = 4096;

    pub(in crate::log) fn new(file: Arc<dyn StorageFile>) -> Self {
        let block = vec![0; (Self::BLOCK_ENTRIES * ENTRY_BYTES) as usize];
        EntryReader { file, block, first: u64::MAX, n_filled: 0 }
    }

    pub(in crate::log) fn entry(&mut self, relative: u64) -> io::Result<Option<Entry>> {
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
