//! One connection: HTTP/1.1 by hyper's own loop, since `axum::serve` sets no deadlines.
//!
//! HTTP/2 is not offered: without TLS no client of this interface asks for it, and its streams and
//! resets would need limits of their own.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::write_deadline::WriteDeadline;
use super::{ServerConfig, Shutdown};

/// Bytes of a request's header; hyper answers 431 beyond.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Serves requests until the client or a deadline ends it, or the shutdown does and the request at
/// hand is answered.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    config: &ServerConfig,
    mut shutdown: Shutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't turn off the delay of small answers");
    }
    let stream = TokioIo::new(WriteDeadline::new(stream, config.write_stall_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_read_timeout)
        .max_buf_size(MAX_HEADER_BYTES)
        // A client that has sent all it wants to (`nc -N`) still gets its answer.
        .half_close(true)
        .serve_connection(stream, TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
