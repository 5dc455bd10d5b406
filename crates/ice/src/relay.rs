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

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider as _;
use rtc_shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use rtc_stun::{integrity::MessageIntegrity, message::TransactionId};
use rtc_turn::client::{Client, ClientConfig, Event};
use sansio::Protocol as _;

use crate::{
    candidate::{CandidateKind, LocalCandidate},
    error::{PathError, RelayError},
    provider::Provider,
    stun::{self, Class, Message},
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
/// How often a request is made anew after a stale nonce.
const MOST_STALE: u8 = 3;
/// RFC 8656 18.6 and RFC 8489 14.8.
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

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

    fn take_channel_data(&mut self, bytes: &[u8]) {
        let Some((head, data)) = bytes.split_at_checked(4) else { return };
        let (number, length) =
            (u16::from_be_bytes([head[0], head[1]]), usize::from(u16::from_be_bytes([head[2], head[3]])));
        let (Some(lent), Some(from), Some(data)) = (self.lent, self.channels.get(&number), data.get(..length)) else {
            return;
        };
        self.out.push_back(RelayOutput::Datagram { local: lent.address, from: *from, bytes: data.to_vec() });
    }

    fn take_message(&mut self, now: Instant, message: Message<'_>, bytes: &[u8]) {
        let code = message.error_code();
        if !self.is_believed(&message, code) {
            return;
        }
        // A refused channel is no loss: what goes to that peer goes by indications then, and is not asked about again.
        if message.method() == stun::CHANNEL_BIND && code.is_some_and(|code| code != STALE_NONCE) {
            return;
        }
        let transport = TransportContext {
            local_addr: self.socket,
            peer_addr: self.server.address,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        // What it cannot use it drops; what matters comes as an event.
        let _ = self.client.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(bytes) });
        if message.method() == stun::REFRESH && !self.over {
            self.on_refresh(now, &message, code);
        }
        self.collect(now, code);
    }

    /// RFC 8489 9.2.5: an answer to a request of ours, signed by someone who knows the password. Only the two that ask for
    /// a signature cannot have one, and the answer to the first request of all, which has none itself.
    fn is_believed(&mut self, message: &Message<'_>, code: Option<u16>) -> bool {
        match message.class() {
            Class::Request => return false,
            // RFC 8656 11.6: never signed; the path judges what is inside.
            Class::Indication => return self.lent.is_some(),
            Class::Success | Class::Error => {}
        }
        if !self.client.has_transaction(&TransactionId(message.transaction())) {
            return false;
        }
        let Some(key) = &self.key else {
            self.key = code.filter(|code| *code == UNAUTHORIZED).and_then(|_| self.key_for(message));
            return true;
        };
        matches!(code, Some(UNAUTHORIZED | STALE_NONCE)) || message.is_signed(key, self.provider.crypto())
    }

    fn key_for(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let realm = std::str::from_utf8(message.attribute(stun::REALM)?).ok()?.to_owned();
        let (username, password) = (self.server.username.clone(), self.server.password.clone());
        MessageIntegrity::long_term_integrity_key(username, realm, password, self.provider.crypto()).ok()
    }

    fn on_refresh(&mut self, now: Instant, message: &Message<'_>, code: Option<u16>) {
        match code {
            None => {
                self.stale = 0;
                let granted = message.attribute(stun::LIFETIME).and_then(|value| value.try_into().ok());
                let granted = granted.map(|value| Duration::from_secs(u32::from_be_bytes(value).into()));
                if let Some(lent) = &mut self.lent {
                    lent.until = now + granted.unwrap_or(USUAL_LIFETIME);
                }
            }
            Some(STALE_NONCE) if self.stale < MOST_STALE => {
                self.stale += 1;
                let _ = self.client.refresh_allocations(now);
            }
            Some(code) => self.lose(RelayError::Refused(code)),
        }
    }

    fn ask_permission(&mut self, now: Instant, peer: SocketAddr) {
        let Some(Lent { address, .. }) = self.lent else { return };
        let asked = self.client.relay(address).and_then(|mut relay| relay.create_permission(now, peer));
        if let Ok(Some(transaction)) = asked {
            self.asked.insert(transaction, peer);
        }
    }

    /// Takes what the crate has to tell and to send. `code`: the number of the error it was just given.
    fn collect(&mut self, now: Instant, code: Option<u16>) {
        while let Some(event) = self.client.poll_event() {
            self.on_event(now, event, code);
        }
        while let Some(message) = self.client.poll_write() {
            self.note(&message.message);
            let bytes = message.message.to_vec();
            self.out.push_back(RelayOutput::Transmit { local: self.socket, to: self.server.address, bytes });
        }
    }

    fn on_event(&mut self, now: Instant, event: Event, code: Option<u16>) {
        match event {
            Event::AllocateResponse(_, address) if !self.over => {
                self.stale = 0;
                self.lent = Some(Lent { address, until: now + USUAL_LIFETIME });
                self.out.extend(self.candidate().map(RelayOutput::Found));
            }
            Event::AllocateError(..) if code == Some(STALE_NONCE) && self.stale < MOST_STALE => {
                self.stale += 1;
                self.key = None;
                if self.client.allocate(now).is_err() {
                    self.lose(RelayError::NoAnswer);
                }
            }
            Event::AllocateError(..) => self.lose(code.map_or(RelayError::NoAnswer, RelayError::Refused)),
            Event::CreatePermissionResponse(transaction, peer) => {
                self.asked.remove(&transaction);
                if let Some(Peer::Waiting { queue, .. }) = self.peers.insert(peer, Peer::Permitted) {
                    for bytes in queue {
                        self.send(now, peer, &bytes);
                    }
                }
            }
            Event::CreatePermissionError(transaction, _) => self.on_refused_peer(now, transaction, code),
            Event::DataIndicationOrChannelData(_, from, bytes) => {
                let data = self.lent.map(|lent| (lent.address, bytes.to_vec()));
                self.out.extend(data.map(|(local, bytes)| RelayOutput::Datagram { local, from, bytes }));
            }
            Event::TransactionTimeout(transaction) => match self.asked.remove(&transaction) {
                // The next datagram asks again.
                Some(peer) => drop(self.peers.remove(&peer)),
                None if self.lent.is_none() || self.refreshing == Some(transaction) => self.lose(RelayError::NoAnswer),
                // Without a channel there are indications.
                None => {}
            },
            _ => {}
        }
    }

    fn on_refused_peer(&mut self, now: Instant, transaction: TransactionId, code: Option<u16>) {
        let Some(peer) = self.asked.remove(&transaction) else { return };
        match self.peers.get_mut(&peer) {
            Some(Peer::Waiting { stale, .. }) if code == Some(STALE_NONCE) && *stale < MOST_STALE => {
                *stale += 1;
                self.ask_permission(now, peer);
            }
            _ => drop(self.peers.insert(peer, Peer::Refused)),
        }
    }

    /// Remembers what the crate does not tell: which request is the refresh, and which channel is whose.
    fn note(&mut self, bytes: &[u8]) {
        let Some(message) = Message::parse(bytes).filter(|message| message.class() == Class::Request) else { return };
        match message.method() {
            stun::REFRESH => self.refreshing = Some(TransactionId(message.transaction())),
            stun::CHANNEL_BIND => {
                let number = message.attribute(stun::CHANNEL_NUMBER).and_then(|value| value.first_chunk::<2>());
                if let (Some(number), Some(peer)) = (number, message.xored_address(stun::XOR_PEER_ADDRESS)) {
                    self.channels.insert(u16::from_be_bytes(*number), peer);
                }
            }
            _ => {}
        }
    }

    fn lose(&mut self, error: RelayError) {
        if !self.over {
            (self.over, self.lent) = (true, None);
            self.out.push_back(RelayOutput::Lost(error));
        }
    }
}
