//! Verifies tokens with the keys of some files, which may change meanwhile.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::claims::Claims;
use super::error::{KeyError, TokenError};
use super::key_set::KeySet;
use super::parts::Parts;
use crate::security::reload::{Reload, Reloaded};

/// How far the clocks of this machine and an issuer's may be apart.
pub const MAX_LEEWAY: Duration = Duration::from_secs(30);

/// What is allowed for if nothing else is said.
pub const DEFAULT_LEEWAY: Duration = MAX_LEEWAY;

/// Which tokens are good.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// Files with keys: PEM public keys, JWKS files, secrets for HS256.
    pub key_files: Vec<PathBuf>,
    /// The `aud` that a token has to be for. Without it, tokens that are for any are refused.
    pub audience: Option<String>,
    /// The `iss` that a token has to be from.
    pub issuer: Option<String>,
    /// For how long `exp` and `nbf` are overlooked, at most [`MAX_LEEWAY`].
    pub leeway: Duration,
}

impl Default for TokenConfig {
    fn default() -> TokenConfig {
        let (key_files, audience, issuer) = (Vec::new(), None, None);
        TokenConfig { key_files, audience, issuer, leeway: DEFAULT_LEEWAY }
    }
}

/// Verifies tokens.
pub struct Verifier {
    keys: Reloaded<KeySet, KeyError>,
    config: TokenConfig,
}

impl Verifier {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// A key can't be read or used, there is none, or the leeway is too long.
    pub fn new(config: TokenConfig) -> Result<Verifier, KeyError> {
        if config.leeway > MAX_LEEWAY {
            return Err(KeyError::LeewayTooLong(config.leeway));
        }
        let files = config.key_files.clone();
        let load = move || KeySet::read(&files);
        let keys = Reloaded::new("token keys", config.key_files.clone(), load)?;
        Ok(Verifier { keys, config })
    }

    /// What a token claims, if one of the keys signed it and it is valid at `now_s`, seconds since 1970.
    ///
    /// # Errors
    ///
    /// It is not; the error says why, for logs.
    pub fn verify(&self, token: &str, now_s: u64) -> Result<Claims, TokenError> {
        let parts = Parts::of(token)?;
        let algorithm =
            Algorithm::from_name(&parts.header.alg).ok_or(TokenError::UnknownAlgorithm)?;
        let keys = self.keys.get();
        let candidates = keys.candidates(algorithm, parts.header.kid.as_deref())?;
        if !candidates.iter().any(|key| key.verifies(parts.message, parts.signature)) {
            return Err(TokenError::WrongSignature);
        }
        let claims =
            URL_SAFE_NO_PAD.decode(parts.claims).map_err(|_| TokenError::MalformedClaims)?;
        Claims::check(&claims, &self.config, now_s)
    }

    pub(in crate::security) const fn leeway_s(&self) -> u64 {
        self.config.leeway.as_secs()
    }

    /// Reads the keys again if their files changed; if they can't be used, the old ones stay. Meant to be
    /// called every second, and not from async code.
    pub fn reload_if_changed(&self) -> Reload {
        self.keys.reload_if_changed()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("config", &self.config).finish_non_exhaustive()
    }
}
