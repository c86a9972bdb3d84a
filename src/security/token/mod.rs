//! Bearer tokens (JWT, RFC 7519): verified with keys from files, and issued.
//!
//! Only four algorithms are known, one for each kind of key: EdDSA (Ed25519), ES256 (P-256), RS256
//! (RSA) and HS256 (a shared secret). A token is looked at in this order, and refused at the first
//! thing that is wrong: its length, its header, a key that fits, the signature, the claims. Claims are
//! not even decoded before the signature holds.

mod algorithm;
mod claims;
mod error;
mod issue;
mod jwks;
mod key_file;
mod key_set;
mod parts;
mod public_key;
mod signing_key;
mod verifier;

pub use claims::Claims;
pub use error::{KeyError, TokenError};
pub use issue::{NewToken, issue};
pub use parts::{MAX_TOKEN_BYTES, Unverified};
pub use signing_key::SigningKey;
pub use verifier::{DEFAULT_LEEWAY, MAX_LEEWAY, TokenConfig, Verifier};

#[cfg(test)]
mod tests;
