//! A server that listens while its log is still being recovered.

use std::sync::Arc;

use proglog::log::{Log, LogConfig};
use proglog::service::{
    CommitLog, LocalLog, LocalLogConfig, Offset, ProgressNote, RecoveryProgress, StartingLog,
    observer,
};
use proglog::telemetry::Metrics;

use crate::support::{Server, defaults, produce_body};

const ASKED: [(&str, &str); 6] = [
    ("GET", "/v1/log"),
    ("GET", "/v1/records?offset=7"),
    ("GET", "/v1/records/7"),
    ("POST", "/v1/records"),
    ("POST", "/v1/log/truncate"),
    ("GET", "/readyz"),
];

#[test]
fn everything_that_asks_the_log_is_told_to_come_back_and_how_far_it_is() {
    let progress = ProgressNote::default();
    let told = observer(&Arc::new(Metrics::new()), progress.clone());
    let log = StartingLog::<LocalLog>::new(&LogConfig::default(), progress);
    let server = Server::over(log, defaults());
    told.recovering(&RecoveryProgress {
        n_examined: 4,
        n_segments: 5,
        position: 1 << 20,
        store_bytes: 1 << 30,
    });
    for (method, path) in ASKED.into_iter().chain([("GET", "/startupz")]) {
        let problem = server.send(method, path, "").problem(503, "starting");
        assert_eq!(problem["segments_done"], 4, "{method} {path}");
        assert_eq!(problem["segments"], 5, "{method} {path}");
        assert_eq!(problem["position"], 1 << 20, "{method} {path}");
        assert_eq!(problem["store_bytes"], 1 << 30, "{method} {path}");
    }
    server.send("POST", "/", produce_body("QQ==")).problem(503, "starting");
    let refused = server.consume(7);
    refused.problem(503, "starting");
    assert_eq!(refused.header("retry-after"), Some("1"));
    for path in ["/livez", "/metrics", "/openapi.json"] {
        assert_eq!(server.send("GET", path, "").status, 200, "{path}");
    }
    server.stop();
}

#[test]
fn once_the_log_is_open_it_is_asked_on_the_same_connection() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = LogConfig::default();
    let log = Arc::new(StartingLog::<LocalLog>::new(&config, ProgressNote::default()));
    let server = Server::over_shared(Arc::clone(&log), defaults());
    let mut client = server.connect();
    client.send("GET", "/startupz", "").problem(503, "starting");
    let opened = Log::open(dir.path(), config).expect("a log");
    let opened = LocalLog::start(opened, &LocalLogConfig::default()).expect("a storage thread");
    assert!(log.open(opened).is_ok(), "it is the first");
    assert_eq!(client.send("GET", "/startupz", "").status, 200);
    let answer = client.send("POST", "/", produce_body("QQ=="));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(log.info().next, Offset(1));
    drop(client);
    server.stop();
}
