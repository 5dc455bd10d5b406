//! A Bellbird end of a call without signalling: negotiation, path and session on one real socket.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use ice::{Identity, LocalCandidate, Path, PathConfig, PathEvent, PathOutput, RemoteDescription, Security, Timing};
use media::{
    RATE,
    offer::{Agreed, Direction, LocalPath, Negotiation, Policy},
    session::{Session, SessionConfig, SessionOutput},
};
use net::Udp;
use tokio::{sync::watch, task::JoinHandle};

/// Sound goes in and comes out in pieces of 10 ms.
const TICK: Duration = Duration::from_millis(10);
const BLOCK: usize = 480;
/// By so much a piece may be asked for earlier or later, as the feed of the speaker does.
const PACE: Duration = Duration::from_micros(10);
/// How long a key is pressed.
const PRESS: Duration = Duration::from_millis(120);

/// Fills a piece of 10 ms at 48 kHz with what is said.
pub type Voice = Box<dyn FnMut(&mut [f32]) + Send>;

/// What an end gathers from the moment at which the way is open. A clone is the same.
pub struct Record<T>(Arc<Mutex<Vec<T>>>);

/// Sound at 48 kHz.
pub type Sound = Record<f32>;

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Record<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Record<T> {
    /// All of it, which may be added to.
    ///
    /// # Panics
    /// Where somebody panicked with it.
    pub fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().expect("nobody panicked here")
    }

    /// How much there is.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Is there nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// What comes from there on.
    #[must_use]
    pub fn since(&self, at: usize) -> Vec<T> {
        self.lock().get(at..).map(<[T]>::to_vec).unwrap_or_default()
    }
}

/// Our end of a call. It runs until this is dropped.
pub struct Ours {
    end: Arc<Mutex<End>>,
    /// What it said.
    pub said: Sound,
    /// What it heard.
    pub heard: Sound,
    /// The RTP packets that it sent, as they were before they were encrypted.
    pub sent: Record<Vec<u8>>,
    runs: JoinHandle<()>,
}

/// What it is made of.
struct End {
    path: Path,
    negotiation: Negotiation,
    session: Session,
    socket: Arc<Udp>,
    voice: Voice,
    /// How its sound is protected, once the path is secured.
    secure: Option<Security>,
    said: Sound,
    heard: Sound,
    sent: Record<Vec<u8>>,
    /// When the next piece of sound is said, and when the next is heard.
    says: Instant,
    hears: Instant,
    /// When path or session want to be called.
    due: Instant,
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.runs.abort();
    }
}

impl Ours {
    /// On a socket of 127.0.0.1; `progress` counts up whenever it went on.
    ///
    /// # Panics
    /// Without a socket, or outside a tokio runtime.
    #[must_use]
    pub fn start(seed: u8, voice: Voice, progress: Arc<watch::Sender<u64>>) -> Self {
        let socket = Arc::new(Udp::bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).expect("a socket"));
        let now = Instant::now();
        let config = PathConfig {
            timing: Timing::FAST,
            allow_loopback: true,
            ..PathConfig::new(
                Identity::generate().expect("a key"),
                vec![LocalCandidate::host(socket.local())],
                [seed; 32],
            )
        };
        let mut session = Session::new(now, SessionConfig { seed: [seed; 32], cname: None, bitrate: None });
        session.set_sending(true);
        let (said, heard, sent) = (Sound::default(), Sound::default(), Record::default());
        let end = Arc::new(Mutex::new(End {
            path: Path::new(config).expect("a path"),
            negotiation: Negotiation::new([seed; 32], Policy::default()),
            session,
            socket: Arc::clone(&socket),
            voice,
            secure: None,
            said: said.clone(),
            heard: heard.clone(),
            sent: sent.clone(),
            says: now,
            hears: now,
            due: now,
        }));
        let runs = tokio::spawn(run(Arc::clone(&end), socket, progress));
        Self { end, said, heard, sent, runs }
    }

    /// How its sound is protected, once the path is secured.
    #[must_use]
    pub fn secure(&self) -> Option<Security> {
        self.lock().secure
    }

    fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().expect("nobody panicked here")
    }

    /// An offer.
    #[must_use]
    pub fn offer(&self) -> String {
        let mut end = self.lock();
        let local = end.local();
        end.negotiation.offer(&local, Direction::SendRecv)
    }

    /// The answer, and whether we are the client of DTLS.
    ///
    /// # Panics
    /// When the offer cannot be answered.
    #[must_use]
    pub fn answer(&self, offer: &[u8]) -> (String, bool) {
        let mut end = self.lock();
        let local = end.local();
        let (sdp, agreed) = end.negotiation.answer(offer, &local, Direction::SendRecv).expect("an answer");
        end.agree(&agreed);
        (sdp, agreed.dtls_client)
    }

    /// Takes the answer to our offer. Says whether we are the client of DTLS.
    ///
    /// # Panics
    /// When it is no answer to it.
    pub fn accept(&self, answer: &[u8]) -> bool {
        let mut end = self.lock();
        let agreed = end.negotiation.accept(answer).expect("an answer that fits");
        end.agree(&agreed);
        agreed.dtls_client
    }

    /// Presses a key.
    ///
    /// # Panics
    /// Where no telephone events are agreed.
    pub fn press(&self, key: char) {
        assert!(self.lock().session.send_dtmf(Instant::now(), key, PRESS), "telephone events are agreed");
    }
}

impl End {
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
        let remote = agreed.remote.clone().expect("they gave a way");
        let remote = RemoteDescription {
            ufrag: remote.ufrag,
            pwd: remote.pwd,
            fingerprints: remote.fingerprints,
            candidates: remote.candidates,
            controlling: agreed.controlling,
            dtls_client: agreed.dtls_client,
        };
        assert_eq!(agreed.direction, Direction::SendRecv);
        self.path.set_remote(now, remote).expect("their end of the way");
        self.session.apply(now, agreed).expect("the codec starts");
    }

    fn work(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        while let Some((length, from)) = self.socket.try_recv(&mut buffer) {
            self.path.handle_datagram(now, self.socket.local(), from, &buffer[..length]);
        }
        self.path.handle_timeout(now);
        self.session.handle_timeout(now);
        self.sound(now);
        self.due = self.drain(now).min(self.says).min(self.hears);
    }

    /// Each piece at the time at which it was due, as the feeds of devices have it: an end that wakes late is no jitter.
    fn sound(&mut self, now: Instant) {
        let mut block = [0.0; BLOCK];
        while self.says <= now {
            if self.secure.is_some() {
                (self.voice)(&mut block);
                self.said.lock().extend(block);
                self.session.capture(self.says, &block);
            }
            self.says += TICK;
        }
        while self.hears <= now {
            if self.secure.is_some() {
                self.session.playout(self.hears, &mut block);
                self.heard.lock().extend(block);
            }
            let pace = self.session.pace();
            let by = PACE.min(Duration::from_secs(pace.unsigned_abs()) / RATE);
            self.hears += if pace > 0 { TICK - by } else { TICK + by };
        }
    }

    /// Path and session feed each other until neither has more to say.
    fn drain(&mut self, now: Instant) -> Instant {
        loop {
            let path = loop {
                match self.path.poll_output() {
                    PathOutput::Transmit { to, bytes, .. } => {
                        self.socket.send(to, &bytes);
                    }
                    PathOutput::Event(PathEvent::Rtp(packet)) => self.session.handle_rtp(now, &packet),
                    PathOutput::Event(PathEvent::Rtcp(packet)) => self.session.handle_rtcp(now, &packet),
                    PathOutput::Event(PathEvent::Secure(security)) => self.secure = Some(security),
                    PathOutput::Event(PathEvent::Failed(error)) => panic!("the path failed: {error}"),
                    PathOutput::Event(_) => {}
                    PathOutput::Timeout(at) => break at,
                }
            };
            let mut quiet = true;
            let session = loop {
                match self.session.poll_output() {
                    SessionOutput::Rtp(packet) => {
                        quiet &= !self.path.send_rtp(&packet);
                        self.sent.lock().push(packet);
                    }
                    SessionOutput::Rtcp(packet) => quiet &= !self.path.send_rtcp(&packet),
                    SessionOutput::Event(_) => {}
                    SessionOutput::Timeout(at) => break at,
                }
            };
            if quiet {
                return [path, session].into_iter().flatten().min().unwrap_or(self.says);
            }
        }
    }
}

async fn run(end: Arc<Mutex<End>>, socket: Arc<Udp>, progress: Arc<watch::Sender<u64>>) {
    loop {
        let due = end.lock().expect("nobody panicked here").due;
        tokio::select! {
            readable = socket.readable() => readable.expect("the socket lives"),
            () = tokio::time::sleep_until(due.into()) => {}
        }
        end.lock().expect("nobody panicked here").work(Instant::now());
        progress.send_modify(|count| *count += 1);
    }
}
