//! The task of an appender: gathers what is ordered, sends it batch by batch, and tells what became of
//! each record.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::super::{Client, ClientError};
use super::{AppenderConfig, Room};
use crate::service::{Appended, Batch, NewRecord, Offset};

/// Waiting longer is waiting for ever, and an `Instant` has an end.
const MAX_LINGER: Duration = Duration::from_secs(365 * 86_400);

/// A record that waits, and who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) record: NewRecord,
    pub(super) answer: oneshot::Sender<Result<Offset, ClientError>>,
    pub(super) room: Room,
}

/// What an appender is told to do.
#[derive(Debug)]
pub(super) enum Order {
    Append(Waiting),
    /// Answer once all that was ordered before is done.
    Flush(oneshot::Sender<Result<(), ClientError>>),
}

/// Why gathering a batch ended.
enum Gathered {
    Batch,
    Flush(oneshot::Sender<Result<(), ClientError>>),
    End,
}

pub(super) struct Task {
    client: Client,
    config: AppenderConfig,
    orders: mpsc::Receiver<Order>,
    batch: Vec<Waiting>,
    batch_bytes: u64,
    /// Taken when the batch had no room for it any more.
    next: Option<Waiting>,
    expected: Option<Offset>,
    /// The first failure: nothing is appended behind it.
    failed: Option<ClientError>,
}

impl Task {
    pub(super) fn new(
        client: Client,
        config: AppenderConfig,
        orders: mpsc::Receiver<Order>,
    ) -> Task {
        let expected = config.expected_offset;
        let config = AppenderConfig { linger: config.linger.min(MAX_LINGER), ..config };
        let (batch, batch_bytes, next, failed) = (Vec::new(), 0, None, None);
        Task { client, config, orders, batch, batch_bytes, next, expected, failed }
    }

    pub(super) async fn run(mut self) {
        loop {
            let gathered = self.gather().await;
            let batch = std::mem::take(&mut self.batch);
            self.batch_bytes = 0;
            self.append(batch).await;
            match gathered {
                Gathered::Batch => {}
                Gathered::Flush(answer) => {
                    let _ = answer.send(self.failed.clone().map_or(Ok(()), Err));
                }
                Gathered::End => return,
            }
        }
    }

    /// Fills the batch until it is full, has lingered, or is to be flushed.
    async fn gather(&mut self) -> Gathered {
        if let Some(next) = self.next.take() {
            self.push(next);
        }
        let mut deadline = (!self.batch.is_empty()).then(|| Instant::now() + self.config.linger);
        while !self.is_full() {
            let order = match (self.orders.try_recv(), deadline) {
                (Ok(order), _) => Some(order),
                (Err(_), None) => self.orders.recv().await,
                (Err(_), Some(deadline)) => match timeout_at(deadline, self.orders.recv()).await {
                    Ok(order) => order,
                    Err(_) => return Gathered::Batch,
                },
            };
            match order {
                Some(Order::Append(waiting)) if self.has_room_for(&waiting) => self.push(waiting),
                Some(Order::Append(waiting)) => {
                    self.next = Some(waiting);
                    return Gathered::Batch;
                }
                Some(Order::Flush(answer)) => return Gathered::Flush(answer),
                None => return Gathered::End,
            }
            deadline.get_or_insert_with(|| Instant::now() + self.config.linger);
        }
        Gathered::Batch
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= self.config.max_batch_records.max(1)
    }

    fn has_room_for(&self, waiting: &Waiting) -> bool {
        let bytes = self.batch_bytes.saturating_add(waiting.record.content_bytes());
        self.batch.is_empty() || bytes <= self.config.max_batch_bytes
    }

    fn push(&mut self, waiting: Waiting) {
        self.batch_bytes += waiting.record.content_bytes();
        self.batch.push(waiting);
    }

    /// A batch is atomic, so one record too many takes all others with it: halving finds it, and appends
    /// everything before it.
    async fn append(&mut self, batch: Vec<Waiting>) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let records: Vec<NewRecord> =
                part.iter().map(|waiting| waiting.record.clone()).collect();
            if records.is_empty() {
                continue;
            }
            match self.send(records).await {
                Ok(appended) => acknowledge(part, &appended),
                Err(error) if part.len() > 1 && is_too_large(&error) => {
                    let back = part.split_off(part.len() / 2);
                    parts.extend([back, part]);
                }
                Err(error) => self.fail(part, error),
            }
        }
    }

    async fn send(&mut self, records: Vec<NewRecord>) -> Result<Appended, ClientError> {
        if let Some(failed) = &self.failed {
            return Err(ClientError::NotSent { reason: failed.to_string() });
        }
        let appended =
            self.client.append(Batch { records, expected_offset: self.expected }).await?;
        self.expected = self.expected.map(|_| appended.last_offset.next());
        Ok(appended)
    }

    fn fail(&mut self, part: Vec<Waiting>, error: ClientError) {
        self.failed.get_or_insert_with(|| error.clone());
        for Waiting { answer, room, .. } in part {
            drop(room);
            // Whoever doesn't want to know has dropped the other end.
            let _ = answer.send(Err(error.clone()));
        }
    }
}

fn acknowledge(part: Vec<Waiting>, appended: &Appended) {
    let offsets = (appended.first_offset.0..).map(Offset);
    for (Waiting { answer, room, .. }, offset) in part.into_iter().zip(offsets) {
        drop(room);
        let _ = answer.send(Ok(offset));
    }
}

fn is_too_large(error: &ClientError) -> bool {
    matches!(error.code(), "record_too_large" | "batch_too_large")
}
