//! A stream whose peer has to begin: HTTP/2 starts with fixed bytes, and hyper waits for them for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Length of the client's connection preface (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// Fails reads once the limit is over, unless the preface has arrived by then. Writes pass through.
#[derive(Debug)]
pub(super) struct Opening<S> {
    stream: S,
    n_missing: usize,
    /// Until the preface is there. Boxed, so that the whole stays `Unpin`.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Opening<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Opening<S> {
        Opening { stream, n_missing: PREFACE_BYTES, deadline: Some(Box::pin(sleep(limit))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n_before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(deadline) = &mut self.deadline else { return read };
        if read.is_pending() {
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.n_missing = self.n_missing.saturating_sub(buffer.filled().len() - n_before);
        if self.n_missing == 0 {
            self.deadline = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_begins_slowly_is_cut_off() {
        let (mut client, server) = duplex(100);
        let mut server = Opening::new(server, LIMIT);
        client.write_all(b"PRI * HTTP").await.expect("sent");
        let mut preface = [0; PREFACE_BYTES];
        let read = server.read_exact(&mut preface).await;
        assert_eq!(read.expect_err("too slow").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_begun_may_take_its_time() {
        let (mut client, server) = duplex(100);
        let mut server = Opening::new(server, LIMIT);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
        let mut preface = [0; PREFACE_BYTES];
        server.read_exact(&mut preface).await.expect("the preface");
        let later = async {
            sleep(3 * LIMIT).await;
            client.write_all(b"x").await.expect("sent");
        };
        let mut rest = [0; 1];
        let (read, ()) = tokio::join!(server.read_exact(&mut rest), later);
        read.expect("what came later");
    }
}
