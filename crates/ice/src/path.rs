//! The path itself: which datagram is what, which pair is used, which keys hold.

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    agent::{Agent, AgentEvent, Pair, Str0m},
    candidate::LocalCandidate,
    dtls::{Dtls, Progress},
    error::PathError,
    identity::{Fingerprint, Identity},
    provider::Provider,
    srtp::Srtp,
};

/// What comes before it can be used is kept, up to this many datagrams.
const MOST_HELD_DTLS: usize = 32;
const MOST_HELD_SRTP: usize = 64;
/// Addresses of the far end that proved themselves; more are nobody's.
const MOST_PROVED: usize = 64;

/// How ICE times its checks.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between two checks (RFC 8445 14.2: 50 ms unless both ends agree on less).
    pub pacing: Duration,
    /// Until the first repeat of a check (RFC 8445 14.3: at least 500 ms).
    pub first_repeat: Duration,
    /// The longest time between two repeats, and between two consent checks (RFC 7675 5.1: 4 to 6 s).
    pub longest_repeat: Duration,
    /// How many repeats without an answer end a pair: with the above, 30 s (RFC 7675 5.1).
    pub repeats: usize,
}

impl Timing {
    /// As the RFCs want it.
    pub const STANDARD: Self = Self {
        pacing: Duration::from_millis(50),
        first_repeat: Duration::from_millis(500),
        longest_repeat: Duration::from_secs(4),
        repeats: 8,
    };
    /// For both ends on one machine or network: a knowing departure from RFC 8445 14.2 and 14.3.
    pub const FAST: Self = Self {
        pacing: Duration::from_millis(5),
        first_repeat: Duration::from_millis(100),
        repeats: 10,
        ..Self::STANDARD
    };
}

/// What a path is made of.
#[derive(Clone, Debug)]
pub struct PathConfig {
    /// Our certificate.
    pub identity: Arc<Identity>,
    /// Our addresses.
    pub locals: Vec<LocalCandidate>,
    /// How ICE times its checks.
    pub timing: Timing,
    /// May loopback addresses be tried? Only for an account whose server is on this machine (CONFORMANCE S9).
    pub allow_loopback: bool,
    /// The largest handshake datagram; 0 is the library's own.
    pub mtu: usize,
    /// Where its random numbers come from.
    pub seed: [u8; 32],
}

impl PathConfig {
    /// A path from `locals` with the usual values.
    #[must_use]
    pub const fn new(identity: Arc<Identity>, locals: Vec<LocalCandidate>, seed: [u8; 32]) -> Self {
        Self { identity, locals, timing: Timing::STANDARD, allow_loopback: false, mtu: 1200, seed }
    }
}

/// What our description says of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalDescription {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`, 144 random bits.
    pub pwd: String,
    /// `a=fingerprint`.
    pub fingerprint: String,
    /// What follows `a=candidate:`, each.
    pub candidates: Vec<String>,
}

/// What the far end's description says of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteDescription {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
    /// `a=fingerprint`, all of them.
    pub fingerprints: Vec<String>,
    /// `a=candidate`, all of them.
    pub candidates: Vec<String>,
    /// Do we decide on the pair: because we made the offer, or the far end is lite (RFC 8445 6.1.1)?
    pub controlling: bool,
    /// Are we the DTLS client (`a=setup:active`)?
    pub dtls_client: bool,
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
    /// Sound can flow, under this profile.
    Secure(&'static str),
    /// An RTP packet, authenticated and open.
    Rtp(Vec<u8>),
    /// An RTCP packet, authenticated and open.
    Rtcp(Vec<u8>),
    /// The far end answers no more; it may again.
    Disconnected,
    /// It answers again.
    Recovered,
    /// The far end said goodbye on the path itself.
    ClosedByPeer,
    /// It is over.
    Failed(PathError),
}

/// What a path wants.
#[derive(Clone, Debug)]
pub enum PathOutput {
    /// Send `bytes` from the socket `local` to `to`.
    Transmit {
        /// Our socket.
        local: SocketAddr,
        /// Where to.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(PathEvent),
    /// Nothing more; come again with [`Path::handle_timeout`] at this time, if there is one.
    Timeout(Option<Instant>),
}

/// A secured path.
#[derive(Debug)]
pub struct Path {
    config: PathConfig,
    provider: Arc<Provider>,
    agent: Box<dyn Agent>,
    remote: Option<RemoteDescription>,
    dtls: Option<Dtls>,
    srtp: Option<Srtp>,
    profile: &'static str,
    selected: Option<Pair>,
    /// The pair for the handshake: the first that proved itself, before one is selected.
    route: Option<Pair>,
    proved: HashSet<SocketAddr>,
    held_dtls: VecDeque<(Pair, Vec<u8>)>,
    held_srtp: VecDeque<(SocketAddr, Vec<u8>)>,
    told_secure: bool,
    /// [`Self::restart`] was called, and the far end's answer to it is still to come.
    restarted: bool,
    dead: bool,
    out: VecDeque<PathOutput>,
}

impl Path {
    /// A path that waits for the far end's description.
    ///
    /// # Errors
    /// [`PathError::Crypto`] when there is no crypto library.
    pub fn new(config: PathConfig) -> Result<Self, PathError> {
        let provider = Provider::new(config.seed)?;
        let (ufrag, pwd) = (provider.ice_chars(8), provider.ice_chars(24));
        let mut agent = Str0m::new(ufrag, pwd, provider.next_u64(), config.timing);
        for candidate in &config.locals {
            agent.add_local(candidate);
        }
        Ok(Self {
            config,
            provider,
            agent: Box::new(agent),
            remote: None,
            dtls: None,
            srtp: None,
            profile: "",
            selected: None,
            route: None,
            proved: HashSet::new(),
            held_dtls: VecDeque::new(),
            held_srtp: VecDeque::new(),
            told_secure: false,
            restarted: false,
            dead: false,
            out: VecDeque::new(),
        })
    }

    /// What to tell the far end.
    #[must_use]
    pub fn local(&self) -> LocalDescription {
        let (ufrag, pwd) = self.agent.credentials();
        let candidates = self.config.locals.iter().zip(0..).map(|(own, index)| own.line(index)).collect();
        LocalDescription { ufrag, pwd, fingerprint: self.config.identity.fingerprint().to_owned(), candidates }
    }

    /// Takes the far end's description: the first one, that of a restart, or that of another branch of a forked call.
    /// One that says nothing new changes nothing; new candidates under the old credentials are only added (W11).
    ///
    /// # Errors
    /// [`PathError::WeakFingerprint`]: refuse the session with 488. [`PathError::Crypto`].
    pub fn set_remote(&mut self, now: Instant, remote: RemoteDescription) -> Result<(), PathError> {
        let fingerprint = Fingerprint::strongest(&remote.fingerprints)?;
        let before = self.remote.replace(remote.clone());
        let other_end = before.as_ref().is_none_or(|before| {
            Fingerprint::strongest(&before.fingerprints).ok().as_ref() != Some(&fingerprint)
                || before.dtls_client != remote.dtls_client
        });
        if other_end {
            // Another certificate is another far end: nothing that the old one proved holds for it.
            self.dtls = Some(Dtls::new(
                Arc::clone(&self.provider),
                Arc::clone(&self.config.identity),
                fingerprint,
                remote.dtls_client,
                self.config.mtu,
            )?);
            (self.srtp, self.selected, self.route, self.told_secure, self.dead) = (None, None, None, false, false);
            self.proved.clear();
            if before.is_some() {
                self.held_dtls.clear();
                self.held_srtp.clear();
            }
        }
        let same_credentials =
            before.as_ref().is_some_and(|before| before.ufrag == remote.ufrag && before.pwd == remote.pwd);
        if before.is_some() && !same_credentials && !self.restarted {
            // Another branch answered, to the same offer: what was found with the first one is nothing to it.
            let (ufrag, pwd) = self.agent.credentials();
            self.agent.restart(now, ufrag, pwd, &self.config.locals);
        }
        self.restarted = false;
        for line in &remote.candidates {
            self.agent.add_remote(line, self.config.allow_loopback);
        }
        if !same_credentials {
            self.agent.set_remote(now, remote.controlling, &remote.ufrag, &remote.pwd);
        }
        self.work(now);
        Ok(())
    }

    /// Begins ICE anew, from these addresses (RFC 8445 9). Sound stays on the old pair until there is a new one; the keys
    /// stay if the far end's certificate does. Tell the far end what this returns, then give its answer to
    /// [`Self::set_remote`].
    pub fn restart(&mut self, now: Instant, locals: Vec<LocalCandidate>) -> LocalDescription {
        self.config.locals = locals;
        (self.dead, self.restarted) = (false, true);
        let (ufrag, pwd) = (self.provider.ice_chars(8), self.provider.ice_chars(24));
        self.agent.restart(now, ufrag, pwd, &self.config.locals);
        self.work(now);
        self.local()
    }

    /// A datagram came to the socket `local` (RFC 7983).
    pub fn handle_datagram(&mut self, now: Instant, local: SocketAddr, from: SocketAddr, bytes: &[u8]) {
        let pair = Pair { local, remote: from };
        match bytes.first() {
            Some(0..=3) => self.agent.receive(now, pair, bytes),
            Some(20..=63) if !self.dead && self.held_dtls.len() < MOST_HELD_DTLS => {
                self.held_dtls.push_back((pair, bytes.to_vec()))
            }
            Some(128..=191) if !self.dead => self.take_srtp(from, bytes),
            _ => return,
        }
        self.work(now);
    }

    /// The time of the last [`PathOutput::Timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        if let Some(dtls) = &mut self.dtls
            && let Err(error) = dtls.handle_timeout(now)
        {
            self.fail(error);
        }
        self.work(now);
    }

    /// Sends an RTP packet. Says whether it went: before the keys and without a pair it is dropped.
    pub fn send_rtp(&mut self, packet: &[u8]) -> bool {
        self.send(packet, Srtp::protect_rtp)
    }

    /// Sends an RTCP packet, under the same rules.
    pub fn send_rtcp(&mut self, packet: &[u8]) -> bool {
        self.send(packet, Srtp::protect_rtcp)
    }

    fn send(&mut self, packet: &[u8], protect: fn(&mut Srtp, &[u8]) -> Option<Vec<u8>>) -> bool {
        let (Some(pair), Some(srtp), false) = (self.selected, &mut self.srtp, self.dead) else { return false };
        let Some(bytes) = protect(srtp, packet) else { return false };
        self.transmit(pair, bytes);
        true
    }

    /// Says goodbye to the far end on the path itself. Nothing is sent after it.
    pub fn close(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
        }
        self.flush_dtls();
        self.dead = true;
    }

    /// Can sound flow?
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.srtp.is_some() && self.selected.is_some() && !self.dead
    }

    /// The next thing that the path wants; [`PathOutput::Timeout`] when that is all.
    pub fn poll_output(&mut self) -> PathOutput {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        if self.dead {
            return PathOutput::Timeout(None);
        }
        let dtls = self.dtls.as_ref().and_then(Dtls::next_timeout);
        PathOutput::Timeout([self.agent.next_timeout(), dtls].into_iter().flatten().min())
    }

    /// Does all that can be done now.
    fn work(&mut self, now: Instant) {
        while let Some(event) = self.agent.poll_event() {
            self.on_agent(event);
        }
        if self.route.is_some() && !self.dead {
            if let Err(error) = self.shake_hands(now) {
                self.flush_dtls();
                self.fail(error);
            }
            self.flush_dtls();
        }
        self.tell_secure();
        while let Some((pair, bytes)) = self.agent.poll_transmit() {
            self.transmit(pair, bytes);
        }
    }

    fn on_agent(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::Selected(pair) => {
                self.prove(pair.remote);
                self.route = Some(pair);
                if self.selected.replace(pair) != Some(pair) {
                    self.emit(PathEvent::PairSelected { local: pair.local, remote: pair.remote });
                }
            }
            AgentEvent::Proved(address) => self.prove(address),
            AgentEvent::Disconnected => self.emit(PathEvent::Disconnected),
            AgentEvent::Recovered => self.emit(PathEvent::Recovered),
            AgentEvent::Failed if self.selected.is_none() => self.fail(PathError::NoPair),
            AgentEvent::Failed => self.emit(PathEvent::Disconnected),
        }
    }

    fn prove(&mut self, address: SocketAddr) {
        if self.proved.len() < MOST_PROVED {
            self.proved.insert(address);
        }
    }

    /// DTLS comes only from addresses that ICE proved (L8): what others send waits, and is dropped with the path.
    fn shake_hands(&mut self, now: Instant) -> Result<(), PathError> {
        let Some(dtls) = &mut self.dtls else { return Ok(()) };
        dtls.begin(now);
        let mut closed = false;
        for (pair, bytes) in std::mem::take(&mut self.held_dtls) {
            if !self.proved.contains(&pair.remote) {
                self.held_dtls.push_back((pair, bytes));
                continue;
            }
            match dtls.receive(now, &bytes)? {
                Progress::None => {}
                Progress::Closed => closed = true,
                Progress::Done => {
                    let (srtp, profile) = dtls.keys()?;
                    (self.srtp, self.profile) = (Some(srtp), profile);
                }
            }
        }
        if closed {
            self.emit(PathEvent::ClosedByPeer);
        }
        if self.srtp.is_some() {
            for (from, bytes) in std::mem::take(&mut self.held_srtp) {
                self.take_srtp(from, &bytes);
            }
        }
        Ok(())
    }

    /// SRTP counts only from addresses that proved themselves (L10), and any SSRC may come.
    fn take_srtp(&mut self, from: SocketAddr, bytes: &[u8]) {
        let Some(srtp) = &mut self.srtp else {
            if self.held_srtp.len() < MOST_HELD_SRTP {
                self.held_srtp.push_back((from, bytes.to_vec()));
            }
            return;
        };
        if !self.proved.contains(&from) || bytes.len() < 12 {
            return;
        }
        // RFC 5761 4: the packet types of RTCP.
        let opened = if matches!(bytes[1], 192..=223) {
            srtp.open_rtcp(bytes).map(PathEvent::Rtcp)
        } else {
            srtp.open_rtp(bytes).map(PathEvent::Rtp)
        };
        if let Some(event) = opened {
            if let Some(dtls) = &mut self.dtls {
                dtls.far_end_done = true;
            }
            self.emit(event);
        }
    }

    fn tell_secure(&mut self) {
        if self.is_secure() && !self.told_secure {
            self.told_secure = true;
            self.emit(PathEvent::Secure(self.profile));
        }
    }

    fn flush_dtls(&mut self) {
        let Some(pair) = self.selected.or(self.route) else { return };
        while let Some(bytes) = self.dtls.as_mut().and_then(Dtls::poll_transmit) {
            self.transmit(pair, bytes);
        }
    }

    fn fail(&mut self, error: PathError) {
        if !self.dead {
            self.dead = true;
            self.emit(PathEvent::Failed(error));
        }
    }

    fn emit(&mut self, event: PathEvent) {
        self.out.push_back(PathOutput::Event(event));
    }

    fn transmit(&mut self, pair: Pair, bytes: Vec<u8>) {
        self.out.push_back(PathOutput::Transmit { local: pair.local, to: pair.remote, bytes });
    }
}
