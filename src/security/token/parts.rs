//! A token taken apart: three parts of base64url with dots between (RFC 7515, compact form).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::TokenError;

/// A longer token is refused before it is looked at.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What there is before anything is verified.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    /// What the signature is of: header and claims, encoded.
    pub(super) message: &'a str,
    pub(super) claims: &'a str,
    pub(super) signature: &'a str,
}

/// What decides how a token is verified. Other names are passed over, as the standard has it.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    #[serde(default, deserialize_with = "even_null")]
    crit: Option<Value>,
}

fn even_null<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// Whether JSON is an object, and not an array, which would do for the fields of a struct.
pub(super) fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'{')
}

impl Parts<'_> {
    pub(super) fn of(token: &str) -> Result<Parts<'_>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        if claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed)?;
        if !is_object(&header) {
            return Err(TokenError::Malformed);
        }
        let header: Header = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        match header.crit {
            Some(_) => Err(TokenError::Critical),
            None => Ok(Parts { header, message, claims, signature }),
        }
    }
}

/// What a token says of itself. Nothing of it was verified: anybody can write such a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Unverified {
    /// How it claims to be signed.
    pub header: Map<String, Value>,
    /// What it claims.
    pub claims: Map<String, Value>,
}

impl Unverified {
    /// Takes a token apart, to look at it.
    ///
    /// # Errors
    ///
    /// It is too long, or not two JSON objects and a signature.
    pub fn read(token: &str) -> Result<Unverified, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, _signature] = parts[..] else { return Err(TokenError::Malformed) };
        let object = |part: &str, error| {
            let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| error)?;
            serde_json::from_slice(&json).map_err(|_| error)
        };
        Ok(Unverified {
            header: object(header, TokenError::Malformed)?,
            claims: object(claims, TokenError::MalformedClaims)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{}"), encode("signature"))
    }

    fn refusal(token: &str) -> TokenError {
        Parts::of(token).expect_err(token)
    }

    #[test]
    fn only_three_parts_with_a_header_are_a_token() {
        let good = token(r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#);
        assert_eq!(Parts::of(&good).expect("a token").header.kid.as_deref(), Some("a"));
        for garbage in ["", ".", "..", "...", "a.b", "e30.e30.e30", "\u{0}.é.\n", "Bearer x"] {
            assert_eq!(refusal(garbage), TokenError::Malformed, "{garbage:?}");
        }
        assert_eq!(refusal(&format!("{good}.e30")), TokenError::Malformed);
        for header in [
            "",
            "[]",
            r#"["HS256",null,null]"#,
            "{}",
            r#"{"alg":1}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            "{\"alg\"",
        ] {
            assert_eq!(refusal(&token(header)), TokenError::Malformed, "{header}");
        }
        let padded = good.replacen('.', "=.", 1);
        assert_eq!(refusal(&padded), TokenError::Malformed);
    }

    #[test]
    fn extensions_that_must_be_understood_are_refused() {
        for crit in [r#"["b64"]"#, "[]", "null"] {
            let header = format!(r#"{{"alg":"HS256","b64":false,"crit":{crit}}}"#);
            assert_eq!(refusal(&token(&header)), TokenError::Critical, "{crit}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        let long = format!("{}.", "a".repeat(MAX_TOKEN_BYTES));
        assert_eq!(refusal(&long), TokenError::TooLong);
        assert_eq!(refusal(&long[..MAX_TOKEN_BYTES]), TokenError::Malformed);
        assert_eq!(Unverified::read(&long), Err(TokenError::TooLong));
    }

    #[test]
    fn what_a_token_says_of_itself_can_be_read() {
        let read = Unverified::read(&token(r#"{"alg":"none"}"#)).expect("two objects");
        assert_eq!(read.header["alg"], "none");
        assert!(read.claims.is_empty());
        assert_eq!(Unverified::read("e30.W10.x"), Err(TokenError::MalformedClaims));
        assert_eq!(Unverified::read("e30.e30"), Err(TokenError::Malformed));
    }
}
