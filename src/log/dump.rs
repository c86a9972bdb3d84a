//! Shows the entries of an index as they are, right or wrong, beside the frames they lead to.
//!
//! Works on a damaged log and beside a live writer; changes nothing.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::dir::{LogDir, SegmentFiles};
use super::error::{CorruptReason, LogError};
use super::frame_reader::{FrameError, FrameReader, SCAN_BLOCK_BYTES};
use super::fs::{Access, OsFileSystem, StorageFile};
use super::index::{Entry, EntryReader};
use super::offset::{Offset, Position, RelativeOffset};

/// One entry of an index and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpedEntry {
    /// Base offset of the segment.
    pub segment: Offset,
    /// The offset that the entry is for, by its place in the index.
    pub offset: Offset,
    /// The relative offset that it says.
    pub relative: RelativeOffset,
    /// The position that it says.
    pub position: Position,
    /// Length of the frame there, if it can be read.
    pub frame_bytes: Option<u64>,
    /// The frame's checksum, if it has one.
    pub checksum: Option<u32>,
    /// Whether the entry leads to the record it's for.
    pub state: EntryState,
}

/// What following an entry leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// To its record.
    Ok,
    /// The record is in the store, but the index has no entry for it.
    Missing,
    /// Not to its record.
    Bad(CorruptReason),
}

/// Shows `on_entry` each entry of all segments, or of the one with base offset `only`, until it breaks
/// off. Records behind the last entry are shown as [`EntryState::Missing`].
///
/// # Errors
/// `NoSuchLog`, `NotADirectory`, `NoSuchSegment`, or a failed call.
pub fn dump_index(
    dir: &Path,
    only: Option<Offset>,
    on_entry: &mut dyn FnMut(DumpedEntry) -> ControlFlow<()>,
) -> Result<(), LogError> {
    let dir = LogDir::open(Arc::new(OsFileSystem), dir)?;
    let mut segments = dir.list()?.segments;
    if let Some(base) = only {
        segments.retain(|files| files.base == base);
        if segments.is_empty() {
            return Err(LogError::NoSuchSegment { dir: dir.path, base });
        }
    }
    for files in segments {
        if dump_segment(&dir, files, on_entry)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn dump_segment(
    dir: &LogDir,
    files: SegmentFiles,
    on_entry: &mut dyn FnMut(DumpedEntry) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, LogError> {
    let (store_path, index_path) = (dir.store_path(files.base), dir.index_path(files.base));
    let open = |there: bool, path| there.then(|| dir.open_file(path, Access::Read)).transpose();
    let frames = match open(files.has_store, &store_path)? {
        Some(store) => {
            let len = store.len().map_err(|error| LogError::io("look at", &store_path, error))?;
            Some(Frames { reader: FrameReader::new(store, SCAN_BLOCK_BYTES), len })
        }
        None => None,
    };
    let mut dump = Dump { base: files.base, frames, behind: Position(0), on_entry };
    let index = open(files.has_index, &index_path)?;
    let n_entries = match index {
        Some(index) => {
            let dumped = dump.entries(index);
            match dumped.map_err(|error| LogError::io("read", &index_path, error))? {
                ControlFlow::Continue(n_entries) => n_entries,
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
            }
        }
        None => 0,
    };
    dump.unindexed(n_entries).map_err(|error| LogError::io("read", &store_path, error))
}

/// The dump of one segment.
struct Dump<'a> {
    base: Offset,
    frames: Option<Frames>,
    /// Where the last sound frame that an entry led to ends.
    behind: Position,
    on_entry: &'a mut dyn FnMut(DumpedEntry) -> ControlFlow<()>,
}

impl Dump<'_> {
    /// Shows the entries and says how many there are. Zeros at the end are space, not entries.
    fn entries(&mut self, index: Arc<dyn StorageFile>) -> io::Result<ControlFlow<(), u64>> {
        let mut reader = EntryReader::new(index);
        let (mut number, mut n_shown) = (0, 0);
        while let Some(entry) = reader.entry(number)? {
            let is_zeros = entry.relative.0 == 0 && entry.position.0 == 0;
            let is_first = number == 0 && self.look(0, entry)?.state == EntryState::Ok;
            number += 1;
            if is_zeros && !is_first {
                continue;
            }
            // Zeros that were passed over were entries after all: there is one behind them.
            while n_shown < number {
                let Some(entry) = reader.entry(n_shown)? else { break };
                let dumped = self.look(n_shown, entry)?;
                n_shown += 1;
                if (self.on_entry)(dumped).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(n_shown))
    }

    /// Follows an entry.
    fn look(&mut self, number: u64, entry: Entry) -> io::Result<DumpedEntry> {
        let offset = self.base.plus(number);
        let mut dumped = DumpedEntry {
            segment: self.base,
            offset,
            relative: entry.relative,
            position: entry.position,
            frame_bytes: None,
            checksum: None,
            state: EntryState::Bad(CorruptReason::NoStore),
        };
        let Some(frames) = &mut self.frames else { return Ok(dumped) };
        match frames.follow(entry.position, offset)? {
            Ok((frame_bytes, checksum)) => {
                (dumped.frame_bytes, dumped.checksum) = (Some(frame_bytes), checksum);
                self.behind = Position(entry.position.0 + frame_bytes);
                let is_own = u64::from(entry.relative.0) == number;
                let reason = CorruptReason::Malformed("the entry says another relative offset");
                dumped.state = if is_own { EntryState::Ok } else { EntryState::Bad(reason) };
            }
            Err(reason) => dumped.state = EntryState::Bad(reason),
        }
        Ok(dumped)
    }

    /// Shows the records behind the last entry.
    fn unindexed(&mut self, n_entries: u64) -> io::Result<ControlFlow<()>> {
        let mut number = n_entries;
        let Some(frames) = &mut self.frames else { return Ok(ControlFlow::Continue(())) };
        let mut position = self.behind;
        while let Ok((frame_bytes, checksum)) = frames.follow(position, self.base.plus(number))? {
            let dumped = DumpedEntry {
                segment: self.base,
                offset: self.base.plus(number),
                relative: RelativeOffset(number as u32),
                position,
                frame_bytes: Some(frame_bytes),
                checksum,
                state: EntryState::Missing,
            };
            if (self.on_entry)(dumped).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            number += 1;
            position = Position(position.0 + frame_bytes);
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The store that the entries lead into.
struct Frames {
    reader: FrameReader,
    len: u64,
}

impl Frames {
    /// Length and checksum of the frame of record `offset`, or why it isn't at `position`.
    fn follow(
        &mut self,
        position: Position,
        offset: Offset,
    ) -> io::Result<Result<(u64, Option<u32>), CorruptReason>> {
        match self.reader.record(position.0, self.len, offset) {
            Ok(record) => Ok(Ok((record.frame_bytes, record.checksum))),
            Err(FrameError::Corrupt(reason)) => Ok(Err(reason)),
            Err(FrameError::Io(error)) => Err(error),
        }
    }
}
