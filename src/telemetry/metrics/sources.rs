//! Figures that somebody else has: asked for when somebody scrapes.

use std::fmt::{self, Debug, Formatter};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

pub(super) type Source<T> = Box<dyn Fn() -> T + Send + Sync>;

/// What a log holds at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFigures {
    /// The first offset still kept.
    pub lowest_offset: u64,
    /// The offset the next append will get.
    pub next_offset: u64,
    /// How many segments there are.
    pub n_segments: u64,
    /// Bytes of all frames.
    pub store_bytes: u64,
    /// Whether appends are taken.
    pub is_writable: bool,
}

pub(super) struct LogSource(pub(super) Source<Option<LogFigures>>);

impl Collector for LogSource {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(figures) = (self.0)() else { return Ok(()) };
        let mut put = |name, help, value| gauge(&mut encoder, name, help, value as f64);
        put("proglog_lowest_offset", "The first offset still kept", figures.lowest_offset)?;
        put("proglog_next_offset", "The offset the next append will get", figures.next_offset)?;
        put("proglog_segments", "Segments of the log", figures.n_segments)?;
        put("proglog_store_bytes", "Bytes of frames in the stores", figures.store_bytes)?;
        put(
            "proglog_writable",
            "Whether appends are taken: 1, or 0 after damage, a failure or with a full disk",
            u64::from(figures.is_writable),
        )
    }
}

pub(super) struct Denials {
    pub(super) denied: Source<u64>,
    pub(super) unauthenticated: Source<u64>,
}

impl Collector for Denials {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        counter(
            &mut encoder,
            "proglog_denied",
            "Requests refused since their sender may not do that",
            (self.denied)() as f64,
        )?;
        counter(
            &mut encoder,
            "proglog_unauthenticated",
            "Requests refused for want of valid credentials",
            (self.unauthenticated)() as f64,
        )
    }
}

pub(super) struct Certificate(pub(super) Source<Option<SystemTime>>);

impl Collector for Certificate {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(expires) = (self.0)() else { return Ok(()) };
        let since_epoch = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge(
            &mut encoder,
            "proglog_tls_cert_expiry_seconds",
            "When the server's certificate expires, in seconds since 1970",
            since_epoch.as_secs_f64(),
        )
    }
}

/// Writes one gauge.
pub(super) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> fmt::Result {
    // Registered metrics get their full stop from the registry.
    let help = format!("{help}.");
    let encoder = encoder.encode_descriptor(name, &help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(encoder)
}

/// Writes one counter; `_total` is put behind its name.
pub(super) fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> fmt::Result {
    let help = format!("{help}.");
    let encoder = encoder.encode_descriptor(name, &help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(encoder)
}

macro_rules! debug_by_name {
    ($($source:ident),*) => {$(
        impl Debug for $source {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($source))
            }
        }
    )*};
}

debug_by_name!(LogSource, Denials, Certificate);
