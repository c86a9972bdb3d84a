//! `GET /v1/records/{offset}`: one record that never changes, whole, in parts, or known already.

use crate::support::{Answer, BYTES, JSON, Server};

fn with_one() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    server.append_lines(r#"{"key":"k","value":"AAH+/w==","timestamp":0}"#);
    (dir, server)
}

fn get(server: &Server, headers: &[(&str, &str)]) -> Answer {
    server.send_with("GET", "/v1/records/0", headers, "")
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("an entity tag").to_owned()
}

#[test]
fn a_record_is_json_or_bytes() {
    let (_dir, server) = with_one();
    let object = get(&server, &[]);
    assert_eq!((object.status, object.header("content-type")), (200, Some(JSON)));
    let expected = "{\"offset\":0,\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"key\":\"k\",\"value\":\"AAH+/w==\"}\n";
    assert_eq!(object.text(), expected);
    let bytes = get(&server, &[("Accept", BYTES)]);
    assert_eq!((bytes.status, bytes.header("content-type")), (200, Some(BYTES)));
    assert_eq!(bytes.body, b"\0\x01\xFE\xFF");
    for answer in [&object, &bytes] {
        assert_eq!(answer.header("cache-control"), Some("max-age=31536000, immutable"));
        assert_eq!(answer.header("vary"), Some("Accept"));
    }
    assert_ne!(tag(&object), tag(&bytes), "a strong tag belongs to one form");
    get(&server, &[("Accept", "text/html")]).problem(406, "not_acceptable");
    server.stop();
}

#[test]
fn head_tells_the_same_without_the_body() {
    let (_dir, server) = with_one();
    for accept in [JSON, BYTES] {
        let headers = [("Accept", accept)];
        let (whole, head) =
            (get(&server, &headers), server.send_with("HEAD", "/v1/records/0", &headers, ""));
        for name in ["content-type", "content-length", "etag", "cache-control", "accept-ranges"] {
            assert_eq!(head.header(name), whole.header(name), "{name}");
        }
        assert_eq!(head.status, 200);
    }
    server.stop();
}

#[test]
fn what_the_client_has_already_is_not_sent_again() {
    let (_dir, server) = with_one();
    let tag = tag(&get(&server, &[]));
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let answer = get(&server, &[("If-None-Match", &known)]);
        assert_eq!((answer.status, answer.header("etag")), (304, Some(tag.as_str())), "{known}");
        assert_eq!(answer.header("cache-control"), Some("max-age=31536000, immutable"));
    }
    assert_eq!(get(&server, &[("If-None-Match", "\"x\"")]).status, 200);
    let other_form = [("If-None-Match", tag.as_str()), ("Accept", BYTES)];
    assert_eq!(get(&server, &other_form).status, 200);
    server.stop();
}

#[test]
fn a_part_of_the_bytes_may_be_had() {
    let (_dir, server) = with_one();
    let part = |range| get(&server, &[("Accept", BYTES), ("Range", range)]);
    for (range, expected, told) in [
        ("bytes=0-1", &b"\0\x01"[..], "bytes 0-1/4"),
        ("bytes=2-", b"\xFE\xFF", "bytes 2-3/4"),
        ("bytes=-1", b"\xFF", "bytes 3-3/4"),
        ("bytes=3-99", b"\xFF", "bytes 3-3/4"),
    ] {
        let answer = part(range);
        assert_eq!((answer.status, answer.header("content-range")), (206, Some(told)), "{range}");
        assert_eq!(answer.body, expected, "{range}");
        assert!(answer.header("etag").is_some());
    }
    for range in ["bytes=4-", "bytes=99-100"] {
        let answer = part(range);
        answer.problem(416, "range_not_satisfiable");
        assert_eq!(answer.header("content-range"), Some("bytes */4"), "{range}");
    }
    for range in ["bytes=0-0,2-3", "bytes", "lines=1-2", "bytes=x-y"] {
        let answer = part(range);
        assert_eq!((answer.status, answer.body.len()), (200, 4), "{range} gets the whole");
    }
    assert_eq!(get(&server, &[("Range", "bytes=0-1")]).status, 200, "JSON comes whole");
    server.stop();
}

#[test]
fn a_part_of_something_else_is_never_given() {
    let (_dir, server) = with_one();
    let known = tag(&get(&server, &[("Accept", BYTES)]));
    let part = |tag: &str| {
        get(&server, &[("Accept", BYTES), ("Range", "bytes=0-1"), ("If-Range", tag)]).status
    };
    assert_eq!(part(&known), 206);
    assert_eq!(part("\"other\""), 200);
    assert_eq!(part("Thu, 26 Nov 2026 00:00:00 GMT"), 200);
    server.stop();
}

#[test]
fn an_offset_that_is_none_or_not_there_is_told() {
    let (_dir, server) = with_one();
    server.send("GET", "/v1/records/7", "").problem(416, "offset_out_of_range");
    for path in ["/v1/records/x", "/v1/records/-1", "/v1/records/18446744073709551616"] {
        server.send("GET", path, "").problem(400, "bad_parameter");
    }
    server.send("GET", "/v1/records/0?raw=1", "").problem(400, "unknown_parameter");
    server.send("GET", "/v1/records/0/", "").problem(404, "no_such_path");
    server.stop();
}
