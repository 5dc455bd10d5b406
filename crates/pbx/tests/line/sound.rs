//! The sound of a call of the tests' own phone: a path, a session and a voice.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ice::{Identity, LocalCandidate, Path, PathConfig, PathEvent, PathOutput, RemoteDescription, Security, Timing};
use media::{
    RATE, Session, SessionConfig, SessionEvent, SessionOutput,
    agreed::{Agreed, Direction},
    offer::{LocalPath, Negotiation, Policy},
    signal::Speech,
};
use net::Udp;

const BLOCK: usize = 480;
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// A test that was not run for so long leaves the time out.
const OVERSLEPT: Duration = Duration::from_millis(200);

/// The sound of a call.
pub(crate) struct Sound {
    pub(crate) negotiation: Negotiation,
    path: Path,
    pub(crate) session: Session,
    pub(crate) socket: Udp,
    voice: Speech,
    /// What was said since the path is open, and what was heard at the same time.
    pub(crate) said: Vec<f32>,
    pub(crate) heard: Vec<f32>,
    pub(crate) security: Option<Security>,
    pub(crate) keys: String,
    pub(crate) first_sound: bool,
    next: Option<Instant>,
}

impl Sound {
    pub(crate) fn new(identity: &Arc<Identity>, seed: u8) -> Self {
        let socket = Udp::bind("127.0.0.1".parse().expect("an address")).expect("a port");
        let locals = vec![LocalCandidate::host(socket.local())];
        let config = PathConfig {
            timing: Timing::FAST,
            allow_loopback: true,
            ..PathConfig::new(Arc::clone(identity), locals, [seed; 32])
        };
        let mut session = Session::new(Instant::now(), SessionConfig { seed: [seed; 32], cname: None, bitrate: None });
        session.set_sending(true);
        Self {
            negotiation: Negotiation::new([seed; 32], Policy::default()),
            path: Path::new(config).expect("a path"),
            session,
            socket,
            voice: Speech::new(u64::from(seed)),
            said: Vec::new(),
            heard: Vec::new(),
            security: None,
            keys: String::new(),
            first_sound: false,
            next: None,
        }
    }

    /// An offer of a socket at which nobody answers.
    pub(crate) fn mute_offer(identity: &Arc<Identity>) -> Bytes {
        Self::new(identity, 99).offer(Direction::SendRecv)
    }

    pub(crate) fn local(&self) -> LocalPath {
        let own = self.path.local();
        let default: SocketAddr = self.socket.local();
        LocalPath { ufrag: own.ufrag, pwd: own.pwd, fingerprint: own.fingerprint, candidates: own.candidates, default }
    }

    pub(crate) fn offer(&mut self, direction: Direction) -> Bytes {
        let local = self.local();
        self.negotiation.offer(&local, direction).into()
    }

    pub(crate) fn agree(&mut self, agreed: &Agreed) {
        let now = Instant::now();
        self.session.apply(now, agreed).expect("a codec of ours");
        let remote = agreed.remote.clone().expect("a path");
        let description = RemoteDescription {
            ufrag: remote.ufrag,
            pwd: remote.pwd,
            fingerprints: remote.fingerprints,
            candidates: remote.candidates,
            controlling: agreed.controlling,
            dtls_client: agreed.dtls_client,
        };
        self.path.set_remote(now, description).expect("a strong fingerprint");
    }

    /// Does what is due, and says when to come again.
    pub(crate) fn work(&mut self) -> Option<Instant> {
        let (now, mut buffer) = (Instant::now(), [0; 2048]);
        while let Some((length, from)) = self.socket.try_recv(&mut buffer) {
            self.path.handle_datagram(now, self.socket.local(), from, &buffer[..length]);
            self.drain(now);
        }
        self.path.handle_timeout(now);
        self.drain(now);
        self.session.handle_timeout(now);
        self.speak_and_listen(now);
        let session = self.drain(now);
        let path = match self.path.poll_output() {
            PathOutput::Timeout(due) => due,
            other => panic!("it is drained: {other:?}"),
        };
        [path, session, self.next].into_iter().flatten().min()
    }

    fn speak_and_listen(&mut self, now: Instant) {
        let Some(mut next) = self.next else { return };
        if now.saturating_duration_since(next) > OVERSLEPT {
            next = now;
        }
        while next <= now {
            next += BLOCK_TIME;
            let mut block = [0.0; BLOCK];
            self.voice.fill(&mut block);
            self.said.extend(block);
            self.session.capture(now, &block);
            self.session.playout(now, &mut block);
            self.heard.extend(block);
        }
        self.next = Some(next);
    }

    fn drain(&mut self, now: Instant) -> Option<Instant> {
        loop {
            while let Some(event) = self.drain_path() {
                match event {
                    PathEvent::Rtp(bytes) => self.session.handle_rtp(now, &bytes),
                    PathEvent::Rtcp(bytes) => self.session.handle_rtcp(now, &bytes),
                    PathEvent::Secure(security) => {
                        self.security = Some(security);
                        self.next = Some(now);
                    }
                    PathEvent::Failed(error) => panic!("the path fails: {error}"),
                    _ => {}
                }
            }
            match self.session.poll_output() {
                SessionOutput::Rtp(bytes) => drop(self.path.send_rtp(&bytes)),
                SessionOutput::Rtcp(bytes) => drop(self.path.send_rtcp(&bytes)),
                SessionOutput::Event(SessionEvent::Dtmf(key)) => self.keys.push(key),
                SessionOutput::Event(SessionEvent::FirstSound) => self.first_sound = true,
                SessionOutput::Event(_) => {}
                SessionOutput::Timeout(due) => {
                    return due;
                }
            }
        }
    }

    /// Sends what the path wants sent, up to its next event.
    fn drain_path(&mut self) -> Option<PathEvent> {
        loop {
            match self.path.poll_output() {
                PathOutput::Transmit { to, bytes, .. } => drop(self.socket.send(to, &bytes)),
                PathOutput::Event(event) => return Some(event),
                PathOutput::Timeout(_) => return None,
            }
        }
    }
}

/// The energy of `window` at a frequency (Goertzel), in the unit of the sum of squares.
pub(crate) fn power(window: &[f32], hertz: f32) -> f32 {
    let (mut sine, mut cosine) = (0.0_f64, 0.0_f64);
    for (at, sample) in window.iter().enumerate() {
        let turn = std::f64::consts::TAU * f64::from(hertz) * at as f64 / f64::from(RATE);
        sine += f64::from(*sample) * turn.sin();
        cosine += f64::from(*sample) * turn.cos();
    }
    ((sine * sine + cosine * cosine) * 2.0 / window.len() as f64) as f32
}
