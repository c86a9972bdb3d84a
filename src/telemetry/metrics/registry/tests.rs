//! What is rendered.

use std::time::Duration;

use super::*;
use crate::telemetry::{Appends, Protocol};

fn rendered(metrics: &Metrics) -> String {
    metrics.render(ExpositionFormat::Classic)
}

/// Whether a line of the text is this one.
fn has(metrics: &Metrics, line: &str) -> bool {
    rendered(metrics).lines().any(|there| there == line)
}

#[test]
fn two_instances_count_for_themselves() {
    let (one, other) = (Metrics::new(), Metrics::new());
    let mut appends = Appends::default();
    appends.note(3, 30, 0);
    one.log.appended(&appends);
    assert!(has(&one, "proglog_append_records_total 3"));
    assert!(has(&one, "proglog_append_bytes_total 30"));
    assert!(has(&other, "proglog_append_records_total 0"));
}

#[test]
fn a_connection_counts_until_it_is_dropped() {
    let metrics = Metrics::new();
    assert!(has(&metrics, "proglog_connections{protocol=\"http\"} 0"));
    let connection = metrics.requests.connected(Protocol::Http);
    assert!(has(&metrics, "proglog_connections{protocol=\"http\"} 1"));
    assert!(has(&metrics, "proglog_connections{protocol=\"grpc\"} 0"));
    drop(connection);
    assert!(has(&metrics, "proglog_connections{protocol=\"http\"} 0"));
}

#[test]
fn requests_are_told_apart_by_their_labels() {
    let metrics = Metrics::new();
    metrics.requests.answered(Protocol::Http, "GET /v1/log", "200");
    metrics.requests.answered(Protocol::Http, "GET /v1/log", "200");
    metrics.requests.answered(Protocol::Grpc, "unknown", "UNIMPLEMENTED");
    metrics.requests.took(Protocol::Http, "GET /v1/log", Duration::from_millis(2));
    for line in [
        "proglog_requests_total{protocol=\"http\",method=\"GET /v1/log\",code=\"200\"} 2",
        "proglog_requests_total{protocol=\"grpc\",method=\"unknown\",code=\"UNIMPLEMENTED\"} 1",
        "proglog_request_duration_seconds_bucket{le=\"0.001\",protocol=\"http\",method=\"GET /v1/log\"} 0",
        "proglog_request_duration_seconds_bucket{le=\"0.0025\",protocol=\"http\",method=\"GET /v1/log\"} 1",
    ] {
        assert!(has(&metrics, line), "{line}\n{}", rendered(&metrics));
    }
}

#[test]
fn what_others_know_is_asked_for_at_each_scrape() {
    let metrics = Metrics::new();
    assert!(!rendered(&metrics).contains("proglog_tls_cert_expiry_seconds"));
    let n_asked = std::sync::atomic::AtomicU64::new(0);
    metrics.watch_denials(
        move || n_asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1,
        || 7,
    );
    metrics.watch_certificate(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 31)));
    metrics.watch_log(|| Some(LogFigures { next_offset: 5, ..LogFigures::default() }));
    assert!(has(&metrics, "proglog_denied_total 1.0"), "{}", rendered(&metrics));
    assert!(has(&metrics, "proglog_denied_total 2.0"), "{}", rendered(&metrics));
    for line in [
        "proglog_unauthenticated_total 7.0",
        "proglog_tls_cert_expiry_seconds 2147483648.0",
        "proglog_next_offset 5.0",
    ] {
        assert!(has(&metrics, line), "{line}");
    }
}

#[test]
fn a_log_that_is_gone_shows_nothing() {
    let metrics = Metrics::new();
    metrics.watch_log(|| None);
    assert!(!rendered(&metrics).contains("proglog_next_offset"));
}

#[test]
fn the_disk_and_the_process_are_looked_at() {
    let metrics = Metrics::new();
    metrics.watch_disk(|| {
        Some(DiskFigures { free_bytes: 1, size_bytes: 4, used_ratio: 0.7, high_ratio: Some(0.95) })
    });
    let value = |name: &str| {
        let text = rendered(&metrics);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse::<f64>().expect("a number")
    };
    assert_eq!((value("proglog_disk_free_bytes"), value("proglog_disk_size_bytes")), (1.0, 4.0));
    assert_eq!(value("proglog_disk_used_ratio"), 0.7);
    assert_eq!(value("proglog_disk_high_ratio"), 0.95);
    assert!(value("process_resident_memory_bytes") > 1e5);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") >= value("process_open_fds"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time");
    let age = now.as_secs_f64() - value("process_start_time_seconds");
    assert!((-2.0..86_400.0).contains(&age), "{age}");
    assert!(value("process_cpu_seconds_total") >= 0.0);
}

#[test]
fn open_metrics_ends_as_it_has_to() {
    let text = Metrics::new().render(ExpositionFormat::OpenMetrics);
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(text.contains("# TYPE proglog_append_records counter\n"), "{text}");
}
