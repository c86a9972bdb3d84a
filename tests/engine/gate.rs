//! A gate at which the threads of a log wait for a test.

use std::sync::{Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Lets its keeper through and holds all others, until they are let through one by one.
#[derive(Debug)]
pub(crate) struct Gate {
    keeper: ThreadId,
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    n_arrived: u64,
    n_allowed: u64,
}

impl Gate {
    pub(crate) fn new(keeper: ThreadId) -> Gate {
        Gate { keeper, counts: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits to be let through.
    pub(crate) fn pass(&self) {
        if thread::current().id() == self.keeper {
            return;
        }
        let mut counts = self.counts.lock().expect("no panic at the gate");
        counts.n_arrived += 1;
        let number = counts.n_arrived;
        self.changed.notify_all();
        let is_held = |counts: &mut Counts| counts.n_allowed < number;
        drop(self.changed.wait_while(counts, is_held).expect("no panic at the gate"));
    }

    /// Waits until so many have arrived, those that were let through included; `false` if that takes
    /// too long.
    pub(crate) fn wait_for(&self, n_arrived: u64) -> bool {
        let counts = self.counts.lock().expect("no panic at the gate");
        let is_early = |counts: &mut Counts| counts.n_arrived < n_arrived;
        let waited = self.changed.wait_timeout_while(counts, Duration::from_secs(20), is_early);
        !waited.expect("no panic at the gate").1.timed_out()
    }

    /// Lets one more through.
    pub(crate) fn let_one_through(&self) {
        self.counts.lock().expect("no panic at the gate").n_allowed += 1;
        self.changed.notify_all();
    }

    /// Stays open from now on.
    pub(crate) fn open(&self) {
        self.counts.lock().expect("no panic at the gate").n_allowed = u64::MAX;
        self.changed.notify_all();
    }
}
