//! Counts calls by what became of them, which is known only when the trailers have been sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Frame, SizeHint};
use hyper::header::HeaderMap;
use tonic::Code;
use tracing::Span;

use crate::telemetry::{
    MethodMetrics, Metrics, Protocol, continue_from, note_answer, request_span,
};

/// What is counted of each method.
#[derive(Debug)]
pub(super) struct Counting {
    /// In the order of [`METHODS`], and what is no method.
    methods: Vec<Arc<MethodMetrics>>,
}

impl Counting {
    pub(super) fn by(metrics: &Metrics) -> Counting {
        let names = METHODS.map(|path| path.trim_start_matches('/')).into_iter().chain([UNKNOWN]);
        let of = |name| Arc::new(metrics.requests.of(Protocol::Grpc, name, name_of(Code::Ok)));
        Counting { methods: names.map(of).collect() }
    }

    /// A call that has arrived.
    pub(super) fn begin<B>(&self, request: &Request<B>) -> Call {
        let metrics = Arc::clone(&self.methods[number_of(request.uri().path())]);
        let span = request_span(Protocol::Grpc, metrics.method());
        continue_from(&span, request.headers());
        Call { started: Instant::now(), metrics, code: None, span }
    }
}

/// A call that is counted when it is dropped: as cancelled, if nobody was told what became of it.
#[derive(Debug)]
pub(super) struct Call {
    started: Instant,
    metrics: Arc<MethodMetrics>,
    code: Option<Code>,
    /// Open until then.
    span: Span,
}

impl Call {
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The answer begins; what becomes of the call is known at its end.
    pub(super) fn answered_by(mut self, response: Response) -> Response<CountedBody> {
        self.metrics.took(self.age());
        self.note(response.headers());
        response.map(|body| CountedBody { body, call: self })
    }

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
        let code = name_of(code);
        note_answer(&self.span, code, is_failure);
        self.metrics.answered(code);
    }
}

/// An answer whose trailers are looked at on their way.
#[derive(Debug)]
pub(in crate::server) struct CountedBody {
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

const UNKNOWN: &str = "unknown";

/// The place of a method among those that are counted.
fn number_of(path: &str) -> usize {
    METHODS.iter().position(|known| *known == path).unwrap_or(METHODS.len())
}

const fn name_of(code: Code) -> &'static str {
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
        let counting = Counting::by(&Metrics::new());
        for descriptors in
            [crate::wire::v1::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET]
        {
            let files = FileDescriptorSet::decode(descriptors).expect("descriptors").file;
            for file in &files {
                for service in &file.service {
                    for method in &service.method {
                        let path =
                            format!("/{}.{}/{}", file.package(), service.name(), method.name());
                        assert_eq!(counting.methods[number_of(&path)].method(), &path[1..]);
                    }
                }
            }
        }
        let invented = number_of("/log.v1.Log/Invented");
        assert_eq!(counting.methods[invented].method(), UNKNOWN);
    }
}
