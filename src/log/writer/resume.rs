//! Going on after a full disk, without opening the log anew.
//!
//! A failed sync leaves it unknown what the device holds, and so does a write that meets a broken device. A
//! call that finds no room is another matter: what lies before `position` is as it was, what lies behind it
//! was never acknowledged and can be overwritten.

use std::sync::Arc;

use super::super::dir::SegmentFiles;
use super::super::error::LogError;
use super::super::fs;
use super::Writer;

/// What there was no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// So many bytes behind the content of the active store.
    Bytes(u64),
    /// The files of the next segment. The one before is sealed already.
    Segment,
}

impl Writer {
    /// Latches the log. If the disk was full, that can be mended by [`Writer::resume`].
    pub(super) fn latch_lacking(&mut self, failure: LogError, lack: Lack) -> LogError {
        let is_full = matches!(failure, LogError::DiskFull { .. });
        let failure = self.latch(failure);
        self.lack = is_full.then_some(lack);
        failure
    }

    /// Whether appends are refused for want of room alone, so that removing old segments may help.
    pub(in super::super) fn lacks_room(&self) -> bool {
        self.lack.is_some() && !self.closed
    }

    /// Takes appends again if a full disk is why they are refused, and there is room now for what found
    /// none; so it isn't told that appends are taken when the next one would fail as well.
    pub(in super::super) fn resume(&mut self) -> Result<(), LogError> {
        let Some(refusal) = self.refusal() else { return Ok(()) };
        match self.lack.filter(|_| !self.closed) {
            Some(Lack::Bytes(n_bytes)) => self.resume_store(n_bytes)?,
            Some(Lack::Segment) => return self.resume_roll(),
            None => return Err(refusal),
        }
        (self.failure, self.lack) = (None, None);
        Ok(())
    }

    /// Puts zeros in the place of the refused batch, of which something may have been written, and so sees
    /// whether it would fit now. They are as good as those that are written ahead.
    fn resume_store(&mut self, n_bytes: u64) -> Result<(), LogError> {
        let (store, end) = (Arc::clone(&self.active.store), self.position + n_bytes);
        if let Err(error) = fs::write_zeros(&*store, self.position, end) {
            let _ = store.set_len(self.position);
            return Err(self.store_error("make room in", error));
        }
        self.space.restart(self.position);
        self.space.note_zeros(end);
        // An error of writing back that nobody has been told of yet would be lost with the failure.
        store.sync_all().map_err(|error| {
            let failure = self.store_error("sync", error);
            self.latch(failure)
        })?;
        self.next = self.active.next();
        self.last_timestamp_us = self.published_timestamp_us;
        self.synced = self.next;
        Ok(())
    }

    /// Starts the segment that couldn't be started; one of its files may be there, and nothing is in it.
    fn resume_roll(&mut self) -> Result<(), LogError> {
        self.dir.remove_segment(SegmentFiles::whole(self.next))?;
        (self.failure, self.lack) = (None, None);
        self.roll()
    }
}
