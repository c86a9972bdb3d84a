//! A stream whose peer has to finish the header of a request it has begun.
//!
//! hyper's own deadline runs from the answer before, so it bounds how long a connection may be idle.
//! A client that sends its header byte by byte is to be cut off sooner than one that sends nothing.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Whether a request is being answered; shared by the stream and who answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_answering: AtomicBool,
    n_requests: AtomicU64,
    /// Whether the request that came last has a body.
    has_body: AtomicBool,
}

/// While it lives, a request is being answered, and what is read is its body.
#[derive(Debug)]
pub(super) struct Answer(Answering);

impl Answering {
    /// Notes that a request's header is there.
    pub(super) fn begin(&self, has_body: bool) -> Answer {
        self.0.has_body.store(has_body, Ordering::Release);
        self.0.n_requests.fetch_add(1, Ordering::AcqRel);
        self.0.is_answering.store(true, Ordering::Release);
        Answer(self.clone())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.0.is_answering.store(false, Ordering::Release);
    }
}

/// Fails reads once the limit is over since the first byte of a header. Writes pass through.
#[derive(Debug)]
pub(super) struct HeadDeadline<S> {
    stream: S,
    answering: Answering,
    limit: Duration,
    /// Requests whose header was there at the last look.
    n_requests: u64,
    /// The bytes that were read last, the newest in front.
    newest: [u8; END_BYTES],
    /// Runs from the first byte of a header. Boxed, so that the whole stays `Unpin`.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Enough to tell the end of a header: a line end and an empty line.
const END_BYTES: usize = 3;

impl<S> HeadDeadline<S> {
    pub(super) const fn new(stream: S, answering: Answering, limit: Duration) -> HeadDeadline<S> {
        // As if one had ended before.
        let newest = [b'\n'; END_BYTES];
        HeadDeadline { stream, answering, limit, n_requests: 0, newest, deadline: None }
    }

    fn note(&mut self, read: &[u8]) {
        for &byte in &read[read.len().saturating_sub(END_BYTES)..] {
            self.newest.rotate_right(1);
            self.newest[0] = byte;
        }
    }

    /// Whether a header has begun to arrive together with the request before. Nobody can tell behind a body:
    /// what came may all be of that.
    fn has_begun(&self) -> bool {
        let has_ended = matches!(self.newest, [b'\n', b'\n', _] | [b'\n', b'\r', b'\n']);
        !has_ended && !self.answering.0.has_body.load(Ordering::Acquire)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n_requests = self.answering.0.n_requests.load(Ordering::Acquire);
        if n_requests != self.n_requests {
            // The header it ran for is there.
            (self.n_requests, self.deadline) = (n_requests, None);
        }
        let n_before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(&buffer.filled()[n_before..]);
        if self.answering.0.is_answering.load(Ordering::Acquire) {
            return read;
        }
        if read.is_ready() || self.has_begun() {
            let limit = self.limit;
            self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        }
        let Some(deadline) = &mut self.deadline else { return read };
        if read.is_pending() {
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadDeadline<S> {
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
    async fn a_header_that_comes_byte_by_byte_is_cut_off() {
        let (mut client, server) = duplex(100);
        let mut server = HeadDeadline::new(server, Answering::default(), LIMIT);
        let drip = async {
            for _ in 0..100 {
                if client.write_all(b"x").await.is_err() {
                    return;
                }
                sleep(LIMIT / 4).await;
            }
        };
        let read = async {
            let mut bytes = [0; 100];
            let started = tokio::time::Instant::now();
            let error = server.read_exact(&mut bytes).await.expect_err("too slow");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(started.elapsed() <= LIMIT, "{:?}", started.elapsed());
        };
        tokio::select! { () = drip => panic!("it took all"), () = read => {} }
    }

    #[tokio::test(start_paused = true)]
    async fn neither_silence_nor_a_body_is_bounded_here() {
        let (mut client, server) = duplex(100);
        let answering = Answering::default();
        let mut server = HeadDeadline::new(server, answering.clone(), LIMIT);
        let mut byte = [0; 1];
        for _ in 0..2 {
            let silence = tokio::time::timeout(3 * LIMIT, server.read(&mut byte)).await;
            assert!(silence.is_err(), "it waits");
            client.write_all(b"h").await.expect("sent");
            server.read_exact(&mut byte).await.expect("a header");
            let answer = answering.begin(true);
            let silence = tokio::time::timeout(3 * LIMIT, server.read(&mut byte)).await;
            assert!(silence.is_err(), "it waits");
            client.write_all(b"b").await.expect("sent");
            server.read_exact(&mut byte).await.expect("a body");
            drop(answer);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_at_once_leaves_no_deadline_behind() {
        let (mut client, server) = duplex(100);
        let answering = Answering::default();
        let mut server = HeadDeadline::new(server, answering.clone(), LIMIT);
        let (mut header, mut byte) = ([0; 18], [0; 1]);
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
            server.read_exact(&mut header).await.expect("a header");
            drop(answering.begin(false));
            let silence = tokio::time::timeout(3 * LIMIT, server.read(&mut byte)).await;
            assert!(silence.is_err(), "it waits");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_came_with_the_request_before_has_to_end_in_time() {
        for begun in
            [&b"G"[..], b"GET / HTTP/1.1\r\n", b"\r\n\r\nGET /", b"GET / HTTP/1.1\r\nA: b\r\n\r"]
        {
            let (mut client, server) = duplex(100);
            let answering = Answering::default();
            let mut server = HeadDeadline::new(server, answering.clone(), LIMIT);
            let sent = [b"GET / HTTP/1.1\r\n\r\n", begun].concat();
            client.write_all(&sent).await.expect("sent");
            server.read_exact(&mut vec![0; sent.len()]).await.expect("it is there");
            let answer = answering.begin(false);
            let silence = tokio::time::timeout(3 * LIMIT, server.read(&mut [0; 1])).await;
            assert!(silence.is_err(), "an answer may take its time");
            drop(answer);
            let error = server.read(&mut [0; 1]).await.expect_err("too slow");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }
}
