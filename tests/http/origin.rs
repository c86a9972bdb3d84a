//! Web pages of others: a browser on this machine sends requests for them, and none is taken.

use proglog::server::ServerConfig;

use crate::support::{Answer, Server, defaults, produce_body};

fn started(http_names: &[&str]) -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().expect("a directory");
    let http_names = http_names.iter().map(|name| (*name).to_owned()).collect();
    let config = ServerConfig { http_names, ..defaults() };
    let server = Server::with_limits(dir.path(), proglog::log::LogConfig::default(), config);
    (dir, server)
}

/// A request as a browser sends it without asking first.
fn send(server: &Server, method: &str, path: &str, host: &str, origin: Option<&str>) -> Answer {
    let body = produce_body("QQ==");
    let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
    let mut client = server.connect();
    client.write(format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{origin}Content-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    client.answer(method)
}

#[test]
fn a_page_of_another_origin_neither_appends_nor_reads() {
    let (_dir, server) = started(&[]);
    for (method, path) in
        [("POST", "/"), ("POST", "/v1/records"), ("GET", "/v1/records"), ("GET", "/nowhere")]
    {
        for origin in ["http://evil.example", "http://localhost:3000", "null"] {
            send(&server, method, path, "localhost:8080", Some(origin))
                .problem(403, "foreign_origin");
        }
    }
    let own = send(&server, "POST", "/", "localhost:8080", Some("http://localhost:8080"));
    assert_eq!(own.text(), "{\"offset\":0}\n", "nothing was appended before");
    server.stop();
}

#[test]
fn a_page_whose_name_leads_here_neither_appends_nor_reads() {
    let (_dir, server) = started(&["log.example"]);
    for (method, path) in [("POST", "/"), ("POST", "/v1/records"), ("GET", "/v1/records")] {
        for origin in [None, Some("http://evil.example:8080")] {
            send(&server, method, path, "evil.example:8080", origin).problem(403, "foreign_host");
        }
    }
    let named = send(&server, "POST", "/", "log.example", Some("https://log.example"));
    assert_eq!(named.text(), "{\"offset\":0}\n", "nothing was appended before");
    server.stop();
}
