//! `GET /v1/records/{offset}`: one record, as JSON or as its bytes.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::super::App;
use super::super::accept::{self, BYTES, JSON};
use super::super::error::Problem;
use super::super::query::{Query, number};
use super::super::request_error::RequestError;
use super::chunk::write_record;
use super::entity::Entity;
use crate::service::{CommitLog, Offset};

const OFFERED: &[&str] = &[JSON, BYTES];

/// Read one record
///
/// It never changes, so it may be kept for ever. The bytes of the value may be had in parts.
#[utoipa::path(
    method(get, head),
    path = "/v1/records/{offset}",
    tag = "records",
    params(
        ("offset" = u64, Path, description = "The record's offset"),
        ("If-None-Match" = Option<String>, Header, description = "The entity tag of what the client has already"),
        ("Range" = Option<String>, Header, description = "A part of the raw value, such as bytes=0-99"),
        ("If-Range" = Option<String>, Header, description = "The entity tag of what the client has a part of"),
    ),
    responses(
        (status = 200, description = "The record", content(
            (crate::server::http::openapi::JsonRecord = "application/json"),
            (Vec<u8> = "application/octet-stream"),
        )),
        (status = 206, description = "A part of the value", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "The offset is not a number"),
        (status = 406, description = "Neither form is acceptable"),
        (status = 410, description = "The offset is below the lowest, or its record was lost"),
        (status = 416, description = "The offset is past the end, or the range is"),
        (status = 500, description = "The record is corrupt"),
    ),
)]
pub(super) async fn single<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    Query::of(&request, &[])?;
    let offset = offset(request.uri().path())?;
    let media_type = accept::choose(request.headers(), OFFERED)?;
    let (record, taken) = app.read(offset).await?;
    let bytes = if media_type == BYTES {
        taken.held_by(record.value)
    } else {
        let mut object = Vec::with_capacity(record.value.len() + 128);
        write_record(&record, &mut object)?;
        object.push(b'\n');
        taken.held_by(object)
    };
    let mut response = Entity { media_type, bytes }.answer(request.method(), request.headers())?;
    response.extensions_mut().insert(offset);
    Ok(response)
}

fn offset(path: &str) -> Result<Offset, RequestError> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let offset = number(name).map(Offset);
    offset.map_err(|reason| RequestError::BadParameter { name: "offset", reason })
}
