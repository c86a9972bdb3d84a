//! Sessions that are taken up again, and that no identity outlives what it was verified by.

use std::sync::Arc;

use rustls::HandshakeKind;

use super::authority::{Authority, Place};
use super::pair::connect;
use crate::security::tls::{ClientTls, Reloaded, ServerTls, peer_subject};

/// How the second of two connections begins.
async fn second_handshake(server: &Arc<ServerTls>, client: &ClientTls) -> HandshakeKind {
    let mut first = connect(server, client).await.expect("a connection");
    // With it come the tickets.
    first.talk().await;
    let mut second = connect(server, client).await.expect("another connection");
    second.talk().await;
    second.kind()
}

#[tokio::test]
async fn a_client_without_a_certificate_may_resume() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.server(), None);
    let client = place.client(&authority, None);
    assert_eq!(second_handshake(&server, &client).await, HandshakeKind::Resumed);
}

#[tokio::test]
async fn a_client_with_a_certificate_shows_it_each_time() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.server(), Some(&authority));
    let client = place.client(&authority, Some(&authority.client("root")));
    let kind = second_handshake(&server, &client).await;
    assert!(!matches!(kind, HandshakeKind::Resumed), "{kind:?}");
}

#[tokio::test]
async fn no_session_outlives_a_certificate_of_the_server() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.server(), None);
    let client = place.client(&authority, None);
    assert_eq!(second_handshake(&server, &client).await, HandshakeKind::Resumed);
    place.identity("server", &authority.server());
    assert_eq!(server.reload_if_changed(), Reloaded::Changed);
    let pair = connect(&server, &client).await.expect("a connection");
    assert!(!matches!(pair.kind(), HandshakeKind::Resumed), "{:?}", pair.kind());
}

#[tokio::test]
async fn a_client_is_out_once_its_authority_is() {
    let (place, authority, next) = (Place::new(), Authority::new("ca"), Authority::new("next"));
    let server = place.server(&authority.server(), Some(&authority));
    let client = place.client(&authority, Some(&authority.client("root")));
    let mut open = connect(&server, &client).await.expect("a connection");
    open.talk().await;
    place.write("client-ca.pem", &next.pem());
    assert_eq!(server.reload_if_changed(), Reloaded::Changed);
    let refused = connect(&server, &client).await.expect_err("its authority is gone");
    assert!(refused.server.expect("an error").to_string().contains("UnknownIssuer"));
    let client = place.client(&authority, Some(&next.client("root")));
    let pair = connect(&server, &client).await.expect("the new authority is trusted");
    assert_eq!(peer_subject(&pair.server).expect("a name").expect("one").as_str(), "root");
    open.talk().await;
}
