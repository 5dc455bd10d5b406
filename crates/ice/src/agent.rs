//! ICE behind one small door, so that the agent can be exchanged. Today's is `is`, that of str0m.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use is::{
    Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol,
    stun::{StunMessage, StunPacket},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::{
    candidate::{CandidateKind, LocalCandidate, remote},
    config::Timing,
};

/// STUN requests that come before we know the far end are kept: browsers and Asterisk check early.
const MOST_EARLY: usize = 32;
/// RFC 8445 6.1.2.5 leaves the number to us (C95).
const MOST_PAIRS: usize = 40;
/// The far end's addresses: those that it names, and those that it turns out to speak from. More would be pairs that are
/// never tried (C95), or a memory that grows with every address that somebody makes up.
const MOST_REMOTES: usize = 64;
/// How long pairs are tried before there is none.
const GIVE_UP: Duration = Duration::from_secs(30);
/// How often a check is repeated before a pair is selected. On a lossy network fewer would end the only pair there is;
/// once a pair is selected, consent has its own number.
const CHECK_REPEATS: usize = 40;
/// RFC 7675 5.1: how long an answer to a check is leave to send.
const CONSENT: Duration = Duration::from_secs(30);
/// When the selected address has said nothing for so long and another one has spoken since, the far end has moved.
const MOVED: Duration = Duration::from_secs(9);
/// RFC 7675 5.2: the far end takes its consent back.
const FORBIDDEN: u16 = 403;
/// Which of the checks on a pair go to an address that never spoke: seven, as RFC 8489 6.2.1 has it, with a growing wait
/// (CONFORMANCE S9). One that spoke knows our password, and gets them all.
const TO_STRANGERS: [usize; 7] = [1, 2, 3, 5, 9, 17, 33];
/// RFC 8489 5, 18.2: how a Binding request begins.
const REQUEST: [u8; 2] = [0, 1];
/// The longest time between two repeats of a check; RFC 8489 6.2.1 would double it without end.
const CHECK_LONGEST: Duration = Duration::from_millis(800);

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
    /// It answered a check on this pair: it may be sent to, also before the pair is selected (RFC 8445 12.1).
    Valid(Pair),
    /// Nothing answers any more: stop sending. It may answer again, if less than thirty seconds have passed.
    Disconnected,
    /// It answers again.
    Recovered,
    /// No pair worked in time.
    Failed,
}

/// What a path needs of ICE.
pub(crate) trait Agent: Send {
    /// Our user fragment and password.
    fn credentials(&self) -> (String, String);
    /// One of our addresses.
    fn add_local(&mut self, candidate: &LocalCandidate);
    /// One of the far end's, as a line of SDP.
    fn add_remote(&mut self, line: &str, allow_loopback: bool);
    /// The far end's role and credentials; checking begins.
    fn set_remote(&mut self, now: Instant, controlling: bool, ufrag: &str, pwd: &str);
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

/// The agent of str0m. It has no `Debug`: the crate's shows the passwords.
pub(crate) struct Str0m {
    agent: IceAgent,
    events: VecDeque<AgentEvent>,
    early: VecDeque<(Pair, Vec<u8>)>,
    begun: Option<Instant>,
    timing: Timing,
    rng: ChaCha12Rng,
    /// How many candidates the far end named, and when it last spoke from where.
    named: usize,
    heard: HashMap<SocketAddr, Instant>,
    /// How many checks the crate made on each pair with an address that never spoke.
    made: HashMap<Pair, usize>,
    selected: Option<SocketAddr>,
    /// The answers on the selected pair so far, and when the last one came.
    answers: u64,
    answered: Option<Instant>,
    /// It answered after it was selected: from then on there are consent checks and no repeats.
    consenting: bool,
    connected: bool,
    disconnected: bool,
    expired: bool,
    failed: bool,
}

impl Str0m {
    pub(crate) fn new(ufrag: String, pwd: String, seed: u64, timing: Timing) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut agent = IceAgent::new(IceCreds { ufrag, pass: pwd });
        agent.set_control_tie_breaker(rng.random());
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
            rng,
            named: 0,
            heard: HashMap::new(),
            made: HashMap::new(),
            selected: None,
            answers: 0,
            answered: None,
            consenting: false,
            connected: false,
            disconnected: false,
            expired: false,
            failed: false,
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } if !self.expired => {
                    self.connected = true;
                    (self.answered, self.selected) = (Some(now), Some(destination));
                    self.agent.set_max_stun_retransmits(self.timing.repeats);
                    self.events.push_back(AgentEvent::Selected(Pair { local: source, remote: destination }));
                }
                IceAgentEvent::DiscoveredRecv { source, .. } => self.events.push_back(AgentEvent::Proved(source)),
                // An event, not the end: the agent goes on receiving and may come back (R15).
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => self.lose(),
                IceAgentEvent::IceConnectionStateChange(state) if state.is_connected() => self.recover(),
                _ => {}
            }
        }
    }

    fn watch(&mut self, now: Instant) {
        self.take_events(now);
        self.watch_consent(now);
        if let Some(gone) = self.moved_from(now) {
            // Among the pairs that are left the crate selects the best that works; if there is none, all stays as it is.
            let candidate = self.agent.remote_candidates().find(|own| own.addr() == gone);
            if let Some(candidate) = candidate {
                self.agent.invalidate_candidate(&candidate);
                self.agent.handle_timeout(now);
                self.take_events(now);
            }
        }
    }

    /// The selected address, if the far end now speaks from another one: a NAT gave it a new mapping. The crate would
    /// keep to the old pair until its last check has failed.
    fn moved_from(&self, now: Instant) -> Option<SocketAddr> {
        let selected = self.selected.filter(|_| self.connected && !self.expired)?;
        let silent = |at: Instant| now.saturating_duration_since(at) >= MOVED;
        let last = self.heard.get(&selected).copied().max(self.answered)?;
        let elsewhere = self.heard.iter().any(|(source, at)| *source != selected && !silent(*at));
        (silent(last) && elsewhere).then_some(selected)
    }

    /// The crate keeps a pair alive by the far end's requests too; leave to send comes only of answers to ours.
    fn watch_consent(&mut self, now: Instant) {
        if let Some(answers) = self.agent.nominated_pair_responses_received().filter(|answers| *answers != self.answers)
        {
            (self.answers, self.answered, self.consenting) = (answers, Some(now), true);
            self.draw_interval();
            if self.agent.state().is_connected() {
                self.recover();
            }
        }
        if self.consent_ends().is_some_and(|end| now >= end) {
            self.expire();
        }
    }

    fn may_ask(&mut self, pair: Pair) -> bool {
        if self.heard.contains_key(&pair.remote) {
            return true;
        }
        let made = self.made.entry(pair).or_default();
        *made += 1;
        TO_STRANGERS.contains(made)
    }

    /// RFC 7675 5.1: each interval is drawn anew, so that checks of many calls do not fall together, and a check that is
    /// not answered is not repeated sooner. The crate knows one time for all pairs; it may come late by its pacing.
    fn draw_interval(&mut self) {
        let late = self.timing.pacing;
        let interval =
            self.rng.random_range(self.timing.consent.mul_f64(0.8)..=self.timing.consent.mul_f64(1.2) - late);
        self.agent.set_initial_stun_rto(interval);
        self.agent.set_max_stun_rto(interval);
    }

    /// RFC 7675 5.1: these credentials give no leave to send any more; only a restart does.
    fn expire(&mut self) {
        self.lose();
        self.expired = true;
    }

    fn consent_ends(&self) -> Option<Instant> {
        self.answered.filter(|_| self.connected && !self.disconnected).map(|answered| answered + CONSENT)
    }

    fn lose(&mut self) {
        if self.connected && !self.disconnected {
            self.disconnected = true;
            self.events.push_back(AgentEvent::Disconnected);
        }
    }

    fn recover(&mut self) {
        if self.disconnected && !self.expired {
            self.disconnected = false;
            self.events.push_back(AgentEvent::Recovered);
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
        if let Some(candidate) = remote(line, allow_loopback).filter(|_| self.named < MOST_REMOTES) {
            self.named += 1;
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
        self.take_events(now);
    }

    fn receive(&mut self, now: Instant, pair: Pair, bytes: &[u8]) {
        let Ok(message) = StunMessage::parse(bytes) else { return };
        // Nothing is kept, counted or answered that was not signed with our password or the far end's.
        if !self.agent.accepts_message(&message) {
            return;
        }
        if self.begun.is_none() {
            if self.early.len() < MOST_EARLY {
                self.early.push_back((pair, bytes.to_vec()));
            }
            return;
        }
        if !self.heard.contains_key(&pair.remote) && self.heard.len() >= MOST_REMOTES {
            return;
        }
        self.heard.insert(pair.remote, now);
        let valid = message.is_successful_binding_response();
        let refused =
            message.is_failed_binding_response() && message.error_code().is_some_and(|(code, _)| code == FORBIDDEN);
        self.agent.handle_packet(
            now,
            StunPacket { proto: Protocol::Udp, source: pair.remote, destination: pair.local, message },
        );
        if valid && !self.expired {
            self.events.push_back(AgentEvent::Valid(pair));
        }
        self.agent.handle_timeout(now);
        self.watch(now);
        if refused {
            self.expire();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        self.watch(now);
        let late = self.begun.is_some_and(|begun| now.saturating_duration_since(begun) >= GIVE_UP);
        if late && !self.connected && !self.failed {
            self.failed = true;
            self.events.push_back(AgentEvent::Failed);
        }
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        let begun = self.begun.filter(|_| !self.failed)?;
        let give_up = Some(begun + GIVE_UP).filter(|_| !self.connected);
        [self.agent.poll_timeout(), give_up, self.consent_ends()].into_iter().flatten().min()
    }

    fn poll_transmit(&mut self) -> Option<(Pair, Vec<u8>)> {
        loop {
            let own = self.agent.poll_transmit()?;
            let pair = Pair { local: own.source, remote: own.destination };
            let asks = own.contents.starts_with(&REQUEST);
            if self.consenting && asks {
                self.draw_interval();
            }
            if !asks || self.may_ask(pair) {
                return Some((pair, own.contents.to_vec()));
            }
        }
    }

    fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }
}
