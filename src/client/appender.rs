//! Appends single records in batches: what comes while one batch is under way makes the next one.
//!
//! One batch is under way at a time. Several could overtake each other on their way through the server,
//! and after a failure nobody could tell which of them lie in the log; and since a batch grows while the
//! one before is waited for, the log's syncs are shared all the same.

mod task;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use self::task::{Order, Task, Waiting};
use super::{Client, ClientError};
use crate::service::{NewRecord, Offset};

/// How an [`Appender`] gathers, and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppenderConfig {
    /// How long a batch that isn't full waits for more. Default not at all.
    pub linger: Duration,
    /// Most records in a batch. Default 10,000.
    pub max_batch_records: usize,
    /// Most bytes of records in a batch; a single larger record still goes. Default 1 MiB.
    pub max_batch_bytes: u64,
    /// Most records that wait for their acknowledgement. Default 100,000, at least 1.
    pub max_in_flight_records: u32,
    /// Most bytes of them; one larger record passes alone. Default 16 MiB.
    pub max_in_flight_bytes: u32,
    /// The first record has to get this offset and each batch has to follow on the one before, so that
    /// a batch whose outcome is unknown can be sent again safely. It needs to be the only writer.
    /// Default none.
    pub expected_offset: Option<Offset>,
}

impl Default for AppenderConfig {
    fn default() -> Self {
        AppenderConfig {
            linger: Duration::ZERO,
            max_batch_records: 10_000,
            max_batch_bytes: 1 << 20,
            max_in_flight_records: 100_000,
            max_in_flight_bytes: 16 << 20,
            expected_offset: None,
        }
    }
}

/// Appends records in the order in which they are handed over. After a first failure nothing more is
/// appended, so that no record ever lies behind a gap.
///
/// Dropping it lets go of what was handed over but does not wait for it; [`Appender::close`] does.
#[derive(Debug)]
pub struct Appender {
    orders: mpsc::Sender<Order>,
    free_records: Arc<Semaphore>,
    free_bytes: Arc<Semaphore>,
    max_in_flight_bytes: u32,
}

/// A future of the offset of a record that was handed over. Dropping it does not undo the append.
#[derive(Debug)]
pub struct PendingOffset(oneshot::Receiver<Result<Offset, ClientError>>);

/// The room that a record takes until it is acknowledged.
#[derive(Debug)]
struct Room {
    _record: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Appender {
    pub(super) fn start(client: Client, config: AppenderConfig) -> Appender {
        let max_records = config.max_in_flight_records.max(1);
        let max_in_flight_bytes = config.max_in_flight_bytes.max(1);
        // What is in the channel holds room, so this many always fit.
        let (orders, received) = mpsc::channel(max_records as usize);
        tokio::spawn(Task::new(client, config, received).run());
        Appender {
            orders,
            free_records: Arc::new(Semaphore::new(max_records as usize)),
            free_bytes: Arc::new(Semaphore::new(max_in_flight_bytes as usize)),
            max_in_flight_bytes,
        }
    }

    /// Hands a record over, once there is room for it.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] if the appender has ended, which only a panic brings about; what becomes
    /// of the record is told by the [`PendingOffset`].
    pub async fn append(&self, record: NewRecord) -> Result<PendingOffset, ClientError> {
        let bytes = u32::try_from(record.content_bytes()).unwrap_or(u32::MAX);
        let bytes = bytes.clamp(1, self.max_in_flight_bytes);
        let room = Room {
            _record: Arc::clone(&self.free_records).acquire_owned().await.map_err(|_| ended())?,
            _bytes: Arc::clone(&self.free_bytes)
                .acquire_many_owned(bytes)
                .await
                .map_err(|_| ended())?,
        };
        let (answer, pending) = oneshot::channel();
        let order = Order::Append(Waiting { record, answer, room });
        self.orders.send(order).await.map_err(|_| ended())?;
        Ok(PendingOffset(pending))
    }

    /// Waits until everything that was handed over before is appended, without lingering.
    ///
    /// # Errors
    /// The first failure of any record until then.
    pub async fn flush(&self) -> Result<(), ClientError> {
        let (answer, flushed) = oneshot::channel();
        self.orders.send(Order::Flush(answer)).await.map_err(|_| ended())?;
        flushed.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Flushes, and ends.
    ///
    /// # Errors
    /// As [`Appender::flush`].
    pub async fn close(self) -> Result<(), ClientError> {
        self.flush().await
    }
}

impl Future for PendingOffset {
    type Output = Result<Offset, ClientError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(answer.unwrap_or_else(|_| Err(ended())))
    }
}

fn ended() -> ClientError {
    ClientError::NotSent { reason: "the appender has ended".to_owned() }
}
