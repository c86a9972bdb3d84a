//! A lean client of HTTP/1.1: one connection that is kept, one request after the other.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Posts the same record again and again.
pub(super) struct Poster {
    requests: SendRequest<Full<Bytes>>,
    address: String,
    value: Bytes,
}

impl Poster {
    pub(super) async fn connect(address: &str, value: Bytes) -> Result<Poster, Failure> {
        let unreachable = |error: &dyn std::fmt::Display| {
            let message = format!("can't reach {address}: {error}");
            Failure::new(Exit::Failed, "unavailable", message)
                .hint("see that the server runs and listens there for HTTP")
        };
        let stream = TcpStream::connect(address).await.map_err(|error| unreachable(&error))?;
        stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
        let (requests, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
        // Its errors are those of the requests, too.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Poster { requests, address: address.to_owned(), value })
    }

    /// Appends the record, and reads the answer to its end.
    pub(super) async fn post(&mut self) -> anyhow::Result<usize> {
        let broken = |error: hyper::Error| {
            Failure::new(Exit::Failed, "unavailable", format!("the connection broke: {error}"))
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/records")
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Full::new(self.value.clone()))
            .map_err(|error| Failure::usage(format!("`{}`: {error}", self.address)))?;
        self.requests.ready().await.map_err(broken)?;
        let answer = self.requests.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(broken)?.to_bytes();
        if status == StatusCode::CREATED || status == StatusCode::OK {
            return Ok(self.value.len());
        }
        let text = String::from_utf8_lossy(&body);
        let message = format!("the server answered {status}: {}", text.trim_end());
        Err(Failure::new(Exit::Failed, "refused", message).into())
    }
}
