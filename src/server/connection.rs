//! One connection, by hyper's own loops, since those of axum and tonic set no deadlines: HTTP/1.1 for
//! the HTTP interface, HTTP/2 for gRPC.
//!
//! HTTP/2 is not offered on the HTTP interface: without TLS no client of it asks for that.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::admission::Certificate;
use super::grpc::Calls;
use super::head_deadline::{Answering, HeadDeadline};
use super::open_calls::OpenCalls;
use super::opening::Opening;
use super::peer::{Peer, PeerStream};
use super::write_deadline::WriteDeadline;
use super::{MIN_HEADER_BYTES, ServerConfig, Shutdown};
use crate::security::tls::{self, Alpn};
use crate::service::CommitLog;

/// What a client may send ahead of what is read, in bytes: on one stream, and on the connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 2 << 20;

/// What of a stream's answers waits for the client to take it, in bytes.
const MAX_SEND_BUFFER_BYTES: usize = 64 << 10;

/// Serves requests until the client or a deadline ends it, or the shutdown does and the request at
/// hand is answered.
pub(super) async fn serve_http(
    stream: TcpStream,
    router: Router,
    config: Arc<ServerConfig>,
    shutdown: Shutdown,
) {
    if config.protection.tls.is_none() {
        let stream = PeerStream::new(stream);
        let peer = Some(stream.peer());
        return http(stream, Client { certificate: None, peer }, router, config, shutdown).await;
    }
    let Some((stream, certificate)) = handshake(stream, Alpn::Http1, &config).await else { return };
    http(stream, Client { certificate, peer: None }, router, config, shutdown).await;
}

/// What is known of a client.
#[derive(Clone)]
struct Client {
    certificate: Option<Certificate>,
    /// Where it can be watched. Over TLS it can't be: what looks like a request may be its farewell.
    peer: Option<Peer>,
}

async fn http<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    client: Client,
    router: Router,
    config: Arc<ServerConfig>,
    shutdown: Shutdown,
) {
    // A client that has sent all it wants to (`nc -N`) still gets its answer. Over TLS none does that, and
    // hyper itself sees when one is gone.
    let half_closes = client.peer.is_some();
    let answering = Answering::default();
    let begun = answering.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Only who reads may have to wait for long.
        if let Some(peer) = client.peer.clone().filter(|_| request.method() == Method::GET) {
            request.extensions_mut().insert(peer);
        }
        if let Some(certificate) = client.certificate.clone() {
            request.extensions_mut().insert(certificate);
        }
        let answer = begun.begin(!request.is_end_stream());
        held_while(answer, router.clone().call(request))
    });
    let stream = WriteDeadline::new(stream, config.write_stall_timeout);
    let stream = TokioIo::new(HeadDeadline::new(stream, answering, config.header_read_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.idle_timeout)
        .max_buf_size(config.max_header_bytes.max(MIN_HEADER_BYTES))
        .half_close(half_closes)
        .serve_connection(stream, service);
    // hyper itself closes a connection that is idle for too long.
    serve(connection, pending(), pending(), shutdown).await;
}

/// The answer, with `held` kept until its body is gone.
async fn held_while<T: Send + 'static, B: Body<Data = Bytes>>(
    held: T,
    answer: impl Future<Output = Result<Response<B>, Infallible>>,
) -> Result<Response<impl Body<Data = Bytes, Error = B::Error>>, Infallible> {
    let response = answer.await?;
    Ok(response.map(|body| {
        body.map_err(move |error| {
            let _ = &held;
            error
        })
    }))
}

/// The connection inside of TLS, and whose certificate the client has shown. `None` if it is to be closed:
/// that is the client's affair.
async fn handshake(
    stream: TcpStream,
    alpn: Alpn,
    config: &ServerConfig,
) -> Option<(TlsStream<TcpStream>, Option<Certificate>)> {
    let acceptor = config.protection.tls.as_ref()?.acceptor(alpn);
    let accepted = acceptor.accept(stream, config.tls_handshake_timeout).await;
    let stream = accepted.inspect_err(|error| tracing::debug!(%error, "no handshake")).ok()?;
    let subject = tls::peer_subject(&stream);
    let subject =
        subject.inspect_err(|error| tracing::warn!(%error, "a client is turned away")).ok()?;
    let certificate = subject.map(|subject| Certificate {
        subject: subject.as_str().into(),
        expires_at_s: subject.expires_at_s(),
    });
    Some((stream, certificate))
}

/// Serves calls until the client or a deadline ends it, or the shutdown does and the calls at hand are
/// answered.
pub(super) async fn serve_grpc<L: CommitLog>(
    stream: TcpStream,
    calls: Arc<Calls<L>>,
    config: Arc<ServerConfig>,
    shutdown: Shutdown,
) {
    if config.protection.tls.is_none() {
        return grpc(stream, None, calls, config, shutdown).await;
    }
    let Some((stream, certificate)) = handshake(stream, Alpn::Http2, &config).await else { return };
    grpc(stream, certificate, calls, config, shutdown).await;
}

async fn grpc<S: AsyncRead + AsyncWrite + Send + Unpin + 'static, L: CommitLog>(
    stream: S,
    certificate: Option<Certificate>,
    calls: Arc<Calls<L>>,
    config: Arc<ServerConfig>,
    shutdown: Shutdown,
) {
    let open_calls = OpenCalls::new();
    let begun = open_calls.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(certificate) = certificate.clone() {
            request.extensions_mut().insert(certificate);
        }
        let calls = Arc::clone(&calls);
        let answer = async move { Ok(calls.answer(request).await) };
        held_while(begun.begin(), answer)
    });
    let stream = WriteDeadline::new(stream, config.write_stall_timeout);
    let stream = TokioIo::new(Opening::new(stream, config.header_read_timeout));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_concurrent_streams)
        .max_header_list_size(config.max_header_list_bytes)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(MAX_SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(config.max_pending_resets)
        .max_local_error_reset_streams(config.max_pending_resets)
        .keep_alive_interval(config.keep_alive_interval)
        .keep_alive_timeout(config.keep_alive_timeout)
        .serve_connection(stream, service);
    let idle = open_calls.idle_for(config.idle_timeout);
    // A client that is there would have answered by then that it's told to go.
    let deaf = open_calls.idle_for(config.idle_timeout.saturating_add(config.keep_alive_timeout));
    serve(connection, idle, deaf, shutdown).await;
}

/// Serves until the client ends it, or lets it end in order once it is idle or the server stops, and without
/// ado if the client is deaf to that.
async fn serve<C>(
    connection: C,
    idle: impl Future<Output = ()>,
    deaf: impl Future<Output = ()>,
    mut shutdown: Shutdown,
) where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut connection = pin!(connection);
    let over = async {
        tokio::select! { () = idle => {} () = shutdown.requested() => {} }
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = over => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                served = connection => served,
                () = deaf => return,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
