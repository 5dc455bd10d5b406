//! Alice, and a far end that says what a test tells it to.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::time::Duration;

use sip::{
    CallId, Event, HeaderName, Input, Invite, Message, Request, Response, StatusCode, Uri,
    testing::{Side, start},
};

pub const SECOND: Duration = Duration::from_secs(1);

/// Alice, and a far end that says what the test tells it to.
pub struct Stage {
    pub now: std::time::Instant,
    pub side: Side,
}

impl Stage {
    pub fn new() -> Self {
        let now = start();
        Self { now, side: Side::new(now, "alice", 5) }
    }

    pub fn sent(&mut self) -> Vec<Message> {
        self.side.drain().into_iter().map(|bytes| Message::parse(bytes).expect("ours parses")).collect()
    }

    /// The one request that is sent now.
    pub fn request(&mut self) -> Request {
        match self.sent().as_slice() {
            [Message::Request(request)] => request.clone(),
            other => panic!("one request, not {other:?}"),
        }
    }

    /// The one response that is sent now.
    pub fn response(&mut self) -> Response {
        match self.sent().as_slice() {
            [Message::Response(response)] => response.clone(),
            other => panic!("one response, not {other:?}"),
        }
    }

    pub fn hear(&mut self, message: &str) {
        self.side.agent.handle_input(self.now, Input::Message(message.replace('\n', "\r\n").into()));
    }

    pub fn answer(&mut self, request: &Request, code: u16, tag: &str, more: &[(HeaderName, &str)]) {
        let mut response = request.respond(StatusCode::new(code).expect("a status"), Some(tag));
        for (name, value) in more {
            response.headers.push(name.clone(), value);
        }
        self.side.agent.handle_input(self.now, Input::Message(response.to_bytes()));
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.side.drain();
        while let Some(due) = self.side.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.side.agent.handle_input(self.now, Input::Timeout);
            self.side.drain();
        }
        self.now = end;
    }

    pub fn call(&mut self) -> (CallId, Request) {
        let to = Uri::parse("sip:bob@example.com").expect("a URI");
        let call = self.side.agent.invite(self.now, Invite { to, offer: "v=0".into() }).expect("the link is up");
        (call, self.request())
    }

    /// A call that Bob has answered, and the INVITE that made it.
    pub fn talking(&mut self, more: &[(HeaderName, &str)]) -> (CallId, Request) {
        let (call, invite) = self.call();
        let contact = [(HeaderName::Contact, "<sip:bob@192.0.2.7;transport=ws>")];
        self.answer(&invite, 200, "bob", &[&contact, more].concat());
        (call, invite)
    }

    /// Somebody calls.
    pub fn called(&mut self, branch: &str) -> CallId {
        self.hear(&format!(
            "INVITE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK{branch}\nFrom: <sip:b@c>;tag=f\n\
             To: <sip:alice@example.com>\nCall-ID: in\nCSeq: 1 INVITE\nContact: <sip:b@c>\n\n"
        ));
        assert_eq!(self.response().status, StatusCode::TRYING);
        match self.side.event() {
            Event::Incoming(incoming) => incoming.call,
            other => panic!("somebody calls, not {other:?}"),
        }
    }
}

pub fn within(invite: &Request, method: &str, cseq: u32, more: &str) -> String {
    let from = invite.headers.text(&HeaderName::From).expect("a From").into_owned();
    let call_id = invite.headers.text(&HeaderName::CallId).expect("a Call-ID").into_owned();
    format!(
        "{method} sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK{method}{cseq}\nTo: {from}\n\
         From: <sip:bob@example.com>;tag=bob\nCall-ID: {call_id}\nCSeq: {cseq} {method}\n{more}\n"
    )
}
