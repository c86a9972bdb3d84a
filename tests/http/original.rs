//! `/`: appending and reading one record.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use proglog::log::LogConfig;
use proglog::service::{Offset, ServiceError};

use crate::support::{Fake, Server, defaults, produce_body};

#[test]
fn an_offset_past_the_end_is_answered_with_the_range() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    server.produce("QQ==");
    let problem = server.consume(7).problem(404, "offset_out_of_range");
    assert_eq!((&problem["lowest"], &problem["next"]), (&0.into(), &1.into()));
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["title"], "Not Found");
    server.stop();
}

#[test]
fn a_malformed_body_is_told_what_is_expected() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    let cases = [
        ("POST", "", "it is empty"),
        ("POST", "hello", "line 1 column 1"),
        ("POST", "{\"record\":{\"value\":\"!\"}}", "not base64"),
        ("POST", "{\"record\":[]}", "expected a record as an object"),
        ("GET", "", "it is empty"),
        ("GET", "{\"offset\":1.0}", "expected u64"),
    ];
    for (method, body, reason) in cases {
        let problem = server.send(method, "/", body).problem(400, "malformed_body");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(reason), "{method} {body}: {detail}");
        assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains("{\"")), "{problem}");
    }
    assert_eq!(server.consume(0).status, 404, "nothing was appended");
    server.stop();
}

#[test]
fn one_connection_carries_many_requests() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    let mut client = server.connect();
    for offset in 0..10 {
        let answer = client.send("POST", "/", produce_body("QQ=="));
        assert_eq!(answer.text(), format!("{{\"offset\":{offset}}}\n"));
        assert_eq!(client.send("POST", "/", "not JSON").status, 400);
        assert_eq!(client.send("DELETE", "/", "").status, 405);
    }
    server.stop();
}

#[test]
fn concurrent_appends_get_distinct_dense_offsets() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Arc::new(Server::of_dir(dir.path()));
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || server.produce("QQ=="))
        })
        .collect();
    let offsets: BTreeSet<u64> =
        clients.into_iter().map(|client| client.join().expect("appends")).collect();
    assert_eq!(offsets, (0..64).collect());
    Arc::into_inner(server).expect("the clients are done").stop();
}

#[test]
fn a_restarted_server_has_the_same_records() {
    let dir = tempfile::tempdir().expect("a directory");
    let values = ["QQ==", "", "AP8B"];
    let server = Server::of_dir(dir.path());
    for value in values {
        server.produce(value);
    }
    server.stop();
    let server = Server::of_dir(dir.path());
    for (offset, value) in (0..).zip(values) {
        let answer = server.consume(offset);
        let expected = format!("{{\"record\":{{\"value\":\"{value}\",\"offset\":{offset}}}}}\n");
        assert_eq!(answer.text(), expected);
    }
    assert_eq!(server.produce("QQ=="), 3);
    server.stop();
}

#[test]
fn a_record_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = LogConfig { max_record_bytes: 3000, ..LogConfig::default() };
    let server = Server::with_limits(dir.path(), log, defaults());
    assert_eq!(server.produce(&"AAAA".repeat(1000)), 0);
    let answer = server.send("POST", "/", produce_body(&"AAAA".repeat(1001)));
    answer.problem(413, "record_too_large");
    server.stop();
}

/// A log in which everything that could go wrong does.
fn broken() -> Fake {
    let read = |offset| match offset {
        Offset(0) => Err(ServiceError::Lost { offset }),
        _ => panic!("on purpose"),
    };
    Fake { read, ..Fake::answering(Err(ServiceError::Busy { waiting_bytes: 5 })) }
}

#[test]
fn a_panic_costs_its_request_and_not_the_connection_or_the_server() {
    let server = Server::over(broken(), defaults());
    let mut client = server.connect();
    client.send("GET", "/", "{\"offset\":1}").problem(500, "internal");
    assert_eq!(client.send("GET", "/livez", "").status, 200);
    server.stop();
}

#[test]
fn a_busy_log_says_when_to_come_back() {
    let server = Server::over(broken(), defaults());
    let answer = server.send("POST", "/", produce_body("QQ=="));
    answer.problem(503, "busy");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.stop();
}

#[test]
fn a_record_given_up_by_a_repair_is_gone() {
    let server = Server::over(broken(), defaults());
    server.consume(0).problem(410, "lost");
    server.stop();
}
