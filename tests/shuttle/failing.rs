//! A file system whose syncs fail after some have not.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proglog::log::fs::{Access, DirEntry, DirLock, FileSystem, LockKind, Mapping, StorageFile};

/// See the module's docs.
#[derive(Debug)]
pub(crate) struct Failing<F> {
    inner: F,
    n_left: Arc<AtomicU64>,
}

impl<F> Failing<F> {
    /// So many `fdatasync`s succeed.
    pub(crate) fn after(inner: F, n_syncs: u64) -> Failing<F> {
        Failing { inner, n_left: Arc::new(AtomicU64::new(n_syncs)) }
    }
}

impl<F: FileSystem> FileSystem for Failing<F> {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }
    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        self.inner.is_dir(path)
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.resolve(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.inner.list(dir)
    }
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let inner = self.inner.open(path, access)?;
        Ok(Arc::new(FailingFile { inner, n_left: Arc::clone(&self.n_left) }))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }
    fn lock_dir(&self, dir: &Path, kind: LockKind) -> io::Result<Option<DirLock>> {
        self.inner.lock_dir(dir, kind)
    }
}

#[derive(Debug)]
struct FailingFile {
    inner: Arc<dyn StorageFile>,
    n_left: Arc<AtomicU64>,
}

impl StorageFile for FailingFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, position)
    }
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, position)
    }
    fn reserve(&self, len: u64) -> io::Result<()> {
        self.inner.reserve(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        let one_less = |n_left: u64| n_left.checked_sub(1);
        match self.n_left.try_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => self.inner.sync_data(),
            Err(_) => Err(io::Error::other("planned failure")),
        }
    }
    fn sync_all(&self) -> io::Result<()> {
        self.inner.sync_all()
    }
    fn map(&self, position: u64, n_bytes: usize, access: Access) -> io::Result<Mapping> {
        self.inner.map(position, n_bytes, access)
    }
}
