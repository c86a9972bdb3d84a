//! What both ends load: a certificate with its key, the provider of cryptography, and what rustls has
//! to say, in words that name a file.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, InconsistentKeys, SupportedProtocolVersion, version};

use super::{TlsError, pem};
use crate::security::file::read_public;
use crate::security::{Secret, read_secret};

/// What is spoken. 1.0 and 1.1 aren't in the library at all.
pub(super) static VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// Who one is to others: the files of a certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// PEM: the certificate, behind it those between it and the authority.
    pub cert: PathBuf,
    /// PEM: its private key. Only its owner may be able to read the file.
    pub key: PathBuf,
}

/// What is in the files.
#[derive(PartialEq)]
pub(super) struct Identity {
    cert: Vec<u8>,
    key: Secret,
}

impl IdentityFiles {
    pub(super) fn read(&self) -> Result<Identity, TlsError> {
        Ok(Identity { cert: read_public(&self.cert)?, key: read_secret(&self.key)? })
    }

    /// The chain of certificates, that of the holder first, and the key.
    pub(super) fn parse(
        &self,
        identity: &Identity,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let chain = pem::certificates(&self.cert, &identity.cert)?;
        Ok((chain, pem::private_key(&self.key, &identity.key)?))
    }

    /// Why rustls doesn't take them.
    pub(super) fn refused(&self, error: &Error) -> TlsError {
        let reason = error.to_string();
        match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::KeyMismatch { cert: self.cert.clone(), key: self.key.clone() }
            }
            Error::InvalidCertificate(_) => {
                TlsError::BadCertificate { path: self.cert.clone(), reason }
            }
            _ => TlsError::BadKey { path: self.key.clone(), reason },
        }
    }
}

/// The cryptography: hybrid post-quantum key exchange first, if both have it.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

pub(super) fn setup(error: impl ToString) -> TlsError {
    TlsError::Setup(error.to_string())
}
