//! A directory's names: those that a power cut can't touch, those that programs see, and what lies
//! between.

use std::collections::BTreeMap;

use crate::numbers::Numbers;

/// Which inode each name leads to.
pub(crate) type NameMap = BTreeMap<String, u64>;

/// A directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    durable: NameMap,
    live: NameMap,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Add { name: String, inode: u64 },
    Remove { name: String },
    Move { from: String, to: String, inode: u64 },
}

impl Change {
    fn apply(&self, names: &mut NameMap) {
        match self {
            Change::Add { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Change::Remove { name } => {
                names.remove(name);
            }
            Change::Move { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

impl Names {
    /// A directory that has reached the device.
    pub(crate) fn of(names: NameMap) -> Names {
        Names { durable: names.clone(), live: names, pending: Vec::new() }
    }

    pub(crate) const fn live(&self) -> &NameMap {
        &self.live
    }

    pub(crate) fn add(&mut self, name: &str, inode: u64) {
        self.change(Change::Add { name: name.to_owned(), inode });
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.change(Change::Remove { name: name.to_owned() });
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, inode: u64) {
        self.change(Change::Move { from: from.to_owned(), to: to.to_owned(), inode });
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What a power cut leaves: of what wasn't synced nothing, everything, or any part.
    pub(crate) fn after_cut(&self, numbers: &mut Numbers) -> NameMap {
        let mut left = self.durable.clone();
        let mode = numbers.below(4);
        for change in &self.pending {
            if mode == 1 || (mode > 1 && numbers.one_in(2)) {
                change.apply(&mut left);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_since_the_sync_is_kept_or_dropped() {
        let mut names = Names::default();
        names.add("synced", 2);
        names.sync();
        names.add("new", 3);
        names.remove("synced");
        let lefts: Vec<_> = (0..100).map(|seed| names.after_cut(&mut Numbers::new(seed))).collect();
        for has_synced in [true, false] {
            for has_new in [true, false] {
                let is_it = |left: &NameMap| {
                    left.contains_key("synced") == has_synced && left.contains_key("new") == has_new
                };
                assert!(lefts.iter().any(is_it), "synced {has_synced}, new {has_new}");
            }
        }
        names.sync();
        assert!((0..100).all(|seed| names.after_cut(&mut Numbers::new(seed)).contains_key("new")));
    }
}
