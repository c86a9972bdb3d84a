//! The log: ordered segments, one of them active, one writer.

mod news;
mod open;

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use self::news::News;
use super::background_sync::BackgroundSync;
use super::batch::Append;
use super::config::{CommitPolicy, LogConfig};
use super::dir::{LogDir, SegmentFiles};
use super::ends::Ends;
use super::error::LogError;
use super::fs::DirLock;
use super::group_commit::{GroupCommit, WhenBusy};
use super::offset::Offset;
use super::record::Record;
use super::recover::Recovery;
use super::scan::Scan;
use super::sync::{AtomicU64, Mutex};
use super::view::{SegmentInfo, View};
use super::writer::Appended;

/// A log, open for appending and reading. Share it between threads by reference or in an `Arc`.
///
/// ```
/// use proglog::log::{Append, Log, LogConfig, NewRecord, Offset};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let log = Log::open(&dir.path().join("log"), LogConfig::default())?;
/// let appended = log.append(&Append::new(&[NewRecord::new(b"hello")]))?;
/// assert_eq!(log.read(appended.first_offset)?.value, b"hello");
/// assert_eq!(log.next_offset(), Offset(1));
/// log.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Log {
    view: Arc<View>,
    commit: Arc<GroupCommit>,
    config: LogConfig,
    /// Meaningful with `CommitPolicy::Explicit` only.
    committed: AtomicU64,
    recovery: Recovery,
    news: News,
    background_sync: Mutex<Option<BackgroundSync>>,
    /// Held by whoever removes segments, so that only the list's other end changes meanwhile. Taken
    /// before the writer's lock.
    removing: Mutex<()>,
    dir: LogDir,
    /// Released last.
    _lock: DirLock,
}

impl Log {
    /// How it was opened.
    #[must_use]
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// What opening found and did.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Why appends are refused, if they are: damage found when opening, a failure since, or a close.
    #[must_use]
    pub fn refusal(&self) -> Option<LogError> {
        self.commit.writer().refusal()
    }

    /// Takes appends again after the disk was full, if there is room now for what found none. It is the
    /// one failure that can be mended without opening the log anew. Nothing of what was refused then is
    /// in the log. If appends aren't refused, there is nothing to do.
    ///
    /// # Errors
    /// Why appends are still refused: `DiskFull`, or another failure, which has to be mended first.
    pub fn resume(&self) -> Result<(), LogError> {
        self.commit.writer().resume()
    }

    /// Appends one batch. Returns once it has the durability of the log's policy.
    ///
    /// Blocks while more than [`LogConfig::max_waiting_bytes`] wait.
    ///
    /// # Errors
    /// `OffsetMismatch`, `RecordTooLarge`, `BatchTooLarge`, `ReservedType`, `EmptyBatch`: nothing was
    /// appended.
    /// `DiskFull`, `Io`: all, some first ones or none of the batch may be there later; the log refuses all further
    /// appends (`Failed`) until it's opened anew, or resumed after a full disk ([`Log::resume`]). `Damaged`,
    /// `Closed`.
    pub fn append(&self, batch: &Append<'_>) -> Result<Appended, LogError> {
        self.append_as(batch, WhenBusy::Block)
    }

    /// Like [`Log::append`], but never blocks for room.
    ///
    /// # Errors
    /// As [`Log::append`], and `Busy` if too much waits.
    pub fn try_append(&self, batch: &Append<'_>) -> Result<Appended, LogError> {
        self.append_as(batch, WhenBusy::Refuse)
    }

    fn append_as(&self, batch: &Append<'_>, when_busy: WhenBusy) -> Result<Appended, LogError> {
        let answer = self.commit.append(batch, when_busy);
        self.news.announce();
        answer
    }

    /// Appends batches that have nothing to do with each other but share one write and one sync. One
    /// answer for each, in order; errors as of [`Log::append`].
    pub fn append_group(&self, batches: &[Append<'_>]) -> Vec<Result<Appended, LogError>> {
        let answers = self.commit.append_group(batches);
        self.news.announce();
        answers
    }

    /// Reads one record.
    ///
    /// # Errors
    /// `OutOfRange`, `Corrupt` if its bytes aren't what was written, `Lost` if a repair gave it up,
    /// or a failed read.
    pub fn read(&self, offset: Offset) -> Result<Record, LogError> {
        self.view.read(offset)
    }

    /// Reads records in order from `from` on, which may be the next offset.
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

    /// The offset the next append will get.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.view.next()
    }

    /// All records below it can never be undone.
    #[must_use]
    pub fn committed_offset(&self) -> Offset {
        match self.config.commit {
            CommitPolicy::OnAppend => self.view.next(),
            CommitPolicy::Explicit => Offset(self.committed.load(Ordering::Acquire)),
        }
    }

    /// Says that all records below `up_to` are committed, for [`CommitPolicy::Explicit`]. The
    /// committed offset never goes back, nor past the end of the log.
    pub fn commit(&self, up_to: Offset) {
        // Not while records are being undone.
        let _writer = self.commit.writer();
        let up_to = up_to.min(self.view.next());
        self.committed.fetch_max(up_to.0, Ordering::AcqRel);
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

    /// The first offset whose timestamp is at or after `timestamp_us` (Unix microseconds); the next
    /// offset if there is none.
    ///
    /// # Errors
    /// A failed read.
    pub fn offset_at_time(&self, timestamp_us: u64) -> Result<Offset, LogError> {
        self.view.offset_at_time(timestamp_us)
    }

    /// Removes the segments that lie wholly below `offset`, never the active one, and answers with the
    /// new lowest offset. Scans that are in them go on to the end of the segment they're in. Appends go
    /// on meanwhile. A log that refuses appends because the disk is full can be truncated all the same.
    ///
    /// # Errors
    /// `OutOfRange` if `offset` is past the end, `Damaged`, or a failed call; what has been removed
    /// until then stays removed.
    pub fn truncate_before(&self, offset: Offset) -> Result<Offset, LogError> {
        let _removing = self.removing.lock().unwrap_or_else(PoisonError::into_inner);
        if offset > self.view.next() {
            return Err(self.view.out_of_range(offset));
        }
        while let Some(oldest) = self.give_up_oldest(offset)? {
            // It leaves the list last: if its files can't be removed, the next call tries again.
            self.dir.remove_segment(SegmentFiles::whole(oldest))?;
            let _writer = self.commit.writer();
            self.view.set_segments(self.view.segments()[1..].to_vec());
        }
        Ok(self.view.lowest())
    }

    /// Takes the oldest segment out of readers' sight, if it lies wholly below `offset` and isn't the
    /// active one, and answers with its base offset.
    fn give_up_oldest(&self, offset: Offset) -> Result<Option<Offset>, LogError> {
        let writer = self.commit.writer();
        if let Some(refusal) = writer.refusal().filter(|_| !writer.lacks_room()) {
            return Err(refusal);
        }
        let segments = self.view.segments();
        let [oldest, second, ..] = segments.as_slice() else { return Ok(None) };
        if oldest.next() > offset {
            return Ok(None);
        }
        self.view.set_lowest(second.base);
        Ok(Some(oldest.base))
    }

    /// Undoes the newest records: the first one removed is `offset`. For consensus layers.
    ///
    /// # Errors
    /// `Committed` if that would undo a committed record, `OutOfRange` if `offset` is not in the log,
    /// `Damaged`, `Closed`, or a failed call, which latches the log.
    pub fn truncate_after(&self, offset: Offset) -> Result<(), LogError> {
        let _removing = self.removing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = self.commit.writer();
        if let Some(refusal) = writer.refusal() {
            return Err(refusal);
        }
        let (lowest, next) = (self.view.lowest(), self.view.next());
        if offset < lowest || offset > next {
            return Err(self.view.out_of_range(offset));
        }
        let committed = self.committed_offset();
        if offset < committed {
            return Err(LogError::Committed { offset, committed });
        }
        if offset == next {
            return Ok(());
        }
        writer.truncate_after(offset)
    }

    /// Blocks until the log holds `offset` and answers `true`, or `false` if the time is over or the
    /// log is closed before.
    pub fn wait_for(&self, offset: Offset, timeout: Duration) -> bool {
        self.news.wait(timeout, || self.view.next() > offset)
    }

    /// Syncs, cuts the files to their content and refuses all further appends. Reading goes on.
    ///
    /// Dropping the log does the same, but can't say if it fails.
    ///
    /// # Errors
    /// The first failed call. What was acknowledged is not in question.
    pub fn close(&self) -> Result<(), LogError> {
        let background_sync =
            self.background_sync.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(background_sync);
        let result = self.commit.writer().close();
        self.news.close();
        result
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, dir = %self.dir.path.display(), "closing the log failed");
        }
    }
}

#[cfg(test)]
mod tests;
