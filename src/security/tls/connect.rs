//! The way to a server: TCP and the handshake, within one time. It is what tonic takes as a connector.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::{Alpn, ClientTls, ConnectError};

/// A connection that is ready for HTTP/2, or what else was chosen.
type Connected = TokioIo<TlsStream<TcpStream>>;

/// Connects to the host and port of an address, as in
/// `endpoint.connect_with_connector(tls.connector(within))`, where the endpoint's address begins with
/// `https://`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TlsConnector {
    tls: Arc<ClientTls>,
    within: Duration,
    alpn: Alpn,
}

impl TlsConnector {
    pub(super) fn new(tls: Arc<ClientTls>, within: Duration) -> TlsConnector {
        TlsConnector { tls, within, alpn: Alpn::Http2 }
    }

    /// The same for connections that speak this protocol.
    #[must_use]
    pub fn speaking(self, alpn: Alpn) -> TlsConnector {
        TlsConnector { alpn, ..self }
    }

    /// A new connection.
    ///
    /// # Errors
    /// [`ConnectError`]: nobody is there, or it isn't the one who is looked for. A server that refuses
    /// the client's certificate may say so only when the connection is first read from.
    pub async fn connect(&self, uri: &Uri) -> Result<Connected, ConnectError> {
        let connected = timeout(self.within, self.connect_in_time(uri)).await;
        connected.map_err(|_| ConnectError::TimedOut(self.within))?
    }

    async fn connect_in_time(&self, uri: &Uri) -> Result<Connected, ConnectError> {
        let (host, port) = address(uri)?;
        let server_name = self.tls.server_name(host)?;
        let stream = TcpStream::connect((host, port)).await.map_err(ConnectError::Unreached)?;
        stream.set_nodelay(true).map_err(ConnectError::Unreached)?;
        let connector = tokio_rustls::TlsConnector::from(self.tls.config(self.alpn));
        let stream = connector.connect(server_name, stream).await;
        Ok(TokioIo::new(stream.map_err(ConnectError::Failed)?))
    }
}

/// An address of IPv6 without its brackets.
fn address(uri: &Uri) -> Result<(&str, u16), ConnectError> {
    let no_address = || ConnectError::NoAddress(uri.to_string());
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(no_address)?;
    let port = uri.port_u16().ok_or_else(no_address)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Ok((bare.unwrap_or(host), port))
}

impl Service<Uri> for TlsConnector {
    type Response = Connected;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Connected, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(&uri).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (uri, expected) in [
            ("https://localhost:8400", ("localhost", 8400)),
            ("https://127.0.0.1:1/x", ("127.0.0.1", 1)),
            ("https://[::1]:8400", ("::1", 8400)),
        ] {
            let uri: Uri = uri.parse().expect(uri);
            assert_eq!(address(&uri).expect("an address"), expected);
        }
        for uri in ["https://localhost", "/path"] {
            let uri: Uri = uri.parse().expect(uri);
            assert!(matches!(address(&uri), Err(ConnectError::NoAddress(_))), "{uri}");
        }
    }
}
