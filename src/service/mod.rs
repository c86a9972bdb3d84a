//! A log seen from async code: what the servers call, and nothing of how it is asked or stored.
//!
//! Both servers and a replicated log meet at [`CommitLog`]. [`LocalLog`] is the log of this machine.
//!
//! Invariants
//! - An answer to an append means that the batch has the durability it names; an error before it was
//!   handed to storage means that nothing of it was appended.
//! - What waits to be appended is bounded, in bytes and in number. A caller that finds no room in
//!   time is told [`ServiceError::Busy`].
//! - Waiting for a record is by notification; nothing here polls.
//! - Appends are refused for ever after a failure, and for a while when the disk is full or nearly full; who
//!   waits for either change is told.
//! - No async worker ever waits for a disk: writes have a thread of their own, and reads run on the
//!   runtime's blocking threads.

mod chunk;
mod disk;
mod error;
mod info;
mod local;
mod message;
mod metered;
mod pending;
mod periodic;
mod progress;
mod queue;
mod record;
mod retention;
mod starting;
mod waiting;
mod writer;

use std::future::Future;

pub use chunk::{Chunk, Missing, ScanLimits};
pub use disk::{DiskUse, DiskWatch, WatermarkError, Watermarks};
pub use error::ServiceError;
pub use info::{LogDetails, LogInfo};
pub use local::{LocalLog, LocalLogConfig};
pub use metered::observer;
pub use pending::{AppendAnswer, PendingAppend};
pub use record::{Batch, BatchSize, NewRecord, Record};
pub use retention::Retention;
pub use starting::{ProgressNote, StartingLog};

pub use crate::log::{Appended, Checksums, Durability, Ends, Header, Offset, RecoveryProgress};

/// A commit log for async callers, wherever its bytes are.
///
/// The servers are generic over it instead of holding a `dyn CommitLog`: a process serves one kind of
/// log, so the choice is made once, where it starts, and a call costs no boxed future. Tests pass
/// logs of their own in the same way. The futures are `Send`, since the servers run on many threads.
pub trait CommitLog: Send + Sync + 'static {
    /// Hands a batch over and answers once it is taken; what becomes of it is told by the
    /// [`PendingAppend`]. Batches are appended in the order in which they were taken, so whoever wants
    /// to have many under way submits one after the other.
    ///
    /// # Errors
    /// [`ServiceError::Busy`], [`ServiceError::DiskNearlyFull`] and [`ServiceError::Closed`]: the batch was
    /// not taken.
    fn submit(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<PendingAppend, ServiceError>> + Send;

    /// Appends a batch; answers once it has the durability that the answer names.
    ///
    /// Dropping the future before it is done does not undo the append: it may still happen.
    ///
    /// # Errors
    /// [`ServiceError::Busy`], [`ServiceError::DiskNearlyFull`] and [`ServiceError::Closed`] if the batch was
    /// not taken; else what the log says.
    fn append(&self, batch: Batch) -> impl Future<Output = Result<Appended, ServiceError>> + Send {
        async { self.submit(batch).await?.await }
    }

    /// The record at `offset`.
    ///
    /// # Errors
    /// [`ServiceError::OutOfRange`] if there is none, [`ServiceError::Corrupt`] if its bytes are not
    /// what was written.
    fn read(&self, offset: Offset) -> impl Future<Output = Result<Record, ServiceError>> + Send;

    /// The records from `from` on, as many as the limits allow; none if `from` is the next offset.
    ///
    /// # Errors
    /// [`ServiceError::OutOfRange`], and [`ServiceError::Corrupt`] if the first of them is damaged and
    /// isn't to be skipped.
    fn scan(
        &self,
        from: Offset,
        limits: ScanLimits,
    ) -> impl Future<Output = Result<Chunk, ServiceError>> + Send;

    /// Waits until the log holds `offset`.
    ///
    /// # Errors
    /// [`ServiceError::Closed`] if the log is closed before that.
    fn wait_for(&self, offset: Offset) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// The first offset whose timestamp is at or after `timestamp_us` (Unix microseconds); the next
    /// offset if there is none.
    ///
    /// # Errors
    /// A failed read.
    fn offset_at_time(
        &self,
        timestamp_us: u64,
    ) -> impl Future<Output = Result<Offset, ServiceError>> + Send;

    /// Removes the segments that lie wholly below `offset`; answers with the new lowest offset.
    ///
    /// # Errors
    /// [`ServiceError::OutOfRange`] if `offset` is past the end, or what the log says.
    fn truncate_before(
        &self,
        offset: Offset,
    ) -> impl Future<Output = Result<Offset, ServiceError>> + Send;

    /// Waits until the log refuses appends, and answers why.
    fn refused(&self) -> impl Future<Output = ServiceError> + Send;

    /// Waits until the log takes appends; for ever, if it never does again.
    fn ready(&self) -> impl Future<Output = ()> + Send;

    /// Why nothing can be asked of the log, if it isn't open yet. Until then [`info`](CommitLog::info) knows
    /// no offsets.
    fn starting(&self) -> Option<ServiceError> {
        None
    }

    /// What the log holds now, and whether it takes appends.
    fn info(&self) -> LogInfo;

    /// What has to be looked up about the log.
    ///
    /// # Errors
    /// A failed read.
    fn details(&self) -> impl Future<Output = Result<LogDetails, ServiceError>> + Send;
}
