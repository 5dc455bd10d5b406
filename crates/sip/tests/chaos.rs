//! A far end without sense, a link that comes and goes, and a program that does what it likes, all under a seed: nothing
//! panics, what is sent is SIP, a call that has ended is silent, and in the end nothing is left (C52, L19, S33).

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha12Rng;
use sip::{
    CallId, Config, Event, HeaderName, Input, Invite, Message, NameAddr, Output, Request, Response, Secret, StatusCode,
    Uri, UserAgent, testing::start,
};

const SEEDS: u64 = 400;
const STEPS: u32 = 250;

const STATUSES: [u16; 22] =
    [100, 180, 181, 183, 199, 200, 202, 299, 302, 400, 401, 403, 407, 408, 422, 423, 439, 481, 486, 491, 503, 603];
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "NOTIFY",
    "REFER",
    "MESSAGE",
    "SUBSCRIBE",
    "REGISTER",
    "ODD",
];
/// What may stand in any message of the far end; some of it where it makes no sense.
const HEADERS: [&str; 24] = [
    "Contact: <sip:far@192.0.2.1>",
    "Contact: <sip:bob@192.0.2.2>;q=0.5, <sip:else@192.0.2.3>",
    "Contact: *",
    "Require: 100rel",
    "Require: timer",
    "Require: x-odd",
    "Supported: timer, 100rel",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 90;refresher=uas",
    "Session-Expires: 1",
    "Min-SE: 2000",
    "RSeq: 1",
    "RSeq: 2",
    "RAck: 1 1 INVITE",
    "Retry-After: 0",
    "Record-Route: <sip:edge.example>, <sip:far.example;lr>",
    "Allow: INVITE, UPDATE",
    "Allow: INVITE",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256-sess, stale=true",
    "Authentication-Info: nextnonce=\"m\"",
    "Service-Route: <sip:edge.example;lr>",
    "P-Asserted-Identity: <sip:who@example.com>",
    "Event: message-summary",
];

struct World {
    now: Instant,
    agent: UserAgent,
    rng: ChaCha12Rng,
    due: Option<Instant>,
    /// What the agent has asked, and answered.
    requests: Vec<Request>,
    responses: Vec<Response>,
    calls: Vec<CallId>,
    over: HashSet<CallId>,
    number: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut config = Config::new(Uri::parse("sip:alice@example.com").expect("a URI"), [seed as u8; 32]);
        config.password = Some(Secret::new("pw".to_owned()));
        Self {
            now: start(),
            agent: UserAgent::new(config),
            rng: ChaCha12Rng::seed_from_u64(seed),
            due: None,
            requests: Vec::new(),
            responses: Vec::new(),
            calls: Vec::new(),
            over: HashSet::new(),
            number: 0,
        }
    }

    fn drain(&mut self) {
        loop {
            match self.agent.poll_output() {
                Output::Transmit(bytes) => match Message::parse(bytes).expect("ours parses") {
                    Message::Request(request) => self.requests.push(request),
                    Message::Response(response) => self.responses.push(response),
                },
                Output::Event(event) => self.told(&event),
                Output::Timeout(due) => {
                    self.due = due;
                    break;
                }
            }
        }
        // What is long gone is not asked about.
        let old = self.requests.len().saturating_sub(12);
        self.requests.drain(..old);
        let old = self.responses.len().saturating_sub(12);
        self.responses.drain(..old);
    }

    fn told(&mut self, event: &Event) {
        let call = match event {
            Event::Incoming(incoming) => {
                self.calls.push(incoming.call);
                incoming.call
            }
            Event::Trying(call) | Event::Ringing(call) => *call,
            Event::EarlyMedia { call, .. }
            | Event::Answered { call, .. }
            | Event::Confirmed { call, .. }
            | Event::Reoffer { call, .. }
            | Event::ReofferAnswered { call, .. }
            | Event::ReofferRefused { call, .. }
            | Event::PartyChanged { call, .. }
            | Event::Digit { call, .. } => *call,
            Event::Ended { call, .. } => {
                assert!(self.over.insert(*call), "a call ends once");
                return;
            }
            _ => return,
        };
        assert!(!self.over.contains(&call), "a call that is over is silent: {event:?}");
    }

    fn input(&mut self, input: Input) {
        self.agent.handle_input(self.now, input);
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut turns = 0;
        while let Some(due) = self.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
            turns += 1;
            assert!(turns < 1_000_000, "time goes on");
        }
        self.now = end;
    }

    fn some_headers(&mut self) -> String {
        let count = self.rng.random_range(0..5);
        (0..count).map(|_| format!("{}\r\n", HEADERS.choose(&mut self.rng).expect("there are some"))).collect()
    }

    fn body(&mut self) -> &'static str {
        match self.rng.random_range(0..4) {
            0 => "Content-Type: text/html\r\n\r\n<b>",
            1 => "\r\n",
            _ => "Content-Type: application/sdp\r\n\r\nv=0",
        }
    }

    /// The far end answers something that it was asked, some time ago perhaps.
    fn respond(&mut self) {
        let Some(request) = self.requests.choose(&mut self.rng).cloned() else { return };
        let status = StatusCode::new(*STATUSES.choose(&mut self.rng).expect("there are some")).expect("a status");
        let tag = ["far", "other", "third"].choose(&mut self.rng).expect("there are some");
        let bytes = request.respond(status, Some(tag)).to_bytes();
        let text = String::from_utf8_lossy(&bytes).replace("Content-Length: 0\r\n\r\n", "");
        let text = format!("{text}{}{}", self.some_headers(), self.body());
        self.input(Input::Message(text.into()));
    }

    /// The far end asks, out of the blue or within a call.
    fn ask(&mut self) {
        self.number += 1;
        let method = METHODS.choose(&mut self.rng).expect("there are some");
        let (mut from, mut to, mut call_id) =
            ("<sip:bob@example.com>;tag=far".to_owned(), "<sip:alice@example.com>".to_owned(), self.number.to_string());
        let number = self.number;
        let text = |headers: &sip::Headers, name| headers.text(&name).unwrap_or_default().into_owned();
        if self.rng.random_bool(0.7) {
            if let (true, Some(answer)) = (self.rng.random(), self.responses.choose(&mut self.rng)) {
                let headers = &answer.headers;
                (from, to, call_id) =
                    (text(headers, HeaderName::From), text(headers, HeaderName::To), text(headers, HeaderName::CallId));
            } else if let Some(request) = self.requests.choose(&mut self.rng) {
                let headers = &request.headers;
                let far = headers.name_addr(&HeaderName::To).map(|to| NameAddr::new(to.uri).with_tag("far"));
                from = far.map(|far| far.to_string()).unwrap_or_default();
                (to, call_id) = (text(headers, HeaderName::From), text(headers, HeaderName::CallId));
            }
        }
        let (headers, body) = (self.some_headers(), self.body());
        let branch = if self.rng.random_bool(0.2) { 1 } else { number };
        let message = format!(
            "{method} sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK{branch}\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n{headers}{body}"
        );
        self.input(Input::Message(message.into()));
    }

    /// The program does something with a call, whether it makes sense or not.
    fn act(&mut self) {
        let sdp = Bytes::from_static(b"v=0");
        if self.rng.random_bool(0.3) {
            let to = Uri::parse("sip:bob@example.com").expect("a URI");
            let offer = if self.rng.random_bool(0.9) { sdp } else { Bytes::new() };
            self.calls.extend(self.agent.invite(self.now, Invite { to, offer }));
            return self.drain();
        }
        let Some(call) = self.calls.choose(&mut self.rng).copied() else { return };
        let (now, agent) = (self.now, &mut self.agent);
        let _ = match self.rng.random_range(0..8) {
            0 => agent.ring(now, call),
            1 | 2 => agent.answer(now, call, sdp),
            3 => agent.reject(now, call, StatusCode::BUSY_HERE),
            4 => agent.reoffer(now, call, sdp),
            5 => agent.answer_offer(now, call, sdp),
            6 => agent.info_digit(now, call, '1', 100),
            _ => agent.hangup(now, call),
        };
        self.drain();
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..40 => self.respond(),
            40..65 => self.ask(),
            65..85 => self.act(),
            85..95 => {
                let seconds = *[0, 1, 5, 33, 100].choose(&mut self.rng).expect("there are some");
                self.pass(Duration::from_secs(seconds));
            }
            95 => self.input(Input::LinkDown),
            96 | 97 => self.input(Input::LinkUp),
            98 => {
                self.agent.register(self.now);
                self.drain();
            }
            _ => {
                self.agent.unregister(self.now);
                self.drain();
            }
        }
    }
}

#[test]
fn nothing_is_left_of_any_confusion() {
    let mut most = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.input(Input::LinkUp);
        for _ in 0..STEPS {
            world.step();
            let live = world.agent.live();
            most = (most.0.max(live.0), most.1.max(live.1), most.2.max(live.2));
        }
        world.input(Input::LinkUp);
        for call in world.calls.clone() {
            let _ = world.agent.hangup(world.now, call);
            world.drain();
        }
        world.agent.unregister(world.now);
        world.drain();
        world.pass(Duration::from_secs(200));
        assert_eq!(world.agent.live(), (0, 0, 0), "seed {seed}: {:?}", world.agent);
        for call in &world.calls {
            assert!(world.over.contains(call), "seed {seed}: {call:?} has no end");
        }
    }
    assert!(most.0 <= 64 + 128 + 32 && most.1 <= 8, "{most:?}");
    assert!(most.1 >= 4, "calls came up: {most:?}");
}
