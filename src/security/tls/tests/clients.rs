//! Certificates that the other end has to refuse.

use rcgen::KeyPair;

use super::authority::{Authority, HOST, Issued, Place, client, expired, not_yet_valid, server};
use super::pair::connect;

fn self_signed(name: &str) -> Issued {
    let key = KeyPair::generate().expect("a key");
    let cert = client(name).self_signed(&key).expect("a certificate").pem();
    Issued { cert, key: key.serialize_pem() }
}

#[tokio::test]
async fn a_server_refuses_clients_that_its_authority_does_not_vouch_for() {
    let (authority, other) = (Authority::new("ca"), Authority::new("ca"));
    let place = Place::new();
    let own = authority.server();
    let strict = place.server(&own, Some(&authority));
    for (what, issued, said) in [
        ("no certificate", None, "no certificates"),
        ("of another authority", Some(other.client("root")), "invalid peer certificate"),
        ("self-signed", Some(self_signed("root")), "UnknownIssuer"),
        ("expired", Some(authority.sign(&expired(client("root")))), "expired"),
        ("not yet valid", Some(authority.sign(&not_yet_valid(client("root")))), "not valid yet"),
        ("of a server", Some(authority.sign(&server(HOST))), "not allow extended key usage"),
    ] {
        let client = place.client(&authority, issued.as_ref());
        let refused = connect(&strict, &client).await.err();
        let error = refused.and_then(|refused| refused.server);
        let error = error.unwrap_or_else(|| panic!("{what}: got through")).to_string();
        assert!(error.contains(said), "{what}: {error}");
    }
    let client = place.client(&authority, Some(&authority.client("root")));
    assert!(connect(&strict, &client).await.is_ok(), "only those are refused");
}

#[tokio::test]
async fn a_client_refuses_servers_that_its_authority_does_not_vouch_for() {
    let (authority, other) = (Authority::new("ca"), Authority::new("ca"));
    let place = Place::new();
    let client = place.client(&authority, None);
    for (what, issued, said) in [
        ("of another authority", other.server(), "invalid peer certificate"),
        ("for another name", authority.sign(&server("other.test")), "not valid for name"),
        ("expired", authority.sign(&expired(server(HOST))), "expired"),
        ("not yet valid", authority.sign(&not_yet_valid(server(HOST))), "not valid yet"),
        ("of a client", authority.client(HOST), "invalid peer certificate"),
    ] {
        // Such a certificate is no reason not to start.
        let server = place.server(&issued, None);
        let refused = connect(&server, &client).await.err();
        let error = refused.and_then(|refused| refused.client);
        let error = error.unwrap_or_else(|| panic!("{what}: got through")).to_string();
        assert!(error.contains(said), "{what}: {error}");
    }
}
