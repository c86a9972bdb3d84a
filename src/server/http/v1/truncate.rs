//! `POST /v1/log/truncate`: gives up old records. For those who run the server.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::error::Problem;
use super::super::query::Query;
use super::super::request_error::RequestError;
use super::body_type::BodyType;
use crate::service::{CommitLog, Offset};

/// What to give up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server::http) struct Truncate {
    /// Segments that lie wholly below this offset are removed.
    before: u64,
}

/// What is left.
#[derive(Serialize, ToSchema)]
pub(in crate::server::http) struct Truncated {
    /// The first offset still kept. It may be lower than asked for, since segments go as a whole.
    lowest_offset: u64,
}

/// Remove old records
///
/// An administrator's action: what is removed is gone.
#[utoipa::path(
    post,
    path = "/v1/log/truncate",
    tag = "log",
    request_body(content = Truncate, content_type = "application/json"),
    responses(
        (status = 200, description = "What is left", body = Truncated, content_type = "application/json"),
        (status = 400, description = "The body can't be understood"),
        (status = 415, description = "The body is not application/json"),
        (status = 416, description = "The offset is past the end"),
    ),
)]
pub(super) async fn truncate<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Json<Truncated>, Problem> {
    let asked = Query::of(&request, &[]).and(BodyType::expect_document(request.headers()));
    if let Err(error) = asked {
        return Err(app.bodies.refuse(request, error).await.into());
    }
    let body = app.bodies.read(request).await?;
    let Truncate { before } = serde_json::from_slice(&body.bytes).map_err(|error| {
        let expected = r#"one JSON object, such as {"before":1000}"#;
        RequestError::Malformed { reason: error.to_string(), expected }
    })?;
    let lowest = app.log.truncate_before(Offset(before)).await?;
    tracing::info!(before, lowest = lowest.0, "old records were given up");
    Ok(Json(Truncated { lowest_offset: lowest.0 }))
}
