//! The methods of `log.v1.Log`: each takes a request apart, asks the log, and puts the answer together.

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::consume::{self, Records, Source};
use super::gather::Gatherer;
use super::messages::MessageLimits;
use super::produce::{self, Acknowledged, Sink};
use super::status::{invalid, status};
use crate::server::Shutdown;
use crate::server::answer_room::{AnswerRoom, Slot};
use crate::server::timestamps::Timestamps;
use crate::service::{Appended, Batch, BatchSize, CommitLog, Offset, Record, ServiceError};
use crate::wire::v1;

/// Most times that one call looks up.
const MAX_TIMES: usize = 1000;

/// See the module's docs.
#[derive(Debug)]
pub(super) struct LogService<L> {
    pub(super) log: Arc<L>,
    pub(super) answers: Arc<AnswerRoom>,
    pub(super) limits: Arc<MessageLimits>,
    pub(super) timestamps: Timestamps,
    /// Where this server listens.
    pub(super) address: String,
    pub(super) shutdown: Shutdown,
}

impl<L: CommitLog> LogService<L> {
    /// The records of one request.
    async fn append(&self, batch: Batch) -> Result<Appended, Status> {
        let checked = self.timestamps.check_all(&batch.records);
        checked.map_err(|error| status(&error))?;
        // The bytes of its message have their room already.
        let BatchSize { content_bytes, memory_bytes } = batch.size();
        let n_bytes = memory_bytes - content_bytes;
        let submitted = produce::within_room(&self.limits, n_bytes, self.log.submit(batch)).await;
        let appended = async { submitted?.await };
        appended.await.map_err(|error| status(&error))
    }

    fn source<T>(&self, request: &Request<T>) -> Source<L> {
        Source {
            log: Arc::clone(&self.log),
            room: Arc::clone(&self.answers),
            slot: slot_of(request),
            shutdown: self.shutdown.clone(),
        }
    }
}

/// Where the room of the answer to a call goes.
fn slot_of<T>(request: &Request<T>) -> Slot {
    request.extensions().get::<Slot>().cloned().unwrap_or_default()
}

#[tonic::async_trait]
impl<L: CommitLog> v1::log_server::Log for LogService<L> {
    type ProduceStreamStream = Acknowledged;
    type ConsumeStreamStream = Records<v1::ConsumeResponse>;
    type ConsumeBatchStream = Records<v1::ConsumeBatchResponse>;

    async fn produce(
        &self,
        request: Request<v1::ProduceRequest>,
    ) -> Result<Response<v1::ProduceResponse>, Status> {
        let appended = self.append(produce::one(request.into_inner())?).await?;
        let offset = appended.first_offset;
        Ok(told(Some(offset), v1::ProduceResponse { offset: offset.0 }))
    }

    async fn produce_batch(
        &self,
        request: Request<v1::ProduceBatchRequest>,
    ) -> Result<Response<v1::ProduceBatchResponse>, Status> {
        let appended = self.append(produce::many(request.into_inner())?).await?;
        let response = v1::ProduceBatchResponse {
            first_offset: appended.first_offset.0,
            last_offset: appended.last_offset.0,
            durability: v1::Durability::from(appended.durability).into(),
        };
        Ok(told(Some(appended.first_offset), response))
    }

    async fn produce_stream(
        &self,
        request: Request<Streaming<v1::ProduceRequest>>,
    ) -> Result<Response<Acknowledged>, Status> {
        let sink = Sink { log: Arc::clone(&self.log), limits: Arc::clone(&self.limits) };
        let gatherer =
            Gatherer::new(request.into_inner(), self.log.info().max_record_bytes, self.timestamps);
        Ok(Response::new(produce::stream(sink, gatherer, self.shutdown.clone())))
    }

    async fn consume(
        &self,
        request: Request<v1::ConsumeRequest>,
    ) -> Result<Response<v1::ConsumeResponse>, Status> {
        let slot = slot_of(&request);
        let offset = Offset(request.into_inner().offset);
        let found = self.answers.read(|| self.log.read(offset), Record::memory_bytes).await;
        let (record, taken) = found.map_err(|error| status(&error))?;
        slot.put(taken);
        Ok(told(Some(offset), v1::ConsumeResponse { record: Some(record.into()) }))
    }

    async fn consume_stream(
        &self,
        request: Request<v1::ConsumeRequest>,
    ) -> Result<Response<Records<v1::ConsumeResponse>>, Status> {
        let source = self.source(&request);
        let from = Offset(request.into_inner().offset);
        Ok(Response::new(consume::one_by_one(source, from)))
    }

    async fn consume_batch(
        &self,
        request: Request<v1::ConsumeBatchRequest>,
    ) -> Result<Response<Records<v1::ConsumeBatchResponse>>, Status> {
        let source = self.source(&request);
        let records = consume::in_batches(source, &request.into_inner());
        Ok(Response::new(records.map_err(|error| status(&error))?))
    }

    async fn get_servers(
        &self,
        _: Request<v1::GetServersRequest>,
    ) -> Result<Response<v1::GetServersResponse>, Status> {
        let server = v1::Server {
            id: "standalone".to_owned(),
            rpc_addr: self.address.clone(),
            is_leader: true,
        };
        Ok(told(None, v1::GetServersResponse { servers: vec![server] }))
    }

    async fn get_log(
        &self,
        request: Request<v1::GetLogRequest>,
    ) -> Result<Response<v1::GetLogResponse>, Status> {
        let times = request.into_inner().timestamps_us;
        if times.len() > MAX_TIMES {
            let message = format!("{} times are more than {MAX_TIMES}", times.len());
            return Err(invalid("too_many_times", &message, "ask about fewer at a time"));
        }
        let described = describe(&*self.log, &times).await;
        Ok(told(None, described.map_err(|error| status(&error))?))
    }
}

/// What the line in the server's log says of an answer that is one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The place in the log that it is about.
    pub(super) offset: Option<u64>,
    /// Its length, before it is compressed if it is.
    pub(super) bytes: usize,
}

fn told<T: Message>(offset: Option<Offset>, message: T) -> Response<T> {
    let told = Told { offset: offset.map(|offset| offset.0), bytes: message.encoded_len() };
    let mut response = Response::new(message);
    response.extensions_mut().insert(told);
    response
}

async fn describe<L: CommitLog>(
    log: &L,
    timestamps_us: &[u64],
) -> Result<v1::GetLogResponse, ServiceError> {
    let mut offsets_at = Vec::with_capacity(timestamps_us.len());
    for &timestamp_us in timestamps_us {
        offsets_at.push(log.offset_at_time(timestamp_us).await?.0);
    }
    let details = log.details().await?;
    // Last, so that no offset looked up is beyond its end.
    let info = log.info();
    Ok(v1::GetLogResponse {
        lowest_offset: info.lowest.0,
        next_offset: info.next.0,
        committed_offset: info.committed.0,
        first_timestamp_us: details.ends.first_timestamp_us,
        last_timestamp_us: details.ends.last_timestamp_us,
        n_segments: details.n_segments,
        size_bytes: details.size_bytes,
        durability: v1::Durability::from(info.durability).into(),
        max_record_bytes: info.max_record_bytes,
        refusal: info.refusal.map(|refusal| v1::Refusal {
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
        }),
        offsets_at,
        checksums: v1::Checksums::from(details.ends.checksums).into(),
        n_damaged: details.n_damaged,
    })
}
