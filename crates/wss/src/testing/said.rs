//! A connection whose other end has said all that it will say.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives its octets in pieces, then the end of the stream. What is written to it is counted.
pub(super) struct Said<'a> {
    rest: &'a [u8],
    piece: usize,
    /// How many octets were taken.
    pub(super) taken: usize,
    /// How many were written.
    pub(super) written: usize,
}

impl<'a> Said<'a> {
    /// Says `bytes`, at most `piece` octets at a time.
    pub(super) const fn new(bytes: &'a [u8], piece: usize) -> Self {
        Self { rest: bytes, piece, taken: 0, written: 0 }
    }
}

impl AsyncRead for Said<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = self.rest.len().min(self.piece).min(buf.remaining());
        let (piece, rest) = self.rest.split_at(count);
        buf.put_slice(piece);
        (self.rest, self.taken) = (rest, self.taken + count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written += bytes.len();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
