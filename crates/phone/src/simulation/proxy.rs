//! The server between the phones: a registrar that takes everybody, and a proxy (RFC 3261 16) that asks several at once,
//! cancels, gives up and refuses. It keeps state for INVITEs that are not answered yet and for nothing else.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sip::{
    HeaderName, Host, Message, Method, NameAddr, Params, Request, Response, StatusCode, Uri,
    headers::{Contact, Via},
};

use super::{
    plan::Plan,
    stranger::Stranger,
    wire::{branch, branch_of, origin, within, without},
};

const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";
/// How long whoever was cancelled may take to say so (RFC 3261 9.1).
const AFTER_CANCEL: Duration = Duration::from_secs(32);

/// One that the server speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End {
    /// A connection of a phone.
    Phone(u64),
    Stranger(usize),
}

pub(super) struct Proxy {
    /// User, Contact and connection of who is registered.
    bindings: Vec<(String, Uri, u64)>,
    /// The user part of every Contact that was seen, and on which connection last.
    contacts: Vec<(String, u64)>,
    open: Vec<u64>,
    forks: Vec<Fork>,
    strangers: usize,
    ben_is_asked: bool,
    refuses: Option<StatusCode>,
    rings: Duration,
    forbids: &'static [&'static str],
    unique: u64,
    out: VecDeque<(End, Bytes, bool)>,
}

struct Fork {
    caller: End,
    request: Request,
    legs: Vec<Leg>,
    answered: bool,
    cancelled: bool,
    ends: Instant,
}

struct Leg {
    branch: String,
    to: End,
    request: Request,
    state: State,
}

enum State {
    /// Nothing was heard. A CANCEL waits (RFC 3261 9.1) with this reason.
    Silent(Option<Option<&'static str>>),
    /// It rings; was it cancelled?
    Proceeding(bool),
    Final(Option<Response>),
}

impl Proxy {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            bindings: Vec::new(),
            contacts: Vec::new(),
            open: Vec::new(),
            forks: Vec::new(),
            strangers: plan.strangers.len(),
            ben_is_asked: plan.ben_is_asked,
            refuses: plan.refuses.and_then(StatusCode::new),
            rings: plan.rings,
            forbids: plan.forbids,
            unique: 0,
            out: VecDeque::new(),
        }
    }

    /// The next message to send: to whom, and did it come from somebody else, over the far side?
    pub(super) fn poll(&mut self) -> Option<(End, Bytes, bool)> {
        self.out.pop_front()
    }

    pub(super) fn live(&self) -> usize {
        self.forks.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.forks.iter().map(|fork| fork.ends).min()
    }

    pub(super) fn opened(&mut self, id: u64) {
        self.open.push(id);
    }

    pub(super) fn closed(&mut self, now: Instant, id: u64) {
        self.open.retain(|own| *own != id);
        self.bindings.retain(|(_, _, own)| *own != id);
        for at in (0..self.forks.len()).rev() {
            if self.forks[at].caller == End::Phone(id) {
                self.cancel_rest(now, at, None);
            }
            let fork = &mut self.forks[at];
            for leg in fork.legs.iter_mut().filter(|leg| leg.to == End::Phone(id)) {
                if !matches!(leg.state, State::Final(_)) {
                    let gone = fork.request.respond(StatusCode::TEMPORARILY_UNAVAILABLE, Some("gone"));
                    leg.state = State::Final(Some(gone));
                }
            }
            self.finish(at);
        }
    }

    /// Whoever rings too long, or does not say that it was cancelled, is not waited for any more.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for at in (0..self.forks.len()).rev() {
            if self.forks[at].ends > now {
                continue;
            }
            let first = !self.forks[at].cancelled;
            if first {
                self.cancel_rest(now, at, None);
            }
            let fork = &mut self.forks[at];
            for leg in &mut fork.legs {
                if !matches!(leg.state, State::Final(_)) {
                    leg.state = State::Final(Some(fork.request.respond(StatusCode::REQUEST_TIMEOUT, Some("late"))));
                }
            }
            self.finish(at);
        }
    }

    pub(super) fn receive(&mut self, now: Instant, from: End, bytes: Bytes) {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match Message::parse(bytes).expect("what our phones and strangers say is SIP") {
            Message::Request(request) => self.on_request(now, from, request),
            Message::Response(response) => self.on_response(now, from, response),
        }
    }

    fn on_request(&mut self, now: Instant, from: End, mut request: Request) {
        request.headers.remove(&HeaderName::Route);
        if request.method == Method::Register {
            return self.register(from, &request);
        }
        self.learn(from, request.headers.name_addr(&HeaderName::Contact));
        let within = request.headers.name_addr(&HeaderName::To).is_some_and(|to| to.tag().is_some());
        match request.method {
            Method::Cancel => self.cancel(now, from, &request),
            Method::Ack => {
                // The ACK of a refusal ends here (RFC 3261 17.1.1.3).
                if let Some(to) = self.reached(&request.uri) {
                    self.forward(from, to, request);
                }
            }
            _ if within => match self.reached(&request.uri) {
                Some(to) => self.forward(from, to, request),
                None => self.answer(from, &request, StatusCode::TEMPORARILY_UNAVAILABLE),
            },
            Method::Invite => self.fork(now, from, request),
            _ => self.answer(from, &request, StatusCode::OK),
        }
    }

    fn register(&mut self, from: End, request: &Request) {
        let End::Phone(id) = from else { return };
        let user = request.headers.name_addr(&HeaderName::To).and_then(|to| to.uri.user_text()).unwrap_or_default();
        let mut granted = Vec::new();
        for contact in request.headers.all::<Contact>() {
            let Contact::Address(mut address) = contact else { continue };
            let expires = address.params.number("expires").or(request.headers.seconds(&HeaderName::Expires));
            self.bindings.retain(|(own, _, _)| *own != user);
            if expires != Some(0) {
                self.bindings.push((user.clone(), address.uri.clone(), id));
                self.learn(from, Some(address.clone()));
                address.params.set("expires", "600");
                granted.push(address.to_string());
            }
        }
        let mut response = request.respond(StatusCode::OK, Some("registrar"));
        for contact in granted {
            response.headers.push(HeaderName::Contact, &contact);
        }
        self.send(from, response.to_bytes(), false);
    }

    fn on_response(&mut self, now: Instant, from: End, mut response: Response) {
        self.learn(from, response.headers.name_addr(&HeaderName::Contact));
        let vias = response.headers.elements(&HeaderName::Via);
        let Some(branch) = vias.first().and_then(|via| branch_of(via)) else { return };
        response.headers.remove(&HeaderName::Via);
        for via in vias.iter().skip(1).rev() {
            response.headers.push_front(HeaderName::Via, via);
        }
        if !self.fork_response(now, &branch, &response)
            && let Some(to) = origin(&branch)
        {
            self.send(to, self.plainly(response), true);
        }
    }

    fn learn(&mut self, from: End, contact: Option<NameAddr>) {
        if let (End::Phone(id), Some(user)) = (from, contact.and_then(|contact| contact.uri.user_text())) {
            self.contacts.retain(|(own, _)| *own != user);
            self.contacts.push((user, id));
        }
    }

    fn reached(&self, uri: &Uri) -> Option<End> {
        let user = uri.user_text()?;
        if let Some(number) = user.strip_prefix("stranger") {
            return number.parse().ok().map(End::Stranger);
        }
        let (_, id) = self.contacts.iter().find(|(own, _)| *own == user)?;
        self.open.contains(id).then_some(End::Phone(*id))
    }

    fn fork(&mut self, now: Instant, caller: End, request: Request) {
        if self.forks.iter().any(|fork| fork.caller == caller && fork.request.branch() == request.branch()) {
            return;
        }
        self.answer(caller, &request, StatusCode::TRYING);
        if let Some(status) = self.refuses {
            return self.answer(caller, &request, status);
        }
        let user = request.uri.user_text().unwrap_or_default();
        let mut targets: Vec<(End, Uri)> = Vec::new();
        for (own, contact, id) in &self.bindings {
            if *own == user && (self.ben_is_asked || user != "ben") {
                targets.push((End::Phone(*id), contact.clone()));
            }
        }
        if user == "ben" {
            targets.extend((0..self.strangers).map(|number| (End::Stranger(number), Stranger::contact(number))));
        }
        if targets.is_empty() {
            return self.answer(caller, &request, StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        let mut legs = Vec::new();
        for (to, uri) in targets {
            self.unique += 1;
            let branch = branch(caller, self.unique);
            let mut sent = self.prepared(request.clone(), &branch);
            sent.uri = uri;
            self.send(to, sent.to_bytes(), true);
            legs.push(Leg { branch, to, request: sent, state: State::Silent(None) });
        }
        self.forks.push(Fork { caller, request, legs, answered: false, cancelled: false, ends: now + self.rings });
    }

    fn cancel(&mut self, now: Instant, from: End, request: &Request) {
        let of = |fork: &Fork| fork.caller == from && fork.request.branch() == request.branch();
        let Some(at) = self.forks.iter().position(of) else {
            return self.answer(from, request, StatusCode::NO_SUCH_CALL);
        };
        self.answer(from, request, StatusCode::OK);
        self.cancel_rest(now, at, None);
    }

    fn fork_response(&mut self, now: Instant, branch: &str, response: &Response) -> bool {
        let found = self.forks.iter().enumerate().find_map(|(at, fork)| {
            let leg = fork.legs.iter().position(|leg| leg.branch == branch)?;
            Some((at, leg))
        });
        let Some((at, index)) = found else { return false };
        if response.cseq().is_none_or(|cseq| cseq.method != Method::Invite) {
            return true;
        }
        let fork = &mut self.forks[at];
        let (caller, quiet) = (fork.caller, fork.cancelled || fork.answered);
        let leg = &mut fork.legs[index];
        if response.status.is_provisional() {
            if let State::Silent(cancel) = leg.state {
                leg.state = State::Proceeding(cancel.is_some());
                if let Some(reason) = cancel {
                    let (to, bytes) = (leg.to, within(&leg.request, Method::Cancel, None, reason));
                    self.send(to, bytes, true);
                }
            }
            if response.status != StatusCode::TRYING && !quiet {
                self.send(caller, self.plainly(response.clone()), true);
            }
        } else if response.status.is_success() {
            leg.state = State::Final(None);
            fork.answered = true;
            self.send(caller, self.plainly(response.clone()), true);
            self.cancel_rest(now, at, Some(ELSEWHERE));
            self.finish(at);
        } else {
            let to_tag = response.headers.name_addr(&HeaderName::To);
            let (to, ack) = (leg.to, within(&leg.request, Method::Ack, to_tag, None));
            leg.state = State::Final(Some(response.clone()));
            self.send(to, ack, true);
            if response.status.class() == 6 {
                self.cancel_rest(now, at, None);
            }
            self.finish(at);
        }
        true
    }

    fn cancel_rest(&mut self, now: Instant, at: usize, reason: Option<&'static str>) {
        let fork = &mut self.forks[at];
        (fork.cancelled, fork.ends) = (true, now + AFTER_CANCEL);
        let mut sent = Vec::new();
        for leg in &mut fork.legs {
            match &mut leg.state {
                State::Silent(wanted) => *wanted = Some(reason),
                State::Proceeding(cancelled) => {
                    if !std::mem::replace(cancelled, true) {
                        sent.push((leg.to, within(&leg.request, Method::Cancel, None, reason)));
                    }
                }
                State::Final(_) => {}
            }
        }
        for (to, bytes) in sent {
            self.send(to, bytes, true);
        }
    }

    fn finish(&mut self, at: usize) {
        if !self.forks[at].legs.iter().all(|leg| matches!(leg.state, State::Final(_))) {
            return;
        }
        let fork = self.forks.remove(at);
        if fork.answered {
            return;
        }
        let refusals = fork.legs.into_iter().filter_map(|leg| match leg.state {
            State::Final(refusal) => refusal,
            _ => None,
        });
        // RFC 3261 16.7, item 6: a 6xx, else the lowest class.
        if let Some(best) = refusals.min_by_key(|response| (response.status.class() != 6, response.status)) {
            self.send(fork.caller, best.to_bytes(), false);
        }
    }

    fn forward(&mut self, from: End, to: End, request: Request) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        // RFC 3261 16.11: a function of the branch it came with, so that a repeat is one.
        let mut hash = DefaultHasher::new();
        request.branch().hash(&mut hash);
        let request = self.prepared(request, &branch(from, hash.finish()));
        self.send(to, request.to_bytes(), true);
    }

    fn prepared(&self, mut request: Request, branch: &str) -> Request {
        if request.method == Method::Invite {
            request.headers.push_front(HeaderName::RecordRoute, "<sip:server.example;transport=ws;lr>");
        }
        let mut params = Params::new();
        params.set("branch", branch);
        let host = Host::parse("server.example").expect("a name");
        let via = Via { transport: "WSS".into(), host, port: None, params };
        request.headers.push_front(HeaderName::Via, &via.to_string());
        request.body = without(&request.body, self.forbids);
        request
    }

    fn plainly(&self, mut response: Response) -> Bytes {
        response.body = without(&response.body, self.forbids);
        response.to_bytes()
    }

    fn answer(&mut self, to: End, request: &Request, status: StatusCode) {
        let tag = (status != StatusCode::TRYING).then_some("server");
        self.send(to, request.respond(status, tag).to_bytes(), false);
    }

    fn send(&mut self, to: End, bytes: Bytes, far: bool) {
        self.out.push_back((to, bytes, far));
    }
}
