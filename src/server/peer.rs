//! A connection whose other end can be watched while a request waits. hyper doesn't look while it
//! lets half-closed clients have their answers, so a long wait would outlive its client.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The stream. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct PeerStream {
    read: OwnedReadHalf,
    /// Shared with who watches, which needs a look at the socket only.
    write: Arc<OwnedWriteHalf>,
}

/// The client at the other end.
#[derive(Clone, Debug)]
pub(super) struct Peer(Arc<OwnedWriteHalf>);

impl PeerStream {
    pub(super) fn new(stream: TcpStream) -> PeerStream {
        let (read, write) = stream.into_split();
        PeerStream { read, write: Arc::new(write) }
    }

    pub(super) fn peer(&self) -> Peer {
        Peer(Arc::clone(&self.write))
    }

    fn socket(&self) -> &TcpStream {
        self.write.as_ref().as_ref()
    }
}

impl Peer {
    /// Waits until the client has closed its end: it is gone, or sends nothing more. One that has sent
    /// its next request already counts as there.
    pub(super) async fn gone(&self) {
        let socket: &TcpStream = self.0.as_ref().as_ref();
        if let Ok(1..) = socket.peek(&mut [0]).await {
            pending::<()>().await;
        }
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(context, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_try(self.socket(), context, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_try(self.socket(), context, |socket| socket.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing is left to be sent, and hyper drops the stream next.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Writes as soon as the socket takes something.
fn poll_try(
    socket: &TcpStream,
    context: &mut Context<'_>,
    write: impl Fn(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(context))?;
        match write(socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}
