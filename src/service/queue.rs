//! What waits to be appended: bounded in bytes by a semaphore and in number by the channel.
//!
//! Room is taken before a batch enters the queue and given back when its answer is out, so a caller
//! that is told [`ServiceError::Busy`] knows that nothing of its batch was appended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::metered::Began;
use super::record::BatchSize;
use super::waiting::Waiting;
use super::{AppendAnswer, Batch, PendingAppend, ServiceError};

/// A batch that waits, and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) size: BatchSize,
    pub(super) answer: AppendAnswer,
    /// When it was handed over, if that is measured.
    pub(super) began: Option<Began>,
    /// What a trace tells of it.
    pub(super) waiting: Waiting,
    /// Its room in the queue; given back when the job is dropped.
    _room: OwnedSemaphorePermit,
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max_waiting_bytes: u32,
    pub(super) max_waiting_batches: usize,
    pub(super) room_wait: Duration,
}

/// A place in the queue, in number and in bytes.
type Room = (mpsc::OwnedPermit<Job>, OwnedSemaphorePermit);

/// The callers' end.
#[derive(Debug)]
pub(super) struct Queue {
    /// `None` once closed. A plain mutex: nothing awaits under it.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    room: Arc<Semaphore>,
    bounds: Bounds,
}

impl Queue {
    /// A queue and the end that its one writer takes from.
    pub(super) fn new(bounds: Bounds) -> (Queue, mpsc::Receiver<Job>) {
        let (jobs, waiting) = mpsc::channel(bounds.max_waiting_batches);
        let room = Arc::new(Semaphore::new(bounds.max_waiting_bytes as usize));
        (Queue { jobs: Mutex::new(Some(jobs)), room, bounds }, waiting)
    }

    /// Enqueues a batch, handed over at `began`, as soon as there is room.
    pub(super) async fn push(
        &self,
        batch: Batch,
        began: Option<Began>,
    ) -> Result<PendingAppend, ServiceError> {
        let waiting = Waiting::begin();
        // Whoever holds a sender gets its job through: the writer ends when the last one is gone.
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let jobs = jobs.ok_or(ServiceError::Closed)?;
        let size = batch.size();
        let bytes = self.room_for(&size);
        let (slot, room) = match self.try_take_room(&jobs, bytes) {
            Some(taken) => taken,
            None => {
                let wait = timeout(self.bounds.room_wait, self.take_room(jobs, bytes));
                wait.await.map_err(|_| self.busy())??
            }
        };
        let (answer, pending) = PendingAppend::new();
        slot.send(Job { batch, size, answer, began, waiting, _room: room });
        Ok(pending)
    }

    /// Refuses further batches, those that wait for room among them. Batches in the queue stay.
    pub(super) fn close(&self) {
        self.room.close();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// A batch that is greater than the whole queue takes all of it, rather than waiting for ever.
    fn room_for(&self, size: &BatchSize) -> u32 {
        let bytes = u32::try_from(size.memory_bytes).unwrap_or(u32::MAX);
        bytes.min(self.bounds.max_waiting_bytes)
    }

    /// Mostly there is room, and then no timer is needed.
    fn try_take_room(&self, jobs: &mpsc::Sender<Job>, bytes: u32) -> Option<Room> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()?;
        let slot = jobs.clone().try_reserve_owned().ok()?;
        Some((slot, room))
    }

    async fn take_room(&self, jobs: mpsc::Sender<Job>, bytes: u32) -> Result<Room, ServiceError> {
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| ServiceError::Closed)?;
        let slot = jobs.reserve_owned().await.map_err(|_| ServiceError::Closed)?;
        Ok((slot, room))
    }

    fn busy(&self) -> ServiceError {
        let free = self.room.available_permits() as u64;
        ServiceError::Busy {
            waiting_bytes: u64::from(self.bounds.max_waiting_bytes).saturating_sub(free),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::NewRecord;

    fn bounds() -> Bounds {
        Bounds {
            max_waiting_bytes: 1000,
            max_waiting_batches: 2,
            room_wait: Duration::from_millis(20),
        }
    }

    fn batch(bytes: usize) -> Batch {
        Batch::of(NewRecord::new(vec![b'x'; bytes]))
    }

    #[tokio::test]
    async fn a_queue_without_room_in_bytes_is_busy_until_a_job_is_done() {
        let (queue, mut waiting) = Queue::new(bounds());
        queue.push(batch(900), None).await.expect("fits");
        let error = queue.push(batch(900), None).await.expect_err("no room");
        assert!(matches!(error, ServiceError::Busy { waiting_bytes: 964 }), "{error:?}");
        drop(waiting.recv().await.expect("a job"));
        queue.push(batch(900), None).await.expect("room again");
    }

    #[tokio::test]
    async fn a_queue_without_room_in_number_is_busy() {
        let (queue, _waiting) = Queue::new(bounds());
        queue.push(batch(1), None).await.expect("first");
        queue.push(batch(1), None).await.expect("second");
        let error = queue.push(batch(1), None).await.expect_err("no slot");
        assert!(matches!(error, ServiceError::Busy { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_batch_greater_than_the_queue_passes_alone() {
        let (queue, mut waiting) = Queue::new(bounds());
        queue.push(batch(5000), None).await.expect("takes all of it");
        assert!(queue.push(batch(1), None).await.is_err());
        assert_eq!(waiting.recv().await.expect("a job").batch, batch(5000));
    }

    #[tokio::test]
    async fn a_closed_queue_keeps_what_it_took_and_refuses_the_rest() {
        let (queue, mut waiting) = Queue::new(Bounds { room_wait: Duration::MAX, ..bounds() });
        queue.push(batch(900), None).await.expect("fits");
        let (blocked, ()) = tokio::join!(queue.push(batch(900), None), async { queue.close() });
        assert!(matches!(blocked, Err(ServiceError::Closed)), "{blocked:?}");
        assert!(matches!(queue.push(batch(1), None).await, Err(ServiceError::Closed)));
        assert_eq!(waiting.recv().await.expect("still there").batch, batch(900));
        assert!(waiting.recv().await.is_none());
    }
}
