//! What the answers of all readers may hold together.
//!
//! An answer holds what its client hasn't taken. That is little for most, but a record may have many
//! megabytes, and a thousand clients that ask for it and then take nothing must not take all the memory
//! there is. So whatever is large takes room, and gives it back once it is sent. Where there is none, what
//! was read is dropped and read again later, so that nobody who waits holds anything.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::service::ServiceError;

/// What every answer may hold without asking.
const FREE_BYTES: usize = 64 << 10;

/// The least that all answers may hold beyond that.
const MIN_ROOM_BYTES: u64 = 24 << 20;

/// How long to wait before something is read once more.
const PAUSE: Duration = Duration::from_millis(50);

/// The room that is left.
#[derive(Debug)]
pub(super) struct AnswerRoom {
    room: Arc<Semaphore>,
    all_bytes: usize,
    /// What is read at the same time is in memory before it is known how much it is.
    readers: Semaphore,
    wait: Duration,
}

/// The room that an answer takes; given back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Taken(Option<OwnedSemaphorePermit>);

/// Likewise, in a form that the extensions of an answer take.
#[derive(Clone, Debug)]
pub(super) struct SharedTaken(Arc<Taken>);

impl SharedTaken {
    /// The answer's body, which keeps the room until it is sent.
    pub(super) fn held_by(self, body: Body) -> Body {
        if self.0.0.is_none() {
            return body;
        }
        Body::new(body.map_err(move |error| {
            let _ = &self;
            error
        }))
    }
}

impl AnswerRoom {
    /// Room for two of the greatest answers, and a time for which a reader waits for some.
    pub(super) fn new(max_record_bytes: u64, wait: Duration) -> AnswerRoom {
        // In base64, and with what stands around it.
        let bytes = max_record_bytes.saturating_mul(3).max(MIN_ROOM_BYTES);
        let all_bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let n_readers = thread::available_parallelism().map_or(2, usize::from).saturating_mul(2);
        let (room, readers) = (Arc::new(Semaphore::new(all_bytes)), Semaphore::new(n_readers));
        AnswerRoom { room, all_bytes, readers, wait }
    }

    /// Reads, once there is room for what was read; `n_bytes` says how much an answer with it holds.
    ///
    /// # Errors
    /// What reading answers; [`ServiceError::Busy`] if there is no room for long.
    pub(super) async fn read<T, F: Future<Output = Result<T, ServiceError>>>(
        &self,
        read: impl Fn() -> F,
        n_bytes: impl Fn(&T) -> usize,
    ) -> Result<(T, Taken), ServiceError> {
        let started = Instant::now();
        loop {
            let found = {
                // Nobody closes the semaphore.
                let _reader = self.readers.acquire().await;
                let found = read().await?;
                match self.take(n_bytes(&found)) {
                    Some(taken) => return Ok((found, taken)),
                    None => n_bytes(&found),
                }
            };
            tracing::debug!(n_bytes = found, "no room for an answer");
            if started.elapsed() >= self.wait {
                let free = self.room.available_permits();
                return Err(ServiceError::Busy { waiting_bytes: (self.all_bytes - free) as u64 });
            }
            sleep(PAUSE).await;
        }
    }

    fn take(&self, n_bytes: usize) -> Option<Taken> {
        // One that is greater than all the room there is takes all of it.
        let beyond = n_bytes.saturating_sub(FREE_BYTES).min(self.all_bytes);
        if beyond == 0 {
            return Some(Taken(None));
        }
        let beyond = u32::try_from(beyond).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.room).try_acquire_many_owned(beyond).ok()?;
        Some(Taken(Some(permit)))
    }
}

impl Taken {
    /// The bytes, which keep the room until they are sent.
    pub(super) fn held_by(self, bytes: Vec<u8>) -> Bytes {
        match self.0 {
            None => bytes.into(),
            Some(permit) => Bytes::from_owner(Holding { bytes: bytes.into(), _permit: permit }),
        }
    }

    /// Likewise of bytes that are shared.
    pub(super) fn held_by_shared(self, bytes: Bytes) -> Bytes {
        match self.0 {
            None => bytes,
            Some(permit) => Bytes::from_owner(Holding { bytes, _permit: permit }),
        }
    }

    pub(super) fn shared(self) -> SharedTaken {
        SharedTaken(Arc::new(self))
    }

    /// Takes what another one has, too.
    pub(super) fn add(&mut self, other: Taken) {
        match (&mut self.0, other.0) {
            (_, None) => {}
            (Some(permit), Some(other)) => permit.merge(other),
            (none, other) => *none = other,
        }
    }
}

struct Holding {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Holding {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(10);
    const MAX_RECORD_BYTES: u64 = 4 << 20;

    /// Reads something of this size.
    async fn read(room: &AnswerRoom, n_bytes: usize) -> Result<Taken, ServiceError> {
        let read = room.read(|| std::future::ready(Ok(n_bytes)), |n_bytes| *n_bytes).await;
        read.map(|(_, taken)| taken)
    }

    #[tokio::test(start_paused = true)]
    async fn large_answers_wait_for_room_and_small_ones_do_not() {
        let room = AnswerRoom::new(MAX_RECORD_BYTES, WAIT);
        let first = read(&room, 16 << 20).await.expect("room");
        assert!(matches!(read(&room, 16 << 20).await, Err(ServiceError::Busy { .. })));
        read(&room, FREE_BYTES).await.expect("it takes none");
        let sending = first.held_by(vec![1, 2, 3]);
        let (second, ()) = tokio::join!(read(&room, 16 << 20), async {
            sleep(WAIT / 2).await;
            assert_eq!(*sending, [1, 2, 3]);
            drop(sending);
        });
        second.expect("room again");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_greater_than_the_room_passes_alone() {
        let room = AnswerRoom::new(1, WAIT);
        let all = read(&room, 1 << 30).await.expect("alone");
        assert!(read(&room, 1 << 20).await.is_err());
        drop(all);
        read(&room, 1 << 20).await.expect("room again");
    }
}
