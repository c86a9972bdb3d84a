//! `/` as the Go original has it, kept exactly so that its clients work unchanged:
//!
//! ```text
//! POST / {"record":{"value":"<base64>"}}  ->  {"offset":N}
//! GET  / {"offset":N}                     ->  {"record":{"value":"<base64>","offset":N}}
//! ```
//!
//! No content type is asked for (curl sends a form's), and a query is passed over.
//!
//! What is different, on purpose
//! - A body that isn't one JSON object of the expected shape is 400 instead of a silent append; see
//!   `go_json`. An empty `{}` in a GET still means offset 0.
//! - Answers say that they are `application/json`, and errors are problem documents.
//! - A record of no bytes reads as `""`, where the original answers `null` for some.
//! - A body has a limit, which follows that of a record.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use utoipa::ToSchema;

use super::App;
use super::error::Problem;
use super::request_error::RequestError;
use crate::service::{Batch, CommitLog, NewRecord, Offset, Record};
use crate::text::go_json::{self, BASE64};

const PRODUCE_BODY: &str = r#"one JSON object, such as {"record":{"value":"aGVsbG8="}}"#;
const CONSUME_BODY: &str = r#"one JSON object, such as {"offset":0}"#;

/// Append one record
#[utoipa::path(
    post,
    path = "/",
    tag = "original",
    request_body(content = ProduceRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "Appended", body = ProduceResponse, content_type = "application/json"),
        (status = 400, description = "The body can't be understood"),
        (status = 413, description = "The body or the record is too large"),
    ),
)]
pub(super) async fn produce<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    let body = app.bodies.read(request).await?;
    let value = go_json::produce_value(&body.bytes)
        .map_err(|error| malformed(&error, &body.bytes, PRODUCE_BODY))?;
    let appended = app.log.append(Batch::of(NewRecord::new(value))).await?;
    let offset = appended.first_offset;
    Ok(json(offset, format!("{{\"offset\":{offset}}}\n")))
}

/// Read one record
///
/// The offset is in the body, which not every client sends with a GET.
#[utoipa::path(
    get,
    path = "/",
    tag = "original",
    request_body(content = ConsumeRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The record", body = ConsumeResponse, content_type = "application/json"),
        (status = 400, description = "The body can't be understood"),
        (status = 404, description = "The offset is not in the log"),
    ),
)]
pub(super) async fn consume<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    let body = app.bodies.read(request).await?;
    let offset = go_json::consume_offset(&body.bytes)
        .map_err(|error| malformed(&error, &body.bytes, CONSUME_BODY))?;
    let (record, taken) = app.read(Offset(offset)).await.map_err(Problem::of_the_original)?;
    Ok(json(record.offset, taken.held_by(record_json(&record).into_bytes())))
}

fn malformed(error: &serde_json::Error, body: &[u8], expected: &'static str) -> RequestError {
    let reason =
        if body.trim_ascii().is_empty() { "it is empty".into() } else { error.to_string() };
    RequestError::Malformed { reason, expected }
}

fn record_json(record: &Record) -> String {
    let mut json = String::with_capacity(record.value.len() / 3 * 4 + 64);
    json.push_str("{\"record\":{\"value\":\"");
    BASE64.encode_string(&record.value, &mut json);
    json.push_str("\",\"offset\":");
    json.push_str(&record.offset.to_string());
    json.push_str("}}\n");
    json
}

/// The offset is for the line in the log.
fn json(offset: Offset, document: impl Into<Body>) -> Response {
    let mut response = Response::new(document.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(offset);
    response
}

/// What `produce` takes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `go_json` reads")]
pub(super) struct ProduceRequest {
    record: ProduceRecord,
}

/// A record to be appended.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `go_json` reads")]
pub(super) struct ProduceRecord {
    /// In base64.
    value: String,
}

/// Where a record is now.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `produce` writes")]
pub(super) struct ProduceResponse {
    offset: u64,
}

/// What `consume` takes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `go_json` reads")]
pub(super) struct ConsumeRequest {
    offset: u64,
}

/// What `consume` answers with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `record_json` writes")]
pub(super) struct ConsumeResponse {
    record: ConsumedRecord,
}

/// A record of the log.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `record_json` writes")]
pub(super) struct ConsumedRecord {
    /// In base64.
    value: String,
    offset: u64,
}
