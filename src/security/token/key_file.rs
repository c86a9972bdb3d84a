//! Key files: a PEM public key, a JWKS file, or the bytes of a secret.
//!
//! A file's form decides what it may be used for. In particular nothing that looks like a public key
//! is ever taken for a secret: whoever knows the public key could sign with it.

use std::path::Path;

use x509_parser::pem::Pem;

use super::error::KeyError;
use super::jwks;
use super::public_key::{Verdict, VerificationKey};
use crate::security::file::{FileError, read_public};
use crate::security::secret::{Secret, read_secret};

/// What a file is, by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Pem,
    Jwks,
    /// A public key in a form that isn't taken.
    Foreign,
    /// Any other bytes.
    Secret,
}

impl Form {
    pub(super) fn of(bytes: &[u8]) -> Form {
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        if has(b"-----BEGIN ") {
            return Form::Pem;
        }
        // The bytes of a secret may start like anything, but are no text from there on.
        let text = std::str::from_utf8(bytes).map(|text| text.trim_start_matches('\u{feff}'));
        let text = text.map(str::trim_start).unwrap_or_default();
        match text {
            _ if text.starts_with('{') => Form::Jwks,
            _ if ["ssh-", "ecdsa-", "---- BEGIN", "["].iter().any(|it| text.starts_with(it)) => {
                Form::Foreign
            }
            _ if is_der(bytes) => Form::Foreign,
            _ => Form::Secret,
        }
    }
}

/// Whether it is a DER sequence from the first byte to the last.
fn is_der(bytes: &[u8]) -> bool {
    let (header, len) = match bytes {
        [0x30, len @ 0..=0x7f, ..] => (2, usize::from(*len)),
        [0x30, 0x81, len, ..] => (3, usize::from(*len)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        _ => return false,
    };
    bytes.len() == header + len
}

/// All keys of a file.
pub(super) fn read_keys(path: &Path) -> Result<Vec<VerificationKey>, KeyError> {
    let (contents, exposure) = read(path)?;
    let bytes = contents.expose();
    let form = Form::of(bytes);
    let is_secret = form == Form::Secret || (form == Form::Jwks && jwks::has_secrets(bytes));
    if let (true, Some(exposure)) = (is_secret, exposure) {
        return Err(exposure.into());
    }
    let keys = match form {
        Form::Pem => public_pem(bytes).map(|key| vec![key]),
        Form::Jwks => jwks::read(bytes),
        Form::Foreign => Err("is neither a PEM public key nor a JWKS file".into()),
        Form::Secret => VerificationKey::secret(trimmed(bytes)).map(|key| vec![key]),
    };
    keys.map_err(|reason| KeyError::Unusable { path: path.into(), reason })
}

/// What is in a file, and why it can't be a secret if it can't: others can read it.
pub(super) fn read(path: &Path) -> Result<(Secret, Option<FileError>), KeyError> {
    match read_secret(path) {
        Ok(secret) => Ok((secret, None)),
        Err(exposure @ FileError::Exposed { .. }) => {
            Ok((Secret::from(read_public(path)?), Some(exposure)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The line end that an editor or `echo` leaves is not part of a secret.
pub(super) fn trimmed(secret: &[u8]) -> &[u8] {
    secret.strip_suffix(b"\n").unwrap_or(secret)
}

/// The one block of a PEM file.
pub(super) fn one_block(bytes: &[u8]) -> Result<Pem, String> {
    let blocks: Result<Vec<Pem>, _> = Pem::iter_from_buffer(bytes).collect();
    let mut blocks = blocks.map_err(|error| format!("broken PEM: {error}"))?;
    match (blocks.pop(), blocks.len()) {
        (Some(block), 0) => Ok(block),
        (_, more) => Err(format!("has {} PEM blocks, not one", more + 1)),
    }
}

fn public_pem(bytes: &[u8]) -> Verdict {
    let block = one_block(bytes)?;
    match block.label.as_str() {
        "PUBLIC KEY" => VerificationKey::from_spki(&block.contents),
        label if label.ends_with("PRIVATE KEY") => Err("is a private key, which is only for \
             issuing tokens; verifying takes its public half: `openssl pkey -pubout`"
            .into()),
        "CERTIFICATE" => {
            Err("is a certificate; `openssl x509 -pubkey -noout` prints its key".into())
        }
        label => Err(format!("has a `{}`, not a `PUBLIC KEY`", label.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_looks_like() {
        let der = |len: u8, n: usize| [&[0x30, len][..], &vec![7; n]].concat();
        for (bytes, form) in [
            (&b"# mine\n-----BEGIN PUBLIC KEY-----\n"[..], Form::Pem),
            (b"  {\"keys\": [", Form::Jwks),
            (b"\xef\xbb\xbf{}", Form::Jwks),
            (b"[{\"kty\": \"OKP\"}]", Form::Foreign),
            (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", Form::Foreign),
            (&der(42, 42), Form::Foreign),
            (&[&[0x30, 0x82, 1, 34][..], &[7; 290]].concat(), Form::Foreign),
            (&der(42, 41), Form::Secret),
            (b"{\xff\xfe and so on", Form::Secret),
            (b"correct horse battery staple and more", Form::Secret),
            (b"", Form::Secret),
        ] {
            assert_eq!(Form::of(bytes), form, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn one_line_end_is_no_part_of_a_secret() {
        assert_eq!(trimmed(b"a\n"), b"a");
        assert_eq!(trimmed(b"a\n\n"), b"a\n");
        assert_eq!(trimmed(b"a "), b"a ");
    }
}
