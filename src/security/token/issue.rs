//! Writes and signs tokens.

use jsonwebtoken::Header;
use serde::Serialize;

use super::error::KeyError;
use super::signing_key::SigningKey;
use crate::security::subject::check_subject;

/// What a new token is to claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewToken {
    /// Whom it is for.
    #[serde(rename = "sub")]
    pub subject: String,
    /// When it is written, in seconds since 1970.
    #[serde(rename = "iat")]
    pub issued_at_s: u64,
    /// From when on it is over.
    #[serde(rename = "exp")]
    pub expires_at_s: u64,
    /// Who may accept it.
    #[serde(rename = "aud", skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Who wrote it.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// A token that says so, signed.
///
/// # Errors
///
/// The subject's name can't be one, or signing fails.
pub fn issue(key: &SigningKey, token: &NewToken) -> Result<String, KeyError> {
    check_subject(&token.subject)?;
    let mut header = Header::new(key.algorithm.of_library());
    header.kid.clone_from(&key.kid);
    jsonwebtoken::encode(&header, token, &key.key)
        .map_err(|error| KeyError::Signing(error.to_string()))
}
