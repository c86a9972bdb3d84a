//! Records as NDJSON: streamed chunk by chunk, and cut off if the rest can't be read.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::super::App;
use super::super::accept::NDJSON;
use super::super::error::Problem;
use super::chunk::{Entry, in_order, text_bytes, write_missing, write_record};
use super::cursor::Wanted;
use super::list;
use crate::server::answer_room::Taken;
use crate::service::{Chunk, CommitLog, ServiceError};

/// Answers with what is wanted. A failure at the first chunk is a problem; one later ends the
/// connection, without the mark that ends a body.
pub(super) async fn answer<L: CommitLog>(
    app: &App<L>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let mut cursor = app.cursor(wanted);
    let first = match cursor.next_there().await? {
        Some((chunk, taken)) => lines(&chunk, taken)?,
        None => Bytes::new(),
    };
    // What is whole already is told its length.
    if cursor.is_done() || first.is_empty() {
        return Ok(list::response(NDJSON, Body::from(first)));
    }
    let rest = stream::try_unfold(cursor, async |mut cursor| {
        let next = match cursor.next_there().await {
            Ok(Some((chunk, taken))) => lines(&chunk, taken),
            Ok(None) => return Ok(None),
            Err(error) => Err(error),
        };
        match next {
            Ok(lines) => Ok(Some((lines, cursor))),
            Err(error) => {
                cut_off(&error).await;
                Err(error)
            }
        }
    });
    let body = Body::from_stream(stream::once(async { Ok(first) }).chain(rest));
    Ok(list::response(NDJSON, body))
}

/// Notes that an answer will be cut off. hyper forgets what it hasn't sent when a body fails, so it
/// gets the occasion to send that first.
pub(super) async fn cut_off(error: &ServiceError) {
    tracing::warn!(%error, "an answer is cut off");
    tokio::task::yield_now().await;
}

fn lines(chunk: &Chunk, taken: Taken) -> Result<Bytes, ServiceError> {
    let mut lines = Vec::with_capacity(text_bytes(chunk));
    for entry in in_order(chunk) {
        match entry {
            Entry::Record(record) => write_record(record, &mut lines)?,
            Entry::Missing(missing) => {
                lines.extend_from_slice(b"{\"missing\":");
                write_missing(missing, &mut lines)?;
                lines.push(b'}');
            }
        }
        lines.push(b'\n');
    }
    Ok(taken.held_by(lines))
}
