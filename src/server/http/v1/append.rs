//! `POST /v1/records`: appends one batch, all of it or nothing.

use std::fmt::Write;
use std::mem::size_of;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use utoipa::ToSchema;

use super::super::App;
use super::super::body::{BodyLimits, HeldBody};
use super::super::error::Problem;
use super::super::query::{Query, number};
use super::super::request_error::RequestError;
use super::batch;
use super::body_type::BodyType;
use super::labels::Labels;
use crate::service::{self, Batch, CommitLog, NewRecord, Offset};

const KNOWN: &[&str] = &["expect_offset"];

/// What an append is answered with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `created` writes")]
pub(in crate::server::http) struct Appended {
    /// The offset of the batch's first record.
    first_offset: u64,
    /// The offset of its last record.
    last_offset: u64,
    /// What the batch survives: `fsync`, a loss of power; `os`, a crash of the server alone.
    durability: String,
}

/// Append records
///
/// NDJSON and JSON bodies hold any number of records; a body of any other type, or of none, is one
/// record as it is. All of a body is appended, or nothing.
#[utoipa::path(
    post,
    path = "/v1/records",
    tag = "records",
    params(
        ("expect_offset" = Option<u64>, Query, description = "Append only if the first record gets this offset, so that a retry can't append twice"),
        ("X-Proglog-Key" = Option<String>, Header, description = "The key of a raw record"),
        ("X-Proglog-Header-NAME" = Option<String>, Header, description = "A header of a raw record; NAME is any name, in lower case in the record"),
    ),
    request_body(
        content(
            (Vec<u8> = "application/octet-stream"),
            (crate::server::http::openapi::JsonRecord = "application/x-ndjson"),
            (crate::server::http::openapi::NewRecords = "application/json"),
        ),
    ),
    responses(
        (status = 201, description = "Appended", body = Appended, content_type = "application/json"),
        (status = 400, description = "The body, a parameter or a header can't be understood, and a message about NDJSON names the line; or a timestamp is too far in the future"),
        (status = 408, description = "The body took too long"),
        (status = 412, description = "The next append gets another offset than was expected"),
        (status = 413, description = "The body, a record or the batch is too large"),
        (status = 415, description = "The type of the body can't be understood"),
        (status = 503, description = "Too much is under way (with Retry-After), or the log takes no appends"),
        (status = 507, description = "The disk is full, or nearly"),
    ),
)]
pub(super) async fn append<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = match Asked::of(&request) {
        Ok(asked) => asked,
        Err(error) => return Err(app.bodies.refuse(request, error).await.into()),
    };
    let mut body = app.bodies.read(request).await?;
    let expected_offset = asked.expected_offset;
    let records = asked.records(&mut body, &app.bodies)?;
    app.timestamps.check_all(&records)?;
    let appended = app.log.append(Batch { records, expected_offset }).await?;
    drop(body);
    let mut response = created(&appended);
    response.extensions_mut().insert(appended.first_offset);
    Ok(response)
}

/// What the head of a request says.
struct Asked {
    expected_offset: Option<Offset>,
    body_type: BodyType,
    labels: Labels,
}

impl Asked {
    fn of(request: &Request) -> Result<Asked, RequestError> {
        let expected_offset = Query::of(request, KNOWN)?.get("expect_offset", number)?.map(Offset);
        let body_type = BodyType::of(request.headers())?;
        let labels = Labels::of(request.headers())?;
        if body_type != BodyType::Raw {
            labels.expect_none()?;
        }
        Ok(Asked { expected_offset, body_type, labels })
    }

    /// The records in a body. Those in JSON are copied out of it, so it is let go; the room that it
    /// held stays taken for them, and more for what they need beside their bytes.
    fn records(
        self,
        body: &mut HeldBody,
        limits: &BodyLimits,
    ) -> Result<Vec<NewRecord>, RequestError> {
        let records = match self.body_type {
            BodyType::Raw => {
                let Labels { key, headers } = self.labels;
                let value = std::mem::take(&mut body.bytes);
                return Ok(vec![NewRecord { value, key, headers, ..NewRecord::default() }]);
            }
            BodyType::Lines => {
                limits.hold_more(body, batch::n_lines(&body.bytes)? * size_of::<NewRecord>())?;
                batch::of_lines(&body.bytes)?
            }
            BodyType::Document => {
                let records = batch::of_document(&body.bytes)?;
                limits.hold_more(body, records.len() * size_of::<NewRecord>())?;
                records
            }
        };
        body.bytes = Bytes::new();
        Ok(records)
    }
}

fn created(appended: &service::Appended) -> Response {
    let service::Appended { first_offset, last_offset, durability } = appended;
    let mut document = String::with_capacity(112);
    // A String takes all that is written to it.
    let _ = writeln!(
        document,
        "{{\"first_offset\":{first_offset},\"last_offset\":{last_offset},\"durability\":\"{}\"}}",
        durability.as_str()
    );
    let mut response = Response::new(Body::from(document));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
