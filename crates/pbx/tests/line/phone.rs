//! A small phone of the tests' own: one link, one agent and one call with sound, moved on by whoever waits for something.

use std::{
    collections::VecDeque,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use ice::Identity;
use media::agreed::Direction;
use pbx::{Pbx, User};
use sip::{CallId, Event, Incoming, Input, Invite, Output, Secret, StatusCode, Uri, UserAgent};
use tokio::{
    sync::mpsc::Receiver,
    time::{sleep_until, timeout},
};
use wss::{Link, LinkConfig, LinkEvent, Trust};

use crate::sound::Sound;

/// So long anything may take on a machine that has much else to do. Nothing is expected to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

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
        self.wait("the path is secure", |phone| phone.now().security).await;
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
