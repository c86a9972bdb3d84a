//! Where threads wait for a group of batches: one is called to lead, and later all are let through.
//!
//! A word in memory and the system's futex, so that a whole group is woken by one call. Waking each
//! thread by itself, or through a mutex that all of them then want, takes most of the time of a
//! durable append when many threads share a sync.

use std::sync::atomic::Ordering;

use super::sync::{self, Word};

/// Nobody passes.
const CLOSED: u32 = 0;
/// One passes, to lead.
const LEADERLESS: u32 = 1;
/// All pass.
const OPEN: u32 = 2;

/// A gate, closed at first.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Word,
}

/// Why a thread passed a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// It was called to lead, and no other was.
    ToLead,
    /// The gate is open.
    Through,
}

impl Gate {
    /// Blocks until the gate is open, or this thread is called.
    pub(super) fn wait(&self) -> Passed {
        loop {
            match self.state.value.load(Ordering::Acquire) {
                OPEN => return Passed::Through,
                LEADERLESS => {
                    let called = self.state.value.compare_exchange(
                        LEADERLESS,
                        CLOSED,
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    );
                    if called.is_ok() {
                        return Passed::ToLead;
                    }
                }
                _ => sync::wait_while(&self.state, CLOSED),
            }
        }
    }

    /// Calls one of those that wait, or the first that comes.
    pub(super) fn call_one(&self) {
        self.state.value.store(LEADERLESS, Ordering::Release);
        sync::wake(&self.state, 1);
    }

    /// Lets all through, for good.
    pub(super) fn open(&self) {
        self.state.value.store(OPEN, Ordering::Release);
        sync::wake(&self.state, i32::MAX as u32);
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    #[test]
    fn exactly_one_is_called_and_then_all_pass() {
        for _ in 0..200 {
            let gate = Gate::default();
            let n_leaders = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        while gate.wait() == Passed::ToLead {
                            n_leaders.fetch_add(1, Ordering::Relaxed);
                            gate.open();
                        }
                    });
                }
                gate.call_one();
            });
            assert_eq!(n_leaders.into_inner(), 1);
        }
    }
}
