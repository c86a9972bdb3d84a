//! Puts the requests of a stream that have arrived together into one batch.

use futures_util::future::FutureExt;
use tonic::{Code, Status, Streaming};

use super::produce;
use super::status::status;
use crate::log::TYPE_LOST;
use crate::server::timestamps::Timestamps;
use crate::service::{Batch, NewRecord, Offset, ServiceError};
use crate::wire::v1;

/// When a batch is full.
const MAX_BATCH_RECORDS: usize = 4096;
const MAX_BATCH_BYTES: u64 = 1 << 20;

/// What the requests up to now come to.
pub(super) enum Gathered {
    Batch(Batch),
    /// There is nothing more, and why if that isn't the client's wish.
    End(Option<Status>),
}

/// See the module's docs.
pub(super) struct Gatherer {
    requests: Streaming<v1::ProduceRequest>,
    max_record_bytes: u64,
    timestamps: Timestamps,
    /// A request that didn't fit into the batch before.
    kept: Option<Checked>,
    /// What ended the requests while a batch was being gathered.
    end: Option<Option<Status>>,
}

/// A request whose record the log will take.
struct Checked {
    record: NewRecord,
    expected_offset: Option<Offset>,
}

impl Gatherer {
    pub(super) fn new(
        requests: Streaming<v1::ProduceRequest>,
        max_record_bytes: u64,
        timestamps: Timestamps,
    ) -> Gatherer {
        Gatherer { requests, max_record_bytes, timestamps, kept: None, end: None }
    }

    /// What is held of a request behind the last batch.
    pub(super) fn kept_bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.record.size().memory_bytes)
    }

    /// The next batch: waits for its first request, and takes those behind it that are there. It may be
    /// dropped while it waits.
    pub(super) async fn next(&mut self) -> Gathered {
        let first = match self.kept.take() {
            Some(kept) => kept,
            None => match self.first().await {
                Ok(first) => first,
                Err(end) => return Gathered::End(end),
            },
        };
        let mut bytes = first.record.size().memory_bytes;
        let Checked { record, expected_offset } = first;
        let mut batch = Batch { records: vec![record], expected_offset };
        while batch.records.len() < MAX_BATCH_RECORDS && self.end.is_none() {
            let Some(request) = self.requests.message().now_or_never() else { break };
            match self.check(request) {
                Ok(next) => {
                    bytes += next.record.size().memory_bytes;
                    if bytes > MAX_BATCH_BYTES || !follows(&batch, next.expected_offset) {
                        self.kept = Some(next);
                        break;
                    }
                    batch.records.push(next.record);
                }
                Err(end) => self.end = Some(end),
            }
        }
        Gathered::Batch(batch)
    }

    async fn first(&mut self) -> Result<Checked, Option<Status>> {
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        let request = self.requests.message().await;
        self.check(request)
    }

    /// A record that the log would refuse must not take those before it with it.
    fn check(
        &self,
        request: Result<Option<v1::ProduceRequest>, Status>,
    ) -> Result<Checked, Option<Status>> {
        let request = request.map_err(|status| Some(blame_size(status)))?.ok_or(None)?;
        let record = produce::record(request.record).map_err(Some)?;
        let (bytes, max) = (record.content_bytes(), self.max_record_bytes);
        if bytes > max {
            return Err(Some(status(&ServiceError::RecordTooLarge { bytes, max })));
        }
        if record.record_type == TYPE_LOST {
            let record_type = record.record_type;
            return Err(Some(status(&ServiceError::ReservedType { record_type })));
        }
        self.timestamps.check(&record).map_err(|error| Some(status(&error)))?;
        Ok(Checked { record, expected_offset: request.expected_offset.map(Offset) })
    }
}

/// tonic says OUT_OF_RANGE of a message over the limit, which is what the log says of offsets.
fn blame_size(status: Status) -> Status {
    match status.code() {
        Code::OutOfRange => Status::resource_exhausted(status.message()),
        _ => status,
    }
}

/// Whether a request with this condition may be appended together with the batch before it.
fn follows(batch: &Batch, expected_offset: Option<Offset>) -> bool {
    let Some(expected) = expected_offset else { return true };
    let place = batch.expected_offset.map(|first| first.plus(batch.records.len() as u64));
    place == Some(expected)
}
