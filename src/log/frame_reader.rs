//! Reads frames from a store through one buffer: sequentially in blocks, or a single one.
//!
//! Invariant: a length is believed only up to [`BELIEVED_BYTES`]; a longer frame proves itself before
//! memory for it is asked for.

use std::io;
use std::mem;
use std::sync::Arc;

use super::checksum;
use super::error::CorruptReason;
use super::frame::{self, PREFIX_BYTES};
use super::fs::{StorageFile, read_full};
use super::offset::Offset;
use super::record::RecordRef;
use super::window::Window;

/// How much a scan reads at once.
pub(super) const SCAN_BLOCK_BYTES: usize = 64 << 10;

/// The longest frame for which memory is taken on the word of its length prefix alone.
const BELIEVED_BYTES: u64 = 1 << 20;

/// Why there is no record to lend.
#[derive(Debug)]
pub(super) enum FrameError {
    /// The bytes aren't the record that should be there.
    Corrupt(CorruptReason),
    /// They couldn't be read.
    Io(io::Error),
}

impl From<CorruptReason> for FrameError {
    fn from(reason: CorruptReason) -> Self {
        FrameError::Corrupt(reason)
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        FrameError::Io(error)
    }
}

/// A buffered view of a store.
#[derive(Debug)]
pub(super) struct FrameReader {
    window: Window,
    /// Bytes of frames decoded since the last [`FrameReader::take_n_hashed`].
    n_hashed: u64,
}

impl FrameReader {
    /// Reads at least `block_bytes` at once, as far as there are so many.
    pub(super) fn new(file: Arc<dyn StorageFile>, block_bytes: usize) -> Self {
        FrameReader { window: Window::new(file, block_bytes), n_hashed: 0 }
    }

    /// The record whose frame starts at `position` and has `expected` as its offset. The frame has to
    /// end at or before `end`.
    #[inline]
    pub(super) fn record(
        &mut self,
        position: u64,
        end: u64,
        expected: Offset,
    ) -> Result<RecordRef<'_>, FrameError> {
        let n_bytes = self.hold_frame(position, end)?;
        if n_bytes == PREFIX_BYTES {
            if !self.is_empty_first_record(position, end, expected)? {
                return Err(CorruptReason::Zeros.into());
            }
            self.bring_in_frame(position, end)?;
        }
        let record = self.decode(position, n_bytes, end)?;
        if record.offset != expected {
            return Err(CorruptReason::WrongOffset { found: record.offset }.into());
        }
        Ok(record)
    }

    /// Any record whose frame starts at `position`, whatever its offset; never an empty frame.
    pub(super) fn any_record(
        &mut self,
        position: u64,
        end: u64,
    ) -> Result<RecordRef<'_>, FrameError> {
        let n_bytes = self.hold_frame(position, end)?;
        if n_bytes == PREFIX_BYTES {
            return Err(CorruptReason::Zeros.into());
        }
        self.decode(position, n_bytes, end)
    }

    /// Decodes a frame that is held, looking at one byte more.
    ///
    /// A frame of ours whose length prefix was damaged so that it ends before the timestamp would look
    /// like one of the Go original. But what follows a frame is a length prefix, whose first byte is
    /// always zero, or space, and what follows there is a field's tag, which never is.
    #[inline]
    fn decode(
        &mut self,
        position: u64,
        n_bytes: u64,
        end: u64,
    ) -> Result<RecordRef<'_>, FrameError> {
        self.n_hashed += n_bytes;
        let (frame, behind) = self.window.held(position).split_at(n_bytes as usize);
        let behind = if position + n_bytes < end { behind } else { &[] };
        let record = frame::decode(frame)?;
        if record.checksum.is_none() && behind.first().is_some_and(|byte| *byte != 0) {
            return Err(CorruptReason::NoChecksum.into());
        }
        Ok(record)
    }

    /// Sees to it that the buffer holds the frame at `position` and, if it lies before `end`, the byte
    /// behind it. Answers with the length of the frame.
    #[inline]
    fn hold_frame(&mut self, position: u64, end: u64) -> Result<u64, FrameError> {
        let held = self.window.held(position);
        if let Some(prefix) = held.first_chunk()
            && let Ok(n_bytes) = frame::frame_len(*prefix)
            && n_bytes < held.len() as u64
            && position + n_bytes < end
        {
            return Ok(n_bytes);
        }
        self.bring_in_frame(position, end)
    }

    fn bring_in_frame(&mut self, position: u64, end: u64) -> Result<u64, FrameError> {
        let n_bytes = self.frame_len(position, end)?;
        let n_viewed = (n_bytes + 1).min(end - position) as usize;
        self.view(position, n_viewed, end)?;
        Ok(n_bytes)
    }

    /// How many bytes of frames were decoded since this was last asked: the work of a search.
    pub(super) fn take_n_hashed(&mut self) -> u64 {
        mem::take(&mut self.n_hashed)
    }

    /// Length of the frame at `position`, once it is believed.
    fn frame_len(&mut self, position: u64, end: u64) -> Result<u64, FrameError> {
        let available = end.saturating_sub(position);
        if available < PREFIX_BYTES {
            return Err(CorruptReason::Truncated { needed: PREFIX_BYTES, available }.into());
        }
        let mut prefix = [0; PREFIX_BYTES as usize];
        prefix.copy_from_slice(self.view(position, PREFIX_BYTES as usize, end)?);
        let n_bytes = frame::frame_len(prefix)?;
        if n_bytes > available {
            return Err(CorruptReason::Truncated { needed: n_bytes, available }.into());
        }
        if n_bytes > BELIEVED_BYTES && n_bytes > self.window.capacity_bytes() {
            self.prove_long_frame(position, n_bytes)?;
        }
        Ok(n_bytes)
    }

    /// Eight zero bytes are a record only of the Go original: the empty value at offset 0. Since they
    /// may as well be space prepared ahead, what follows decides.
    fn is_empty_first_record(
        &mut self,
        position: u64,
        end: u64,
        expected: Offset,
    ) -> Result<bool, FrameError> {
        if position != 0 || expected != Offset(0) {
            return Ok(false);
        }
        if end == PREFIX_BYTES {
            return Ok(true);
        }
        match self.any_record(PREFIX_BYTES, end) {
            Ok(record) => Ok(record.offset == Offset(1)),
            Err(FrameError::Corrupt(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Bytes `position..position + n_bytes`, which lie before `end`.
    #[inline]
    pub(super) fn view(
        &mut self,
        position: u64,
        n_bytes: usize,
        end: u64,
    ) -> Result<&[u8], FrameError> {
        self.window.view(position, n_bytes, end)
    }

    /// Whether everything around the value is as the Go original writes it, which had no checksum.
    fn is_long_unchecksummed(
        &self,
        position: u64,
        n_bytes: u64,
        head: &[u8],
    ) -> Result<bool, FrameError> {
        let Some(value_end) = frame::end_of_value(head) else { return Ok(false) };
        let n_tail = n_bytes.saturating_sub(value_end);
        if n_tail > frame::MAX_UNCHECKSUMMED_TAIL_BYTES {
            return Ok(false);
        }
        let mut tail = [0; frame::MAX_UNCHECKSUMMED_TAIL_BYTES as usize];
        let tail = &mut tail[..n_tail as usize];
        let n_read = read_full(self.window.file(), tail, position + value_end)?;
        Ok(n_read == tail.len() && frame::is_unchecksummed_tail(tail))
    }

    /// Lets a long frame prove itself in constant memory: its checksum holds, or it has the shape of
    /// one that was written without.
    fn prove_long_frame(&mut self, position: u64, n_bytes: u64) -> Result<(), FrameError> {
        let mut block = vec![0; SCAN_BLOCK_BYTES];
        let n_head = read_full(self.window.file(), &mut block, position)?;
        if self.is_long_unchecksummed(position, n_bytes, &block[..n_head])? {
            return Ok(());
        }
        let mut stored = [0; 4];
        let checksum_at = position + n_bytes - stored.len() as u64;
        let mut tag = [0; 1];
        read_full(self.window.file(), &mut tag, checksum_at - 1)?;
        if tag != [frame::TAG_CRC] {
            return Err(CorruptReason::NoChecksum.into());
        }
        self.n_hashed += n_bytes;
        read_full(self.window.file(), &mut stored, checksum_at)?;
        let mut running = checksum::Running::new();
        let mut at = position;
        while at < checksum_at {
            let n_wanted = (checksum_at - at).min(block.len() as u64) as usize;
            let n_read = read_full(self.window.file(), &mut block[..n_wanted], at)?;
            if n_read == 0 {
                let available = at - position;
                return Err(CorruptReason::Truncated { needed: n_bytes, available }.into());
            }
            running.update(&block[..n_read]);
            at += n_read as u64;
        }
        let (stored, computed) = (u32::from_le_bytes(stored), running.finish());
        if computed == stored {
            return Ok(());
        }
        Err(CorruptReason::Checksum { stored, computed }.into())
    }
}
