//! Files that say who may connect: small, regular, read whole.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use thiserror::Error;

/// The longest file that is read. A key has some hundred bytes, a bundle of all authorities of the
/// world some hundred thousand.
const MAX_BYTES: u64 = 1 << 20;

/// The permissions of everybody but the owner.
const OF_OTHERS: u32 = 0o077;

/// A file that can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system doesn't let it be read.
    #[error("can't read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is a directory, a pipe, a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// It can't be what it should be.
    #[error("{} has more than 1 MiB: is it the right file?", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner can read or change it.
    #[error(
        "{path} holds a secret, but others can read or change it (mode {mode:04o}): run `chmod 600 {path}`",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// The bytes of a file that others may read.
pub(super) fn read_public(path: &Path) -> Result<Vec<u8>, FileError> {
    read(path, |_| Ok(()))
}

/// The bytes of a file that only its owner may read or write.
pub(super) fn read_private(path: &Path) -> Result<Vec<u8>, FileError> {
    read(path, |mode| match mode & OF_OTHERS {
        0 => Ok(()),
        _ => Err(FileError::Exposed { path: path.to_owned(), mode }),
    })
}

/// What the open file is and says counts, so that there is no moment between a check and its use.
fn read(
    path: &Path,
    check_mode: impl Fn(u32) -> Result<(), FileError>,
) -> Result<Vec<u8>, FileError> {
    let unreadable = |cause| FileError::Unreadable { path: path.to_owned(), cause };
    // Opening a pipe without a writer would wait for one.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|errno| unreadable(errno.into()))?);
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    check_mode(metadata.mode() & 0o7777)?;
    // With room for all of it and more: growing would leave copies of a secret behind.
    let expected_bytes = metadata.len().min(MAX_BYTES) as usize;
    let mut bytes = Vec::with_capacity(expected_bytes + 64);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(bytes: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        fs::write(&path, bytes).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        (dir, path)
    }

    #[test]
    fn a_secret_is_its_owners_alone() {
        for mode in [0o600, 0o400, 0o700] {
            let (_dir, path) = file(b"secret", mode);
            assert_eq!(read_private(&path).expect("bytes"), b"secret", "{mode:o}");
        }
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
            let (_dir, path) = file(b"secret", mode);
            let message = read_private(&path).expect_err("others can use it").to_string();
            assert!(message.contains(&format!("mode 0{mode:o}")), "{message}");
            assert!(message.contains(&format!("`chmod 600 {}`", path.display())), "{message}");
            assert_eq!(read_public(&path).expect("bytes"), b"secret", "{mode:o}");
        }
    }

    #[test]
    fn only_small_regular_files_are_read() {
        let (dir, path) = file(&vec![b'x'; MAX_BYTES as usize], 0o600);
        assert_eq!(read_public(&path).expect("just small enough").len() as u64, MAX_BYTES);
        fs::write(&path, vec![b'x'; MAX_BYTES as usize + 1]).expect("a file");
        assert!(matches!(read_public(&path), Err(FileError::TooLarge { .. })));
        assert!(matches!(read_private(dir.path()), Err(FileError::NotAFile { .. })));
        let missing = read_public(&dir.path().join("missing")).expect_err("missing");
        assert!(missing.to_string().contains("missing: No such file"), "{missing}");
    }

    #[test]
    fn a_pipe_is_refused_without_waiting_for_its_writer() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        assert!(matches!(read_public(&path), Err(FileError::NotAFile { .. })));
    }
}
