//! The server's end: its certificate, whose clients it takes, and both anew when their files change.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};

use super::load::{Identity, VERSIONS, provider, setup};
use super::reloading::{Reloading, Source, reload_every};
use super::validity::Validity;
use super::{Alpn, IdentityFiles, Reloaded, TlsAcceptor, TlsError, pem};
use crate::security::file::read_public;

/// Where a server's certificate is, and who may sign those of its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's own certificate and key.
    pub identity: IdentityFiles,
    /// PEM: the authorities whose certificates clients have to have. Without it, clients need none.
    pub client_ca: Option<PathBuf>,
}

/// The server's end of TLS. What its files say is checked when it is loaded, and whenever they change.
pub struct ServerTls {
    reloading: Reloading<TlsFiles>,
}

/// What is in force.
pub(super) struct Serving {
    pub(super) config: ServerConfig,
    not_after: i64,
}

impl ServerTls {
    /// Reads the files, and checks that the key is the certificate's. A certificate that isn't valid
    /// now is only warned of.
    ///
    /// # Errors
    /// [`TlsError`], with the file that is to blame.
    pub fn load(files: TlsFiles) -> Result<ServerTls, TlsError> {
        Ok(ServerTls { reloading: Reloading::load(files)? })
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

    /// Until when the certificate that is served is valid, in Unix seconds.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.reloading.current().not_after
    }

    /// Does handshakes for connections on which this protocol is spoken.
    #[must_use]
    pub fn acceptor(self: &Arc<Self>, alpn: Alpn) -> TlsAcceptor {
        TlsAcceptor::new(Arc::clone(self), alpn)
    }

    pub(super) fn serving(&self) -> Arc<Serving> {
        self.reloading.current()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("not_after", &self.not_after()).finish_non_exhaustive()
    }
}

#[derive(PartialEq)]
pub(super) struct Contents {
    identity: Identity,
    client_ca: Option<Vec<u8>>,
}

impl Source for TlsFiles {
    type Contents = Contents;
    type Made = Serving;

    fn read(&self) -> Result<Contents, TlsError> {
        let identity = self.identity.read()?;
        let client_ca = self.client_ca.as_deref().map(read_public).transpose()?;
        Ok(Contents { identity, client_ca })
    }

    fn make(&self, contents: &Contents) -> Result<Serving, TlsError> {
        let (chain, key) = self.identity.parse(&contents.identity)?;
        let validity = Validity::of(&chain[0], &self.identity.cert)?;
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&VERSIONS)
            .map_err(setup)?;
        let client_ca = self.client_ca.as_deref().zip(contents.client_ca.as_deref());
        let builder = match client_ca {
            Some((path, bytes)) => {
                let roots = pem::authorities(path, bytes)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().map_err(setup)?)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config =
            builder.with_single_cert(chain, key).map_err(|error| self.identity.refused(&error))?;
        if client_ca.is_some() {
            forget_sessions(&mut config);
        }
        validity.warn_unless_now(&self.identity.cert);
        Ok(Serving { config, not_after: validity.not_after })
    }

    fn name(&self) -> &'static str {
        "the server's certificate"
    }
}

/// A resumed session carries on the identity that was verified when it began: with other authorities,
/// or before the certificate expired. So there are none, and each connection is verified by itself. A
/// handshake more per connection is little, since connections are kept.
fn forget_sessions(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}
