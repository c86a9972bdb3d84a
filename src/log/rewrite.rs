//! Writes a damaged segment anew: what is sound is kept byte for byte, what is lost becomes marks.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dir::LogDir;
use super::error::LogError;
use super::examined::{Examined, State};
use super::frame::{self, Stamp};
use super::frame_reader::FrameError;
use super::fs::{Access, StorageFile, write_full};
use super::headers::Header;
use super::index::{Index, SparseIndex};
use super::offset::{Offset, Position};
use super::quarantine::Quarantine;
use super::record::{NewRecord, RecordRef, TYPE_LOST};
use super::recover::Judged;
use super::walker::{Found, Walker};

/// The widest gap that is filled with marks: they take 28 bytes or so each.
const MAX_MARKS: u64 = 100_000_000;

const WRITE_BLOCK_BYTES: usize = 1 << 20;

/// Rewrites every segment that has damage, holds offsets of an earlier one, or ends before the next.
/// The new stores have no index; recovery makes one.
pub(super) fn rewrite_damaged(
    dir: &LogDir,
    judged: &Judged,
    quarantine: &mut Quarantine,
) -> Result<(), LogError> {
    let mut last_timestamp_us = 0;
    for (number, segment) in judged.kept.iter().enumerate() {
        let before = Before { timestamp_us: last_timestamp_us, term: 0 };
        last_timestamp_us = last_timestamp_us.max(segment.last.timestamp_us);
        let floor = judged.floors[number];
        let gap = judged.gap_behind(number);
        let is_damaged = matches!(segment.state, State::Damaged { .. });
        if !is_damaged && floor == segment.base() && gap.is_none() {
            continue;
        }
        let end = gap.map_or(segment.next(), |gap| gap.end);
        let n_lost = end.since(segment.next());
        if n_lost > MAX_MARKS {
            let (segment, next) = (segment.base(), end);
            return Err(LogError::GapTooWide { segment, next, n_lost });
        }
        set_aside(dir, segment, quarantine)?;
        let replacement = (floor < end).then(|| write_store(segment, floor..end, before, dir));
        let replacement = replacement.transpose()?;
        replace(dir, segment, floor, replacement.as_deref())?;
    }
    Ok(())
}

fn set_aside(
    dir: &LogDir,
    segment: &Examined,
    quarantine: &mut Quarantine,
) -> Result<(), LogError> {
    if segment.files.has_store {
        quarantine.keep(&dir.store_path(segment.base()))?;
    }
    if segment.files.has_index {
        quarantine.keep(&dir.index_path(segment.base()))?;
    }
    Ok(())
}

/// Puts a new store in the place of a segment, and only then removes the index: until it's rebuilt,
/// the old one does no harm, since the new store holds every offset that it vouches for.
fn replace(
    dir: &LogDir,
    segment: &Examined,
    base: Offset,
    replacement: Option<&Path>,
) -> Result<(), LogError> {
    let mut outdated = segment.files;
    if let Some(replacement) = replacement {
        let to = dir.store_path(base);
        dir.fs.rename(replacement, &to).map_err(|error| LogError::io("rename to", &to, error))?;
        dir.sync()?;
        outdated.has_store &= base != segment.base();
    }
    dir.remove_segment(outdated)
}

fn write_store(
    segment: &Examined,
    offsets: Range<Offset>,
    before: Before,
    dir: &LogDir,
) -> Result<PathBuf, LogError> {
    // In the log's own directory, which may be a file system of its own: only there it can be renamed.
    let path = dir.path.join(format!("{}.store.new", offsets.start));
    dir.remove_if_there(&path)?;
    let file = dir.open_file(&path, Access::CreateNew)?;
    let failed = |error| LogError::io("write", &path, error);
    let mut output = Output { file, buffer: Vec::new(), written: 0, ours: false, before };
    copy_records(segment, offsets, &mut output).map_err(failed)?;
    output.finish().map_err(failed)?;
    Ok(path)
}

fn copy_records(segment: &Examined, offsets: Range<Offset>, output: &mut Output) -> io::Result<()> {
    let mut at = offsets.start;
    if let Some(store) = &segment.store {
        let start = Found { offset: segment.base(), position: Position(0) };
        let mut walker = Walker::new(Arc::clone(store), segment.base(), start);
        let hints = Index::Sparse(SparseIndex::default(), segment.index.clone());
        let end = segment.extent.end;
        while walker.expected() < offsets.end {
            match walker.next(end) {
                Ok(record) if record.offset < offsets.start => {}
                Ok(record) => {
                    output.marks(at, record.offset)?;
                    output.record(&record)?;
                    at = record.offset.next();
                }
                Err(FrameError::Io(error)) => return Err(error),
                Err(FrameError::Corrupt(_)) => {
                    if !walker.resync(&hints, offsets.end, end)? {
                        break;
                    }
                }
            }
        }
    }
    output.marks(at, offsets.end)
}

/// The new store.
struct Output {
    file: Arc<dyn StorageFile>,
    buffer: Vec<u8>,
    written: u64,
    /// Whether a frame of ours was written: no frame without a checksum may follow.
    ours: bool,
    before: Before,
}

/// What a mark takes over from the record before it, so that neither ever goes back.
#[derive(Clone, Copy, Debug)]
struct Before {
    timestamp_us: u64,
    term: u64,
}

impl Output {
    fn record(&mut self, record: &RecordRef<'_>) -> io::Result<()> {
        self.before = Before {
            timestamp_us: record.timestamp_us.unwrap_or(self.before.timestamp_us),
            term: record.term,
        };
        self.ours |= record.checksum.is_some();
        let headers: Vec<Header> = record.to_record().headers;
        let new = NewRecord {
            value: record.value,
            key: record.key,
            headers: &headers,
            timestamp_us: record.timestamp_us,
            record_type: record.record_type,
        };
        if self.ours {
            let stamp = self.stamp(record.offset, record.unsynced);
            frame::encode(&mut self.buffer, &new, &stamp);
        } else {
            frame::encode_unchecksummed(&mut self.buffer, &new, record.offset, record.term);
        }
        self.flush_if_full()
    }

    /// Marks for the lost records `from` up to, not including, `to`.
    fn marks(&mut self, from: Offset, to: Offset) -> io::Result<()> {
        let mut offset = from;
        while offset < to {
            self.ours = true;
            let mark = NewRecord { record_type: TYPE_LOST, ..NewRecord::default() };
            let stamp = self.stamp(offset, 0);
            frame::encode(&mut self.buffer, &mark, &stamp);
            self.flush_if_full()?;
            offset = offset.next();
        }
        Ok(())
    }

    fn stamp(&self, offset: Offset, unsynced: u32) -> Stamp {
        let Before { timestamp_us, term } = self.before;
        Stamp { offset, term, timestamp_us, unsynced }
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= WRITE_BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        write_full(&*self.file, &self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_all()
    }
}
