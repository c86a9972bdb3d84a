//! Opening after whatever happened: what is to be cut, what is damage.
//!
//! Three steps, each its own function: [`examine`](super::examine::examine) looks at one segment,
//! [`judge`] at all of them together, [`apply`] does what loses nothing. Readers stop after the
//! second. `docs/format.md`, "Opening", is the law.
//!
//! Invariant: only bytes that were never acknowledged are cut. If anything else is wrong, nothing is
//! changed.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use tracing::warn;

use super::dir::{LogDir, SegmentFiles};
use super::error::{CorruptReason, Corruption, LogError};
use super::examined::{Examined, Purpose, State, TornTail};
use super::frame_reader::FrameError;
use super::frame_run::FrameRun;
use super::fs::{self, Access, StorageFile};
use super::index::{ENTRY_BYTES, Entry, EntryWriter};
use super::offset::{Offset, Position, RelativeOffset};
use super::plant::{Plant, is_planted};
use super::segment::corruption;
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
    /// Damage: of each segment the first thousand places. If there is any, nothing was changed, and
    /// appends are refused.
    pub damage: Vec<Corruption>,
    /// How many damaged places there are beyond those.
    pub damage_untold: u64,
}

impl Recovery {
    /// Whether everything was as a clean close leaves it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Recovery::default()
    }
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
    /// The offsets that are missing between a segment and the next one.
    pub(super) fn gap_behind(&self, number: usize) -> Option<Range<Offset>> {
        let next_base = self.kept.get(number + 1)?.base();
        let end = self.kept[..=number].iter().map(Examined::next).max()?;
        (end < next_base).then_some(end..next_base)
    }

    /// The segments as readers see them; those that lie wholly in another's offsets are left out.
    /// `purpose` says for each what it's opened for.
    pub(super) fn into_view(self, dir: &LogDir, purpose: impl Fn(usize) -> Purpose) -> View {
        let lowest = self.kept.first().map_or(Offset(0), Examined::base);
        let next = self.kept.iter().map(Examined::next).max().unwrap_or(lowest);
        let segments = self.kept.into_iter().zip(self.floors).enumerate();
        let segments = segments.filter_map(|(number, (examined, floor))| {
            let is_shadowed = examined.extent.n_records > 0 && examined.next() <= floor;
            let mut segment = examined.into_segment(dir, purpose(number))?;
            segment.floor = floor;
            (!is_shadowed).then(|| Arc::new(segment))
        });
        View::new(&dir.path, segments.collect(), lowest, next)
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
        if segment.is_empty() && is_leftover(&segment, expected, &judged.kept) {
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
fn is_leftover(segment: &Examined, expected: Offset, before: &[Examined]) -> bool {
    if segment.store.is_none() {
        return true;
    }
    let last = before.iter().rfind(|before| before.extent.n_records > 0);
    let last_is_ours = last.is_some_and(|last| last.last.checksummed);
    segment.base() != expected && (segment.base() < expected || !last_is_ours)
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
        State::Damaged { damage, .. } => {
            recovery.damage.extend(damage.ranges().iter().map(|range| range.first.clone()));
            recovery.damage_untold += damage.untold.n_ranges;
        }
    }
}

/// Does what [`judge`] found to be harmless: cuts torn tails, rebuilds indexes, removes leftovers.
/// Afterwards every segment that isn't damaged is as a clean close leaves it.
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
    }
    let damage = &judged.recovery.damage;
    let is_damaged = |base| damage.iter().any(|corruption| corruption.segment == base);
    for segment in judged.kept.iter_mut().filter(|segment| !is_damaged(segment.base())) {
        match mem::replace(&mut segment.state, State::Clean) {
            State::Unclean { stale, .. } => close_cleanly(dir, segment, &stale)?,
            other => segment.state = other,
        }
    }
    Ok(())
}

fn close_cleanly(dir: &LogDir, segment: &mut Examined, stale: &FrameRun) -> Result<(), LogError> {
    let (store_path, index_path) = (dir.store_path(segment.base()), dir.index_path(segment.base()));
    let Some(store) = &segment.store else { return Ok(()) };
    let failed = |error| LogError::io("cut the torn tail of", &store_path, error);
    // Also if the length is right: it gives back what a killed writer had reserved.
    if !is_planted(Plant::TornTail) {
        store.set_len(segment.extent.end).map_err(failed)?;
    }
    write_again(&**store, stale.start().position.0, segment.extent.end).map_err(failed)?;
    store.sync_all().map_err(failed)?;
    let index = match &segment.index {
        Some(index) => Arc::clone(index),
        None => {
            let index = dir.open_file(&index_path, Access::CreateNew)?;
            dir.sync()?;
            index
        }
    };
    write_entries(store, &*index, segment, stale)
        .map_err(|error| LogError::io("rebuild", &index_path, error))?;
    segment.store_len = segment.extent.end;
    segment.index_len = segment.extent.n_records * ENTRY_BYTES;
    segment.index = Some(index);
    segment.files.has_index = true;
    Ok(())
}

/// Writes what may not be on the device once more before it's synced. After a failed sync the system
/// takes its pages for clean, so that a sync alone would do nothing and be believed.
///
/// Only so much as appends that were to be synced can have left; more comes from a policy that
/// promises nothing against a power cut.
fn write_again(store: &dyn StorageFile, from: u64, to: u64) -> io::Result<()> {
    const MOST: u64 = 128 << 20;
    if to - from > MOST {
        return Ok(());
    }
    fs::copy(store, store, from..to)
}

/// Writes the entries of `stale`, up to the end of the segment, and cuts the file behind them.
fn write_entries(
    store: &Arc<dyn StorageFile>,
    file: &dyn StorageFile,
    segment: &Examined,
    stale: &FrameRun,
) -> io::Result<()> {
    let (base, start) = (segment.base(), stale.start());
    let mut writer = EntryWriter::new(file, start.offset.since(base));
    match stale.entries(base) {
        Some(mut entries) => entries.try_for_each(|entry| writer.put(entry))?,
        None => {
            let mut walker = Walker::new(Arc::clone(store), base, start);
            while walker.expected() < segment.next() {
                let relative = RelativeOffset(walker.expected().since(base) as u32);
                let entry = Entry { relative, position: Position(walker.position()) };
                match walker.next(segment.extent.end) {
                    Ok(_) => writer.put(entry)?,
                    Err(FrameError::Io(error)) => return Err(error),
                    // It was sound a moment ago: the device gives other bytes now.
                    Err(FrameError::Corrupt(_)) => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
        }
    }
    writer.finish()
}
