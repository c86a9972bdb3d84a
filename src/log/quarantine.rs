//! The folder beside a log to which a repair copies what it gives up.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dir::LogDir;
use super::error::LogError;
use super::fs::{self, Access};

/// One repair's folder: `DIR.quarantine/N`, with the first number that is free.
#[derive(Debug)]
pub(super) struct Quarantine {
    dir: LogDir,
}

impl Quarantine {
    pub(super) fn create(log: &LogDir) -> Result<Quarantine, LogError> {
        // `proglog-data`, `./proglog-data/` and `.` all have a name only when resolved.
        let resolved = log.fs.resolve(&log.path);
        let resolved = resolved.map_err(|error| LogError::io("resolve", &log.path, error))?;
        let mut name = resolved.file_name().map_or_else(OsString::new, OsString::from);
        name.push(".quarantine");
        let parent = LogDir::open_or_create(Arc::clone(&log.fs), &resolved.with_file_name(name))?;
        let mut number = 1;
        loop {
            let path = parent.path.join(number.to_string());
            match log.fs.create_dir(&path) {
                Ok(()) => {
                    parent.sync()?;
                    return Ok(Quarantine { dir: LogDir { fs: Arc::clone(&log.fs), path } });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(LogError::io("create the directory", &path, error)),
            }
        }
    }

    /// Copies a file here under its own name, and syncs it.
    pub(super) fn keep(&mut self, from: &Path) -> Result<(), LogError> {
        let to = self.dir.path.join(from.file_name().unwrap_or_default());
        let source = self.dir.open_file(from, Access::Read)?;
        let target = self.dir.open_file(&to, Access::CreateNew)?;
        let copied = source.len().and_then(|len| fs::copy(&*source, &*target, 0..len));
        copied.map_err(|error| LogError::io("copy to", &to, error))?;
        target.sync_all().map_err(|error| LogError::io("sync", &to, error))?;
        self.dir.sync()
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.dir.path
    }
}
