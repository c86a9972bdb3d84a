//! `GET /v1/log`: what there is in the log, and in which state it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::error::Problem;
use super::super::query::Query;
use crate::service::{Checksums, CommitLog, ServiceError};
use crate::text::time::display_time;

/// What a log says of itself.
#[derive(Serialize, ToSchema)]
pub(in crate::server::http) struct About {
    /// The first offset still kept.
    lowest_offset: u64,
    /// The offset that the next append gets.
    next_offset: u64,
    /// All records below it can never be undone.
    committed_offset: u64,
    /// When the oldest record was appended, RFC 3339; `null` for an empty log.
    first_time: Option<String>,
    /// When the newest record was appended, likewise.
    last_time: Option<String>,
    /// How many segments there are.
    segments: u64,
    /// Bytes of all their files.
    bytes: u64,
    /// What an acknowledged append survives: `fsync`, a loss of power; `os`, a crash of the server
    /// alone.
    durability: &'static str,
    /// Which records have a checksum: `none`, `some`, `all`; `null` for an empty log.
    checksums: Option<&'static str>,
    /// In how many places the log was found damaged when it was opened.
    damaged: u64,
    /// `standalone`: this server is the only one that has the log.
    role: &'static str,
    /// The longest record that is taken, in bytes: value, key and headers together.
    max_record_bytes: u64,
    /// Why appends are refused; `null` if they are taken.
    refusal: Option<Refusal>,
}

/// Why appends are refused.
#[derive(Serialize, ToSchema)]
pub(in crate::server::http) struct Refusal {
    /// As in a problem document.
    code: &'static str,
    /// As in a problem document.
    detail: String,
    /// As in a problem document.
    hint: &'static str,
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Refusal {
        Refusal { code: error.code(), detail: error.to_string(), hint: error.hint() }
    }
}

/// Describe the log
#[utoipa::path(
    method(get, head),
    path = "/v1/log",
    tag = "log",
    responses(
        (status = 200, description = "What there is", body = About, content_type = "application/json"),
        (status = 400, description = "A parameter, of which there are none"),
    ),
)]
pub(super) async fn about<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Json<About>, Problem> {
    Query::of(&request, &[])?;
    let details = app.log.details().await?;
    let info = app.log.info();
    Ok(Json(About {
        lowest_offset: info.lowest.0,
        next_offset: info.next.0,
        committed_offset: info.committed.0,
        first_time: details.ends.first_timestamp_us.map(display_time),
        last_time: details.ends.last_timestamp_us.map(display_time),
        segments: details.n_segments,
        bytes: details.size_bytes,
        durability: info.durability.as_str(),
        checksums: details.ends.checksums.map(Checksums::as_str),
        damaged: details.n_damaged,
        role: "standalone",
        max_record_bytes: info.max_record_bytes,
        refusal: info.refusal.map(Refusal::from),
    }))
}
