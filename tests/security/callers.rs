//! Certificates and tokens, good and bad, made anew for each run.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proglog::security::tls::IdentityFiles;
use proglog::security::{NewToken, SigningKey, issue};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, PKCS_ED25519,
};
use tempfile::TempDir;

/// The audience of the server's tokens.
pub(crate) const AUDIENCE: &str = "log-service";

/// A directory with everything that callers and the server need.
pub(crate) struct Callers {
    dir: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    other_authority: CertifiedIssuer<'static, KeyPair>,
    pub(crate) token_key: PathBuf,
    token_secret: PathBuf,
    other_secret: PathBuf,
}

impl Callers {
    pub(crate) fn new() -> Callers {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| write(&dir.path().join(name), text);
        let keys = || KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let (key, other) = (keys(), keys());
        let token_key = write("token.pub", &key.public_key_pem());
        let token_secret = write("token.key", &key.serialize_pem());
        let other_secret = write("other.key", &other.serialize_pem());
        let (authority, other_authority) = (authority(), authority_named("other"));
        write("ca.pem", &authority.pem());
        Callers { authority, other_authority, token_key, token_secret, other_secret, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn policy(&self, text: &str) -> PathBuf {
        write(&self.path("policy.csv"), text)
    }

    pub(crate) fn server(&self, name: &str) -> IdentityFiles {
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.files(name, &params, &self.authority)
    }

    pub(crate) fn client(&self, cn: &str) -> IdentityFiles {
        self.files(cn, &client(cn), &self.authority)
    }

    pub(crate) fn of_another_authority(&self) -> IdentityFiles {
        self.files("stray", &client("root"), &self.other_authority)
    }

    pub(crate) fn expired(&self) -> IdentityFiles {
        let mut params = client("root");
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        self.files("expired", &params, &self.authority)
    }

    pub(crate) fn not_yet_valid(&self) -> IdentityFiles {
        let mut params = client("root");
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
        self.files("not-yet", &params, &self.authority)
    }

    pub(crate) fn self_signed(&self) -> IdentityFiles {
        let key = KeyPair::generate().expect("a key");
        let cert = client("root").self_signed(&key).expect("a certificate").pem();
        self.written("self-signed", &cert, &key)
    }

    fn files(
        &self,
        name: &str,
        params: &CertificateParams,
        issuer: &CertifiedIssuer<'static, KeyPair>,
    ) -> IdentityFiles {
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, issuer).expect("a certificate").pem();
        self.written(name, &cert, &key)
    }

    fn written(&self, name: &str, cert: &str, key: &KeyPair) -> IdentityFiles {
        IdentityFiles {
            cert: write(&self.path(&format!("{name}.pem")), cert),
            key: write(&self.path(&format!("{name}-key.pem")), &key.serialize_pem()),
        }
    }

    /// A good token for this subject.
    pub(crate) fn token(&self, subject: &str) -> String {
        self.token_until(subject, now_s() + 600)
    }

    pub(crate) fn token_until(&self, subject: &str, expires_at_s: u64) -> String {
        signed(&self.token_secret, subject, expires_at_s, AUDIENCE)
    }

    /// Tokens that are no good, each for another reason.
    pub(crate) fn bad_tokens(&self) -> Vec<(&'static str, String)> {
        let (now, later) = (now_s(), now_s() + 600);
        let good = self.token("root");
        let (message, signature) = good.rsplit_once('.').expect("three parts");
        let none = encoded(r#"{"alg":"none"}"#);
        let claims = message.split_once('.').expect("two parts").1;
        vec![
            ("expired", self.token_until("root", now - 60)),
            ("wrong signature", signed(&self.other_secret, "root", later, AUDIENCE)),
            ("wrong audience", signed(&self.token_secret, "root", later, "another")),
            ("alg none", format!("{none}.{claims}.")),
            ("alg none, signed", format!("{none}.{claims}.{signature}")),
            ("alg confusion", self.confused(claims)),
            ("garbage", "a.b.c".to_owned()),
            ("cut", good[..good.len() - 1].to_owned()),
        ]
    }

    /// Signed by HS256 with the bytes of the public key as the secret, which everybody has.
    fn confused(&self, claims: &str) -> String {
        let public = fs::read(&self.token_key).expect("the key");
        let key = jsonwebtoken::EncodingKey::from_secret(&public);
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        jsonwebtoken::encode(&header, &claims, &key).expect("a token")
    }
}

fn signed(secret: &Path, subject: &str, expires_at_s: u64, audience: &str) -> String {
    let key = SigningKey::read(secret, None).expect("a key");
    let token = NewToken {
        subject: subject.to_owned(),
        issued_at_s: now_s() - 100,
        expires_at_s,
        audience: Some(audience.to_owned()),
        issuer: None,
    };
    issue(&key, &token).expect("a token")
}

fn encoded(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    authority_named("authority")
}

fn authority_named(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn client(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A file that only its owner can read, in place of what was there.
pub(crate) fn write(path: &Path, text: &str) -> PathBuf {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("written");
    fs::set_permissions(&new, Permissions::from_mode(0o600)).expect("set");
    fs::rename(&new, path).expect("renamed");
    path.to_path_buf()
}
