//! The log of this machine, for async callers.
//!
//! Appends go through a bounded queue to one dedicated thread. It takes all that waits and hands it
//! to the log as one group, so concurrent requests share one write and one sync, and no runtime
//! worker ever sits in `fdatasync`.
//!
//! Reads run by `spawn_blocking`. Most of them find their record in the page cache and would be done
//! in less time than the hand-over takes, but one that does not waits for a device, and on a runtime
//! with few workers a few of those would stop every other request. `block_in_place` would hand away
//! the worker's whole queue at each call, and does not exist on a runtime with one thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, mem, panic};

use tokio::task;

use super::disk::Watching;
use super::metered::Meter;
use super::periodic::Periodic;
use super::progress::Publisher;
use super::queue::{Bounds, Queue};
use super::retention::{self, Keeper};
use super::writer::Answering;
use super::{
    Batch, Chunk, CommitLog, DiskWatch, LogDetails, LogInfo, PendingAppend, Record, Retention,
    ScanLimits, ServiceError, chunk, writer,
};
use crate::log::{Append, DEFAULT_MAX_WAITING_BYTES, Log, LogError, Offset};
use crate::telemetry::Metrics;

/// How much may wait in front of a [`LocalLog`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalLogConfig {
    /// Bytes of batches that may wait. Default 8 MiB, at most 4 GiB. One greater batch passes alone.
    pub max_waiting_bytes: u64,
    /// Batches that may wait. Default 4,096, at least 1.
    pub max_waiting_batches: usize,
    /// Bytes after which a group takes no further batch. Default 4 MiB.
    pub max_group_bytes: u64,
    /// How long an append waits for room before it is told that the log is busy. Default 5 s.
    pub room_wait: Duration,
}

impl Default for LocalLogConfig {
    fn default() -> Self {
        LocalLogConfig {
            max_waiting_bytes: DEFAULT_MAX_WAITING_BYTES,
            max_waiting_batches: 4096,
            max_group_bytes: 1 << 20,
            room_wait: Duration::from_secs(5),
        }
    }
}

/// A [`Log`] and its storage thread. Dropping it closes the log, too, but swallows errors.
#[derive(Debug)]
pub struct LocalLog {
    log: Arc<Log>,
    queue: Queue,
    publisher: Arc<Publisher>,
    meter: Meter,
    /// Until [`close`](LocalLog::close) takes it. A plain mutex: nothing awaits under it.
    storage: Mutex<Option<JoinHandle<Result<(), LogError>>>>,
    /// What is done beside the requests, likewise. Last, so that it ends when the queue has.
    upkeep: Mutex<Vec<Periodic>>,
}

impl LocalLog {
    /// Takes over an open log and starts its storage thread.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(log: Log, config: &LocalLogConfig) -> io::Result<LocalLog> {
        LocalLog::start_with(log, config, Meter::default())
    }

    /// Like [`start`](LocalLog::start), and counts what goes through it. For what the log itself does,
    /// such as syncs, it has to be opened with an [`observer`](super::observer).
    ///
    /// # Errors
    /// As [`start`](LocalLog::start).
    pub fn start_metered(
        log: Log,
        config: &LocalLogConfig,
        metrics: &Arc<Metrics>,
    ) -> io::Result<LocalLog> {
        let local = LocalLog::start_with(log, config, Meter::new(Some(Arc::clone(metrics))))?;
        let progress = local.publisher.subscribe();
        local.meter.watch(&local.log, move || progress.borrow().takes_appends());
        Ok(local)
    }

    fn start_with(log: Log, config: &LocalLogConfig, meter: Meter) -> io::Result<LocalLog> {
        let log = Arc::new(log);
        let (queue, waiting) = Queue::new(Bounds {
            max_waiting_bytes: u32::try_from(config.max_waiting_bytes).unwrap_or(u32::MAX),
            max_waiting_batches: config.max_waiting_batches.max(1),
            room_wait: config.room_wait,
        });
        let publisher = Arc::new(Publisher::new(Arc::clone(&log)));
        let (storage_log, storage_publisher) = (Arc::clone(&log), Arc::clone(&publisher));
        let (max_group_bytes, answering) =
            (config.max_group_bytes, Answering::start(meter.clone()));
        let storage = writer::spawn_storage(move || {
            let publish = || storage_publisher.publish();
            let write = |group: &[Append<'_>]| storage_log.append_group(group);
            writer::run(waiting, max_group_bytes, &answering, write, publish);
            let closed = storage_log.close();
            if let Err(error) = &closed {
                tracing::error!(%error, "closing the log failed");
            }
            closed
        })?;
        let (storage, upkeep) = (Mutex::new(Some(storage)), Mutex::default());
        Ok(LocalLog { log, queue, publisher, meter, storage, upkeep })
    }

    /// Watches the disk from now on: holds appends off while it is nearly full, and goes on by itself when
    /// there is room again after it was full.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn watch_disk(&self, watch: DiskWatch) -> io::Result<()> {
        let mut watching = Watching::new(watch);
        // Before the first request is served.
        watching.check(&self.publisher);
        let (pause, publisher) = (watching.pause(), Arc::clone(&self.publisher));
        self.keep_up(Periodic::start("proglog-disk", pause, move || watching.check(&publisher))?);
        Ok(())
    }

    /// Removes old segments from now on, as the retention says.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn retain(&self, retention: Retention) -> io::Result<()> {
        let mut keeper = Keeper::new(retention, Arc::clone(&self.log));
        let work = move || keeper.tick();
        self.keep_up(Periodic::start("proglog-retain", retention::TICK, work)?);
        Ok(())
    }

    fn keep_up(&self, periodic: Periodic) {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner).push(periodic);
    }

    /// Refuses further appends, finishes those that wait, then syncs and closes the log.
    /// A second call answers at once.
    ///
    /// # Errors
    /// What closing the log answered.
    pub async fn close(&self) -> Result<(), ServiceError> {
        self.queue.close();
        self.publisher.close();
        let storage = self.storage.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(storage) = storage else { return Ok(()) };
        let upkeep = mem::take(&mut *self.upkeep.lock().unwrap_or_else(PoisonError::into_inner));
        let join = move || {
            let closed = storage.join();
            // A removal under way ends early once the log is closed.
            drop(upkeep);
            closed
        };
        match task::spawn_blocking(join).await {
            Ok(Ok(closed)) => closed.map_err(ServiceError::from),
            // A panic of the storage thread ends the process before it can be seen here.
            Ok(Err(panic)) => panic::resume_unwind(panic),
            Err(error) => Err(ServiceError::Internal { message: error.to_string() }),
        }
    }

    /// Runs what may wait for the device, off the runtime's workers.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let log = Arc::clone(&self.log);
        match task::spawn_blocking(move || work(&log)).await {
            Ok(done) => done.map_err(ServiceError::from),
            Err(error) => Err(ServiceError::Internal { message: error.to_string() }),
        }
    }
}

impl CommitLog for LocalLog {
    async fn submit(&self, batch: Batch) -> Result<PendingAppend, ServiceError> {
        match self.publisher.held_off() {
            Some(refusal) => Err(refusal),
            None => self.queue.push(batch, self.meter.begin()).await,
        }
    }

    async fn read(&self, offset: Offset) -> Result<Record, ServiceError> {
        let began = self.meter.begin();
        let read = self.blocking(move |log| log.read(offset)).await.map(Record::from);
        self.meter.read(began, &read);
        read
    }

    async fn scan(&self, from: Offset, limits: ScanLimits) -> Result<Chunk, ServiceError> {
        let began = self.meter.begin();
        let chunk = self.blocking(move |log| chunk::read(log, from, &limits)).await;
        self.meter.scanned(began, &chunk);
        chunk
    }

    async fn wait_for(&self, offset: Offset) -> Result<(), ServiceError> {
        let mut progress = self.publisher.subscribe();
        let seen = progress.wait_for(|now| now.next > offset || !now.is_open()).await;
        match seen {
            Ok(now) if now.next > offset => Ok(()),
            Ok(_) | Err(_) => Err(ServiceError::Closed),
        }
    }

    async fn offset_at_time(&self, timestamp_us: u64) -> Result<Offset, ServiceError> {
        self.blocking(move |log| log.offset_at_time(timestamp_us)).await
    }

    async fn truncate_before(&self, offset: Offset) -> Result<Offset, ServiceError> {
        self.blocking(move |log| log.truncate_before(offset)).await
    }

    async fn refused(&self) -> ServiceError {
        let mut progress = self.publisher.subscribe();
        let refused = progress.wait_for(|now| !now.takes_appends()).await;
        refused.ok().and_then(|now| now.refusal()).unwrap_or(ServiceError::Closed)
    }

    async fn ready(&self) {
        let mut progress = self.publisher.subscribe();
        // The publisher lives as long as this.
        let _ = progress.wait_for(|now| now.takes_appends()).await;
    }

    fn info(&self) -> LogInfo {
        let now = self.publisher.now();
        let config = self.log.config();
        LogInfo {
            lowest: self.log.lowest_offset(),
            next: self.log.next_offset(),
            committed: self.log.committed_offset(),
            durability: config.sync.durability(),
            max_record_bytes: config.max_record_bytes,
            refusal: now.refusal(),
            disk: now.disk,
        }
    }

    async fn details(&self) -> Result<LogDetails, ServiceError> {
        self.blocking(details).await
    }
}

fn details(log: &Log) -> Result<LogDetails, LogError> {
    let recovery = log.recovery();
    Ok(LogDetails {
        ends: log.ends()?,
        n_segments: log.segments().len() as u64,
        size_bytes: log.size_bytes(),
        n_damaged: recovery.damage.len() as u64 + recovery.damage_untold,
    })
}

#[cfg(test)]
mod tests;
