//! What clients ask for: connections and requests.

use std::borrow::Cow;
use std::fmt::{Error, Write};
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::durations::Durations;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// gRPC.
    Grpc,
}

impl Protocol {
    /// As it is called in metrics and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Grpc => "grpc",
        }
    }
}

impl EncodeLabelValue for Protocol {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), Error> {
        encoder.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProtocol {
    protocol: Protocol,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMethod {
    protocol: Protocol,
    method: Cow<'static, str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCode {
    protocol: Protocol,
    method: Cow<'static, str>,
    code: Cow<'static, str>,
}

/// Counters and histograms of one server.
#[derive(Debug)]
pub struct RequestMetrics {
    connections: Family<OfProtocol, Gauge>,
    requests: Family<OfCode, Counter>,
    durations: Family<OfMethod, Durations>,
}

/// An open connection. Dropping it counts it as closed.
#[derive(Debug)]
pub struct Connection(Gauge);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl RequestMetrics {
    pub(super) fn register(registry: &mut Registry) -> RequestMetrics {
        let metrics = RequestMetrics {
            connections: Family::default(),
            requests: Family::default(),
            durations: Family::default(),
        };
        for protocol in [Protocol::Http, Protocol::Grpc] {
            // There from the beginning, at 0.
            drop(metrics.connections.get_or_create_owned(&OfProtocol { protocol }));
        }
        registry.register(
            "proglog_connections",
            "Connections that are open",
            metrics.connections.clone(),
        );
        registry.register("proglog_requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "proglog_request_duration_seconds",
            "From a request's header until its answer begins",
            metrics.durations.clone(),
        );
        metrics
    }

    /// Counts a connection until the answer is dropped.
    #[must_use]
    pub fn connected(&self, protocol: Protocol) -> Connection {
        let gauge = self.connections.get_or_create_owned(&OfProtocol { protocol });
        gauge.inc();
        Connection(gauge)
    }

    /// Counts a request once it is known what became of it. `method` must be one of a bounded number.
    pub fn answered(
        &self,
        protocol: Protocol,
        method: impl Into<Cow<'static, str>>,
        code: impl Into<Cow<'static, str>>,
    ) {
        let labels = OfCode { protocol, method: method.into(), code: code.into() };
        self.requests.get_or_create_owned(&labels).inc();
    }

    /// The requests of one method, for who counts them again and again. Most are answered with the code
    /// `usual`.
    #[must_use]
    pub fn of(
        &self,
        protocol: Protocol,
        method: &'static str,
        usual: &'static str,
    ) -> MethodMetrics {
        let (requests, durations) = (self.requests.clone(), self.durations.clone());
        let (taken, answered) = (OnceLock::new(), OnceLock::new());
        MethodMetrics { protocol, method, usual, requests, durations, taken, answered }
    }

    /// Notes how long it took until the answer began.
    pub fn took(
        &self,
        protocol: Protocol,
        method: impl Into<Cow<'static, str>>,
        duration: Duration,
    ) {
        let labels = OfMethod { protocol, method: method.into() };
        self.durations.get_or_create_owned(&labels).observe(duration);
    }
}

/// Counts the requests of one method without looking up its labels at each of them.
#[derive(Debug)]
pub struct MethodMetrics {
    protocol: Protocol,
    method: &'static str,
    usual: &'static str,
    requests: Family<OfCode, Counter>,
    durations: Family<OfMethod, Durations>,
    /// Looked up at the first request, so that none is shown of methods that nobody has called.
    taken: OnceLock<Durations>,
    answered: OnceLock<Counter>,
}

impl MethodMetrics {
    /// The method's name.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// As [`RequestMetrics::answered`].
    pub fn answered(&self, code: &'static str) {
        if code == self.usual {
            self.answered.get_or_init(|| self.counter(code)).inc();
        } else {
            self.counter(code).inc();
        }
    }

    /// As [`RequestMetrics::took`].
    pub fn took(&self, duration: Duration) {
        let labels = || OfMethod { protocol: self.protocol, method: self.method.into() };
        self.taken.get_or_init(|| self.durations.get_or_create_owned(&labels())).observe(duration);
    }

    fn counter(&self, code: &'static str) -> Counter {
        let labels =
            OfCode { protocol: self.protocol, method: self.method.into(), code: code.into() };
        self.requests.get_or_create_owned(&labels)
    }
}
