//! Reading streams of records: one a message, or many.
//!
//! Records are read in chunks of a bounded size, the next one only when the client has taken the one
//! before, so that a client that stops reading costs one chunk and slows nobody. At the end of the log a
//! stream waits to be told of more.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tonic::Status;

use super::status::status;
use crate::server::Shutdown;
use crate::server::answer_room::{AnswerRoom, Slot};
use crate::service::{Chunk, CommitLog, Offset, ScanLimits, ServiceError};
use crate::wire::v1;

/// Bytes of records that are read at one go for a stream of single records.
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_RECORDS: usize = 1024;

/// What one message of a batch stream holds if the client doesn't say, and at most.
const DEFAULT_BATCH_BYTES: u32 = 1 << 20;
const DEFAULT_BATCH_RECORDS: u32 = 1000;
const MAX_BATCH_BYTES: u32 = 3 << 20;
const MAX_BATCH_RECORDS: u32 = 100_000;

/// Messages with records.
pub(super) type Records<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What streams read from, and what ends them.
pub(super) struct Source<L> {
    pub(super) log: Arc<L>,
    pub(super) room: Arc<AnswerRoom>,
    /// Where the room of a message goes.
    pub(super) slot: Slot,
    pub(super) shutdown: Shutdown,
}

/// Where a stream is.
struct Reading<L> {
    source: Source<L>,
    at: Offset,
    limits: ScanLimits,
    follows: bool,
}

/// All records from `from` on, for ever. An offset that isn't there yet is waited for, as in the Go
/// original.
pub(super) fn one_by_one<L: CommitLog>(
    source: Source<L>,
    from: Offset,
) -> Records<v1::ConsumeResponse> {
    let limits = ScanLimits {
        end: None,
        max_records: CHUNK_RECORDS,
        max_bytes: CHUNK_BYTES,
        skips_corrupt: false,
    };
    let reading = Reading { source, at: from, limits, follows: true };
    let message =
        |record: crate::service::Record| v1::ConsumeResponse { record: Some(record.into()) };
    Box::pin(reading.into_chunks().flat_map(move |chunk| match chunk {
        Ok(chunk) => {
            stream::iter(chunk.records).map(move |record| Ok(message(record))).left_stream()
        }
        Err(error) => stream::iter([Err(status(&error))]).right_stream(),
    }))
}

/// Many records a message, as the request asks.
pub(super) fn in_batches<L: CommitLog>(
    source: Source<L>,
    request: &v1::ConsumeBatchRequest,
) -> Result<Records<v1::ConsumeBatchResponse>, ServiceError> {
    let or_default = |wanted: u32, default: u32, most: u32| {
        (if wanted == 0 { default } else { wanted.min(most) }) as usize
    };
    let (info, at) = (source.log.info(), Offset(request.offset));
    if at < info.lowest || at > info.next {
        let (lowest, next) = (info.lowest, info.next);
        return Err(ServiceError::OutOfRange { offset: at, lowest, next });
    }
    let end_now = (!request.follow).then_some(info.next);
    let limits = ScanLimits {
        end: request.end_offset.map(Offset).into_iter().chain(end_now).min(),
        max_records: or_default(request.max_records, DEFAULT_BATCH_RECORDS, MAX_BATCH_RECORDS),
        max_bytes: or_default(request.max_bytes, DEFAULT_BATCH_BYTES, MAX_BATCH_BYTES),
        skips_corrupt: request.skip_corrupt,
    };
    let reading = Reading { source, at, limits, follows: request.follow };
    let message = |chunk: Chunk| v1::ConsumeBatchResponse {
        records: chunk.records.into_iter().map(v1::Record::from).collect(),
        missing: chunk.missing.into_iter().map(v1::Missing::from).collect(),
    };
    let messages = reading.into_chunks().map(move |chunk| match chunk {
        Ok(chunk) => Ok(message(chunk)),
        Err(error) => Err(status(&error)),
    });
    Ok(Box::pin(messages))
}

/// About how much a message with the chunk takes.
fn bytes_of(chunk: &Chunk) -> usize {
    chunk.records.iter().map(crate::service::Record::memory_bytes).sum()
}

impl<L: CommitLog> Reading<L> {
    /// Chunks up to the end that is wanted, or the first failure.
    fn into_chunks(self) -> impl Stream<Item = Result<Chunk, ServiceError>> + Send {
        stream::unfold(Some(self), async |reading| {
            let mut reading = reading?;
            match reading.next_chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(reading))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next_chunk(&mut self) -> Result<Option<Chunk>, ServiceError> {
        while self.limits.end.is_none_or(|end| self.at < end) {
            if self.source.shutdown.is_requested() {
                return Err(ServiceError::Closed);
            }
            if self.at >= self.source.log.info().next {
                if !self.follows {
                    return Ok(None);
                }
                tokio::select! {
                    () = self.source.shutdown.requested() => return Err(ServiceError::Closed),
                    arrived = self.source.log.wait_for(self.at) => arrived?,
                }
            }
            let scan = || self.source.log.scan(self.at, self.limits);
            let (chunk, taken) = self.source.room.read(scan, bytes_of).await?;
            self.source.slot.put(taken);
            self.at = chunk.next;
            if !chunk.records.is_empty() || !chunk.missing.is_empty() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}
