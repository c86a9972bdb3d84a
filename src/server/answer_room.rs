//! What the answers of all readers may hold together.
//!
//! An answer holds what its client hasn't taken. That is little for most, but a record may have many
//! megabytes, and a thousand clients that ask for it and then take nothing must not take all the memory
//! there is. So whatever is large takes room, and gives it back once it is sent. Where there is none, what
//! was read is dropped and read again once there is, in turn. Small answers take none and never wait.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::service::ServiceError;

/// What every answer may hold without asking.
const FREE_BYTES: usize = 64 << 10;

/// The least that all answers may hold beyond that.
const MIN_ROOM_BYTES: u64 = 24 << 20;

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

/// Where the room of a call's answer waits for the bytes that it is for: what is between the two makes
/// bytes of its own. An extension of the request.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(Arc<Mutex<Taken>>);

impl Slot {
    /// Room for what comes out next.
    pub(super) fn put(&self, taken: Taken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(taken);
    }

    /// An answer's body, whose bytes keep the room until they are sent.
    pub(super) fn fill(self, body: Body) -> Body {
        Body::new(body.map_frame(move |frame| {
            frame.map_data(|bytes| {
                let taken = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
                taken.held_by(bytes)
            })
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
        let deadline = Instant::now() + self.wait;
        let mut expected = 0;
        loop {
            let taken = timeout_at(deadline, self.take(expected)).await;
            let taken = taken.map_err(|_| self.busy())?;
            // Nobody closes the semaphore.
            let _reader = self.readers.acquire().await;
            let found = read().await?;
            let needed = self.beyond_free(n_bytes(&found));
            match self.fit(taken, needed) {
                Some(taken) => return Ok((found, taken)),
                None => expected = needed,
            }
        }
    }

    /// Takes room for an answer of which it is known how much it holds.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] if there is no room for long.
    pub(super) async fn reserve(&self, n_bytes: usize) -> Result<Taken, ServiceError> {
        let taken = timeout(self.wait, self.take(self.beyond_free(n_bytes))).await;
        taken.map_err(|_| self.busy())
    }

    fn busy(&self) -> ServiceError {
        let free = self.room.available_permits();
        ServiceError::Busy { waiting_bytes: (self.all_bytes - free) as u64 }
    }

    /// How much room an answer of so many bytes takes. One that is greater than all there is takes all.
    fn beyond_free(&self, n_bytes: usize) -> u32 {
        let beyond = n_bytes.saturating_sub(FREE_BYTES).min(self.all_bytes);
        u32::try_from(beyond).unwrap_or(u32::MAX)
    }

    /// Takes room as soon as there is some.
    async fn take(&self, n_bytes: u32) -> Taken {
        if n_bytes == 0 {
            return Taken(None);
        }
        Taken(Arc::clone(&self.room).acquire_many_owned(n_bytes).await.ok())
    }

    /// Makes what was taken as much as is needed; `None` if there isn't so much now.
    fn fit(&self, mut taken: Taken, needed: u32) -> Option<Taken> {
        let n_taken = taken.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = needed as usize;
        if needed <= n_taken {
            drop(taken.0.as_mut().and_then(|permit| permit.split(n_taken - needed)));
            return Some(taken);
        }
        let more = u32::try_from(needed - n_taken).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.room).try_acquire_many_owned(more).ok()?;
        taken.add(Taken(Some(more)));
        Some(taken)
    }
}

impl Taken {
    /// The bytes, which keep the room until they are sent.
    pub(super) fn held_by(self, bytes: impl Into<Bytes>) -> Bytes {
        let bytes = bytes.into();
        match self.0 {
            None => bytes,
            Some(permit) => Bytes::from_owner(Holding { bytes, _permit: permit }),
        }
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
    use std::pin::pin;

    use futures_util::FutureExt;

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
        let mut second = pin!(read(&room, 16 << 20));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert_eq!(*sending, [1, 2, 3]);
        drop(sending);
        second.await.expect("room again");
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
