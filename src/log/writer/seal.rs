//! The ends of a segment: it is sealed, the next one is started, or the log is closed.

use std::io;
use std::mem;
use std::sync::Arc;

use super::resume::Lack;
use super::{MAX_BATCH_BYTES, Writer};
use crate::log::config::LogConfig;
use crate::log::dir::LogDir;
use crate::log::error::LogError;
use crate::log::fs::Access;
use crate::log::index::{self, ENTRY_BYTES, Index, MappedIndex};
use crate::log::observer::Stopwatch;
use crate::log::offset::Offset;
use crate::log::segment::{Extent, Segment};

impl Writer {
    /// Seals the active segment and starts the next one. Nothing may be staged.
    pub(in crate::log) fn roll(&mut self) -> Result<(), LogError> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        self.seal().map_err(|failure| self.latch(failure))?;
        let started = start_segment(&self.dir, &self.config, self.next);
        let segment = started.map_err(|failure| self.latch_lacking(failure, Lack::Segment))?;
        let mut segments = (*self.view.segments()).clone();
        segments.push(Arc::clone(&segment));
        self.view.set_segments(segments);
        self.active = segment;
        (self.position, self.index_len) = (0, 0);
        self.space.restart(0);
        self.was_cut = false;
        Ok(())
    }

    /// Syncs the active segment and cuts its files to their content.
    fn seal(&mut self) -> Result<(), LogError> {
        let store = Arc::clone(&self.active.store);
        if self.space.reaches_past(self.position) {
            store.set_len(self.position).map_err(|error| self.store_error("cut", error))?;
            self.space.restart(self.position);
        }
        self.observed_sync(|| store.sync_all())?;
        self.synced = self.next;
        let index_len = self.next.since(self.active.base) * ENTRY_BYTES;
        if self.was_cut {
            self.replace_index(index_len)?;
        } else {
            let file = Arc::clone(self.mapped()?.file());
            file.set_len(index_len).map_err(|error| self.index_error("cut", error))?;
            file.sync_all().map_err(|error| self.index_error("sync", error))?;
        }
        self.index_len = index_len;
        Ok(())
    }

    fn observed_sync(&self, sync: impl FnOnce() -> io::Result<()>) -> Result<(), LogError> {
        let mut stopwatch = Stopwatch::start(self.config.observer.as_ref());
        sync().map_err(|error| self.store_error("sync", error))?;
        if let Some(observer) = &self.config.observer {
            observer.synced(stopwatch.lap());
        }
        Ok(())
    }

    /// Leaves the files as a clean close does. After a failure they are left alone: the next open
    /// finds out what is there. The first close answers with that failure; damage was said at opening.
    pub(in crate::log) fn close(&mut self) -> Result<(), LogError> {
        if mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        match &self.failure {
            Some(LogError::Damaged { .. }) => return Ok(()),
            Some(_) => return self.refusal().map_or(Ok(()), Err),
            None => {}
        }
        // Nothing was appended, so nothing is to be cut, and a reader's log stays untouched.
        if self.index_len.is_multiple_of(ENTRY_BYTES) {
            return Ok(());
        }
        self.seal().map_err(|failure| self.latch(failure))
    }
}

/// Creates the files of a segment and syncs their names, before any record in it is acknowledged.
pub(in crate::log) fn start_segment(
    dir: &LogDir,
    config: &LogConfig,
    base: Offset,
) -> Result<Arc<Segment>, LogError> {
    let store_path = dir.store_path(base);
    let store = dir.open_file(&store_path, Access::CreateNew)?;
    let index = dir.open_file(&dir.index_path(base), Access::CreateNew)?;
    dir.sync()?;
    let index = MappedIndex::new(index, Access::ReadWrite, index_capacity(config));
    let index = Index::Mapped(index);
    Ok(Arc::new(Segment::new(base, store, store_path, index, Extent::default())))
}

/// How many entries the index of an active segment may need.
pub(in crate::log) fn index_capacity(config: &LogConfig) -> u64 {
    index::max_entries(config.segment_bytes.max(MAX_BATCH_BYTES))
}
