//! Handshakes as the server sees them: who gets through, in which version and protocol, and what is said
//! about clients that speak something else or nothing.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, NamedGroup, ProtocolVersion, version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::authority::{Authority, Issued, Place};
use super::pair::{PATIENCE, connect, connect_by};
use crate::security::tls::load::provider;
use crate::security::tls::pem::authorities;
use crate::security::tls::{AcceptError, Alpn, ServerTls, peer_subject};

fn plain_server() -> (Place, Authority, Arc<ServerTls>) {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.server(), None);
    (place, authority, server)
}

#[tokio::test]
async fn a_client_needs_no_certificate_unless_one_is_demanded() {
    let (place, authority, server) = plain_server();
    let mut pair = connect(&server, &place.client(&authority, None)).await.expect("a connection");
    pair.talk().await;
    assert_eq!(peer_subject(&pair.server), Ok(None));
    let (_, connection) = pair.server.get_ref();
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(connection.alpn_protocol(), Some(b"h2".as_slice()));
    let exchange = connection.negotiated_key_exchange_group().expect("a key exchange");
    assert_eq!(exchange.name(), NamedGroup::X25519MLKEM768, "safe from what is to come");
}

#[tokio::test]
async fn the_subject_of_a_client_is_its_common_name() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.server(), Some(&authority));
    for name in ["root", " Root ", "rööt", "a,b=c"] {
        let client = place.client(&authority, Some(&authority.client(name)));
        let mut pair = connect(&server, &client).await.expect("a connection");
        pair.talk().await;
        let subject = peer_subject(&pair.server).expect("one name").expect("a certificate");
        assert_eq!(subject.as_str(), name);
    }
}

fn client_config(authority: &Authority, alpn: &[u8]) -> ClientConfig {
    let roots = authorities("ca.pem".as_ref(), authority.pem().as_bytes()).expect("authorities");
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&version::TLS12]).expect("TLS 1.2");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

#[tokio::test]
async fn tls_1_2_is_spoken() {
    let (_place, authority, server) = plain_server();
    let client = Arc::new(client_config(&authority, b"h2"));
    let mut pair = connect_by(&server, client).await.expect("a connection");
    pair.talk().await;
    let (_, connection) = pair.server.get_ref();
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_2));
}

#[tokio::test]
async fn a_client_that_asks_for_another_protocol_is_refused() {
    let (_place, authority, server) = plain_server();
    let client = Arc::new(client_config(&authority, b"http/1.1"));
    let refused = connect_by(&server, client).await.expect_err("h2 is served");
    let said = refused.server.expect("the server's error").to_string();
    assert!(said.contains("known protocol"), "{said}");
}

#[tokio::test]
async fn a_client_of_plain_http_is_told_from_a_broken_one() {
    let (_place, _authority, server) = plain_server();
    for (alpn, request) in [
        (Alpn::Http1, "GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (Alpn::Http2, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        let (near, mut far) = duplex(1024);
        far.write_all(request.as_bytes()).await.expect("room");
        let error = server.acceptor(alpn).accept(near, PATIENCE).await.expect_err("not TLS");
        assert!(matches!(error, AcceptError::NotTls), "{error}");
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.expect("an alert");
        assert_eq!(answer.first(), Some(&21), "an alert of TLS: {answer:?}");
    }
    let (near, far) = duplex(1024);
    drop(far);
    let error = server.acceptor(Alpn::Http1).accept(near, PATIENCE).await.expect_err("gone");
    assert!(matches!(error, AcceptError::Failed(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let (_place, _authority, server) = plain_server();
    let (near, _far) = duplex(1024);
    let within = Duration::from_secs(10);
    let error = server.acceptor(Alpn::Http1).accept(near, within).await.expect_err("silence");
    assert!(matches!(error, AcceptError::TimedOut(after) if after == within), "{error}");
}

#[tokio::test]
async fn the_chain_is_sent_whole() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let mut issued: Issued = authority.server();
    issued.cert.push_str(&authority.pem());
    let server = place.server(&issued, None);
    let pair = connect(&server, &place.client(&authority, None)).await.expect("a connection");
    let (_, connection) = pair.client.get_ref();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(issued.cert.as_bytes()).collect();
    assert_eq!(connection.peer_certificates(), Some(chain.expect("PEM").as_slice()));
}
