//! Records as server-sent events: what there is, then what comes, for as long as client and server
//! live. The id of an event is its offset, so a client that reconnects goes on behind it.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use tokio::time::sleep;

use super::super::App;
use super::super::accept::EVENTS;
use super::super::error::Problem;
use super::chunk::{Entry, in_order, text_bytes, write_missing, write_record};
use super::cursor::{Cursor, Wanted};
use super::lines::cut_off;
use super::list;
use crate::server::Shutdown;
use crate::server::answer_room::Taken;
use crate::service::{Chunk, CommitLog, ServiceError};

/// After so long without a record a comment is sent: proxies see that the connection lives, and the
/// server sees a client that is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows the log. The first chunk is read before the answer starts, so that an offset that isn't
/// there is a problem rather than a stream without an end.
pub(super) async fn answer<L: CommitLog>(
    app: &App<L>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let mut cursor = app.cursor(wanted);
    let Some((first, taken)) = cursor.next().await? else {
        // Tells the client that it has had all of the range, so that it doesn't come back.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    };
    let first = events(&first, taken)?;
    let rest = follow(cursor, app.shutdown.clone(), KEEP_ALIVE);
    let events = stream::once(async { Ok(first) }).chain(rest);
    let mut response = list::response(EVENTS, Body::from_stream(events));
    // nginx would keep events back until its buffer is full.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn follow<L: CommitLog>(
    cursor: Cursor<L>,
    shutdown: Shutdown,
    keep_alive: Duration,
) -> impl Stream<Item = Result<Bytes, ServiceError>> {
    stream::try_unfold((cursor, shutdown), move |(mut cursor, mut shutdown)| async move {
        let next = tokio::select! {
            biased;
            () = shutdown.requested() => return Ok(None),
            next = next_events(&mut cursor, keep_alive) => next,
        };
        match next {
            Ok(Some(events)) => Ok(Some((events, (cursor, shutdown)))),
            // The log closes when the server stops, which is no failure.
            Ok(None) | Err(ServiceError::Closed) => Ok(None),
            Err(error) => {
                cut_off(&error).await;
                Err(error)
            }
        }
    })
}

/// The next records as events, or a comment if none come for long; `None` if all that was wanted is out.
async fn next_events<L: CommitLog>(
    cursor: &mut Cursor<L>,
    keep_alive: Duration,
) -> Result<Option<Bytes>, ServiceError> {
    loop {
        let Some((chunk, taken)) = cursor.next().await? else { return Ok(None) };
        if !chunk.records.is_empty() || !chunk.missing.is_empty() {
            return events(&chunk, taken).map(Some);
        }
        tokio::select! {
            waited = cursor.wait() => waited?,
            () = sleep(keep_alive) => return Ok(Some(Bytes::from_static(b":\n\n"))),
        }
    }
}

fn events(chunk: &Chunk, taken: Taken) -> Result<Bytes, ServiceError> {
    let mut events = Vec::with_capacity(text_bytes(chunk) + 32 * chunk.records.len());
    for entry in in_order(chunk) {
        match entry {
            Entry::Record(record) => {
                events.extend_from_slice(format!("id: {}\ndata: ", record.offset).as_bytes());
                write_record(record, &mut events)?;
            }
            Entry::Missing(missing) => {
                let last = missing.offsets.end.0.saturating_sub(1);
                let head = format!("id: {last}\nevent: missing\ndata: ");
                events.extend_from_slice(head.as_bytes());
                write_missing(missing, &mut events)?;
            }
        }
        events.extend_from_slice(b"\n\n");
    }
    // An answer that starts with nothing would keep its header back.
    if events.is_empty() {
        events.extend_from_slice(b":\n\n");
    }
    Ok(taken.held_by(events))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::log::{Log, LogConfig, Offset};
    use crate::server::answer_room::AnswerRoom;
    use crate::server::shutdown;
    use crate::service::{LocalLog, LocalLogConfig};

    use super::*;

    #[tokio::test]
    async fn a_comment_is_sent_where_no_record_comes() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = Log::open(dir.path(), LogConfig::default()).expect("a log");
        let log = LocalLog::start(log, &LocalLogConfig::default()).expect("a storage thread");
        let wanted = Wanted {
            from: Offset(0),
            end: None,
            max_records: u64::MAX,
            max_bytes: u64::MAX,
            skips_corrupt: false,
        };
        let (trigger, shutdown) = shutdown();
        let room = Arc::new(AnswerRoom::new(1, Duration::ZERO));
        let cursor = Cursor::new(Arc::new(log), Some(room), wanted);
        let mut events = std::pin::pin!(follow(cursor, shutdown, Duration::from_millis(1)));
        for _ in 0..2 {
            let comment = events.next().await.expect("goes on").expect("a comment");
            assert_eq!(comment, ":\n\n");
        }
        trigger.request();
        assert!(events.next().await.is_none(), "the stream ends with the server");
    }
}
