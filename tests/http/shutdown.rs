//! Stopping: nobody new gets in, what is in flight is finished, and the rest is dropped in time.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use proglog::server::ServerConfig;

use crate::support::{Client, Fake, Server, defaults, produce_body};

/// Starts an append that the server knows of and waits for, since it asks for the body.
fn start_append(server: &Server, body: &str) -> Client {
    let mut client = server.connect();
    let length = body.len();
    client.write(format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    ));
    assert_eq!(client.answer("POST").status, 100);
    client
}

fn until_refused(server: &Server) {
    while TcpStream::connect(server.address).is_ok() {
        thread::yield_now();
    }
}

#[test]
fn a_request_in_flight_is_finished_and_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    let body = produce_body("QQ==");
    let mut client = start_append(&server, &body);
    server.trigger.request();
    until_refused(&server);
    client.write(&body);
    let answer = client.answer("POST");
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"offset\":0}\n"));
    assert!(client.until_closed().is_empty(), "the connection ends with its request");
    server.stop();
    let server = Server::of_dir(dir.path());
    assert_eq!(server.consume(0).status, 200);
    server.stop();
}

#[test]
fn idle_connections_do_not_hold_a_stop_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let forever = Duration::from_secs(3600);
    let config = ServerConfig { grace: forever, header_read_timeout: forever, ..defaults() };
    let server = Server::with_limits(dir.path(), Default::default(), config);
    let mut silent = server.connect();
    let mut idle = server.connect();
    assert_eq!(idle.send("GET", "/livez", "").status, 200);
    server.stop();
    assert!(silent.until_closed().is_empty());
    assert!(idle.until_closed().is_empty());
}

#[test]
fn what_outlasts_the_grace_period_is_dropped() {
    let config = ServerConfig { grace: Duration::from_millis(100), ..defaults() };
    let server = Server::over(Fake::gated().0, config);
    let body = produce_body("QQ==");
    let mut client = start_append(&server, &body);
    client.write(&body);
    server.stop();
    assert!(client.until_closed().is_empty(), "no answer is made up");
}
