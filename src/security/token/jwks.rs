//! JWKS files (RFC 7517): public keys with ids, as identity providers publish them.
//!
//! Keys for other purposes or of other kinds are passed over, since such files have them. A key that
//! is meant for verifying tokens but can't be used makes the whole file bad.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::algorithm::Algorithm;
use super::public_key::{Verdict, VerificationKey};

const MAX_KEYS: usize = 100;
const MAX_KID_BYTES: usize = 256;

#[derive(Deserialize)]
struct KeySetFile {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<String>,
    /// The private part of any asymmetric key.
    d: Option<IgnoredAny>,
}

/// Whether others must not read it. A file that makes no sense has none: it is refused anyway.
pub(super) fn has_secrets(bytes: &[u8]) -> bool {
    let file: Result<KeySetFile, _> = serde_json::from_slice(without_mark(bytes));
    file.is_ok_and(|file| file.keys.iter().any(|key| key.kty == "oct"))
}

/// All keys that can verify tokens.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<VerificationKey>, String> {
    let file: KeySetFile = serde_json::from_slice(without_mark(bytes))
        // Not in the words of the parser, which repeats what it has read.
        .map_err(|error| {
            format!("is not a JWKS file: see line {} column {}", error.line(), error.column())
        })?;
    if file.keys.len() > MAX_KEYS {
        return Err(format!("has more than {MAX_KEYS} keys"));
    }
    let mut keys = Vec::new();
    for (index, jwk) in file.keys.iter().enumerate() {
        if let Some(algorithm) = jwk.algorithm() {
            let key = jwk.key(algorithm).map_err(|reason| jwk.complain(index, &reason))?;
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err("has no key for EdDSA (Ed25519), ES256, RS256 or HS256".into());
    }
    Ok(keys)
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

impl Jwk {
    /// The one algorithm that it is for; `None` if it's not for verifying tokens here.
    fn algorithm(&self) -> Option<Algorithm> {
        let algorithm = match (&*self.kty, self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("RSA", _) => Algorithm::Rs256,
            ("oct", _) => Algorithm::Hs256,
            _ => return None,
        };
        let signs = self.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
        let verifies = self
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|it| it == "verify"));
        let fits = self.alg.as_ref().is_none_or(|name| name == algorithm.name());
        (signs && verifies && fits).then_some(algorithm)
    }

    fn key(&self, algorithm: Algorithm) -> Verdict {
        let kid = match &self.kid {
            Some(kid) if !kid.is_empty() && kid.len() <= MAX_KID_BYTES => kid.clone(),
            Some(_) => return Err(format!("its `kid` has to have 1 to {MAX_KID_BYTES} bytes")),
            None => return Err("it has no `kid`".into()),
        };
        if self.d.is_some() {
            return Err("it has a private part, `d`, which doesn't belong here".into());
        }
        let key = match algorithm {
            Algorithm::EdDsa => VerificationKey::ed25519(&bytes("x", &self.x)?),
            Algorithm::Es256 => {
                let (x, y) = (bytes("x", &self.x)?, bytes("y", &self.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err("its `x` and `y` have to have 32 bytes".into());
                }
                VerificationKey::p256(&[&[4][..], &x, &y].concat())
            }
            Algorithm::Rs256 => VerificationKey::rsa(&bytes("n", &self.n)?, &bytes("e", &self.e)?),
            Algorithm::Hs256 => VerificationKey::secret(&bytes("k", &self.k)?),
        };
        Ok(key?.named(kid))
    }

    fn complain(&self, index: usize, reason: &str) -> String {
        let kid = self.kid.as_ref().map(|kid| format!(" `{}`", kid.escape_debug()));
        format!("key {}{}: {reason}", index + 1, kid.unwrap_or_default())
    }
}

fn bytes(name: &str, text: &Option<String>) -> Result<Vec<u8>, String> {
    let text = text.as_ref().ok_or_else(|| format!("it has no `{name}`"))?;
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| format!("its `{name}` is not base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read_text(text: &str) -> Result<Vec<VerificationKey>, String> {
        read(text.as_bytes())
    }

    fn set(keys: &[String]) -> String {
        format!(r#"{{"keys": [{}]}}"#, keys.join(","))
    }

    fn ed(more: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{more}}}"#)
    }

    #[test]
    fn keys_for_other_purposes_are_passed_over() {
        let mut keys = vec![ed(r#","kid":"a","use":"sig","alg":"EdDSA","key_ops":["verify"]"#)];
        for other in [r#""use":"enc""#, r#""alg":"RS256""#, r#""key_ops":["sign"]"#] {
            keys.push(ed(&format!(r#","kid":"b",{other}"#)));
        }
        keys.push(r#"{"kty":"OKP","crv":"X25519","kid":"c","x":"AA"}"#.into());
        keys.push(r#"{"kty":"EC","crv":"P-384","kid":"d","x":"AA","y":"AA"}"#.into());
        keys.push(r#"{"kty":"RSA","alg":"RSA-OAEP","kid":"e"}"#.into());
        keys.push(r#"{"kty":"new","kid":"f"}"#.into());
        let read = read_text(&set(&keys)).expect("one key");
        assert_eq!(read.iter().map(|key| key.kid.as_deref()).collect::<Vec<_>>(), [Some("a")]);
        assert_eq!(read[0].algorithm, Algorithm::EdDsa);
        let none = read_text(&set(&keys[1..])).expect_err("nothing left");
        assert!(none.starts_with("has no key for"), "{none}");
    }

    #[test]
    fn a_broken_key_makes_the_file_bad_and_is_named() {
        for (bad, said) in [
            (ed(""), "key 2: it has no `kid`"),
            (ed(r#","kid":"""#), "`kid` has to have 1"),
            (ed(r#","kid":"b","d":"AA""#), "key 2 `b`: it has a private part"),
            (r#"{"kty":"OKP","crv":"Ed25519","kid":"b"}"#.into(), "has no `x`"),
            (r#"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"AA"}"#.into(), "has 32 bytes"),
            (r#"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"=="}"#.into(), "not base64url"),
            (r#"{"kty":"EC","crv":"P-256","kid":"b","x":"AA","y":"AA"}"#.into(), "32 bytes"),
            (r#"{"kty":"RSA","kid":"b","n":"AQAB","e":"AQAB"}"#.into(), "2048 to 8192 bits"),
            (r#"{"kty":"oct","kid":"b","k":"AAAA"}"#.into(), "at least 32 bytes"),
        ] {
            let text = set(&[ed(r#","kid":"a""#), bad]);
            let refused = read_text(&text).expect_err(&text);
            assert!(refused.contains(said), "{refused}");
        }
        for text in ["{}", r#"{"keys": 1}"#, r#"{"keys": []"#, &ed(r#","kid":"a""#)] {
            let refused = read_text(text).expect_err(text);
            assert!(refused.starts_with("is not a JWKS file"), "{refused}");
        }
    }

    #[test]
    fn secrets_are_noticed() {
        assert!(!has_secrets(set(&[ed(r#","kid":"a""#)]).as_bytes()));
        let oct = r#"{"kty":"oct","kid":"b","k":"AAAA","use":"enc"}"#.to_owned();
        assert!(has_secrets(set(&[ed(r#","kid":"a""#), oct]).as_bytes()));
    }
}
