//! The description of the interface as OpenAPI: each operation beside its handler, what they share
//! here, and the whole at `/openapi.json`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use utoipa::{OpenApi, ToSchema};

use super::App;
use super::accept::JSON;
use super::error::Problem;
use super::query::Query;
use super::{original, v1};
use crate::service::CommitLog;

/// All that isn't an operation.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "proglog",
        description = "A commit log: records are appended, numbered, and read in order",
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "records", description = "Appending and reading"),
        (name = "log", description = "The log as a whole"),
        (name = "original", description = "As the Go original has it, kept for its clients"),
        (name = "server", description = "The server itself"),
    ),
    components(schemas(
        Problem, JsonRecord, JsonHeader, NewRecords, Page, Missing,
        v1::Appended, v1::About, v1::Refusal, v1::Truncate, v1::Truncated,
        original::ProduceRequest, original::ProduceRecord, original::ProduceResponse,
        original::ConsumeRequest, original::ConsumeResponse, original::ConsumedRecord,
    )),
)]
pub(super) struct Document;

/// A record as JSON. Bytes are `text` where they are UTF-8, and base64 in `value` where they aren't.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what text::json_record reads and writes")]
pub(super) struct JsonRecord {
    /// The record's offset; passed over in an append.
    offset: Option<u64>,
    /// When it was appended, RFC 3339; in an append, microseconds since 1970, too.
    timestamp: Option<String>,
    /// The term of a replicated log; left out if 0, and passed over in an append.
    term: Option<u64>,
    /// The type of the record; left out if 0.
    r#type: Option<u32>,
    /// The key: text, or an object whose `value` is base64.
    #[schema(value_type = Option<Object>)]
    key: Option<String>,
    /// Headers, in order.
    headers: Option<Vec<JsonHeader>>,
    /// The value, if it is UTF-8.
    text: Option<String>,
    /// The value in base64, if it isn't.
    value: Option<String>,
}

/// A name and bytes beside a record's value.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what text::json_record reads and writes")]
pub(super) struct JsonHeader {
    /// May come more than once.
    name: String,
    /// Its bytes, if they are UTF-8.
    text: Option<String>,
    /// Its bytes in base64, if they aren't.
    value: Option<String>,
}

/// Records to be appended together.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what text::json_record reads")]
pub(super) struct NewRecords {
    records: Vec<JsonRecord>,
}

/// Some records, and where to go on.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what v1::page writes")]
pub(super) struct Page {
    records: Vec<JsonRecord>,
    /// What of the page can't be read any more; left out if it is all there.
    missing: Option<Vec<Missing>>,
    /// The `offset` of the next page.
    next_offset: u64,
}

/// Records that can't be read any more.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what v1::chunk writes")]
pub(super) struct Missing {
    /// The first of them.
    first_offset: u64,
    /// The first offset behind them.
    end_offset: u64,
    /// Why, for people.
    reason: String,
    /// Whether a repair gave them up; otherwise their bytes are damaged.
    lost: bool,
}

/// Describe the interface
#[utoipa::path(
    method(get, head),
    path = "/openapi.json",
    tag = "server",
    responses((status = 200, description = "This document", body = Object, content_type = "application/json")),
)]
pub(super) async fn openapi<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    Query::of(&request, &[])?;
    Ok(([(CONTENT_TYPE, JSON)], app.openapi.clone()).into_response())
}

/// The document as it is served.
pub(super) fn document(api: &utoipa::openapi::OpenApi) -> Bytes {
    serde_json::to_vec(api).unwrap_or_default().into()
}
