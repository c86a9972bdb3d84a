//! Reading a request's body: bounded in length, in time, and in what all bodies hold together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::header::EXPECT;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::request_error::RequestError;
use crate::server::ServerConfig;

/// The limits, and the memory that is left for bodies.
#[derive(Debug)]
pub(super) struct BodyLimits {
    max_bytes: u64,
    time: Duration,
    room: Arc<Semaphore>,
}

/// A whole body and its share of the memory for bodies, which is given back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    room: Option<OwnedSemaphorePermit>,
}

impl BodyLimits {
    pub(super) fn new(config: &ServerConfig) -> BodyLimits {
        let room = usize::try_from(config.max_bodies_bytes).unwrap_or(Semaphore::MAX_PERMITS);
        BodyLimits {
            max_bytes: config.max_body_bytes,
            time: config.body_read_timeout,
            room: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Reads all of a request's body.
    pub(super) async fn read(&self, request: Request) -> Result<HeldBody, RequestError> {
        let asks_first = request.headers().contains_key(EXPECT);
        let body = request.into_body();
        let read = async {
            if body.size_hint().lower() <= self.max_bytes {
                return self.collect(body).await;
            }
            // A client that asks before it sends is answered at once, and sends nothing.
            if !asks_first {
                discard(body, self.max_bytes).await;
            }
            Err(RequestError::BodyTooLarge { max: self.max_bytes })
        };
        timeout(self.time, read).await.unwrap_or(Err(RequestError::BodyTooSlow))
    }

    /// Gives an error back once the client has had the occasion to send the body that goes with it.
    pub(super) async fn refuse<E>(&self, request: Request, error: E) -> E {
        if !request.headers().contains_key(EXPECT) {
            let discarded = discard(request.into_body(), self.max_bytes);
            let _ = timeout(self.time, discarded).await;
        }
        error
    }

    async fn collect(&self, mut body: Body) -> Result<HeldBody, RequestError> {
        let mut held = HeldBody::default();
        let mut pieces = Pieces::default();
        while let Some(data) = next_data(&mut body).await {
            let data = data?;
            if (pieces.len() + data.len()) as u64 > self.max_bytes {
                drop(held);
                discard(body, self.max_bytes).await;
                return Err(RequestError::BodyTooLarge { max: self.max_bytes });
            }
            held.take_room(data.len(), &self.room)?;
            pieces.add(data, body.size_hint().lower());
        }
        held.bytes = pieces.join();
        Ok(held)
    }

    /// Takes room for what is made of a body, beside that for its bytes.
    pub(super) fn hold_more(
        &self,
        held: &mut HeldBody,
        n_bytes: usize,
    ) -> Result<(), RequestError> {
        held.take_room(n_bytes, &self.room)
    }
}

impl HeldBody {
    fn take_room(&mut self, n_bytes: usize, room: &Arc<Semaphore>) -> Result<(), RequestError> {
        let n_bytes = u32::try_from(n_bytes).map_err(|_| RequestError::Busy)?;
        let more = Arc::clone(room).try_acquire_many_owned(n_bytes);
        let more = more.map_err(|_| RequestError::Busy)?;
        match &mut self.room {
            Some(room) => room.merge(more),
            None => self.room = Some(more),
        }
        Ok(())
    }
}

/// A body as it comes. Most come in one piece, which is kept as it is; only the others are copied.
#[derive(Debug, Default)]
struct Pieces {
    first: Bytes,
    joined: BytesMut,
}

/// What is set aside at most for bytes that a client only has promised.
const MAX_PROMISED_BYTES: u64 = 256 << 10;

impl Pieces {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn add(&mut self, data: Bytes, promised_bytes: u64) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.joined.is_empty() {
            let promised = promised_bytes.min(MAX_PROMISED_BYTES) as usize;
            self.joined.reserve(self.first.len() + data.len() + promised);
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&data);
    }

    fn join(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

/// The next piece of a body; trailers are passed over.
async fn next_data(body: &mut Body) -> Option<Result<Bytes, RequestError>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a body ended early");
                return Some(Err(RequestError::BodyBroken));
            }
        }
    }
}

/// Takes what a client still sends, up to a bound. Closing at once would reset the connection, and
/// the client would see that instead of the answer.
async fn discard(mut body: Body, max_bytes: u64) {
    let mut discarded = 0;
    while discarded <= max_bytes {
        let Some(Ok(data)) = next_data(&mut body).await else { return };
        discarded += data.len() as u64;
    }
}
