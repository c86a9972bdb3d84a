//! A disk: files and directories, each in the state that programs see and in the state that outlives
//! a power cut.
//!
//! A sync of a file makes its bytes and its length durable but not its name; a sync of a directory
//! makes its names durable. That is all that POSIX promises.

mod content;
mod names;

use std::collections::BTreeMap;

pub(crate) use self::content::Content;
pub(crate) use self::names::Names;
use crate::numbers::Numbers;

/// The inode of the uppermost directory.
pub(crate) const ROOT: u64 = 1;

/// A file or a directory.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    File(Content),
    Dir(Names),
}

/// All nodes by inode. Those without a name stay: somebody may have them open.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    nodes: BTreeMap<u64, Node>,
    next_inode: u64,
}

impl Disk {
    pub(crate) fn empty() -> Disk {
        let nodes = BTreeMap::from([(ROOT, Node::Dir(Names::default()))]);
        Disk { nodes, next_inode: ROOT + 1 }
    }

    pub(crate) fn node(&self, inode: u64) -> Option<&Node> {
        self.nodes.get(&inode)
    }

    pub(crate) fn file(&mut self, inode: u64) -> Option<&mut Content> {
        match self.nodes.get_mut(&inode)? {
            Node::File(content) => Some(content),
            Node::Dir(_) => None,
        }
    }

    pub(crate) fn dir(&mut self, inode: u64) -> Option<&mut Names> {
        match self.nodes.get_mut(&inode)? {
            Node::Dir(names) => Some(names),
            Node::File(_) => None,
        }
    }

    pub(crate) fn child(&self, parent: u64, name: &str) -> Option<u64> {
        match self.node(parent)? {
            Node::Dir(names) => names.live().get(name).copied(),
            Node::File(_) => None,
        }
    }

    /// Makes a node with a name, and answers with its inode.
    pub(crate) fn create(&mut self, parent: u64, name: &str, node: Node) -> Option<u64> {
        let inode = self.next_inode;
        self.dir(parent)?.add(name, inode);
        self.nodes.insert(inode, node);
        self.next_inode += 1;
        Some(inode)
    }

    /// The disk as it is found when the power is back.
    pub(crate) fn after_cut(&self, numbers: &mut Numbers) -> Disk {
        let mut left = Disk { nodes: BTreeMap::new(), next_inode: self.next_inode };
        let mut reached = vec![ROOT];
        while let Some(inode) = reached.pop() {
            let node = match &self.nodes[&inode] {
                Node::File(content) => Node::File(content.after_cut(numbers)),
                Node::Dir(names) => {
                    let names = names.after_cut(numbers);
                    reached.extend(names.values());
                    Node::Dir(Names::of(names))
                }
            };
            left.nodes.insert(inode, node);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synced_file_is_lost_with_its_name() {
        let mut disk = Disk::empty();
        let inode = disk.create(ROOT, "file", Node::File(Content::default())).expect("a file");
        let content = disk.file(inode).expect("a file");
        content.write(0, b"synced");
        content.sync();
        let is_there = |disk: &Disk, seed| {
            let mut left = disk.after_cut(&mut Numbers::new(seed));
            let inode = left.child(ROOT, "file");
            inode.is_some_and(|inode| left.file(inode).expect("a file").live() == b"synced")
        };
        assert!((0..50).any(|seed| is_there(&disk, seed)));
        assert!(!(0..50).all(|seed| is_there(&disk, seed)));
        disk.dir(ROOT).expect("a directory").sync();
        assert!((0..50).all(|seed| is_there(&disk, seed)));
    }
}
