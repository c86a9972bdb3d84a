//! How a log is opened: what a crash left is mended, and the writer takes up where the last one ended.

use std::path::Path;
use std::sync::Arc;

use super::Log;
use super::news::News;
use crate::log::background_sync::BackgroundSync;
use crate::log::config::{LogConfig, SyncPolicy};
use crate::log::dir::{LogDir, SegmentFiles};
use crate::log::error::LogError;
use crate::log::examine::{self, Beside};
use crate::log::examined::{Examined, Purpose};
use crate::log::fs::{Access, FileSystem, OsFileSystem};
use crate::log::group_commit::GroupCommit;
use crate::log::observer::{ObserverHandle, RecoveryProgress, Stopwatch};
use crate::log::recover::{self, Judged, Recovery};
use crate::log::sync::{AtomicU64, Mutex};
use crate::log::view::View;
use crate::log::writer::{self, Resume, Writer};

/// How often an observer is told how far recovery is, in bytes of a store.
const TOLD_EVERY_BYTES: u64 = 4 << 20;

impl Log {
    /// Opens the log in `dir`, which is created if it is missing, and recovers it.
    ///
    /// Damage is no error: the log then can be read, [`Log::refusal`] and [`Log::recovery`] say what
    /// is wrong, and appends are refused.
    ///
    /// # Errors
    /// `InUse` if another writer has it, `NotADirectory`, `Config`, or a failed call; `Damaged` only if
    /// no segment has a store any more.
    pub fn open(dir: &Path, config: LogConfig) -> Result<Log, LogError> {
        Log::open_on(Arc::new(OsFileSystem), dir, config)
    }

    /// Like [`Log::open`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_on(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        config: LogConfig,
    ) -> Result<Log, LogError> {
        config.validate()?;
        let dir = LogDir::open_or_create(fs, dir)?;
        let lock = dir.lock()?;
        let mut stopwatch = Stopwatch::start(config.observer.as_ref());
        let judged = recover_all(&dir, config.observer.as_ref())?;
        if let Some(observer) = &config.observer {
            observer.opened(&judged.recovery, stopwatch.lap());
        }
        let recovery = judged.recovery.clone();
        let resume = resume(&judged);
        let view = Arc::new(open_view(&dir, &config, judged)?);
        let active = view.segments().last().cloned();
        let Some(active) = active else {
            // All there was is damaged beyond reading.
            return Err(damaged(&dir, &recovery).unwrap_or(LogError::Closed));
        };
        let mut writer =
            Writer::new(dir.clone(), config.clone(), Arc::clone(&view), active, resume);
        if let Some(damaged) = damaged(&dir, &recovery) {
            writer.latch(damaged);
        }
        let commit = Arc::new(GroupCommit::new(writer, config.max_waiting_bytes));
        let background_sync = start_background_sync(&dir, &config, &commit)?;
        Ok(Log {
            committed: AtomicU64::new(view.lowest().0),
            view,
            commit,
            config,
            recovery,
            news: News::default(),
            background_sync: Mutex::new(background_sync),
            removing: Mutex::new(()),
            dir,
            _lock: lock,
        })
    }
}

/// Looks at all segments and mends what loses nothing; changes nothing if there is damage.
fn recover_all(dir: &LogDir, observer: Option<&ObserverHandle>) -> Result<Judged, LogError> {
    let segments = dir.list()?.segments;
    let n_segments = segments.len() as u64;
    let examine = |(n_examined, files): (u64, SegmentFiles)| {
        let mut told = None;
        let tell = &mut |position, store_bytes| {
            let Some(observer) = observer else { return };
            if told.is_none_or(|told| position >= told + TOLD_EVERY_BYTES) {
                told = Some(position);
                observer.recovering(&RecoveryProgress {
                    n_examined,
                    n_segments,
                    position,
                    store_bytes,
                });
            }
        };
        examine::examine(dir, files, Beside::Nobody, Access::ReadWrite, tell)
    };
    let examined: Result<Vec<_>, LogError> = (0..).zip(segments).map(examine).collect();
    let mut judged = recover::judge(dir, examined?);
    if judged.recovery.damage.is_empty() {
        recover::apply(dir, &mut judged)?;
        sync_names(dir, &judged)?;
    }
    Ok(judged)
}

fn damaged(dir: &LogDir, recovery: &Recovery) -> Option<LogError> {
    let first = Box::new(recovery.damage.first()?.clone());
    let n_findings = recovery.damage.len() as u64 + recovery.damage_untold;
    Some(LogError::Damaged { dir: dir.path.clone(), n_findings, first })
}

/// Syncs names that an earlier open, or whoever made the directory, may not have synced.
fn sync_names(dir: &LogDir, judged: &Judged) -> Result<(), LogError> {
    let is_empty = |segment: &Examined| segment.extent.n_records == 0;
    if judged.kept.iter().all(is_empty) {
        dir.sync_parent()?;
    }
    if judged.kept.last().is_none_or(is_empty) || !judged.recovery.is_clean() {
        dir.sync()?;
    }
    Ok(())
}

fn resume(judged: &Judged) -> Resume {
    let last_timestamp_us = judged.kept.iter().map(|segment| segment.last.timestamp_us).max();
    let (extent, index_len) =
        judged.kept.last().map(|last| (last.extent, last.index_len)).unwrap_or_default();
    Resume { extent, index_len, last_timestamp_us: last_timestamp_us.unwrap_or(0) }
}

/// The segments as readers see them; a new log gets its first one. Segments that lie wholly in
/// another's offsets are left out.
fn open_view(dir: &LogDir, config: &LogConfig, judged: Judged) -> Result<View, LogError> {
    if judged.kept.is_empty() && judged.recovery.damage.is_empty() {
        let base = config.initial_offset;
        let first = writer::start_segment(dir, config, base)?;
        return Ok(View::new(&dir.path, vec![first], base, base));
    }
    let n_segments = judged.kept.len();
    let capacity = writer::index_capacity(config);
    let purpose = |number: usize| {
        if number + 1 == n_segments { Purpose::Active { capacity } } else { Purpose::Sealed }
    };
    Ok(judged.into_view(dir, purpose))
}

fn start_background_sync(
    dir: &LogDir,
    config: &LogConfig,
    commit: &Arc<GroupCommit>,
) -> Result<Option<BackgroundSync>, LogError> {
    let SyncPolicy::Interval(interval) = config.sync else { return Ok(None) };
    let started = BackgroundSync::start(Arc::clone(commit), interval, config.observer.clone());
    let failed = |error| LogError::io("start a thread for", &dir.path, error);
    started.map(Some).map_err(failed)
}
