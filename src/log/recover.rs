//! Opening after whatever happened: what is there, what is to be cut, what is damage.
//!
//! Three steps, each its own function: [`examine`] looks at one segment, [`judge`] at all of them
//! together, [`apply`] does what loses nothing. Readers stop after the second. `docs/format.md`,
//! "Opening", is the law.
//!
//! Invariants
//! - A segment that was closed cleanly costs one frame to check, whatever its size.
//! - Only bytes that were never acknowledged are cut. If anything else is wrong, nothing is changed.

use std::sync::Arc;

use tracing::warn;

use super::dir::{LogDir, SegmentFiles};
use super::error::{CorruptReason, Corruption, LogError};
use super::frame_reader::FrameError;
use super::fs::{self, Access, StorageFile, read_full};
use super::index::{self, ENTRY_BYTES, Entry, Index, SparseIndex};
use super::offset::{Offset, Position, RelativeOffset};
use super::segment::{Extent, Segment, corruption, read_frame_at};
use super::view::View;
use super::walker::{Found, Walker};

/// What opening a log found, and what it did about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes behind the last whole record of a segment, never acknowledged as durable, that were cut.
    pub torn_tails: Vec<TornTail>,
    /// Base offsets of the segments whose index was rebuilt.
    pub rebuilt_indexes: Vec<Offset>,
    /// Base offsets of empty leftover segments that were removed.
    pub removed_segments: Vec<Offset>,
    /// Damage. If there is any, nothing was changed, and appends are refused.
    pub damage: Vec<Corruption>,
}

impl Recovery {
    /// Whether everything was as a clean close leaves it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Recovery::default()
    }
}

/// The end of a segment that a crash left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Base offset of the segment.
    pub segment: Offset,
    /// The first offset that isn't there.
    pub offset: Offset,
    /// Where in the store the tail starts.
    pub position: Position,
    /// How long it is.
    pub bytes: u64,
}

/// Which entries and bytes of a segment a reader may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nobody is writing: all sound records count.
    Nobody,
    /// A live writer: only records with an index entry are committed.
    LiveWriter,
}

/// One segment, looked at.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) files: SegmentFiles,
    pub(super) store: Option<Arc<dyn StorageFile>>,
    pub(super) index: Option<Arc<dyn StorageFile>>,
    pub(super) store_len: u64,
    pub(super) index_len: u64,
    pub(super) extent: Extent,
    pub(super) last: LastRecord,
    pub(super) state: State,
}

/// What the next append has to know of the last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LastRecord {
    pub(super) timestamp_us: u64,
    pub(super) checksummed: bool,
}

/// What shape a segment is in.
#[derive(Debug)]
pub(super) enum State {
    /// As a clean close leaves it, as far as its end tells.
    Clean,
    /// Being written by someone else.
    Live,
    /// Sound up to its extent, but its files want cutting or its index rebuilding.
    Unclean {
        /// Some positions, since the index can't be relied on.
        sparse: SparseIndex,
        /// The first entry to be written anew.
        stale_from: Found,
        /// What is behind the extent, if it's more than zeros.
        torn_tail: Option<TornTail>,
    },
    /// Something that was on the device isn't what it was.
    Damaged { sparse: SparseIndex, damage: Vec<Corruption> },
}

impl Examined {
    pub(super) fn base(&self) -> Offset {
        self.files.base
    }

    pub(super) fn next(&self) -> Offset {
        self.base().plus(self.extent.n_records)
    }

    fn is_empty(&self) -> bool {
        self.extent.n_records == 0 && !matches!(self.state, State::Damaged { .. })
    }

    /// The segment for readers. `mapped` is for the holder of the lock, who may rely on the index
    /// file's length.
    pub(super) fn into_segment(self, dir: &LogDir, mapped: Option<u64>) -> Option<Segment> {
        let (base, store) = (self.base(), self.store?);
        let index = match (self.state, self.index, mapped) {
            (State::Clean, Some(file), Some(capacity)) => {
                let capacity = capacity.max(self.extent.n_records);
                let access =
                    if capacity > self.extent.n_records { Access::ReadWrite } else { Access::Read };
                Index::Mapped(index::MappedIndex::new(file, access, capacity))
            }
            (State::Clean | State::Live, Some(file), _) => Index::Read(file),
            (State::Unclean { sparse, .. } | State::Damaged { sparse, .. }, file, _) => {
                Index::Sparse(sparse, file)
            }
            (State::Clean | State::Live, None, _) => Index::Sparse(SparseIndex::default(), None),
        };
        Some(Segment::new(base, store, dir.store_path(base), index, self.extent))
    }
}

/// Looks at one segment and changes nothing.
pub(super) fn examine(
    dir: &LogDir,
    files: SegmentFiles,
    beside: Beside,
    access: Access,
) -> Result<Examined, LogError> {
    let (store_path, index_path) = (dir.store_path(files.base), dir.index_path(files.base));
    let open = |there: bool, path| there.then(|| dir.open_file(path, access)).transpose();
    let store = open(files.has_store, &store_path)?;
    let index = open(files.has_index, &index_path)?;
    let len = |file: &Option<Arc<dyn StorageFile>>, path| match file {
        Some(file) => file.len().map_err(|error| LogError::io("look at", path, error)),
        None => Ok(0),
    };
    let mut examined = Examined {
        files,
        store_len: len(&store, &store_path)?,
        index_len: len(&index, &index_path)?,
        store,
        index,
        extent: Extent::default(),
        last: LastRecord::default(),
        state: State::Clean,
    };
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
    let walk = Walk::start(dir, &examined, &store).map_err(failed)?;
    walk.finish(examined).map_err(failed)
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
    let Some(frame) = sound_frame(store, at, examined.store_len)? else { return Ok(false) };
    if frame.end != examined.store_len {
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
    last: LastRecord,
}

fn sound_frame(
    store: &Arc<dyn StorageFile>,
    at: Found,
    end: u64,
) -> std::io::Result<Option<SoundFrame>> {
    let frame = read_frame_at(store, at, end, |record| SoundFrame {
        end: at.position.0 + record.frame_bytes,
        last: LastRecord {
            timestamp_us: record.timestamp_us.unwrap_or(0),
            checksummed: record.checksum.is_some(),
        },
    });
    match frame {
        Ok(frame) => Ok(Some(frame)),
        Err(FrameError::Corrupt(_)) => Ok(None),
        Err(FrameError::Io(error)) => Err(error),
    }
}

/// An index without a store: a leftover if it is empty, else the store is gone.
fn examine_storeless(dir: &LogDir, mut examined: Examined) -> Result<Examined, LogError> {
    let path = dir.index_path(examined.base());
    let n_entries = n_claimed(&examined).map_err(|error| LogError::io("read", &path, error))?;
    if n_entries > 0 {
        let at = Found { offset: examined.base(), position: Position(0) };
        let store_path = dir.store_path(examined.base());
        let damage = vec![corruption(examined.base(), at, CorruptReason::NoStore, &store_path)];
        examined.extent.n_records = n_entries;
        examined.state = State::Damaged { sparse: SparseIndex::default(), damage };
    }
    Ok(examined)
}

/// How many records the index says were there when the segment was closed; 0 if it wasn't closed.
fn n_claimed(examined: &Examined) -> std::io::Result<u64> {
    match &examined.index {
        Some(_) if !examined.index_len.is_multiple_of(ENTRY_BYTES) => Ok(0),
        // Entry 0 is all zeros, but a length of one entry says that it's there.
        Some(_) if examined.index_len == ENTRY_BYTES => Ok(1),
        Some(index) => index::count_entries(&**index, 0),
        None => Ok(0),
    }
}

/// Reading frames forward from the last index entry that holds.
struct Walk {
    base: Offset,
    store_path: std::path::PathBuf,
    store: Arc<dyn StorageFile>,
    walker: Walker,
    /// The index, asked for the way behind damage.
    hints: Index,
    end: u64,
    /// The first offset for which the index doesn't vouch.
    claimed: Offset,
    start: Found,
    sparse: SparseIndex,
    last: LastRecord,
    damage: Vec<Corruption>,
}

impl Walk {
    fn start(
        dir: &LogDir,
        examined: &Examined,
        store: &Arc<dyn StorageFile>,
    ) -> std::io::Result<Walk> {
        let base = examined.base();
        let start = last_sound_entry(examined, store)?;
        let hints = Index::Sparse(SparseIndex::default(), examined.index.clone());
        let mut sparse = SparseIndex::default();
        if start.position.0 > 0 {
            sparse.keep(Entry { relative: RelativeOffset(0), position: Position(0) });
        }
        Ok(Walk {
            base,
            store_path: dir.store_path(base),
            store: Arc::clone(store),
            walker: Walker::new(Arc::clone(store), base, start),
            hints,
            end: examined.store_len,
            claimed: base.plus(n_claimed(examined)?),
            start,
            sparse,
            last: LastRecord::default(),
            damage: Vec::new(),
        })
    }

    fn finish(mut self, mut examined: Examined) -> std::io::Result<Examined> {
        loop {
            let here = self.here();
            match self.walker.next(self.end) {
                Ok(record) => {
                    if let Some(relative) = record.offset.relative_to(self.base) {
                        self.sparse.note(Entry { relative, position: record.position });
                    }
                    self.last = LastRecord {
                        timestamp_us: record.timestamp_us.unwrap_or(0),
                        checksummed: record.checksum.is_some(),
                    };
                }
                Err(FrameError::Io(error)) => return Err(error),
                Err(FrameError::Corrupt(reason)) => {
                    if !self.is_damage(here)? {
                        break;
                    }
                    self.damage.push(corruption(self.base, here, reason, &self.store_path));
                    if !self.resync()? {
                        break;
                    }
                }
            }
        }
        self.conclude(&mut examined)?;
        Ok(examined)
    }

    fn here(&self) -> Found {
        Found { offset: self.walker.expected(), position: Position(self.walker.position()) }
    }

    /// Whether the record that should be `here` was on the device once.
    fn is_damage(&mut self, here: Found) -> std::io::Result<bool> {
        if here.offset < self.claimed {
            return Ok(true);
        }
        Ok(here.position.0 < self.end && self.walker.is_vouched_for(self.end)?)
    }

    fn resync(&mut self) -> std::io::Result<bool> {
        let resynced = self.walker.resync(&self.hints, Offset(u64::MAX), self.end)?;
        if resynced {
            let here = self.here();
            if let Some(relative) = here.offset.relative_to(self.base) {
                self.sparse.keep(Entry { relative, position: here.position });
            }
        }
        Ok(resynced)
    }

    fn conclude(self, examined: &mut Examined) -> std::io::Result<()> {
        let Found { offset, position } = self.here();
        examined.last = self.last;
        if !self.damage.is_empty() {
            let n_records = offset.max(self.claimed).since(self.base);
            examined.extent = Extent { n_records, end: self.end };
            examined.state = State::Damaged { sparse: self.sparse, damage: self.damage };
            return Ok(());
        }
        examined.extent = Extent { n_records: offset.since(self.base), end: position.0 };
        let has_tail = position.0 < self.end && !is_zeros(&*self.store, position.0, self.end)?;
        let torn_tail = has_tail.then(|| TornTail {
            segment: self.base,
            offset,
            position,
            bytes: self.end - position.0,
        });
        examined.state = State::Unclean { sparse: self.sparse, stale_from: self.start, torn_tail };
        Ok(())
    }
}

/// The last entry of the index whose frame is sound, or the start of the segment.
fn last_sound_entry(examined: &Examined, store: &Arc<dyn StorageFile>) -> std::io::Result<Found> {
    let base = examined.base();
    if let Some(index) = &examined.index {
        let mut n_entries = index::count_entries(&**index, 0)?;
        let mut step = 1;
        while n_entries > 1 {
            let entry = index::read_entry(&**index, n_entries - 1)?;
            if let Some(entry) = entry {
                let at = Found { offset: base.plus(n_entries - 1), position: entry.position };
                if sound_frame(store, at, examined.store_len)?.is_some() {
                    return Ok(at);
                }
            }
            n_entries = n_entries.saturating_sub(step);
            step *= 2;
        }
    }
    Ok(Found { offset: base, position: Position(0) })
}

fn is_zeros(file: &dyn StorageFile, from: u64, to: u64) -> std::io::Result<bool> {
    let mut block = vec![0; 64 << 10];
    let mut position = from;
    while position < to {
        let n_wanted = (to - position).min(block.len() as u64) as usize;
        let n_read = read_full(file, &mut block[..n_wanted], position)?;
        if block[..n_read].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if n_read == 0 {
            break;
        }
        position += n_read as u64;
    }
    Ok(true)
}

/// All segments together.
#[derive(Debug)]
pub(super) struct Judged {
    /// Those that hold records, and the last one even if it's empty.
    pub(super) kept: Vec<Examined>,
    /// Empty ones that are in the way.
    pub(super) leftovers: Vec<SegmentFiles>,
    /// For each kept segment the first offset that is read from it.
    pub(super) floors: Vec<Offset>,
    pub(super) recovery: Recovery,
}

impl Judged {
    /// The segments as readers see them; those that lie wholly in another's offsets are left out.
    /// `capacity` says for each whether its index may be mapped, and for how many entries.
    pub(super) fn into_view(self, dir: &LogDir, capacity: impl Fn(usize) -> Option<u64>) -> View {
        let lowest = self.kept.first().map_or(Offset(0), Examined::base);
        let next = self.kept.iter().map(Examined::next).max().unwrap_or(lowest);
        let segments = self.kept.into_iter().zip(self.floors).enumerate();
        let segments = segments.filter_map(|(number, (examined, floor))| {
            let is_shadowed = examined.extent.n_records > 0 && examined.next() <= floor;
            let mut segment = examined.into_segment(dir, capacity(number))?;
            segment.floor = floor;
            (!is_shadowed).then(|| Arc::new(segment))
        });
        View::new(segments.collect(), lowest, next)
    }
}

/// Puts the segments in a row: each has to start where the one before it ends.
pub(super) fn judge(dir: &LogDir, segments: Vec<Examined>) -> Judged {
    let mut judged = Judged {
        kept: Vec::new(),
        leftovers: Vec::new(),
        floors: Vec::new(),
        recovery: Recovery::default(),
    };
    let mut next: Option<Offset> = None;
    for segment in segments {
        let expected = next.unwrap_or(segment.base());
        if segment.is_empty() && is_leftover(&segment, expected, judged.kept.last()) {
            judged.recovery.removed_segments.push(segment.base());
            judged.leftovers.push(segment.files);
            continue;
        }
        if segment.base() != expected {
            judged.recovery.damage.push(misplaced(dir, &judged.kept, &segment, expected));
        }
        note_state(&mut judged.recovery, &segment);
        judged.floors.push(segment.base().max(expected));
        next = Some(expected.max(segment.next()));
        judged.kept.push(segment);
    }
    judged.recovery.damage.sort_by_key(|damage| (damage.segment, damage.position));
    judged
}

/// Whether an empty segment is one that a crash of the Go original left, which starts segments
/// before it has written the last. Ours are started only once the one before is on the device, so
/// an empty segment of ours that is too far up says that records are missing.
fn is_leftover(segment: &Examined, expected: Offset, before: Option<&Examined>) -> bool {
    if segment.store.is_none() {
        return true;
    }
    segment.base() != expected
        && (segment.base() < expected || before.is_none_or(|before| !before.last.checksummed))
}

fn misplaced(dir: &LogDir, kept: &[Examined], segment: &Examined, expected: Offset) -> Corruption {
    match kept.last() {
        Some(before) if segment.base() > expected => {
            let position = Position(before.extent.end);
            let at = Found { offset: expected, position };
            let reason = CorruptReason::Missing { next: segment.base() };
            corruption(before.base(), at, reason, &dir.store_path(before.base()))
        }
        _ => {
            let at = Found { offset: segment.base(), position: Position(0) };
            let path = dir.store_path(segment.base());
            corruption(segment.base(), at, CorruptReason::Overlap, &path)
        }
    }
}

fn note_state(recovery: &mut Recovery, segment: &Examined) {
    match &segment.state {
        State::Clean | State::Live => {}
        State::Unclean { torn_tail, .. } => {
            recovery.rebuilt_indexes.push(segment.base());
            recovery.torn_tails.extend(torn_tail.clone());
        }
        State::Damaged { damage, .. } => recovery.damage.extend(damage.iter().cloned()),
    }
}

/// Does what [`judge`] found to be harmless: cuts torn tails, rebuilds indexes, removes leftovers.
/// Afterwards every segment is as a clean close leaves it.
pub(super) fn apply(dir: &LogDir, judged: &mut Judged) -> Result<(), LogError> {
    for tail in &judged.recovery.torn_tails {
        warn!(
            segment = tail.segment.0,
            offset = tail.offset.0,
            position = tail.position.0,
            bytes = tail.bytes,
            "cutting a torn tail that was never acknowledged"
        );
    }
    for leftover in judged.leftovers.drain(..) {
        warn!(segment = leftover.base.0, "removing an empty segment that a crash left");
        dir.remove_segment(leftover)?;
        dir.sync()?;
    }
    for segment in &mut judged.kept {
        if let State::Unclean { stale_from, .. } = &segment.state {
            let stale_from = *stale_from;
            close_cleanly(dir, segment, stale_from)?;
        }
    }
    Ok(())
}

fn close_cleanly(dir: &LogDir, segment: &mut Examined, stale_from: Found) -> Result<(), LogError> {
    let (store_path, index_path) = (dir.store_path(segment.base()), dir.index_path(segment.base()));
    let Some(store) = &segment.store else { return Ok(()) };
    let failed = |error| LogError::io("cut the torn tail of", &store_path, error);
    if segment.store_len != segment.extent.end {
        store.set_len(segment.extent.end).map_err(failed)?;
    }
    store.sync_all().map_err(failed)?;
    let index = match &segment.index {
        Some(index) => Arc::clone(index),
        None => {
            let index = dir.open_file(&index_path, Access::CreateNew)?;
            dir.sync()?;
            index
        }
    };
    write_entries(store, &*index, segment, stale_from)
        .map_err(|error| LogError::io("rebuild", &index_path, error))?;
    segment.store_len = segment.extent.end;
    segment.index_len = segment.extent.n_records * ENTRY_BYTES;
    segment.index = Some(index);
    segment.files.has_index = true;
    segment.state = State::Clean;
    Ok(())
}

/// Writes the entries from `from` on to the end of the segment, and cuts the file behind them.
fn write_entries(
    store: &Arc<dyn StorageFile>,
    file: &dyn StorageFile,
    segment: &Examined,
    from: Found,
) -> std::io::Result<()> {
    let base = segment.base();
    let mut walker = Walker::new(Arc::clone(store), base, from);
    let mut written = from.offset.since(base) * ENTRY_BYTES;
    let mut entries = Vec::new();
    while walker.expected() < segment.next() {
        let (offset, position) = (walker.expected(), Position(walker.position()));
        match walker.next(segment.extent.end) {
            Ok(_) => {}
            Err(FrameError::Io(error)) => return Err(error),
            // It was sound a moment ago: the device gives other bytes now.
            Err(FrameError::Corrupt(_)) => return Err(std::io::ErrorKind::InvalidData.into()),
        }
        let relative = RelativeOffset(offset.since(base) as u32);
        entries.extend_from_slice(&Entry { relative, position }.to_bytes());
        if entries.len() >= 256 << 10 {
            fs::write_full(file, &entries, written)?;
            written += entries.len() as u64;
            entries.clear();
        }
    }
    fs::write_full(file, &entries, written)?;
    file.set_len(written + entries.len() as u64)?;
    file.sync_all()
}
