//! What a client may cost: sizes, times, and how many there may be.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use proglog::log::LogConfig;
use proglog::server::ServerConfig;

use crate::support::{Fake, NDJSON, PATIENCE, Server, defaults, produce_body, request};

const SOON: Duration = Duration::from_millis(150);

fn server_with(config: ServerConfig) -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::with_limits(dir.path(), LogConfig::default(), config);
    (dir, server)
}

#[test]
fn a_header_that_never_ends_is_cut_off() {
    let (_dir, server) = server_with(ServerConfig { header_read_timeout: SOON, ..defaults() });
    let mut slow = server.connect();
    // Also behind an answer, where a connection may otherwise wait for longer.
    assert_eq!(slow.send("GET", "/livez", "").status, 200);
    slow.write("GET / HTTP/1.1\r\nHost: loc");
    let sent = String::from_utf8(slow.until_closed()).expect("text");
    assert!(!sent.contains(" 200 "), "{sent}");
    server.stop();
}

#[test]
fn a_header_that_begins_together_with_the_request_before_is_cut_off_as_soon() {
    let (_dir, server) = server_with(ServerConfig { header_read_timeout: SOON, ..defaults() });
    let mut slow = server.connect();
    slow.write("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHo");
    assert_eq!(slow.answer("GET").status, 200);
    assert!(slow.until_closed().is_empty());
    server.stop();
}

#[test]
fn a_connection_without_a_request_is_closed() {
    let (_dir, server) = server_with(ServerConfig { idle_timeout: SOON, ..defaults() });
    server.connect().until_closed();
    let mut idle = server.connect();
    assert_eq!(idle.send("GET", "/livez", "").status, 200);
    assert!(idle.until_closed().is_empty());
    server.stop();
}

#[test]
fn one_address_can_not_take_all_connections() {
    let config = ServerConfig { max_connections_per_address: 2, ..defaults() };
    let (_dir, server) = server_with(config);
    let mut kept: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for connection in &mut kept {
        assert_eq!(connection.send("GET", "/livez", "").status, 200);
    }
    assert!(server.connect().until_closed().is_empty());
    drop(kept.pop());
    // The server notices that one is gone when it gets round to it.
    let started = Instant::now();
    loop {
        let mut next = server.connect();
        let sent = next.try_write(request("GET", "/livez", b""));
        match sent.and_then(|()| next.try_answer("GET")) {
            Ok(answer) => break assert_eq!(answer.status, 200),
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
    }
    server.stop();
}

#[test]
fn a_body_that_never_ends_is_answered_and_cut_off() {
    let (_dir, server) = server_with(ServerConfig { body_read_timeout: SOON, ..defaults() });
    let mut slow = server.connect();
    slow.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"record\"");
    slow.answer("POST").problem(408, "body_too_slow");
    slow.until_closed();
    server.stop();
}

#[test]
fn a_client_that_takes_no_answer_is_dropped() {
    let (_dir, server) =
        server_with(ServerConfig { write_stall_timeout: SOON, max_connections: 1, ..defaults() });
    server.produce(&"AAAA".repeat(1 << 20));
    let mut deaf = server.connect();
    for _ in 0..8 {
        deaf.write(request("GET", "/", b"{}"));
    }
    // There is room for one connection, so this one is served when the other is gone.
    assert_eq!(server.send("GET", "/livez", "").status, 200);
    server.stop();
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let (_dir, server) = server_with(ServerConfig { max_connections: 1, ..defaults() });
    let mut first = server.connect();
    assert_eq!(first.send("GET", "/livez", "").status, 200);
    let mut second = server.connect();
    second.write(request("GET", "/livez", b""));
    assert!(second.is_silent());
    drop(first);
    assert_eq!(second.answer("GET").status, 200);
    drop(second);
    server.stop();
}

#[test]
fn a_body_over_the_limit_is_refused_however_it_comes() {
    let (_dir, server) = server_with(ServerConfig { max_body_bytes: 1000, ..defaults() });
    let body = produce_body(&"AAAA".repeat(300));
    server.send("POST", "/", &body).problem(413, "body_too_large");

    let mut chunked = server.connect();
    chunked.write("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunked.write(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    chunked.answer("POST").problem(413, "body_too_large");

    let mut asking = server.connect();
    asking.write(
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n",
    );
    asking.answer("POST").problem(413, "body_too_large");
    assert_eq!(server.produce("QQ=="), 0, "nothing was appended before");
    server.stop();
}

#[test]
fn bodies_hold_no_more_memory_together_than_allowed() {
    let (log, gate) = Fake::gated();
    let config = ServerConfig { max_body_bytes: 1000, max_bodies_bytes: 1000, ..defaults() };
    let server = Server::over(log, config);
    let (answered, answers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..2 {
            let answered = answered.clone();
            let server = &server;
            scope.spawn(move || {
                let answer = server.send("POST", "/", produce_body(&"AAAA".repeat(200)));
                answered.send(answer).expect("the test listens");
            });
        }
        // Either of them holds its body while the log doesn't answer, so the other has no room.
        let refused = answers.recv().expect("an answer");
        refused.problem(503, "busy");
        assert_eq!(refused.header("retry-after"), Some("1"));
        gate.open();
        assert_eq!(answers.recv().expect("an answer").status, 200);
    });
    assert_eq!(server.produce(&"AAAA".repeat(200)), 0, "the room is given back");
    server.stop();
}

#[test]
fn records_of_version_1_share_the_memory_for_bodies() {
    let (log, gate) = Fake::gated();
    let config = ServerConfig { max_body_bytes: 1000, max_bodies_bytes: 1000, ..defaults() };
    let server = Server::over(log, config);
    let (answered, answers) = mpsc::channel();
    let lines = [("Content-Type", NDJSON)];
    thread::scope(|scope| {
        for _ in 0..2 {
            let (answered, server) = (answered.clone(), &server);
            scope.spawn(move || {
                let body = vec![b'x'; 800];
                answered.send(server.send("POST", "/v1/records", body)).expect("the test listens");
            });
        }
        let refused = answers.recv().expect("an answer");
        refused.problem(503, "busy");
        assert_eq!(refused.header("retry-after"), Some("1"));
        gate.open();
        assert_eq!(answers.recv().expect("an answer").status, 201);
    });
    // Many small records need more than the bytes they came in.
    let body = "{\"text\":\"\"}\n".repeat(50);
    server.send_with("POST", "/v1/records", &lines, &body).problem(503, "busy");
    let one = server.send_with("POST", "/v1/records", &lines, "{\"text\":\"\"}");
    assert_eq!(one.status, 201, "the room is given back");
    server.stop();
}

#[test]
fn a_header_over_the_limit_is_refused() {
    let (_dir, server) = server_with(defaults());
    let mut client = server.connect();
    // The server may answer and close before it has taken all of it.
    let _ = client.try_write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    let _ = client.try_write("x".repeat(70_000));
    let answered = String::from_utf8(client.until_closed()).expect("text");
    assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 431 "), "{answered}");
    assert_eq!(server.send("GET", "/livez", "").status, 200);
    server.stop();
}

#[test]
fn a_client_that_has_sent_all_it_wants_to_still_gets_its_answer() {
    let (_dir, server) = server_with(defaults());
    let mut client = server.connect();
    client.write(request("POST", "/", produce_body("QQ==").as_bytes()));
    client.close_write();
    assert_eq!(client.answer("POST").text(), "{\"offset\":0}\n");
    assert!(client.until_closed().is_empty());
    server.stop();
}

#[test]
fn a_client_that_goes_away_harms_nobody() {
    let (_dir, server) = server_with(defaults());
    let mut client = server.connect();
    client.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"record\"");
    drop(client);
    let mut half = server.connect();
    half.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"record\"");
    half.close_write();
    half.until_closed();
    assert_eq!(server.produce("QQ=="), 0);
    server.stop();
}
