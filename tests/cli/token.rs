//! Tokens are issued with keys that nobody else can read, and verified with their public halves.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rcgen::{KeyPair, PKCS_ED25519};

use crate::support::{Place, Said};

const SECRET: &str = "a secret that has more than 32 bytes\n";

/// A file in the place, with these permissions.
fn write(place: &Place, name: &str, text: &str, mode: u32) {
    let path = place.log().with_file_name(name);
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
}

/// Standard output of a run that has to succeed.
fn done(said: Said) -> String {
    assert_eq!(said.exit, Some(0), "{}", said.stderr);
    said.stdout
}

#[test]
fn a_token_is_printed_alone_and_verified_from_everywhere_it_may_be() {
    let place = Place::new();
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    write(&place, "token.key", &key.serialize_pem(), 0o600);
    write(&place, "token.pub", &key.public_key_pem(), 0o644);
    let issue = "token issue --sub root --ttl 1h --key token.key --aud log --iss me --kid k1";
    let said = place.run(issue);
    assert_eq!(said.stderr, "");
    let token = done(said);
    let word = token.strip_suffix('\n').expect("a line");
    assert!(word.split('.').count() == 3 && !word.contains(char::is_whitespace), "{token}");
    write(&place, "root.token", &token, 0o600);

    let verify = "token inspect --key token.pub --aud log --iss me";
    let shown = done(place.run(&format!("{verify} root.token")));
    assert!(shown.starts_with("verified: ") && shown.contains("kid     \"k1\""), "{shown}");
    assert_eq!(done(place.run_with(&format!("{verify} -"), token.as_bytes())), shown);
    assert_eq!(done(place.run_with(verify, token.as_bytes())), shown);
    let mut command = place.command(verify.split(' '));
    command.env("PROGLOG_TOKEN", word);
    assert_eq!(done(Said::of(command.output().expect("it runs"))), shown);
    let for_others = place.run("token inspect --key token.pub --aud shop --iss me root.token");
    assert_eq!(for_others.exit, Some(1));
    assert!(for_others.stdout.starts_with("NOT GOOD: "), "{}", for_others.stdout);
}

#[test]
fn a_token_in_json_says_when_it_ends() {
    let place = Place::new();
    write(&place, "secret", SECRET, 0o600);
    let json = done(place.run("--output json token issue --sub bob --ttl 1h --key secret"));
    let document: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(document["subject"], "bob");
    assert!(document["expires"].as_str().is_some_and(|time| time.ends_with('Z')), "{json}");
    let token = document["token"].as_str().expect("a token");
    done(place.run_with("token inspect --key secret", token.as_bytes()));
}

#[test]
fn a_secret_that_others_can_read_is_not_used() {
    let place = Place::new();
    write(&place, "secret", SECRET, 0o644);
    for words in ["token issue --sub root --ttl 1h --key secret", "token inspect --key secret"] {
        let said = place.run_with(words, b"a.b.c");
        assert_eq!((said.exit, &*said.stdout), (Some(2), ""), "{words}");
        assert!(said.stderr.contains("run `chmod 600 secret`"), "{}", said.stderr);
        assert!(!said.stderr.contains("more than 32"), "{}", said.stderr);
    }
}
