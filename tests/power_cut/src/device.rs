//! A disk with a power cord: counts what is done to it, and is cut off at a chosen moment.
//!
//! Invariant: after the cut nothing is synced any more, and nothing is changed but by page-cache
//! writes that were under way, if the round allows for them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::disk::{Content, Disk, Node};

/// The device answers no more; callers see an input/output error.
#[derive(Debug)]
pub(crate) struct CutOff;

/// How long a round may take before it is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// When the power goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutPlan {
    /// With the operation behind so many that change or sync something; never, if `None`.
    pub(crate) after_ops: Option<u64>,
    /// Whether what lies in mapped memory at that moment gets to the disk, unsynced, as if the kernel
    /// had just been writing it.
    pub(crate) late_writes: bool,
}

impl CutPlan {
    pub(crate) const NEVER: CutPlan = CutPlan { after_ops: None, late_writes: true };
}

#[derive(Debug)]
struct State {
    disk: Disk,
    plan: CutPlan,
    n_ops: u64,
    is_cut: bool,
    is_over: bool,
}

/// Shared between the file system's thread and the test.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    state: Arc<(Mutex<State>, Condvar)>,
}

/// What became of a wait for the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Cut,
    Over,
    Stuck,
}

impl Device {
    pub(crate) fn new(disk: Disk) -> Device {
        let state = State { disk, plan: CutPlan::NEVER, n_ops: 0, is_cut: false, is_over: false };
        Device { state: Arc::new((Mutex::new(state), Condvar::new())) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().expect("nobody panics on the file system's thread")
    }

    /// Begins to count operations towards a cut.
    pub(crate) fn arm(&self, plan: CutPlan) {
        let mut state = self.state();
        (state.plan, state.n_ops, state.is_over) = (plan, 0, false);
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Disk) -> T) -> T {
        look(&self.state().disk)
    }

    /// Changes the disk. The operation that meets the cut may reach the disk but isn't answered.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Disk) -> T) -> Result<T, CutOff> {
        let mut state = self.state();
        if state.is_cut {
            return Err(CutOff);
        }
        let is_last = self.count(&mut state);
        let changed = change(&mut state.disk);
        if is_last { Err(CutOff) } else { Ok(changed) }
    }

    /// Syncs something on the disk. One that meets the cut doesn't happen.
    pub(crate) fn sync<T>(&self, sync: impl FnOnce(&mut Disk) -> T) -> Result<T, CutOff> {
        let mut state = self.state();
        if state.is_cut || self.count(&mut state) {
            return Err(CutOff);
        }
        Ok(sync(&mut state.disk))
    }

    /// A write by the kernel, of pages that a program has mapped. When it comes is the kernel's
    /// choice, so it isn't counted.
    pub(crate) fn write_back<T>(&self, write: impl FnOnce(&mut Disk) -> T) -> Result<T, CutOff> {
        let mut state = self.state();
        if state.is_cut && !state.plan.late_writes {
            return Err(CutOff);
        }
        Ok(write(&mut state.disk))
    }

    /// Whether the power goes with this operation.
    fn count(&self, state: &mut State) -> bool {
        state.n_ops += 1;
        if state.plan.after_ops.is_some_and(|after| state.n_ops > after) {
            state.is_cut = true;
            self.state.1.notify_all();
        }
        state.is_cut
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    pub(crate) fn n_ops(&self) -> u64 {
        self.state().n_ops
    }

    /// Ends [`Device::wait_for_cut`], as the program has ended by itself.
    pub(crate) fn is_over(&self) {
        self.state().is_over = true;
        self.state.1.notify_all();
    }

    pub(crate) fn wait_for_cut(&self) -> Waited {
        self.wait(|state| match (state.is_cut, state.is_over) {
            (true, _) => Some(Waited::Cut),
            (false, true) => Some(Waited::Over),
            (false, false) => None,
        })
    }

    pub(crate) fn wait_for_end(&self) -> Waited {
        self.wait(|state| state.is_over.then_some(Waited::Over))
    }

    fn wait(&self, ready: impl Fn(&State) -> Option<Waited>) -> Waited {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if let Some(waited) = ready(&state) {
                return waited;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Waited::Stuck;
            }
            (state, _) = self.state.1.wait_timeout(state, left).expect("nobody panics");
        }
    }
}

/// An empty file or directory.
pub(crate) fn empty_file() -> Node {
    Node::File(Content::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ROOT;

    #[test]
    fn the_last_operation_is_done_but_not_answered() {
        let device = Device::new(Disk::empty());
        device.arm(CutPlan { after_ops: Some(1), late_writes: false });
        let create =
            |name: &'static str| move |disk: &mut Disk| disk.create(ROOT, name, empty_file());
        assert!(device.change(create("first")).is_ok());
        assert!(!device.is_cut());
        assert!(device.change(create("second")).is_err());
        assert!(device.change(create("third")).is_err());
        assert_eq!(device.wait_for_cut(), Waited::Cut);
        let names = ["first", "second", "third"];
        let there = names.map(|name| device.read(|disk| disk.child(ROOT, name).is_some()));
        assert_eq!(there, [true, true, false]);
        assert!(device.sync(|_| ()).is_err() && device.write_back(|_| ()).is_err());
    }
}
