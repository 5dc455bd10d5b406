//! One agent and a far end without sense. What it is told and asked is chosen by who drives it: a seed or a fuzzer.
//!
//! Whatever is chosen, this holds: what is sent is SIP, a call ends once and is silent then, time goes on, and in the end
//! nothing is left.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::start;
use crate::{
    CallId, Config, Event, HeaderName, Headers, Input, Invite, Message, NameAddr, Output, Request, Response, Secret,
    StatusCode, Uri, UserAgent,
};

/// What the far end remembers of what it was asked, and of what it was answered.
const REMEMBERED: usize = 12;
/// More wake-ups than that in one stretch of time, and time stands still.
const MOST_TURNS: u32 = 1_000_000;

/// How what is no proper request is answered.
const REFUSALS: [&[u8]; 3] = [b"SIP/2.0 400 ", b"SIP/2.0 505 ", b"SIP/2.0 513 "];

/// What the program does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes one, with an offer or without.
    Invite(bool),
    /// Lets it ring.
    Ring,
    /// Answers it.
    Answer,
    /// Refuses it.
    Reject,
    /// Changes its session.
    Reoffer,
    /// Answers a change of its session.
    AnswerOffer,
    /// Refuses a change of its session.
    RefuseOffer,
    /// Presses a key.
    Digit,
    /// Hangs up.
    Hangup,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Invite(true),
        Self::Invite(false),
        Self::Ring,
        Self::Answer,
        Self::Reject,
        Self::Reoffer,
        Self::AnswerOffer,
        Self::RefuseOffer,
        Self::Digit,
        Self::Hangup,
    ];
}

/// A request of the far end.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// What it belongs to.
    pub within: Within,
    /// The number in its branch; the one of the last request makes it a repetition.
    pub branch: u32,
    /// Further header lines, each with its end, and behind them an empty line and the body.
    pub rest: &'a str,
}

/// What a request of the far end belongs to. A place is counted round, from the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Nothing that there was.
    Nothing,
    /// The call of one of our requests.
    Request(usize),
    /// The call of one of our answers.
    Response(usize),
}

/// The agent, and what happened so far.
#[derive(Debug)]
pub struct World {
    /// The agent.
    pub agent: UserAgent,
    /// How many requests the far end made.
    pub number: u32,
    now: Instant,
    due: Option<Instant>,
    requests: Vec<Request>,
    responses: Vec<Response>,
    calls: Vec<CallId>,
    over: HashSet<CallId>,
}

impl World {
    /// An agent `sip:alice@example.com` without a link.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        let mut config = Config::new(Uri::parse("sip:alice@example.com").expect("a URI"), [seed; 32]);
        config.password = Some(Secret::new("pw".to_owned()));
        Self {
            agent: UserAgent::new(config),
            number: 0,
            now: start(),
            due: None,
            requests: Vec::new(),
            responses: Vec::new(),
            calls: Vec::new(),
            over: HashSet::new(),
        }
    }

    /// Something happens to the agent.
    ///
    /// # Panics
    /// Here and below: where one of the things that have to hold does not.
    pub fn input(&mut self, input: Input) {
        self.agent.handle_input(self.now, input);
        self.drain();
    }

    /// Time passes, timer by timer.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut turns = 0;
        while let Some(due) = self.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
            turns += 1;
            assert!(turns < MOST_TURNS, "time goes on");
        }
        self.now = end;
    }

    /// Registers, or takes the registration away.
    pub fn register(&mut self, wanted: bool) {
        if wanted {
            self.agent.register(self.now)
        } else {
            self.agent.unregister(self.now)
        }
        self.drain();
    }

    /// The far end answers one of our requests; `rest` as in [`Asked`].
    pub fn respond(&mut self, which: usize, status: StatusCode, tag: &str, rest: &str) {
        let Some(request) = pick(&self.requests, which) else { return };
        let bytes = request.respond(status, Some(tag)).to_bytes();
        let head = String::from_utf8_lossy(&bytes).replace("Content-Length: 0\r\n\r\n", "");
        self.input(Input::Message(format!("{head}{rest}").into()));
    }

    /// The far end asks.
    pub fn ask(&mut self, asked: &Asked<'_>) {
        let text = |headers: &Headers, name| headers.text(&name).unwrap_or_default().into_owned();
        let (mut from, mut to, mut call_id) =
            ("<sip:bob@example.com>;tag=far".to_owned(), "<sip:alice@example.com>".to_owned(), self.number.to_string());
        let of = match asked.within {
            Within::Nothing => None,
            Within::Request(which) => pick(&self.requests, which).map(|own| (&own.headers, true)),
            Within::Response(which) => pick(&self.responses, which).map(|own| (&own.headers, false)),
        };
        if let Some((headers, ours)) = of {
            call_id = text(headers, HeaderName::CallId);
            (from, to) = (text(headers, HeaderName::From), text(headers, HeaderName::To));
            if ours {
                let far = headers.name_addr(&HeaderName::To).map(|to| NameAddr::new(to.uri).with_tag("far"));
                (to, from) = (from, far.map(|far| far.to_string()).unwrap_or_default());
            }
        }
        let Asked { method, branch, rest, .. } = asked;
        let number = self.number;
        self.input(Input::Message(
            format!(
                "{method} sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK{branch}\r\nFrom: {from}\r\n\
                 To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n{rest}"
            )
            .into(),
        ));
    }

    /// The program does something, with one of the calls, whether it makes sense or not.
    pub fn act(&mut self, act: Act, which: usize) {
        let sdp = Bytes::from_static(b"v=0");
        let (now, agent) = (self.now, &mut self.agent);
        if let Act::Invite(offers) = act {
            let to = Uri::parse("sip:bob@example.com").expect("a URI");
            self.calls.extend(agent.invite(now, Invite { to, offer: if offers { sdp.clone() } else { Bytes::new() } }));
        }
        if let Some(call) = pick(&self.calls, which).copied() {
            let _ = match act {
                Act::Invite(_) => Ok(()),
                Act::Ring => agent.ring(now, call),
                Act::Answer => agent.answer(now, call, sdp),
                Act::Reject => agent.reject(now, call, StatusCode::BUSY_HERE),
                Act::Reoffer => agent.reoffer(now, call, sdp),
                Act::AnswerOffer => agent.answer_offer(now, call, sdp),
                Act::RefuseOffer => agent.refuse_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE),
                Act::Digit => agent.info_digit(now, call, '1', 100),
                Act::Hangup => agent.hangup(now, call),
            };
        }
        self.drain();
    }

    /// Everything ends: nothing is left of it.
    pub fn end(mut self) {
        self.input(Input::LinkUp);
        for call in self.calls.clone() {
            let _ = self.agent.hangup(self.now, call);
            self.drain();
        }
        self.register(false);
        self.pass(Duration::from_secs(200));
        assert_eq!(self.agent.live(), (0, 0, 0), "{:?}", self.agent);
        for call in &self.calls {
            assert!(self.over.contains(call), "{call:?} has no end");
        }
    }

    fn drain(&mut self) {
        loop {
            match self.agent.poll_output() {
                Output::Transmit(bytes) => match Message::parse(bytes.clone()) {
                    Ok(Message::Request(request)) => self.requests.push(request),
                    Ok(Message::Response(response)) => self.responses.push(response),
                    // What could not be read is repeated to who sent it (RFC 3261 8.2.6.2).
                    Err(_) if REFUSALS.iter().any(|refusal| bytes.starts_with(refusal)) => {}
                    Err(error) => panic!("ours does not parse: {error}\n{}", String::from_utf8_lossy(&bytes)),
                },
                Output::Event(event) => self.told(&event),
                Output::Timeout(due) => {
                    self.due = due;
                    break;
                }
            }
        }
        // What is long gone is not asked about.
        let old = self.requests.len().saturating_sub(REMEMBERED);
        self.requests.drain(..old);
        let old = self.responses.len().saturating_sub(REMEMBERED);
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
}

/// The newest is the first.
fn pick<T>(list: &[T], which: usize) -> Option<&T> {
    list.iter().rev().nth(which.checked_rem(list.len())?)
}
