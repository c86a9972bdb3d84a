//! W3C trace context: `traceparent` and `tracestate`, as callers send them and as they are sent on.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes a span that hasn't been entered yet part of the caller's trace, if the headers name one.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let context = TraceContextPropagator::new().extract(&Received(headers));
    if context.span().span_context().is_valid() {
        // It fails where nobody exports spans.
        let _ = span.set_parent(context);
    }
}

/// Names the trace of the current span in the headers of a call, if there is one.
pub fn pass_on(headers: &mut HeaderMap) {
    let span = Span::current();
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut Sent(headers));
    }
}

struct Received<'a>(&'a HeaderMap);

impl Extractor for Received<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Sent<'a>(&'a mut HeaderMap);

impl Injector for Sent<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    /// What is passed on within a span that continues from these headers.
    fn passed_on(traceparent: &'static str) -> HeaderMap {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!(target: super::super::SPANS, "request");
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(traceparent));
            continue_from(&span, &headers);
            let mut sent = HeaderMap::new();
            span.in_scope(|| pass_on(&mut sent));
            sent
        })
    }

    #[test]
    fn a_trace_goes_on_under_a_span_of_its_own() {
        let sent = passed_on("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let sent = sent["traceparent"].to_str().expect("text");
        assert!(sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-01"), "{sent}");
        assert!(!sent.contains("b7ad6b7169203331"), "{sent}");
    }

    #[test]
    fn a_broken_trace_context_is_passed_over() {
        for broken in ["", "00-x-y-z", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            let sent = passed_on(broken);
            let sent = sent["traceparent"].to_str().expect("text");
            assert!(sent.len() == 55 && !sent.contains(TRACE), "{broken}: {sent}");
        }
    }

    #[test]
    fn without_a_subscriber_nothing_is_sent() {
        let mut sent = HeaderMap::new();
        tracing::info_span!(target: super::super::SPANS, "request").in_scope(|| pass_on(&mut sent));
        assert!(sent.is_empty());
    }
}
