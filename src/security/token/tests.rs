//! Tokens that are good, and all the ways in which others aren't.

mod keys;

use std::fs;
use std::time::Duration;

use jsonwebtoken::EncodingKey;

use super::*;
use crate::security::testing::{Place, base64url, new_token, now_s, token_of, verifier};

const SECRET: &[u8] = b"a secret that has more than 32 bytes";

fn check(verifier: &Verifier, token: &str) -> Result<String, TokenError> {
    verifier.verify(token, now_s()).map(|claims| claims.subject)
}

/// A token with any header and claims, signed with HMAC by any bytes.
fn forged(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", base64url(header), base64url(claims));
    let key = EncodingKey::from_secret(secret);
    let algorithm = jsonwebtoken::Algorithm::HS256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm);
    format!("{message}.{}", signature.expect("a signature"))
}

fn claims_of_root() -> String {
    format!(r#"{{"sub":"root","exp":{}}}"#, now_s() + 60)
}

#[test]
fn each_kind_of_key_verifies_what_it_signed_and_nothing_else() {
    let place = Place::new();
    let secrets = [place.private("one", SECRET), place.private("two", [b'x'; 40])];
    let kinds = [
        [place.ed25519("ed1"), place.ed25519("ed2")].map(|pair| (pair.private, pair.public)),
        [place.p256("ec1"), place.p256("ec2")].map(|pair| (pair.private, pair.public)),
        [place.rsa("rsa1"), place.rsa("rsa2")].map(|pair| (pair.private, pair.public)),
        secrets.map(|secret| (secret.clone(), secret)),
    ];
    for (kind, [(private, public), (_, other_public)]) in kinds.iter().enumerate() {
        let token = token_of(private, "root");
        assert_eq!(check(&verifier(&[public]), &token).as_deref(), Ok("root"), "{kind}");
        // Two keys of a kind without names: each may have signed it.
        assert_eq!(check(&verifier(&[other_public, public]), &token).as_deref(), Ok("root"));
        let other = verifier(&[other_public]);
        assert_eq!(check(&other, &token), Err(TokenError::WrongSignature), "{kind}");
        for (_, [(_, public), _]) in kinds.iter().enumerate().filter(|(index, _)| *index != kind) {
            assert_eq!(check(&verifier(&[public]), &token), Err(TokenError::WrongAlgorithm));
        }
    }
}

#[test]
fn a_token_that_is_not_signed_is_refused() {
    let place = Place::new();
    let ed = place.ed25519("ed");
    let verifier = verifier(&[&ed.public, &place.private("secret", SECRET)]);
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = format!(r#"{{"alg":"{name}","typ":"JWT"}}"#);
        let signed = forged(&header, &claims_of_root(), SECRET);
        assert_eq!(check(&verifier, &signed), Err(TokenError::UnknownAlgorithm), "{name}");
        let (message, _) = signed.rsplit_once('.').expect("a signature");
        let unsigned = format!("{message}.");
        assert_eq!(check(&verifier, &unsigned), Err(TokenError::UnknownAlgorithm), "{name}");
    }
    for token in [token_of(&ed.private, "root"), token_of(&place.path("secret"), "root")] {
        let (message, _) = token.rsplit_once('.').expect("a signature");
        for signature in ["", "AA", "=", "not base64!", &"A".repeat(86)] {
            let unsigned = format!("{message}.{signature}");
            assert_eq!(check(&verifier, &unsigned), Err(TokenError::WrongSignature), "{signature}");
        }
        assert_eq!(check(&verifier, message), Err(TokenError::Malformed));
    }
}

#[test]
fn a_public_key_is_no_secret_whatever_a_header_says() {
    let place = Place::new();
    for pair in [place.rsa("rsa"), place.p256("ec"), place.ed25519("ed")] {
        let pem = fs::read(&pair.public).expect("read");
        let trimmed = pem.strip_suffix(b"\n").unwrap_or(&pem);
        let header = r#"{"alg":"HS256","typ":"JWT"}"#;
        for secret in [&pem, trimmed, &pair.raw] {
            let token = forged(header, &claims_of_root(), secret);
            let alone = verifier(&[&pair.public]);
            assert_eq!(check(&alone, &token), Err(TokenError::WrongAlgorithm));
            let secret = place.private("secret", SECRET);
            let beside_a_secret = verifier(&[&pair.public, &secret]);
            assert_eq!(check(&beside_a_secret, &token), Err(TokenError::WrongSignature));
        }
    }
}

#[test]
fn other_algorithms_of_the_same_family_are_refused() {
    let place = Place::new();
    let secret = place.private("secret", SECRET);
    for name in ["HS512", "HS384", "PS256", "RS512", "ES384", "ES256K"] {
        let token = forged(&format!(r#"{{"alg":"{name}"}}"#), &claims_of_root(), SECRET);
        assert_eq!(check(&verifier(&[&secret]), &token), Err(TokenError::UnknownAlgorithm));
    }
}

#[test]
fn a_token_that_was_changed_is_refused() {
    let place = Place::new();
    let ed = place.ed25519("ed");
    let verifier = verifier(&[&ed.public]);
    let token = token_of(&ed.private, "bob");
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let claims_of_root = base64url(claims_of_root());
    let other_header = base64url(r#"{"alg":"EdDSA"}"#);
    for changed in [
        format!("{header}.{claims_of_root}.{signature}"),
        format!("{other_header}.{claims}.{signature}"),
        format!("{header}.{claims}.{}", &signature[..signature.len() - 4]),
    ] {
        assert_eq!(check(&verifier, &changed), Err(TokenError::WrongSignature), "{changed}");
    }
    assert_eq!(check(&verifier, &token).as_deref(), Ok("bob"));
}

#[test]
fn claims_count_only_behind_a_good_signature() {
    let place = Place::new();
    let secret = place.private("secret", SECRET);
    let verifier = verifier(&[&secret]);
    let header = r#"{"alg":"HS256"}"#;
    for (claims, error) in [
        (r#"{"sub":"root"}"#, TokenError::MissingClaim("exp")),
        (r#"{"sub":"root","exp":1}"#, TokenError::Expired),
        (r#"{"exp":99999999999}"#, TokenError::MissingClaim("sub")),
        (r#"{"sub":"root","exp":99999999999,"nbf":99999999998}"#, TokenError::NotYetValid),
        ("[]", TokenError::MalformedClaims),
    ] {
        assert_eq!(check(&verifier, &forged(header, claims, SECRET)), Err(error), "{claims}");
        let unsigned = forged(header, claims, b"another secret of more than 32 bytes");
        assert_eq!(check(&verifier, &unsigned), Err(TokenError::WrongSignature), "{claims}");
    }
}

#[test]
fn a_token_says_what_it_was_issued_with() {
    let place = Place::new();
    let ed = place.ed25519("ed");
    let key = SigningKey::read(&ed.private, Some("k1".into())).expect("a key");
    let now_s = now_s();
    let mut new = new_token("root", now_s);
    (new.audience, new.issuer) = (Some("log".into()), Some("me".into()));
    let token = issue(&key, &new).expect("a token");
    let read = Unverified::read(&token).expect("a token");
    assert_eq!(serde_json::Value::from(read.header)["kid"], "k1");
    assert_eq!(read.claims["iat"], now_s);
    let config = |audience: &str, issuer: &str| TokenConfig {
        key_files: vec![ed.public.clone()],
        audience: Some(audience.into()),
        issuer: Some(issuer.into()),
        leeway: Duration::from_secs(10),
    };
    let verify = |audience, issuer, at_s| {
        let verifier = Verifier::new(config(audience, issuer)).expect("keys");
        verifier.verify(&token, at_s).map(|claims| claims.expires_at_s)
    };
    assert_eq!(verify("log", "me", now_s), Ok(now_s + 60));
    assert_eq!(verify("log", "me", now_s + 69), Ok(now_s + 60));
    assert_eq!(verify("log", "me", now_s + 70), Err(TokenError::Expired));
    assert_eq!(verify("shop", "me", now_s), Err(TokenError::WrongAudience));
    assert_eq!(verify("log", "you", now_s), Err(TokenError::WrongIssuer));
    new.subject = "ro\not".into();
    assert!(matches!(issue(&key, &new), Err(KeyError::BadSubject(_))));
}

#[test]
fn a_leeway_has_a_limit() {
    let place = Place::new();
    let key_files = vec![place.ed25519("ed").public];
    let config =
        |leeway| TokenConfig { key_files: key_files.clone(), leeway, ..TokenConfig::default() };
    assert!(Verifier::new(config(MAX_LEEWAY)).is_ok());
    let too_long = Verifier::new(config(MAX_LEEWAY + Duration::from_nanos(1)));
    assert!(matches!(too_long, Err(KeyError::LeewayTooLong(_))));
    let no_keys = Verifier::new(TokenConfig::default());
    assert!(matches!(no_keys, Err(KeyError::NoKeys)));
}
