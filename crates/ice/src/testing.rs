//! Whole paths on an in-memory network and a clock of the test's own (PATH.md's gate).

pub mod fuzz;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::{
    Identity, LocalCandidate, LocalDescription, Path, PathConfig, PathError, PathEvent, PathOutput, RemoteDescription,
    Security, Timing,
};

/// How many of the last datagrams a world remembers.
const MOST_RECENT: usize = 32;

/// What a box on the way makes of a datagram: from where, to where, its octets.
pub type Middle = Box<dyn FnMut(SocketAddr, SocketAddr, &[u8]) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)>>;

/// How the network between two paths behaves.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// The share of datagrams that are lost, 0 to 1.
    pub loss: f64,
    /// The least one-way delay.
    pub delay: Duration,
    /// Up to this much more, drawn for each datagram: it reorders.
    pub jitter: Duration,
}

/// One end.
pub struct End {
    /// The path.
    pub path: Path,
    /// Its sockets.
    pub sockets: Vec<SocketAddr>,
    /// When it became secure.
    pub secure: Option<Instant>,
    /// How it is protected.
    pub security: Option<Security>,
    /// Why it failed.
    pub failed: Option<PathError>,
    /// When it lost the far end.
    pub disconnected: Option<Instant>,
    /// Did the far end say goodbye?
    pub closed: bool,
    /// The RTP packets that came, with their time.
    pub rtp: Vec<(Instant, Vec<u8>)>,
    /// The RTCP packets that came.
    pub rtcp: Vec<Vec<u8>>,
}

/// What is under way, the soonest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Datagram {
    at: Instant,
    number: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// Two ends and what is under way between them.
pub struct World {
    /// The clock.
    pub now: Instant,
    /// The two ends.
    pub ends: [End; 2],
    /// The network.
    pub network: Network,
    /// Addresses that swallow everything.
    pub black_holes: Vec<SocketAddr>,
    /// A NAT before an end: its socket, and the address that everyone else sees and reaches it by.
    pub translate: Option<(SocketAddr, SocketAddr)>,
    /// A box on the way that drops, changes, adds and answers.
    pub middle: Option<Middle>,
    /// The answers to the checks of this end do not get through.
    pub deaf_to_answers: Option<usize>,
    /// The last datagrams that were sent, lost or not: sender, receiver, octets.
    pub recent: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// (time since the start, end, ports, first octet) of every datagram sent: the same seed gives the same list.
    pub trace: Vec<(Duration, usize, u16, u16, u8)>,
    begun: Instant,
    rng: ChaCha12Rng,
    under_way: BinaryHeap<Reverse<Datagram>>,
    sent: u64,
}

impl World {
    /// Two ends with `sockets` each, joined by `network`.
    #[must_use]
    pub fn new(
        seed: u64,
        identities: [&Arc<Identity>; 2],
        sockets: [&[SocketAddr]; 2],
        network: Network,
        timing: Timing,
        mtu: usize,
    ) -> Self {
        let now = start();
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut end = |at: usize| {
            let locals = sockets[at].iter().copied().map(LocalCandidate::host).collect();
            let config = PathConfig {
                timing,
                mtu,
                allow_loopback: true,
                ..PathConfig::new(Arc::clone(identities[at]), locals, rng.random())
            };
            End {
                path: Path::new(config).expect("there is a crypto library"),
                sockets: sockets[at].to_vec(),
                secure: None,
                security: None,
                failed: None,
                disconnected: None,
                closed: false,
                rtp: Vec::new(),
                rtcp: Vec::new(),
            }
        };
        let ends = [end(0), end(1)];
        Self {
            now,
            ends,
            network,
            black_holes: Vec::new(),
            translate: None,
            middle: None,
            deaf_to_answers: None,
            recent: VecDeque::new(),
            trace: Vec::new(),
            begun: now,
            rng,
            under_way: BinaryHeap::new(),
            sent: 0,
        }
    }

    /// What the far end is told of `local`.
    #[must_use]
    pub fn described(local: LocalDescription, controlling: bool, dtls_client: bool) -> RemoteDescription {
        RemoteDescription {
            ufrag: local.ufrag,
            pwd: local.pwd,
            fingerprints: vec![local.fingerprint],
            candidates: local.candidates,
            controlling,
            dtls_client,
        }
    }

    /// Tells end `at` of the other one, but none of its addresses.
    pub fn tell_no_address(&mut self, at: usize, controlling: bool, dtls_client: bool) {
        let mut remote = Self::described(self.ends[1 - at].path.local(), controlling, dtls_client);
        remote.candidates.clear();
        self.ends[at].path.set_remote(self.now, remote).expect("a strong fingerprint");
        self.drain(at);
    }

    /// Tells end `at` of the other one.
    pub fn tell(&mut self, at: usize, controlling: bool, dtls_client: bool) {
        let remote = Self::described(self.ends[1 - at].path.local(), controlling, dtls_client);
        self.ends[at].path.set_remote(self.now, remote).expect("a strong fingerprint");
        self.drain(at);
    }

    /// Takes what end `at` wants.
    pub fn drain(&mut self, at: usize) -> Option<Instant> {
        loop {
            match self.ends[at].path.poll_output() {
                PathOutput::Timeout(due) => return due,
                PathOutput::Event(event) => self.on_event(at, event),
                PathOutput::Transmit { local, to, bytes } => self.send(at, local, to, bytes),
            }
        }
    }

    fn on_event(&mut self, at: usize, event: PathEvent) {
        let (now, end) = (self.now, &mut self.ends[at]);
        match event {
            PathEvent::Secure(security) => {
                end.secure.get_or_insert(now);
                end.security = Some(security);
            }
            PathEvent::Rtp(bytes) => end.rtp.push((now, bytes)),
            PathEvent::Rtcp(bytes) => end.rtcp.push(bytes),
            PathEvent::Failed(error) => end.failed = Some(error),
            PathEvent::Disconnected => end.disconnected = Some(now),
            PathEvent::Recovered => end.disconnected = None,
            PathEvent::ClosedByPeer => end.closed = true,
            PathEvent::PairSelected { .. } => {}
        }
    }

    fn send(&mut self, at: usize, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.trace.push((self.now - self.begun, at, from.port(), to.port(), bytes.first().copied().unwrap_or(0)));
        self.recent.truncate(MOST_RECENT - 1);
        self.recent.push_front((from, to, bytes.clone()));
        let lost = self.rng.random_bool(self.network.loss)
            || self.black_holes.contains(&to)
            || self.black_holes.contains(&from);
        let late = self.network.jitter.mul_f64(self.rng.random());
        let unheard = bytes.first() == Some(&1) && self.deaf_to_answers == Some(1 - at);
        if lost || unheard {
            return;
        }
        let passed = match &mut self.middle {
            Some(middle) => middle(from, to, &bytes),
            None => self.translated(from, to).map(|(from, to)| (from, to, bytes)).into_iter().collect(),
        };
        for (from, to, bytes) in passed {
            self.inject(self.network.delay + late, from, to, bytes);
        }
    }

    /// What a datagram looks like behind the NAT. `None`: it is for an address that is nobody's now.
    fn translated(&self, from: SocketAddr, to: SocketAddr) -> Option<(SocketAddr, SocketAddr)> {
        let Some((inside, outside)) = self.translate else { return Some((from, to)) };
        let from = if from == inside { outside } else { from };
        match to {
            to if to == inside => None,
            to if to == outside => Some((from, inside)),
            to => Some((from, to)),
        }
    }

    /// Puts a datagram on the network, from whomever.
    pub fn inject(&mut self, delay: Duration, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        self.under_way.push(Reverse(Datagram { at: self.now + delay, number: self.sent, from, to, bytes }));
    }

    /// Lets time pass until `end`, or until `stop` says so.
    pub fn run(&mut self, time: Duration, stop: impl Fn(&Self) -> bool) {
        let end = self.now + time;
        let mut due = [self.drain(0), self.drain(1)];
        while !stop(self) {
            let arrival = self.under_way.peek().map(|Reverse(Datagram { at, .. })| *at);
            let Some(next) = [due[0], due[1], arrival].into_iter().flatten().min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            while let Some(Datagram { from, to, bytes, .. }) = self.arrived() {
                if let Some(at) = self.ends.iter().position(|end| end.sockets.contains(&to)) {
                    self.ends[at].path.handle_datagram(self.now, to, from, &bytes);
                    due[at] = self.drain(at);
                }
            }
            for at in 0..2 {
                if due[at].is_some_and(|due| due <= self.now) {
                    self.ends[at].path.handle_timeout(self.now);
                    due[at] = self.drain(at);
                }
            }
        }
    }

    fn arrived(&mut self) -> Option<Datagram> {
        let due = self.under_way.peek().is_some_and(|Reverse(Datagram { at, .. })| *at <= self.now);
        if due { self.under_way.pop().map(|Reverse(datagram)| datagram) } else { None }
    }

    /// Are both ends secure?
    #[must_use]
    pub fn secure(&self) -> bool {
        self.ends.iter().all(|end| end.path.is_secure())
    }

    /// Both ends talk for `time`, 50 packets a second each, and what they send arrives. Says how many were heard of those
    /// that were to be sent, at the first end and at the second.
    pub fn talk_both(&mut self, ssrc: u32, time: Duration) -> [(usize, usize); 2] {
        let before = [0, 1].map(|at: usize| self.ends[at].rtp.len());
        let count = u16::try_from(time.as_millis() / 20).unwrap_or(u16::MAX);
        for sequence in 0..count {
            for at in 0..2 {
                self.ends[at].path.send_rtp(&rtp(ssrc, sequence));
                self.drain(at);
            }
            self.run(Duration::from_millis(20), |_| false);
        }
        self.run(Duration::from_millis(500), |_| false);
        [0, 1].map(|at: usize| (self.ends[at].rtp.len() - before[at], usize::from(count)))
    }

    /// Sends an RTP packet from end `at` every 20 ms for `time`.
    pub fn talk(&mut self, at: usize, ssrc: u32, first: u16, time: Duration) {
        for sequence in 0..u16::try_from(time.as_millis() / 20).unwrap_or(u16::MAX) {
            self.ends[at].path.send_rtp(&rtp(ssrc, first.wrapping_add(sequence)));
            self.drain(at);
            self.run(Duration::from_millis(20), |_| false);
        }
    }
}

/// An RTP packet with a payload that is its own number.
#[must_use]
pub fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let time = (u32::from(sequence) * 960).to_be_bytes();
    [&[0x80, 111][..], &sequence.to_be_bytes(), &time, &ssrc.to_be_bytes(), &sequence.to_be_bytes().repeat(20)].concat()
}

/// The beginning of the tests' time. Only differences count.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an Instant cannot be made from nothing; no test looks at its value")]
pub fn start() -> Instant {
    Instant::now()
}
