//! ICE behind one small door, so that the agent can be exchanged. Today's is `is`, that of str0m.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use is::{
    Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol,
    stun::{StunMessage, StunPacket},
};

use crate::{
    candidate::{CandidateKind, LocalCandidate, remote},
    path::Timing,
};

/// STUN requests that come before we know the far end are kept: browsers and Asterisk check early.
const MOST_EARLY: usize = 32;
/// RFC 8445 6.1.2.5 leaves the number to us (C95).
const MOST_PAIRS: usize = 40;
/// How long pairs are tried before there is none.
const GIVE_UP: Duration = Duration::from_secs(30);
/// How often a check is repeated before a pair is selected. On a lossy network fewer would end the only pair there is;
/// once a pair is selected, consent has its own number.
const CHECK_REPEATS: usize = 24;
/// The longest time between two repeats of a check; RFC 8489 6.2.1 would double it without end.
const CHECK_LONGEST: Duration = Duration::from_millis(1_600);

/// Our socket and the far end's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// What ICE found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentEvent {
    /// Send on this pair from now on.
    Selected(Pair),
    /// The far end proved that it is at this address.
    Proved(SocketAddr),
    /// Nothing answers any more; it may again.
    Disconnected,
    /// It answers again.
    Recovered,
    /// No pair worked in time.
    Failed,
}

/// What a path needs of ICE.
pub(crate) trait Agent: Send + std::fmt::Debug {
    /// Our user fragment and password.
    fn credentials(&self) -> (String, String);
    /// One of our addresses.
    fn add_local(&mut self, candidate: &LocalCandidate);
    /// One of the far end's, as a line of SDP.
    fn add_remote(&mut self, line: &str, allow_loopback: bool);
    /// The far end's role and credentials; checking begins.
    fn set_remote(&mut self, now: Instant, controlling: bool, ufrag: &str, pwd: &str);
    /// Begins anew with other credentials (RFC 8445 9).
    fn restart(&mut self, now: Instant, ufrag: String, pwd: String, locals: &[LocalCandidate]);
    /// A STUN message came.
    fn receive(&mut self, now: Instant, pair: Pair, bytes: &[u8]);
    /// Time has passed.
    fn handle_timeout(&mut self, now: Instant);
    /// When to come again.
    fn next_timeout(&mut self) -> Option<Instant>;
    /// What to send.
    fn poll_transmit(&mut self) -> Option<(Pair, Vec<u8>)>;
    /// What was found out.
    fn poll_event(&mut self) -> Option<AgentEvent>;
}

/// The agent of str0m.
#[derive(Debug)]
pub(crate) struct Str0m {
    agent: IceAgent,
    events: VecDeque<AgentEvent>,
    early: VecDeque<(Pair, Vec<u8>)>,
    begun: Option<Instant>,
    timing: Timing,
    connected: bool,
    disconnected: bool,
    failed: bool,
}

impl Str0m {
    pub(crate) fn new(ufrag: String, pwd: String, tie_breaker: u64, timing: Timing) -> Self {
        let mut agent = IceAgent::new(IceCreds { ufrag, pass: pwd });
        agent.set_control_tie_breaker(tie_breaker);
        agent.set_max_candidate_pairs(MOST_PAIRS);
        agent.set_timing_advance(timing.pacing);
        agent.set_initial_stun_rto(timing.first_repeat);
        agent.set_max_stun_rto(CHECK_LONGEST);
        agent.set_max_stun_retransmits(CHECK_REPEATS);
        Self {
            agent,
            events: VecDeque::new(),
            early: VecDeque::new(),
            begun: None,
            timing,
            connected: false,
            disconnected: false,
            failed: false,
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    self.connected = true;
                    self.agent.set_max_stun_retransmits(self.timing.repeats);
                    self.agent.set_max_stun_rto(self.timing.longest_repeat);
                    self.events.push_back(AgentEvent::Selected(Pair { local: source, remote: destination }));
                }
                IceAgentEvent::DiscoveredRecv { source, .. } => self.events.push_back(AgentEvent::Proved(source)),
                // An event, not the end: the agent goes on receiving and may come back (R15).
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected) if self.connected => {
                    self.disconnected = true;
                    self.events.push_back(AgentEvent::Disconnected);
                }
                IceAgentEvent::IceConnectionStateChange(state) if state.is_connected() && self.disconnected => {
                    self.disconnected = false;
                    self.events.push_back(AgentEvent::Recovered);
                }
                _ => {}
            }
        }
    }
}

impl Agent for Str0m {
    fn credentials(&self) -> (String, String) {
        let own = self.agent.local_credentials();
        (own.ufrag.clone(), own.pass.clone())
    }

    fn add_local(&mut self, candidate: &LocalCandidate) {
        let made = match candidate.kind {
            CandidateKind::Host => Candidate::host(candidate.address, "udp"),
            CandidateKind::Relayed => Candidate::relayed(candidate.address, candidate.base, "udp"),
            // RFC 8445 6.1.2.4: its pairs would be those of its base; it stands only in the SDP.
            CandidateKind::ServerReflexive => return,
        };
        if let Ok(made) = made {
            self.agent.add_local_candidate(made);
        }
    }

    fn add_remote(&mut self, line: &str, allow_loopback: bool) {
        if let Some(candidate) = remote(line, allow_loopback) {
            self.agent.add_remote_candidate(candidate);
        }
    }

    fn set_remote(&mut self, now: Instant, controlling: bool, ufrag: &str, pwd: &str) {
        self.begun.get_or_insert(now);
        self.agent.set_controlling(controlling);
        self.agent.set_remote_credentials(IceCreds { ufrag: ufrag.to_owned(), pass: pwd.to_owned() });
        for (pair, bytes) in std::mem::take(&mut self.early) {
            self.receive(now, pair, &bytes);
        }
        self.agent.handle_timeout(now);
        self.take_events();
    }

    fn restart(&mut self, now: Instant, ufrag: String, pwd: String, locals: &[LocalCandidate]) {
        self.agent.ice_restart(IceCreds { ufrag, pass: pwd }, false);
        (self.begun, self.connected, self.disconnected, self.failed) = (None, false, false, false);
        self.early.clear();
        self.agent.set_max_stun_retransmits(CHECK_REPEATS);
        self.agent.set_max_stun_rto(CHECK_LONGEST);
        for candidate in locals {
            self.add_local(candidate);
        }
        self.agent.handle_timeout(now);
        self.take_events();
    }

    fn receive(&mut self, now: Instant, pair: Pair, bytes: &[u8]) {
        if self.begun.is_none() {
            if self.early.len() < MOST_EARLY {
                self.early.push_back((pair, bytes.to_vec()));
            }
            return;
        }
        let Ok(message) = StunMessage::parse(bytes) else { return };
        self.agent.handle_packet(
            now,
            StunPacket { proto: Protocol::Udp, source: pair.remote, destination: pair.local, message },
        );
        self.agent.handle_timeout(now);
        self.take_events();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        self.take_events();
        let late = self.begun.is_some_and(|begun| now.saturating_duration_since(begun) >= GIVE_UP);
        if late && !self.connected && !self.failed {
            self.failed = true;
            self.events.push_back(AgentEvent::Failed);
        }
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        let begun = self.begun.filter(|_| !self.failed)?;
        let give_up = Some(begun + GIVE_UP).filter(|_| !self.connected);
        [self.agent.poll_timeout(), give_up].into_iter().flatten().min()
    }

    fn poll_transmit(&mut self) -> Option<(Pair, Vec<u8>)> {
        self.agent
            .poll_transmit()
            .map(|own| (Pair { local: own.source, remote: own.destination }, own.contents.to_vec()))
    }

    fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }
}
