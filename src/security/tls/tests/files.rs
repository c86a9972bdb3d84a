//! Files that can't be used, and what is said about them.

use std::fs;

use super::authority::{Authority, HOST, Place, set_mode};
use crate::security::tls::{ClientTls, ClientTlsOptions, IdentityFiles, ServerTls, TlsFiles};

/// What is said about a server's files when one of them is replaced.
struct Refusal {
    place: Place,
    files: TlsFiles,
}

impl Refusal {
    fn new() -> Refusal {
        let (place, authority) = (Place::new(), Authority::new("ca"));
        let files = place.server_files(&authority.server(), Some(&authority));
        ServerTls::load(files.clone()).expect("sound files");
        Refusal { place, files }
    }

    fn message(&self) -> String {
        ServerTls::load(self.files.clone()).expect_err("broken files").to_string()
    }

    fn with(&self, name: &str, text: &str) -> String {
        let path = self.place.path(name);
        let before = fs::read_to_string(&path).expect("a file");
        fs::write(&path, text).expect("a file");
        let message = self.message();
        fs::write(&path, before).expect("a file");
        message
    }
}

#[test]
fn each_message_names_the_file_and_what_it_lacks() {
    let refusal = Refusal::new();
    let other = Authority::new("other").server();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (name, text, said) in [
        ("server.pem", "", "there is no certificate in"),
        ("server.pem", "words", "there is no certificate in"),
        ("server.pem", other.key.as_str(), "there is no certificate in"),
        ("server.pem", &other.cert[..200], "not sound PEM"),
        ("server.pem", broken, "can't be used"),
        ("server.pem", other.cert.as_str(), "is not that of the first certificate"),
        ("server-key.pem", "", "there is no private key in"),
        ("server-key.pem", encrypted, "not an encrypted one"),
        ("server-key.pem", other.cert.as_str(), "there is no private key in"),
        ("server-key.pem", &other.key[..100], "not sound PEM"),
        ("server-key.pem", broken_key, "can't be used"),
        ("server-key.pem", other.key.as_str(), "is not that of the first certificate"),
        ("client-ca.pem", "", "there is no certificate in"),
        ("client-ca.pem", broken, "can't be used"),
    ] {
        let message = refusal.with(name, text);
        let path = refusal.place.path(name);
        assert!(message.contains(said), "{name} {text:?}: {message}");
        assert!(message.contains(path.to_str().expect("UTF-8")), "{name}: {message}");
    }
}

#[test]
fn no_message_quotes_a_key() {
    let refusal = Refusal::new();
    let key = Authority::new("other").server().key;
    let body: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    let damaged = [
        key.replace("-----END", "----END"),
        key.replace('A', "!"),
        key.replace("-----\n", "-----"),
        body.concat(),
    ];
    for text in damaged {
        let message = refusal.with("server-key.pem", &text);
        assert!(body.iter().all(|line| !message.contains(line)), "{message}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let refusal = Refusal::new();
    let key = &refusal.files.identity.key;
    set_mode(key, 0o644);
    let message = refusal.message();
    assert!(message.contains(&format!("run `chmod 600 {}`", key.display())), "{message}");
}

#[test]
fn a_client_names_its_files_likewise() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let (own, other) = (authority.client("root"), authority.client("root"));
    let options = ClientTlsOptions {
        ca: place.write("ca.pem", &authority.pem()),
        identity: Some(place.identity("client", &own)),
        server_name: None,
    };
    let message =
        |options: ClientTlsOptions| ClientTls::load(options).expect_err("broken files").to_string();
    let swapped =
        IdentityFiles { cert: place.path("client.pem"), key: place.identity("other", &other).key };
    let said = message(ClientTlsOptions { identity: Some(swapped), ..options.clone() });
    assert!(said.contains("other-key.pem is not that of the first"), "{said}");
    let ca = place.write("empty.pem", "");
    let said = message(ClientTlsOptions { ca, ..options.clone() });
    assert!(said.contains("no certificate in") && said.contains("empty.pem"), "{said}");
    for name in ["", "a b", "log.test:8400", "https://log.test"] {
        let server_name = Some(name.to_owned());
        let said = message(ClientTlsOptions { server_name, ..options.clone() });
        assert!(said.contains("no name of a server"), "{said}");
    }
    let server_name = Some(HOST.to_owned());
    ClientTls::load(ClientTlsOptions { server_name, ..options }).expect("sound files");
}
