//! The only calls to the file system, behind a trait so that tests can put a failing one in its place.
//!
//! Each method of [`StorageFile`] is one call to the operating system; what has to be repeated until
//! it is done (short reads and writes, interrupted calls) is repeated by the functions at the end.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use super::mmap::MappedFile;
pub use super::mmap::Mapping;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// An existing file, to be read.
    Read,
    /// An existing file, to be read and written.
    ReadWrite,
    /// A new file, to be read and written; it must not exist.
    CreateNew,
}

/// Who else may hold a lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Other shared holders.
    Shared,
    /// Nobody.
    Exclusive,
}

/// Keeps a directory locked until it is dropped.
pub struct DirLock {
    _held: Box<dyn Send + Sync>,
}

impl DirLock {
    /// A lock of a file system of the caller's, who lets go of it when `held` is dropped.
    pub fn new(held: impl Send + Sync + 'static) -> DirLock {
        DirLock { _held: Box::new(held) }
    }
}

impl fmt::Debug for DirLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirLock")
    }
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, if it is UTF-8; names of ours always are.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// A file system.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Creates one directory. Its parent has to exist.
    ///
    /// # Errors
    /// As `mkdir`; `AlreadyExists` also if a file has the name.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Whether `path` is a directory; `NotFound` if there is nothing.
    ///
    /// # Errors
    /// As `stat`.
    fn is_dir(&self, path: &Path) -> io::Result<bool>;
    /// The absolute path of something that exists, without links.
    ///
    /// # Errors
    /// As `realpath`.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// As `readdir`.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Opens a file.
    ///
    /// # Errors
    /// As `open`.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>>;
    /// Removes a file.
    ///
    /// # Errors
    /// As `unlink`.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Renames a file, replacing the target.
    ///
    /// # Errors
    /// As `rename`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Forces the directory's entries to the device.
    ///
    /// # Errors
    /// As `fsync`.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a directory without waiting; `None` if another holder is in the way.
    ///
    /// # Errors
    /// As `flock`.
    fn lock_dir(&self, dir: &Path, kind: LockKind) -> io::Result<Option<DirLock>>;
}

/// An open file.
#[allow(clippy::len_without_is_empty, reason = "a file's length, not a collection's")]
pub trait StorageFile: fmt::Debug + Send + Sync {
    /// The length in bytes.
    ///
    /// # Errors
    /// As `fstat`.
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file, or lengthens it by a hole.
    ///
    /// # Errors
    /// As `ftruncate`.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Reads once, maybe less than asked for; 0 at the end.
    ///
    /// # Errors
    /// As `pread`.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes once, maybe less than asked for.
    ///
    /// # Errors
    /// As `pwrite`.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize>;
    /// Lengthens the file to `len` with blocks that are really there, reading as zeros.
    ///
    /// # Errors
    /// As `fallocate`; `Unsupported` where the file system can't.
    fn reserve(&self, len: u64) -> io::Result<()>;
    /// Reserves blocks up to `end` without lengthening the file. Only an advantage, so a file system
    /// needn't be able to.
    ///
    /// # Errors
    /// As `fallocate`.
    fn reserve_ahead(&self, end: u64) -> io::Result<()> {
        let _ = end;
        Err(ErrorKind::Unsupported.into())
    }
    /// Forces the content to the device.
    ///
    /// # Errors
    /// As `fdatasync`.
    fn sync_data(&self) -> io::Result<()>;
    /// Forces content and length to the device.
    ///
    /// # Errors
    /// As `fsync`.
    fn sync_all(&self) -> io::Result<()>;
    /// Maps `n_bytes` from `position` on. The mapping may reach past the end of the file, but only
    /// what has been reserved may be touched.
    ///
    /// # Errors
    /// As `mmap`.
    fn map(&self, position: u64, n_bytes: usize, access: Access) -> io::Result<Mapping>;
}

/// The file system of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFileSystem;

impl FileSystem for OsFileSystem {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir(dir)
    }

    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::metadata(path)?.is_dir())
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        fs::read_dir(dir)?
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok(DirEntry { name, is_dir: entry.file_type()?.is_dir() })
            })
            .collect()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(access != Access::Read)
            .create_new(access == Access::CreateNew)
            .open(path)?;
        Ok(Arc::new(OsFile { file }))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock_dir(&self, dir: &Path, kind: LockKind) -> io::Result<Option<DirLock>> {
        let handle = File::open(dir)?;
        let locked = match kind {
            LockKind::Shared => handle.try_lock_shared(),
            LockKind::Exclusive => handle.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Some(DirLock::new(handle))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[derive(Debug)]
struct OsFile {
    file: File,
}

impl StorageFile for OsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.file.write_at(bytes, position)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len)?)
    }

    fn reserve_ahead(&self, end: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, end)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn map(&self, position: u64, n_bytes: usize, access: Access) -> io::Result<Mapping> {
        let writable = access != Access::Read;
        Ok(Mapping::File(MappedFile::new(&self.file, position, n_bytes, writable)?))
    }
}

/// Reads until `buffer` is full or the file ends; answers with how many bytes were read.
pub(super) fn read_full(
    file: &dyn StorageFile,
    buffer: &mut [u8],
    position: u64,
) -> io::Result<usize> {
    let mut n_read = 0;
    while n_read < buffer.len() {
        match file.read_at(&mut buffer[n_read..], position + n_read as u64) {
            Ok(0) => break,
            Ok(n) => n_read += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_read)
}

/// Writes all of `bytes`.
pub(super) fn write_full(file: &dyn StorageFile, bytes: &[u8], position: u64) -> io::Result<()> {
    let mut n_written = 0;
    while n_written < bytes.len() {
        match file.write_at(&bytes[n_written..], position + n_written as u64) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => n_written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes zeros from `from` up to, not including, `to`.
pub(super) fn write_zeros(file: &dyn StorageFile, from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut position = from;
    while position < to {
        // Whole pages but at the ends.
        let n_bytes = ZEROS.len() as u64 - position % ZEROS.len() as u64;
        let n_bytes = n_bytes.min(to - position);
        write_full(file, &ZEROS[..n_bytes as usize], position)?;
        position += n_bytes;
    }
    Ok(())
}

/// Copies bytes `range` of a file to the same place in another, or in itself.
pub(super) fn copy(
    from: &dyn StorageFile,
    to: &dyn StorageFile,
    range: Range<u64>,
) -> io::Result<()> {
    let mut block = vec![0; 256 << 10];
    let mut position = range.start;
    while position < range.end {
        let n_wanted = (range.end - position).min(block.len() as u64) as usize;
        let n_read = read_full(from, &mut block[..n_wanted], position)?;
        if n_read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        write_full(to, &block[..n_read], position)?;
        position += n_read as u64;
    }
    Ok(())
}

/// Lengthens the file from `from` to `to` with blocks that are there, one way or the other, so that
/// touching a mapping of them can't fail.
pub(super) fn reserve(file: &dyn StorageFile, from: u64, to: u64) -> io::Result<()> {
    match file.reserve(to) {
        Err(error) if error.kind() == ErrorKind::Unsupported => write_zeros(file, from, to),
        Err(error) if error.kind() == ErrorKind::Interrupted => reserve(file, from, to),
        result => result,
    }
}
