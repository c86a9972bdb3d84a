//! Records as one JSON document: a page, which is whole or a problem.

use axum::body::Body;
use axum::response::Response;

use super::super::App;
use super::super::accept::JSON;
use super::super::error::Problem;
use super::chunk::{text_bytes, write_missing, write_record};
use super::cursor::Wanted;
use super::list;
use crate::service::{CommitLog, Missing, ServiceError};

/// What a page holds if the client doesn't say, and at most: it is made in memory.
const DEFAULT_RECORDS: u64 = 1000;
const MAX_RECORDS: u64 = 10_000;
const DEFAULT_BYTES: u64 = 1 << 20;
const MAX_BYTES: u64 = 4 << 20;

/// Bounds what a client asked for.
pub(super) fn bounded(limit: Option<u64>, max_bytes: Option<u64>) -> (u64, u64) {
    let max_records = limit.unwrap_or(DEFAULT_RECORDS).min(MAX_RECORDS);
    (max_records, max_bytes.unwrap_or(DEFAULT_BYTES).min(MAX_BYTES))
}

/// Answers with what is wanted, and where to go on.
pub(super) async fn answer<L: CommitLog>(
    app: &App<L>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    // For all of it at once: pages that wait for more while they hold some would wait for each other.
    let n_bytes = usize::try_from(wanted.max_bytes.saturating_mul(2)).unwrap_or(usize::MAX);
    let taken = app.answers.reserve(n_bytes).await?;
    let mut cursor = app.cursor_with_room(wanted);
    let mut page = b"{\"records\":[".to_vec();
    let mut missing: Vec<Missing> = Vec::new();
    let mut is_first = true;
    while let Some((chunk, _)) = cursor.next_there().await? {
        page.reserve(text_bytes(&chunk));
        for record in &chunk.records {
            if !std::mem::take(&mut is_first) {
                page.push(b',');
            }
            write_record(record, &mut page)?;
        }
        missing.extend(chunk.missing);
    }
    page.extend_from_slice(b"],");
    write_all_missing(&missing, &mut page)?;
    page.extend_from_slice(format!("\"next_offset\":{}}}\n", cursor.at()).as_bytes());
    Ok(list::response(JSON, Body::from(taken.held_by(page))))
}

/// Nothing at all if nothing is missing.
fn write_all_missing(missing: &[Missing], page: &mut Vec<u8>) -> Result<(), ServiceError> {
    for (n, missing) in missing.iter().enumerate() {
        page.extend_from_slice(if n == 0 { b"\"missing\":[" } else { b"," });
        write_missing(missing, page)?;
    }
    if !missing.is_empty() {
        page.extend_from_slice(b"],");
    }
    Ok(())
}
