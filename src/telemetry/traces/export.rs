//! Sends spans to a collector over OTLP (gRPC), as the variables `OTEL_*` say, which OpenTelemetry's
//! own libraries read.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::SPANS;

/// How long the spans that aren't sent yet may hold up the end of the process.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// Why spans can't be exported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TracesError {
    /// No thread for it.
    #[error("can't start a thread that sends traces: {0}")]
    Runtime(#[from] io::Error),
    /// A variable says something that isn't understood.
    #[error("can't send traces: {0}; see the variables OTEL_EXPORTER_OTLP_*")]
    Exporter(#[from] ExporterBuildError),
}

/// An exporter with threads of its own.
pub struct Traces {
    provider: SdkTracerProvider,
    runtime: Runtime,
}

impl Traces {
    /// Starts to export, to where the environment says. `service` is the name of the process there,
    /// unless the environment has another. Nothing is sent yet, so it doesn't matter whether anybody
    /// listens.
    ///
    /// # Errors
    /// The environment makes no sense, or there is no thread.
    pub fn start(resource: TracesResource<'_>) -> Result<Traces, TracesError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let exporter = {
            let _within = runtime.enter();
            SpanExporter::builder().with_tonic().build()?
        };
        let builder = Resource::builder();
        let resource = match resource {
            TracesResource::Named(service) => builder.with_service_name(service.to_owned()),
            TracesResource::FromEnvironment => builder,
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Traces { provider, runtime })
    }

    /// Takes the spans of this crate, and nothing else: what the exporter itself does would never end.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("proglog"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE))
    }

    /// Sends what is left, within a deadline. Blocks; not for a thread of a runtime.
    pub fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_DEADLINE) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
        self.runtime.shutdown_background();
    }
}

impl Debug for Traces {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Traces")
    }
}

/// What the process is called in traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TracesResource<'a> {
    /// So.
    Named(&'a str),
    /// As `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say.
    FromEnvironment,
}
