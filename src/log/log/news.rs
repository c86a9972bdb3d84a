//! Waking those who wait for records.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::log::sync::{AtomicU64, Condvar, Mutex, fence};

/// Wakes those who wait for records.
#[derive(Debug, Default)]
pub(super) struct News {
    /// How many wait; appending costs nothing more while there is none.
    n_waiting: AtomicU64,
    closed: Mutex<bool>,
    arrived: Condvar,
}

impl News {
    pub(super) fn announce(&self) {
        // Pairs with the fence in `wait`: either this sees who waits, or they see what has arrived.
        fence(Ordering::SeqCst);
        if self.n_waiting.load(Ordering::SeqCst) > 0 {
            drop(self.closed.lock().unwrap_or_else(PoisonError::into_inner));
            self.arrived.notify_all();
        }
    }

    pub(super) fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.arrived.notify_all();
    }

    pub(super) fn wait(&self, timeout: Duration, is_there: impl Fn() -> bool) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        self.n_waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let arrived = loop {
            if is_there() {
                break true;
            }
            let left =
                deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            if *closed || left.is_zero() {
                break false;
            }
            (closed, _) =
                self.arrived.wait_timeout(closed, left).unwrap_or_else(PoisonError::into_inner);
        };
        drop(closed);
        self.n_waiting.fetch_sub(1, Ordering::SeqCst);
        arrived
    }
}
