//! Walks a store frame by frame, and finds the way again behind damage.

use std::io;
use std::sync::Arc;

use super::error::CorruptReason;
use super::frame::{self, PREFIX_BYTES};
use super::frame_reader::{FrameError, FrameReader, SCAN_BLOCK_BYTES};
use super::fs::StorageFile;
use super::index::Index;
use super::offset::{Offset, Position};
use super::record::{RecordRef, TYPE_LOST};

/// How far a search for frames looks at once. Small, since each candidate may move the read buffer.
const SEARCH_BLOCK_BYTES: u64 = 4 << 10;

/// A place in a store where the record `expected` should start.
#[derive(Debug)]
pub(super) struct Walker {
    reader: FrameReader,
    base: Offset,
    position: u64,
    expected: Offset,
    /// Whether a record with a checksum was met: from then on each has to have one.
    checksummed: bool,
}

/// A record and where its frame starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) offset: Offset,
    pub(super) position: Position,
}

/// How a search for frames ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Found(Found),
    Nothing,
    /// There was too much that looked like a frame.
    GaveUp,
}

/// How many bytes a search may compute checksums of: so many, and so many for each byte searched.
const MIN_SEARCH_BYTES: u64 = 64 << 20;
const SEARCH_BYTES_A_BYTE: u64 = 16;

impl Walker {
    pub(super) fn new(file: Arc<dyn StorageFile>, base: Offset, at: Found) -> Self {
        Walker {
            reader: FrameReader::new(file, SCAN_BLOCK_BYTES),
            base,
            position: at.position.0,
            expected: at.offset,
            checksummed: false,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn expected(&self) -> Offset {
        self.expected
    }

    /// The next record, whose frame ends at or before `end`. After an error the walker stays where it
    /// is.
    #[inline]
    pub(super) fn next(&mut self, end: u64) -> Result<RecordRef<'_>, FrameError> {
        let record = self.reader.record(self.position, end, self.expected)?;
        if record.checksum.is_some() {
            self.checksummed = true;
        } else if self.checksummed {
            return Err(CorruptReason::NoChecksum.into());
        }
        let position = Position(self.position);
        self.position += record.frame_bytes;
        self.expected = self.expected.next();
        Ok(RecordRef { segment: self.base, position, ..record })
    }

    /// Whether the next record is a mark that stands for a lost one. Only frames that are short
    /// enough to be a mark are looked at, so that it costs next to nothing.
    #[inline]
    pub(super) fn stands_at_mark(&mut self, end: u64) -> bool {
        let n_bytes = end.saturating_sub(self.position).min(PREFIX_BYTES) as usize;
        match self.reader.view(self.position, n_bytes, end) {
            Ok(prefix) if frame::may_be_mark(prefix) => self.is_at_mark(end),
            Ok(_) | Err(_) => false,
        }
    }

    fn is_at_mark(&mut self, end: u64) -> bool {
        let record = self.reader.record(self.position, end, self.expected);
        record.is_ok_and(|record| record.record_type == TYPE_LOST)
    }

    /// Goes on behind a bad frame, at the first sound one of an offset above the expected one and
    /// below `limit`. `false` if there's none before `end`; the walker then stays where it is.
    ///
    /// The index is asked first: it tells frames of the store from bytes of a value that look like
    /// one. Where it doesn't help, every byte is tried.
    pub(super) fn resync(&mut self, index: &Index, limit: Offset, end: u64) -> io::Result<bool> {
        let found = match self.next_by_index(index, limit, end)? {
            Some(found) => Some(found),
            None => {
                let from = self.search_start(end)?;
                match self.search(from, end, |record| record.offset < limit)? {
                    Search::Found(found) => Some(found),
                    Search::Nothing | Search::GaveUp => None,
                }
            }
        };
        if let Some(found) = found {
            (self.expected, self.position) = (found.offset, found.position.0);
        }
        Ok(found.is_some())
    }

    fn next_by_index(
        &mut self,
        index: &Index,
        limit: Offset,
        end: u64,
    ) -> io::Result<Option<Found>> {
        let mut offset = self.expected.next();
        while offset < limit {
            let Some(position) = index.exact_by_reading(offset.since(self.base)) else {
                return Ok(None);
            };
            if position.0 <= self.position || position.0 >= end {
                return Ok(None);
            }
            match self.reader.record(position.0, end, offset) {
                Ok(_) => return Ok(Some(Found { offset, position })),
                Err(FrameError::Corrupt(_)) => offset = offset.next(),
                Err(FrameError::Io(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether a frame behind the bad one says that the expected record was on the device, or there is
    /// too much to look at to say that none does.
    pub(super) fn is_vouched_for(&mut self, end: u64) -> io::Result<bool> {
        let expected = self.expected;
        let from = self.search_start(end)?;
        let vouching = self.search(from, end, |record| {
            record.offset.0.saturating_sub(u64::from(record.unsynced)) > expected.0
        })?;
        Ok(vouching != Search::Nothing)
    }

    /// Whether there's a frame with a checksum behind the bad one: the segment is one of ours.
    pub(super) fn is_ours(&mut self, end: u64) -> io::Result<bool> {
        if self.checksummed {
            return Ok(true);
        }
        let from = self.search_start(end)?;
        let ours = self.search(from, end, |record| record.checksum.is_some())?;
        Ok(ours != Search::Nothing)
    }

    /// Where the search for frames behind a bad one begins.
    ///
    /// If the length prefix and the length of the value agree on where the value ends, at least one
    /// of them is right, and frames inside of the value aren't this log's: it may well be a log that
    /// is kept in a log.
    fn search_start(&mut self, end: u64) -> io::Result<u64> {
        const HEAD_BYTES: u64 = PREFIX_BYTES + 1 + 10;
        let n_bytes = HEAD_BYTES.min(end.saturating_sub(self.position)) as usize;
        let head = match self.reader.view(self.position, n_bytes, end) {
            Ok(head) => head,
            Err(FrameError::Corrupt(_)) => return Ok(self.position + 1),
            Err(FrameError::Io(error)) => return Err(error),
        };
        Ok(self.position + frame::end_of_value(head).unwrap_or(1))
    }

    /// Tries every byte from `from` on for a frame that is sound, that can be where it is, and that
    /// `accept` takes. Behind a sound one it goes on at its end: what's inside is a value.
    ///
    /// Bytes can be made such that frames seem to start everywhere, so there's a bound on the work.
    fn search(
        &mut self,
        from: u64,
        end: u64,
        mut accept: impl FnMut(&RecordRef<'_>) -> bool,
    ) -> io::Result<Search> {
        let mut budget = MIN_SEARCH_BYTES + SEARCH_BYTES_A_BYTE * end.saturating_sub(from);
        let mut position = from;
        while let Some(candidate) = self.next_candidate(position, end)? {
            position = candidate + 1;
            match self.reader.any_record(candidate, end) {
                Ok(record) => {
                    // Each record in between takes at least a length prefix.
                    let n_between = (candidate - self.position) / PREFIX_BYTES;
                    let reachable =
                        self.expected.next()..=self.expected.plus(n_between.saturating_add(1));
                    let continues = record.checksum.is_some() || !self.checksummed;
                    if continues && reachable.contains(&record.offset) {
                        if accept(&record) {
                            let (offset, position) = (record.offset, Position(candidate));
                            return Ok(Search::Found(Found { offset, position }));
                        }
                        position = candidate + record.frame_bytes;
                    }
                }
                Err(FrameError::Corrupt(_)) => {}
                Err(FrameError::Io(error)) => return Err(error),
            }
            let Some(left) = budget.checked_sub(self.reader.take_n_hashed()) else {
                return Ok(Search::GaveUp);
            };
            budget = left;
        }
        Ok(Search::Nothing)
    }

    /// The first position from `from` on at which a frame's first bytes may stand.
    fn next_candidate(&mut self, from: u64, end: u64) -> io::Result<Option<u64>> {
        let mut position = from;
        while position + frame::HEAD_BYTES as u64 <= end {
            let n_bytes = (end - position).min(SEARCH_BLOCK_BYTES) as usize;
            let block = match self.reader.view(position, n_bytes, end) {
                Ok(block) => block,
                // The file is shorter than it was: nothing is found there.
                Err(FrameError::Corrupt(_)) => return Ok(None),
                Err(FrameError::Io(error)) => return Err(error),
            };
            let found = block.windows(frame::HEAD_BYTES).position(frame::may_start_with);
            if let Some(at) = found {
                return Ok(Some(position + at as u64));
            }
            position += (n_bytes - frame::HEAD_BYTES + 1) as u64;
        }
        Ok(None)
    }
}
