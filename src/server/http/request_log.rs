//! Around every request: one line in the log, and a panic becomes a 500 instead of a lost connection.

use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use super::request_error::RequestError;
use crate::server::panics::unless_panicked;

/// Answers by what is inside, whatever happens there, and writes one line.
pub(super) async fn answer_and_log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let uri = request.uri().clone();
    let answered = unless_panicked(next.run(request)).await;
    let response =
        answered.unwrap_or_else(|| Problem::from(RequestError::Panicked).into_response());
    tracing::info!(
        %method,
        path = uri.path(),
        status = response.status().as_u16(),
        bytes = response.body().size_hint().exact(),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
