//! Files that change while they are in use.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::authority::{Authority, Place, client, expired, server, set_mode, set_modified};
use super::authority::{HOST, Issued};
use super::pair::{PATIENCE, connect};
use crate::security::tls::{IdentityFiles, Reloaded, ServerTls, TlsFiles};

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.server(), None);
    let client = place.client(&authority, None);
    let mut open = connect(&server, &client).await.expect("a connection");
    assert_eq!(server.reload_if_changed(), Reloaded::Unchanged);
    place.identity("server", &authority.server());
    assert_eq!(server.reload_if_changed(), Reloaded::Changed);
    assert_eq!(server.reload_if_changed(), Reloaded::Unchanged);
    open.talk().await;
    let mut new = connect(&server, &client).await.expect("another connection");
    new.talk().await;
    assert_ne!(open.server_certificate(), new.server_certificate());
}

#[tokio::test]
async fn a_client_takes_new_files_too() {
    let (place, authority, next) = (Place::new(), Authority::new("ca"), Authority::new("next"));
    let server = place.server(&next.server(), None);
    let client = place.client(&authority, None);
    assert!(connect(&server, &client).await.is_err(), "not trusted yet");
    place.write("ca.pem", &format!("{}{}", authority.pem(), next.pem()));
    assert_eq!(client.reload_if_changed(), Reloaded::Changed);
    connect(&server, &client).await.expect("both are trusted");
}

/// Each way to replace files, from what is there to `next`.
#[test]
fn files_are_replaced_in_any_way() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let files = place.server_files(&authority.server(), None);
    let server = ServerTls::load(files.clone()).expect("TLS");
    let IdentityFiles { cert, key } = files.identity;
    let changed = |how| assert_eq!(server.reload_if_changed(), Reloaded::Changed, "{how}");

    // In place, with the old times: only the bytes differ.
    let times = [&cert, &key].map(|path| fs::metadata(path).expect("a file").modified());
    place.identity("server", &authority.server());
    for (path, time) in [&cert, &key].into_iter().zip(times) {
        set_modified(path, time.expect("a time"));
    }
    changed("written over");

    let next = place.identity("next", &authority.server());
    fs::rename(next.cert, &cert).expect("a new name");
    fs::rename(next.key, &key).expect("a new name");
    changed("renamed");
}

/// As Kubernetes does it: the files are links through a link to a directory, and that one is swapped.
#[test]
fn a_link_is_swapped() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let put = |version: &str, issued: &Issued| {
        fs::create_dir(place.path(version)).expect("a directory");
        place.identity(&format!("{version}/tls"), issued);
    };
    put("..1", &authority.server());
    put("..2", &authority.server());
    symlink("..1", place.path("..data")).expect("a link");
    symlink("..data/tls.pem", place.path("tls.pem")).expect("a link");
    symlink("..data/tls-key.pem", place.path("tls-key.pem")).expect("a link");
    let identity = IdentityFiles { cert: place.path("tls.pem"), key: place.path("tls-key.pem") };
    let server = ServerTls::load(TlsFiles { identity, client_ca: None }).expect("TLS");
    symlink("..2", place.path("..tmp")).expect("a link");
    fs::rename(place.path("..tmp"), place.path("..data")).expect("a swap");
    assert_eq!(server.reload_if_changed(), Reloaded::Changed);
}

#[tokio::test]
async fn a_broken_file_changes_nothing() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let (old, next) = (authority.server(), authority.server());
    let files = place.server_files(&old, Some(&authority));
    let server = Arc::new(ServerTls::load(files.clone()).expect("TLS"));
    let client = place.client(&authority, Some(&authority.client("root")));
    let IdentityFiles { cert, key } = files.identity;
    let client_ca = files.client_ca.expect("a path");
    for (what, path, text) in [
        ("half of it", &cert, &next.cert[..next.cert.len() / 2]),
        ("empty", &cert, ""),
        ("of another key", &cert, next.cert.as_str()),
        ("no key", &key, next.cert.as_str()),
        ("of another certificate", &key, next.key.as_str()),
        ("no authority", &client_ca, ""),
    ] {
        let before = fs::read(path).expect("a file");
        fs::write(path, text).expect("a file");
        assert_eq!(server.reload_if_changed(), Reloaded::Refused, "{what}");
        assert_eq!(server.reload_if_changed(), Reloaded::Refused, "{what}");
        connect(&server, &client).await.expect(what).talk().await;
        fs::write(path, before).expect("a file");
        assert_eq!(server.reload_if_changed(), Reloaded::Unchanged, "{what}");
    }
    set_mode(&key, 0o644);
    assert_eq!(server.reload_if_changed(), Reloaded::Refused, "others can read the key");
    set_mode(&key, 0o600);
    fs::remove_file(&cert).expect("a file");
    assert_eq!(server.reload_if_changed(), Reloaded::Refused, "no file");
    place.identity("server", &next);
    assert_eq!(server.reload_if_changed(), Reloaded::Changed);
    connect(&server, &client).await.expect("a connection").talk().await;
}

/// What is logged while `work` is done.
fn logged(work: impl FnOnce()) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl MakeWriter<'_> for Lines {
        type Writer = Lines;
        fn make_writer(&self) -> Lines {
            self.clone()
        }
    }
    // With one subscriber alone, whether an event is of interest would be up to the thread that meets it
    // first, which may be that of another test.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let lines = Lines::default();
    let format = tracing_subscriber::fmt().with_ansi(false).with_target(false).without_time();
    tracing::subscriber::with_default(format.with_writer(lines.clone()).finish(), work);
    let bytes = lines.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("UTF-8").lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn what_is_wrong_is_said_once_and_so_is_its_end() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let old = authority.server();
    let server = ServerTls::load(place.server_files(&old, None)).expect("TLS");
    let look_often = || (0..5).map(|_| server.reload_if_changed()).last();
    let lines = logged(|| {
        look_often();
        place.write("server.pem", "");
        look_often();
        place.write("server-key.pem", "");
        look_often();
        place.identity("server", &old);
        look_often();
        place.write("server.pem", "");
        look_often();
        place.identity("server", &authority.server());
        look_often();
    });
    let expected = [
        ("WARN", "there is no certificate in"),
        ("INFO", "again what is in force"),
        ("WARN", "there is no certificate in"),
        ("INFO", "the changed files are in force"),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (level, text)) in lines.iter().zip(expected) {
        assert!(line.starts_with(level) && line.contains(text), "{line}");
    }
}

#[test]
fn a_certificate_that_is_not_valid_now_is_warned_of() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let files = place.server_files(&authority.sign(&expired(server(HOST))), None);
    let lines = logged(|| {
        let server = ServerTls::load(files).expect("a warning is all");
        assert_eq!(server.not_after(), 978_307_200);
        let mut params = client("x");
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        place.identity("server", &authority.sign(&params));
        assert_eq!(server.reload_if_changed(), Reloaded::Changed);
        assert_eq!(server.not_after(), 1_893_456_000);
    });
    assert!(lines[0].contains("server.pem expired at 2001-01-01T00:00:00Z"), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[tokio::test]
async fn files_are_looked_at_by_themselves() {
    let (place, authority) = (Place::new(), Authority::new("ca"));
    let server = place.server(&authority.sign(&expired(server(HOST))), None);
    let reloading = tokio::spawn(Arc::clone(&server).reload_every(Duration::from_millis(5)));
    place.identity("server", &authority.server());
    let changed = async {
        while server.not_after() < 2_000_000_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await.expect("the new certificate");
    reloading.abort();
}
