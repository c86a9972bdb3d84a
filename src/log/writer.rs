//! The one who writes: encodes batches, writes them down, syncs, publishes.
//!
//! Invariants
//! - Batches are staged in one buffer and go down in one write; the next write begins only when the
//!   sync of this one has returned, if the policy asks for a sync.
//! - Order: frames, sync, index entries, publication. So an index entry says "committed" to readers
//!   in other processes, and nobody sees a record before it has the policy's durability.
//! - After a failed write or sync nothing more is written: what the device holds is unknown. Only a write
//!   that found no room can be taken back ([`Writer::resume`]).

mod resume;
mod seal;
mod space;
mod undo;

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::info_span;

use super::config::{Durability, LogConfig, SyncPolicy};
use super::dir::LogDir;
use super::error::LogError;
use super::frame::{self, Stamp};
use super::fs;
use super::index::{Index, MappedIndex};
use super::observer::{Commit, SPANS, Stopwatch};
use super::offset::Offset;
use super::plant::{self, Plant, is_planted};
use super::record::{NewRecord, TYPE_LOST};
use super::segment::{Extent, Segment};
use super::view::View;
use resume::Lack;
use space::Space;

pub(super) use seal::{index_capacity, start_segment};

/// The most that one batch may take, unless it's a single record.
pub(super) const MAX_BATCH_BYTES: u64 = 64 << 20;

/// What is kept of the write buffer between writes.
const MAX_IDLE_BUFFER_BYTES: usize = 4 << 20;

/// What an acknowledged append became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record of the batch.
    pub first_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// What the batch survives.
    pub durability: Durability,
}

/// State of the active segment and of what is staged for it.
#[derive(Debug)]
pub(super) struct Writer {
    dir: LogDir,
    config: LogConfig,
    view: Arc<View>,
    active: Arc<Segment>,
    /// Where the next write goes.
    position: u64,
    /// What is ready behind it.
    space: Space,
    /// Length of the index file; not a multiple of the entry size from the first append on.
    index_len: u64,
    /// The offset the next staged record gets.
    next: Offset,
    /// All records below it are on the device.
    synced: Offset,
    last_timestamp_us: u64,
    /// Likewise, of what isn't staged only: a refused batch leaves no time behind.
    published_timestamp_us: u64,
    buffer: Vec<u8>,
    /// Where in the store each staged frame will start.
    positions: Vec<u64>,
    /// How many batches they are of.
    n_batches: u64,
    /// How often records of this log have been undone.
    n_cuts: u64,
    /// Whether that was so in the active segment: then a reader may still look at index entries that
    /// are gone.
    was_cut: bool,
    failure: Option<LogError>,
    /// What there was no room for, if that is the whole failure.
    lack: Option<Lack>,
    closed: bool,
}

/// Records that aren't known to be on the device.
#[derive(Debug)]
pub(super) struct Unsynced {
    pub(super) segment: Arc<Segment>,
    up_to: Offset,
    n_cuts: u64,
}

/// What the writer has to know of the segment it goes on with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resume {
    pub(super) extent: Extent,
    pub(super) index_len: u64,
    pub(super) last_timestamp_us: u64,
}

impl Writer {
    pub(super) fn new(
        dir: LogDir,
        config: LogConfig,
        view: Arc<View>,
        active: Arc<Segment>,
        resume: Resume,
    ) -> Self {
        let next = active.base.plus(resume.extent.n_records);
        Writer {
            dir,
            config,
            view,
            active,
            position: resume.extent.end,
            space: Space::none_behind(resume.extent.end),
            index_len: resume.index_len,
            next,
            synced: next,
            last_timestamp_us: resume.last_timestamp_us,
            published_timestamp_us: resume.last_timestamp_us,
            buffer: Vec::new(),
            positions: Vec::new(),
            n_batches: 0,
            n_cuts: 0,
            was_cut: false,
            failure: None,
            lack: None,
            closed: false,
        }
    }

    /// Why appends are refused, if they are.
    pub(super) fn refusal(&self) -> Option<LogError> {
        match &self.failure {
            Some(LogError::Damaged { .. }) => self.failure.clone(),
            Some(cause) => Some(LogError::Failed { cause: Box::new(cause.clone()) }),
            None if self.closed => Some(LogError::Closed),
            None => None,
        }
    }

    /// Refuses all further appends.
    pub(super) fn latch(&mut self, failure: LogError) -> LogError {
        self.buffer = Vec::new();
        self.positions = Vec::new();
        self.n_batches = 0;
        if self.lack.take().is_some() {
            // Room alone doesn't mend this one.
            self.failure = None;
        }
        self.failure.get_or_insert(failure).clone()
    }

    /// Encodes a batch behind those that are staged already. [`Writer::commit`] writes it.
    ///
    /// The caller has checked it, and seen to it that the active segment isn't too full for it.
    pub(super) fn stage<'a, R>(&mut self, records: R, term: u64) -> Result<Appended, LogError>
    where
        R: Iterator<Item = NewRecord<'a>>,
    {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let first_offset = self.next;
        let now = unix_micros();
        for record in records {
            let timestamp_us = record.timestamp_us.unwrap_or(now).max(self.last_timestamp_us);
            let unsynced = u32::try_from(self.next.since(self.synced)).unwrap_or(u32::MAX);
            self.positions.push(self.position + self.buffer.len() as u64);
            let stamp = Stamp { offset: self.next, term, timestamp_us, unsynced };
            frame::encode(&mut self.buffer, &record, &stamp);
            self.last_timestamp_us = timestamp_us;
            self.next = self.next.next();
        }
        self.n_batches += 1;
        let last_offset = Offset(self.next.0 - 1);
        Ok(Appended { first_offset, last_offset, durability: self.config.sync.durability() })
    }

    /// Refuses a batch that can't be appended, behind those that are staged. Answers with about how many
    /// bytes it takes in a store.
    pub(super) fn check<'a>(
        &self,
        records: impl ExactSizeIterator<Item = NewRecord<'a>>,
        expected: Option<Offset>,
    ) -> Result<u64, LogError> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        if let Some(expected) = expected.filter(|expected| *expected != self.next) {
            return Err(LogError::OffsetMismatch { expected, next: self.next });
        }
        let n_records = records.len() as u64;
        let mut n_bytes = 0;
        for record in records {
            let (bytes, max) = (frame::record_bytes(&record), self.config.max_record_bytes);
            if bytes > max {
                return Err(LogError::RecordTooLarge { bytes, max });
            }
            if record.record_type == TYPE_LOST {
                return Err(LogError::ReservedType { record_type: record.record_type });
            }
            n_bytes += bytes + frame::MIN_FRAME_BYTES;
        }
        if n_records == 0 {
            return Err(LogError::EmptyBatch);
        }
        if n_records > u64::MAX - self.next.0 {
            return Err(LogError::NoOffsetsLeft { next: self.next });
        }
        let most = n_bytes + n_records * (frame::MAX_OVERHEAD_BYTES - frame::MIN_FRAME_BYTES);
        if most > MAX_BATCH_BYTES && n_records > 1 {
            return Err(LogError::BatchTooLarge { bytes: most, max: MAX_BATCH_BYTES });
        }
        Ok(n_bytes)
    }

    /// Whether the next segment has to be started before a batch of about this size.
    pub(super) fn is_full_for(&self, n_bytes: u64, n_records: u64) -> bool {
        let n_there = self.next.since(self.active.base);
        let staged_end = self.position + self.buffer.len() as u64;
        let capacity = match &self.active.index {
            Index::Mapped(index) => index.capacity(),
            Index::Read(_) | Index::Sparse(..) => 0,
        };
        n_there > 0
            && (staged_end + n_bytes > self.config.segment_bytes || n_there + n_records > capacity)
    }

    /// Writes what is staged, syncs as the policy says, and makes it visible.
    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        if self.positions.is_empty() {
            return Ok(());
        }
        self.reserve_index()?;
        let stopwatch = Stopwatch::start(self.config.observer.as_ref());
        self.write_frames()?;
        self.sync_and_publish(stopwatch).map_err(|failure| self.latch(failure))
    }

    /// Makes room for the entries first: a full disk is then met while nothing has been written yet,
    /// and the log needn't be latched.
    fn reserve_index(&mut self) -> Result<(), LogError> {
        let mut result = self.try_to_reserve_index();
        let store = Arc::clone(&self.active.store);
        if result.is_err() && self.space.give_back(&*store, self.position) {
            result = self.try_to_reserve_index();
        }
        match result {
            Ok(index_len) => {
                self.index_len = index_len;
                Ok(())
            }
            Err(error) => {
                self.next = Offset(self.next.0 - self.positions.len() as u64);
                self.positions.clear();
                self.n_batches = 0;
                self.buffer.clear();
                self.last_timestamp_us = self.published_timestamp_us;
                Err(error)
            }
        }
    }

    fn try_to_reserve_index(&self) -> Result<u64, LogError> {
        let n_records = self.next.since(self.active.base);
        let reserved = self.mapped()?.reserve(self.index_len, n_records);
        reserved.map_err(|error| self.index_error("make room in", error))
    }

    fn write_frames(&mut self) -> Result<(), LogError> {
        let n_bytes = self.buffer.len() as u64;
        let store = Arc::clone(&self.active.store);
        self.space.reserve(&*store, self.position, n_bytes, self.config.segment_bytes);
        let _writing = info_span!(target: SPANS, "write", n_bytes).entered();
        fs::write_full(&*store, &self.buffer, self.position).map_err(|error| {
            // What was refused had better not turn up at the next open, so that it can be tried again.
            // If this fails as well, some first records of the batch may.
            let _ = store.set_len(self.position);
            let failure = self.store_error("write to", error);
            self.latch_lacking(failure, Lack::Bytes(n_bytes))
        })
    }

    fn sync_and_publish(&mut self, mut stopwatch: Stopwatch) -> Result<(), LogError> {
        let n_bytes = self.buffer.len() as u64;
        let store = Arc::clone(&self.active.store);
        let first = self.next.since(self.active.base) - self.positions.len() as u64;
        self.position += n_bytes;
        let syncs = self.config.sync == SyncPolicy::Always && !is_planted(Plant::DataSync);
        if syncs {
            self.space.prepare(&*store, self.position, n_bytes);
        }
        let write = stopwatch.lap();
        if syncs {
            let _syncing = info_span!(target: SPANS, "fsync").entered();
            store.sync_data().map_err(|error| self.store_error("sync", error))?;
            self.synced = self.next;
        }
        let sync = syncs.then(|| stopwatch.lap());
        self.mapped()?
            .store(first, &self.positions)
            .map_err(|error| self.index_error("write to", error))?;
        plant::show_half(&self.view, &self.active, first, &self.positions);
        let n_records = self.positions.len() as u64;
        self.positions.clear();
        self.buffer.clear();
        self.buffer.shrink_to(MAX_IDLE_BUFFER_BYTES);
        self.publish();
        let n_batches = mem::take(&mut self.n_batches);
        if let Some(observer) = &self.config.observer {
            observer.committed(&Commit { n_records, n_batches, n_bytes, write, sync });
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.published_timestamp_us = self.last_timestamp_us;
        let n_records = self.next.since(self.active.base);
        self.active.publish(Extent { n_records, end: self.position });
        self.view.set_next(self.next);
    }

    /// What a background sync has to sync.
    pub(super) fn unsynced(&self) -> Option<Unsynced> {
        let segment = Arc::clone(&self.active);
        let unsynced = Unsynced { segment, up_to: self.next, n_cuts: self.n_cuts };
        (self.synced < self.next).then_some(unsynced)
    }

    /// Notes that `synced` is on the device, unless other records may be in their place by now.
    pub(super) fn note_synced(&mut self, synced: &Unsynced) {
        if synced.n_cuts == self.n_cuts {
            self.synced = self.synced.max(synced.up_to);
        }
    }

    fn mapped(&self) -> Result<&MappedIndex, LogError> {
        match &self.active.index {
            Index::Mapped(index) => Ok(index),
            Index::Read(_) | Index::Sparse(..) => Err(self.not_mapped()),
        }
    }

    /// Only a log that refuses appends has an active segment whose index isn't mapped.
    fn not_mapped(&self) -> LogError {
        self.index_error("write to", io::ErrorKind::PermissionDenied.into())
    }

    fn store_error(&self, action: &'static str, error: io::Error) -> LogError {
        LogError::io(action, &self.active.store_path, error)
    }

    fn index_error(&self, action: &'static str, error: io::Error) -> LogError {
        LogError::io(action, &self.dir.index_path(self.active.base), error)
    }
}

fn unix_micros() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
