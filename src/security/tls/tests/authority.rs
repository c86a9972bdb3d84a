//! An authority for a test, and files with what it signs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

use crate::security::tls::{ClientTls, ClientTlsOptions, IdentityFiles, ServerTls, TlsFiles};

/// The name that servers of tests have.
pub(super) const HOST: &str = "log.test";

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// PEM of a certificate and its key.
pub(super) struct Issued {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Authority {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn sign(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("a certificate").pem();
        Issued { cert, key: key.serialize_pem() }
    }

    pub(super) fn server(&self) -> Issued {
        self.sign(&server(HOST))
    }

    pub(super) fn client(&self, name: &str) -> Issued {
        self.sign(&client(name))
    }
}

pub(super) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(super) fn server(host: &str) -> CertificateParams {
    let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub(super) fn client(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub(super) fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    params
}

pub(super) fn not_yet_valid(mut params: CertificateParams) -> CertificateParams {
    params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    params
}

/// A directory for PEM files.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        set_mode(&path, 0o600);
        path
    }

    pub(super) fn identity(&self, name: &str, issued: &Issued) -> IdentityFiles {
        let cert = self.write(&format!("{name}.pem"), &issued.cert);
        let key = self.write(&format!("{name}-key.pem"), &issued.key);
        IdentityFiles { cert, key }
    }

    /// The files of a server whose clients have to be signed by `client_ca`.
    pub(super) fn server_files(&self, issued: &Issued, client_ca: Option<&Authority>) -> TlsFiles {
        let identity = self.identity("server", issued);
        let client_ca = client_ca.map(|authority| self.write("client-ca.pem", &authority.pem()));
        TlsFiles { identity, client_ca }
    }

    pub(super) fn server(&self, issued: &Issued, client_ca: Option<&Authority>) -> Arc<ServerTls> {
        let files = self.server_files(issued, client_ca);
        Arc::new(ServerTls::load(files).expect("a server's TLS"))
    }

    /// A client that trusts `ca`.
    pub(super) fn client(&self, ca: &Authority, issued: Option<&Issued>) -> Arc<ClientTls> {
        let options = ClientTlsOptions {
            ca: self.write("ca.pem", &ca.pem()),
            identity: issued.map(|issued| self.identity("client", issued)),
            server_name: Some(HOST.to_owned()),
        };
        Arc::new(ClientTls::load(options).expect("a client's TLS"))
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

pub(super) fn set_modified(path: &Path, time: SystemTime) {
    let file = fs::File::options().write(true).open(path).expect("the file");
    file.set_modified(time).expect("its time");
}
