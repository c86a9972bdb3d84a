//! Looks at one segment and says what shape it is in. Changes nothing.
//!
//! Invariant: a segment that was closed cleanly costs one frame to check, whatever its size.

use std::sync::Arc;

use super::damage::{Damage, DamagedRange};
use super::dir::{LogDir, SegmentFiles};
use super::error::{CorruptReason, LogError};
use super::examined::{Examined, LastRecord, State};
use super::frame_reader::FrameError;
use super::fs::{Access, StorageFile};
use super::index::{self, ENTRY_BYTES, SparseIndex};
use super::offset::{Offset, Position};
use super::record::RecordRef;
use super::segment::{Extent, corruption, read_frame_at};
use super::walk::Walk;
use super::walker::Found;

/// Which entries and bytes of a segment a reader may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nobody is writing: all sound records count.
    Nobody,
    /// A live writer: only records with an index entry are committed.
    LiveWriter,
}

/// Looks at one segment and changes nothing. If it has to be read, `on_progress` is told of each sound
/// record's position, and of the length of the store.
pub(super) fn examine(
    dir: &LogDir,
    files: SegmentFiles,
    beside: Beside,
    access: Access,
    on_progress: &mut dyn FnMut(u64, u64),
) -> Result<Examined, LogError> {
    let mut examined = open_segment(dir, files, access)?;
    let store_path = dir.store_path(files.base);
    let Some(store) = examined.store.clone() else {
        return examine_storeless(dir, examined);
    };
    let failed = |error| LogError::io("read", &store_path, error);
    if examine_clean(&mut examined, &store).map_err(failed)? {
        return Ok(examined);
    }
    if beside == Beside::LiveWriter && examine_live(&mut examined, &store).map_err(failed)? {
        return Ok(examined);
    }
    let start = walk_start(&examined, &store).map_err(failed)?;
    let walk = Walk::new(dir, &examined, &store, start).map_err(failed)?;
    let store_len = examined.store_len;
    let on_record = &mut |record: &RecordRef<'_>| on_progress(record.position.0, store_len);
    walk.run(&mut examined, on_record).map_err(failed)?;
    Ok(examined)
}

/// Like [`examine`], but reads every frame and tells `on_record` of each that is sound.
pub(super) fn examine_fully(
    dir: &LogDir,
    files: SegmentFiles,
    beside: Beside,
    access: Access,
    on_record: &mut dyn FnMut(&RecordRef<'_>),
) -> Result<Examined, LogError> {
    let mut examined = open_segment(dir, files, access)?;
    let store_path = dir.store_path(files.base);
    let failed = |error| LogError::io("read", &store_path, error);
    let Some(store) = examined.store.clone() else {
        return examine_storeless(dir, examined);
    };
    let is_clean = examine_clean(&mut examined, &store).map_err(failed)?;
    let is_live = !is_clean
        && beside == Beside::LiveWriter
        && examine_live(&mut examined, &store).map_err(failed)?;
    let start = Found { offset: files.base, position: Position(0) };
    let mut walk = Walk::new(dir, &examined, &store, start).map_err(failed)?;
    if is_live || is_clean {
        walk.expect(examined.extent);
    }
    walk.run(&mut examined, on_record).map_err(failed)?;
    if let State::Unclean { .. } = examined.state {
        match (is_clean, is_live) {
            (true, _) => examined.state = State::Clean,
            (_, true) => examined.state = State::Live,
            _ => {}
        }
    }
    Ok(examined)
}

fn open_segment(dir: &LogDir, files: SegmentFiles, access: Access) -> Result<Examined, LogError> {
    let (store_path, index_path) = (dir.store_path(files.base), dir.index_path(files.base));
    let open = |there: bool, path| there.then(|| dir.open_file(path, access)).transpose();
    let store = open(files.has_store, &store_path)?;
    let index = open(files.has_index, &index_path)?;
    let len = |file: &Option<Arc<dyn StorageFile>>, path| match file {
        Some(file) => file.len().map_err(|error| LogError::io("look at", path, error)),
        None => Ok(0),
    };
    Ok(Examined {
        files,
        store_len: len(&store, &store_path)?,
        index_len: len(&index, &index_path)?,
        store,
        index,
        extent: Extent::default(),
        last: LastRecord::default(),
        state: State::Clean,
    })
}

/// The check in O(1): the index is an exact number of entries, and its last entry's frame is valid
/// and ends where the store ends.
fn examine_clean(examined: &mut Examined, store: &Arc<dyn StorageFile>) -> std::io::Result<bool> {
    let Some(index) = &examined.index else { return Ok(false) };
    if !examined.index_len.is_multiple_of(ENTRY_BYTES) {
        return Ok(false);
    }
    let n_records = examined.index_len / ENTRY_BYTES;
    let Some(last) = n_records.checked_sub(1) else { return Ok(examined.store_len == 0) };
    let Some(entry) = index::read_entry(&**index, last)? else { return Ok(false) };
    if u64::from(entry.relative.0) != last {
        return Ok(false);
    }
    let at = Found { offset: examined.base().plus(last), position: entry.position };
    let starts_elsewhere = last == 0 && entry.position.0 != 0;
    let Some(frame) = credible_frame(examined, store, at)? else { return Ok(false) };
    if starts_elsewhere || frame.end != examined.store_len {
        return Ok(false);
    }
    examined.extent = Extent { n_records, end: frame.end };
    examined.last = frame.last;
    Ok(true)
}

/// Beside a live writer: as many records as the index says are committed.
fn examine_live(examined: &mut Examined, store: &Arc<dyn StorageFile>) -> std::io::Result<bool> {
    let extent = live_extent(store, examined.index.as_ref(), examined.base(), Extent::default())?;
    let Some(extent) = extent else { return Ok(false) };
    examined.extent = extent;
    examined.state = State::Live;
    Ok(true)
}

/// How much of a segment that someone else writes is committed, given what was known before. `None`
/// if the index leads astray.
pub(super) fn live_extent(
    store: &Arc<dyn StorageFile>,
    index: Option<&Arc<dyn StorageFile>>,
    base: Offset,
    known: Extent,
) -> std::io::Result<Option<Extent>> {
    let Some(index) = index else { return Ok(Some(known)) };
    let mut n_records = index::count_entries(&**index, known.n_records)?;
    let store_len = store.len()?;
    if n_records == 0 {
        // The first entry is all zeros: the frame tells whether it is one.
        let first = Found { offset: base, position: Position(0) };
        n_records = u64::from(sound_frame(store, first, store_len)?.is_some());
    }
    if n_records == known.n_records {
        return Ok(Some(known));
    }
    let last = n_records - 1;
    let Some(entry) = index::read_entry(&**index, last)? else { return Ok(None) };
    let at = Found { offset: base.plus(last), position: entry.position };
    let frame = sound_frame(store, at, store_len)?;
    Ok(frame.map(|frame| Extent { n_records, end: frame.end }))
}

/// Where a sound frame ends, and what the next append has to know of it.
struct SoundFrame {
    end: u64,
    unsynced: u32,
    last: LastRecord,
}

fn sound_frame(
    store: &Arc<dyn StorageFile>,
    at: Found,
    end: u64,
) -> std::io::Result<Option<SoundFrame>> {
    let frame = read_frame_at(store, at, end, |record| SoundFrame {
        end: at.position.0 + record.frame_bytes,
        unsynced: record.unsynced,
        last: LastRecord::of(record),
    });
    match frame {
        Ok(frame) => Ok(Some(frame)),
        Err(FrameError::Corrupt(_)) => Ok(None),
        Err(FrameError::Io(error)) => Err(error),
    }
}

/// A sound frame that may be where it is: one without a checksum isn't, if the segment starts with one
/// that has it.
fn credible_frame(
    examined: &Examined,
    store: &Arc<dyn StorageFile>,
    at: Found,
) -> std::io::Result<Option<SoundFrame>> {
    let frame = sound_frame(store, at, examined.store_len)?;
    if frame.as_ref().is_none_or(|frame| frame.last.checksummed) {
        return Ok(frame);
    }
    let start = Found { offset: examined.base(), position: Position(0) };
    let first = sound_frame(store, start, examined.store_len)?;
    Ok(frame.filter(|_| first.is_none_or(|first| !first.last.checksummed)))
}

/// An index without a store: a leftover if it is empty, else the store is gone.
fn examine_storeless(dir: &LogDir, mut examined: Examined) -> Result<Examined, LogError> {
    let path = dir.index_path(examined.base());
    if let Some(index) = examined.index.as_ref().filter(|_| examined.index_len > 0) {
        // Entries are written only for records that were there; the first one looks like space.
        let n_entries = index::count_entries(&**index, 0);
        let n_entries = n_entries.map_err(|error| LogError::io("read", &path, error))?;
        let at = Found { offset: examined.base(), position: Position(0) };
        let store_path = dir.store_path(examined.base());
        let first = corruption(examined.base(), at, CorruptReason::NoStore, &store_path);
        examined.extent.n_records = n_entries.max(1);
        let mut damage = Damage::default();
        damage.add(DamagedRange { first, offsets: at.offset..examined.next(), n_bytes: 0 });
        examined.state = State::Damaged { sparse: SparseIndex::default(), damage };
    }
    Ok(examined)
}

/// Where to start reading forward: at the last entry whose frame is sound or, since that frame may
/// have reached the device before those that were written along with it, as far before it as it says
/// that records weren't known to be on the device then.
fn walk_start(examined: &Examined, store: &Arc<dyn StorageFile>) -> std::io::Result<Found> {
    let start = Found { offset: examined.base(), position: Position(0) };
    let Some(index) = &examined.index else { return Ok(start) };
    let n_entries = index::count_entries(&**index, 0)?;
    let Some((last, frame)) = last_sound_entry(examined, store, index, n_entries)? else {
        return Ok(start);
    };
    if frame.unsynced == 0 {
        return Ok(last);
    }
    let n_synced = last.offset.since(examined.base()).saturating_sub(u64::from(frame.unsynced));
    let synced = last_sound_entry(examined, store, index, n_synced)?;
    Ok(synced.map_or(start, |(found, _)| found))
}

/// The last of the first `n_entries` entries of the index whose frame is sound. Looks further and
/// further back.
fn last_sound_entry(
    examined: &Examined,
    store: &Arc<dyn StorageFile>,
    index: &Arc<dyn StorageFile>,
    n_entries: u64,
) -> std::io::Result<Option<(Found, SoundFrame)>> {
    let mut n_entries = n_entries;
    let mut step = 1;
    while n_entries > 1 {
        if let Some(entry) = index::read_entry(&**index, n_entries - 1)? {
            let offset = examined.base().plus(n_entries - 1);
            let at = Found { offset, position: entry.position };
            if let Some(frame) = credible_frame(examined, store, at)? {
                return Ok(Some((at, frame)));
            }
        }
        n_entries = n_entries.saturating_sub(step);
        step *= 2;
    }
    Ok(None)
}
