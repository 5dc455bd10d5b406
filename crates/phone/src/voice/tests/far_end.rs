//! A far end that is not a voice: path, negotiation and session of its own on a real socket.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use ice::{Identity, LocalCandidate, Path, PathConfig, PathEvent, PathOutput, RemoteDescription, Timing};
use media::{
    offer::{Agreed, Direction, LocalPath, Negotiation, Policy},
    session::{Session, SessionConfig, SessionEvent, SessionOutput},
    signal::Speech,
};
use net::Udp;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(10);

/// What it is made of, and what it heard.
pub(super) struct Far {
    path: Path,
    negotiation: Negotiation,
    pub(super) session: Session,
    socket: Arc<Udp>,
    voice: Speech,
    /// All that it said, and all that it heard, at 48 kHz.
    pub(super) said: Vec<f32>,
    pub(super) heard: Vec<f32>,
    /// Packets of sound that came, and keys.
    pub(super) packets: u64,
    pub(super) keys: String,
    pub(super) secure: bool,
    /// The longest time between two packets, the first sequence number, and the last one as if it never wrapped.
    pub(super) longest: Duration,
    came: Option<Instant>,
    numbers: Option<(u64, u64)>,
    next: Instant,
}

/// It runs until this is dropped.
pub(super) struct FarEnd {
    far: Arc<Mutex<Far>>,
    runs: JoinHandle<()>,
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.runs.abort();
    }
}

impl FarEnd {
    pub(super) fn start(seed: u8) -> Self {
        let socket = Arc::new(Udp::bind("127.0.0.1".parse().unwrap()).unwrap());
        let now = Instant::now();
        let config = PathConfig {
            timing: Timing::FAST,
            allow_loopback: true,
            ..PathConfig::new(Identity::generate().unwrap(), vec![LocalCandidate::host(socket.local())], [seed; 32])
        };
        let mut session = Session::new(now, SessionConfig { seed: [seed; 32], cname: None, bitrate: None });
        session.set_sending(true);
        let far = Far {
            path: Path::new(config).unwrap(),
            negotiation: Negotiation::new([seed; 32], Policy::default()),
            session,
            socket: Arc::clone(&socket),
            voice: Speech::new(seed.into()),
            said: Vec::new(),
            heard: Vec::new(),
            packets: 0,
            keys: String::new(),
            secure: false,
            longest: Duration::ZERO,
            came: None,
            numbers: None,
            next: now,
        };
        let far = Arc::new(Mutex::new(far));
        let runs = tokio::spawn(run(Arc::clone(&far), socket));
        Self { far, runs }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Far> {
        self.far.lock().unwrap()
    }

    pub(super) fn offer(&self) -> String {
        let mut far = self.lock();
        let local = far.local();
        far.negotiation.offer(&local, Direction::SendRecv)
    }

    pub(super) fn accept(&self, answer: &[u8]) {
        let mut far = self.lock();
        let agreed = far.negotiation.accept(answer).unwrap();
        far.agree(&agreed);
    }

    pub(super) fn answer(&self, offer: &[u8]) -> String {
        let mut far = self.lock();
        let local = far.local();
        let (_, trial) = far.negotiation.clone().answer(offer, &local, Direction::SendRecv).unwrap();
        if trial.remote.unwrap().ice_restart {
            let local = LocalCandidate::host(far.socket.local());
            far.path.restart(Instant::now(), vec![local]);
        }
        let local = far.local();
        let (sdp, agreed) = far.negotiation.answer(offer, &local, Direction::SendRecv).unwrap();
        far.agree(&agreed);
        sdp
    }
}

impl Far {
    fn local(&self) -> LocalPath {
        let own = self.path.local();
        LocalPath {
            ufrag: own.ufrag,
            pwd: own.pwd,
            fingerprint: own.fingerprint,
            candidates: own.candidates,
            default: self.socket.local(),
        }
    }

    fn agree(&mut self, agreed: &Agreed) {
        let now = Instant::now();
        let remote = agreed.remote.clone().unwrap();
        let remote = RemoteDescription {
            ufrag: remote.ufrag,
            pwd: remote.pwd,
            fingerprints: remote.fingerprints,
            candidates: remote.candidates,
            controlling: agreed.controlling,
            dtls_client: agreed.dtls_client,
        };
        self.path.set_remote(now, remote).unwrap();
        self.session.apply(now, agreed).unwrap();
    }

    fn work(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        while let Some((length, from)) = self.socket.try_recv(&mut buffer) {
            self.path.handle_datagram(now, self.socket.local(), from, &buffer[..length]);
        }
        self.path.handle_timeout(now);
        while self.next <= now {
            self.next += TICK;
            let mut block = [0.0; 480];
            self.voice.fill(&mut block);
            self.said.extend(block);
            self.session.capture(now, &block);
            self.session.playout(now, &mut block);
            self.heard.extend(block);
        }
        self.drain(now);
    }

    /// Packets that should have come, and that came.
    pub(super) fn received(&self) -> (u64, u64) {
        (self.numbers.map_or(0, |(first, last)| last - first + 1), self.packets)
    }

    fn count(&mut self, now: Instant, packet: &[u8]) {
        let number = u16::from_be_bytes([packet[2], packet[3]]);
        let (first, last) = self.numbers.unwrap_or((number.into(), number.into()));
        let ahead = number.wrapping_sub(last as u16);
        self.numbers = Some((first, if ahead < 0x8000 { last + u64::from(ahead) } else { last }));
        self.packets += 1;
        if let Some(came) = self.came.replace(now) {
            self.longest = self.longest.max(now - came);
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.path.poll_output() {
                PathOutput::Transmit { to, bytes, .. } => {
                    self.socket.send(to, &bytes);
                }
                PathOutput::Event(PathEvent::Rtp(packet)) => {
                    self.count(now, &packet);
                    self.session.handle_rtp(now, &packet);
                }
                PathOutput::Event(PathEvent::Rtcp(packet)) => self.session.handle_rtcp(now, &packet),
                PathOutput::Event(PathEvent::Secure(_)) => self.secure = true,
                PathOutput::Event(_) => {}
                PathOutput::Timeout(_) => match self.session.poll_output() {
                    SessionOutput::Rtp(packet) => {
                        self.path.send_rtp(&packet);
                    }
                    SessionOutput::Rtcp(packet) => {
                        self.path.send_rtcp(&packet);
                    }
                    SessionOutput::Event(SessionEvent::Dtmf(key)) => self.keys.push(key),
                    SessionOutput::Event(_) => {}
                    SessionOutput::Timeout(_) => return,
                },
            }
        }
    }
}

async fn run(far: Arc<Mutex<Far>>, socket: Arc<Udp>) {
    loop {
        let next = far.lock().unwrap().next;
        tokio::select! {
            readable = socket.readable() => readable.unwrap(),
            () = tokio::time::sleep_until(next.into()) => {}
        }
        far.lock().unwrap().work(Instant::now());
    }
}
