//! A key that verifies, and the one algorithm that it is for.

use jsonwebtoken::DecodingKey;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::algorithm::Algorithm;

/// A shorter secret can be guessed (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What verifies tokens.
#[derive(Clone, Debug)]
pub(super) struct VerificationKey {
    pub(super) algorithm: Algorithm,
    /// The name that tokens call it by. Only keys of a JWKS file have one.
    pub(super) kid: Option<String>,
    key: DecodingKey,
}

/// Or why there is no such key.
pub(super) type Verdict = Result<VerificationKey, String>;

impl VerificationKey {
    const fn new(algorithm: Algorithm, key: DecodingKey) -> VerificationKey {
        VerificationKey { algorithm, kid: None, key }
    }

    pub(super) fn named(self, kid: String) -> VerificationKey {
        VerificationKey { kid: Some(kid), ..self }
    }

    pub(super) fn ed25519(point: &[u8]) -> Verdict {
        if point.len() != 32 {
            return Err("an Ed25519 key has 32 bytes".into());
        }
        Ok(VerificationKey::new(Algorithm::EdDsa, DecodingKey::from_ed_der(point)))
    }

    /// `point` is uncompressed: 4, x, y.
    pub(super) fn p256(point: &[u8]) -> Verdict {
        match point {
            [4, coordinates @ ..] if coordinates.len() == 64 => {
                Ok(VerificationKey::new(Algorithm::Es256, DecodingKey::from_ec_der(point)))
            }
            _ => Err("a P-256 key has to be an uncompressed point of 65 bytes".into()),
        }
    }

    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Verdict {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let bits =
            modulus.first().map_or(0, |first| 8 * modulus.len() - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            let (min, max) = (RSA_BITS.start(), RSA_BITS.end());
            return Err(format!("an RSA key has to have {min} to {max} bits, this one has {bits}"));
        }
        if exponent.last().is_none_or(|last| last % 2 == 0) || exponent == [1] {
            return Err("the RSA key's exponent is not one that can be used".into());
        }
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        Ok(VerificationKey::new(Algorithm::Rs256, key))
    }

    pub(super) fn secret(secret: &[u8]) -> Verdict {
        if secret.len() < MIN_SECRET_BYTES {
            let n = secret.len();
            return Err(format!(
                "a secret for HS256 has at least {MIN_SECRET_BYTES} bytes, not {n}"
            ));
        }
        Ok(VerificationKey::new(Algorithm::Hs256, DecodingKey::from_secret(secret)))
    }

    /// From the DER of a `PUBLIC KEY`.
    pub(super) fn from_spki(der: &[u8]) -> Verdict {
        let (rest, spki) = SubjectPublicKeyInfo::from_der(der)
            .map_err(|_| "what is in it isn't a public key".to_owned())?;
        if !rest.is_empty() {
            return Err("there is something behind the public key".into());
        }
        let kind = &spki.algorithm.algorithm;
        let bits = &*spki.subject_public_key.data;
        if *kind == OID_SIG_ED25519 {
            return VerificationKey::ed25519(bits);
        }
        if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
            let curve = spki.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            return match curve {
                Some(curve) if curve == OID_EC_P256 => VerificationKey::p256(bits),
                _ => Err("its curve is not P-256".into()),
            };
        }
        match spki.parsed() {
            Ok(PublicKey::RSA(rsa)) if *kind == OID_PKCS1_RSAENCRYPTION => {
                VerificationKey::rsa(rsa.modulus, rsa.exponent)
            }
            _ => Err("it is for none of Ed25519, P-256, RSA".into()),
        }
    }

    /// Whether this key made `signature`, by the algorithm that it is for.
    pub(super) fn verifies(&self, message: &str, signature: &str) -> bool {
        let algorithm = self.algorithm.of_library();
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm)
            .unwrap_or(false)
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let n_zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[n_zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_too_weak_are_refused() {
        let modulus = |n_bits: usize| {
            let mut modulus = vec![0xff; n_bits / 8];
            modulus.insert(0, 0);
            modulus
        };
        assert!(VerificationKey::rsa(&modulus(2048), &[1, 0, 1]).is_ok());
        for n_bits in [0, 1024, 2040, 8200] {
            assert!(VerificationKey::rsa(&modulus(n_bits), &[1, 0, 1]).is_err(), "{n_bits}");
        }
        let mut modulus = modulus(2048);
        modulus[1] = 0x7f;
        assert!(VerificationKey::rsa(&modulus, &[1, 0, 1]).is_err(), "2047 bits");
        modulus[1] = 0xff;
        for exponent in [&[][..], &[0], &[1], &[0, 1], &[2]] {
            assert!(VerificationKey::rsa(&modulus, exponent).is_err(), "{exponent:?}");
        }
        assert!(VerificationKey::secret(&[7; 32]).is_ok());
        assert!(VerificationKey::secret(&[7; 31]).is_err());
    }

    #[test]
    fn keys_of_the_wrong_length_are_refused() {
        assert!(VerificationKey::ed25519(&[7; 32]).is_ok());
        assert!(VerificationKey::ed25519(&[7; 33]).is_err());
        assert!(VerificationKey::p256(&[4; 65]).is_ok());
        assert!(VerificationKey::p256(&[2; 33]).is_err(), "compressed");
        assert!(VerificationKey::p256(&[4; 64]).is_err());
        assert!(VerificationKey::from_spki(b"").is_err());
    }
}
