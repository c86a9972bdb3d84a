//! A sample out of a server's metrics.

use std::collections::HashMap;
use std::time::Instant;

use serde::Deserialize;

use super::latency::{Bucket, Buckets};
use super::sample::{Counted, Disk, Health, Sample, ServerFigures};

/// Values by the names and labels of their series, as they are written.
#[derive(Debug)]
pub(super) struct Scraped<'a>(HashMap<&'a str, f64>);

/// What the server says of its log: all at one moment, which isn't that of the metrics.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct About {
    lowest_offset: u64,
    next_offset: u64,
    committed_offset: u64,
    segments: u64,
    bytes: u64,
    refusal: Option<Refusal>,
}

#[derive(Clone, Debug, Deserialize)]
struct Refusal {
    detail: String,
}

impl Scraped<'_> {
    /// Lines that are none of a series are passed over.
    pub(super) fn parse(text: &str) -> Scraped<'_> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = |line| {
            let (name, value) = str::rsplit_once(line, ' ')?;
            Some((name, value.parse().ok()?))
        };
        Scraped(lines.filter_map(series).collect())
    }

    pub(super) fn is_of_proglog(&self) -> bool {
        self.0.keys().any(|series| series.starts_with("proglog_build_info"))
    }

    /// `None` if these aren't a log's metrics.
    pub(super) fn sample(&self, about: Option<About>) -> Option<Sample> {
        let sample = Sample {
            at: Instant::now(),
            health: self.health(about.as_ref())?,
            lowest: self.count("proglog_lowest_offset")?,
            next: self.count("proglog_next_offset")?,
            committed: None,
            n_segments: self.count("proglog_segments")?,
            bytes: self.count("proglog_store_bytes")?,
            appended: self.counted("append")?,
            disk: self.disk(),
            server: Some(ServerFigures {
                read: self.counted("read")?,
                append_latency: self.buckets("proglog_append_duration_seconds"),
                fsync_latency: self.buckets("proglog_fsync_duration_seconds"),
                read_latency: self.buckets("proglog_read_duration_seconds"),
                http_connections: self.count("proglog_connections{protocol=\"http\"}")?,
                grpc_connections: self.count("proglog_connections{protocol=\"grpc\"}")?,
                started_s: self.value("process_start_time_seconds"),
            }),
        };
        let Some(about) = about else { return Some(sample) };
        Some(Sample {
            lowest: about.lowest_offset,
            next: about.next_offset,
            committed: Some(about.committed_offset),
            n_segments: about.segments,
            bytes: about.bytes,
            ..sample
        })
    }

    fn health(&self, about: Option<&About>) -> Option<Health> {
        let is_writable = self.value("proglog_writable")? > 0.0;
        let why = about.and_then(|about| about.refusal.as_ref()).map(|why| why.detail.clone());
        let untold = || "appends are refused; its log, and /readyz, say why".to_owned();
        Some(Health::of_server((!is_writable).then(|| why.unwrap_or_else(untold))))
    }

    fn disk(&self) -> Option<Disk> {
        Some(Disk {
            used_ratio: self.value("proglog_disk_used_ratio")?,
            free_bytes: self.count("proglog_disk_free_bytes")?,
            high_ratio: self.value("proglog_disk_high_ratio"),
        })
    }

    fn counted(&self, what: &str) -> Option<Counted> {
        Some(Counted {
            records: self.count(&format!("proglog_{what}_records_total"))?,
            bytes: self.count(&format!("proglog_{what}_bytes_total")),
        })
    }

    fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    fn count(&self, series: &str) -> Option<u64> {
        self.value(series).map(|value| value as u64)
    }

    /// Of a histogram without labels.
    fn buckets(&self, name: &str) -> Buckets {
        let bucket = |(series, count): (&&str, &f64)| {
            let label = series.strip_prefix(name)?.strip_prefix("_bucket{le=\"")?;
            let bound = label.strip_suffix("\"}")?;
            // Rust reads `+Inf`, too.
            Some(Bucket { upper_s: bound.parse().ok()?, count: *count as u64 })
        };
        Buckets::new(self.0.iter().filter_map(bucket).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{Appends, DiskFigures, ExpositionFormat, LogFigures, Metrics};

    fn metrics() -> Metrics {
        let metrics = Metrics::new();
        let figures = LogFigures { lowest_offset: 2, next_offset: 9, ..LogFigures::default() };
        metrics.watch_log(move || Some(figures));
        metrics.watch_disk(|| {
            Some(DiskFigures {
                free_bytes: 1 << 30,
                size_bytes: 4 << 30,
                used_ratio: 0.5,
                high_ratio: Some(0.9),
            })
        });
        metrics
    }

    fn sample(metrics: &Metrics, about: Option<About>) -> Sample {
        let text = metrics.render(ExpositionFormat::Classic);
        Scraped::parse(&text).sample(about).expect("a sample")
    }

    #[test]
    fn what_a_server_renders_is_understood() {
        let metrics = metrics();
        let before = sample(&metrics, None);
        assert_eq!((before.lowest, before.next, before.committed), (2, 9, None));
        assert_eq!(before.disk.expect("a disk").high_ratio, Some(0.9));
        let mut appends = Appends::default();
        appends.note(3, 30, 200_000);
        metrics.log.appended(&appends);
        metrics.log.read(1, 10, Duration::from_micros(70));
        let after = sample(&metrics, None);
        assert_eq!(after.appended, Counted { records: 3, bytes: Some(30) });
        let (before, after) = (before.server.expect("figures"), after.server.expect("figures"));
        assert_eq!(after.read, Counted { records: 1, bytes: Some(10) });
        let latency = after.append_latency.quantiles_since(&before.append_latency);
        let p50_s = latency.expect("one append").p50_s;
        assert!(p50_s > 0.000_1 && p50_s <= 0.000_25, "{p50_s}");
        assert_eq!(after.fsync_latency.quantiles_since(&before.fsync_latency), None);
    }

    #[test]
    fn why_appends_are_refused_is_told_by_those_who_may_know() {
        let text = r#"{"lowest_offset": 1, "next_offset": 10, "committed_offset": 10, "segments": 4,
            "bytes": 77, "refusal": {"detail": "it is full"}}"#;
        let about: About = serde_json::from_str(text).expect("JSON");
        let told = sample(&metrics(), Some(about));
        assert_eq!((told.health.word, told.health.is_good), ("read_only", false));
        assert_eq!(told.health.detail.as_deref(), Some("it is full"));
        assert_eq!((told.next, told.committed, told.bytes), (10, Some(10), 77));
        let untold = sample(&metrics(), None).health;
        assert!(untold.detail.is_some_and(|detail| detail.contains("/readyz")));
    }

    #[test]
    fn metrics_of_something_else_are_no_sample() {
        for text in ["", "up 1", "<html>\n</html>", "proglog_next_offset x\n"] {
            let scraped = Scraped::parse(text);
            assert!(scraped.sample(None).is_none() && !scraped.is_of_proglog(), "{text}");
        }
        let text = Metrics::new().render(ExpositionFormat::Classic);
        let without_log = Scraped::parse(&text);
        assert!(without_log.sample(None).is_none() && without_log.is_of_proglog(), "{text}");
    }
}
