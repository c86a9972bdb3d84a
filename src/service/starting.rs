//! A log that isn't open yet: a server can listen while its log is recovered.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;

use super::{
    Batch, Chunk, CommitLog, LogDetails, LogInfo, PendingAppend, Record, ScanLimits, ServiceError,
};
use crate::log::{Durability, LogConfig, Offset, RecoveryProgress};

/// Answers [`ServiceError::Starting`] until it is given the log that it stands for, and is that log from
/// then on.
#[derive(Debug)]
pub struct StartingLog<L> {
    log: OnceLock<L>,
    is_open: watch::Sender<bool>,
    progress: ProgressNote,
    durability: Durability,
    max_record_bytes: u64,
}

/// How far the recovery of a log is.
#[derive(Clone, Debug, Default)]
pub struct ProgressNote(Arc<RwLock<RecoveryProgress>>);

impl ProgressNote {
    /// Takes note of it.
    pub(super) fn set(&self, progress: RecoveryProgress) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// What it was last.
    #[must_use]
    pub fn get(&self) -> RecoveryProgress {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: CommitLog> StartingLog<L> {
    /// Stands for a log that is to be opened like this. [`observer`](super::observer) says who tells the
    /// note how far that is.
    #[must_use]
    pub fn new(config: &LogConfig, progress: ProgressNote) -> StartingLog<L> {
        StartingLog {
            log: OnceLock::new(),
            is_open: watch::Sender::new(false),
            progress,
            durability: config.sync.durability(),
            max_record_bytes: config.max_record_bytes,
        }
    }

    /// Is the log from now on.
    ///
    /// # Errors
    /// It has one already, and gives this one back.
    pub fn open(&self, log: L) -> Result<(), L> {
        self.log.set(log)?;
        self.is_open.send_replace(true);
        Ok(())
    }

    /// The log, once it is open.
    pub fn get(&self) -> Option<&L> {
        self.log.get()
    }

    fn log(&self) -> Result<&L, ServiceError> {
        self.log.get().ok_or_else(|| self.refusal())
    }

    fn refusal(&self) -> ServiceError {
        ServiceError::Starting { progress: self.progress.get() }
    }

    async fn opened(&self) -> &L {
        loop {
            if let Some(log) = self.log.get() {
                return log;
            }
            // Its sender is here, so it can't fail.
            let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
        }
    }
}

impl<L: CommitLog> CommitLog for StartingLog<L> {
    async fn submit(&self, batch: Batch) -> Result<PendingAppend, ServiceError> {
        self.log()?.submit(batch).await
    }

    async fn read(&self, offset: Offset) -> Result<Record, ServiceError> {
        self.log()?.read(offset).await
    }

    async fn scan(&self, from: Offset, limits: ScanLimits) -> Result<Chunk, ServiceError> {
        self.log()?.scan(from, limits).await
    }

    async fn wait_for(&self, offset: Offset) -> Result<(), ServiceError> {
        self.log()?.wait_for(offset).await
    }

    async fn offset_at_time(&self, timestamp_us: u64) -> Result<Offset, ServiceError> {
        self.log()?.offset_at_time(timestamp_us).await
    }

    async fn truncate_before(&self, offset: Offset) -> Result<Offset, ServiceError> {
        self.log()?.truncate_before(offset).await
    }

    async fn refused(&self) -> ServiceError {
        match self.log() {
            Ok(log) => log.refused().await,
            Err(refusal) => refusal,
        }
    }

    async fn ready(&self) {
        self.opened().await.ready().await;
    }

    fn starting(&self) -> Option<ServiceError> {
        self.log().err()
    }

    fn info(&self) -> LogInfo {
        self.log().map_or_else(
            |refusal| LogInfo {
                lowest: Offset(0),
                next: Offset(0),
                committed: Offset(0),
                durability: self.durability,
                max_record_bytes: self.max_record_bytes,
                refusal: Some(refusal),
                disk: None,
            },
            CommitLog::info,
        )
    }

    async fn details(&self) -> Result<LogDetails, ServiceError> {
        self.log()?.details().await
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::log::Log;
    use crate::service::{LocalLog, LocalLogConfig, NewRecord};

    fn starting() -> (StartingLog<LocalLog>, ProgressNote) {
        let note = ProgressNote::default();
        (StartingLog::new(&LogConfig::default(), note.clone()), note)
    }

    fn local(dir: &TempDir) -> LocalLog {
        let log = Log::open(dir.path(), LogConfig::default()).expect("a log");
        LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread")
    }

    fn batch() -> Batch {
        Batch { records: vec![NewRecord::new("value")], expected_offset: None }
    }

    #[tokio::test]
    async fn until_it_is_open_everything_is_refused_with_the_progress() {
        let (log, note) = starting();
        note.set(RecoveryProgress { n_examined: 1, n_segments: 3, position: 10, store_bytes: 40 });
        let refusals = [
            log.append(batch()).await.err(),
            log.read(Offset(0)).await.err(),
            log.wait_for(Offset(0)).await.err(),
            log.truncate_before(Offset(0)).await.err(),
            log.details().await.err(),
            log.info().refusal,
            log.starting(),
            Some(log.refused().await),
        ];
        for refusal in refusals.map(|refusal| refusal.expect("a refusal")) {
            assert_eq!(refusal.code(), "starting");
            assert!(refusal.to_string().contains("segment 2 of 3, 10 of 40 bytes"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_it_goes_on_once_it_is_open() {
        let dir = tempfile::tempdir().expect("a directory");
        let (log, _) = starting();
        let ready = log.ready();
        tokio::pin!(ready);
        assert!(futures_util::poll!(&mut ready).is_pending());
        log.open(local(&dir)).expect("the first");
        ready.await;
        assert!(log.starting().is_none());
        let appended = log.append(batch()).await.expect("an append");
        assert_eq!(log.read(appended.first_offset).await.expect("a record").value, "value");
        log.get().expect("a log").close().await.expect("a close");
    }
}
