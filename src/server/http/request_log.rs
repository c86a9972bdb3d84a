//! Around every request: one line in the log, a count, and a panic becomes a 500 instead of a lost
//! connection.

use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::Method;
use tracing::Instrument;

use super::error::Problem;
use super::request_error::RequestError;
use crate::server::admission::subject_of;
use crate::server::panics::unless_panicked;
use crate::service::Offset;
use crate::telemetry::{Metrics, Protocol, continue_from, note_answer, request_span};

/// Answers by what is inside, whatever happens there, and writes one line.
pub(super) async fn answer_and_log(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let counted_as = counted_as(&request);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let span = request_span(Protocol::Http, &counted_as);
    continue_from(&span, request.headers());
    let answered = unless_panicked(next.run(request)).instrument(span.clone()).await;
    let response =
        answered.unwrap_or_else(|| Problem::from(RequestError::Panicked).into_response());
    let took = started.elapsed();
    let code = response.status().as_str().to_owned();
    note_answer(&span, &code, response.status().is_server_error());
    metrics.requests.answered(Protocol::Http, counted_as.clone(), code);
    metrics.requests.took(Protocol::Http, counted_as, took);
    tracing::info!(
        %method,
        path = uri.path(),
        status = response.status().as_u16(),
        subject = subject_of(&response),
        offset = response.extensions().get::<Offset>().map(|offset| offset.0),
        bytes = response.body().size_hint().exact(),
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

/// Route and verb: a client can't make up new ones.
fn counted_as(request: &Request) -> String {
    let Some(route) = request.extensions().get::<MatchedPath>() else {
        return "unknown".to_owned();
    };
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ];
    let method = known.iter().find(|known| *known == request.method());
    format!("{} {}", method.map_or("other", Method::as_str), route.as_str())
}
