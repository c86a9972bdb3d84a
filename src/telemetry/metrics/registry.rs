//! All metrics of one server: those that are counted as things happen, and those that are looked up
//! when somebody scrapes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::disk::{DiskFigures, DiskSource};
use super::exposition::{ExpositionFormat, to_classic};
use super::log::LogMetrics;
use super::process::Process;
use super::requests::RequestMetrics;
use super::sources::{Certificate, Denials, LogFigures, LogSource};

/// The metrics of one server. Share it in an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    /// What the log does.
    pub log: LogMetrics,
    /// What clients ask for.
    pub requests: RequestMetrics,
    /// A plain mutex: nothing awaits under it.
    registry: Mutex<Registry>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// Fresh ones, all at zero.
    #[must_use]
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let log = LogMetrics::register(&mut registry);
        let requests = RequestMetrics::register(&mut registry);
        register_build(&mut registry);
        registry.register_collector(Box::new(Process));
        Metrics { log, requests, registry: Mutex::new(registry) }
    }

    /// All of them as text, in the format that was asked for. Looks up what isn't counted, which may
    /// have to wait for the file system.
    #[must_use]
    pub fn render(&self, format: ExpositionFormat) -> String {
        let mut rendered = String::new();
        // Writing to a string doesn't fail, and a collector has nothing else that could.
        let _ = text::encode(&mut rendered, &self.registry());
        match format {
            ExpositionFormat::OpenMetrics => rendered,
            ExpositionFormat::Classic => to_classic(&rendered),
        }
    }

    /// Shows what a log holds, as long as there is an answer. Once for a server, as of the others below.
    pub fn watch_log(&self, figures: impl Fn() -> Option<LogFigures> + Send + Sync + 'static) {
        self.collect(LogSource(Box::new(figures)));
    }

    /// Shows how full a file system is, as long as there is an answer.
    pub fn watch_disk(&self, figures: impl Fn() -> Option<DiskFigures> + Send + Sync + 'static) {
        self.collect(DiskSource(Box::new(figures)));
    }

    /// Shows how many requests were refused: for what their sender may not do, and for want of valid
    /// credentials.
    pub fn watch_denials(
        &self,
        denied: impl Fn() -> u64 + Send + Sync + 'static,
        unauthenticated: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let (denied, unauthenticated) = (Box::new(denied), Box::new(unauthenticated));
        self.collect(Denials { denied, unauthenticated });
    }

    /// Shows when the certificate that is in force expires.
    pub fn watch_certificate(
        &self,
        expires: impl Fn() -> Option<SystemTime> + Send + Sync + 'static,
    ) {
        self.collect(Certificate(Box::new(expires)));
    }

    fn collect(&self, collector: impl Collector) {
        self.registry().register_collector(Box::new(collector));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The revision is there if `PROGLOG_REVISION` was set in the build.
fn register_build(registry: &mut Registry) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    let revision = option_env!("PROGLOG_REVISION").map(|revision| ("revision", revision));
    let labels: Vec<_> = version.into_iter().chain(revision).collect();
    let build = Family::<Vec<(&'static str, &'static str)>, Gauge>::default();
    build.get_or_create_owned(&labels).set(1);
    registry.register("proglog_build_info", "What is running; always 1", build);
}

#[cfg(test)]
mod tests;
