//! Files that hold a secret: read only if nobody but their owner can.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// More than any key needs; a file beyond it is a mistake.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Reading and writing, for the group and for others.
const OPEN_TO_OTHERS: u32 = 0o066;

/// Why a secret is not read.
#[derive(Debug, Error)]
pub enum SecretFileError {
    /// A call to the system failed.
    #[error("can't read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner can read or change it.
    #[error(
        "{} holds a secret, but others can read or change it (mode {mode:04o}); `chmod 600` it",
        path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is too large to be a secret.
    #[error("{} is larger than {MAX_BYTES} bytes, which no key is", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// The bytes of a file that only its owner can read.
///
/// # Errors
///
/// It can't be read, others can read or change it, or it has more than 1 MiB.
pub fn read_secret(path: &Path) -> Result<Vec<u8>, SecretFileError> {
    let io = |source| SecretFileError::Io { path: path.into(), source };
    let file = File::open(path).map_err(io)?;
    // Of the open file, since the name may mean another one by now.
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if mode & OPEN_TO_OTHERS != 0 {
        return Err(SecretFileError::OpenToOthers { path: path.into(), mode });
    }
    match read_bounded(file).map_err(io)? {
        Some(bytes) => Ok(bytes),
        None => Err(SecretFileError::TooLarge { path: path.into() }),
    }
}

/// All bytes, or `None` if there are more than [`MAX_BYTES`].
pub(super) fn read_bounded(file: File) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MAX_BYTES).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_what_nobody_else_can_read_or_change_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        fs::write(&path, b"secret").expect("written");
        for (mode, is_read) in
            [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)]
        {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
            assert_eq!(read_secret(&path).is_ok(), is_read, "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("set");
        let said = read_secret(&path).expect_err("refused").to_string();
        assert!(said.contains("mode 0644"), "{said}");
    }

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        let file = File::create(&path).expect("created");
        file.set_permissions(Permissions::from_mode(0o600)).expect("set");
        file.set_len(MAX_BYTES).expect("a sparse file");
        assert_eq!(read_secret(&path).expect("read").len() as u64, MAX_BYTES);
        file.set_len(MAX_BYTES + 1).expect("a sparse file");
        assert!(matches!(read_secret(&path), Err(SecretFileError::TooLarge { .. })));
    }
}
