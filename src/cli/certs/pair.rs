//! A certificate and its key as files: whole or not at all, and never over others by mistake.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

const MODE_OF_CERTIFICATES: u32 = 0o644;
const MODE_OF_KEYS: u32 = 0o600;

/// Where they are, or go to.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    dir: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// Whether those that are there may go.
    replace: bool,
}

impl Pair {
    /// A new one: `NAME.pem` and `NAME-key.pem`.
    pub(super) fn new(dir: &Path, name: &str) -> Pair {
        Pair {
            dir: dir.to_owned(),
            certificate: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}-key.pem")),
            replace: false,
        }
    }

    /// Takes the place of what is there, if `replace`.
    pub(super) fn replacing(self, replace: bool) -> Pair {
        Pair { replace, ..self }
    }

    /// Refuses early what couldn't be written.
    pub(super) fn check_free(&self) -> Result<(), Failure> {
        let is_there = |path: &&PathBuf| path.symlink_metadata().is_ok();
        match [&self.certificate, &self.key].into_iter().find(is_there) {
            Some(path) if !self.replace => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// Writes both, synced, under other names, and then gives them theirs.
    pub(super) fn write(&self, certificate: &str, key: &str) -> Result<(), Failure> {
        let dir = &self.dir;
        fs::create_dir_all(dir).map_err(|error| Failure::io("create", dir, &error))?;
        let key = Staged::write(&self.key, key, MODE_OF_KEYS)?;
        let certificate = Staged::write(&self.certificate, certificate, MODE_OF_CERTIFICATES)?;
        key.publish(&self.key, self.replace)?;
        if let Err(failure) = certificate.publish(&self.certificate, self.replace) {
            if !self.replace {
                // It is of no use alone, and would be in the way of the next attempt.
                let _ = fs::remove_file(&self.key);
            }
            return Err(failure);
        }
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| Failure::io("sync", dir, &error))
    }
}

/// A file under another name, gone with this value.
struct Staged(PathBuf);

impl Staged {
    fn write(path: &Path, text: &str, mode: u32) -> Result<Staged, Failure> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}", process::id()));
        let staged = path.with_file_name(name);
        let failed = |error| Failure::io("write", path, &error);
        // Nobody else's file is opened, whatever it links to.
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(mode).open(&staged);
        let mut file = opened.map_err(failed)?;
        let staged = Staged(staged);
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(staged)
    }

    /// A link to it refuses to replace another file, which renaming doesn't.
    fn publish(self, path: &Path, replace: bool) -> Result<(), Failure> {
        let done = if replace { fs::rename(&self.0, path) } else { fs::hard_link(&self.0, path) };
        done.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => Failure::io("write", path, &error),
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // It isn't there any more if it was renamed.
        let _ = fs::remove_file(&self.0);
    }
}

fn exists(path: &Path) -> Failure {
    let text = path.display().to_string();
    let message = format!("{text} exists already: nothing was written");
    Failure::new(Exit::Failed, "exists", message).field("path", text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_pair_is_written_whole_and_its_key_is_its_owners() {
        let place = tempfile::tempdir().expect("a directory");
        let dir = place.path().join("a/b");
        let pair = Pair::new(&dir, "x");
        pair.check_free().expect("nothing is there");
        pair.write("certificate", "key").expect("a pair");
        assert_eq!(names(&dir), ["x-key.pem", "x.pem"]);
        assert_eq!(fs::read_to_string(&pair.key).expect("a key"), "key");
        let mode = fs::metadata(&pair.key).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn nothing_is_replaced_unless_it_is_meant() {
        let place = tempfile::tempdir().expect("a directory");
        let dir = place.path();
        let pair = Pair::new(dir, "x");
        fs::write(&pair.certificate, "old").expect("a file");
        assert_eq!(pair.check_free().expect_err("one is there").code, "exists");
        // Somebody is faster than the check.
        assert_eq!(pair.write("new", "key").expect_err("one is there").code, "exists");
        assert_eq!(fs::read_to_string(&pair.certificate).expect("the old one"), "old");
        assert_eq!(names(dir), ["x.pem"], "and no key is left alone");

        let pair = pair.replacing(true);
        pair.check_free().expect("it may go");
        pair.write("new", "key").expect("a pair");
        assert_eq!(fs::read_to_string(&pair.certificate).expect("the new one"), "new");
        assert_eq!(names(dir), ["x-key.pem", "x.pem"]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let place = tempfile::tempdir().expect("a directory");
        let (dir, outside) = (place.path().join("certs"), place.path().join("outside"));
        fs::create_dir(&dir).expect("a directory");
        let pair = Pair::new(&dir, "x");
        symlink(&outside, &pair.key).expect("a link");
        assert_eq!(pair.check_free().expect_err("a link is there").code, "exists");
        pair.clone().write("certificate", "key").expect_err("a link is there");
        pair.replacing(true).write("certificate", "key").expect("in its place");
        assert!(!outside.exists());
    }
}
