//! What the messages that clients send may hold together, and how long one may take to arrive.
//!
//! tonic bounds a single message. Here the sum of all is bounded: a message takes room for its whole
//! length once that is known, and keeps it until its call is answered, or in a stream until the next bytes
//! are asked for. One that finds no room is told to come back, as a body is over HTTP.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::Request;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::access;
use super::status::{status, too_long, too_slow};
use crate::server::ServerConfig;
use crate::server::admission::{Access, Lease};
use crate::service::ServiceError;

/// What precedes each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The longest message of a method that needs no permission.
const MAX_UNCOUNTED_BYTES: usize = 4 << 10;

/// The methods whose clients send messages as they like, so that there may be none for long.
const CLIENT_STREAMS: [&str; 3] = [
    "/log.v1.Log/ProduceStream",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The limits, and the room that is left.
#[derive(Debug)]
pub(super) struct MessageLimits {
    /// Of one message; a longer one is refused by tonic as soon as its prefix is there.
    max_bytes: usize,
    time: Duration,
    room: Arc<Semaphore>,
    all_bytes: usize,
}

impl MessageLimits {
    pub(super) fn new(config: &ServerConfig, max_bytes: usize) -> MessageLimits {
        let all_bytes = usize::try_from(config.max_bodies_bytes).unwrap_or(usize::MAX);
        let all_bytes = all_bytes.max(2 * max_bytes).min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(all_bytes));
        MessageLimits { max_bytes, time: config.body_read_timeout, room, all_bytes }
    }

    /// Puts a request's messages under these limits. What they hold is held until the second of the pair
    /// is dropped, too.
    ///
    /// `lease` ends a stream of requests whose sender may send no more of them.
    pub(super) fn bound<B>(
        self: &Arc<Self>,
        request: Request<B>,
        access: Access,
        lease: Option<Lease>,
    ) -> (Request<Bounded<B>>, Arc<Held>) {
        let held = Arc::new(Held::default());
        let is_stream = CLIENT_STREAMS.contains(&request.uri().path());
        let bounded = |body| Bounded {
            body,
            limits: Arc::clone(self),
            held: Arc::clone(&held),
            is_counted: matches!(access, Access::Needs(_)),
            lease: lease.filter(|_| is_stream),
            place: Place::Prefix { bytes: [0; PREFIX_BYTES], n_bytes: 0 },
            message_bytes: 0,
            is_stream,
            deadline: None,
        };
        (request.map(bounded), held)
    }
}

impl MessageLimits {
    /// Takes room for what was made of messages.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] if there is none.
    pub(super) fn take(&self, n_bytes: u64) -> Result<OwnedSemaphorePermit, ServiceError> {
        // One request that is greater than all there is takes all.
        let n_bytes = n_bytes.min(self.all_bytes as u64);
        let taken = u32::try_from(n_bytes).ok();
        let taken = taken.and_then(|n| Arc::clone(&self.room).try_acquire_many_owned(n).ok());
        taken.ok_or_else(|| self.busy())
    }

    fn busy(&self) -> ServiceError {
        let waiting_bytes = self.all_bytes - self.room.available_permits();
        ServiceError::Busy { waiting_bytes: waiting_bytes as u64 }
    }
}

/// The room that the messages of one call take.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Option<OwnedSemaphorePermit>>);

impl Held {
    /// Takes so much room, in place of what was taken before.
    fn hold(&self, n_bytes: usize, limits: &MessageLimits) -> Result<(), Status> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n_held = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if n_bytes <= n_held {
            drop(held.as_mut().and_then(|held| held.split(n_held - n_bytes)));
            return Ok(());
        }
        let more = u32::try_from(n_bytes - n_held).ok();
        let more = more.and_then(|more| Arc::clone(&limits.room).try_acquire_many_owned(more).ok());
        let more = more.ok_or_else(|| status(&limits.busy()))?;
        match held.as_mut() {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// Where in the row of messages the bytes are.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// So many bytes of a prefix are there.
    Prefix { bytes: [u8; PREFIX_BYTES], n_bytes: usize },
    /// So many bytes of a message are missing.
    Message { n_missing: usize },
}

/// A request's body, under the limits.
#[derive(Debug)]
pub(super) struct Bounded<B> {
    body: B,
    limits: Arc<MessageLimits>,
    held: Arc<Held>,
    place: Place,
    /// Whether messages take room. Those of methods that anybody may call are small instead, so that
    /// nobody without a permission can take room from those who have one.
    is_counted: bool,
    lease: Option<Lease>,
    /// The room of the message that is arriving.
    message_bytes: usize,
    /// Whether messages may come as the client likes; otherwise all of the body has to come in time.
    is_stream: bool,
    /// Runs while one is waited for. Boxed, so that the whole stays `Unpin`.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> Bounded<B> {
    /// Notes which messages begin and end in `data`, and takes room for all of which it has a part.
    fn take(&mut self, mut data: &[u8]) -> Result<(), Status> {
        let (mut n_bytes, mut is_packed) = (self.message_bytes, false);
        while !data.is_empty() {
            match &mut self.place {
                Place::Prefix { bytes, n_bytes: n_there } => {
                    let n = data.len().min(PREFIX_BYTES - *n_there);
                    bytes[*n_there..*n_there + n].copy_from_slice(&data[..n]);
                    *n_there += n;
                    data = &data[n..];
                    if *n_there == PREFIX_BYTES {
                        let [is_compressed, length @ ..] = *bytes;
                        let n_missing = u32::from_be_bytes(length) as usize;
                        if !self.is_counted && n_missing > MAX_UNCOUNTED_BYTES {
                            return Err(too_long(n_missing, MAX_UNCOUNTED_BYTES));
                        }
                        self.message_bytes = n_missing.min(self.limits.max_bytes);
                        n_bytes += self.message_bytes;
                        is_packed |= is_compressed != 0;
                        self.enter(n_missing);
                    }
                }
                Place::Message { n_missing } => {
                    let n = data.len().min(*n_missing);
                    let n_missing = *n_missing - n;
                    data = &data[n..];
                    self.enter(n_missing);
                }
            }
        }
        if !self.is_counted {
            return Ok(());
        }
        // What a message is packed in doesn't tell how much it holds; one at a time is unpacked.
        let unpacked = if is_packed { self.limits.max_bytes } else { 0 };
        self.held.hold(n_bytes + unpacked, &self.limits)
    }

    /// Goes on within a message, or behind it.
    fn enter(&mut self, n_missing: usize) {
        if n_missing > 0 {
            self.place = Place::Message { n_missing };
            return;
        }
        self.place = Place::Prefix { bytes: [0; PREFIX_BYTES], n_bytes: 0 };
        self.message_bytes = 0;
        if self.is_stream {
            self.deadline = None;
        }
    }

    fn may_be_silent(&self) -> bool {
        matches!(self.place, Place::Prefix { n_bytes: 0, .. }) && self.is_stream
    }

    /// Nothing has arrived: an error once that is so for too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        if self.may_be_silent() {
            return Poll::Pending;
        }
        let time = self.limits.time;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(too_slow(time))
    }
}

impl<B> HttpBody for Bounded<B>
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            return self.wait(context).map(|late| Some(Err(late.into())));
        };
        let Some(frame) = frame.transpose().map_err(Into::into)? else {
            return Poll::Ready(None);
        };
        // An empty one only says that there is no more.
        if let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) {
            self.take(data)?;
            if let Some(lease) = &mut self.lease {
                lease.renew().map_err(|refusal| access::status(&refusal))?;
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
