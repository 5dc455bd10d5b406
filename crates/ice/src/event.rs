//! What comes out of a path.

use std::{net::SocketAddr, time::Instant};

use crate::error::PathError;

/// How the sound of a path is protected. The handshake is DTLS 1.2: nothing older is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security {
    /// The registered name of the SRTP profile (RFC 5764, RFC 7714), such as `AES_CM_128_HMAC_SHA1_80`.
    pub srtp: &'static str,
    /// The registered name of the cipher suite that agreed the keys. Each of those that are taken gives forward secrecy.
    pub cipher: &'static str,
}

/// What happens on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathEvent {
    /// This pair is used from now on.
    PairSelected {
        /// Our socket.
        local: SocketAddr,
        /// The far end.
        remote: SocketAddr,
    },
    /// Sound can flow, protected so.
    Secure(Security),
    /// An RTP packet, authenticated and open.
    Rtp(Vec<u8>),
    /// An RTCP packet, authenticated and open.
    Rtcp(Vec<u8>),
    /// The far end answers no more, and nothing is sent to it any more. A restart brings it back; after less than thirty
    /// seconds it may come back by itself.
    Disconnected,
    /// It answers again, and sound is sent again.
    Recovered,
    /// The far end said goodbye on the path itself; nothing is sent to it any more.
    ClosedByPeer,
    /// It is over.
    Failed(PathError),
}

/// What a path wants.
#[derive(Clone, Debug)]
pub enum PathOutput {
    /// Send `bytes` from the socket `local` to `to`; by [`Relay::send`](crate::Relay::send) when `local` is a relayed address.
    Transmit {
        /// Our socket, or the relayed address.
        local: SocketAddr,
        /// Where to.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(PathEvent),
    /// Nothing more; come again with [`Path::handle_timeout`](crate::Path::handle_timeout) at this time, if there is one.
    Timeout(Option<Instant>),
}
