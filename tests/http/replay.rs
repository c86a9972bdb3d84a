//! What the Go original answered, request by request, replayed against an empty log: the same
//! statuses, and the same bytes, but for the differences listed here.

use std::collections::HashSet;

use serde::Deserialize;

use crate::support::Server;

const RECORDED: &str = include_str!("../data/http/original.jsonl");

/// Requests that the original took and ours refuses with 400: each would append what nobody meant,
/// or overlook what was sent.
const REFUSED: [&str; 6] = [
    "POST null",
    "POST {}",
    "POST record null",
    "POST value array of bytes",
    "POST trailing garbage",
    "POST two objects",
];

#[derive(Deserialize)]
struct Recorded {
    name: String,
    method: String,
    path: String,
    body: String,
    status: u16,
    answer: Option<String>,
}

impl Recorded {
    /// Each character is a byte, so that bodies can be something else than UTF-8.
    fn body(&self) -> Vec<u8> {
        let byte = |character: char| u8::try_from(u32::from(character)).expect("a byte");
        self.body.chars().map(byte).collect()
    }

    /// The answer, less by what ours has refused before.
    fn answer(&self, n_refused: u64) -> Option<String> {
        let answer = self.answer.clone()?;
        let offset = answer.strip_prefix("{\"offset\":").and_then(|rest| rest.strip_suffix("}\n"));
        Some(match offset {
            Some(offset) => {
                let offset: u64 = offset.parse().expect("an offset");
                format!("{{\"offset\":{}}}\n", offset - n_refused)
            }
            None => answer,
        })
    }
}

#[test]
fn every_request_is_answered_as_by_the_original() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    let mut not_met: HashSet<&str> = REFUSED.into();
    let mut n_refused = 0;
    for line in RECORDED.lines() {
        let recorded: Recorded = serde_json::from_str(line).expect("a recorded request");
        let name = recorded.name.as_str();
        let answer = server.send(&recorded.method, &recorded.path, recorded.body());
        if not_met.remove(name) {
            assert_eq!(recorded.status, 200, "{name}: the original took it");
            answer.problem(400, "malformed_body");
            n_refused += 1;
            continue;
        }
        assert_eq!(answer.status, recorded.status, "{name}: {}", answer.text());
        match answer.status {
            200 => {
                assert_eq!(Some(answer.text()), recorded.answer(n_refused), "{name}");
                assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
            }
            301 => assert_eq!(answer.header("location"), Some("/"), "{name}"),
            405 => assert_eq!(answer.header("allow"), Some("GET, POST"), "{name}"),
            _ => (),
        }
        if answer.status >= 400 {
            let content_type = answer.header("content-type");
            assert_eq!(content_type, Some("application/problem+json"), "{name}");
        }
    }
    assert!(not_met.is_empty(), "never asked: {not_met:?}");
    server.stop();
}
