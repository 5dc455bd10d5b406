//! An address that a TURN server lends (RFC 8656), over UDP, by rtc-turn.
//!
//! ```text
//! asking ─▶ lent ─▶ lost           to a peer: waiting (queue) ─▶ permitted
//!    └────▶ lost                                    └──────────▶ refused
//! ```
//!
//! What the crate leaves open is guarded here: it believes answers that nobody signed, resolves names by itself, asks for
//! a permission with every datagram until one is given, waits a whole interval after a stale nonce, and loses what comes
//! through a channel whose refresh was refused.

mod answers;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rtc_shared::TransportProtocol;
use rtc_stun::message::TransactionId;
use rtc_turn::client::{Client, ClientConfig};
use sansio::Protocol as _;

use crate::{
    candidate::{CandidateKind, LocalCandidate},
    error::{PathError, RelayError},
    provider::Provider,
    stun::Message,
};

/// How often the allocation is refreshed: a refresh that met a stale nonce is repeated long before the ten minutes of an
/// allocation are over, and a NAT before the server stays open.
const LONGEST_REFRESH: Duration = Duration::from_secs(60);
/// RFC 8656 3.2: what a server that does not say so grants.
const USUAL_LIFETIME: Duration = Duration::from_secs(600);
/// Far ends that a permission is asked for; a path tries no more addresses than that.
const MOST_PEERS: usize = 64;
/// What waits for one permission.
const MOST_WAITING: usize = 16;

/// A TURN server and our account there.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// Its address; names are not resolved here.
    pub address: SocketAddr,
    /// The name of the account.
    pub username: String,
    /// The password. It is in no output and no log.
    pub password: String,
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurnServer({})", self.address)
    }
}

/// What a relay wants.
#[derive(Clone, Debug)]
pub enum RelayOutput {
    /// Send `bytes` from the socket `local` to `to`.
    Transmit {
        /// Our socket.
        local: SocketAddr,
        /// The TURN server.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// The server lends this address: a candidate like another.
    Found(LocalCandidate),
    /// A datagram came to the relayed address: give it to [`Path::handle_datagram`](crate::Path::handle_datagram).
    Datagram {
        /// The relayed address.
        local: SocketAddr,
        /// Who sent it.
        from: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// There is no relayed address, or none any more.
    Lost(RelayError),
    /// Nothing more; come again with [`Relay::handle_timeout`] at this time, if there is one.
    Timeout(Option<Instant>),
}

/// One allocation on one TURN server, from one socket.
pub struct Relay {
    client: Client,
    provider: Arc<Provider>,
    server: TurnServer,
    socket: SocketAddr,
    /// The long-term key (RFC 8489 9.2.2), once the server named its realm.
    key: Option<Vec<u8>>,
    lent: Option<Lent>,
    peers: HashMap<SocketAddr, Peer>,
    asked: HashMap<TransactionId, SocketAddr>,
    /// The channels that were ever asked for: the server may go on using one that the crate has forgotten.
    channels: BTreeMap<u16, SocketAddr>,
    refreshing: Option<TransactionId>,
    stale: u8,
    over: bool,
    out: VecDeque<RelayOutput>,
}

#[derive(Clone, Copy, Debug)]
struct Lent {
    address: SocketAddr,
    until: Instant,
}

/// How far the permission for a peer is.
#[derive(Debug)]
enum Peer {
    Waiting {
        queue: VecDeque<Vec<u8>>,
        stale: u8,
    },
    Permitted,
    /// The server will not relay to it, and is not asked again.
    Refused,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay {{ server: {:?}, socket: {}, lent: {:?} }}", self.server, self.socket, self.lent)
    }
}

impl Relay {
    /// Asks `server` for an address, from the socket `socket`, which other candidates may share.
    ///
    /// # Errors
    /// [`PathError::Crypto`] when there is no crypto library, or server and socket are of different address families.
    pub fn new(now: Instant, socket: SocketAddr, server: TurnServer, seed: [u8; 32]) -> Result<Self, PathError> {
        let provider = Provider::new(seed)?;
        let config = ClientConfig {
            turn_serv_addr: server.address.to_string(),
            local_addr: socket,
            transport_protocol: TransportProtocol::UDP,
            username: server.username.clone(),
            password: server.password.clone(),
            allocation_refresh_interval_cap: Some(LONGEST_REFRESH),
            ..ClientConfig::default()
        };
        let client = Client::new(config, Arc::clone(&provider) as _).map_err(|_| PathError::Crypto)?;
        let mut own = Self {
            client,
            provider,
            server,
            socket,
            key: None,
            lent: None,
            peers: HashMap::new(),
            asked: HashMap::new(),
            channels: BTreeMap::new(),
            refreshing: None,
            stale: 0,
            over: false,
            out: VecDeque::new(),
        };
        own.client.allocate(now).map_err(|_| PathError::Crypto)?;
        own.collect(now, None);
        Ok(own)
    }

    /// The candidate, once the server has lent it and as long as it does.
    #[must_use]
    pub fn candidate(&self) -> Option<LocalCandidate> {
        let lent = self.lent?;
        Some(LocalCandidate { kind: CandidateKind::Relayed, address: lent.address, base: self.socket })
    }

    /// Has the server answered or been given up?
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.lent.is_some() || self.over
    }

    /// A datagram came to the socket `local`. Says whether it was the server's, and so not for anyone else.
    /// Ask the [`Gatherer`](crate::Gatherer) first: its STUN server may be the same.
    pub fn handle_datagram(&mut self, now: Instant, local: SocketAddr, from: SocketAddr, bytes: &[u8]) -> bool {
        if local != self.socket || from != self.server.address {
            return false;
        }
        match bytes.first() {
            // RFC 8656 12.4: ChannelData.
            Some(0x40..=0x7f) => self.take_channel_data(bytes),
            Some(0..=3) => {
                if let Some(message) = Message::parse(bytes) {
                    self.take_message(now, message, bytes);
                }
            }
            _ => {}
        }
        true
    }

    /// Sends a datagram to `to` from the relayed address: what a path wants transmitted from it. It waits until the server
    /// permits that peer (RFC 8656 9).
    pub fn send(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) {
        let Some(Lent { address, .. }) = self.lent else { return };
        let full = self.peers.len() >= MOST_PEERS;
        match self.peers.get_mut(&to) {
            Some(Peer::Permitted) => {
                if let Ok(mut relay) = self.client.relay(address) {
                    // It refuses only what was never permitted.
                    let _ = relay.send_to(now, bytes, to);
                }
            }
            Some(Peer::Waiting { queue, .. }) => {
                if queue.len() < MOST_WAITING {
                    queue.push_back(bytes.to_vec());
                }
            }
            Some(Peer::Refused) => return,
            None if !full => {
                self.peers.insert(to, Peer::Waiting { queue: VecDeque::from([bytes.to_vec()]), stale: 0 });
                self.ask_permission(now, to);
            }
            None => return,
        }
        self.collect(now, None);
    }

    /// The time of the last [`RelayOutput::Timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            // It has no error to tell.
            let _ = self.client.handle_timeout(now);
        }
        self.collect(now, None);
        if self.lent.is_some_and(|lent| now >= lent.until) {
            self.lose(RelayError::NoAnswer);
        }
    }

    /// Gives the address back (RFC 8656 8.1): send what comes of it, and forget the relay.
    pub fn close(&mut self, now: Instant) {
        if let Some(Lent { address, .. }) = self.lent.take()
            && let Ok(mut relay) = self.client.relay(address)
        {
            let _ = relay.close(now);
        }
        self.over = true;
        self.collect(now, None);
    }

    /// The next thing that the relay wants; [`RelayOutput::Timeout`] when that is all.
    pub fn poll_output(&mut self) -> RelayOutput {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        if self.over {
            return RelayOutput::Timeout(None);
        }
        let until = self.lent.map(|lent| lent.until);
        RelayOutput::Timeout([self.client.poll_timeout(), until].into_iter().flatten().min())
    }

    fn ask_permission(&mut self, now: Instant, peer: SocketAddr) {
        let Some(Lent { address, .. }) = self.lent else { return };
        let asked = self.client.relay(address).and_then(|mut relay| relay.create_permission(now, peer));
        if let Ok(Some(transaction)) = asked {
            self.asked.insert(transaction, peer);
        }
    }
}
