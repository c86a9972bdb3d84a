//! Files that are loaded again when they change, while readers go on with what was loaded before.
//!
//! Looking means asking for the metadata of each file, and reading it only if that changed. A file
//! system's clock can be too coarse to tell two changes apart, so a file that changed a moment ago is
//! read again, too.
//!
//! Invariants
//! - Readers take no lock and never see anything but what was loaded without an error.
//! - A bad file is complained of once, however often it is looked at.

use std::fmt::Display;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, Guard};

use super::file::read_public;

/// Changes within this time may carry the same time stamp.
const CLOCK_GRAIN: Duration = Duration::from_secs(2);

/// What came of looking at the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// They say what they said before.
    Unchanged,
    /// They changed, and what they say now is in force.
    Reloaded,
    /// They can't be used, for this reason; what was in force before still is.
    Refused(String),
}

/// Something made of files.
pub(super) struct Reloaded<T, E> {
    /// What it is called in logs.
    what: &'static str,
    files: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<T, E> + Send + Sync>,
    value: ArcSwap<T>,
    /// Only those who look for changes wait for each other.
    seen: Mutex<Seen>,
}

/// What was there at the last look.
#[derive(Debug)]
struct Seen {
    stamps: Vec<Stamp>,
    /// Of what is in force.
    digest: u64,
    refusal: Option<String>,
}

impl<T, E: Display> Reloaded<T, E> {
    /// Loads for the first time; `load` is to read the files and nothing else.
    pub(super) fn new(
        what: &'static str,
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Reloaded<T, E>, E> {
        // Before loading, so that a change in between is noticed at the next look.
        let seen = Seen { stamps: stamps(&files), digest: digest(&files), refusal: None };
        let value = ArcSwap::from_pointee(load()?);
        Ok(Reloaded { what, files, load: Box::new(load), value, seen: Mutex::new(seen) })
    }

    pub(super) fn get(&self) -> Guard<Arc<T>> {
        self.value.load()
    }

    /// Looks at the files. Reads them, so it's no call for async code.
    pub(super) fn reload_if_changed(&self) -> Reload {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.files);
        if now == seen.stamps && now.iter().all(Stamp::is_settled) {
            return Reload::Unchanged;
        }
        seen.stamps = now;
        let digest = digest(&self.files);
        if digest == seen.digest && seen.refusal.is_none() {
            return Reload::Unchanged;
        }
        match (self.load)() {
            Ok(value) => self.accept(&mut seen, value, digest),
            Err(error) => self.refuse(&mut seen, error.to_string()),
        }
    }

    fn accept(&self, seen: &mut Seen, value: T, digest: u64) -> Reload {
        self.value.store(Arc::new(value));
        seen.digest = digest;
        match seen.refusal.take() {
            Some(_) => tracing::info!("{}: the files are good again and in force", self.what),
            None => tracing::info!("{}: the files changed and are in force", self.what),
        }
        Reload::Reloaded
    }

    fn refuse(&self, seen: &mut Seen, reason: String) -> Reload {
        if seen.refusal.as_ref() != Some(&reason) {
            tracing::warn!("{}: {reason}; what was loaded before stays in force", self.what);
            seen.refusal = Some(reason.clone());
        }
        Reload::Refused(reason)
    }
}

/// What the file system says of a file; `None` if there is none.
#[derive(Debug, PartialEq, Eq)]
struct Stamp(Option<Facts>);

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    device: u64,
    inode: u64,
    len: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Stamp {
        let facts = |metadata: Metadata| Facts {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        Stamp(fs::metadata(path).ok().map(facts))
    }

    /// Whether a later change is sure to get another stamp.
    fn is_settled(&self) -> bool {
        let Some(Facts { changed: (seconds, _), .. }) = self.0 else { return true };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(seconds).is_ok_and(|seconds| seconds + CLOCK_GRAIN.as_secs() < now.as_secs())
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|file| Stamp::of(file)).collect()
}

/// Of contents and permissions. It tells changes from touches; nobody gains by a collision.
fn digest(files: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let mode = fs::metadata(file).map(|metadata| metadata.mode()).ok();
        (mode, read_public(file).ok()).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn number(path: &Path) -> Reloaded<u32, String> {
        let file = path.to_owned();
        let load = move || {
            let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            text.trim().parse().map_err(|_| format!("`{text}` is not a number"))
        };
        Reloaded::new("the number", vec![path.into()], load).expect("a number")
    }

    #[test]
    fn a_change_takes_effect_and_a_touch_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("number");
        fs::write(&path, "1").expect("written");
        let reloaded = number(&path);
        assert_eq!(reloaded.reload_if_changed(), Reload::Unchanged);
        // The same length, and most likely the same time stamp.
        fs::write(&path, "2").expect("written");
        assert_eq!(reloaded.reload_if_changed(), Reload::Reloaded);
        assert_eq!(**reloaded.get(), 2);
        let file = fs::File::options().append(true).open(&path).expect("opened");
        file.set_modified(SystemTime::now() + Duration::from_secs(9)).expect("touched");
        assert_eq!(reloaded.reload_if_changed(), Reload::Unchanged);
    }

    #[test]
    fn two_changes_that_the_clock_cannot_tell_apart_are_seen() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("number");
        fs::write(&path, "1").expect("written");
        let reloaded = number(&path);
        fs::write(&path, "2").expect("written");
        // As if the first look had met the same stamp.
        reloaded.seen.lock().expect("no panic").stamps = stamps(&reloaded.files);
        assert_eq!(reloaded.reload_if_changed(), Reload::Reloaded);
    }

    #[test]
    fn a_file_renamed_over_it_is_a_change() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("number");
        fs::write(&path, "1").expect("written");
        let reloaded = number(&path);
        fs::write(dir.path().join("new"), "3").expect("written");
        fs::rename(dir.path().join("new"), &path).expect("renamed");
        assert_eq!(reloaded.reload_if_changed(), Reload::Reloaded);
        assert_eq!(**reloaded.get(), 3);
    }

    #[test]
    fn a_bad_file_changes_nothing_until_it_is_good_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("number");
        fs::write(&path, "1").expect("written");
        let reloaded = number(&path);
        fs::write(&path, "one").expect("written");
        let refused = Reload::Refused("`one` is not a number".into());
        assert_eq!(reloaded.reload_if_changed(), refused);
        fs::remove_file(&path).expect("removed");
        assert!(matches!(reloaded.reload_if_changed(), Reload::Refused(_)));
        assert_eq!(**reloaded.get(), 1);
        fs::write(&path, "1").expect("written");
        assert_eq!(reloaded.reload_if_changed(), Reload::Reloaded);
        assert_eq!(reloaded.reload_if_changed(), Reload::Unchanged);
    }

    #[test]
    fn a_change_of_permissions_is_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("number");
        fs::write(&path, "1").expect("written");
        let reloaded = number(&path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        assert_eq!(reloaded.reload_if_changed(), Reload::Reloaded);
    }
}
