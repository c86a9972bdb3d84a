//! What a running server shows is what the documentation, the alerts and the dashboard speak of.

mod collector;
mod lines;
mod names;
#[path = "../serving/mod.rs"]
mod serving;
mod support;
mod traces;

use std::collections::BTreeSet;

use names::{mentioned_in, shown_in};
use support::{Server, scrape};

const ALERTS: &str = include_str!("../../docs/prometheus-alerts.yml");
const DASHBOARD: &str = include_str!("../../docs/grafana-dashboard.json");
const DOCUMENTATION: &str = include_str!("../../docs/metrics.md");

/// All that a server shows of which everything has been asked.
async fn all_shown() -> BTreeSet<String> {
    let server = Server::start().await;
    server.use_all().await;
    let shown = shown_in(&scrape(server.http, "*/*").await.text);
    server.stop().await;
    shown
}

#[tokio::test]
async fn the_documentation_lists_exactly_what_is_shown() {
    let listed = DOCUMENTATION.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<_> = listed.filter_map(|line| line.split('`').next()).collect();
    let names: BTreeSet<String> = listed.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names.len(), listed.len(), "one of them is listed twice");
    assert_eq!(names, all_shown().await);
}

#[tokio::test]
async fn alerts_and_dashboard_speak_of_what_is_shown() {
    let shown = all_shown().await;
    for (file, text, at_least) in [("alerts", ALERTS, 7), ("dashboard", DASHBOARD, 15)] {
        let mentioned = mentioned_in(text);
        assert!(mentioned.len() >= at_least, "{file}: {mentioned:?}");
        let unknown: Vec<_> = mentioned.difference(&shown).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_json_with_a_query_in_each_panel() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    for panel in dashboard["panels"].as_array().expect("panels") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty() && targets.iter().all(|target| target["expr"].is_string()));
    }
}

#[tokio::test]
async fn the_format_is_the_one_that_is_accepted() {
    let server = Server::start().await;
    let classic = scrape(server.http, "text/plain").await;
    assert_eq!(classic.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(classic.text.contains("# TYPE proglog_append_records_total counter\n"));
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let open = scrape(server.http, prometheus).await;
    assert_eq!(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.text.contains("# TYPE proglog_append_records counter\n"));
    assert!(open.text.ends_with("# EOF\n"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_is_counted_by_route_method_and_code() {
    let server = Server::start().await;
    server.use_all().await;
    let shown = scrape(server.http, "*/*").await.text;
    for labels in [
        "protocol=\"http\",method=\"POST /v1/records\",code=\"201\"",
        "protocol=\"http\",method=\"GET /v1/records/{offset}\",code=\"200\"",
        "protocol=\"http\",method=\"other /v1/log\",code=\"405\"",
        "protocol=\"http\",method=\"unknown\",code=\"404\"",
        "protocol=\"grpc\",method=\"log.v1.Log/Produce\",code=\"OK\"",
        "protocol=\"grpc\",method=\"log.v1.Log/Consume\",code=\"OUT_OF_RANGE\"",
        "protocol=\"grpc\",method=\"log.v1.Log/ConsumeStream\",code=\"CANCELLED\"",
    ] {
        let line = format!("proglog_requests_total{{{labels}}} 1");
        assert!(shown.lines().any(|shown| shown == line), "{line} isn't in\n{shown}");
    }
    server.stop().await;
}
