//! All keys that verify tokens, and which of them may have signed one.

use std::path::PathBuf;

use super::algorithm::Algorithm;
use super::error::{KeyError, TokenError};
use super::key_file::read_keys;
use super::public_key::VerificationKey;

/// The keys of all key files.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<VerificationKey>,
}

impl KeySet {
    pub(super) fn read(files: &[PathBuf]) -> Result<KeySet, KeyError> {
        let mut keys = Vec::new();
        for file in files {
            keys.append(&mut read_keys(file)?);
        }
        KeySet::new(keys)
    }

    fn new(keys: Vec<VerificationKey>) -> Result<KeySet, KeyError> {
        for (index, key) in keys.iter().enumerate() {
            let Some(kid) = &key.kid else { continue };
            let is_same = |other: &VerificationKey| {
                other.kid.as_ref() == Some(kid) && other.algorithm == key.algorithm
            };
            if keys[..index].iter().any(is_same) {
                let algorithm = key.algorithm.name();
                return Err(KeyError::DuplicateKeyId { kid: kid.clone(), algorithm });
            }
        }
        if keys.is_empty() { Err(KeyError::NoKeys) } else { Ok(KeySet { keys }) }
    }

    /// The keys that may have signed a token with this header. All are for `algorithm`.
    ///
    /// A key with an id is only for tokens that name it, or that name none if it is the only one. A key
    /// without one, from a PEM file or a secret, may have signed any.
    pub(super) fn candidates(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> Result<Vec<&VerificationKey>, TokenError> {
        let fitting: Vec<&VerificationKey> =
            self.keys.iter().filter(|key| key.algorithm == algorithm).collect();
        let may_have_signed = |key: &&&VerificationKey| match &key.kid {
            None => true,
            Some(own) => kid == Some(own) || (kid.is_none() && fitting.len() == 1),
        };
        let candidates: Vec<_> = fitting.iter().filter(may_have_signed).copied().collect();
        if !candidates.is_empty() {
            return Ok(candidates);
        }
        let is_known = |kid| self.keys.iter().any(|key| key.kid.as_deref() == Some(kid));
        Err(match kid {
            _ if fitting.is_empty() => TokenError::WrongAlgorithm,
            Some(kid) if is_known(kid) => TokenError::WrongAlgorithm,
            Some(_) => TokenError::UnknownKey,
            None => TokenError::NoKeyId,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> VerificationKey {
        VerificationKey::secret(&[byte; 32]).expect("a key")
    }

    fn named(byte: u8, kid: &str) -> VerificationKey {
        secret(byte).named(kid.into())
    }

    fn ed(kid: &str) -> VerificationKey {
        VerificationKey::ed25519(&[7; 32]).expect("a key").named(kid.into())
    }

    fn set(keys: Vec<VerificationKey>) -> KeySet {
        KeySet::new(keys).expect("keys")
    }

    fn n(set: &KeySet, algorithm: Algorithm, kid: Option<&str>) -> Result<usize, TokenError> {
        set.candidates(algorithm, kid).map(|keys| keys.len())
    }

    #[test]
    fn a_named_key_is_for_tokens_that_name_it() {
        let set = set(vec![named(1, "a"), named(2, "b"), ed("c")]);
        assert_eq!(n(&set, Algorithm::Hs256, Some("a")), Ok(1));
        assert_eq!(n(&set, Algorithm::Hs256, Some("x")), Err(TokenError::UnknownKey));
        assert_eq!(n(&set, Algorithm::Hs256, None), Err(TokenError::NoKeyId));
        // The only one for its algorithm needs no name.
        assert_eq!(n(&set, Algorithm::EdDsa, None), Ok(1));
        assert_eq!(n(&set, Algorithm::EdDsa, Some("x")), Err(TokenError::UnknownKey));
    }

    #[test]
    fn a_header_cannot_choose_another_algorithm_for_a_key() {
        let set = set(vec![named(1, "a"), ed("c")]);
        assert_eq!(n(&set, Algorithm::Hs256, Some("c")), Err(TokenError::WrongAlgorithm));
        assert_eq!(n(&set, Algorithm::EdDsa, Some("a")), Err(TokenError::WrongAlgorithm));
        assert_eq!(n(&set, Algorithm::Rs256, None), Err(TokenError::WrongAlgorithm));
    }

    #[test]
    fn keys_without_a_name_may_have_signed_any() {
        let set = set(vec![secret(1), secret(2), named(3, "a")]);
        assert_eq!(n(&set, Algorithm::Hs256, None), Ok(2));
        assert_eq!(n(&set, Algorithm::Hs256, Some("x")), Ok(2));
        assert_eq!(n(&set, Algorithm::Hs256, Some("a")), Ok(3));
    }

    #[test]
    fn an_id_belongs_to_one_key_of_a_kind() {
        let twice = KeySet::new(vec![named(1, "a"), named(2, "a")]);
        assert!(matches!(twice, Err(KeyError::DuplicateKeyId { .. })));
        assert!(KeySet::new(vec![named(1, "a"), ed("a")]).is_ok());
        assert!(matches!(KeySet::new(Vec::new()), Err(KeyError::NoKeys)));
    }
}
