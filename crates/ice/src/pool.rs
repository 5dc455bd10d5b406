//! Candidates found ahead of any call, so that an INVITE never waits for ICE: the addresses of our sockets, and what a
//! STUN server sees of them (RFC 8445 5.1.1.2, RFC 8489). What a TURN server lends is the part of a [`Relay`](crate::Relay).

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};

use crate::{
    candidate::{CandidateKind, LocalCandidate},
    stun::{Class, Message, binding_request},
};

/// RFC 8489 6.2.1: 500 ms, doubling, seven times.
const FIRST_REPEAT: Duration = Duration::from_millis(500);
const MOST_TRIES: u32 = 7;

/// What the gatherer wants.
#[derive(Clone, Debug)]
pub enum GathererOutput {
    /// Send `bytes` from the socket `local` to `to`.
    Transmit {
        /// Our socket.
        local: SocketAddr,
        /// A STUN server.
        to: SocketAddr,
        /// The request.
        bytes: Vec<u8>,
    },
    /// Another candidate is known.
    Found(LocalCandidate),
    /// Nothing more; come again with [`Gatherer::handle_timeout`] at this time, if there is one.
    Timeout(Option<Instant>),
}

/// Finds the candidates of a set of sockets.
#[derive(Debug)]
pub struct Gatherer {
    rng: ChaCha12Rng,
    asked: Vec<Asked>,
    found: Vec<LocalCandidate>,
    out: VecDeque<GathererOutput>,
}

#[derive(Debug)]
struct Asked {
    local: SocketAddr,
    server: SocketAddr,
    transaction: [u8; 12],
    tries: u32,
    due: Instant,
}

impl Gatherer {
    /// Asks each of `servers` from each socket of its address family.
    #[must_use]
    pub fn new(now: Instant, sockets: &[SocketAddr], servers: &[SocketAddr], seed: [u8; 32]) -> Self {
        let mut own = Self {
            rng: ChaCha12Rng::from_seed(seed),
            asked: Vec::new(),
            found: sockets.iter().copied().map(LocalCandidate::host).collect(),
            out: VecDeque::new(),
        };
        for (local, server) in sockets.iter().flat_map(|local| servers.iter().map(move |server| (*local, *server))) {
            // A server elsewhere is not reached from the loopback address.
            if local.is_ipv4() == server.is_ipv4() && local.ip().is_loopback() == server.ip().is_loopback() {
                let mut transaction = [0; 12];
                own.rng.fill_bytes(&mut transaction);
                own.asked.push(Asked { local, server, transaction, tries: 0, due: now });
            }
        }
        own.handle_timeout(now);
        own
    }

    /// The candidates so far.
    #[must_use]
    pub fn candidates(&self) -> &[LocalCandidate] {
        &self.found
    }

    /// Has every server answered or been given up?
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.asked.is_empty()
    }

    /// A datagram came to the socket `local`. Says whether it was an answer to a request of ours.
    pub fn handle_datagram(&mut self, local: SocketAddr, from: SocketAddr, bytes: &[u8]) -> bool {
        let Some(at) = self.asked.iter().position(|asked| {
            asked.local == local && asked.server == from && bytes.get(8..20) == Some(&asked.transaction[..])
        }) else {
            return false;
        };
        self.asked.remove(at);
        // An error is an answer too: this server tells nothing, and asking again would not change it.
        let success = Message::parse(bytes).filter(|message| message.class() == Class::Success);
        if let Some(address) = success.and_then(|message| message.mapped_address()).filter(|own| *own != local) {
            let candidate = LocalCandidate { kind: CandidateKind::ServerReflexive, address, base: local };
            if !self.found.iter().any(|own| own.address == address) {
                self.found.push(candidate);
                self.out.push_back(GathererOutput::Found(candidate));
            }
        }
        true
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.asked.retain(|asked| asked.tries < MOST_TRIES || now < asked.due);
        for asked in self.asked.iter_mut().filter(|asked| now >= asked.due) {
            asked.due = now + FIRST_REPEAT * (1 << asked.tries.min(6));
            asked.tries += 1;
            self.out.push_back(GathererOutput::Transmit {
                local: asked.local,
                to: asked.server,
                bytes: binding_request(&asked.transaction),
            });
        }
    }

    /// The next thing it wants.
    pub fn poll_output(&mut self) -> GathererOutput {
        self.out.pop_front().unwrap_or_else(|| GathererOutput::Timeout(self.asked.iter().map(|asked| asked.due).min()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stun::tests::SAMPLE;

    fn start() -> Instant {
        crate::testing::start()
    }

    #[test]
    fn a_socket_is_known_at_once_and_its_outside_when_the_server_answers() {
        let (local, server) =
            ("192.0.2.9:4000".parse().expect("an address"), "198.51.100.1:3478".parse().expect("an address"));
        let mut gatherer = Gatherer::new(start(), &[local], &[server], [1; 32]);
        assert_eq!(gatherer.candidates(), [LocalCandidate::host(local)]);
        let GathererOutput::Transmit { bytes, .. } = gatherer.poll_output() else { panic!("it asks") };
        let mut answer = SAMPLE.to_vec();
        answer[8..20].copy_from_slice(&bytes[8..20]);
        assert!(
            !gatherer.handle_datagram(local, "203.0.113.1:1".parse().expect("an address"), &answer),
            "only the server is believed"
        );
        assert!(gatherer.handle_datagram(local, server, &answer));
        assert!(
            matches!(gatherer.poll_output(), GathererOutput::Found(own) if own.kind == CandidateKind::ServerReflexive)
        );
        assert!(gatherer.is_done());
    }

    #[test]
    fn a_silent_server_is_given_up() {
        let (local, server) =
            ("192.0.2.9:4000".parse().expect("an address"), "198.51.100.1:3478".parse().expect("an address"));
        let (mut now, mut sent) = (start(), 0);
        let mut gatherer = Gatherer::new(now, &[local], &[server], [1; 32]);
        loop {
            match gatherer.poll_output() {
                GathererOutput::Transmit { .. } => sent += 1,
                GathererOutput::Found(_) => panic!("nobody answered"),
                GathererOutput::Timeout(Some(due)) => {
                    now = due;
                    gatherer.handle_timeout(now);
                }
                GathererOutput::Timeout(None) => break,
            }
        }
        assert_eq!((sent, gatherer.is_done()), (MOST_TRIES, true));
    }
}
