//! A client and a server of which both ends are at hand.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{client, server};

use super::authority::HOST;
use crate::security::tls::{AcceptError, Alpn, ClientTls, ServerTls};

pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) server: server::TlsStream<DuplexStream>,
    pub(super) client: client::TlsStream<DuplexStream>,
}

/// Who refused, and what it says.
#[derive(Debug)]
pub(super) struct NoPair {
    pub(super) server: Option<AcceptError>,
    pub(super) client: Option<io::Error>,
}

pub(super) async fn connect(server: &Arc<ServerTls>, client: &ClientTls) -> Result<Pair, NoPair> {
    connect_by(server, client.config(Alpn::Http2)).await
}

pub(super) async fn connect_by(
    server: &Arc<ServerTls>,
    client: Arc<ClientConfig>,
) -> Result<Pair, NoPair> {
    let (near, far) = duplex(64 << 10);
    let acceptor = server.acceptor(Alpn::Http2);
    let connector = tokio_rustls::TlsConnector::from(client);
    let host = HOST.try_into().expect("a name");
    let ends = tokio::join!(acceptor.accept(near, PATIENCE), connector.connect(host, far));
    match ends {
        (Ok(server), Ok(client)) => Ok(Pair { server, client }),
        (server, client) => Err(NoPair { server: server.err(), client: client.err() }),
    }
}

impl Pair {
    /// Bytes go both ways.
    pub(super) async fn talk(&mut self) {
        let (mut question, mut answer) = ([0; 5], [0; 4]);
        self.client.write_all(b"hello").await.expect("a client that writes");
        self.client.flush().await.expect("a client that flushes");
        self.server.read_exact(&mut question).await.expect("a server that reads");
        self.server.write_all(b"well").await.expect("a server that writes");
        self.server.flush().await.expect("a server that flushes");
        self.client.read_exact(&mut answer).await.expect("a client that reads");
        assert_eq!((&question, &answer), (b"hello", b"well"));
    }

    /// What the client sees of the server.
    pub(super) fn server_certificate(&self) -> Vec<u8> {
        let (_, connection) = self.client.get_ref();
        connection.peer_certificates().expect("certificates")[0].to_vec()
    }

    pub(super) fn kind(&self) -> HandshakeKind {
        let (_, connection) = self.server.get_ref();
        connection.handshake_kind().expect("a handshake that is done")
    }
}
