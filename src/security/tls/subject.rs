//! Who a client is: the common name of the certificate that its handshake verified.

use std::fmt;

use rustls::pki_types::CertificateDer;
use tokio_rustls::server::TlsStream;
use x509_parser::asn1_rs::Tag;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::AttributeTypeAndValue;

use super::SubjectError;

/// The subject of a certificate, as access lists know it: exactly as it stands there, neither trimmed
/// nor folded. Never empty, and without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateSubject {
    name: String,
    expires_at_s: u64,
}

/// The client's subject; `None` if it has no certificate, because none was demanded.
///
/// # Errors
/// The certificate was verified, but says nothing that could be a subject.
pub fn peer_subject<S>(stream: &TlsStream<S>) -> Result<Option<CertificateSubject>, SubjectError> {
    let (_, connection) = stream.get_ref();
    let chain = connection.peer_certificates().unwrap_or_default();
    chain.first().map(CertificateSubject::of).transpose()
}

impl CertificateSubject {
    /// The subject of one certificate, which the caller has verified.
    ///
    /// # Errors
    /// There isn't exactly one common name, or it is none that could be written into an access list.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<CertificateSubject, SubjectError> {
        let (_, certificate) =
            parse_x509_certificate(certificate).map_err(|_| SubjectError::Unreadable)?;
        let mut names = certificate.subject().iter_common_name();
        match (names.next(), names.count()) {
            (Some(name), 0) => {
                let not_after = certificate.validity().not_after.timestamp();
                let expires_at_s = u64::try_from(not_after).unwrap_or(0);
                text(name).map(|name| CertificateSubject { name, expires_at_s })
            }
            (first, n_more) => {
                let n_names = usize::from(first.is_some()) + n_more;
                Err(SubjectError::NotOneName { n_names })
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// From when on the certificate isn't valid any more, in seconds since 1970.
    #[must_use]
    pub const fn expires_at_s(&self) -> u64 {
        self.expires_at_s
    }
}

/// Only encodings in which the bytes are the text: with others, two certificates could look like one
/// subject.
fn text(name: &AttributeTypeAndValue<'_>) -> Result<String, SubjectError> {
    let is_text = matches!(name.attr_value().tag(), Tag::Utf8String | Tag::PrintableString);
    let text = str::from_utf8(name.as_slice()).map_err(|_| SubjectError::BadName)?;
    if !is_text || text.is_empty() || text.chars().any(char::is_control) {
        return Err(SubjectError::BadName);
    }
    Ok(text.to_owned())
}

impl fmt::Display for CertificateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl AsRef<str> for CertificateSubject {
    fn as_ref(&self) -> &str {
        &self.name
    }
}
