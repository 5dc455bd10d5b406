//! What the WebSocket library lets pass and RFC 6455 does not: lengths that are not the shortest (5.2).
//!
//! The guard reads along, octet by octet as they come from the network, and keeps nothing but where in a frame it is.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where in a frame the next octet is.
#[derive(Clone, Copy)]
enum At {
    Start,
    Length,
    /// In the longer form of the length: how many octets of how many are missing, and what came so far.
    Extended {
        missing: u8,
        of: u8,
        so_far: u64,
    },
    Payload(u64),
    /// A masked frame: the library refuses it.
    Lost,
}

/// A connection whose frames are watched.
pub(crate) struct Guard<S> {
    stream: S,
    /// What was read with the head of the answer, and is still to be given out.
    rest: Vec<u8>,
    at: At,
}

impl<S> Guard<S> {
    /// Watches `stream`, of which `rest` was read already.
    pub(crate) const fn new(stream: S, rest: Vec<u8>) -> Self {
        Self { stream, rest, at: At::Start }
    }

    /// The stream below, past the frames.
    pub(crate) const fn below(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl At {
    /// Where it is after `bytes`; nothing when a length was no length.
    fn after(mut self, mut bytes: &[u8]) -> Option<Self> {
        while let Some((first, others)) = bytes.split_first() {
            bytes = others;
            self = match self {
                Self::Start => Self::Length,
                Self::Length if first & 0x80 != 0 => Self::Lost,
                Self::Length => match first {
                    126 => Self::Extended { missing: 2, of: 2, so_far: 0 },
                    127 => Self::Extended { missing: 8, of: 8, so_far: 0 },
                    length => Self::Payload(u64::from(*length)),
                },
                Self::Extended { missing, of, so_far } => {
                    let length = so_far << 8 | u64::from(*first);
                    match (missing, of) {
                        // RFC 6455 5.2: the fewest octets, and the highest bit of the longest form is 0.
                        (1, 2) if length < 126 => return None,
                        (1, 8) if length <= u64::from(u16::MAX) || length > u64::MAX / 2 => return None,
                        (1, _) => Self::Payload(length),
                        _ => Self::Extended { missing: missing - 1, of, so_far: length },
                    }
                }
                Self::Payload(left) => {
                    let taken = left.min(bytes.len() as u64 + 1);
                    bytes = &bytes[usize::try_from(taken).map_or(bytes.len(), |taken| taken - 1)..];
                    Self::Payload(left - taken)
                }
                Self::Lost => return Some(Self::Lost),
            };
            if matches!(self, Self::Payload(0)) {
                self = Self::Start;
            }
        }
        Some(self)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.rest.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let count = self.rest.len().min(buf.remaining());
            buf.put_slice(&self.rest[..count]);
            self.rest.drain(..count);
        }
        match self.at.after(&buf.filled()[before..]) {
            Some(at) => self.at = at,
            None => {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a length that RFC 6455 5.2 forbids",
                )));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
