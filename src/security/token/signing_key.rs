//! A key that signs tokens: a PEM private key or a secret for HS256.

use std::path::Path;

use jsonwebtoken::EncodingKey;

use super::algorithm::Algorithm;
use super::error::KeyError;
use super::key_file::{Form, one_block, read, trimmed};
use super::public_key::VerificationKey;

/// Signs tokens. Its algorithm is that of the key.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) key: EncodingKey,
}

impl SigningKey {
    /// Reads a private key, or a secret, from a file that only its owner can read. `kid` is the id that
    /// tokens are to call it by.
    ///
    /// # Errors
    ///
    /// It can't be read, others can read it, or it's no key that can sign tokens.
    pub fn read(path: &Path, kid: Option<String>) -> Result<SigningKey, KeyError> {
        let unusable = |reason: String| KeyError::Unusable { path: path.into(), reason };
        let (contents, exposure) = read(path)?;
        let bytes = contents.expose();
        // Of a public key it matters that it is one, not who can read it.
        if one_block(bytes).is_ok_and(|block| block.label == "PUBLIC KEY") {
            return Err(unusable("is a public key; signing takes the private one".into()));
        }
        if let Some(exposure) = exposure {
            return Err(exposure.into());
        }
        let key = match Form::of(bytes) {
            Form::Pem => private_pem(bytes),
            Form::Secret => secret(trimmed(bytes)),
            Form::Jwks | Form::Foreign => {
                Err("is neither a PEM private key nor a secret for HS256".into())
            }
        };
        let (algorithm, key) = key.map_err(unusable)?;
        Ok(SigningKey { algorithm, kid, key })
    }
}

fn secret(secret: &[u8]) -> Result<(Algorithm, EncodingKey), String> {
    VerificationKey::secret(secret)?;
    Ok((Algorithm::Hs256, EncodingKey::from_secret(secret)))
}

fn private_pem(pem: &[u8]) -> Result<(Algorithm, EncodingKey), String> {
    let block = one_block(pem)?;
    match block.label.as_str() {
        "PRIVATE KEY" | "RSA PRIVATE KEY" => {}
        "EC PRIVATE KEY" => {
            return Err("has to be in PKCS #8 form: `openssl pkcs8 -topk8 -nocrypt`".into());
        }
        "ENCRYPTED PRIVATE KEY" => {
            return Err("is encrypted, and there is nobody to ask for the password".into());
        }
        label => return Err(format!("has a `{}`, not a `PRIVATE KEY`", label.escape_debug())),
    }
    let (algorithm, key) = if let Ok(key) = EncodingKey::from_ed_pem(pem) {
        (Algorithm::EdDsa, key)
    } else if let Ok(key) = EncodingKey::from_ec_pem(pem) {
        (Algorithm::Es256, key)
    } else if let Ok(key) = EncodingKey::from_rsa_pem(pem) {
        (Algorithm::Rs256, key)
    } else {
        return Err("it is for none of Ed25519, P-256, RSA".into());
    };
    // What only signing finds out: another curve, an RSA key that is too short.
    match jsonwebtoken::crypto::sign(b"", &key, algorithm.of_library()) {
        Ok(_signature) => Ok((algorithm, key)),
        Err(_) => Err(match algorithm {
            Algorithm::Es256 => "its curve is not P-256".into(),
            Algorithm::Rs256 => "it is no sound RSA key of 2048 to 8192 bits".into(),
            _ => "it is no sound key".to_owned(),
        }),
    }
}
