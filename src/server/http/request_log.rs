//! Around every request: one line in the log, and a panic becomes a 500 instead of a lost connection.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use super::request_error::RequestError;

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

/// `None` if the future panicked. Nothing that a request touches is left half-changed by that: its
/// own state is dropped, and what it shares is behind the log's own thread.
async fn unless_panicked<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}
