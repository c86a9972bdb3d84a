//! A part of a store in memory: one buffer that moves over the file.
//!
//! Invariant: nothing is read past the end that the caller names, so space prepared ahead is never
//! buffered and a growing store needs no invalidation.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::error::CorruptReason;
use super::frame_reader::FrameError;
use super::fs::{StorageFile, read_full};
use super::read_ahead::{HEADROOM_BYTES, ReadAhead};

/// So many blocks in a row say that somebody reads all of a store, and if so much is left of it,
/// reading it ahead is worth a thread.
const BLOCKS_BEFORE_AHEAD: u32 = 8;
const MIN_AHEAD_BYTES: u64 = 4 << 20;

/// A buffered part of a file.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<dyn StorageFile>,
    buffer: Vec<u8>,
    /// Where in the file the window starts, and which bytes of the buffer it is.
    start: u64,
    held: Range<usize>,
    block_bytes: usize,
    /// Blocks read one behind the other.
    n_in_a_row: u32,
    ahead: Option<ReadAhead>,
}

impl Window {
    /// Reads at least `block_bytes` at once, as far as there are so many.
    pub(super) fn new(file: Arc<dyn StorageFile>, block_bytes: usize) -> Self {
        let (buffer, held) = (Vec::new(), 0..0);
        Window { file, buffer, start: 0, held, block_bytes, n_in_a_row: 0, ahead: None }
    }

    pub(super) fn file(&self) -> &dyn StorageFile {
        &*self.file
    }

    /// How much memory is taken already.
    pub(super) fn capacity_bytes(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// What is in memory from `position` on.
    #[inline]
    pub(super) fn held(&self, position: u64) -> &[u8] {
        let held = &self.buffer[self.held.clone()];
        let from = position.wrapping_sub(self.start);
        if from < held.len() as u64 { &held[from as usize..] } else { &[] }
    }

    /// Bytes `position..position + n_bytes`, which lie before `end`.
    #[inline]
    pub(super) fn view(
        &mut self,
        position: u64,
        n_bytes: usize,
        end: u64,
    ) -> Result<&[u8], FrameError> {
        if self.held(position).len() < n_bytes {
            self.fill(position, n_bytes, end)?;
        }
        Ok(&self.held(position)[..n_bytes])
    }

    /// Moves the window to `position`.
    fn fill(&mut self, position: u64, n_bytes: usize, end: u64) -> Result<(), FrameError> {
        let filled_to = self.start + self.held.len() as u64;
        let n_kept = self.held(position).len();
        let is_next = position + n_kept as u64 == filled_to;
        self.held.start = self.held.end - n_kept;
        self.start = position;
        // With frames longer than a block there's little to do but to read them.
        let is_usual = is_next && n_bytes <= self.block_bytes;
        self.n_in_a_row = if is_usual { self.n_in_a_row + 1 } else { 0 };
        if self.ahead.is_some() {
            self.take_from_ahead()?;
        }
        if self.held.len() < n_bytes {
            self.ahead = None;
            self.read(n_bytes, end)?;
            self.maybe_start_ahead(end);
        }
        if self.held.len() < n_bytes {
            // The file is shorter than its published end: somebody cut it.
            let (needed, available) = (n_bytes as u64, self.held.len() as u64);
            return Err(CorruptReason::Truncated { needed, available }.into());
        }
        Ok(())
    }

    /// Appends a block that was read ahead, if it's the one that follows.
    fn take_from_ahead(&mut self) -> Result<(), FrameError> {
        let n_kept = self.held.len();
        let follows = self.start + n_kept as u64;
        let Some(ahead) = self.ahead.as_mut().filter(|ahead| ahead.position() == follows) else {
            return Ok(());
        };
        if n_kept > HEADROOM_BYTES {
            return Ok(());
        }
        let Some(block) = ahead.next() else { return Ok(()) };
        let mut block = block?;
        let start = HEADROOM_BYTES - n_kept;
        block.buffer[start..HEADROOM_BYTES].copy_from_slice(&self.buffer[self.held.clone()]);
        self.held = start..HEADROOM_BYTES + block.n_bytes;
        ahead.give_back(mem::replace(&mut self.buffer, block.buffer));
        Ok(())
    }

    /// Reads a block, or more if `n_bytes` is more, behind what is held.
    fn read(&mut self, n_bytes: usize, end: u64) -> Result<(), FrameError> {
        let n_kept = self.held.len();
        self.buffer.copy_within(self.held.clone(), 0);
        self.held = 0..n_kept;
        let available = usize::try_from(end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let n_wanted = self.block_bytes.max(n_bytes).min(available);
        self.grow(n_wanted)?;
        let to_fill = &mut self.buffer[n_kept..n_wanted.max(n_kept)];
        self.held.end += read_full(&*self.file, to_fill, self.start + n_kept as u64)?;
        Ok(())
    }

    fn grow(&mut self, n_bytes: usize) -> Result<(), FrameError> {
        if let Some(n_more) = n_bytes.checked_sub(self.buffer.len()) {
            self.buffer
                .try_reserve_exact(n_more)
                .map_err(|_| CorruptReason::NoMemory { bytes: n_bytes as u64 })?;
            self.buffer.resize(n_bytes, 0);
        }
        Ok(())
    }

    fn maybe_start_ahead(&mut self, end: u64) {
        let position = self.start + self.held.len() as u64;
        if self.n_in_a_row >= BLOCKS_BEFORE_AHEAD && end.saturating_sub(position) >= MIN_AHEAD_BYTES
        {
            self.n_in_a_row = 0;
            self.ahead = ReadAhead::start(Arc::clone(&self.file), position, end);
        }
    }
}
