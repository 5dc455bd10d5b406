//! What names our messages (C67): every request has what RFC 3261 8.1.1 wants, and its names are never seen twice.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sip::{
    Config, Event, HeaderName, Input, Invite, Message, Method, Output, Request, Response, StatusCode, Uri, UserAgent,
    headers::{CSeq, Via},
    testing::start,
};

/// Agents, each with a seed of its own, and the calls of each.
const AGENTS: u32 = 250;
const CALLS: u32 = 20;

#[derive(Default)]
struct Seen {
    messages: u32,
    branches: HashSet<String>,
    /// Call-IDs with the tags that stand beside them.
    calls: HashSet<(Bytes, String)>,
    call_ids: HashSet<Bytes>,
    tags: HashSet<String>,
    /// How often each bit of a token was set.
    ones: Vec<u32>,
    tokens: u32,
}

impl Seen {
    /// A token of 64 bits.
    fn token(&mut self, text: &str) {
        assert_eq!(text.len(), 16, "{text}");
        let bits = u64::from_str_radix(text, 16).expect("hexadecimal digits");
        self.tokens += 1;
        for (at, ones) in self.ones.iter_mut().enumerate() {
            *ones += u32::from(bits >> at & 1 == 1);
        }
    }

    fn look(&mut self, request: &Request) {
        self.messages += 1;
        let headers = &request.headers;
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq, HeaderName::MaxForwards] {
            assert_eq!(headers.get_all(&name).count(), 1, "{name} of {}", request.method);
        }
        assert_eq!(headers.seconds(&HeaderName::MaxForwards), Some(70));
        let cseq = headers.typed::<CSeq>().expect("a CSeq").expect("a CSeq below 2^31");
        assert!(cseq.number > 0 && cseq.method == request.method);
        let vias = headers.all::<Via>();
        let [via] = vias.as_slice() else { panic!("one Via, not {vias:?}") };
        let branch = via.branch().expect("a branch").strip_prefix("z9hG4bK").expect("the cookie").to_owned();
        self.token(&branch);
        assert!(self.branches.insert(branch), "a branch stands for one transaction");
        let tag = headers.name_addr(&HeaderName::From).and_then(|from| from.tag().map(str::to_owned)).expect("a tag");
        let call_id = Bytes::copy_from_slice(headers.get(&HeaderName::CallId).expect("a Call-ID"));
        if self.calls.insert((call_id.clone(), tag.clone())) {
            let text = String::from_utf8(call_id.to_vec()).expect("text");
            let (first, second) = text.split_at(16);
            [first, second, &tag].into_iter().for_each(|token| self.token(token));
            assert!(self.call_ids.insert(call_id) && self.tags.insert(tag), "a call has one Call-ID and one tag");
        }
    }
}

/// One agent, and a far end that says yes.
struct Line {
    now: Instant,
    agent: UserAgent,
}

impl Line {
    fn sent(&mut self, seen: &mut Seen) -> Vec<Request> {
        let mut sent = Vec::new();
        loop {
            match self.agent.poll_output() {
                Output::Transmit(bytes) => match Message::parse(bytes).expect("ours parses") {
                    Message::Request(request) => {
                        seen.look(&request);
                        sent.push(request);
                    }
                    Message::Response(response) => panic!("{}", response.status),
                },
                Output::Event(Event::Misbehaved(what)) => panic!("{what}"),
                Output::Event(_) => {}
                Output::Timeout(_) => return sent,
            }
        }
    }

    fn say_yes(&mut self, request: &Request) {
        let mut ok: Response = request.respond(StatusCode::OK, Some("far"));
        if let Some(contact) = request.headers.get(&HeaderName::Contact) {
            ok.headers.push(HeaderName::Contact, &String::from_utf8_lossy(contact));
        }
        self.agent.handle_input(self.now, Input::Message(ok.to_bytes()));
    }

    fn call(&mut self, seen: &mut Seen) {
        let to = Uri::parse("sip:bob@example.com").expect("a URI");
        let call = self.agent.invite(self.now, Invite { to, offer: "v=0".into() }).expect("the link is up");
        let invite = self.sent(seen).pop().expect("an INVITE");
        self.say_yes(&invite);
        assert_eq!(self.sent(seen).pop().map(|ack| ack.method), Some(Method::Ack));
        for digit in ['1', '2', '3', '4', '5', '6'] {
            self.agent.info_digit(self.now, call, digit, 100).expect("it is up");
            let info = self.sent(seen).pop().expect("an INFO");
            self.say_yes(&info);
        }
        self.agent.hangup(self.now, call).expect("it is up");
        let bye = self.sent(seen).pop().expect("a BYE");
        self.say_yes(&bye);
        self.now += Duration::from_secs(33);
        self.agent.handle_input(self.now, Input::Timeout);
        for refresh in self.sent(seen) {
            self.say_yes(&refresh);
        }
        self.sent(seen);
    }
}

#[test]
fn every_request_is_whole_and_its_names_are_new() {
    let mut seen = Seen { ones: vec![0; 64], ..Seen::default() };
    for agent in 0..AGENTS {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&agent.to_le_bytes());
        let aor = Uri::parse("sip:alice@example.com").expect("a URI");
        let mut line = Line { now: start(), agent: UserAgent::new(Config::new(aor, seed)) };
        line.agent.handle_input(line.now, Input::LinkUp);
        line.agent.register(line.now);
        for register in line.sent(&mut seen) {
            line.say_yes(&register);
        }
        line.sent(&mut seen);
        (0..CALLS).for_each(|_| line.call(&mut seen));
    }
    assert!(seen.messages > 9 * AGENTS * CALLS, "{}", seen.messages);
    assert_eq!(seen.call_ids.len(), (AGENTS * (CALLS + 1)) as usize, "and one for the registrations");
    // No bit of a token is fixed or nearly so: each is set in half of them, with a margin of ten deviations.
    let (half, margin) = (f64::from(seen.tokens) / 2.0, 5.0 * f64::from(seen.tokens).sqrt());
    for (at, ones) in seen.ones.iter().enumerate() {
        assert!((f64::from(*ones) - half).abs() < margin, "bit {at}: {ones} of {}", seen.tokens);
    }
}
