//! Bytes that are not what was written: never served, and told apart from what is sound.

use std::fs;
use std::path::Path;

use crate::support::{Answer, Client, EVENTS, JSON, NDJSON, Server, request_with};

/// Flips a bit of a record's value, wherever that is in the store.
pub(crate) fn flip_a_bit(dir: &Path, value: &[u8]) {
    let store = dir.join("0.store");
    let mut bytes = fs::read(&store).expect("the store");
    let place = bytes.windows(value.len()).position(|window| window == value);
    bytes[place.expect("the value in the store")] ^= 1;
    fs::write(&store, bytes).expect("the store is written");
}

#[test]
fn a_corrupt_record_is_an_error_and_its_neighbours_are_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    for value in ["YmVmb3Jl", "Y29ycnVwdA==", "YWZ0ZXI="] {
        server.produce(value);
    }
    server.stop();
    flip_a_bit(dir.path(), b"corrupt");
    let server = Server::of_dir(dir.path());
    server.consume(1).problem(500, "corrupt");
    assert_eq!(server.consume(0).json()["record"]["value"], "YmVmb3Jl");
    assert_eq!(server.consume(2).json()["record"]["value"], "YWZ0ZXI=");
    server.stop();
}

/// Serves five records of which the third is damaged.
fn with_damage() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    for value in ["zero", "one", "corrupt", "three", "four"] {
        server.append_lines(format!("{{\"text\":\"{value}\"}}"));
    }
    server.stop();
    flip_a_bit(dir.path(), b"corrupt");
    let server = Server::of_dir(dir.path());
    (dir, server)
}

fn get(server: &Server, query: &str, accept: &str) -> Answer {
    server.send_with("GET", &format!("/v1/records{query}"), &[("Accept", accept)], "")
}

/// Sends a request and reads what comes until the server cuts it off.
fn until_cut_off(server: &Server, query: &str, accept: &str) -> String {
    let mut client: Client = server.connect();
    let headers = [("Accept", accept)];
    client.write(request_with("GET", &format!("/v1/records{query}"), &headers, b""));
    assert_eq!(client.try_head().expect("a head").status, 200);
    let mut seen = Vec::new();
    loop {
        match client.try_chunk() {
            Ok(Some(chunk)) => seen.extend(chunk),
            Ok(None) => panic!("it was ended as if it were whole"),
            Err(_) => return String::from_utf8(seen).expect("text"),
        }
    }
}

#[test]
fn a_stream_gives_what_is_intact_and_is_cut_off_at_damage() {
    let (_dir, server) = with_damage();
    for accept in [NDJSON, EVENTS] {
        let seen = until_cut_off(&server, "", accept);
        assert!(seen.contains("zero") && seen.contains("one"), "{accept}: {seen}");
        assert!(!seen.contains("three"), "{accept}: {seen}");
        get(&server, "?offset=2", accept).problem(500, "corrupt");
    }
    let until_damage = get(&server, "?offset=:2", NDJSON);
    assert_eq!(until_damage.text().lines().count(), 2, "a range that is intact is whole");
    server.stop();
}

#[test]
fn a_page_with_damage_is_a_problem_that_says_where() {
    let (_dir, server) = with_damage();
    let problem = get(&server, "", JSON).problem(500, "corrupt");
    assert_eq!((&problem["offset"], &problem["segment"]), (&2.into(), &0.into()));
    assert_eq!(get(&server, "?limit=2", JSON).json()["next_offset"], 2);
    server.send("GET", "/v1/records/2", "").problem(500, "corrupt");
    assert_eq!(get(&server, "?offset=3", JSON).json()["records"][1]["text"], "four");
    server.stop();
}

#[test]
fn what_is_skipped_is_named_where_it_would_have_been() {
    let (_dir, server) = with_damage();
    let page = get(&server, "?skip_corrupt=true", JSON).json();
    assert_eq!(page["records"].as_array().map(Vec::len), Some(4), "{page}");
    assert_eq!(
        (&page["missing"][0]["first_offset"], &page["missing"][0]["end_offset"]),
        (&2.into(), &3.into())
    );
    assert_eq!((&page["missing"][0]["lost"], &page["next_offset"]), (&false.into(), &5.into()));
    let lines = get(&server, "?skip_corrupt=true", NDJSON).text();
    let third = lines.lines().nth(2).expect("a line");
    assert!(third.starts_with("{\"missing\":{\"first_offset\":2,\"end_offset\":3,"), "{lines}");
    assert_eq!(lines.lines().count(), 5, "{lines}");
    let events = get(&server, "?skip_corrupt=true&offset=:5", EVENTS).text();
    assert!(events.contains("\n\nid: 2\nevent: missing\ndata: {\"first_offset\":2,"), "{events}");
    assert!(events.contains("\n\nid: 4\ndata: "), "{events}");
    server.stop();
}

#[test]
fn a_copy_never_has_a_hole_that_nobody_noticed() {
    let (_dir, server) = with_damage();
    let other_dir = tempfile::tempdir().expect("a directory");
    let other = Server::of_dir(other_dir.path());
    for form in [NDJSON, JSON] {
        let given = get(&server, "?skip_corrupt=true", form).body;
        let copied = other.send_with("POST", "/v1/records", &[("Content-Type", form)], given);
        copied.problem(400, "malformed_body");
    }
    server.stop();
    other.stop();
}
