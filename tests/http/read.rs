//! `GET /v1/records`: places, bounds and forms, and that what was appended comes out again.

use proglog::log::LogConfig;
use serde_json::Value;

use crate::support::{Answer, JSON, NDJSON, Server, defaults};

/// A server with records 0 up to 10, each with its offset as text.
fn with_ten() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    let line = |n| format!("{{\"text\":\"{n}\"}}\n");
    server.append_lines((0..10).map(line).collect::<String>());
    (dir, server)
}

fn get(server: &Server, query: &str, accept: &str) -> Answer {
    server.send_with("GET", &format!("/v1/records{query}"), &[("Accept", accept)], "")
}

fn offsets(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["offset"].as_u64().expect("an offset")).collect()
}

fn offsets_of_lines(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.header("content-type"), Some(NDJSON), "{}", answer.text());
    let line = |line: &str| serde_json::from_str::<Value>(line).expect("a line of JSON");
    offsets(&answer.text().lines().map(line).collect::<Vec<_>>())
}

#[test]
fn an_offset_is_any_place_that_the_command_line_knows() {
    let (_dir, server) = with_ten();
    for (query, expected) in [
        ("", 0..10),
        ("?offset=start", 0..10),
        ("?offset=7", 7..10),
        ("?offset=-2", 8..10),
        ("?offset=3:5", 3..5),
        ("?offset=:2", 0..2),
        ("?offset=8%3A", 8..10),
        ("?offset=@-1h", 0..10),
        ("?offset=@2000-01-01T00:00:00+01:00:-1h", 0..0),
        ("?offset=end", 10..10),
        ("?offset=10", 10..10),
        ("?offset=3&limit=2", 3..5),
        ("?offset=8&limit=20", 8..10),
        ("?max_bytes=3", 0..3),
        ("?offset=4&max_bytes=1&limit=5", 4..5),
    ] {
        let answer = get(&server, query, "*/*");
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(offsets_of_lines(&answer), expected.clone().collect::<Vec<_>>(), "{query}");
        let page = get(&server, query, JSON).json();
        let records = page["records"].as_array().expect("a list");
        assert_eq!(offsets(records), expected.clone().collect::<Vec<_>>(), "{query}");
        assert_eq!(page["next_offset"], expected.end, "{query}");
    }
    server.stop();
}

#[test]
fn a_place_that_is_not_there_is_told_with_the_range() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = LogConfig { segment_bytes: 1024, ..LogConfig::default() };
    let server = Server::with_limits(dir.path(), log, defaults());
    for _ in 0..10 {
        server.append_lines(format!("{{\"text\":\"{}\"}}", "x".repeat(500)));
    }
    let truncate = [("Content-Type", JSON)];
    let answer = server.send_with("POST", "/v1/log/truncate", &truncate, "{\"before\":6}");
    let lowest = answer.json()["lowest_offset"].as_u64().expect("an offset");
    assert!(lowest > 0, "segments are small");
    for (accept, query, status) in [
        (NDJSON, "?offset=0", 410),
        (JSON, "?offset=0", 410),
        ("text/event-stream", "?offset=0", 410),
        (NDJSON, "?offset=11", 416),
        (JSON, "?offset=11:12", 416),
        ("text/event-stream", "?offset=11", 416),
    ] {
        let problem = get(&server, query, accept).problem(status, "offset_out_of_range");
        assert_eq!((&problem["lowest"], &problem["next"]), (&lowest.into(), &10.into()));
    }
    assert_eq!(get(&server, "", JSON).json()["records"][0]["offset"], lowest);
    server.stop();
}

#[test]
fn a_parameter_that_is_not_understood_is_named() {
    let (_dir, server) = with_ten();
    for (query, code, name) in [
        ("?ofset=1", "unknown_parameter", "ofset"),
        ("?offset=x", "bad_parameter", "offset"),
        ("?offset=5:3", "bad_parameter", "offset"),
        ("?limit=0", "bad_parameter", "limit"),
        ("?limit=1&limit=2", "bad_parameter", "limit"),
        ("?max_bytes=1k", "bad_parameter", "max_bytes"),
        ("?wait=5", "bad_parameter", "wait"),
        ("?wait=1h", "bad_parameter", "wait"),
        ("?skip_corrupt=yes", "bad_parameter", "skip_corrupt"),
    ] {
        let problem = get(&server, query, "*/*").problem(400, code);
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(&format!("`{name}`")), "{query}: {detail}");
    }
    get(&server, "?wait=1s", "text/event-stream").problem(400, "bad_parameter");
    server.stop();
}

#[test]
fn the_client_chooses_the_form() {
    let (_dir, server) = with_ten();
    for (accept, expected) in [
        ("*/*", NDJSON),
        ("text/html, application/json;q=0.9, */*;q=0.8", JSON),
        ("application/*;q=0.1", NDJSON),
    ] {
        let answer = get(&server, "", accept);
        assert_eq!(answer.header("content-type"), Some(expected), "{accept}");
        assert_eq!(answer.header("vary"), Some("Accept"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let problem = get(&server, "", "text/html").problem(406, "not_acceptable");
    assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains(NDJSON)), "{problem}");
    let head = server.send("HEAD", "/v1/records", "");
    assert_eq!((head.status, head.header("content-type")), (200, Some(NDJSON)));
    server.stop();
}

#[test]
fn pages_lead_from_one_to_the_next_up_to_an_empty_one() {
    let (_dir, server) = with_ten();
    let (mut next, mut seen) = (0, Vec::new());
    loop {
        let page = get(&server, &format!("?offset={next}&limit=4"), JSON).json();
        let records = page["records"].as_array().expect("a list");
        next = page["next_offset"].as_u64().expect("an offset");
        if records.is_empty() {
            break;
        }
        seen.extend(offsets(records));
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(next, 10);
    server.stop();
}

#[test]
fn a_page_of_json_is_bounded_whatever_is_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    server.append_lines("{\"text\":\"\"}\n".repeat(10_001));
    for (query, n_records) in [("", 1000), ("?limit=1000000", 10_000)] {
        let page = get(&server, query, JSON).json();
        assert_eq!(page["records"].as_array().map(Vec::len), Some(n_records), "{query}");
        assert_eq!(page["next_offset"], n_records, "{query}");
    }
    server.stop();
}

/// Lines of every kind of record: text, bytes, with and without key and headers, long and short.
fn lines_of_all_kinds(n_records: usize) -> String {
    let kinds = [
        r#""text":"plain""#.to_owned(),
        r#""key":"k","text":"quoted \"é\"\n""#.to_owned(),
        r#""key":{"value":"/w=="},"value":"AP8=""#.to_owned(),
        r#""type":7,"key":"","headers":[{"name":"a","text":"1"},{"name":"a","value":"/w=="}],"text":"""#.to_owned(),
        format!(r#""text":"{}""#, "x".repeat(3000)),
    ];
    let line = |n: usize| {
        let time = 1_700_000_000_000_000 + n;
        format!("{{\"timestamp\":{time},{}}}\n", kinds[n % kinds.len()])
    };
    (0..n_records).map(line).collect()
}

#[test]
fn all_that_one_server_gives_another_one_takes() {
    let (dir, other_dir) = (tempfile::tempdir(), tempfile::tempdir());
    let (dir, other_dir) = (dir.expect("a directory"), other_dir.expect("a directory"));
    let server = Server::of_dir(dir.path());
    server.append_lines(lines_of_all_kinds(5000));
    let given = get(&server, "", NDJSON);
    assert_eq!(given.header("transfer-encoding"), Some("chunked"), "it is streamed");
    assert_eq!(offsets_of_lines(&given), (0..5000).collect::<Vec<_>>());
    let other = Server::of_dir(other_dir.path());
    assert_eq!(other.append_lines(&given.body), 0);
    assert!(get(&other, "", NDJSON).body == given.body, "the records are the same");
    server.stop();
    other.stop();
}

#[test]
fn a_client_that_reads_nothing_costs_others_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    for _ in 0..4 {
        server.append_lines(lines_of_all_kinds(5000));
    }
    let mut stuck = server.connect();
    stuck.write("GET /v1/records HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut gone = server.connect();
    gone.write("GET /v1/records HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(gone.try_head().expect("a head").status, 200);
    drop(gone);
    assert_eq!(get(&server, "?offset=-1", JSON).json()["next_offset"], 20_000);
    let read = stuck.answer("GET");
    assert_eq!(offsets_of_lines(&read).len(), 20_000, "it gets all once it reads");
    server.stop();
}
