//! The metrics of this server, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use hyper::header::{ACCEPT, CONTENT_TYPE, VARY};

use super::App;
use super::error::Problem;
use crate::service::{CommitLog, ServiceError};
use crate::telemetry::ExpositionFormat;

/// Show the metrics
#[utoipa::path(
    method(get, head),
    path = "/metrics",
    tag = "server",
    responses(
        (
            status = 200,
            description = "All metrics, in OpenMetrics if `Accept` names it",
            content(
                (String = "text/plain"),
                (String = "application/openmetrics-text"),
            ),
        ),
    ),
)]
pub(super) async fn metrics<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let format = ExpositionFormat::for_accept(&accepted.collect::<Vec<_>>().join(","));
    let metrics = Arc::clone(&app.metrics);
    // It asks the file system.
    let rendered = tokio::task::spawn_blocking(move || metrics.render(format)).await;
    let text = rendered.map_err(|error| ServiceError::Internal { message: error.to_string() })?;
    let headers = [(CONTENT_TYPE, format.content_type()), (VARY, "Accept")];
    Ok((headers, text).into_response())
}
