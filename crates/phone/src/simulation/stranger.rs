//! Those who ring beside Ben: far ends that follow a script and have no sound.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use rand_chacha::ChaCha12Rng;
use sip::{
    HeaderName, Host, Method, Params, Request, Response, StatusCode, Uri,
    headers::{CSeq, Via},
};

/// RFC 3261 17.1.1.1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// What a stranger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Nothing at all.
    Silent,
    /// Rings until it is cancelled.
    Rings,
    /// Refuses after a while.
    Refuses(u16, Duration),
    /// Answers after a while, and hangs up after another one.
    Answers(Duration, Duration),
    /// Answers the CANCEL with a 200, and the INVITE too: it was quicker.
    Races,
}

impl Script {
    pub(super) fn of(rng: &mut ChaCha12Rng) -> Self {
        let wait = Duration::from_millis(rng.random_range(10..3500));
        match rng.random_range(0..16) {
            0 | 1 => Self::Silent,
            2..7 => Self::Rings,
            7 | 8 => Self::Refuses(486, wait),
            9 => Self::Refuses(603, wait),
            10 => Self::Refuses(480, wait),
            11..13 => Self::Races,
            _ => Self::Answers(wait, Duration::from_millis(rng.random_range(500..4000))),
        }
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Stranger {
    number: usize,
    script: Script,
    invite: Option<Request>,
    state: State,
    due: Vec<(Instant, Turn)>,
    out: Vec<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Answered,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Ring,
    Refuse(u16),
    Answer,
    Resend(Duration, Instant),
    Bye,
}

impl Stranger {
    pub(super) const fn new(number: usize, script: Script) -> Self {
        Self { number, script, invite: None, state: State::Waiting, due: Vec::new(), out: Vec::new() }
    }

    /// Where it is reached.
    pub(super) fn user(number: usize) -> String {
        format!("stranger{number}")
    }

    pub(super) fn contact(number: usize) -> Uri {
        Uri::sip(Some(&Self::user(number)), Host::parse("192.0.2.9").expect("an address"))
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.iter().map(|(at, _)| *at).min()
    }

    pub(super) fn take_sent(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn on_response(&self, _response: &Response) {
        // Only its BYE is ever answered, and it is over with it.
    }

    pub(super) fn on_request(&mut self, now: Instant, request: &Request) {
        match request.method {
            Method::Invite if self.invite.is_none() => self.begin(now, request),
            // A repeat is absorbed; a change is not wanted.
            Method::Invite if self.invite.as_ref().is_some_and(|own| own.branch() == request.branch()) => {}
            Method::Invite => self.say(request, StatusCode::NOT_ACCEPTABLE_HERE),
            Method::Ack => self.due.retain(|(_, turn)| !matches!(turn, Turn::Resend(..))),
            Method::Cancel => self.cancel(now, request),
            Method::Bye => {
                self.say(request, StatusCode::OK);
                self.state = State::Over;
                self.due.clear();
            }
            _ => self.say(request, StatusCode::OK),
        }
    }

    fn begin(&mut self, now: Instant, request: &Request) {
        self.invite = Some(request.clone());
        let soon = now + Duration::from_millis(20);
        match self.script {
            Script::Silent => {}
            Script::Rings | Script::Races => self.due.push((soon, Turn::Ring)),
            Script::Refuses(status, wait) => {
                self.due.extend([(soon, Turn::Ring), (now + wait, Turn::Refuse(status))]);
            }
            Script::Answers(wait, _) => self.due.extend([(soon, Turn::Ring), (now + wait, Turn::Answer)]),
        }
    }

    fn cancel(&mut self, now: Instant, request: &Request) {
        self.say(request, StatusCode::OK);
        if self.state != State::Waiting || self.invite.is_none() {
            return;
        }
        self.due.clear();
        if self.script == Script::Races {
            return self.answer(now);
        }
        self.refuse(StatusCode::REQUEST_TERMINATED);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(at) = self.due.iter().position(|(at, _)| *at <= now) {
            let (_, turn) = self.due.remove(at);
            match turn {
                Turn::Ring => {
                    if let Some(invite) = self.invite.clone() {
                        self.say(&invite, StatusCode::RINGING);
                    }
                }
                Turn::Refuse(status) => self.refuse(StatusCode::new(status).expect("a status")),
                Turn::Answer => self.answer(now),
                Turn::Resend(_, end) if now >= end => self.bye(),
                Turn::Resend(wait, end) => {
                    self.send_answer();
                    let next = (wait * 2).min(T2);
                    self.due.push((now + next, Turn::Resend(next, end)));
                }
                Turn::Bye => self.bye(),
            }
        }
    }

    fn refuse(&mut self, status: StatusCode) {
        if let Some(invite) = self.invite.clone() {
            self.state = State::Over;
            self.say(&invite, status);
        }
    }

    fn answer(&mut self, now: Instant) {
        self.state = State::Answered;
        self.send_answer();
        // RFC 3261 13.3.1.4: again and again until there is an ACK, and after 64*T1 it is over.
        self.due.push((now + T1, Turn::Resend(T1, now + 64 * T1)));
        if let Script::Answers(_, talk) = self.script {
            self.due.push((now + talk, Turn::Bye));
        }
    }

    fn send_answer(&mut self) {
        let Some(invite) = &self.invite else { return };
        let mut response = invite.respond(StatusCode::OK, Some(&Self::user(self.number)));
        response.headers.push(HeaderName::Contact, &format!("<{}>", Self::contact(self.number)));
        self.out.push(response.with_body("application/sdp", answer_of(self.number).into()).to_bytes());
    }

    fn bye(&mut self) {
        self.due.clear();
        let Some(invite) = self.invite.as_ref().filter(|_| self.state == State::Answered) else { return };
        self.state = State::Over;
        let Some(contact) = invite.headers.name_addr(&HeaderName::Contact) else { return };
        let mut bye = Request::new(Method::Bye, contact.uri);
        let mut params = Params::new();
        params.set("branch", &format!("z9hG4bKbye{}", self.number));
        let host = Host::parse("192.0.2.9").expect("an address");
        bye.headers.push(HeaderName::Via, &Via { transport: "UDP".into(), host, port: None, params }.to_string());
        bye.headers.push(HeaderName::MaxForwards, "70");
        let (from, to) = (invite.headers.name_addr(&HeaderName::To), invite.headers.text(&HeaderName::From));
        let from = from.expect("an INVITE has a To").with_tag(&Self::user(self.number));
        bye.headers.push(HeaderName::From, &from.to_string());
        bye.headers.push(HeaderName::To, &to.unwrap_or_default());
        bye.headers.push(HeaderName::CallId, &invite.headers.text(&HeaderName::CallId).unwrap_or_default());
        bye.headers.push(HeaderName::CSeq, &CSeq { number: 1, method: Method::Bye }.to_string());
        self.out.push(bye.to_bytes());
    }

    fn say(&mut self, request: &Request, status: StatusCode) {
        let mut response = request.respond(status, Some(&Self::user(self.number)));
        if status.is_success() || status == StatusCode::RINGING {
            response.headers.push(HeaderName::Contact, &format!("<{}>", Self::contact(self.number)));
        }
        self.out.push(response.to_bytes());
    }
}

/// An answer that is fine, from somebody whose sound never comes.
fn answer_of(number: usize) -> String {
    let fingerprint = vec!["AB"; 32].join(":");
    format!(
        "v=0\r\no=- {number} 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n\
         a=rtpmap:8 PCMA/8000\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\na=ice-ufrag:stra{number}\r\na=ice-pwd:0123456789012345678901\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:active\r\na=candidate:1 1 udp 2130706431 192.0.2.9 4000 typ host\r\n"
    )
}
