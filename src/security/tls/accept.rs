//! The handshake with a client, within a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{Error, InvalidMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::{AcceptError, ServerTls};

/// The protocol that is spoken inside of TLS; a client that asks for others only is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, as gRPC needs it.
    Http2,
}

impl Alpn {
    /// Its name in the handshake.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Alpn::Http1 => b"http/1.1",
            Alpn::Http2 => b"h2",
        }
    }
}

/// Does handshakes, each by what is in force when it begins. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TlsAcceptor {
    tls: Arc<ServerTls>,
    alpn: Alpn,
}

impl TlsAcceptor {
    pub(super) fn new(tls: Arc<ServerTls>, alpn: Alpn) -> TlsAcceptor {
        TlsAcceptor { tls, alpn }
    }

    /// The handshake on a new connection, client's certificate and all.
    ///
    /// # Errors
    /// [`AcceptError`], which is the client's affair: nothing to warn of.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        within: Duration,
    ) -> Result<TlsStream<S>, AcceptError> {
        // A cheap copy: nearly all of it is shared.
        let mut config = self.tls.serving().config.clone();
        config.alpn_protocols = vec![self.alpn.as_bytes().to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let accepted = timeout(within, acceptor.accept(stream)).await;
        accepted.map_err(|_| AcceptError::TimedOut(within))?.map_err(refused)
    }
}

fn refused(error: io::Error) -> AcceptError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => AcceptError::NotTls,
        _ => AcceptError::Failed(error),
    }
}
