//! TEMPORARY: the surface as signatures, so that the layers above can be written against it. Replaced by the engine.
#![allow(missing_docs, unused_variables, clippy::todo)]
use super::*;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One batch: its records get offsets without a gap, and readers see all of them or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Append<'a> {
    pub records: &'a [NewRecord<'a>],
    /// Append only if the first record would get this offset.
    pub expected_offset: Option<Offset>,
    /// Raft term; 0 in a stand-alone log.
    pub term: u64,
}
/// What an acknowledged append became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub first_offset: Offset,
    pub last_offset: Offset,
    pub durability: Durability,
}
/// What opening found and did.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Torn tails that were cut.
    pub torn_tails: Vec<TornTail>,
    /// Base offsets of segments whose index was rebuilt.
    pub rebuilt_indexes: Vec<Offset>,
    /// Base offsets of empty leftover segments that were removed.
    pub removed_segments: Vec<Offset>,
    /// Damage: nothing was changed if there is any, and appends are refused.
    pub damage: Vec<Corruption>,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    pub segment: Offset,
    pub offset: Offset,
    pub position: Position,
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub struct SegmentInfo {
    pub base_offset: Offset,
    /// First offset behind the segment.
    pub next_offset: Offset,
    /// Bytes of frames in the store.
    pub store_bytes: u64,
    /// Bytes of index entries.
    pub index_bytes: u64,
}
#[derive(Debug)]
pub struct Log;
impl Log {
    /// Creates the directory if missing; recovers; holds the lock.
    pub fn open(dir: &Path, config: LogConfig) -> Result<Log, LogError> {
        todo!()
    }
    pub fn recovery(&self) -> &Recovery {
        todo!()
    }
    pub fn append(&self, batch: &Append<'_>) -> Result<Appended, LogError> {
        todo!()
    }
    /// Like `append`, but answers `Busy` instead of blocking when too much waits.
    pub fn try_append(&self, batch: &Append<'_>) -> Result<Appended, LogError> {
        todo!()
    }
    /// Several independent batches that share one write and one sync; one answer each, in order.
    pub fn append_group(&self, batches: &[Append<'_>]) -> Vec<Result<Appended, LogError>> {
        todo!()
    }
    pub fn read(&self, offset: Offset) -> Result<Record, LogError> {
        todo!()
    }
    pub fn scan(&self, from: Offset) -> Result<Scan, LogError> {
        todo!()
    }
    pub fn lowest_offset(&self) -> Offset {
        todo!()
    }
    pub fn next_offset(&self) -> Offset {
        todo!()
    }
    pub fn committed_offset(&self) -> Offset {
        todo!()
    }
    pub fn commit(&self, up_to: Offset) {
        todo!()
    }
    pub fn segments(&self) -> Vec<SegmentInfo> {
        todo!()
    }
    pub fn size_bytes(&self) -> u64 {
        todo!()
    }
    /// First offset whose timestamp is at or after `timestamp_us`; the next offset if there is none.
    pub fn offset_at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        todo!()
    }
    /// Removes whole segments that lie wholly below `offset`; answers with the new lowest offset.
    pub fn truncate_before(&self, offset: Offset) -> Result<Offset, LogError> {
        todo!()
    }
    /// Undoes every record after `last_kept`... removes records at `offset` and above.
    pub fn truncate_after(&self, offset: Offset) -> Result<(), LogError> {
        todo!()
    }
    /// Blocks until the log holds `offset` (true), or the time is over or the log closed (false).
    pub fn wait_for(&self, offset: Offset, timeout: Duration) -> bool {
        todo!()
    }
    /// Why appends are refused, if they are (damage found at open, or a failure since).
    pub fn refusal(&self) -> Option<LogError> {
        todo!()
    }
    /// Syncs, cuts the files to their content and refuses further appends. Dropping the log does the same but swallows errors.
    pub fn close(&self) -> Result<(), LogError> {
        todo!()
    }
}
/// Read-only, no lock, beside a live writer in another process.
#[derive(Debug)]
pub struct LogReader;
impl LogReader {
    pub fn open(dir: &Path) -> Result<LogReader, LogError> {
        todo!()
    }
    /// Looks at the directory again; true if there is something new.
    pub fn refresh(&self) -> Result<bool, LogError> {
        todo!()
    }
    /// Whether another process had the log open for writing at the last look.
    pub fn has_writer(&self) -> bool {
        todo!()
    }
    /// What an `open` for writing would do and has found.
    pub fn recovery(&self) -> Recovery {
        todo!()
    }
    pub fn read(&self, offset: Offset) -> Result<Record, LogError> {
        todo!()
    }
    pub fn scan(&self, from: Offset) -> Result<Scan, LogError> {
        todo!()
    }
    pub fn lowest_offset(&self) -> Offset {
        todo!()
    }
    pub fn next_offset(&self) -> Offset {
        todo!()
    }
    pub fn segments(&self) -> Vec<SegmentInfo> {
        todo!()
    }
    pub fn size_bytes(&self) -> u64 {
        todo!()
    }
    pub fn offset_at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        todo!()
    }
    /// Polls until the log holds `offset` or the time is over; refreshes on the way.
    pub fn wait_for(&self, offset: Offset, timeout: Duration) -> Result<bool, LogError> {
        todo!()
    }
}
/// Records in order, as slices of a read buffer. Owns what it needs: it outlives the log it came from.
#[derive(Debug)]
pub struct Scan;
impl Scan {
    /// The next record; `None` at the end of what is visible NOW: later calls may find more
    /// (for a `LogReader`, after a `refresh`). After `Corrupt` every call answers the same until `skip_corrupt`.
    /// Records of type LOST are passed over.
    pub fn next_record(&mut self) -> Option<Result<RecordRef<'_>, LogError>> {
        todo!()
    }
    /// Goes on at the next intact record; answers with the offsets that are left out (up to the end, if none follows).
    pub fn skip_corrupt(&mut self) -> Result<Range<Offset>, LogError> {
        todo!()
    }
    /// The offset `next_record` will look at next.
    pub fn position(&self) -> Offset {
        todo!()
    }
    /// Offsets given up by a repair that were passed over since the last call.
    pub fn take_lost(&mut self) -> Vec<Range<Offset>> {
        todo!()
    }
}

// ---- verify and repair ----
/// Walks every segment, read-only, in parallel. `progress` is told how many store bytes more were read.
pub fn verify(dir: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Report, LogError> { todo!() }
#[derive(Clone, Debug)]
pub struct Report {
    pub segments: u64, pub records: u64, pub store_bytes: u64,
    pub lowest_offset: Offset, pub next_offset: Offset,
    /// Records of the Go original, which carry no checksum.
    pub unchecksummed: u64,
    /// Places given up by a repair.
    pub lost: u64,
    /// A writer was at work; what it had not yet committed was not looked at.
    pub live_writer: bool,
    /// Sorted by segment and position.
    pub findings: Vec<Finding>,
}
impl Report { pub fn verdict(&self) -> Verdict { todo!() } }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict { Sound, NeedsRecovery, Damaged }
#[derive(Clone, Debug)]
pub struct Finding {
    pub kind: FindingKind,
    pub segment: Offset, pub offset: Offset, pub position: Position,
    /// For people: what is wrong, and in which file.
    pub message: String,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind { CorruptRecord, MissingRecords, Overlap, MissingStore, TimeWentBack, TornTail, StaleIndex, MissingIndex, EmptyLeftover, StrayFile }
impl FindingKind {
    /// snake_case name for JSON.
    pub fn as_str(self) -> &'static str { todo!() }
    pub fn is_damage(self) -> bool { todo!() }
}

/// What `repair` would do.
#[derive(Clone, Debug)]
pub struct Plan { pub steps: Vec<RepairStep> }
impl Plan { pub fn loses_data(&self) -> bool { todo!() } pub fn is_empty(&self) -> bool { self.steps.is_empty() } }
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RepairStep {
    CutTornTail(TornTail),
    RebuildIndex { segment: Offset },
    RemoveEmpty { segment: Offset },
    /// Gives up these offsets: their bytes go to quarantine and a mark takes their place.
    GiveUp { segment: Offset, offsets: Range<Offset>, bytes: u64 },
    /// Moves a whole segment to quarantine whose offsets are in an earlier one.
    Quarantine { segment: Offset, bytes: u64 },
}
impl RepairStep { pub fn loses_data(&self) -> bool { todo!() } /// one line for people
 pub fn describe(&self) -> String { todo!() } }
/// How far the consent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent { Lossless, AcceptLoss }
pub fn plan_repair(dir: &Path) -> Result<Plan, LogError> { todo!() }
/// Carries out the steps that `consent` covers; answers with the steps done and the quarantine folder, if one was made.
pub fn repair(dir: &Path, consent: Consent) -> Result<Repaired, LogError> { todo!() }
#[derive(Clone, Debug)]
pub struct Repaired { pub done: Vec<RepairStep>, pub left: Vec<RepairStep>, pub quarantine: Option<PathBuf> }
