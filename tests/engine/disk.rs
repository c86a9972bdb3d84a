//! A disk that counts the calls that change it, or those that look at it, lets one fail or do less than
//! it was asked to, and knows what a power cut leaves.
//!
//! It writes through to real files. What is on the device is kept beside: the bytes of each file at
//! its last sync, and the names that each directory had at its last sync.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use proglog::log::fs::{
    Access, DirEntry, DirLock, FileSystem, LockKind, Mapping, OsFileSystem, StorageFile,
};

use crate::gate::Gate;
use crate::leftovers::{DIRECTORY, Leftovers};

/// What happens at one of the calls: the changing ones, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails with this error number, and the ones after it work.
    Once(i32),
    /// It and all after it that need room fail: the disk is full. A write gets half of its bytes down.
    Full,
    /// Nothing works any more; [`Disk::leftovers`] says what was there right before it.
    PowerCut,
    /// A write gets only half of its bytes down, and says so.
    ShortWrite,
    /// One of the calls that look fails with this error number.
    BadLook(i32),
    /// It and all reads after it get only half of what they asked for, and say so.
    ShortReads,
}

impl Fault {
    /// Whether a call is one of those of which one meets the fault.
    fn counts(self, call: Call) -> bool {
        match self {
            Fault::Once(_) | Fault::Full | Fault::PowerCut => !call.looks(),
            Fault::ShortWrite => call == Call::Write,
            Fault::BadLook(_) => call.looks(),
            Fault::ShortReads => call == Call::Read,
        }
    }
}

/// The calls that change something, or look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    CreateDir,
    Create,
    Remove,
    Rename,
    SyncDir,
    SetLen,
    Write,
    Reserve,
    Sync,
    Open,
    List,
    Len,
    Read,
    Map,
}

impl Call {
    fn looks(self) -> bool {
        matches!(self, Call::Open | Call::List | Call::Len | Call::Read | Call::Map)
    }

    fn needs_room(self) -> bool {
        matches!(self, Call::CreateDir | Call::Create | Call::Write | Call::Reserve)
    }
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// See the module's docs. Clones share one disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    n_calls: u64,
    fault: Option<(u64, Fault)>,
    fails_next: Option<(Call, i32)>,
    hit: Option<Call>,
    gate: Option<Arc<Gate>>,
    dir_gate: Option<Arc<Gate>>,
    /// Syncs are forgotten, as by a program that doesn't sync.
    ignores_syncs: bool,
    nodes: Vec<Node>,
    /// Files and directories by path; `DIRECTORY` for a directory.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    leftovers: Option<Leftovers>,
}

/// One file, whatever it is called.
#[derive(Debug)]
struct Node {
    file: Arc<dyn StorageFile>,
    durable: Vec<u8>,
}

impl Disk {
    /// A disk on which the `at`th changing call meets `fault`.
    pub(crate) fn with_fault(at: u64, fault: Fault) -> Disk {
        let disk = Disk::default();
        disk.state().fault = Some((at, fault));
        disk
    }

    /// The same, but for a program that never syncs.
    pub(crate) fn forgetting_syncs(self) -> Disk {
        self.state().ignores_syncs = true;
        self
    }

    /// The same, with the files of a directory on it.
    pub(crate) fn holding(self, dir: &Path) -> Disk {
        self.state().names.insert(dir.to_path_buf(), DIRECTORY);
        self.state().durable_names.insert(dir.to_path_buf(), DIRECTORY);
        for entry in OsFileSystem.list(dir).expect("a directory") {
            self.open(&dir.join(entry.name), Access::Read).expect("a file");
        }
        self
    }

    /// The next call of this kind fails with this error number, and the ones after it work.
    pub(crate) fn fail_next(&self, call: Call, error: i32) {
        self.state().fails_next = Some((call, error));
    }

    /// From now on, syncs of other threads than this one wait at the gate.
    pub(crate) fn hold_syncs_of_others(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::new(thread::current().id()));
        self.state().gate = Some(Arc::clone(&gate));
        gate
    }

    /// The same for syncs of directories.
    pub(crate) fn hold_dir_syncs_of_others(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::new(thread::current().id()));
        self.state().dir_gate = Some(Arc::clone(&gate));
        gate
    }

    /// No fault is met any more: a full disk has room again.
    pub(crate) fn make_room(&self) {
        self.state().fault = None;
    }

    /// What is on the device, and what is on its way.
    pub(crate) fn look(&self) -> Leftovers {
        self.state().look()
    }

    /// Which call the fault hit, if it did.
    pub(crate) fn hit(&self) -> Option<Call> {
        self.state().hit
    }

    pub(crate) fn leftovers(&self) -> Option<Leftovers> {
        self.state().leftovers.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic in a call")
    }

    /// Counts a call, and fails it if its time has come.
    fn enter(&self, call: Call) -> Result<(), Trouble> {
        let mut state = self.state();
        if let Some((_, error)) = state.fails_next.take_if(|(kind, _)| *kind == call) {
            return Err(Trouble::new(error, false));
        }
        let Some((at, fault)) = state.fault.filter(|(_, fault)| fault.counts(call)) else {
            return Ok(());
        };
        let number = state.n_calls;
        state.n_calls += 1;
        if number == at {
            state.hit = Some(call);
        }
        match fault {
            _ if number < at => Ok(()),
            Fault::Full if call.needs_room() => Err(Trouble::new(ENOSPC, true)),
            Fault::Full => Ok(()),
            Fault::PowerCut => {
                if number == at {
                    state.leftovers = Some(state.look());
                }
                Err(Trouble::new(EIO, false))
            }
            Fault::ShortReads => Err(Trouble::new(EIO, true)),
            _ if number > at => Ok(()),
            Fault::Once(error) | Fault::BadLook(error) => Err(Trouble::new(error, false)),
            Fault::ShortWrite => Err(Trouble::new(EIO, true)),
        }
    }
}

/// How a call fails.
struct Trouble {
    error: i32,
    half_done: bool,
}

impl Trouble {
    fn new(error: i32, half_done: bool) -> Trouble {
        Trouble { error, half_done }
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> io::Error {
        io::Error::from_raw_os_error(trouble.error)
    }
}

fn content(file: &dyn StorageFile) -> Vec<u8> {
    let len = file.len().expect("a length");
    let mut bytes = vec![0; usize::try_from(len).expect("a small file")];
    let mut n_read = 0;
    while n_read < bytes.len() {
        match file.read_at(&mut bytes[n_read..], n_read as u64).expect("a file's content") {
            0 => break,
            n => n_read += n,
        }
    }
    bytes
}

impl State {
    fn look(&self) -> Leftovers {
        let contents = self.nodes.iter().map(|node| (node.durable.clone(), content(&*node.file)));
        Leftovers {
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            contents: contents.collect(),
        }
    }

    /// Takes note of a file that is opened; one that was there before is on the device as it is.
    fn note(&mut self, path: &Path, file: Arc<dyn StorageFile>, is_new: bool) -> usize {
        if let Some(node) = self.names.get(path).copied().filter(|_| !is_new) {
            return node;
        }
        let durable = if is_new { Vec::new() } else { content(&*file) };
        self.nodes.push(Node { file, durable });
        let node = self.nodes.len() - 1;
        self.names.insert(path.to_path_buf(), node);
        if !is_new {
            self.durable_names.insert(path.to_path_buf(), node);
        }
        node
    }
}

impl FileSystem for Disk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.enter(Call::CreateDir)?;
        OsFileSystem.create_dir(dir)?;
        self.state().names.insert(dir.to_path_buf(), DIRECTORY);
        Ok(())
    }

    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        OsFileSystem.is_dir(path)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        OsFileSystem.resolve(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.enter(Call::List)?;
        OsFileSystem.list(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let is_new = access == Access::CreateNew;
        self.enter(if is_new { Call::Create } else { Call::Open })?;
        let inner = OsFileSystem.open(path, access)?;
        let node = self.state().note(path, Arc::clone(&inner), is_new);
        Ok(Arc::new(DiskFile { disk: self.clone(), inner, node }))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.enter(Call::Remove)?;
        fs::remove_file(path)?;
        self.state().names.remove(path);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.enter(Call::Rename)?;
        fs::rename(from, to)?;
        let mut state = self.state();
        if let Some(node) = state.names.remove(from) {
            state.names.insert(to.to_path_buf(), node);
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let gate = self.state().dir_gate.clone();
        if let Some(gate) = gate {
            gate.pass();
        }
        self.enter(Call::SyncDir)?;
        let mut state = self.state();
        if !state.ignores_syncs {
            let is_in_dir = |path: &PathBuf| path.parent() == Some(dir);
            let mut durable = std::mem::take(&mut state.durable_names);
            durable.retain(|path, _| !is_in_dir(path));
            let there = state.names.iter().filter(|(path, _)| is_in_dir(path));
            durable.extend(there.map(|(path, node)| (path.clone(), *node)));
            state.durable_names = durable;
        }
        Ok(())
    }

    fn lock_dir(&self, dir: &Path, kind: LockKind) -> io::Result<Option<DirLock>> {
        OsFileSystem.lock_dir(dir, kind)
    }
}

#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    inner: Arc<dyn StorageFile>,
    node: usize,
}

impl DiskFile {
    fn sync(&self) -> io::Result<()> {
        let gate = self.disk.state().gate.clone();
        if let Some(gate) = gate {
            gate.pass();
        }
        self.disk.enter(Call::Sync)?;
        let mut state = self.disk.state();
        if !state.ignores_syncs {
            state.nodes[self.node].durable = content(&*self.inner);
        }
        Ok(())
    }
}

impl StorageFile for DiskFile {
    fn len(&self) -> io::Result<u64> {
        self.disk.enter(Call::Len)?;
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.enter(Call::SetLen)?;
        self.inner.set_len(len)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        match self.disk.enter(Call::Read) {
            Err(trouble) if trouble.half_done && buffer.len() > 1 => {
                let n_wanted = buffer.len() / 2;
                self.inner.read_at(&mut buffer[..n_wanted], position)
            }
            Err(trouble) if !trouble.half_done => Err(trouble.into()),
            Ok(()) | Err(_) => self.inner.read_at(buffer, position),
        }
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        match self.disk.enter(Call::Write) {
            Err(trouble) if trouble.half_done && bytes.len() > 1 => {
                self.inner.write_at(&bytes[..bytes.len() / 2], position)
            }
            Err(trouble) => Err(trouble.into()),
            Ok(()) => self.inner.write_at(bytes, position),
        }
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.disk.enter(Call::Reserve)?;
        self.inner.reserve(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn map(&self, position: u64, n_bytes: usize, access: Access) -> io::Result<Mapping> {
        self.disk.enter(Call::Map)?;
        self.inner.map(position, n_bytes, access)
    }
}
