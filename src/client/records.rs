//! Reading many records: chunk after chunk, over as many connections as it takes.

use futures_util::{Stream, stream};
use tokio::time::timeout;
use tonic::Streaming;

use super::attempt::Failed;
use super::backoff::Backoff;
use super::connection::Calls;
use super::{Client, ClientError};
use crate::service::{Chunk, Missing, Offset, Record};
use crate::wire::v1;

/// Which records are wanted, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordsOptions {
    /// Up to, not including, this one; without it up to what is the end of the log when the server is
    /// asked, or for ever if it follows.
    pub end: Option<Offset>,
    /// Wait at the end of the log for more.
    pub follow: bool,
    /// Most records in one chunk; 0 leaves it to the server.
    pub max_records: u32,
    /// Most bytes of records in one chunk, though never less than one record; 0 leaves it to the server.
    pub max_bytes: u32,
    /// Go on behind damaged records, and name them in [`Chunk::missing`], instead of ending with an error.
    pub skip_corrupt: bool,
}

/// Records in the order of their offsets. When the connection breaks it goes on, on a new one, behind
/// the last record that it has handed out.
#[derive(Debug)]
pub struct Records {
    client: Client,
    position: Offset,
    options: RecordsOptions,
    running: Option<Streaming<v1::ConsumeBatchResponse>>,
    backoff: Backoff,
    is_over: bool,
}

impl Records {
    pub(super) fn new(client: Client, from: Offset, options: RecordsOptions) -> Records {
        let backoff = Backoff::new(&client.shared.config.retry);
        Records { client, position: from, options, running: None, backoff, is_over: false }
    }

    /// The offset behind the last one that was handed out.
    #[must_use]
    pub const fn position(&self) -> Offset {
        self.position
    }

    /// The next chunk; `None` at the end, and after an error. Following, it waits for ever.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `offset_out_of_range`, or with `corrupt` where the records before
    /// were handed out; or the server could not be reached for too long.
    pub async fn next_chunk(&mut self) -> Result<Option<Chunk>, ClientError> {
        while !self.is_over {
            let failed = match self.receive().await {
                Ok(Some(message)) => {
                    self.backoff.reset();
                    return self.chunk(message).map(Some);
                }
                Ok(None) => break,
                Err(failed) => failed,
            };
            self.running = None;
            if self.options.follow && failed.may_pass() {
                let position = self.position;
                tracing::info!(%position, ?failed, "the connection is lost; trying again");
            }
            let paused = self.client.pause(&mut self.backoff, failed).await;
            self.is_over = paused.is_err();
            paused?;
        }
        self.is_over = true;
        Ok(None)
    }

    /// The same as a stream of chunks, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Chunk, ClientError>> + Send {
        stream::unfold(self, async |mut records| {
            let chunk = records.next_chunk().await.transpose()?;
            Some((chunk, records))
        })
    }

    async fn receive(&mut self) -> Result<Option<v1::ConsumeBatchResponse>, Failed> {
        if self.options.end.is_some_and(|end| self.position >= end) {
            return Ok(None);
        }
        let running = match &mut self.running {
            Some(running) => running,
            running => {
                let call = self.client.calls();
                let opened = open(call, self.position, &self.options);
                running.insert(self.client.attempt(opened).await?)
            }
        };
        let received = if self.options.follow {
            running.message().await
        } else {
            let after = self.client.call_timeout();
            let received = timeout(after, running.message()).await;
            received.map_err(|_| Failed::TimedOut(after))?
        };
        received.map_err(|status| Failed::of(&status))
    }

    fn chunk(&mut self, message: v1::ConsumeBatchResponse) -> Result<Chunk, ClientError> {
        let records: Vec<Record> = message.records.into_iter().map(Record::from).collect();
        let missing: Vec<Missing> = message.missing.into_iter().map(Missing::from).collect();
        let is_ordered = records.is_sorted_by(|one, next| one.offset < next.offset)
            && records.first().is_none_or(|first| first.offset >= self.position);
        if !is_ordered {
            self.is_over = true;
            let reason = format!("records out of order behind offset {}", self.position);
            return Err(self.client.error(Failed::Odd(reason)));
        }
        let behind_records = records.last().map(|record| record.offset.next());
        let behind_missing = missing.last().map(|missing| missing.offsets.end);
        self.position = self.position.max(behind_records.max(behind_missing).unwrap_or_default());
        Ok(Chunk { records, missing, next: self.position })
    }
}

type Opened = Result<tonic::Response<Streaming<v1::ConsumeBatchResponse>>, tonic::Status>;

async fn open(mut calls: Calls, from: Offset, options: &RecordsOptions) -> Opened {
    let request = v1::ConsumeBatchRequest {
        offset: from.0,
        end_offset: options.end.map(|end| end.0),
        follow: options.follow,
        max_records: options.max_records,
        max_bytes: options.max_bytes,
        skip_corrupt: options.skip_corrupt,
    };
    calls.consume_batch(request).await
}
