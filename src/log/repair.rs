//! Mends a log: first a plan, then, with consent, doing it.
//!
//! Invariants
//! - Without [`Consent::AcceptLoss`] nothing is removed that was ever acknowledged.
//! - With it, the bytes that are given up are copied to the quarantine folder beside the log, and
//!   synced there, before the log is touched; a mark takes the place of each lost record, so that
//!   offsets stay dense and no offset is ever given out twice.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::check_all;
use super::damage::Untold;
use super::dir::LogDir;
use super::error::LogError;
use super::examined::State;
use super::examined::TornTail;
use super::fs::{Access, FileSystem, OsFileSystem};
use super::offset::Offset;
use super::quarantine::Quarantine;
use super::recover::{self, Judged};
use super::rewrite;

/// What [`repair`] would do, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<RepairStep>,
}

impl Plan {
    /// Whether any step gives up data.
    #[must_use]
    pub fn loses_data(&self) -> bool {
        self.steps.iter().any(RepairStep::loses_data)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// One thing to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairStep {
    /// Cut bytes that were never acknowledged.
    CutTornTail(TornTail),
    /// Write the index anew from the store.
    RebuildIndex {
        /// Base offset of the segment.
        segment: Offset,
    },
    /// Remove an empty segment that a crash left.
    RemoveEmpty {
        /// Its base offset.
        segment: Offset,
    },
    /// Give up records whose bytes are damaged or gone; a mark takes the place of each.
    GiveUp {
        /// Base offset of the segment.
        segment: Offset,
        /// The offsets.
        offsets: Range<Offset>,
        /// Bytes of the store that are given up.
        bytes: u64,
    },
    /// Give up further such ranges, which are too many to name.
    GiveUpMore {
        /// Base offset of the segment.
        segment: Offset,
        /// How many ranges.
        ranges: u64,
        /// How many records in them.
        records: u64,
        /// Bytes of the store that are given up.
        bytes: u64,
    },
    /// Take a segment away whose offsets an earlier one has. What it has beyond those stays.
    Quarantine {
        /// Its base offset.
        segment: Offset,
        /// Bytes of its store.
        bytes: u64,
    },
}

impl RepairStep {
    /// Whether the step gives up data.
    #[must_use]
    pub fn loses_data(&self) -> bool {
        match self {
            RepairStep::CutTornTail(_)
            | RepairStep::RebuildIndex { .. }
            | RepairStep::RemoveEmpty { .. } => false,
            RepairStep::GiveUp { .. }
            | RepairStep::GiveUpMore { .. }
            | RepairStep::Quarantine { .. } => true,
        }
    }

    /// One line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            RepairStep::CutTornTail(tail) => format!(
                "segment {}: cut {} bytes behind the last whole record, from offset {} on, never acknowledged as durable",
                tail.segment, tail.bytes, tail.offset
            ),
            RepairStep::RebuildIndex { segment } => {
                format!("segment {segment}: rebuild the index from the store")
            }
            RepairStep::RemoveEmpty { segment } => {
                format!("segment {segment}: remove it, it is empty")
            }
            RepairStep::GiveUp { segment, offsets, bytes } => format!(
                "segment {segment}: give up the records from offset {} up to, not including, {} ({bytes} bytes)",
                offsets.start, offsets.end
            ),
            RepairStep::GiveUpMore { segment, ranges, records, bytes } => format!(
                "segment {segment}: give up {records} records more, in {ranges} ranges ({bytes} bytes)"
            ),
            RepairStep::Quarantine { segment, bytes } => format!(
                "segment {segment}: take it away ({bytes} bytes), its offsets are in an earlier segment too"
            ),
        }
    }
}

/// How far the consent of the user goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Only what loses nothing.
    Lossless,
    /// Damaged ranges may be given up.
    AcceptLoss,
}

/// What [`repair`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Steps that were carried out.
    pub done: Vec<RepairStep>,
    /// Steps that lose data and weren't consented to.
    pub left: Vec<RepairStep>,
    /// Where the bytes that were given up are now.
    pub quarantine: Option<PathBuf>,
}

/// Says what [`repair`] would do, and changes nothing.
///
/// # Errors
/// `InUse` if a writer has the log, `NoSuchLog`, `NotADirectory`, or a failed call.
pub fn plan_repair(dir: &Path) -> Result<Plan, LogError> {
    let dir = LogDir::open(Arc::new(OsFileSystem), dir)?;
    if dir.has_writer()? {
        return Err(LogError::InUse { dir: dir.path });
    }
    let judged = look(&dir, Access::Read)?;
    Ok(Plan { steps: plan(&judged) })
}

/// Carries out the steps that `consent` covers.
///
/// # Errors
/// As [`plan_repair`]. After a failed call the log is as damaged as before or less; run it again.
pub fn repair(dir: &Path, consent: Consent) -> Result<Repaired, LogError> {
    repair_on(Arc::new(OsFileSystem), dir, consent)
}

/// Like [`repair`], on a file system of the caller's.
///
/// # Errors
/// As [`repair`].
pub fn repair_on(
    fs: Arc<dyn FileSystem>,
    dir: &Path,
    consent: Consent,
) -> Result<Repaired, LogError> {
    let dir = LogDir::open(fs, dir)?;
    let _lock = dir.lock()?;
    let mut judged = look(&dir, Access::ReadWrite)?;
    let steps = plan(&judged);
    let mut repaired = Repaired::default();
    let (lossy, lossless): (Vec<_>, Vec<_>) = steps.into_iter().partition(RepairStep::loses_data);
    if consent == Consent::Lossless || lossy.is_empty() {
        // What is damaged is left as it is, and so is what depends on it.
        recover::apply(&dir, &mut judged)?;
        (repaired.done, repaired.left) = (lossless, lossy);
        return Ok(repaired);
    }
    // Before anything is rewritten: behind a mark an empty segment would say that records are missing.
    for files in judged.leftovers.drain(..) {
        dir.remove_segment(files)?;
    }
    let mut quarantine = Quarantine::create(&dir)?;
    rewrite::rewrite_damaged(&dir, &judged, &mut quarantine)?;
    repaired.quarantine = Some(quarantine.into_path());
    // What was rewritten has no index yet, and what was merely unclean still is.
    let mut judged = look(&dir, Access::ReadWrite)?;
    recover::apply(&dir, &mut judged)?;
    (repaired.done, repaired.left) = (lossless, plan(&judged));
    repaired.done.extend(lossy);
    Ok(repaired)
}

/// Reads everything: a repair has to know all that is wrong, not only what opening meets.
fn look(dir: &LogDir, access: Access) -> Result<Judged, LogError> {
    let checked = check_all(dir, false, access, &|_| {})?;
    Ok(recover::judge(dir, checked.into_iter().map(|checked| checked.examined).collect()))
}

fn plan(judged: &Judged) -> Vec<RepairStep> {
    let mut steps = Vec::new();
    for files in &judged.leftovers {
        steps.push(RepairStep::RemoveEmpty { segment: files.base });
    }
    for (number, segment) in judged.kept.iter().enumerate() {
        let lossy = lossy_steps(judged, number);
        if let State::Unclean { torn_tail, .. } = &segment.state
            && lossy.is_empty()
        {
            steps.extend(torn_tail.clone().map(RepairStep::CutTornTail));
            steps.push(RepairStep::RebuildIndex { segment: segment.base() });
        }
        steps.extend(lossy);
    }
    steps
}

fn lossy_steps(judged: &Judged, number: usize) -> Vec<RepairStep> {
    let segment = &judged.kept[number];
    let base = segment.base();
    let mut steps = Vec::new();
    if judged.floors[number] > base {
        steps.push(RepairStep::Quarantine { segment: base, bytes: segment.store_len });
    }
    if let Some(damage) = segment.damage() {
        steps.extend(damage.ranges().iter().map(|range| RepairStep::GiveUp {
            segment: base,
            offsets: range.offsets.clone(),
            bytes: range.n_bytes,
        }));
        let Untold { n_ranges, n_records, n_bytes } = damage.untold;
        let (ranges, records, bytes) = (n_ranges, n_records, n_bytes);
        let more = RepairStep::GiveUpMore { segment: base, ranges, records, bytes };
        steps.extend((n_ranges > 0).then_some(more));
    }
    let gap = judged.gap_behind(number);
    steps.extend(gap.map(|offsets| RepairStep::GiveUp { segment: base, offsets, bytes: 0 }));
    steps
}
