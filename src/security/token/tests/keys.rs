//! Keys from files: which are taken, and what comes of changing them.

use std::fs;
use std::path::Path;

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};

use super::{SECRET, check};
use crate::security::reload::Reload;
use crate::security::testing::{Place, base64url, new_token, now_s, token_of, verifier};
use crate::security::token::{SigningKey, TokenConfig, TokenError, Verifier, issue};

/// Too short to be used; made by openssl.
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDD3hEqQqSpOp1Ej91NNUapCz5A
vk1q7X0MNm2kwC9JdANBEN8KCPf6R6mbkRf+QUNnkdCR+YrDI88MaC8016sABDgQ
ePzcLWmRjqBxILUlHBWJJu1RvJ5BmNECfzKp21zchJ4FrgCaEtYUEuvd5aOzbmiB
JYHpgkcmLCbaq8SRbwIDAQAB
-----END PUBLIC KEY-----
";

fn refusal(key_files: &[&Path]) -> String {
    let key_files = key_files.iter().map(|file| file.to_path_buf()).collect();
    let config = TokenConfig { key_files, ..TokenConfig::default() };
    Verifier::new(config).expect_err("no such verifier").to_string()
}

#[test]
fn keys_of_a_jwks_file_go_by_their_ids_and_can_be_rotated() {
    let place = Place::new();
    let (old, new) = (place.ed25519("old"), place.ed25519("new"));
    let jwk = |raw: &[u8], kid: &str| {
        let x = base64url(raw);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"{kid}","x":"{x}"}}"#)
    };
    let jwks = |keys: &[String]| format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    let token = |pair: &Path, kid: Option<&str>| {
        let key = SigningKey::read(pair, kid.map(str::to_owned)).expect("a key");
        issue(&key, &new_token("root", now_s())).expect("a token")
    };
    let (old_key, new_key) = (jwk(&old.raw, "old"), jwk(&new.raw, "new"));
    let file = place.public("jwks.json", jwks(std::slice::from_ref(&old_key)));
    let verifier = verifier(&[&file]);
    assert_eq!(check(&verifier, &token(&old.private, Some("old"))).as_deref(), Ok("root"));
    assert_eq!(check(&verifier, &token(&old.private, None)).as_deref(), Ok("root"));
    let by_new = token(&new.private, Some("new"));
    assert_eq!(check(&verifier, &by_new), Err(TokenError::UnknownKey));

    place.public("jwks.json", jwks(&[old_key, new_key.clone()]));
    assert_eq!(verifier.reload_if_changed(), Reload::Reloaded);
    assert_eq!(check(&verifier, &by_new).as_deref(), Ok("root"));
    assert_eq!(check(&verifier, &token(&old.private, None)), Err(TokenError::NoKeyId));
    let mislabelled = token(&old.private, Some("new"));
    assert_eq!(check(&verifier, &mislabelled), Err(TokenError::WrongSignature));

    for broken in ["", "{\"keys\":[", "{\"keys\":[]}"] {
        place.public("jwks.json", broken);
        assert!(matches!(verifier.reload_if_changed(), Reload::Refused(_)), "{broken}");
        assert_eq!(check(&verifier, &by_new).as_deref(), Ok("root"), "{broken}");
    }
    place.public("jwks.json", jwks(&[new_key]));
    assert_eq!(verifier.reload_if_changed(), Reload::Reloaded);
    let by_old = token(&old.private, Some("old"));
    assert_eq!(check(&verifier, &by_old), Err(TokenError::UnknownKey));
    assert_eq!(check(&verifier, &by_new).as_deref(), Ok("root"));
}

#[test]
fn keys_of_a_jwks_file_are_those_of_the_pem_files() {
    let place = Place::new();
    let (ec, secret) = (place.p256("ec"), place.private("secret", SECRET));
    let [x, y] = [&ec.raw[1..33], &ec.raw[33..]].map(base64url);
    let ec_key = format!(r#"{{"kty":"EC","crv":"P-256","kid":"a","x":"{x}","y":"{y}"}}"#);
    let oct_key = format!(r#"{{"kty":"oct","kid":"b","k":"{}"}}"#, base64url(SECRET));
    let both = format!(r#"{{"keys":[{ec_key},{oct_key}]}}"#);
    let said = refusal(&[&place.public("jwks.json", &both)]);
    assert!(said.contains("holds a secret, but others can read"), "{said}");
    let verifier = verifier(&[&place.private("jwks.json", &both)]);
    for key in [&ec.private, &secret] {
        assert_eq!(check(&verifier, &token_of(key, "root")).as_deref(), Ok("root"));
    }
}

#[test]
fn files_that_are_no_keys_for_verifying_are_refused() {
    let place = Place::new();
    let ed = place.ed25519("ed");
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
    let pem = fs::read_to_string(&ed.public).expect("read");
    for (file, said) in [
        (ed.private.clone(), "is a private key"),
        (place.path("none"), "none: No such file"),
        (place.public("exposed", SECRET), "holds a secret, but others can read"),
        (place.private("short", &SECRET[..31]), "at least 32 bytes, not 31"),
        (place.private("short", [&SECRET[..31], b"\n"].concat()), "at least 32 bytes, not 31"),
        (place.private("empty", ""), "at least 32 bytes, not 0"),
        (place.pair("p384", &p384).public, "its curve is not P-256"),
        (place.public("rsa", RSA_1024), "this one has 1024"),
        (place.public("two", [pem.clone(), pem.clone()].concat()), "has 2 PEM blocks"),
        (place.public("half", &pem[..pem.len() / 2]), "broken PEM"),
        (place.public("cert", pem.replace("PUBLIC KEY", "CERTIFICATE")), "is a certificate"),
        (place.public("odd", pem.replace("PUBLIC KEY", "LETTER")), "has a `LETTER`"),
        (place.private("ssh", format!("ssh-ed25519 {}", "A".repeat(68))), "is neither a PEM"),
    ] {
        let refused = refusal(&[&file]);
        assert!(refused.contains(said), "{refused}");
        assert!(!refused.contains("more than 32"), "{refused}");
    }
}

#[test]
fn files_that_are_no_keys_for_signing_are_refused() {
    let place = Place::new();
    let ed = place.ed25519("ed");
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
    let pem = fs::read_to_string(&ed.private).expect("read");
    for (file, said) in [
        (ed.public, "is a public key"),
        (place.path("none"), "none: No such file"),
        (place.public("exposed", &pem), "holds a secret, but others can read"),
        (place.private("short", &SECRET[..31]), "at least 32 bytes"),
        (place.pair("p384", &p384).private, "its curve is not P-256"),
        (place.private("sec1", pem.replace("PRIVATE", "EC PRIVATE")), "PKCS #8"),
        (place.private("sealed", pem.replace("PRIVATE", "ENCRYPTED PRIVATE")), "is encrypted"),
        (place.private("jwks", "{\"keys\":[]}"), "neither a PEM private key nor a secret"),
    ] {
        let refused = SigningKey::read(&file, None).expect_err(said).to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn a_key_file_that_turns_bad_changes_nothing() {
    let place = Place::new();
    let secret = place.private("secret", SECRET);
    let verifier = verifier(&[&secret]);
    let token = token_of(&secret, "root");
    // Others can read it now, so it's no secret any more.
    place.public("secret", SECRET);
    assert!(matches!(verifier.reload_if_changed(), Reload::Refused(_)));
    assert_eq!(check(&verifier, &token).as_deref(), Ok("root"));
    place.private("secret", [b'n'; 32]);
    assert_eq!(verifier.reload_if_changed(), Reload::Reloaded);
    assert_eq!(check(&verifier, &token), Err(TokenError::WrongSignature));
}

#[test]
fn nothing_that_is_printed_holds_a_key() {
    let place = Place::new();
    let secret = place.private("secret", SECRET);
    let key = SigningKey::read(&secret, None).expect("a key");
    let printed = format!("{key:?} {:?}", verifier(&[&secret]));
    let bytes = format!("{SECRET:?}");
    assert!(
        !printed.contains("a secret that") && !printed.contains(bytes.trim_matches(['[', ']']))
    );
}
