//! What can go wrong with TLS: in files, with a client, on the way to a server. Each message is the
//! whole story; none has a source that would have to be printed, too.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::security::FileError;

/// Certificates or keys that can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read, or must not be.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is cut short, or was edited.
    #[error("{} is not sound PEM: was it copied whole?", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// A file has no certificate in it.
    #[error("there is no certificate in {}: it has to have a PEM block `BEGIN CERTIFICATE`", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file has no private key in it.
    #[error(
        "there is no private key in {}: it has to have a PEM block `BEGIN PRIVATE KEY`, not an encrypted one",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that nobody can use.
    #[error("a certificate in {} can't be used: {reason}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key of a kind that isn't known, or a broken one.
    #[error("the private key in {} can't be used: {reason}; use ECDSA P-256, Ed25519 or RSA", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// They don't belong together.
    #[error(
        "the private key in {} is not that of the first certificate in {}: replace both",
        key.display(),
        cert.display()
    )]
    KeyMismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// A name that no certificate can be for.
    #[error("`{name}` is no name of a server: use a DNS name or an IP address, without a port")]
    BadServerName {
        /// What was given.
        name: String,
    },
    /// The library refuses what should be possible.
    #[error("can't set up TLS: {0}")]
    Setup(String),
}

/// A client that didn't get through the handshake.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// It took too long.
    #[error("the TLS handshake wasn't done within {0:?}")]
    TimedOut(Duration),
    /// It sent something else, such as a request of plain HTTP.
    #[error("the client doesn't speak TLS, which is demanded here: use https, or --tls-ca")]
    NotTls,
    /// One of both refuses the other's certificate, or they have nothing in common.
    #[error("the TLS handshake failed: {0}")]
    Failed(io::Error),
}

/// A server that can't be connected to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address doesn't say where to.
    #[error("`{0}` has no host and port")]
    NoAddress(String),
    /// The host isn't something that a certificate can be for.
    #[error(transparent)]
    BadServerName(#[from] TlsError),
    /// It took too long.
    #[error("no connection with TLS within {0:?}")]
    TimedOut(Duration),
    /// No connection at all.
    #[error("{0}")]
    Unreached(io::Error),
    /// One of both refuses the other's certificate, or the server doesn't speak TLS.
    #[error("the TLS handshake failed: {0}")]
    Failed(io::Error),
}

/// A verified certificate that doesn't say who its holder is.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectError {
    /// Its bytes are no certificate.
    #[error("the client's certificate can't be read")]
    Unreadable,
    /// There isn't exactly one common name.
    #[error("the client's certificate has {n_names} common names (CN); it needs exactly one")]
    NotOneName {
        /// How many there are.
        n_names: usize,
    },
    /// The name is empty, has control characters, or is in an encoding other than UTF-8 or ASCII.
    #[error(
        "the common name (CN) of the client's certificate is empty, has control characters or isn't UTF-8"
    )]
    BadName,
}
