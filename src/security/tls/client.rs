//! The client's end: whose servers it trusts, its own certificate, and both anew when their files
//! change.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::load::{Identity, VERSIONS, provider, setup};
use super::reloading::{Reloading, Source, reload_every};
use super::validity::Validity;
use super::{Alpn, IdentityFiles, Reloaded, TlsConnector, TlsError, pem};
use crate::security::file::read_public;

/// Which servers are trusted, and who the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTlsOptions {
    /// PEM: the authorities whose certificates servers have to have.
    pub ca: PathBuf,
    /// The client's own certificate and key, for servers that demand one.
    pub identity: Option<IdentityFiles>,
    /// The name that a server's certificate has to be for, if it isn't the host that is connected to.
    pub server_name: Option<String>,
}

/// The client's end of TLS, for HTTP/2 unless a connector says otherwise.
pub struct ClientTls {
    reloading: Reloading<ClientTlsOptions>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Reads the files, and checks that the key is the certificate's.
    ///
    /// # Errors
    /// [`TlsError`], with the file that is to blame.
    pub fn load(options: ClientTlsOptions) -> Result<ClientTls, TlsError> {
        let server_name = options.server_name.as_deref().map(parse_server_name).transpose()?;
        Ok(ClientTls { reloading: Reloading::load(options)?, server_name })
    }

    /// Looks at the files, and takes what they say if it has changed and can be used. It reads files,
    /// so it may take a moment.
    pub fn reload_if_changed(&self) -> Reloaded {
        self.reloading.reload_if_changed()
    }

    /// Does that each `period`, until the future is dropped. Has to be polled within a runtime.
    pub async fn reload_every(self: Arc<Self>, period: Duration) {
        reload_every(period, move || self.reload_if_changed()).await;
    }

    /// Makes connections; each, handshake included, within this time.
    #[must_use]
    pub fn connector(self: &Arc<Self>, within: Duration) -> TlsConnector {
        TlsConnector::new(Arc::clone(self), within)
    }

    /// What is in force, for a connection that speaks this protocol.
    pub(super) fn config(&self, alpn: Alpn) -> Arc<ClientConfig> {
        let current = self.reloading.current();
        if alpn == Alpn::Http2 {
            return Arc::clone(&current);
        }
        let mut config = ClientConfig::clone(&current);
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        Arc::new(config)
    }

    /// What the certificate of the server at this host has to be for.
    pub(super) fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        self.server_name.clone().map_or_else(|| parse_server_name(host), Ok)
    }
}

fn parse_server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let parsed = ServerName::try_from(name.to_owned());
    parsed.map_err(|_| TlsError::BadServerName { name: name.to_owned() })
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

#[derive(PartialEq)]
pub(super) struct Contents {
    ca: Vec<u8>,
    identity: Option<Identity>,
}

impl Source for ClientTlsOptions {
    type Contents = Contents;
    type Made = Arc<ClientConfig>;

    fn read(&self) -> Result<Contents, TlsError> {
        let identity = self.identity.as_ref().map(IdentityFiles::read).transpose()?;
        Ok(Contents { ca: read_public(&self.ca)?, identity })
    }

    fn make(&self, contents: &Contents) -> Result<Arc<ClientConfig>, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&VERSIONS)
            .map_err(setup)?
            .with_root_certificates(pem::authorities(&self.ca, &contents.ca)?);
        let mut config = match self.identity.as_ref().zip(contents.identity.as_ref()) {
            Some((files, identity)) => {
                let (chain, key) = files.parse(identity)?;
                Validity::of(&chain[0], &files.cert)?.warn_unless_now(&files.cert);
                let built = builder.with_client_auth_cert(chain, key);
                built.map_err(|error| files.refused(&error))?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![Alpn::Http2.as_bytes().to_vec()];
        Ok(Arc::new(config))
    }

    fn name(&self) -> &'static str {
        "the client's certificate"
    }
}
