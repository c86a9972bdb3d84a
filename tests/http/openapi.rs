//! `/openapi.json`: it describes every path and method of the server, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{JSON, Server};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

fn with_document() -> (tempfile::TempDir, Server, Value) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    let answer = server.send("GET", "/openapi.json", "");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(JSON)));
    let document = answer.json();
    (dir, server, document)
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(|(method, operation)| (path.as_str(), method.to_uppercase(), operation))
    })
}

#[test]
fn every_path_takes_exactly_the_methods_that_are_described() {
    let (_dir, server, document) = with_document();
    let paths: BTreeSet<_> = operations(&document).map(|(path, ..)| path).collect();
    let expected = [
        "/",
        "/livez",
        "/metrics",
        "/openapi.json",
        "/readyz",
        "/startupz",
        "/v1/log",
        "/v1/log/truncate",
        "/v1/records",
        "/v1/records/{offset}",
    ];
    assert_eq!(paths, expected.into(), "a path was added or removed: say so here, too");
    for path in paths {
        let described: BTreeSet<_> = operations(&document)
            .filter_map(|(known, method, _)| (known == path).then_some(method))
            .collect();
        for method in METHODS {
            let answer = server.send(method, &path.replace("{offset}", "0"), "");
            let is_taken = !matches!(answer.status, 404 | 405);
            let is_described = described.contains(method);
            assert_eq!(is_taken, is_described, "{method} {path}: {}", answer.text());
            if !is_taken {
                let allow = described.iter().cloned().collect::<Vec<_>>().join(", ");
                assert_eq!(answer.header("allow"), Some(allow.as_str()), "{method} {path}");
            }
        }
    }
    server.stop();
}

#[test]
fn the_document_is_openapi_3_1_and_holds_together() {
    let (_dir, server, document) = with_document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} comes twice");
        assert!(operation["summary"].is_string(), "{method} {path}");
        let responses = operation["responses"].as_object().expect("responses");
        let good = responses.keys().any(|status| status.starts_with('2'));
        assert!(good && responses.contains_key("default"), "{method} {path}");
        for placeholder in path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let name = placeholder.trim_end_matches('}');
            let parameters = operation["parameters"].as_array().expect("parameters");
            let is_described =
                |parameter: &Value| parameter["name"] == name && parameter["in"] == "path";
            assert!(parameters.iter().any(is_described), "{method} {path}");
        }
    }
    for reference in references(&document) {
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    server.stop();
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
