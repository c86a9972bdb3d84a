//! The log's directory: its lock, its file names, what lies in it.
//!
//! Invariant: a file name is the base offset in decimal without padding, so there is one name for
//! each offset and every other name is a stray.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::error::LogError;
use super::fs::{Access, DirLock, FileSystem, LockKind, StorageFile};
use super::offset::Offset;
use super::plant::{Plant, is_planted};

/// The folder of a cluster node's own files; no stray.
const RAFT_DIR: &str = "raft";

/// How often the lock is tried before another writer is believed to hold it. A reader that looks
/// whether there is a writer holds a shared lock for a moment, and a process that is just being
/// started by one that has closed its log holds all locks until it runs its own program.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// A log directory on some file system.
#[derive(Clone, Debug)]
pub(super) struct LogDir {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) path: PathBuf,
}

/// The files of one segment that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFiles {
    pub(super) base: Offset,
    pub(super) has_store: bool,
    pub(super) has_index: bool,
    /// Where the segment behind it starts, if there's one.
    pub(super) next_base: Option<Offset>,
}

impl SegmentFiles {
    /// Both files of a segment.
    pub(super) fn whole(base: Offset) -> Self {
        SegmentFiles { base, has_store: true, has_index: true, next_base: None }
    }
}

/// What lies in a log directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Ascending by base offset.
    pub(super) segments: Vec<SegmentFiles>,
    /// Names that are none of the log's.
    pub(super) strays: Vec<String>,
}

impl LogDir {
    /// A directory that exists.
    pub(super) fn open(fs: Arc<dyn FileSystem>, path: &Path) -> Result<LogDir, LogError> {
        match fs.is_dir(path) {
            Ok(true) => Ok(LogDir { fs, path: path.to_path_buf() }),
            Ok(false) => Err(LogError::NotADirectory { path: path.to_path_buf() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(LogError::NoSuchLog { dir: path.to_path_buf() })
            }
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Err(LogError::NotADirectory { path: path.to_path_buf() })
            }
            Err(error) => Err(LogError::io("look at", path, error)),
        }
    }

    /// A directory that is created, with those above it, if it isn't there.
    pub(super) fn open_or_create(fs: Arc<dyn FileSystem>, path: &Path) -> Result<LogDir, LogError> {
        match LogDir::open(Arc::clone(&fs), path) {
            Err(LogError::NoSuchLog { .. }) => {
                create_durably(&*fs, path)?;
                LogDir::open(fs, path)
            }
            result => result,
        }
    }

    /// Takes the writer's lock.
    pub(super) fn lock(&self) -> Result<DirLock, LogError> {
        for attempt in 1..=LOCK_ATTEMPTS {
            if let Some(lock) = self.try_lock(LockKind::Exclusive)? {
                return Ok(lock);
            }
            if attempt < LOCK_ATTEMPTS {
                thread::sleep(LOCK_RETRY);
            }
        }
        Err(LogError::InUse { dir: self.path.clone() })
    }

    /// Whether a writer holds the lock right now.
    pub(super) fn has_writer(&self) -> Result<bool, LogError> {
        Ok(self.try_lock(LockKind::Shared)?.is_none())
    }

    fn try_lock(&self, kind: LockKind) -> Result<Option<DirLock>, LogError> {
        self.fs.lock_dir(&self.path, kind).map_err(|error| LogError::io("lock", &self.path, error))
    }

    pub(super) fn store_path(&self, base: Offset) -> PathBuf {
        self.path.join(format!("{base}.store"))
    }

    pub(super) fn index_path(&self, base: Offset) -> PathBuf {
        self.path.join(format!("{base}.index"))
    }

    pub(super) fn open_file(
        &self,
        path: &Path,
        access: Access,
    ) -> Result<Arc<dyn StorageFile>, LogError> {
        let action = if access == Access::CreateNew { "create" } else { "open" };
        self.fs.open(path, access).map_err(|error| LogError::io(action, path, error))
    }

    pub(super) fn sync(&self) -> Result<(), LogError> {
        if is_planted(Plant::DirectorySync) {
            return Ok(());
        }
        self.fs.sync_dir(&self.path).map_err(|error| LogError::io("sync", &self.path, error))
    }

    /// Removes the files of a segment, index first and synced in between, so that what a crash leaves
    /// is a store whose index can be rebuilt, never an index whose store is gone.
    pub(super) fn remove_segment(&self, files: SegmentFiles) -> Result<(), LogError> {
        if files.has_index {
            self.remove_if_there(&self.index_path(files.base))?;
            self.sync()?;
        }
        if files.has_store {
            self.remove_if_there(&self.store_path(files.base))?;
            self.sync()?;
        }
        Ok(())
    }

    /// Removes a file, which an earlier attempt may have removed already.
    pub(super) fn remove_if_there(&self, path: &Path) -> Result<(), LogError> {
        match self.fs.remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(LogError::io("remove", path, error))
            }
            _ => Ok(()),
        }
    }

    /// Forces the directory's own name to the device.
    pub(super) fn sync_parent(&self) -> Result<(), LogError> {
        let parent = parent_of(&self.path);
        self.fs.sync_dir(parent).map_err(|error| LogError::io("sync", parent, error))
    }

    /// What lies in the directory, for somebody who doesn't hold the lock. A live writer is just about
    /// to remove the segments, the newest aside, that have no index any more.
    pub(super) fn list_beside(&self, has_writer: bool) -> Result<Listing, LogError> {
        let mut listing = self.list()?;
        let newest = listing.segments.last().map(|files| files.base);
        let is_going = |files: &SegmentFiles| !files.has_index && Some(files.base) != newest;
        listing.segments.retain(|files| !(has_writer && is_going(files)));
        Ok(listing)
    }

    pub(super) fn list(&self) -> Result<Listing, LogError> {
        let entries =
            self.fs.list(&self.path).map_err(|error| LogError::io("list", &self.path, error))?;
        let mut listing = Listing::default();
        let mut segments = BTreeMap::new();
        for entry in entries {
            match parse_name(&entry.name) {
                Some(name) if !entry.is_dir => note(&mut segments, name),
                _ if entry.is_dir && entry.name == RAFT_DIR => {}
                _ => listing.strays.push(entry.name),
            }
        }
        listing.segments = segments.into_values().collect();
        for number in 1..listing.segments.len() {
            listing.segments[number - 1].next_base = Some(listing.segments[number].base);
        }
        listing.strays.sort();
        Ok(listing)
    }
}

/// Which of the two files of a segment a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileName {
    Store(Offset),
    Index(Offset),
}

fn parse_name(name: &str) -> Option<FileName> {
    let (stem, kind) = name.split_once('.')?;
    let base = stem.parse::<u64>().ok()?;
    // Only the one spelling that we write: no sign, no padding.
    if base.to_string() != stem {
        return None;
    }
    match kind {
        "store" => Some(FileName::Store(Offset(base))),
        "index" => Some(FileName::Index(Offset(base))),
        _ => None,
    }
}

fn note(segments: &mut BTreeMap<Offset, SegmentFiles>, name: FileName) {
    let (FileName::Store(base) | FileName::Index(base)) = name;
    let whole = SegmentFiles::whole(base);
    let files = segments.entry(base).or_insert(SegmentFiles {
        has_store: false,
        has_index: false,
        ..whole
    });
    match name {
        FileName::Store(_) => files.has_store = true,
        FileName::Index(_) => files.has_index = true,
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates `path` and what is missing above it; each new name is synced in its parent.
fn create_durably(fs: &dyn FileSystem, path: &Path) -> Result<(), LogError> {
    let parent = parent_of(path);
    match fs.is_dir(parent) {
        Ok(true) => {}
        Ok(false) => return Err(LogError::NotADirectory { path: parent.to_path_buf() }),
        Err(error) if error.kind() == ErrorKind::NotFound => create_durably(fs, parent)?,
        Err(error) => return Err(LogError::io("look at", parent, error)),
    }
    match fs.create_dir(path) {
        Ok(()) => {}
        // Someone else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LogError::io("create the directory", path, error)),
    }
    fs.sync_dir(parent).map_err(|error| LogError::io("sync", parent, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_name_is_a_segments() {
        assert_eq!(parse_name("0.store"), Some(FileName::Store(Offset(0))));
        assert_eq!(
            parse_name("18446744073709551615.index"),
            Some(FileName::Index(Offset(u64::MAX)))
        );
        for stray in ["00.store", "+1.store", "1.STORE", "1.store.bak", "x.store", "1", ".store"] {
            assert_eq!(parse_name(stray), None, "{stray}");
        }
    }
}
