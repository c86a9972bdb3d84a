//! Reads a whole segment and compares everything with everything: frames, checksums, offsets,
//! times, batches, index. Shared by `verify`, which reports, and `repair`, which mends.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::damage::MOST_TOLD;
use super::dir::{LogDir, SegmentFiles};
use super::error::LogError;
use super::examine::{Beside, examine_fully};
use super::examined::{Examined, State};
use super::finding::{Finding, FindingKind};
use super::frame_run::FrameRun;
use super::fs::Access;
use super::index::{ENTRY_BYTES, Entry, EntryReader};
use super::offset::{Offset, Position};
use super::read_ahead::Place;
use super::record::{RecordRef, TYPE_LOST};
use super::walker::Found;

/// Progress is told after about so many bytes.
const PROGRESS_BYTES: u64 = 1 << 20;

/// Checks all segments, as many at a time as there are processors.
pub(super) fn check_all(
    dir: &LogDir,
    live_writer: bool,
    access: Access,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Checked>, LogError> {
    let segments = dir.list_beside(live_writer)?.segments;
    let newest = segments.last().map(|files| files.base);
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(segments.len());
    let todo = Mutex::new(VecDeque::from(segments));
    let done = Mutex::new(Vec::new());
    // Before any of them starts, or the first one would read ahead on what is the second one's.
    let _places: Vec<Place> = (0..n_threads).map_while(|_| Place::take()).collect();
    let work = || {
        while let Some(files) = next_of(&todo) {
            let is_live = live_writer && Some(files.base) == newest;
            let beside = if is_live { Beside::LiveWriter } else { Beside::Nobody };
            let checked = check_segment(dir, files, beside, access, progress);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((files.base, checked));
        }
    };
    thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(base, _)| *base);
    done.into_iter()
        .map(|(_, checked)| checked)
        // A live writer's retention may have removed a segment after it was listed.
        .filter(|checked| !(live_writer && checked.as_ref().is_err_and(LogError::is_not_found)))
        .collect()
}

fn next_of(todo: &Mutex<VecDeque<SegmentFiles>>) -> Option<SegmentFiles> {
    todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// One segment, read whole.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) examined: Examined,
    pub(super) counts: Counts,
    /// What isn't in `examined`: the index, the times, the batches.
    pub(super) findings: Vec<Finding>,
    /// How many such findings there are beyond those.
    pub(super) n_untold: u64,
    pub(super) first_timestamp_us: Option<u64>,
    pub(super) last_timestamp_us: Option<u64>,
}

/// What was counted in a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) n_records: u64,
    pub(super) n_bytes: u64,
    pub(super) n_unchecksummed: u64,
    pub(super) n_lost: u64,
}

/// Reads one segment. `progress` is told how many bytes of frames more were read.
pub(super) fn check_segment(
    dir: &LogDir,
    files: SegmentFiles,
    beside: Beside,
    access: Access,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Checked, LogError> {
    let mut checker = Checker::new(dir, files)?;
    let mut n_unreported = 0;
    let examined = examine_fully(dir, files, beside, access, &mut |record| {
        checker.record(record);
        n_unreported += record.frame_bytes;
        if n_unreported >= PROGRESS_BYTES {
            progress(n_unreported);
            n_unreported = 0;
        }
    })?;
    progress(n_unreported);
    if let Some(error) = checker.unread.take() {
        return Err(LogError::io("read", &dir.index_path(files.base), error));
    }
    Ok(checker.conclude(examined))
}

/// Compares each record with the one before it and with the index.
struct Checker {
    segment: Offset,
    entries: Option<EntryReader>,
    index_name: String,
    store_name: String,
    counts: Counts,
    findings: Vec<Finding>,
    n_untold: u64,
    wrong: Entries,
    absent: Entries,
    /// An entry that couldn't be read: nothing is said of the index then.
    unread: Option<io::Error>,
    before: Option<Before>,
    first_timestamp_us: Option<u64>,
    last_timestamp_us: Option<u64>,
}

/// Entries that aren't what they should be.
#[derive(Clone, Copy, Default)]
struct Entries {
    count: u64,
    first: Option<Found>,
}

struct Before {
    offset: Offset,
    unsynced: u32,
    is_mark: bool,
}

impl Checker {
    fn new(dir: &LogDir, files: SegmentFiles) -> Result<Checker, LogError> {
        let index_path = dir.index_path(files.base);
        let index =
            files.has_index.then(|| dir.open_file(&index_path, Access::Read)).transpose()?;
        Ok(Checker {
            segment: files.base,
            entries: index.map(EntryReader::new),
            index_name: index_path.display().to_string(),
            store_name: dir.store_path(files.base).display().to_string(),
            counts: Counts::default(),
            findings: Vec::new(),
            n_untold: 0,
            wrong: Entries::default(),
            absent: Entries::default(),
            unread: None,
            before: None,
            first_timestamp_us: None,
            last_timestamp_us: None,
        })
    }

    fn record(&mut self, record: &RecordRef<'_>) {
        self.counts.n_records += 1;
        self.counts.n_bytes += record.frame_bytes;
        self.counts.n_unchecksummed += u64::from(record.checksum.is_none());
        self.counts.n_lost += u64::from(record.record_type == TYPE_LOST);
        self.check_time(record);
        self.check_batch(record);
        self.check_entry(record);
        self.before = Some(Before {
            offset: record.offset,
            unsynced: record.unsynced,
            is_mark: record.record_type == TYPE_LOST,
        });
    }

    fn check_time(&mut self, record: &RecordRef<'_>) {
        let Some(time) = record.timestamp_us else { return };
        if let Some(previous) = self.last_timestamp_us.filter(|previous| time < *previous) {
            let message = format!(
                "timestamp {time} is before that of the record before it, {previous}, in {}",
                self.store_name
            );
            self.find(FindingKind::TimeWentBack, record.offset, record.position, message);
        }
        self.first_timestamp_us.get_or_insert(time);
        self.last_timestamp_us = Some(time);
    }

    /// The count of records not yet on the device grows by one at most, and never reaches back
    /// before the first record ever. What stood in the place of a mark isn't known.
    fn check_batch(&mut self, record: &RecordRef<'_>) {
        let follows = |before: &Before| before.offset.next() == record.offset && !before.is_mark;
        let most = match self.before.as_ref().filter(|before| follows(before)) {
            Some(before) => u64::from(before.unsynced) + 1,
            None => record.offset.0,
        };
        if u64::from(record.unsynced) > most {
            let message = format!(
                "the record says that {} before it were not synced, but at most {most} can be, in {}",
                record.unsynced, self.store_name
            );
            self.find(FindingKind::ImpossibleBatch, record.offset, record.position, message);
        }
    }

    fn check_entry(&mut self, record: &RecordRef<'_>) {
        let Some(entries) = &mut self.entries else { return };
        let relative = record.offset.since(self.segment);
        let expected = record
            .offset
            .relative_to(self.segment)
            .map(|relative| Entry { relative, position: record.position });
        let found = match entries.entry(relative) {
            Ok(found) => found,
            Err(error) => {
                self.unread = Some(error);
                self.entries = None;
                return;
            }
        };
        if found != expected {
            let is_absent = found.is_none_or(|entry| entry.position.0 == 0);
            let entries = if is_absent { &mut self.absent } else { &mut self.wrong };
            entries.count += 1;
            let at = Found { offset: record.offset, position: record.position };
            entries.first.get_or_insert(at);
        }
    }

    fn find(&mut self, kind: FindingKind, offset: Offset, position: Position, message: String) {
        if self.findings.len() >= MOST_TOLD {
            self.n_untold += 1;
            return;
        }
        self.findings.push(Finding { kind, segment: self.segment, offset, position, message });
    }

    fn conclude(mut self, mut examined: Examined) -> Checked {
        // A segment that wasn't closed may lack entries; that it wasn't closed is said elsewhere.
        let was_closed = examined.index_len.is_multiple_of(ENTRY_BYTES);
        let absent = if was_closed { self.absent } else { Entries::default() };
        if let Some(at) = self.wrong.first.or(absent.first) {
            let message = format!(
                "{} of {} entries don't lead to their records, the first is that of offset {}, in {}",
                self.wrong.count + absent.count,
                self.counts.n_records,
                at.offset,
                self.index_name
            );
            self.find(FindingKind::StaleIndex, at.offset, at.position, message);
            mark_stale(&mut examined);
        }
        Checked {
            examined,
            counts: self.counts,
            findings: self.findings,
            n_untold: self.n_untold,
            first_timestamp_us: self.first_timestamp_us,
            last_timestamp_us: self.last_timestamp_us,
        }
    }
}

/// A segment that looked clean by its end, but whose index has to be written anew.
fn mark_stale(examined: &mut Examined) {
    let start = Found { offset: examined.base(), position: Position(0) };
    match &mut examined.state {
        State::Unclean { stale, .. } => *stale = FrameRun::unknown(start),
        State::Clean => {
            let (sparse, torn_tail) = Default::default();
            let stale = FrameRun::unknown(start);
            examined.state = State::Unclean { sparse, stale, torn_tail };
        }
        State::Live | State::Damaged { .. } => {}
    }
}
