//! Around every call: one line in the log, a panic becomes a status, and compression is the client's
//! choice.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tonic::{Code, Status};

use super::access;
use super::messages::MessageLimits;
use super::status::status;
use crate::server::admission::{Access, Action, Admission};
use crate::server::answer_room::Slot;
use crate::server::panics::unless_panicked;
use crate::service::{CommitLog, Offset};

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// What stands between a call and its method.
#[derive(Debug)]
pub(super) struct Around<L> {
    pub(super) admission: Admission,
    pub(super) limits: Arc<MessageLimits>,
    pub(super) log: Arc<L>,
}

impl<L: CommitLog> Around<L> {
    async fn answer(&self, request: Request, next: Next) -> Response {
        let access = access::access(request.uri().path());
        let admitted = match self.admission.admit(access, &request) {
            Ok(admitted) => admitted,
            Err(refusal) => return access::status(&refusal).into_http(),
        };
        if access.asks_the_log()
            && let Some(starting) = self.log.starting()
        {
            return status(&starting).into_http();
        }
        let (mut request, _room) = self.limits.bound(request, access, admitted.lease());
        let reads = access == Access::Needs(Action::Consume);
        let slot = Slot::default();
        if reads {
            request.extensions_mut().insert(slot.clone());
        }
        let response = next.run(request).await;
        let response = if reads { response.map(|body| slot.fill(body)) } else { response };
        admitted.hold(response, access::trailers)
    }
}

impl<L> Clone for Around<L> {
    fn clone(&self) -> Around<L> {
        Around {
            admission: self.admission.clone(),
            limits: Arc::clone(&self.limits),
            log: Arc::clone(&self.log),
        }
    }
}

/// Answers by what is inside, whatever happens there, and writes one line: once the answer starts, since
/// a stream has no end.
pub(super) async fn answer_and_log<L: CommitLog>(
    State(around): State<Around<L>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.uri().path().to_owned();
    answer_as_asked(request.headers_mut());
    let answered = unless_panicked(around.answer(request, next)).await;
    let mut response = answered.unwrap_or_else(|| {
        Status::internal("the server made a mistake at this call; please report it").into_http()
    });
    blame_size(response.headers_mut());
    let code =
        response.headers().get(STATUS).map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    tracing::info!(
        method,
        ?code,
        offset = response.extensions().get::<Offset>().map(|offset| offset.0),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "call"
    );
    response
}

/// Most clients accept compressed answers unasked, and few want to pay for them: answers are compressed
/// for those that compress what they send.
fn answer_as_asked(headers: &mut HeaderMap) {
    match headers.get(ENCODING).cloned() {
        Some(encoding) if encoding != "identity" => {
            headers.insert(ACCEPT_ENCODING, encoding);
        }
        Some(_) | None => {
            headers.remove(ACCEPT_ENCODING);
        }
    }
}

/// tonic says OUT_OF_RANGE of a message over the limit, which is what the log says of offsets. Other
/// implementations of gRPC say RESOURCE_EXHAUSTED.
fn blame_size(headers: &mut HeaderMap) {
    let is_out_of_range = headers.get(STATUS).is_some_and(|code| code == "11");
    if is_out_of_range && !headers.contains_key(DETAILS) {
        headers.insert(STATUS, HeaderValue::from_static("8"));
    }
}
