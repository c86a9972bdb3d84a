//! Counts calls by what became of them, which is known only when the trailers have been sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::HeaderMap;
use tonic::Code;
use tracing::{Instrument, Span};

use crate::telemetry::{Metrics, Protocol, continue_from, note_answer, request_span};

/// Around a call, streams included.
pub(super) async fn count(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = known_method(request.uri().path());
    let span = request_span(Protocol::Grpc, method);
    continue_from(&span, request.headers());
    let mut call = Call { metrics, method, code: None, span };
    let response = next.run(request).instrument(call.span.clone()).await;
    call.metrics.requests.took(Protocol::Grpc, method, started.elapsed());
    call.note(response.headers());
    response.map(|body| Body::new(CountedBody { body, call }))
}

/// A call that is counted when it is dropped: as cancelled, if nobody was told what became of it.
struct Call {
    metrics: Arc<Metrics>,
    method: &'static str,
    code: Option<Code>,
    /// Open until then.
    span: Span,
}

impl Call {
    fn note(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get("grpc-status") {
            self.code = Some(Code::from_bytes(code.as_bytes()));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let is_failure =
            matches!(code, Code::Internal | Code::Unknown | Code::Unavailable | Code::DataLoss);
        let code = name(code);
        note_answer(&self.span, code, is_failure);
        self.metrics.requests.answered(Protocol::Grpc, self.method, code);
    }
}

/// An answer whose trailers are looked at on their way.
struct CountedBody {
    body: Body,
    call: Call,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let span = self.call.span.clone();
        let _within = span.enter();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(trailers) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.trailers_ref())
        {
            self.call.note(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// All methods that are served; a client that makes up others can't make up labels.
const METHODS: [&str; 12] = [
    "/log.v1.Log/Produce",
    "/log.v1.Log/Consume",
    "/log.v1.Log/ProduceStream",
    "/log.v1.Log/ConsumeStream",
    "/log.v1.Log/GetServers",
    "/log.v1.Log/ProduceBatch",
    "/log.v1.Log/ConsumeBatch",
    "/log.v1.Log/GetLog",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The full name of a method without the leading slash.
fn known_method(path: &str) -> &'static str {
    let known = METHODS.iter().find(|known| **known == path);
    known.map_or("unknown", |known| known.trim_start_matches('/'))
}

const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_is_known() {
        for descriptors in
            [crate::wire::v1::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET]
        {
            let files = FileDescriptorSet::decode(descriptors).expect("descriptors").file;
            for file in &files {
                for service in &file.service {
                    for method in &service.method {
                        let path =
                            format!("/{}.{}/{}", file.package(), service.name(), method.name());
                        assert_eq!(known_method(&path), &path[1..]);
                    }
                }
            }
        }
        assert_eq!(known_method("/log.v1.Log/Invented"), "unknown");
    }
}
