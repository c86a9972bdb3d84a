//! Connections that each POST a body, wait for the answer, and POST again.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Answers a second.
pub(crate) async fn posts(
    address: SocketAddr,
    n_connections: usize,
    body: &[u8],
    until: Instant,
) -> f64 {
    let head = format!(
        "POST /v1/records HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    let mut connections = JoinSet::new();
    for _ in 0..n_connections {
        connections.spawn(post_until(address, request.clone(), until));
    }
    let start = Instant::now();
    let n_answers: u64 = connections.join_all().await.into_iter().sum();
    n_answers as f64 / start.elapsed().as_secs_f64()
}

async fn post_until(address: SocketAddr, request: Vec<u8>, until: Instant) -> u64 {
    let stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("no delay");
    let mut stream = BufReader::new(stream);
    let (mut n_answers, mut line, mut body) = (0, String::new(), Vec::new());
    while Instant::now() < until {
        stream.get_mut().write_all(&request).await.expect("sent");
        let (mut is_first, mut length) = (true, 0);
        loop {
            line.clear();
            stream.read_line(&mut line).await.expect("an answer");
            assert!(!is_first || line.starts_with("HTTP/1.1 20"), "refused: {line}");
            is_first = false;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).await.expect("a body");
        n_answers += 1;
    }
    n_answers
}
