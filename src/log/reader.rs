//! Reads a log without the lock: beside a live writer in another process, or after one.
//!
//! Invariants
//! - Nothing is ever changed, and nothing is mapped: a writer may cut files at any time.
//! - Beside a writer only records with an index entry are seen, which have the durability of its
//!   policy. Without one, all sound records are, as an `open` for writing would find them.

use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::dir::{LogDir, SegmentFiles};
use super::ends::Ends;
use super::error::LogError;
use super::examine::{self, Beside, live_extent};
use super::examined::{Examined, Purpose};
use super::fs::{Access, FileSystem, OsFileSystem};
use super::offset::Offset;
use super::record::Record;
use super::recover::{self, Recovery};
use super::scan::Scan;
use super::view::{SegmentInfo, View};

/// How often a directory is looked at anew if it changes while it's being looked at.
const LOOK_ATTEMPTS: u32 = 5;

/// How long to wait between two looks for records of another process: from the first to the last.
const MIN_POLL: Duration = Duration::from_millis(1);
const MAX_POLL: Duration = Duration::from_millis(25);

/// A log, to be read only.
#[derive(Debug)]
pub struct LogReader {
    dir: LogDir,
    view: Arc<View>,
    has_writer: AtomicBool,
    last: Mutex<(Look, Recovery)>,
}

/// What the directory looked like, to see whether it has changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Look {
    segments: Vec<SegmentFiles>,
    newest_lengths: [u64; 2],
}

impl LogReader {
    /// Opens the log in `dir`.
    ///
    /// # Errors
    /// `NoSuchLog`, `NotADirectory`, or a failed call. Damage is no error; see
    /// [`LogReader::recovery`].
    pub fn open(dir: &Path) -> Result<LogReader, LogError> {
        LogReader::open_on(Arc::new(OsFileSystem), dir)
    }

    /// Like [`LogReader::open`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`LogReader::open`].
    pub fn open_on(fs: Arc<dyn FileSystem>, dir: &Path) -> Result<LogReader, LogError> {
        let dir = LogDir::open(fs, dir)?;
        let reader = LogReader {
            view: Arc::new(View::new(&dir.path, Vec::new(), Offset(0), Offset(0))),
            dir,
            has_writer: AtomicBool::new(false),
            last: Mutex::default(),
        };
        reader.refresh()?;
        Ok(reader)
    }

    /// Looks at the directory again and says whether there is something new.
    ///
    /// # Errors
    /// A failed call.
    pub fn refresh(&self) -> Result<bool, LogError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let had_writer = self.has_writer.load(Ordering::Acquire);
        let has_writer = self.dir.has_writer()?;
        self.has_writer.store(has_writer, Ordering::Release);
        let before = self.view.offsets();
        let look = self.look()?;
        if had_writer == has_writer && look == last.0 {
            // Beside a writer the lengths needn't change, since it prepares space ahead.
            if !has_writer || self.extend_last()? {
                return Ok(self.view.offsets() != before);
            }
        }
        // What changes between the two looks is seen as new at the next one.
        *last = (look, self.look_until_settled(has_writer)?);
        Ok(self.view.offsets() != before)
    }

    /// What there is, as far as it can change while it is read: the names of all files and the lengths
    /// of the newest.
    fn look(&self) -> Result<Look, LogError> {
        let segments = self.dir.list()?.segments;
        let len = |path: &Path| {
            let file = self.dir.fs.open(path, Access::Read);
            file.and_then(|file| file.len()).unwrap_or(0)
        };
        let newest = segments.last().map_or(Offset(0), |files| files.base);
        let newest_lengths = [self.dir.store_path(newest), self.dir.index_path(newest)];
        Ok(Look { newest_lengths: newest_lengths.map(|path| len(&path)), segments })
    }

    /// Lets the last segment grow by what its writer has committed since; `false` if it isn't being
    /// written any more, or its index leads astray.
    fn extend_last(&self) -> Result<bool, LogError> {
        let segments = self.view.segments();
        let Some(last) = segments.last() else { return Ok(false) };
        let super::index::Index::Read(index) = &last.index else { return Ok(false) };
        let extent = live_extent(&last.store, Some(index), last.base, last.extent());
        let Some(extent) = extent.map_err(|error| last.io(error))? else { return Ok(false) };
        last.publish(extent);
        self.view.set_next(last.next());
        Ok(true)
    }

    /// Looks again if a writer came or went meanwhile, or if there seems to be damage beside one: it
    /// may have been changing what was just being looked at.
    fn look_until_settled(&self, has_writer: bool) -> Result<Recovery, LogError> {
        let mut has_writer = has_writer;
        let mut recovery = self.look_closely(has_writer)?;
        for _ in 1..LOOK_ATTEMPTS {
            let had_writer = mem::replace(&mut has_writer, self.dir.has_writer()?);
            if has_writer == had_writer && (recovery.damage.is_empty() || !has_writer) {
                break;
            }
            recovery = self.look_closely(has_writer)?;
        }
        self.has_writer.store(has_writer, Ordering::Release);
        Ok(recovery)
    }

    fn look_closely(&self, has_writer: bool) -> Result<Recovery, LogError> {
        let mut examined = self.examine_all(has_writer)?;
        for _ in 1..LOOK_ATTEMPTS {
            if !examined.is_empty() || self.dir.list()?.segments.is_empty() {
                break;
            }
            // All that was listed was removed meanwhile.
            examined = self.examine_all(has_writer)?;
        }
        let judged = recover::judge(&self.dir, examined);
        let recovery = judged.recovery.clone();
        let view = judged.into_view(&self.dir, |_| Purpose::Reading);
        self.view.set_lowest(view.lowest());
        if view.next() < self.view.next() {
            self.view.cut(view.next());
        }
        self.view.set_segments(view.segments().to_vec());
        self.view.set_next(view.next());
        Ok(recovery)
    }

    fn examine_all(&self, has_writer: bool) -> Result<Vec<Examined>, LogError> {
        let segments = self.dir.list_beside(has_writer)?.segments;
        let newest = segments.last().map(|files| files.base);
        let mut examined = Vec::new();
        for files in segments {
            let is_newest = Some(files.base) == newest;
            let beside = if has_writer && is_newest { Beside::LiveWriter } else { Beside::Nobody };
            match examine::examine(&self.dir, files, beside, Access::Read, &mut |_, _| {}) {
                Ok(segment) => examined.push(segment),
                Err(error) if !error.is_not_found() => return Err(error),
                // Removed since it was listed: retention begins with the oldest, so what's before it
                // is gone or about to be; undoing begins with the newest.
                Err(_) if is_newest => {}
                Err(_) => examined.clear(),
            }
        }
        Ok(examined)
    }

    /// Whether another process had the log open for writing at the last look.
    #[must_use]
    pub fn has_writer(&self) -> bool {
        self.has_writer.load(Ordering::Acquire)
    }

    /// What an `open` for writing would find and do.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads one record.
    ///
    /// # Errors
    /// As [`Log::read`](super::Log::read).
    pub fn read(&self, offset: Offset) -> Result<Record, LogError> {
        self.view.read(offset)
    }

    /// Reads records in order from `from` on, which may be the next offset. After a
    /// [`LogReader::refresh`] the scan goes on with what is new.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn scan(&self, from: Offset) -> Result<Scan, LogError> {
        self.view.scan(from)
    }

    /// The first offset still kept.
    #[must_use]
    pub fn lowest_offset(&self) -> Offset {
        self.view.lowest()
    }

    /// The offset behind the last visible record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.view.next()
    }

    /// All segments, in order.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.view.infos()
    }

    /// Bytes of all frames and index entries.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.view.size_bytes()
    }

    /// The oldest and the newest record, without their values.
    ///
    /// # Errors
    /// A failed read.
    pub fn ends(&self) -> Result<Ends, LogError> {
        Ends::of(&self.view)
    }

    /// As [`Log::offset_at_time`](super::Log::offset_at_time).
    ///
    /// # Errors
    /// A failed read.
    pub fn offset_at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        self.view.offset_at_time(timestamp_us)
    }

    /// Looks again and again until the log holds `offset`, and answers `true`, or `false` if the time
    /// is over before. Another process can't wake this one, so it's a poll, at most 25 ms late.
    ///
    /// # Errors
    /// A failed call.
    pub fn wait_for(&self, offset: Offset, timeout: Duration) -> Result<bool, LogError> {
        let deadline = Instant::now().checked_add(timeout);
        let mut pause = MIN_POLL;
        loop {
            if self.view.next() > offset {
                return Ok(true);
            }
            self.refresh()?;
            if self.view.next() > offset {
                return Ok(true);
            }
            let left = deadline.map_or(pause, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(false);
            }
            thread::sleep(pause.min(left));
            pause = (2 * pause).min(MAX_POLL);
        }
    }
}
