//! UDP sockets for media.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use socket2::SockRef;

use crate::error::NetError;

/// Expedited forwarding (RFC 3246, RFC 8837 5), the class of interactive voice, as the six upper bits of the field.
const EXPEDITED_FORWARDING: u32 = 46 << 2;

/// So many errors in a row are skipped; a socket that has more to say of them is broken.
const ERRORS: usize = 64;

/// A bound socket that waits for nothing: who has it looks when it likes.
#[derive(Debug)]
pub struct Socket {
    pub(crate) socket: mio::net::UdpSocket,
    local: SocketAddr,
}

impl Socket {
    /// Binds a port of the system's choice on `address`.
    ///
    /// # Errors
    /// [`NetError::Bind`] when the system refuses.
    pub fn bind(address: IpAddr) -> Result<Self, NetError> {
        let (socket, local) = bind(address)?;
        Ok(Self { socket: mio::net::UdpSocket::from_std(socket), local })
    }

    /// Where it is bound.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Reads one datagram if there is one, like [`Udp::try_recv`].
    #[must_use]
    pub fn try_recv(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        read(|| self.socket.recv_from(buffer))
    }

    /// Sends one datagram, or drops it, like [`Udp::send`].
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> bool {
        self.socket.send_to(bytes, to).is_ok()
    }
}

/// A bound socket. It belongs to the tokio runtime in which it was made.
#[derive(Debug)]
pub struct Udp {
    socket: tokio::net::UdpSocket,
    local: SocketAddr,
}

impl Udp {
    /// Binds a port of the system's choice on `address`.
    ///
    /// # Errors
    /// [`NetError::Bind`] when the system refuses.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O: it is a driver's part.
    pub fn bind(address: IpAddr) -> Result<Self, NetError> {
        let (socket, local) = bind(address)?;
        match tokio::net::UdpSocket::from_std(socket) {
            Ok(socket) => Ok(Self { socket, local }),
            Err(error) => Err(NetError::Bind { address: local, error }),
        }
    }

    /// Where it is bound.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits until something may be read.
    ///
    /// # Errors
    /// What the runtime says when it is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads one datagram if there is one. An error of an earlier send (a port that nobody listens on) is skipped: it
    /// says nothing about the packets that come.
    #[must_use]
    pub fn try_recv(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        read(|| self.socket.try_recv_from(buffer))
    }

    /// Sends one datagram, or drops it when the system cannot take it now: late voice is worth nothing.
    /// Says whether it went.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> bool {
        self.socket.try_send_to(bytes, to).is_ok()
    }
}

fn bind(address: IpAddr) -> Result<(UdpSocket, SocketAddr), NetError> {
    let wanted = SocketAddr::new(address, 0);
    let bound = || -> io::Result<(UdpSocket, SocketAddr)> {
        let socket = UdpSocket::bind(wanted)?;
        socket.set_nonblocking(true)?;
        // A system that does not let us mark packets still carries them.
        if wanted.is_ipv4() {
            let _ = SockRef::from(&socket).set_tos_v4(EXPEDITED_FORWARDING);
        }
        let local = socket.local_addr()?;
        Ok((socket, local))
    };
    bound().map_err(|error| NetError::Bind { address: wanted, error })
}

fn read(mut once: impl FnMut() -> io::Result<(usize, SocketAddr)>) -> Option<(usize, SocketAddr)> {
    for _ in 0..ERRORS {
        match once() {
            Ok(read) => return Some(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            // The system tells of what comes next only after it has said that there is nothing.
            Err(_) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_arrives_with_its_sender() {
        let (a, b) =
            (Udp::bind("127.0.0.1".parse().unwrap()).unwrap(), Udp::bind("127.0.0.1".parse().unwrap()).unwrap());
        a.socket.writable().await.unwrap();
        assert!(a.send(b.local(), b"hello"));
        let mut buffer = [0; 1500];
        let (read, from) = loop {
            b.readable().await.unwrap();
            if let Some(read) = b.try_recv(&mut buffer) {
                break read;
            }
        };
        assert_eq!((&buffer[..read], from), (b"hello".as_slice(), a.local()));
        assert!(b.try_recv(&mut buffer).is_none());
    }

    #[tokio::test]
    async fn a_closed_port_does_not_hide_what_comes() {
        let (a, b) =
            (Udp::bind("127.0.0.1".parse().unwrap()).unwrap(), Udp::bind("127.0.0.1".parse().unwrap()).unwrap());
        let gone = Udp::bind("127.0.0.1".parse().unwrap()).unwrap().local();
        a.socket.writable().await.unwrap();
        b.socket.writable().await.unwrap();
        a.send(gone, b"nobody");
        b.send(a.local(), b"somebody");
        let mut buffer = [0; 1500];
        let (read, _) = loop {
            a.readable().await.unwrap();
            if let Some(read) = a.try_recv(&mut buffer) {
                break read;
            }
        };
        assert_eq!(&buffer[..read], b"somebody");
    }

    #[test]
    fn no_error_hides_what_comes_and_a_broken_socket_ends() {
        let from = "192.0.2.1:9".parse().unwrap();
        let mut told = vec![Ok((3, from)), Err(io::ErrorKind::HostUnreachable), Err(io::ErrorKind::ConnectionReset)];
        assert_eq!(read(|| told.pop().unwrap().map_err(io::Error::from)), Some((3, from)));
        assert_eq!(read(|| Err(io::ErrorKind::WouldBlock.into())), None);
        assert_eq!(read(|| Err(io::ErrorKind::NotConnected.into())), None);
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_is_refused() {
        assert!(matches!(Udp::bind("192.0.2.77".parse().unwrap()), Err(NetError::Bind { .. })));
    }
}
