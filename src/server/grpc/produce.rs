//! Appending: single records, batches, and streams of records.
//!
//! A stream has two halves. One takes requests, puts those that have arrived together into a batch, and
//! submits it without waiting for the one before. The other tells the client what became of each, in
//! order. So a stream is as fast as the log can share its syncs, and costs one bounded queue.

use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::future::FutureExt;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tonic::Status;

use super::gather::{Gathered, Gatherer};
use super::messages::MessageLimits;
use super::status::{invalid, status};
use crate::server::Shutdown;
use crate::service::{Appended, Batch, CommitLog, NewRecord, Offset, PendingAppend, ServiceError};
use crate::wire::v1;

/// Batches of one stream that were submitted and not acknowledged yet.
const MAX_UNACKNOWLEDGED: usize = 64;

/// The answers to a stream of requests.
pub(super) type Acknowledged =
    Pin<Box<dyn Stream<Item = Result<v1::ProduceResponse, Status>> + Send>>;

/// The batch of a single request.
pub(super) fn one(request: v1::ProduceRequest) -> Result<Batch, Status> {
    let expected_offset = request.expected_offset.map(Offset);
    Ok(Batch { records: vec![record(request.record)?], expected_offset })
}

/// The batch of a request for many.
pub(super) fn many(request: v1::ProduceBatchRequest) -> Result<Batch, Status> {
    let records = request.records.into_iter().map(|record| self::record(Some(record)));
    let expected_offset = request.expected_offset.map(Offset);
    Ok(Batch { records: records.collect::<Result<_, _>>()?, expected_offset })
}

/// Refuses what the log would refuse only together with the rest of its batch.
pub(super) fn record(record: Option<v1::Record>) -> Result<NewRecord, Status> {
    let missing =
        || invalid("missing_record", "the request has no record", "set its field `record`");
    Ok(NewRecord::from(record.ok_or_else(missing)?))
}

/// What a submitted batch becomes.
enum Answer {
    Pending(PendingAppend),
    Known(Result<Appended, ServiceError>),
    /// The stream ends with this, behind all that was submitted.
    End(Status),
}

/// Where batches go, and the room that they share while they wait.
#[derive(Debug)]
pub(super) struct Sink<L> {
    pub(super) log: Arc<L>,
    pub(super) limits: Arc<MessageLimits>,
}

/// Waits until a batch is handed over to the log. If there is no room for it at once, so many bytes of what
/// all requests may hold are taken until then; in the log's own room it is counted by that.
pub(super) async fn within_room<T>(
    limits: &MessageLimits,
    n_bytes: u64,
    submitting: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    let mut submitting = pin!(submitting);
    if let Some(submitted) = submitting.as_mut().now_or_never() {
        return submitted;
    }
    // If there is none, the batch is dropped before the log has it.
    let _room = limits.take(n_bytes)?;
    submitting.await
}

/// Appends what comes, and acknowledges it in order.
pub(super) fn stream<L: CommitLog>(
    sink: Sink<L>,
    gatherer: Gatherer,
    shutdown: Shutdown,
) -> Acknowledged {
    let (answers, answered) = mpsc::channel(MAX_UNACKNOWLEDGED);
    tokio::spawn(submit_all(sink, gatherer, answers, shutdown));
    let batches = stream::unfold(Some(answered), async |answered| {
        let mut answered = answered?;
        let acknowledged = acknowledge(answered.recv().await?).await;
        // Nothing is acknowledged behind a failure.
        let rest = acknowledged.is_ok().then_some(answered);
        Some((acknowledged, rest))
    });
    Box::pin(batches.flat_map(|batch| match batch {
        Ok(appended) => {
            let offsets = appended.first_offset.0..=appended.last_offset.0;
            stream::iter(offsets).map(|offset| Ok(v1::ProduceResponse { offset })).left_stream()
        }
        Err(status) => stream::iter([Err(status)]).right_stream(),
    }))
}

async fn acknowledge(answer: Answer) -> Result<Appended, Status> {
    match answer {
        Answer::Pending(pending) => pending.await.map_err(|error| status(&error)),
        Answer::Known(result) => result.map_err(|error| status(&error)),
        Answer::End(status) => Err(status),
    }
}

/// Takes requests until the client has no more, one can't be appended, nobody wants to know any more,
/// or the server stops.
async fn submit_all<L: CommitLog>(
    sink: Sink<L>,
    mut gatherer: Gatherer,
    answers: mpsc::Sender<Answer>,
    mut shutdown: Shutdown,
) {
    loop {
        let gathered = tokio::select! {
            gathered = gatherer.next() => gathered,
            () = shutdown.requested() => Gathered::End(Some(status(&ServiceError::Closed))),
            () = answers.closed() => return,
        };
        let answer = match gathered {
            Gathered::Batch(batch) => submit(&sink, batch, gatherer.kept_bytes()).await,
            Gathered::End(None) => return,
            Gathered::End(Some(status)) => Answer::End(status),
        };
        let goes_on = matches!(answer, Answer::Pending(_) | Answer::Known(Ok(_)));
        if answers.send(answer).await.is_err() || !goes_on {
            return;
        }
    }
}

/// A batch with a condition is waited for: nothing behind it may be appended if it isn't.
async fn submit<L: CommitLog>(sink: &Sink<L>, batch: Batch, kept_bytes: u64) -> Answer {
    let is_conditional = batch.expected_offset.is_some();
    let n_bytes = batch.size().memory_bytes + kept_bytes;
    match within_room(&sink.limits, n_bytes, sink.log.submit(batch)).await {
        Ok(pending) if is_conditional => Answer::Known(pending.await),
        Ok(pending) => Answer::Pending(pending),
        Err(error) => Answer::Known(Err(error)),
    }
}
