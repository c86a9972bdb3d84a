//! How far a log is, and whether it takes appends, for those who must not wait for its disk.
//!
//! Asking the log itself why it refuses appends waits for the write or sync at hand, so whoever may have
//! changed that publishes it here.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{DiskUse, ServiceError};
use crate::log::{Log, LogError, Offset};

/// See the module's docs.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) next: Offset,
    /// What the disk was like when it was last looked at.
    pub(super) disk: Option<DiskUse>,
    /// Why the log refuses appends.
    refusal: Option<ServiceError>,
    /// Why they are refused before they get to the log.
    held_off: Option<ServiceError>,
    open: bool,
}

impl Progress {
    /// Why appends are refused, if they are. What only a person can mend goes first.
    pub(super) fn refusal(&self) -> Option<ServiceError> {
        let closed = (!self.open).then_some(ServiceError::Closed);
        closed.or_else(|| self.refusal.clone()).or_else(|| self.held_off.clone())
    }

    pub(super) fn takes_appends(&self) -> bool {
        self.open && self.refusal.is_none() && self.held_off.is_none()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }
}

/// Publishes the [`Progress`] of a log.
#[derive(Debug)]
pub(super) struct Publisher {
    log: Arc<Log>,
    progress: watch::Sender<Progress>,
    /// Held from asking the log to telling what it said, so that nobody tells what is over.
    turn: Mutex<()>,
}

impl Publisher {
    pub(super) fn new(log: Arc<Log>) -> Publisher {
        let progress = Progress {
            next: log.next_offset(),
            disk: None,
            refusal: log.refusal().map(ServiceError::from),
            held_off: None,
            open: true,
        };
        Publisher { log, progress: watch::Sender::new(progress), turn: Mutex::new(()) }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(super) fn now(&self) -> watch::Ref<'_, Progress> {
        self.progress.borrow()
    }

    /// Tells what the log says now; waits for the write or sync at hand.
    pub(super) fn publish(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.log.next_offset();
        let refusal = self.log.refusal().map(ServiceError::from);
        let is_open = self.now().open;
        match &refusal {
            Some(refusal) if is_open && self.now().refusal.is_none() => {
                tracing::error!(code = refusal.code(), "READ-ONLY: {refusal}; {}", refusal.hint());
            }
            _ => {}
        }
        self.progress.send_modify(|now| (now.next, now.refusal) = (next, refusal));
    }

    pub(super) fn close(&self) {
        self.progress.send_modify(|now| now.open = false);
    }

    /// Why appends are refused before they get to the log, if they are.
    pub(super) fn held_off(&self) -> Option<ServiceError> {
        self.now().held_off.clone()
    }

    /// Tells what the disk is like, and whether appends are held off for it. Those who wait are woken only
    /// if that has changed.
    pub(super) fn note_disk(&self, disk: DiskUse, held_off: Option<ServiceError>) {
        self.progress.send_if_modified(|now| {
            let has_changed = now.held_off.is_some() != held_off.is_some();
            (now.disk, now.held_off) = (Some(disk), held_off);
            has_changed
        });
    }

    /// Whether the log refuses appends since it has met a full disk.
    pub(super) fn has_met_a_full_disk(&self) -> bool {
        let now = self.now();
        now.open && matches!(now.refusal, Some(ServiceError::DiskFull(_)))
    }

    /// Lets the log take appends again after a full disk.
    pub(super) fn resume(&self) -> Result<(), LogError> {
        let resumed = self.log.resume();
        self.publish();
        resumed
    }
}
