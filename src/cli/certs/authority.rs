//! The authority in a directory, and what it signs.

use std::fs;
use std::path::Path;

use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::parse_x509_certificate;

use super::init::AUTHORITY;
use super::pair::Pair;
use super::period::{Period, display_seconds, now_seconds};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::security::read_secret;

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// In Unix seconds.
    not_after: u64,
}

/// PEM of a certificate and its key.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) period: Period,
}

impl Authority {
    /// That of a directory, if its key is the certificate's and it hasn't expired.
    pub(super) fn load(dir: &Path) -> Result<Authority, Failure> {
        let files = Pair::new(dir, AUTHORITY);
        if !files.certificate.exists() {
            let message = format!("there is no authority in {}", dir.display());
            let failure = Failure::new(Exit::Failed, "no_authority", message);
            return Err(failure.hint("`proglog certs init` makes one, in the directory of --out"));
        }
        let pem = fs::read(&files.certificate)
            .map_err(|error| Failure::io("read", &files.certificate, &error))?;
        let certificate = CertificateDer::from_pem_slice(&pem)
            .map_err(|_| bad(&files.certificate, "is not sound PEM of a certificate"))?;
        let key = load_key(&files.key)?;
        let not_after = check(&certificate, &key, &files)?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| bad(&files.certificate, &format!("can't be used: {error}")))?;
        Ok(Authority { issuer, not_after })
    }

    /// A certificate for one purpose, with a new key.
    pub(super) fn issue(
        &self,
        mut params: CertificateParams,
        purpose: ExtendedKeyUsagePurpose,
        days: u32,
    ) -> Result<Issued, rcgen::Error> {
        let period = Period::from_now(days).until(self.not_after);
        period.set(&mut params);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem(), period })
    }
}

fn load_key(path: &Path) -> Result<KeyPair, Failure> {
    let secret = read_secret(path)
        .map_err(|error| Failure::new(Exit::Failed, "authority_key", error.to_string()))?;
    let pem = str::from_utf8(secret.expose()).map_err(|_| bad(path, "is not sound PEM"))?;
    // The parser's own words may quote the file.
    KeyPair::from_pem(pem).map_err(|_| bad(path, "is not sound PEM of a private key"))
}

/// Until when it is valid.
fn check(certificate: &CertificateDer<'_>, key: &KeyPair, files: &Pair) -> Result<u64, Failure> {
    let path = &files.certificate;
    let (_, parsed) = parse_x509_certificate(certificate)
        .map_err(|error| bad(path, &format!("can't be used: {error}")))?;
    if !parsed.is_ca() {
        return Err(bad(path, "is a certificate, but none of an authority"));
    }
    if parsed.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
        let reason = format!("is not the certificate of the key in {}", files.key.display());
        return Err(bad(path, &reason));
    }
    let not_after = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
    if not_after <= now_seconds() {
        return Err(bad(path, &format!("expired at {}", display_seconds(not_after))));
    }
    Ok(not_after)
}

fn bad(path: &Path, reason: &str) -> Failure {
    let text = path.display().to_string();
    Failure::new(Exit::Failed, "bad_authority", format!("{text} {reason}"))
        .field("path", text)
        .hint("`proglog certs init --out DIR` makes a new authority in another directory")
}
