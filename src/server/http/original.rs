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
use axum::http::Method;
use axum::response::Response;
use base64::Engine;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::App;
use super::error::{Problem, RequestError};
use super::go_json::{self, BASE64};
use crate::service::{Batch, CommitLog, NewRecord, Offset, Record};

const PRODUCE_BODY: &str = r#"one JSON object, such as {"record":{"value":"aGVsbG8="}}"#;
const CONSUME_BODY: &str = r#"one JSON object, such as {"offset":0}"#;

/// Appends or reads one record.
pub(super) async fn handle<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    match *request.method() {
        Method::POST => produce(&app, request).await,
        Method::GET => consume(&app, request).await,
        ref method => {
            let (method, path, allow) = (method.to_string(), "/", "GET, POST");
            Err(RequestError::MethodNotAllowed { method, path, allow }.into())
        }
    }
}

async fn produce<L: CommitLog>(app: &App<L>, request: Request) -> Result<Response, Problem> {
    let body = app.bodies.read(request).await?;
    let value = go_json::produce_value(&body.bytes)
        .map_err(|error| malformed(&error, &body.bytes, PRODUCE_BODY))?;
    let appended = app.log.append(Batch::of(NewRecord::new(value))).await?;
    Ok(json(format!("{{\"offset\":{}}}\n", appended.first_offset)))
}

async fn consume<L: CommitLog>(app: &App<L>, request: Request) -> Result<Response, Problem> {
    let body = app.bodies.read(request).await?;
    let offset = go_json::consume_offset(&body.bytes)
        .map_err(|error| malformed(&error, &body.bytes, CONSUME_BODY))?;
    let record = app.log.read(Offset(offset)).await.map_err(Problem::of_the_original)?;
    Ok(json(record_json(&record)))
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

fn json(document: String) -> Response {
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
