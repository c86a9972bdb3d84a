//! What is done with every call: it is counted, let in or refused, and answered by its method; one line
//! goes to the log, a panic becomes a status, and compression is the client's choice.
//!
//! All that is one future in one box, and the log's methods are found without a router: a stack of layers
//! would copy the service and box a future in each of them, for each call.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tonic::{Code, Status};
use tower::Service;
use tracing::{Instrument, Level};

use super::access;
use super::counted::{CountedBody, Counting};
use super::log_service::{LogService, Told};
use super::messages::MessageLimits;
use super::status::status;
use crate::server::admission::{Access, Action, Admission, subject_of};
use crate::server::answer_room::Slot;
use crate::server::panics::unless_panicked;
use crate::service::CommitLog;
use crate::wire::v1::log_server::LogServer;

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The methods of the log.
const LOG: &str = "/log.v1.Log/";

/// Answers calls.
#[derive(Debug)]
pub(in crate::server) struct Calls<L> {
    pub(super) log: Arc<L>,
    pub(super) methods: LogServer<LogService<L>>,
    /// All other services.
    pub(super) others: Router,
    pub(super) admission: Admission,
    pub(super) limits: Arc<MessageLimits>,
    pub(super) counting: Counting,
}

impl<L: CommitLog> Calls<L> {
    /// The answer, whatever happens on the way to it. The line is written when it begins, since a stream has
    /// no end.
    pub(in crate::server) async fn answer<B>(&self, request: Request<B>) -> Response<CountedBody>
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError> + Send> + Send + Unpin + 'static,
    {
        let call = self.counting.begin(&request);
        let span = call.span();
        let response = async {
            let path = tracing::enabled!(Level::INFO).then(|| request.uri().path().to_owned());
            // Boxed: the task that is made of a call is copied several times, and this would be most of it.
            let answered = unless_panicked(Box::pin(self.answer_or_refuse(request))).await;
            let mut response = answered.unwrap_or_else(|| {
                let mistake = "the server made a mistake at this call; please report it";
                Status::internal(mistake).into_http()
            });
            blame_size(response.headers_mut());
            let code = response.headers().get(STATUS);
            let told = response.extensions().get::<Told>();
            tracing::info!(
                method = path,
                code = ?code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes())),
                subject = subject_of(&response),
                offset = told.and_then(|told| told.offset),
                bytes = told.map(|told| told.bytes),
                duration_us = u64::try_from(call.age().as_micros()).unwrap_or(u64::MAX),
                "call"
            );
            response
        };
        let response = response.instrument(span).await;
        call.answered_by(response)
    }

    async fn answer_or_refuse<B>(&self, mut request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError> + Send> + Send + Unpin + 'static,
    {
        if !is_grpc(request.headers()) {
            return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
        }
        answer_as_asked(request.headers_mut());
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
        let slot = (access == Access::Needs(Action::Consume)).then(Slot::default);
        if let Some(slot) = &slot {
            request.extensions_mut().insert(slot.clone());
        }
        let response = self.answer_by_method(request).await;
        let response = match slot {
            Some(slot) => response.map(|body| slot.fill(body)),
            None => response,
        };
        admitted.hold(response, access::trailers)
    }

    async fn answer_by_method<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError> + Send> + Send + 'static,
    {
        // Neither fails.
        if request.uri().path().starts_with(LOG) {
            let Ok(response) = self.methods.clone().call(request).await;
            response.map(Body::new)
        } else {
            let Ok(response) = self.others.clone().call(request).await;
            response
        }
    }
}

/// Whether it is a call at all. No web page can send one without its browser asking first, which is refused:
/// the type is none of those that it sends for anybody.
fn is_grpc(headers: &HeaderMap) -> bool {
    let of_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let rest = of_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
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
