//! An agent and a registrar that says what a test tells it to.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::time::Duration;

use sip::{
    HeaderName, Input, Message, Request, Response, Secret, StatusCode,
    headers::{Contact, Credentials},
    testing::{Side, start},
};

pub const SECOND: Duration = Duration::from_secs(1);

pub struct Line {
    pub now: std::time::Instant,
    pub side: Side,
}

impl Line {
    pub fn new(password: Option<&str>) -> Self {
        let now = start();
        let mut side = Side::new(now, "alice", 7);
        side.agent.set_password(password.map(|password| Secret::new(password.to_owned())));
        side.agent.register(now);
        Self { now, side }
    }

    /// The request that the agent sends now, and nothing else.
    pub fn request(&mut self) -> Request {
        let sent = self.side.drain();
        let [bytes] = sent.as_slice() else { panic!("one message, not {sent:?}") };
        let Ok(Message::Request(request)) = Message::parse(bytes.clone()) else { panic!("a request") };
        request
    }

    pub fn say(&mut self, request: &Request, code: u16, more: impl FnOnce(&mut Response)) {
        let mut response = request.respond(StatusCode::new(code).expect("a code"), Some("server"));
        more(&mut response);
        self.side.agent.handle_input(self.now, Input::Message(response.to_bytes()));
    }

    pub fn challenge(&mut self, request: &Request, nonce: &str, stale: bool) {
        self.say(request, 401, |response| {
            response.headers.push(
                HeaderName::WwwAuthenticate,
                &format!(
                    r#"Digest realm="example.com", nonce="{nonce}", qop="auth", algorithm=SHA-256, stale={stale}"#
                ),
            );
        });
    }

    pub fn accept(&mut self, request: &Request, seconds: u32) {
        let contact = contact(request);
        self.say(request, 200, |response| {
            response.headers.push(HeaderName::Contact, "<sip:somebody@else.invalid>;expires=9");
            response.headers.push(
                HeaderName::Contact,
                &format!("<{}>;expires={seconds};pub-gruu=\"sip:alice@example.com;gr=urn:uuid:1\"", contact.uri),
            );
            response.headers.push(HeaderName::Require, "outbound");
            response.headers.push(HeaderName::ServiceRoute, "<sip:edge.example.com;transport=ws;lr>");
        });
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.side.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.side.agent.handle_input(self.now, Input::Timeout);
            if self.side.agent.live().0 > 0 {
                break;
            }
            self.side.drain();
        }
        self.now = self.now.max(end);
    }
}

pub fn contact(request: &Request) -> sip::NameAddr {
    request.headers.typed::<Contact>().and_then(Result::ok).and_then(Contact::address).expect("a Contact")
}

pub fn proof(request: &Request) -> Option<Credentials> {
    request.headers.text(&HeaderName::Authorization).and_then(|text| Credentials::parse(&text).ok())
}
