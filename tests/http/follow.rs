//! Waiting for records: long polls and event streams, and how they end.

use std::thread;
use std::time::{Duration, Instant};

use proglog::server::ServerConfig;

use crate::support::{Answer, Client, EVENTS, JSON, Server, defaults, request_with};

fn started() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    // A stream that doesn't end by itself would hold a stop up for so long.
    let config = ServerConfig { grace: Duration::from_secs(3600), ..defaults() };
    let server = Server::with_limits(dir.path(), Default::default(), config);
    (dir, server)
}

fn append(server: &Server, value: &str) {
    server.append_lines(format!("{{\"text\":\"{value}\",\"timestamp\":0}}"));
}

/// Starts to follow.
fn follow(server: &Server, query: &str, headers: &[(&str, &str)]) -> Client {
    let mut client = server.connect();
    let headers = [&[("Accept", EVENTS)], headers].concat();
    client.write(request_with("GET", &format!("/v1/records{query}"), &headers, b""));
    let head = client.try_head().expect("an answer");
    assert_eq!((head.status, head.header("content-type")), (200, Some(EVENTS)));
    client
}

/// The next events, comments passed over.
fn events(client: &mut Client, n_events: usize) -> String {
    let mut seen = String::new();
    while seen.matches("\ndata: ").count() < n_events {
        let chunk = client.try_chunk().expect("a chunk").expect("the stream goes on");
        let chunk = String::from_utf8(chunk).expect("text");
        assert!(chunk.ends_with("\n\n"), "{chunk}");
        seen.push_str(if chunk.starts_with(':') { "" } else { &chunk });
    }
    seen
}

fn event(offset: u64, value: &str) -> String {
    let time = "1970-01-01T00:00:00.000000Z";
    format!(
        "id: {offset}\ndata: {{\"offset\":{offset},\"timestamp\":\"{time}\",\"text\":\"{value}\"}}\n\n"
    )
}

fn poll(server: &Server, query: &str) -> Answer {
    server.send_with("GET", &format!("/v1/records?{query}"), &[("Accept", JSON)], "")
}

#[test]
fn a_long_poll_is_answered_by_an_append() {
    let (_dir, server) = started();
    append(&server, "first");
    assert_eq!(
        poll(&server, "offset=0&wait=5m").json()["next_offset"],
        1,
        "what is there is not waited for"
    );
    let (mut waiting, mut lines) = (server.connect(), server.connect());
    waiting.write(request_with("GET", "/v1/records?offset=1&wait=5m", &[("Accept", JSON)], b""));
    lines.write(request_with("GET", "/v1/records?offset=end&wait=5m", &[], b""));
    assert!(waiting.is_silent());
    append(&server, "second");
    let page = waiting.answer("GET").json();
    assert_eq!((&page["records"][0]["text"], &page["next_offset"]), (&"second".into(), &2.into()));
    assert!(lines.answer("GET").text().contains("second"));
    server.stop();
}

#[test]
fn a_long_poll_whose_time_is_up_is_answered_with_nothing() {
    let (_dir, server) = started();
    let begun = Instant::now();
    let answer = poll(&server, "wait=200ms");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "{\"records\":[],\"next_offset\":0}\n")
    );
    assert_eq!(server.send("GET", "/v1/records?wait=1ms", "").body, b"");
    poll(&server, "offset=1&wait=5m").problem(416, "offset_out_of_range");
    assert_eq!(poll(&server, "offset=:0&wait=5m").status, 200, "nothing can come there");
    server.stop();
}

#[test]
fn a_shutdown_answers_long_polls_at_once() {
    let (_dir, server) = started();
    let mut waiting = server.connect();
    waiting.write(request_with("GET", "/v1/records?wait=5m", &[("Accept", JSON)], b""));
    assert!(waiting.is_silent());
    server.trigger.request();
    assert_eq!(waiting.answer("GET").text(), "{\"records\":[],\"next_offset\":0}\n");
    assert!(waiting.until_closed().is_empty());
    server.stop();
}

#[test]
fn a_long_poll_does_not_outlive_its_client() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = ServerConfig { max_connections: 1, ..defaults() };
    let server = Server::with_limits(dir.path(), Default::default(), config);
    let mut waiting = server.connect();
    waiting.write(request_with("GET", "/v1/records?wait=5m", &[], b""));
    assert!(waiting.is_silent());
    drop(waiting);
    assert_eq!(server.send("GET", "/livez", "").status, 200, "its connection is free again");
    let mut half = server.connect();
    half.write(request_with("GET", "/v1/records?wait=5m", &[], b""));
    half.close_write();
    assert_eq!(half.answer("GET").body, b"", "who asks no more isn't kept waiting");
    server.stop();
}

#[test]
fn events_come_for_what_is_there_and_for_what_is_appended_later() {
    let (_dir, server) = started();
    append(&server, "a");
    append(&server, "b");
    let mut client = follow(&server, "", &[]);
    assert_eq!(events(&mut client, 2), event(0, "a") + event(1, "b").as_str());
    let mut newest = follow(&server, "?offset=end", &[]);
    append(&server, "c");
    assert_eq!(events(&mut client, 1), event(2, "c"));
    assert_eq!(events(&mut newest, 1), event(2, "c"));
    drop((client, newest));
    server.stop();
}

#[test]
fn a_client_that_comes_back_goes_on_behind_what_it_has() {
    let (_dir, server) = started();
    for value in ["a", "b", "c"] {
        append(&server, value);
    }
    let mut client = follow(&server, "?offset=start", &[("Last-Event-ID", "1")]);
    assert_eq!(events(&mut client, 1), event(2, "c"));
    let mut client = follow(&server, "", &[("Last-Event-ID", "2")]);
    append(&server, "d");
    assert_eq!(events(&mut client, 1), event(3, "d"));
    let headers = |id| [("Accept", EVENTS), ("Last-Event-ID", id)];
    let send =
        |query: &str, id| server.send_with("GET", &format!("/v1/records{query}"), &headers(id), "");
    send("", "x").problem(400, "bad_header");
    send("", "9").problem(416, "offset_out_of_range");
    let done = send("?offset=0:2", "1");
    assert_eq!(done.status, 204, "a range that is out doesn't start again");
    server.stop();
}

#[test]
fn a_range_and_a_limit_end_an_event_stream() {
    let (_dir, server) = started();
    append(&server, "a");
    append(&server, "b");
    for query in ["?offset=0:1", "?limit=1", "?offset=0:1&limit=5"] {
        let mut client = follow(&server, query, &[]);
        assert_eq!(events(&mut client, 1), event(0, "a"), "{query}");
        assert_eq!(client.try_chunk().expect("a whole stream"), None, "{query}");
    }
    let mut ahead = follow(&server, "?offset=1:3", &[]);
    assert_eq!(events(&mut ahead, 1), event(1, "b"));
    append(&server, "c");
    assert_eq!(events(&mut ahead, 1), event(2, "c"));
    assert_eq!(ahead.try_chunk().expect("a whole stream"), None);
    server.stop();
}

#[test]
fn a_shutdown_ends_event_streams_as_whole_ones() {
    let (_dir, server) = started();
    append(&server, "a");
    let mut clients: Vec<_> = (0..20).map(|_| follow(&server, "", &[])).collect();
    for client in &mut clients {
        assert_eq!(events(client, 1), event(0, "a"));
    }
    server.trigger.request();
    for client in &mut clients {
        assert_eq!(client.try_chunk().expect("the mark of the end"), None);
        assert!(client.until_closed().is_empty());
    }
    server.stop();
}

#[test]
fn many_follow_while_many_append() {
    let (_dir, server) = started();
    let mut followers: Vec<_> = (0..8).map(|_| follow(&server, "", &[])).collect();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| append(&server, "x")));
        }
        for follower in &mut followers {
            let seen = events(follower, 200);
            let expected: String = (0..200).map(|offset| event(offset, "x")).collect();
            assert_eq!(seen, expected);
        }
    });
    server.stop();
}
