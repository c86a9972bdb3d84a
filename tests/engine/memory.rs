//! A file system in memory: quick enough for hundreds of thousands of logs, and fit for tools under
//! which no file can be mapped.
#![expect(
    clippy::host_endian_bytes,
    reason = "the words of a mapping lie in memory as the bytes of the file do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use proglog::log::fs::{Access, DirEntry, DirLock, FileSystem, LockKind, Mapping, StorageFile};

/// How much of a file can be mapped.
const MAPPED_BYTES: usize = 80 << 10;

/// See the module's docs. Clones share their files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    dirs: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Arc<MemoryFile>>,
    lock: Arc<Mutex<Holders>>,
}

/// Who holds the one lock there is.
#[derive(Debug, Default)]
struct Holders {
    n_shared: usize,
    is_exclusive: bool,
}

/// The files of a directory by name, to be shared by many file systems until one changes them.
pub(crate) type Files = BTreeMap<String, Arc<Vec<u8>>>;

impl Memory {
    /// One directory with these files.
    pub(crate) fn holding(dir: &Path, files: &Files) -> Memory {
        let memory = Memory::default();
        let file = |(name, bytes): (&String, &Arc<Vec<u8>>)| {
            let content = Mutex::new(Content::Bytes(Arc::clone(bytes)));
            (dir.join(name), Arc::new(MemoryFile { content }))
        };
        memory.state().files = files.iter().map(file).collect();
        memory.state().dirs.insert(dir.to_path_buf());
        memory
    }

    /// The files of `dir` as they are now.
    pub(crate) fn files(&self, dir: &Path) -> Files {
        let state = self.state();
        let files = state.files.iter().filter(|(path, _)| path.parent() == Some(dir));
        let bytes = |(path, file): (&PathBuf, &Arc<MemoryFile>)| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            (name.to_owned(), file.content().to_bytes())
        };
        files.map(bytes).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic in a call")
    }
}

impl FileSystem for Memory {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let is_new = self.state().dirs.insert(dir.to_path_buf());
        if is_new { Ok(()) } else { Err(ErrorKind::AlreadyExists.into()) }
    }

    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        let state = self.state();
        match state.dirs.contains(path) || path == Path::new("/") {
            true => Ok(true),
            false if state.files.contains_key(path) => Ok(false),
            false => Err(ErrorKind::NotFound.into()),
        }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let names = self.files(dir).into_keys();
        Ok(names.map(|name| DirEntry { name, is_dir: false }).collect())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.state();
        let file = match (state.files.get(path), access) {
            (Some(_), Access::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (Some(file), _) => Arc::clone(file),
            (None, Access::CreateNew) => {
                let file = Arc::new(MemoryFile::default());
                state.files.insert(path.to_path_buf(), Arc::clone(&file));
                file
            }
            (None, _) => return Err(ErrorKind::NotFound.into()),
        };
        Ok(file)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let removed = self.state().files.remove(path);
        removed.map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let file = state.files.remove(from).ok_or(ErrorKind::NotFound)?;
        state.files.insert(to.to_path_buf(), file);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock_dir(&self, _: &Path, kind: LockKind) -> io::Result<Option<DirLock>> {
        let lock = Arc::clone(&self.state().lock);
        let mut holders = lock.lock().expect("no panic in a call");
        let is_free = match kind {
            LockKind::Shared => !holders.is_exclusive,
            LockKind::Exclusive => !holders.is_exclusive && holders.n_shared == 0,
        };
        if !is_free {
            return Ok(None);
        }
        match kind {
            LockKind::Shared => holders.n_shared += 1,
            LockKind::Exclusive => holders.is_exclusive = true,
        }
        drop(holders);
        Ok(Some(DirLock::new(Held { lock, kind })))
    }
}

struct Held {
    lock: Arc<Mutex<Holders>>,
    kind: LockKind,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut holders = self.lock.lock().expect("no panic in a call");
        match self.kind {
            LockKind::Shared => holders.n_shared -= 1,
            LockKind::Exclusive => holders.is_exclusive = false,
        }
    }
}

#[derive(Debug, Default)]
struct MemoryFile {
    content: Mutex<Content>,
}

/// Bytes, until somebody maps them.
#[derive(Debug)]
enum Content {
    Bytes(Arc<Vec<u8>>),
    Mapped { words: Arc<[AtomicU32]>, len: usize },
}

impl Default for Content {
    fn default() -> Content {
        Content::Bytes(Arc::default())
    }
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Content::Bytes(bytes) => bytes.len(),
            Content::Mapped { len, .. } => *len,
        }
    }

    fn to_bytes(&self) -> Arc<Vec<u8>> {
        match self {
            Content::Bytes(bytes) => Arc::clone(bytes),
            Content::Mapped { words, len } => {
                let bytes = words[..len.div_ceil(4)].iter();
                let mut bytes: Vec<u8> =
                    bytes.flat_map(|word| word.load(Ordering::Acquire).to_ne_bytes()).collect();
                bytes.truncate(*len);
                Arc::new(bytes)
            }
        }
    }

    fn read(&self, to: &mut [u8], position: usize) -> usize {
        let position = position.min(self.len());
        let n_bytes = to.len().min(self.len() - position);
        match self {
            Content::Bytes(bytes) => {
                to[..n_bytes].copy_from_slice(&bytes[position..position + n_bytes]);
            }
            Content::Mapped { words, .. } => {
                for (at, byte) in (position..).zip(&mut to[..n_bytes]) {
                    *byte = words[at / 4].load(Ordering::Acquire).to_ne_bytes()[at % 4];
                }
            }
        }
        n_bytes
    }

    fn write(&mut self, from: &[u8], position: usize) {
        self.set_len(self.len().max(position + from.len()));
        match self {
            Content::Bytes(bytes) => {
                Arc::make_mut(bytes)[position..position + from.len()].copy_from_slice(from);
            }
            Content::Mapped { words, .. } => {
                for (at, byte) in (position..).zip(from) {
                    put(&words[at / 4], at % 4, *byte);
                }
            }
        }
    }

    fn set_len(&mut self, len: usize) {
        match self {
            Content::Bytes(bytes) if bytes.len() != len => Arc::make_mut(bytes).resize(len, 0),
            Content::Bytes(_) => {}
            Content::Mapped { words, len: now } => {
                assert!(len <= words.len() * 4, "a mapped file of {len} bytes is too long");
                for at in len..*now {
                    put(&words[at / 4], at % 4, 0);
                }
                *now = len;
            }
        }
    }

    fn map(&mut self) -> Arc<[AtomicU32]> {
        if let Content::Bytes(bytes) = self {
            let mut padded = bytes.to_vec();
            padded.resize(MAPPED_BYTES.max(bytes.len()).next_multiple_of(4), 0);
            let word = |word: &[u8]| u32::from_ne_bytes(word.try_into().expect("four bytes"));
            let words = padded.chunks_exact(4).map(|bytes| AtomicU32::new(word(bytes))).collect();
            *self = Content::Mapped { words, len: bytes.len() };
        }
        match self {
            Content::Mapped { words, .. } => Arc::clone(words),
            Content::Bytes(_) => unreachable!("it was just mapped"),
        }
    }
}

/// Changes one byte of a word.
fn put(word: &AtomicU32, at: usize, byte: u8) {
    let mut bytes = word.load(Ordering::Acquire).to_ne_bytes();
    bytes[at] = byte;
    word.store(u32::from_ne_bytes(bytes), Ordering::Release);
}

impl MemoryFile {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("no panic in a call")
    }
}

impl StorageFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.content().len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.content().set_len(len as usize);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        Ok(self.content().read(buffer, usize::try_from(position).unwrap_or(usize::MAX)))
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.content().write(bytes, position as usize);
        Ok(bytes.len())
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        let mut content = self.content();
        let len = content.len().max(len as usize);
        content.set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self, position: u64, _: usize, _: Access) -> io::Result<Mapping> {
        assert_eq!(position, 0, "only the start of a file is mapped here");
        Ok(Mapping::Memory(self.content().map()))
    }
}
