//! Why a token is refused, and why a key can't be used.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::verifier::MAX_LEEWAY;
use crate::security::file::FileError;
use crate::security::subject::BadSubject;

/// Why a token is refused: for logs, and not for whoever sent it.
///
/// Nothing in it comes from the token itself, so a log can't be made to say what a caller wants.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// It is too long to be looked at.
    #[error("the token has more than {} bytes", super::MAX_TOKEN_BYTES)]
    TooLong,
    /// It isn't three parts of base64url, or its header isn't the JSON that it has to be.
    #[error("the token is malformed")]
    Malformed,
    /// Its header has extensions that have to be understood, and none are.
    #[error("the token's header has `crit`")]
    Critical,
    /// It is signed in a way that is not known, or not at all.
    #[error("the token's algorithm is none of EdDSA, ES256, RS256, HS256")]
    UnknownAlgorithm,
    /// No key, or not the key that it names, is for its algorithm.
    #[error("no key is for the token's algorithm")]
    WrongAlgorithm,
    /// It names a key that isn't there.
    #[error("the token's key id is not known")]
    UnknownKey,
    /// There are several keys with an id, and it names none.
    #[error("the token has no key id, and there is more than one key")]
    NoKeyId,
    /// No key that may have signed it did.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// Its claims aren't a JSON object, or one is given twice.
    #[error("the token's claims are malformed")]
    MalformedClaims,
    /// A claim that is demanded isn't there.
    #[error("the token has no `{0}`")]
    MissingClaim(&'static str),
    /// A claim is of the wrong type, or out of range.
    #[error("the token's `{0}` is malformed")]
    BadClaim(&'static str),
    /// Its `sub` can't be a subject's name.
    #[error("the token's `sub`: {0}")]
    BadSubject(#[from] BadSubject),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It is for others.
    #[error("the token is for another audience")]
    WrongAudience,
    /// It comes from others.
    #[error("the token is from another issuer")]
    WrongIssuer,
}

/// Why keys can't be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// A key file can't be read, or it has a secret and others can read it.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is in the file is no key that can be used here.
    #[error("the key file {}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody could tell which of the two a token means.
    #[error("two keys for {algorithm} have the id `{kid}`")]
    DuplicateKeyId {
        /// The id.
        kid: String,
        /// What both are for.
        algorithm: &'static str,
    },
    /// Without a key no token can be verified.
    #[error("no key file is given to verify tokens with")]
    NoKeys,
    /// Clocks differ by less, or are to be set.
    #[error("a leeway of {0:?} is too much: at most {MAX_LEEWAY:?}")]
    LeewayTooLong(Duration),
    /// A key of the right kind refused to sign.
    #[error("signing failed: {0}")]
    Signing(String),
    /// The name that a new token is for can't be a subject's.
    #[error(transparent)]
    BadSubject(#[from] BadSubject),
}
