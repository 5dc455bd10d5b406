//! An agent on a clock of the test's own, with somebody who minds its calls and a negotiation for each.

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use media::{
    codec::Codec,
    offer::{Agreed, Direction, LocalPath, Negotiation, OfferError, Policy},
};
use sip::{
    CallId, Config, EndCause, Event, HeaderName, Input, Invite, Message, Output, Request, Secret, StatusCode, Uri,
    UserAgent,
};

/// One call of the agent.
pub(crate) struct Call {
    pub(crate) id: CallId,
    negotiation: Negotiation,
    /// An offer of the far end that is not answered yet.
    offered: Option<Bytes>,
    /// What was agreed last.
    pub(crate) agreed: Option<Agreed>,
    pub(crate) ended: Option<EndCause>,
}

/// The agent, what it said and what happened to it.
pub(crate) struct Line {
    pub(crate) now: Instant,
    pub(crate) agent: UserAgent,
    /// What it said and nobody has looked at.
    pub(crate) said: VecDeque<Message>,
    repeated: HashSet<Bytes>,
    /// What happened to it, oldest first.
    pub(crate) events: Vec<Event>,
    pub(crate) calls: Vec<Call>,
    due: Option<Instant>,
    policy: Policy,
    /// Answers that cannot be read themselves, for they repeat what was wrong in the request.
    pub(crate) echoed: Vec<Bytes>,
    /// The To tag of what was said last.
    tag: String,
}

impl Line {
    /// An agent of `user` whose link is up. `codecs` are those that the recorded client offered, of those that we have.
    pub(crate) fn new(user: &str, codecs: Vec<Codec>) -> Self {
        let mut config = Config::new(uri(&format!("sip:{user}@sip.test.local")), [9; 32]);
        config.password = Some(Secret::new(format!("pw-{user}")));
        config.instance = "urn:uuid:7be4b7b5-0ad5-4a1f-9f5f-5a4a1d7a9d11".to_owned();
        let now = sip::testing::start();
        let mut line = Self {
            now,
            agent: UserAgent::new(config),
            said: VecDeque::new(),
            repeated: HashSet::new(),
            events: Vec::new(),
            calls: Vec::new(),
            due: None,
            policy: Policy { codecs, ..Policy::default() },
            echoed: Vec::new(),
            tag: String::new(),
        };
        line.agent.handle_input(now, Input::LinkUp);
        line.drain();
        line
    }

    /// A message comes in.
    pub(crate) fn hear(&mut self, bytes: Bytes) {
        self.agent.handle_input(self.now, Input::Message(bytes));
        self.drain();
    }

    /// Time passes until `at`, timer by timer.
    pub(crate) fn wait_until(&mut self, at: Instant) {
        while let Some(due) = self.due.filter(|due| *due <= at) {
            self.now = self.now.max(due);
            self.agent.handle_input(self.now, Input::Timeout);
            self.drain();
        }
        self.now = self.now.max(at);
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.wait_until(self.now + time);
    }

    /// The next request that it said, which must be there.
    pub(crate) fn request(&mut self) -> Request {
        match self.said.pop_front() {
            Some(Message::Request(request)) => request,
            other => panic!("a request was to be sent, not {other:?}"),
        }
    }

    /// What a person does; then the agent is heard out.
    pub(crate) fn person(&mut self, act: impl FnOnce(&mut UserAgent, Instant)) {
        act(&mut self.agent, self.now);
        self.drain();
    }

    /// Calls somebody.
    pub(crate) fn call(&mut self, to: Uri) {
        let mut negotiation = self.negotiation();
        let offer = negotiation.offer(&path(), Direction::SendRecv).into();
        let id = self.agent.invite(self.now, Invite { to, offer }).expect("the link is up");
        self.calls.push(Call { id, negotiation, offered: None, agreed: None, ended: None });
        self.drain();
    }

    /// Offers another direction in the last call: hold and resume.
    pub(crate) fn change(&mut self, direction: Direction) {
        let call = self.calls.last_mut().expect("there is a call");
        let offer = call.negotiation.offer(&path(), direction).into();
        self.agent.reoffer(self.now, call.id, offer).expect("nothing else is under way");
        self.drain();
    }

    /// Answers the call that rings, or the change that was asked for, in the last call. Says how the offer was taken.
    pub(crate) fn answer(&mut self, first: bool) {
        let call = self.calls.last_mut().expect("there is a call");
        let offer = call.offered.take().expect("there is an offer");
        let (sdp, agreed) =
            call.negotiation.answer(&offer, &path(), Direction::SendRecv).expect("the servers' offers can be taken");
        call.agreed = Some(agreed);
        let answered = if first {
            self.agent.answer(self.now, call.id, sdp.into())
        } else {
            self.agent.answer_offer(self.now, call.id, sdp.into())
        };
        answered.expect("it waits for an answer");
        self.drain();
    }

    /// Answers the last call's offer if it can be taken, and refuses it if not: the status then.
    pub(crate) fn judge(&mut self, within: bool) -> Result<(), u16> {
        let call = self.calls.last_mut().expect("there is a call");
        let offer = call.offered.take().expect("there is an offer");
        let (now, id) = (self.now, call.id);
        let judged = call.negotiation.answer(&offer, &path(), Direction::SendRecv);
        let done = match (&judged, within) {
            (Ok((sdp, _)), false) => self.agent.answer(now, id, sdp.clone().into()),
            (Ok((sdp, _)), true) => self.agent.answer_offer(now, id, sdp.clone().into()),
            (Err(error), _) => {
                let status = StatusCode::new(error.sip_status()).expect("a status");
                if within { self.agent.refuse_offer(now, id, status) } else { self.agent.reject(now, id, status) }
            }
        };
        done.expect("it waits for an answer");
        self.drain();
        judged.map(drop).map_err(OfferError::sip_status)
    }

    /// The tag that we gave in our last answer.
    pub(crate) fn tag_of_last_answer(&self) -> String {
        self.tag.clone()
    }

    /// The last call.
    pub(crate) fn last(&self) -> CallId {
        self.calls.last().expect("there is a call").id
    }

    fn negotiation(&self) -> Negotiation {
        Negotiation::new([u8::try_from(self.calls.len()).expect("few calls"); 32], self.policy.clone())
    }

    /// Takes what the agent says and what happened to it, until there is nothing more.
    fn drain(&mut self) {
        loop {
            match self.agent.poll_output() {
                // A 2xx that comes again says nothing new (RFC 3261 13.3.1.4).
                Output::Transmit(bytes) => {
                    if self.repeated.insert(bytes.clone()) {
                        let Ok(message) = Message::parse(bytes.clone()) else {
                            self.echoed.push(bytes);
                            continue;
                        };
                        let to = message.headers().name_addr(&HeaderName::To);
                        self.tag = to.and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
                        self.said.push_back(message);
                    }
                }
                // For the log alone.
                Output::Event(Event::Refused(_)) => {}
                Output::Event(event) => {
                    self.mind(&event);
                    self.events.push(event);
                }
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
            }
        }
    }

    /// What the program does about an event without asking anybody.
    fn mind(&mut self, event: &Event) {
        match event {
            Event::Incoming(incoming) => {
                let negotiation = self.negotiation();
                let offered = incoming.offer.clone();
                self.calls.push(Call { id: incoming.call, negotiation, offered, agreed: None, ended: None });
            }
            Event::EarlyMedia { call, sdp, .. }
            | Event::Answered { call, sdp: Some(sdp), .. }
            | Event::ReofferAnswered { call, sdp } => {
                let (id, now) = (*call, self.now);
                match self.find(id).negotiation.accept(sdp) {
                    Ok(agreed) => self.find(id).agreed = Some(agreed),
                    // RFC 3261 13.2.2.4: an answer that cannot be used is acknowledged, and the call ended.
                    Err(OfferError::NoCommonCodec) => self.agent.fail(now, id, StatusCode::NOT_ACCEPTABLE_HERE),
                    Err(error) => panic!("the servers' answers can be used: {error}"),
                }
            }
            Event::Reoffer { call, sdp } => {
                let sdp = sdp.clone();
                self.find(*call).offered = sdp;
            }
            Event::ReofferRefused { call, .. } => self.find(*call).negotiation.rollback(),
            Event::Ended { call, cause } => self.find(*call).ended = Some(cause.clone()),
            _ => {}
        }
    }

    fn find(&mut self, id: CallId) -> &mut Call {
        self.calls.iter_mut().find(|call| call.id == id).expect("the agent speaks of its own calls")
    }
}

/// A URI of the test's own.
pub(crate) fn uri(text: &str) -> Uri {
    Uri::parse(text).expect("a URI")
}

/// Our side of a path that is never used.
fn path() -> LocalPath {
    LocalPath {
        ufrag: "bell".to_owned(),
        pwd: "birdbirdbirdbirdbirdbi".to_owned(),
        fingerprint: format!("sha-256 {}", ["AB"; 32].join(":")),
        candidates: vec!["1 1 udp 2130706431 127.0.0.1 40000 typ host".to_owned()],
        default: SocketAddr::from(([127, 0, 0, 1], 40000)),
    }
}
