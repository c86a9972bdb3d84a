//! The connector, over TCP and with tonic's channel on top.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;
use tower::Service;

use super::authority::{Authority, HOST, Place, server};
use super::pair::PATIENCE;
use crate::security::tls::{Alpn, ClientTls, ClientTlsOptions, ConnectError, ServerTls};

async fn listener() -> (TcpListener, Uri) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, format!("https://{address}").parse().expect("a URI"))
}

/// Takes one connection and answers each request on it.
fn serve(listener: TcpListener, tls: Arc<ServerTls>) {
    let answer = |request: Request<Incoming>| async move {
        assert_eq!(request.uri().scheme_str(), Some("https"));
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    };
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let accepted = tls.acceptor(Alpn::Http2).accept(stream, PATIENCE).await;
        let Ok(stream) = accepted else { return };
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service_fn(answer));
        // The client goes when it has what it wants.
        let _ = served.await;
    });
}

#[tokio::test]
async fn tonic_connects_by_it() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let tls = place.server(&authority.server(), Some(&authority));
    let (listener, uri) = listener().await;
    serve(listener, tls);
    let client = place.client(&authority, Some(&authority.client("root")));
    let endpoint = Endpoint::from(uri);
    let connected = endpoint.connect_with_connector(client.connector(PATIENCE)).await;
    let mut channel = connected.expect("a channel");
    poll_fn(|context| channel.poll_ready(context)).await.expect("room for a call");
    channel.call(Request::<tonic::body::Body>::default()).await.expect("an answer");
}

#[tokio::test]
async fn a_server_of_http_1_is_asked_for_that() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let client = place.client(&authority, None);
    for (alpn, fits) in [(Alpn::Http1, true), (Alpn::Http2, false)] {
        let (listener, uri) = listener().await;
        let tls = place.server(&authority.server(), None);
        let accepting = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            tls.acceptor(Alpn::Http1).accept(stream, PATIENCE).await.is_ok()
        });
        let connected = client.connector(PATIENCE).speaking(alpn).connect(&uri).await;
        assert_eq!(connected.is_ok(), fits, "{alpn:?}");
        assert_eq!(accepting.await.expect("no panic"), fits, "{alpn:?}");
    }
}

async fn error_of(client: &Arc<ClientTls>, uri: &Uri, within: Duration) -> ConnectError {
    client.connector(within).connect(uri).await.map(drop).expect_err("no connection")
}

#[tokio::test]
async fn the_host_is_the_name_unless_told_otherwise() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    for (host, names_host, expected) in
        [("127.0.0.1", false, true), (HOST, false, false), (HOST, true, true)]
    {
        let (listener, uri) = listener().await;
        serve(listener, place.server(&authority.sign(&server(host)), None));
        let options = ClientTlsOptions {
            ca: place.write("ca.pem", &authority.pem()),
            identity: None,
            server_name: names_host.then(|| HOST.to_owned()),
        };
        let client = Arc::new(ClientTls::load(options).expect("TLS"));
        let connected = client.connector(PATIENCE).connect(&uri).await;
        assert_eq!(connected.is_ok(), expected, "{host} {names_host}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_told_from_none() {
    let (place, authority, other) = (Place::new(), Authority::new("ca"), Authority::new("ca"));
    let client = place.client(&authority, None);
    let (untrusted, uri) = listener().await;
    serve(untrusted, place.server(&other.server(), None));
    let error = error_of(&client, &uri, PATIENCE).await;
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    let (gone, uri) = listener().await;
    drop(gone);
    let error = error_of(&client, &uri, PATIENCE).await;
    assert!(matches!(error, ConnectError::Unreached(_)), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_or_without_an_answer_is_not_waited_for() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let client = place.client(&authority, None);
    let (plain, uri) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.expect("a connection");
        let mut hello = [0; 1024];
        assert!(stream.read(&mut hello).await.expect("a hello") > 0);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("a client");
    });
    let error = error_of(&client, &uri, PATIENCE).await;
    assert!(matches!(error, ConnectError::Failed(_)), "{error}");
    let (_silent, uri) = listener().await;
    let error = error_of(&client, &uri, Duration::from_millis(50)).await;
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
}
