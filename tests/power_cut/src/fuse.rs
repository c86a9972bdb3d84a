//! The device as a file system that the kernel can mount.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};

use crate::device::{CutOff, Device, empty_file};
use crate::disk::{Disk, Names, Node};

/// All changes come through the kernel, so it may remember for as long as it likes.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A device to be mounted.
struct DeviceFileSystem(Device);

/// Mounts the device. The mount goes away with the value.
pub(crate) fn mount(device: &Device, at: &Path) -> Result<BackgroundSession, String> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("proglog-power-cut".to_owned())];
    fuser::spawn_mount(DeviceFileSystem(device.clone()), at, &config).map_err(|error| {
        format!("can't mount a file system at {}: {error}\nhint: this needs root", at.display())
    })
}

/// Unmounts, which ends all that the kernel has to say.
pub(crate) fn unmount(session: BackgroundSession) -> Result<(), String> {
    match session.umount_and_join() {
        // How the file system's thread learns of the end depends on where it was just then.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => Ok(()),
        result => result.map_err(|error| format!("can't unmount the file system: {error}")),
    }
}

impl From<CutOff> for Errno {
    fn from(_: CutOff) -> Errno {
        Errno::EIO
    }
}

fn attributes(disk: &Disk, inode: u64) -> Result<FileAttr, Errno> {
    let (kind, size) = match disk.node(inode).ok_or(Errno::ENOENT)? {
        Node::File(content) => (FileType::RegularFile, content.live().len() as u64),
        Node::Dir(_) => (FileType::Directory, 0),
    };
    // Times that never change keep the kernel from doubting what it has cached.
    let time: SystemTime = UNIX_EPOCH;
    Ok(FileAttr {
        ino: INodeNo(inode),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm: 0o755,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn text(name: &OsStr) -> Result<&str, Errno> {
    name.to_str().ok_or(Errno::EINVAL)
}

impl DeviceFileSystem {
    fn attributes(&self, inode: INodeNo) -> Result<FileAttr, Errno> {
        self.0.read(|disk| attributes(disk, inode.0))
    }

    fn create(&self, parent: INodeNo, name: &OsStr, node: Node) -> Result<FileAttr, Errno> {
        let name = text(name)?;
        let create = |disk: &mut Disk| {
            let inode = disk.create(parent.0, name, node).ok_or(Errno::ENOTDIR)?;
            attributes(disk, inode)
        };
        self.0.change(create)?
    }

    fn remove(&self, parent: INodeNo, name: &OsStr) -> Result<(), Errno> {
        let name = text(name)?;
        self.0.change(|disk| {
            disk.child(parent.0, name).ok_or(Errno::ENOENT)?;
            disk.dir(parent.0).ok_or(Errno::ENOTDIR)?.remove(name);
            Ok(())
        })?
    }

    fn rename(&self, dir: INodeNo, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        let (from, to) = (text(from)?, text(to)?);
        self.0.change(|disk| {
            let inode = disk.child(dir.0, from).ok_or(Errno::ENOENT)?;
            disk.dir(dir.0).ok_or(Errno::ENOTDIR)?.rename(from, to, inode);
            Ok(())
        })?
    }

    fn set_length(&self, inode: INodeNo, length: u64) -> Result<(), Errno> {
        self.0.change(|disk| {
            disk.file(inode.0).ok_or(Errno::EISDIR)?.set_length(length);
            Ok(())
        })?
    }

    fn lengthen(&self, inode: INodeNo, length: u64) -> Result<(), Errno> {
        self.0.change(|disk| {
            let file = disk.file(inode.0).ok_or(Errno::EISDIR)?;
            if file.live().len() as u64 <= length {
                file.set_length(length);
            }
            Ok(())
        })?
    }

    fn entries(&self, inode: INodeNo) -> Result<Vec<(u64, FileType, String)>, Errno> {
        self.0.read(|disk| match disk.node(inode.0) {
            Some(Node::Dir(names)) => {
                let entry = |(name, inode): (&String, &u64)| {
                    Ok((*inode, attributes(disk, *inode)?.kind, name.clone()))
                };
                names.live().iter().map(entry).collect()
            }
            Some(Node::File(_)) => Err(Errno::ENOTDIR),
            None => Err(Errno::ENOENT),
        })
    }
}

fn reply_empty(result: Result<(), Errno>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn reply_entry(result: Result<FileAttr, Errno>, reply: ReplyEntry) {
    match result {
        Ok(attributes) => reply.entry(&REMEMBERED, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for DeviceFileSystem {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = text(name).and_then(|name| {
            self.0.read(|disk| attributes(disk, disk.child(parent.0, name).ok_or(Errno::ENOENT)?))
        });
        reply_entry(found, reply);
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(inode) {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = size.map_or(Ok(()), |size| self.set_length(inode, size));
        match set.and_then(|()| self.attributes(inode)) {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        reply_entry(self.create(parent, name, Node::Dir(Names::default())), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.create(parent, name, empty_file()) {
            Ok(attributes) => reply.created(
                &REMEMBERED,
                &attributes,
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_KEEP_CACHE,
            ),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        reply_empty(self.remove(parent, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if parent != new_parent || !flags.is_empty() {
            return reply.error(Errno::EXDEV);
        }
        reply_empty(self.rename(parent, name, new_name), reply);
    }

    /// Through the page cache, without which there are no shared mappings.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let bytes = self.0.read(|disk| match disk.node(inode.0) {
            Some(Node::File(content)) => {
                let start = content.live().len().min(offset as usize);
                let end = content.live().len().min(start + size as usize);
                Ok(content.live()[start..end].to_vec())
            }
            _ => Err(Errno::EISDIR),
        });
        match bytes {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let write = |disk: &mut Disk| {
            disk.file(inode.0).ok_or(Errno::EISDIR)?.write(offset, data);
            Ok(data.len() as u32)
        };
        let written = if write_flags.contains(WriteFlags::FUSE_WRITE_CACHE) {
            self.0.write_back(write)
        } else {
            self.0.change(write)
        };
        match written.map_err(Errno::from).and_then(|result| result) {
            Ok(n_written) => reply.written(n_written),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        let synced = self.0.sync(|disk| disk.file(inode.0).ok_or(Errno::EISDIR).map(|f| f.sync()));
        reply_empty(synced.map_err(Errno::from).and_then(|result| result), reply);
    }

    fn fsyncdir(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        let synced = self.0.sync(|disk| disk.dir(inode.0).ok_or(Errno::ENOTDIR).map(|d| d.sync()));
        reply_empty(synced.map_err(Errno::from).and_then(|result| result), reply);
    }

    fn fallocate(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        reply_empty(self.lengthen(inode, offset + length), reply);
    }

    fn readdir(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let entries = match self.entries(inode) {
            Ok(entries) => entries,
            Err(error) => return reply.error(error),
        };
        for (number, (inode, kind, name)) in (1..).zip(&entries).skip(offset as usize) {
            if reply.add(INodeNo(*inode), number, *kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
