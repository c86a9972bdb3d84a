//! Who is at the other end of a connection, and what nobody else may read: secrets from files, TLS,
//! client certificates.
//!
//! A leaf: it imports no other layer of this crate.
//!
//! Invariants
//! - A secret is read only from a file that nobody but its owner can read or write. It is in no
//!   message, and in no `Debug`.
//! - The cryptography is chosen here and passed on explicitly; nothing depends on a default of the
//!   process.
//! - What is read from files is made anew when they change. A broken file never takes away what is in
//!   force.

mod file;
mod secret;
pub mod tls;

pub use file::FileError;
pub use secret::{Secret, read_secret};
