//! `/v1/log`: what the log says of itself, and giving up old records.

use proglog::log::{LogConfig, SyncPolicy};

use crate::support::{JSON, Server, defaults};

fn truncate(server: &Server, content_type: &str, body: &str) -> crate::support::Answer {
    server.send_with("POST", "/v1/log/truncate", &[("Content-Type", content_type)], body)
}

#[test]
fn a_log_tells_what_it_holds_and_takes() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = LogConfig { sync: SyncPolicy::Never, ..LogConfig::default() };
    let server = Server::with_limits(dir.path(), log, defaults());
    let empty = server.send("GET", "/v1/log", "").json();
    assert_eq!((&empty["next_offset"], &empty["first_time"]), (&0.into(), &().into()));
    assert_eq!(empty["checksums"], serde_json::Value::Null);
    server.append_lines("{\"text\":\"a\",\"timestamp\":0}\n{\"text\":\"b\",\"timestamp\":1}");
    let about = server.send("GET", "/v1/log", "").json();
    assert!(about["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{about}");
    for (name, expected) in [
        ("lowest_offset", "0"),
        ("next_offset", "2"),
        ("committed_offset", "2"),
        ("first_time", "\"1970-01-01T00:00:00.000000Z\""),
        ("last_time", "\"1970-01-01T00:00:00.000001Z\""),
        ("segments", "1"),
        ("durability", "\"os\""),
        ("checksums", "\"all\""),
        ("damaged", "0"),
        ("role", "\"standalone\""),
        ("max_record_bytes", "4194304"),
        ("refusal", "null"),
    ] {
        assert_eq!(about[name].to_string(), expected, "{name}");
    }
    server.send("GET", "/v1/log?x", "").problem(400, "unknown_parameter");
    server.stop();
}

#[test]
fn segments_below_an_offset_are_given_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = LogConfig { segment_bytes: 1024, ..LogConfig::default() };
    let server = Server::with_limits(dir.path(), log, defaults());
    for _ in 0..20 {
        server.append_lines(format!("{{\"text\":\"{}\"}}", "x".repeat(500)));
    }
    let answer = truncate(&server, JSON, "{\"before\":10}");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lowest = answer.json()["lowest_offset"].as_u64().expect("an offset");
    assert!((1..=10).contains(&lowest), "{lowest}");
    assert_eq!(server.send("GET", "/v1/log", "").json()["lowest_offset"], lowest);
    server.send("GET", "/v1/records/0", "").problem(410, "offset_out_of_range");
    assert_eq!(truncate(&server, JSON, "{\"before\":0}").json()["lowest_offset"], lowest);
    truncate(&server, JSON, "{\"before\":21}").problem(416, "offset_out_of_range");
    server.stop();
}

#[test]
fn records_are_given_up_only_by_who_says_so_plainly() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    for body in
        ["", "{}", "{\"before\":-1}", "{\"before\":\"1\"}", "{\"before\":0,\"force\":true}", "[0]x"]
    {
        truncate(&server, JSON, body).problem(400, "malformed_body");
    }
    for content_type in ["application/x-www-form-urlencoded", "text/plain"] {
        truncate(&server, content_type, "{\"before\":0}").problem(415, "unsupported_media_type");
    }
    server.send("GET", "/v1/log/truncate", "").problem(405, "method_not_allowed");
    server.stop();
}
