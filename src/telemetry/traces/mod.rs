//! Traces: which spans there are, whose they continue, and where they go.
//!
//! Spans are `tracing`'s, all with the target [`SPANS`], so that a subscriber can tell them from what is
//! printed. Unless one wants that target, a span costs the load of an atomic.

mod context;
mod export;

use tracing::{Span, field};

pub use context::{continue_from, pass_on};
pub use export::{Traces, TracesError, TracesResource};

use super::Protocol;

/// The target of all spans; `log` has the same one.
pub const SPANS: &str = "proglog::spans";

/// A request that was received. `method` is what it's counted as.
#[must_use]
pub fn request_span(protocol: Protocol, method: &str) -> Span {
    tracing::info_span!(
        target: SPANS,
        "request",
        otel.name = method,
        otel.kind = "server",
        network.protocol.name = protocol.as_str(),
        code = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// Notes what became of a request.
pub fn note_answer(span: &Span, code: &str, is_failure: bool) {
    span.record("code", code);
    if is_failure {
        span.record("otel.status_code", "ERROR");
    }
}
