//! `POST /v1/records`: batches in every form, all of each or nothing.

use proglog::log::{LogConfig, LogError};
use proglog::service::{Offset, ServiceError};
use serde_json::json;

use crate::support::{Answer, BYTES, Fake, JSON, NDJSON, Server, defaults, request};

fn started() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    (dir, server)
}

fn post(server: &Server, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
    server.send_with("POST", "/v1/records", &[("Content-Type", content_type)], body)
}

/// All records as they are served, without their times.
fn records(server: &Server) -> Vec<serde_json::Value> {
    let page = server.send_with("GET", "/v1/records", &[("Accept", JSON)], "").json();
    let mut records = page["records"].as_array().expect("a list").clone();
    for record in &mut records {
        record.as_object_mut().expect("a record").remove("timestamp").expect("a time");
    }
    records
}

#[test]
fn any_body_that_is_not_json_is_one_record_as_it_is() {
    let (_dir, server) = started();
    let form = post(&server, "application/x-www-form-urlencoded", "a=b\n");
    assert_eq!((form.status, form.header("content-type")), (201, Some(JSON)));
    assert_eq!(form.text(), "{\"first_offset\":0,\"last_offset\":0,\"durability\":\"fsync\"}\n");
    assert_eq!(post(&server, BYTES, b"\xFF\0").status, 201);
    assert_eq!(server.send("POST", "/v1/records", "").status, 201, "a record of nothing");
    let labels = [
        ("X-Proglog-Key", "k"),
        ("X-Proglog-Header-Trace-Id", "7"),
        ("X-Proglog-Header-trace-id", ""),
    ];
    assert_eq!(server.send_with("POST", "/v1/records", &labels, "labelled").status, 201);
    let headers = json!([{"name": "trace-id", "text": "7"}, {"name": "trace-id", "text": ""}]);
    let expected = [
        json!({"offset": 0, "text": "a=b\n"}),
        json!({"offset": 1, "value": "/wA="}),
        json!({"offset": 2, "text": ""}),
        json!({"offset": 3, "key": "k", "headers": headers, "text": "labelled"}),
    ];
    assert_eq!(records(&server), expected);
    server.stop();
}

#[test]
fn a_batch_in_json_gets_offsets_in_a_row() {
    let (_dir, server) = started();
    let answer = post(&server, NDJSON, "{\"text\":\"a\",\"offset\":9}\n{\"value\":\"/w==\"}");
    assert_eq!((answer.json()["first_offset"].as_u64(), answer.status), (Some(0), 201));
    assert_eq!(answer.json()["last_offset"], 1);
    let document =
        r#"{"records":[{"text":"b","key":{"value":"/w=="}},{"text":"c","headers":{"h":"1"}}]}"#;
    let answer = post(&server, "application/json; charset=utf-8", document);
    assert_eq!(
        (&answer.json()["first_offset"], &answer.json()["last_offset"]),
        (&2.into(), &3.into())
    );
    let expected = [
        json!({"offset": 0, "text": "a"}),
        json!({"offset": 1, "value": "/w=="}),
        json!({"offset": 2, "key": {"value": "/w=="}, "text": "b"}),
        json!({"offset": 3, "headers": [{"name": "h", "text": "1"}], "text": "c"}),
    ];
    assert_eq!(records(&server), expected);
    server.stop();
}

#[test]
fn a_bad_record_keeps_its_whole_batch_out_and_is_named() {
    let (_dir, server) = started();
    for (content_type, body, said) in [
        (NDJSON, "{\"text\":\"a\"}\n{\"txt\":\"b\"}\n", "line 2: unknown field `txt`"),
        (NDJSON, "{\"text\":\"a\"}\n{\"text\":\"b", "line 2: malformed JSON"),
        (NDJSON, "{\"text\":\"a\"}\n\n", "line 2: the line is empty"),
        (JSON, "{\"records\":[{\"text\":\"a\"},{}]}", "record 2: has neither"),
        (JSON, "[]", "invalid"),
        (JSON, "", "it is empty"),
    ] {
        let problem = post(&server, content_type, body).problem(400, "malformed_body");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(said), "{body}: {detail}");
    }
    post(&server, NDJSON, "").problem(400, "empty_batch");
    post(&server, JSON, "{\"records\":[]}").problem(400, "empty_batch");
    assert_eq!(server.send("GET", "/v1/log", "").json()["next_offset"], 0);
    server.stop();
}

#[test]
fn a_type_that_cannot_be_understood_is_refused_with_what_can() {
    let (_dir, server) = started();
    for content_type in
        ["json", "application/json; charset=latin1", "application/x-ndjson;charset=utf-16"]
    {
        let problem = post(&server, content_type, "{}").problem(415, "unsupported_media_type");
        assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains(NDJSON)), "{problem}");
    }
    let gzip = [("Content-Encoding", "gzip")];
    server.send_with("POST", "/v1/records", &gzip, "x").problem(415, "unsupported_media_type");
    server.stop();
}

#[test]
fn what_the_request_says_beside_its_body_is_read_strictly() {
    let (_dir, server) = started();
    for (query, code) in [
        ("expected=0", "unknown_parameter"),
        ("expect_offset=", "bad_parameter"),
        ("expect_offset=-1", "bad_parameter"),
        ("expect_offset=0&expect_offset=0", "bad_parameter"),
    ] {
        let problem = server.send("POST", &format!("/v1/records?{query}"), "x").problem(400, code);
        let name = query.split('=').next().expect("a name");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.contains(name)),
            "{problem}"
        );
    }
    let misspelt = [("X-Proglog-Keys", "k")];
    server.send_with("POST", "/v1/records", &misspelt, "x").problem(400, "bad_header");
    let beside_json = [("X-Proglog-Key", "k"), ("Content-Type", NDJSON)];
    let line = "{\"text\":\"a\"}";
    server.send_with("POST", "/v1/records", &beside_json, line).problem(400, "bad_header");
    assert_eq!(server.send("GET", "/v1/log", "").json()["next_offset"], 0);
    server.stop();
}

#[test]
fn an_expected_offset_makes_a_retry_safe() {
    let (_dir, server) = started();
    let path = "/v1/records?expect_offset=0";
    assert_eq!(server.send("POST", path, "once").status, 201);
    let problem = server.send("POST", path, "once").problem(412, "offset_mismatch");
    assert_eq!((&problem["expected"], &problem["next"]), (&0.into(), &1.into()));
    assert_eq!(server.send("POST", "/v1/records?expect_offset=1", "twice").status, 201);
    server.stop();
}

#[test]
fn what_is_too_large_is_refused_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = LogConfig { max_record_bytes: 1000, ..LogConfig::default() };
    let server = Server::with_limits(dir.path(), log, defaults());
    let long = "x".repeat(1001);
    let problem = post(&server, "text/plain", &long).problem(413, "record_too_large");
    assert_eq!((&problem["bytes"], &problem["max"]), (&1001.into(), &1000.into()));
    let lines = format!("{{\"text\":\"a\"}}\n{{\"text\":\"{long}\"}}\n");
    post(&server, NDJSON, lines).problem(413, "record_too_large");
    let many = "{\"text\":\"\"}\n".repeat(100_001);
    post(&server, NDJSON, many).problem(413, "batch_too_large");
    let body = vec![b'x'; defaults().max_body_bytes as usize + 1];
    post(&server, BYTES, body).problem(413, "body_too_large");
    assert_eq!(post(&server, "text/plain", &long[..1000]).json()["first_offset"], 0);
    server.stop();
}

#[test]
fn a_time_far_in_the_future_is_refused_with_its_batch() {
    let (_dir, server) = started();
    let lines = "{\"text\":\"a\"}\n{\"text\":\"b\",\"timestamp\":\"2999-01-01T00:00:00Z\"}\n";
    let problem = post(&server, NDJSON, lines).problem(400, "timestamp_ahead");
    assert_eq!(problem["timestamp_us"], 32_472_144_000_000_000_u64);
    let document = r#"{"records":[{"text":"a","timestamp":"2999-01-01T00:00:00Z"}]}"#;
    post(&server, JSON, document).problem(400, "timestamp_ahead");
    let long_ago = "{\"text\":\"a\",\"timestamp\":\"1999-01-01T00:00:00Z\"}\n";
    assert_eq!(post(&server, NDJSON, long_ago).json()["first_offset"], 0);
    server.stop();
}

#[test]
fn a_body_cut_short_appends_nothing() {
    let (_dir, server) = started();
    for body in ["{\"text\":\"a\"}\n{\"te", "raw"] {
        let whole = request("POST", "/v1/records", format!("{body} and the rest").as_bytes());
        let mut client = server.connect();
        client.write(&whole[..whole.len() - " and the rest".len()]);
        client.close_write();
        client.until_closed();
    }
    assert_eq!(server.send("GET", "/v1/log", "").json()["next_offset"], 0);
    server.stop();
}

#[test]
fn a_log_that_takes_nothing_says_why_and_when_to_come_back() {
    let full = || {
        let source = std::sync::Arc::new(std::io::Error::from(std::io::ErrorKind::StorageFull));
        LogError::DiskFull { action: "write to", path: "0.store".into(), source }
    };
    for (error, status, code, retry_after) in [
        (ServiceError::Busy { waiting_bytes: 5 }, 503, "busy", Some("1")),
        (ServiceError::Closed, 503, "closed", Some("10")),
        (full().into(), 507, "disk_full", None),
        (
            ServiceError::DiskNearlyFull { used_percent: 97, low_percent: 90 },
            507,
            "disk_nearly_full",
            Some("5"),
        ),
        (LogError::Failed { cause: Box::new(LogError::Closed) }.into(), 503, "failed", None),
        (
            ServiceError::OffsetMismatch { expected: Offset(1), next: Offset(2) },
            412,
            "offset_mismatch",
            None,
        ),
    ] {
        let server = Server::over(Fake::answering(Err(error)), defaults());
        let answer = server.send("POST", "/v1/records", "x");
        answer.problem(status, code);
        assert_eq!(answer.header("retry-after"), retry_after, "{code}");
        server.stop();
    }
}
