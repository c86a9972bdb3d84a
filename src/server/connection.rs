//! One connection, by hyper's own loops, since those of axum and tonic set no deadlines: HTTP/1.1 for
//! the HTTP interface, HTTP/2 for gRPC.
//!
//! HTTP/2 is not offered on the HTTP interface: without TLS no client of it asks for that.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tower::Service;

use super::opening::Opening;
use super::peer::PeerStream;
use super::write_deadline::WriteDeadline;
use super::{ServerConfig, Shutdown};

/// Bytes of a request's header; hyper answers 431 beyond.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Likewise on HTTP/2, where a stream is refused beyond.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;

/// What a client may send ahead of what is read, in bytes: on one stream, and on the connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 2 << 20;

/// What of a stream's answers waits for the client to take it, in bytes.
const MAX_SEND_BUFFER_BYTES: usize = 64 << 10;

/// Streams that a client has reset while the server is still at them; a client that goes beyond is
/// cut off.
const MAX_PENDING_RESETS: usize = 64;

/// A client that is silent for so long is asked whether it is there, and has so long to answer.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves requests until the client or a deadline ends it, or the shutdown does and the request at
/// hand is answered.
pub(super) async fn serve_http(
    stream: TcpStream,
    router: Router,
    config: Arc<ServerConfig>,
    shutdown: Shutdown,
) {
    let stream = PeerStream::new(stream);
    let peer = stream.peer();
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Only who reads may have to wait for long.
        if request.method() == Method::GET {
            request.extensions_mut().insert(peer.clone());
        }
        router.clone().call(request)
    });
    let stream = TokioIo::new(WriteDeadline::new(stream, config.write_stall_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_read_timeout)
        .max_buf_size(MAX_HEADER_BYTES)
        // A client that has sent all it wants to (`nc -N`) still gets its answer.
        .half_close(true)
        .serve_connection(stream, service);
    serve(connection, shutdown).await;
}

/// Serves calls until the client or a deadline ends it, or the shutdown does and the calls at hand are
/// answered.
pub(super) async fn serve_grpc(
    stream: TcpStream,
    router: Router,
    config: Arc<ServerConfig>,
    shutdown: Shutdown,
) {
    let stream = WriteDeadline::new(stream, config.write_stall_timeout);
    let stream = TokioIo::new(Opening::new(stream, config.header_read_timeout));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_concurrent_streams)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(MAX_SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .serve_connection(stream, TowerToHyperService::new(router));
    serve(connection, shutdown).await;
}

async fn serve<C>(connection: C, mut shutdown: Shutdown)
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut connection = pin!(connection);
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
