//! A small phone of the tests' own: one link, one agent and one call with sound, moved on by whoever waits for something.

use std::{
    collections::VecDeque,
    future::pending,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ice::{Identity, LocalCandidate, Path, PathConfig, PathEvent, PathOutput, RemoteDescription, Timing};
use media::{
    Session, SessionConfig, SessionEvent, SessionOutput,
    agreed::{Agreed, Direction},
    offer::{LocalPath, Negotiation, Policy},
    signal::Speech,
};
use net::Udp;
use pbx::{Pbx, User};
use sip::{CallId, Event, Incoming, Input, Invite, Output, Secret, StatusCode, Uri, UserAgent};
use tokio::{
    sync::mpsc::Receiver,
    time::{sleep_until, timeout},
};
use wss::{Link, LinkConfig, LinkEvent, Trust};

/// So long anything may take on a machine that has much else to do. Nothing is expected to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const BLOCK: usize = 480;
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// A test that was not run for so long leaves the time out.
const OVERSLEPT: Duration = Duration::from_millis(200);

/// The sound of a call.
pub(crate) struct Sound {
    pub(crate) negotiation: Negotiation,
    path: Path,
    pub(crate) session: Session,
    socket: Udp,
    voice: Speech,
    /// What was said since the path is open, and what was heard at the same time.
    pub(crate) said: Vec<f32>,
    pub(crate) heard: Vec<f32>,
    pub(crate) profile: Option<&'static str>,
    pub(crate) keys: String,
    pub(crate) first_sound: bool,
    next: Option<Instant>,
}

/// A phone.
pub(crate) struct Phone {
    pub(crate) agent: UserAgent,
    pub(crate) sound: Option<Sound>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) link: VecDeque<LinkEvent>,
    name: String,
    domain: String,
    door: Link,
    incoming: Receiver<LinkEvent>,
    identity: Arc<Identity>,
    seed: u8,
}

impl Phone {
    /// A phone of `user` that knows `password`; it begins to register by itself.
    pub(crate) fn new(pbx: &Pbx, user: &User, password: Secret<String>, seed: u8) -> Self {
        let pin: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&pbx.pin()[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect();
        let trust = Trust::Pin(pin.try_into().expect("32 octets"));
        let (door, incoming) = wss::open(LinkConfig::new(pbx.url().parse().expect("a URL"), trust, [seed; 32]));
        let aor = Uri::parse(&format!("sip:{}@{}", user.name, pbx.domain())).expect("a URI");
        let mut config = sip::Config::new(aor, [seed; 32]);
        config.password = Some(password);
        config.instance = format!("urn:uuid:00000000-0000-4000-8000-0000000000{seed:02x}");
        // What is never answered is given up after 64 times this (RFC 3261 17.1.1.1).
        config.times.t1 = Duration::from_millis(300);
        let mut agent = UserAgent::new(config);
        agent.register(Instant::now());
        Self {
            agent,
            sound: None,
            events: VecDeque::new(),
            link: VecDeque::new(),
            name: user.name.clone(),
            domain: pbx.domain().to_owned(),
            door,
            incoming,
            identity: Identity::generate().expect("a certificate"),
            seed,
        }
    }

    /// A registered phone of user `index`.
    pub(crate) async fn registered(pbx: &Pbx, index: usize) -> Self {
        let user = &pbx.users[index];
        let mut phone = Self::new(pbx, user, user.password.clone(), u8::try_from(index + 1).expect("few users"));
        phone.until("it is registered", |event| matches!(event, Event::Registered(_))).await;
        phone
    }

    pub(crate) fn address(&self) -> String {
        format!("sip:{}@{}", self.name, self.domain)
    }

    /// Moves on until an event comes that fits; those before it are forgotten.
    pub(crate) async fn until(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        self.wait(what, |phone| {
            while let Some(event) = phone.events.pop_front() {
                if fits(&event) {
                    return Some(event);
                }
            }
            None
        })
        .await
    }

    /// Moves on until `look` finds something.
    pub(crate) async fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                if let Some(found) = look(self) {
                    return found;
                }
                self.step().await;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("{} waits in vain until {what}", self.seed),
        }
    }

    /// Calls a number or a URI.
    pub(crate) async fn call(&mut self, to: &str) -> CallId {
        let sound = Sound::new(&self.identity, self.seed);
        let to = if to.starts_with("sip:") { to.to_owned() } else { format!("sip:{to}@{}", self.domain) };
        let sound = self.sound.insert(sound);
        let offer = sound.offer(Direction::SendRecv);
        let invite = Invite { to: Uri::parse(&to).expect("a URI"), offer };
        let call = self.agent.invite(Instant::now(), invite).expect("the link is up");
        self.drain().await;
        call
    }

    /// Calls, and waits until it is answered and sound can flow.
    pub(crate) async fn talk_to(&mut self, to: &str) -> CallId {
        let call = self.call(to).await;
        self.until("it is answered", |event| matches!(event, Event::Answered { .. })).await;
        self.wait_until_secure().await;
        call
    }

    /// Waits to be called.
    pub(crate) async fn ringing(&mut self) -> Incoming {
        match self.until("it rings", |event| matches!(event, Event::Incoming(_))).await {
            Event::Incoming(incoming) => *incoming,
            _ => unreachable!("only that fits"),
        }
    }

    pub(crate) async fn answer(&mut self, incoming: &Incoming) {
        let sound = self.sound.insert(Sound::new(&self.identity, self.seed));
        let offer = incoming.offer.as_ref().expect("an offer");
        let local = sound.local();
        let (sdp, agreed) = sound.negotiation.answer(offer, &local, Direction::SendRecv).expect("an offer of ours");
        sound.agree(&agreed);
        self.agent.answer(Instant::now(), incoming.call, sdp.into()).expect("it rings");
        self.drain().await;
    }

    pub(crate) async fn reject(&mut self, incoming: &Incoming, status: StatusCode) {
        self.agent.reject(Instant::now(), incoming.call, status).expect("it rings");
        self.drain().await;
    }

    pub(crate) async fn reoffer(&mut self, call: CallId, direction: Direction) {
        let offer = self.now().offer(direction);
        self.agent.reoffer(Instant::now(), call, offer).expect("it is up");
        self.until("the change is taken", |event| matches!(event, Event::ReofferAnswered { .. })).await;
    }

    /// Hangs up, and waits until the far end knows.
    pub(crate) async fn hang_up(&mut self, call: CallId) {
        self.agent.hangup(Instant::now(), call).expect("there is the call");
        self.drain().await;
        self.sound = None;
        self.wait("the end is confirmed", |phone| (phone.agent.live().1 == 0).then_some(())).await;
    }

    pub(crate) async fn wait_until_secure(&mut self) {
        self.wait("the path is secure", |phone| phone.now().profile).await;
    }

    /// Listens until so much was heard since the path is open.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let samples = (time.as_secs_f64() * f64::from(media::RATE)) as usize;
        self.wait("enough was heard", |phone| (phone.now().heard.len() >= samples).then_some(())).await;
    }

    /// The sound of the call.
    pub(crate) fn now(&mut self) -> &mut Sound {
        self.sound.as_mut().expect("there is a call")
    }

    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            assert!(self.now().session.send_dtmf(Instant::now(), key, Duration::from_millis(100)));
        }
    }

    /// Waits for the next thing to happen, and does what is to be done.
    async fn step(&mut self) {
        let due = self.work().await;
        let readable = async {
            match &self.sound {
                Some(sound) => drop(sound.socket.readable().await),
                None => pending().await,
            }
        };
        tokio::select! {
            event = self.incoming.recv() => self.on_link(event.expect("the link lives")),
            () = readable => {}
            () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {}
        }
        self.agent.handle_input(Instant::now(), Input::Timeout);
        self.work().await;
    }

    /// Does what is due, and says when to come again.
    async fn work(&mut self) -> Option<Instant> {
        let agent = self.drain().await;
        let sound = self.sound.as_mut().and_then(Sound::work);
        [agent, sound].into_iter().flatten().min()
    }

    fn on_link(&mut self, event: LinkEvent) {
        let now = Instant::now();
        match &event {
            LinkEvent::Up { .. } => self.agent.handle_input(now, Input::LinkUp),
            LinkEvent::Down { .. } | LinkEvent::Closed => self.agent.handle_input(now, Input::LinkDown),
            LinkEvent::Message(bytes) => self.agent.handle_input(now, Input::Message(bytes.clone())),
            _ => return,
        }
        if !matches!(event, LinkEvent::Message(_)) {
            self.link.push_back(event);
        }
    }

    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.agent.poll_output() {
                Output::Transmit(bytes) => self.door.send(bytes).await,
                Output::Event(event) => self.on_event(event),
                Output::Timeout(due) => return due,
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let answer = match &event {
            Event::Answered { sdp, .. } => sdp.clone(),
            Event::ReofferAnswered { sdp, .. } => Some(sdp.clone()),
            _ => None,
        };
        if let (Some(sdp), Some(sound)) = (answer, &mut self.sound) {
            let agreed = sound.negotiation.accept(&sdp).expect("an answer that fits");
            sound.agree(&agreed);
        }
        self.events.push_back(event);
    }
}

impl Sound {
    fn new(identity: &Arc<Identity>, seed: u8) -> Self {
        let socket = Udp::bind("127.0.0.1".parse().expect("an address")).expect("a port");
        let locals = vec![LocalCandidate::host(socket.local())];
        let config = PathConfig {
            timing: Timing::FAST,
            allow_loopback: true,
            ..PathConfig::new(Arc::clone(identity), locals, [seed; 32])
        };
        let mut session = Session::new(Instant::now(), SessionConfig { seed: [seed; 32], cname: None });
        session.set_sending(true);
        Self {
            negotiation: Negotiation::new([seed; 32], Policy::default()),
            path: Path::new(config).expect("a path"),
            session,
            socket,
            voice: Speech::new(u64::from(seed)),
            said: Vec::new(),
            heard: Vec::new(),
            profile: None,
            keys: String::new(),
            first_sound: false,
            next: None,
        }
    }

    /// An offer of a socket at which nobody answers.
    pub(crate) fn mute_offer(identity: &Arc<Identity>) -> Bytes {
        Self::new(identity, 99).offer(Direction::SendRecv)
    }

    fn local(&self) -> LocalPath {
        let own = self.path.local();
        let default: SocketAddr = self.socket.local();
        LocalPath { ufrag: own.ufrag, pwd: own.pwd, fingerprint: own.fingerprint, candidates: own.candidates, default }
    }

    fn offer(&mut self, direction: Direction) -> Bytes {
        let local = self.local();
        self.negotiation.offer(&local, direction).into()
    }

    fn agree(&mut self, agreed: &Agreed) {
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
    fn work(&mut self) -> Option<Instant> {
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
                    PathEvent::Secure(profile) => {
                        self.profile = Some(profile);
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
