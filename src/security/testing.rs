//! Keys and tokens for tests, made anew in each run.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use tempfile::TempDir;

use super::token::{NewToken, SigningKey, TokenConfig, Verifier, issue};

/// A directory for keys and policies, gone afterwards.
pub(super) struct Place {
    dir: TempDir,
}

/// A key in two files.
pub(super) struct Pair {
    pub(super) private: PathBuf,
    pub(super) public: PathBuf,
    /// Its public half, not encoded in any way.
    pub(super) raw: Vec<u8>,
}

impl Place {
    pub(super) fn new() -> Place {
        Place { dir: tempfile::tempdir().expect("a directory") }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that everybody can read.
    pub(super) fn public(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.write(name, bytes.as_ref(), 0o644)
    }

    /// A file that only its owner can read.
    pub(super) fn private(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.write(name, bytes.as_ref(), 0o600)
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        path
    }

    pub(super) fn ed25519(&self, name: &str) -> Pair {
        self.pair(name, &KeyPair::generate_for(&PKCS_ED25519).expect("a key"))
    }

    pub(super) fn p256(&self, name: &str) -> Pair {
        self.pair(name, &KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key"))
    }

    pub(super) fn rsa(&self, name: &str) -> Pair {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        self.pair(name, &key.expect("a key"))
    }

    pub(super) fn pair(&self, name: &str, key: &KeyPair) -> Pair {
        Pair {
            private: self.private(&format!("{name}.key"), key.serialize_pem()),
            public: self.public(&format!("{name}.pub"), key.public_key_pem()),
            raw: key.public_key_raw().to_vec(),
        }
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn verifier(key_files: &[&Path]) -> Verifier {
    let key_files = key_files.iter().map(|file| file.to_path_buf()).collect();
    Verifier::new(TokenConfig { key_files, ..TokenConfig::default() }).expect("keys")
}

/// A token by this key for this subject, good for a minute from now on.
pub(super) fn token_of(key_file: &Path, subject: &str) -> String {
    let key = SigningKey::read(key_file, None).expect("a key");
    issue(&key, &new_token(subject, now_s())).expect("a token")
}

pub(super) fn new_token(subject: &str, now_s: u64) -> NewToken {
    let (issued_at_s, expires_at_s) = (now_s, now_s + 60);
    let subject = subject.to_owned();
    NewToken { subject, issued_at_s, expires_at_s, audience: None, issuer: None }
}

pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}
