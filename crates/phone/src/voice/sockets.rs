//! The sockets of one call, bound and asked about ahead of it, and what is known of how they are seen from outside.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use ice::{Gatherer, GathererOutput, LocalCandidate, Relay, RelayOutput};
use net::Datagram;

use super::{
    network::{Network, Socket},
    order::Ways,
};

/// A NAT forgets an address it lends after 30 s of silence or more; what waits for a call asks again before that.
const REFRESH: Duration = Duration::from_secs(25);

/// What a relay passed on, and the address it lends us.
#[derive(Debug)]
pub(super) struct Relayed {
    pub(super) local: SocketAddr,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// Sockets on the addresses of this machine, and addresses lent by TURN servers. Dropping them gives all back.
pub(super) struct Sockets {
    id: u64,
    ways: Ways,
    bound: Vec<Box<dyn Socket>>,
    gatherer: Gatherer,
    relays: Vec<Relay>,
    relayed: Vec<Relayed>,
    /// What was found before the gatherer was set to ask again.
    found: Vec<LocalCandidate>,
    refresh_at: Option<Instant>,
    seed: [u8; 32],
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let now = Instant::now();
        self.relays.iter_mut().for_each(|relay| relay.close(now));
        self.drain();
    }
}

impl Sockets {
    /// Binds them; what comes is told with the mark `id`.
    ///
    /// # Errors
    /// A sentence for the log, when there is no address to bind on.
    pub(super) fn bind(
        now: Instant,
        id: u64,
        ways: Ways,
        network: &mut dyn Network,
        seed: [u8; 32],
    ) -> Result<Self, String> {
        let bound = network.bind(id, ways.loopback)?;
        let gatherer = gatherer(now, &bound, &ways, seed);
        let refresh_at = (!ways.stun.is_empty()).then(|| now + REFRESH);
        Ok(Self {
            id,
            relays: relays(now, &bound, &ways, seed),
            ways,
            bound,
            gatherer,
            relayed: Vec::new(),
            found: Vec::new(),
            refresh_at,
            seed,
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// All addresses at which we can be reached through them, as far as they are known by now.
    pub(super) fn candidates(&self) -> Vec<LocalCandidate> {
        let mut all = self.gatherer.candidates().to_vec();
        for candidate in &self.found {
            // What the STUN servers said before holds until they say otherwise.
            if !self.gatherer.is_done() && !all.contains(candidate) {
                all.push(*candidate);
            }
        }
        all.extend(self.relays.iter().filter_map(Relay::candidate));
        all
    }

    /// Is this one of their addresses?
    pub(super) fn own(&self, local: SocketAddr) -> bool {
        self.is_relay(local) || self.bound.iter().any(|bound| bound.local() == local)
    }

    /// Is this an address that a server lends us?
    pub(super) fn is_relay(&self, local: SocketAddr) -> bool {
        self.relays.iter().filter_map(Relay::candidate).any(|own| own.address == local)
    }

    /// Sends from one of their addresses; `false` when it is none of them.
    pub(super) fn send(&mut self, now: Instant, local: SocketAddr, to: SocketAddr, bytes: &[u8]) -> bool {
        let lent = |relay: &&mut Relay| relay.candidate().is_some_and(|own| own.address == local);
        if let Some(relay) = self.relays.iter_mut().find(lent) {
            relay.send(now, to, bytes);
            self.drain();
            return true;
        }
        self.put(local, to, bytes)
    }

    /// Takes a datagram; `false` when it is for the path. What a relay passed on by it is in [`Self::relayed`] then.
    pub(super) fn take(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let Datagram { local, from, bytes, .. } = *datagram;
        let taken = self.gatherer.handle_datagram(local, from, bytes)
            || self.relays.iter_mut().any(|relay| relay.handle_datagram(now, local, from, bytes));
        if taken {
            self.drain();
        }
        taken
    }

    /// What came for the path by a relay since the last call.
    pub(super) fn relayed(&mut self) -> Vec<Relayed> {
        std::mem::take(&mut self.relayed)
    }

    /// A call has them now: its own packets keep the way open.
    pub(super) fn taken(&mut self) {
        self.refresh_at = None;
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.refresh_at.is_some_and(|at| at <= now) {
            self.refresh_at = Some(now + REFRESH);
            self.found = self.gatherer.candidates().to_vec();
            // Another seed, or the transactions would be the same again.
            self.seed = std::array::from_fn(|at| self.seed[at].wrapping_add(u8::from(at == 0)));
            self.gatherer = gatherer(now, &self.bound, &self.ways, self.seed);
        }
        self.gatherer.handle_timeout(now);
        self.relays.iter_mut().for_each(|relay| relay.handle_timeout(now));
        self.drain();
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        [self.drain(), self.refresh_at].into_iter().flatten().min()
    }

    fn put(&self, local: SocketAddr, to: SocketAddr, bytes: &[u8]) -> bool {
        let Some(bound) = self.bound.iter().find(|bound| bound.local() == local) else { return false };
        bound.send(to, bytes);
        true
    }

    fn drain(&mut self) -> Option<Instant> {
        let asks = loop {
            match self.gatherer.poll_output() {
                GathererOutput::Transmit { local, to, bytes } => {
                    self.put(local, to, &bytes);
                }
                GathererOutput::Found(candidate) => tracing::debug!(?candidate, "found"),
                GathererOutput::Timeout(at) => break at,
            }
        };
        let lends = (0..self.relays.len()).filter_map(|at| self.drain_relay(at)).min();
        [asks, lends].into_iter().flatten().min()
    }

    fn drain_relay(&mut self, at: usize) -> Option<Instant> {
        loop {
            match self.relays[at].poll_output() {
                RelayOutput::Transmit { local, to, bytes } => {
                    self.put(local, to, &bytes);
                }
                RelayOutput::Datagram { local, from, bytes } => self.relayed.push(Relayed { local, from, bytes }),
                RelayOutput::Found(candidate) => tracing::debug!(?candidate, "lent"),
                RelayOutput::Lost(error) => tracing::warn!(%error, "no relayed address"),
                RelayOutput::Timeout(at) => return at,
            }
        }
    }
}

/// One for each TURN server, on the first socket that can reach it.
fn relays(now: Instant, bound: &[Box<dyn Socket>], ways: &Ways, mut seed: [u8; 32]) -> Vec<Relay> {
    let mut all = Vec::new();
    for server in &ways.turn {
        let (four, here) = (server.address.is_ipv4(), server.address.ip().is_loopback());
        let mut locals = bound.iter().map(|bound| bound.local());
        let Some(local) = locals.find(|local| local.is_ipv4() == four && local.ip().is_loopback() == here) else {
            continue;
        };
        let account = ice::TurnServer {
            address: server.address,
            username: server.user.clone(),
            password: server.password.expose().clone(),
        };
        seed[1] = seed[1].wrapping_add(1);
        match Relay::new(now, local, account, seed) {
            Ok(relay) => all.push(relay),
            Err(error) => tracing::warn!(%error, "no relayed address"),
        }
    }
    all
}

fn gatherer(now: Instant, bound: &[Box<dyn Socket>], ways: &Ways, seed: [u8; 32]) -> Gatherer {
    let locals: Vec<SocketAddr> = bound.iter().map(|bound| bound.local()).collect();
    Gatherer::new(now, &locals, &ways.stun, seed)
}
