//! The directory that a benchmark works in: on the user's disk, never in a log, gone afterwards.

use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;

/// Removed with everything in it when dropped.
#[derive(Debug)]
pub(crate) struct ScratchDir {
    path: PathBuf,
}

impl ScratchDir {
    /// Creates a directory in `dir` if that exists and isn't a log, else beside it.
    pub(crate) fn create(dir: &Path) -> Result<ScratchDir, Failure> {
        let parent = if dir.is_dir() && !is_log(dir) { dir } else { parent_of(dir) };
        let path = parent.join(format!(".proglog-bench-{}", std::process::id()));
        // Fails if it exists: nothing of anybody else's is ever removed.
        std::fs::create_dir(&path).map_err(|error| {
            let failure = Failure::io("create", &path, &error);
            failure.hint("name a directory on the disk to be measured with --dir")
        })?;
        Ok(ScratchDir { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!("can't remove {}: {error}; remove it by hand", self.path.display());
        }
    }
}

fn is_log(dir: &Path) -> bool {
    let is_store = |path: &Path| path.extension().is_some_and(|extension| extension == "store");
    dir.read_dir().is_ok_and(|entries| entries.flatten().any(|entry| is_store(&entry.path())))
}

fn parent_of(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => dir,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_inside_a_log_and_is_gone_afterwards() {
        let outer = tempfile::tempdir().expect("a directory");
        let dir = outer.path().join("data");
        let scratch = ScratchDir::create(&dir).expect("beside a missing directory");
        assert_eq!(scratch.path().parent(), Some(outer.path()));
        drop(scratch);
        std::fs::create_dir(&dir).expect("created");
        let scratch = ScratchDir::create(&dir).expect("in an empty directory");
        assert_eq!(scratch.path().parent(), Some(dir.as_path()));
        assert!(ScratchDir::create(&dir).is_err(), "it exists");
        drop(scratch);
        std::fs::write(dir.join("0.store"), "").expect("written");
        let scratch = ScratchDir::create(&dir).expect("beside a log");
        assert_eq!(scratch.path().parent(), Some(outer.path()));
        drop(scratch);
        assert_eq!(outer.path().read_dir().expect("read").count(), 1);
    }

    #[test]
    fn a_bare_name_lies_in_the_current_directory() {
        assert_eq!(parent_of(Path::new("data")), Path::new("."));
        assert_eq!(parent_of(Path::new("/")), Path::new("/"));
        assert_eq!(parent_of(Path::new("a/b")), Path::new("a"));
    }
}
