//! A connection that can hold back a small reply, to send it together with the next one.
//!
//! The embedded Python client sends its answer and the request for the next event in one write. Were it told at once
//! that the answer was taken, it would be woken for that alone, while the caller still waits for the reply; so the 202
//! travels with the next event. AWS's own clients wait for it before they go on, and get it at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Asks the connection to hold back what is written next.
#[derive(Debug, Clone, Default)]
pub(super) struct Hold(Arc<AtomicBool>);

impl Hold {
    /// The next write waits for the one after it. To be asked for only where the peer has sent its next request.
    pub(super) fn next_write(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection whose writes can be held back.
#[derive(Debug)]
pub(super) struct Together<S> {
    socket: S,
    hold: Hold,
    held: Vec<u8>,
}

impl<S> Together<S> {
    pub(super) fn new(socket: S, hold: Hold) -> Together<S> {
        Together { socket, hold, held: Vec::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Together<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> Together<S> {
    fn write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.hold.0.swap(false, Ordering::Relaxed) {
            slices.iter().for_each(|slice| self.held.extend_from_slice(slice));
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        loop {
            if self.held.is_empty() {
                return Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
            }
            let mut all = Vec::with_capacity(slices.len() + 1);
            all.push(IoSlice::new(&self.held));
            all.extend(slices.iter().map(|slice| IoSlice::new(slice)));
            let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, &all))?;
            let of_held = written.min(self.held.len());
            self.held.drain(..of_held);
            if written == 0 || written > of_held {
                return Poll::Ready(Ok(written - of_held));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Together<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_held_write_travels_with_the_next_one_through_any_pipe() {
        for room in [1, 3, 4096] {
            let (near, mut far) = tokio::io::duplex(room);
            let hold = Hold::default();
            let mut together = Together::new(near, hold.clone());
            hold.next_write();
            together.write_all(b"held ").await.unwrap();
            let writer = tokio::spawn(async move {
                together.write_all(b"and sent").await.unwrap();
                together.write_all(b", then more").await.unwrap();
            });
            let mut all = String::new();
            far.read_to_string(&mut all).await.unwrap();
            writer.await.unwrap();
            assert_eq!(all, "held and sent, then more");
        }
    }

    #[tokio::test]
    async fn a_held_write_alone_is_not_sent() {
        use futures_util::FutureExt;
        let (near, mut far) = tokio::io::duplex(4096);
        let hold = Hold::default();
        let mut together = Together::new(near, hold.clone());
        hold.next_write();
        together.write_all(b"held").await.unwrap();
        together.flush().await.unwrap();
        assert_eq!(far.read_u8().now_or_never().map(Result::ok), None);
    }
}
