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
//! - No async worker ever waits for a disk: writes have a thread of their own, and reads run on the
//!   runtime's blocking threads.

mod error;
mod local;
mod queue;
mod record;
mod writer;

use std::future::Future;

pub use error::ServiceError;
pub use local::{LocalLog, LocalLogConfig};
pub use record::{Batch, LogInfo, NewRecord, Record};

pub use crate::log::{Appended, Durability, Header, Offset};

/// A commit log for async callers, wherever its bytes are.
///
/// The servers are generic over it instead of holding a `dyn CommitLog`: a process serves one kind of
/// log, so the choice is made once, where it starts, and a call costs no boxed future. Tests pass
/// logs of their own in the same way. The futures are `Send`, since the servers run on many threads.
pub trait CommitLog: Send + Sync + 'static {
    /// Appends a batch; answers once it has the durability that the answer names.
    ///
    /// Dropping the future before it is done does not undo the append: it may still happen.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] and [`ServiceError::Closed`] if the batch was not taken;
    /// else what the log says.
    fn append(&self, batch: Batch) -> impl Future<Output = Result<Appended, ServiceError>> + Send;

    /// The record at `offset`.
    ///
    /// # Errors
    /// [`ServiceError::OutOfRange`] if there is none, [`ServiceError::Corrupt`] if its bytes are not
    /// what was written.
    fn read(&self, offset: Offset) -> impl Future<Output = Result<Record, ServiceError>> + Send;

    /// Waits until the log holds `offset`.
    ///
    /// # Errors
    /// [`ServiceError::Closed`] if the log is closed before that.
    fn wait_for(&self, offset: Offset) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// What the log holds now, and whether it takes appends.
    fn info(&self) -> LogInfo;
}
