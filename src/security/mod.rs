//! Who is at the other end of a connection, who is asking, and what they may do.
//!
//! [`Guard`] is the one decision point: HTTP and gRPC hand it what a caller has shown and the action
//! that is wanted, and do as it says. Below it are `token`, which verifies bearer tokens, and `acl`,
//! which asks the access list. [`tls`] does the handshakes, and tells whose certificate was verified. Keys,
//! certificates and policies are loaded again when their files change.
//!
//! A leaf: it imports no other layer of this crate.
//!
//! Invariants
//! - A secret is read only from a file that nobody but its owner can read or write. It is in no
//!   message, and in no `Debug`.
//! - The cryptography is chosen here and passed on explicitly; nothing depends on a default of the
//!   process.
//! - A key has one algorithm. What a token's header says never widens that.
//! - Whatever isn't understood is refused: unknown keys, claims of the wrong type, rules of an
//!   access list that make no sense. With an access list, what no rule allows is denied.
//! - A file that turns bad changes nothing: what was loaded before stays in force.
//! - Callers learn that they were refused, never why. Logs learn why, and never see a token or a key.

mod acl;
mod file;
mod guard;
mod reload;
mod secret;
mod subject;
#[cfg(test)]
mod testing;
pub mod tls;
mod token;

pub use acl::{
    AccessList, AccessListConfig, AccessListError, Action, DEFAULT_MODEL, Decision, Rule,
};
pub use file::FileError;
pub use guard::{Credentials, Denied, Guard, GuardConfig, Refusal, Unauthenticated, bearer_token};
pub use reload::Reload;
pub use secret::{Secret, read_secret};
pub use subject::{BadSubject, Subject, check_subject};
pub use token::{
    Claims, DEFAULT_LEEWAY, KeyError, MAX_LEEWAY, MAX_TOKEN_BYTES, NewToken, SigningKey,
    TokenConfig, TokenError, Unverified, Verifier, issue,
};
