//! Certificates as they are made, used by both ends, and authorities that can't sign.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use hyper::Uri;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::cli::args::{Cli, Command};
use crate::cli::failure::Failure;
use crate::security::tls::{
    Alpn, ClientTls, ClientTlsOptions, IdentityFiles, ServerTls, TlsFiles, peer_subject,
};

const PATIENCE: Duration = Duration::from_secs(60);

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What `proglog certs` prints with these words.
    fn certs(&self, words: &str) -> anyhow::Result<String> {
        let out = self.0.path().to_str().expect("UTF-8");
        let words = ["proglog", "certs"].into_iter().chain(words.split(' '));
        let cli = Cli::try_parse_from(words.chain(["--out", out]))?;
        let Command::Certs(args) = cli.command else { panic!("not certs") };
        let mut printed = Vec::new();
        super::run(args, &cli.global.context(), &mut printed)?;
        Ok(String::from_utf8(printed)?)
    }

    fn made(&self, words: &str) -> String {
        self.certs(words).expect(words)
    }

    fn failure(&self, words: &str) -> Failure {
        let error = self.certs(words).expect_err(words);
        error.downcast().expect("a failure of this command")
    }

    fn identity(&self, name: &str) -> IdentityFiles {
        let key = self.path(&format!("{name}-key.pem"));
        IdentityFiles { cert: self.path(&format!("{name}.pem")), key }
    }

    fn server(&self) -> Arc<ServerTls> {
        let (identity, client_ca) = (self.identity("server"), Some(self.path("ca.pem")));
        Arc::new(ServerTls::load(TlsFiles { identity, client_ca }).expect("a server's files"))
    }

    fn client(&self, name: &str, server_name: &str) -> Arc<ClientTls> {
        let options = ClientTlsOptions {
            ca: self.path("ca.pem"),
            identity: Some(self.identity(name)),
            server_name: Some(server_name.to_owned()),
        };
        Arc::new(ClientTls::load(options).expect("a client's files"))
    }
}

/// Who the client is to the server, if they get together.
async fn subject(server: &Arc<ServerTls>, client: &Arc<ClientTls>) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let uri: Uri = format!("https://{address}").parse().expect("a URI");
    let (acceptor, connector) = (server.acceptor(Alpn::Http2), client.connector(PATIENCE));
    let accept = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        acceptor.accept(stream, PATIENCE).await
    };
    let (accepted, connected) = tokio::join!(accept, connector.connect(&uri));
    let (stream, _connected) = (accepted.ok()?, connected.ok()?);
    let subject = peer_subject(&stream).expect("one name")?;
    Some(subject.as_str().to_owned())
}

#[tokio::test]
async fn what_is_made_is_what_both_ends_take() {
    let place = Place::new();
    place.made("init");
    place.made("server --name log.test,10.1.2.3 --name *.wild.test --name ::1");
    place.made("client --cn root");
    let server = place.server();
    for host in ["log.test", "10.1.2.3", "a.wild.test", "::1"] {
        let subject = subject(&server, &place.client("root", host)).await;
        assert_eq!(subject.as_deref(), Some("root"), "{host}");
    }
    for host in ["localhost", "wild.test", "10.1.2.4"] {
        assert_eq!(subject(&server, &place.client("root", host)).await, None, "{host}");
    }
}

#[tokio::test]
async fn a_certificate_has_one_purpose() {
    let place = Place::new();
    place.made("init");
    place.made("server --name log.test");
    let as_client = place.client("server", "log.test");
    assert_eq!(subject(&place.server(), &as_client).await, None);
}

#[test]
fn an_authority_is_never_replaced() {
    let place = Place::new();
    place.made("init");
    let before = fs::read(place.path("ca-key.pem")).expect("a key");
    assert_eq!(place.failure("init").code, "exists");
    fs::remove_file(place.path("ca.pem")).expect("a file");
    assert_eq!(place.failure("init").code, "exists", "the key is there");
    assert_eq!(fs::read(place.path("ca-key.pem")).expect("a key"), before);
    let refused = place.certs("init --force").expect_err("no such flag");
    assert!(refused.to_string().contains("unexpected argument '--force'"), "{refused}");
}

#[test]
fn others_are_replaced_only_by_force() {
    let place = Place::new();
    place.made("init");
    for words in ["server --name log.test", "client --cn root"] {
        place.made(words);
        assert_eq!(place.failure(words).code, "exists", "{words}");
        place.made(&format!("{words} --force"));
    }
}

#[test]
fn no_certificate_outlives_its_authority() {
    let place = Place::new();
    place.made("init --days 30");
    let end = |printed: &str| {
        let document: serde_json::Value = serde_json::from_str(printed).expect("JSON");
        document["not_after"].as_str().expect("a time").to_owned()
    };
    let long = end(&place.made("client --cn long --output json"));
    let longer = end(&place.made("client --cn longer --days 1000 --output json"));
    let short = end(&place.made("client --cn short --days 29 --output json"));
    assert_eq!(long, longer);
    assert!(short < long, "{short} {long}");
}

fn copy(from: &Path, to: &Path) {
    // With its permissions.
    fs::copy(from, to).expect("a copy");
}

#[test]
fn an_authority_that_cannot_sign_says_why() {
    let (place, other) = (Place::new(), Place::new());
    assert_eq!(place.failure("client --cn root").code, "no_authority");
    place.made("init");
    other.made("init");
    place.made("server");

    let (ca, key) = (place.path("ca.pem"), place.path("ca-key.pem"));
    let kept = [place.path("kept.pem"), place.path("kept-key.pem")];
    copy(&ca, &kept[0]);
    copy(&key, &kept[1]);
    let refused = |said: &str| {
        let failure = place.failure("client --cn root");
        assert!(failure.message.contains(said), "{failure}");
        copy(&kept[0], &ca);
        copy(&kept[1], &key);
    };
    copy(&other.path("ca-key.pem"), &key);
    refused("is not the certificate of the key in");
    copy(&place.path("server.pem"), &ca);
    copy(&place.path("server-key.pem"), &key);
    refused("none of an authority");
    fs::write(&ca, "words").expect("a file");
    refused("is not sound PEM");
    fs::write(&key, "words").expect("a file");
    refused("is not sound PEM of a private key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("permissions");
    refused("run `chmod 600");
    fs::remove_file(&key).expect("a file");
    refused("can't read");
    place.made("client --cn root");
}
