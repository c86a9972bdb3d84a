//! What is made of files, and made anew when what is in them changes.
//!
//! The contents are compared, not times or inodes: whatever way a file is replaced (written over,
//! renamed, by the swap of a symbolic link above it, restored with its old time), it is noticed, and
//! files of some kilobytes are read fast.
//!
//! Invariants
//! - There is always something in force: it changes only for something that was made whole.
//! - What is wrong is said once, not at each look, and so is that it is good again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};

use super::TlsError;

/// Files that something is made of.
pub(super) trait Source: Send + Sync + 'static {
    /// What is in them.
    type Contents: PartialEq + Send;
    /// What is made of that.
    type Made: Send + Sync + 'static;

    fn read(&self) -> Result<Self::Contents, TlsError>;
    fn make(&self, contents: &Self::Contents) -> Result<Self::Made, TlsError>;
    /// What it is to people, as in "the server's certificate".
    fn name(&self) -> &'static str;
}

/// What a look at the files led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// They say what is in force.
    Unchanged,
    /// What they say is in force from now on.
    Changed,
    /// They can't be used; what was in force stays.
    Refused,
}

pub(super) struct Reloading<S: Source> {
    source: S,
    current: ArcSwap<S::Made>,
    seen: Mutex<Seen<S::Contents>>,
}

struct Seen<C> {
    in_force: C,
    /// What was said against the files at the last look.
    refused: Option<Refused<C>>,
}

struct Refused<C> {
    /// `None` if they couldn't be read.
    contents: Option<C>,
    message: String,
}

impl<S: Source> Reloading<S> {
    pub(super) fn load(source: S) -> Result<Reloading<S>, TlsError> {
        let in_force = source.read()?;
        let current = ArcSwap::from_pointee(source.make(&in_force)?);
        Ok(Reloading { source, current, seen: Mutex::new(Seen { in_force, refused: None }) })
    }

    pub(super) fn current(&self) -> Arc<S::Made> {
        self.current.load_full()
    }

    /// Looks at the files.
    pub(super) fn reload_if_changed(&self) -> Reloaded {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let name = self.source.name();
        let contents = match self.source.read() {
            Ok(contents) => contents,
            Err(error) => return seen.refuse(name, None, &error),
        };
        if contents == seen.in_force {
            if seen.refused.take().is_some() {
                tracing::info!("{name}: the files are again what is in force");
            }
            return Reloaded::Unchanged;
        }
        if seen.has_refused(&contents) {
            return Reloaded::Refused;
        }
        match self.source.make(&contents) {
            Ok(made) => {
                self.current.store(Arc::new(made));
                *seen = Seen { in_force: contents, refused: None };
                tracing::info!("{name}: the changed files are in force for new connections");
                Reloaded::Changed
            }
            Err(error) => seen.refuse(name, Some(contents), &error),
        }
    }
}

impl<C: PartialEq> Seen<C> {
    fn has_refused(&self, contents: &C) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.contents.as_ref() == Some(contents))
    }

    fn refuse(&mut self, name: &str, contents: Option<C>, error: &TlsError) -> Reloaded {
        let message = error.to_string();
        if self.refused.as_ref().is_none_or(|refused| refused.message != message) {
            tracing::warn!("{name}: {message}; the one in force stays");
        }
        self.refused = Some(Refused { contents, message });
        Reloaded::Refused
    }
}

/// Looks at the files now and then, on a thread that may wait for a disk. Ends with the runtime, or
/// when it is dropped.
pub(super) async fn reload_every(
    period: Duration,
    look: impl Fn() -> Reloaded + Clone + Send + 'static,
) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = tokio::task::spawn_blocking(look.clone()).await {
            tracing::error!(%error, "can't look at the files of TLS");
        }
    }
}
