//! Plays one flow: the server's messages are the recorded ones, ours have to stand where the recorded client's stood.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{Event, HeaderName, Message, Method, NameAddr, StatusCode, headers::Reason};

use crate::{
    capture::{Capture, Frame, Recorded},
    line::{Line, uri},
    names::{Names, address},
    told::{
        End, body, direction, ends, expires, first_line, has_contact, is_sdp, kind, offered_codecs,
        recorded_registration, registers, registration, sections, signal, to_tag,
    },
};

/// Longer than 64*T1, so that all transactions are over, and shorter than the shortest half of a registration.
const AFTERWARDS: Duration = Duration::from_secs(40);

/// One flow that is being played.
struct Play<'a> {
    capture: &'a Capture,
    line: Line,
    names: Names,
    begin: Instant,
    /// The last 200 to a REGISTER, for a refresh that the recorded client did not need.
    granted: Option<(Message, Bytes)>,
    /// The user part of our Contact.
    contact_user: Option<String>,
}

/// Plays `capture` and looks at how it ended.
pub(crate) fn replay(capture: &Capture) {
    let line = Line::new(&capture.user, offered_codecs(capture));
    let begin = line.now;
    let mut play = Play { capture, line, names: Names::default(), begin, granted: None, contact_user: None };
    if !registers(capture) {
        play.come_on_the_line();
        play.begin = play.line.now;
    }
    let first = capture.messages.first().expect("something was recorded").at;
    for (at, recorded) in capture.messages.iter().enumerate() {
        let until = play.begin + (recorded.at - first);
        if capture.messages[at..].iter().any(|later| later.from_client && later.message().is_some()) {
            play.line.wait_until(until);
        } else {
            play.stay_until(until);
        }
        let Frame::Sip(bytes) = &recorded.frame else {
            play.blank(recorded);
            continue;
        };
        let message = recorded.message().unwrap_or_else(|| panic!("{}: message {at} is damaged", capture.name));
        println!("{}: {} {}", capture.name, if recorded.from_client { ">>" } else { "<<" }, first_line(&message));
        if recorded.from_client {
            play.client(&message);
        } else {
            play.server(&message, bytes);
        }
    }
    play.stay_until(play.begin + capture.end.saturating_sub(first));
    play.ending();
}

impl Play<'_> {
    /// The recording begins with a registered client: so does ours. The server gives what that one gave.
    fn come_on_the_line(&mut self) {
        self.line.person(|agent, now| agent.register(now));
        let request = self.line.request();
        let recorded = self.capture.said_by(true).find_map(|message| address(message.headers()));
        let ours = address(&request.headers).expect("a REGISTER has a Contact");
        let mut contact = NameAddr::new(ours.uri.clone());
        contact.params.set("expires", "600");
        let mut ok = request.respond(StatusCode::OK, Some("registrar"));
        let gruu = format!("sip:{}@sip.test.local;gr=urn:uuid:7be4b7b5-0ad5-4a1f-9f5f-5a4a1d7a9d11", self.capture.user);
        if recorded.as_ref().is_some_and(|contact| contact.uri.params.has("gr")) {
            contact.params.set_quoted("pub-gruu", &gruu);
        } else if recorded.as_ref().is_some_and(|contact| contact.uri.params.has("ob")) {
            ok.headers.push(HeaderName::Require, "outbound");
        }
        ok.headers.push(HeaderName::Contact, &contact.to_string());
        self.line.hear(ok.to_bytes());
        // What calls the recorded client by its Contact calls us by ours; servers may know it from a REGISTER of before.
        for message in self.capture.said_by(false) {
            if let Message::Request(request) = message
                && let Some(user) = request.uri.user_text().filter(|user| *user != self.capture.user)
            {
                self.names.learn(&user, ours.uri.user.as_deref().expect("ours has one"));
            }
        }
        for contact in self.capture.said_by(true).filter_map(|message| address(message.headers())) {
            self.names.learn_contact(&contact, &ours, &self.capture.user);
        }
    }

    /// The recorded client says nothing more. A refresh that ours needs and that one did without is granted as its last
    /// REGISTER was.
    fn stay_until(&mut self, at: Instant) {
        self.line.wait_until(at);
        while let (Some(Message::Request(request)), Some((recorded, bytes))) =
            (self.line.said.front(), self.granted.clone())
        {
            if request.method != Method::Register {
                return;
            }
            let request = self.line.request();
            let Ok(Message::Response(template)) = Message::parse(self.names.rewrite_message(&recorded, &bytes)) else {
                panic!("a 200 of the recording")
            };
            let mut ok = request.respond(StatusCode::OK, Some("registrar"));
            for contact in template.headers.get_all(&HeaderName::Contact) {
                ok.headers.push(HeaderName::Contact, &String::from_utf8_lossy(contact));
            }
            self.line.hear(ok.to_bytes());
            self.line.wait_until(at);
        }
    }

    /// CRLFs and zero octets are no messages (W3): nothing is said, nothing happens.
    fn blank(&mut self, recorded: &Recorded) {
        let (Frame::Blank(bytes), false) = (&recorded.frame, recorded.from_client) else { return };
        let before = self.line.events.len();
        self.line.hear(bytes.clone());
        assert!(self.line.said.is_empty() && self.line.events.len() == before, "{}", self.capture.name);
    }

    /// The recorded client said `theirs`: our agent says the like, by itself or because a person does the like.
    fn client(&mut self, theirs: &Message) {
        if self.line.said.is_empty() {
            self.person(theirs);
        }
        let ours = self.line.said.pop_front().unwrap_or_else(|| self.fail(theirs, "nothing was sent"));
        self.compare(theirs, &ours);
        self.names.learn_all(theirs, &ours, &self.capture.user);
        if kind(&ours).starts_with("REGISTER") {
            self.contact_user = address(ours.headers()).and_then(|contact| contact.uri.user_text());
        }
    }

    /// A person does what makes a client say `theirs`.
    fn person(&mut self, theirs: &Message) {
        match theirs {
            Message::Request(request) => {
                let within = to_tag(request).is_some();
                match request.method {
                    Method::Register if expires(request) == Some(0) => {
                        self.line.person(|agent, now| agent.unregister(now))
                    }
                    Method::Register => self.line.person(|agent, now| agent.register(now)),
                    Method::Invite if within => self.line.change(direction(&request.body)),
                    Method::Invite => self.line.call(uri(&request.uri.to_string())),
                    Method::Cancel | Method::Bye => {
                        let call = self.line.last();
                        self.line.person(|agent, now| agent.hangup(now, call).expect("the call goes on"));
                    }
                    Method::Info => {
                        let (call, digit) = (self.line.last(), signal(&request.body));
                        self.line.person(|agent, now| agent.info_digit(now, call, digit, 160).expect("it is up"));
                    }
                    _ => self.fail(theirs, "nobody does that"),
                }
            }
            Message::Response(response) if response.cseq().is_some_and(|cseq| cseq.method == Method::Invite) => {
                let call = self.line.last();
                let first = self.line.calls.last().is_some_and(|call| call.agreed.is_none());
                match response.status.code() {
                    180 => self.line.person(|agent, now| agent.ring(now, call).expect("it is called")),
                    200 => self.line.answer(first),
                    300.. => self.line.person(|agent, now| agent.reject(now, call, response.status).expect("it rings")),
                    _ => self.fail(theirs, "nobody does that"),
                }
            }
            Message::Response(_) => self.fail(theirs, "nobody does that"),
        }
    }

    /// The server says what it said.
    fn server(&mut self, recorded: &Message, bytes: &Bytes) {
        if let Message::Response(response) = recorded {
            if let Some(ours) = &self.contact_user {
                self.names.learn_source(&response.headers, &self.capture.user, ours);
            }
            if response.status.is_success() && response.cseq().is_some_and(|cseq| cseq.method == Method::Register) {
                self.granted = Some((recorded.clone(), bytes.clone()));
            }
        }
        let bytes = self.names.rewrite_message(recorded, bytes);
        self.line.hear(bytes);
    }

    /// Ours stands where theirs stood: same kind, same place in its dialog, same way, same kind of session.
    fn compare(&self, theirs: &Message, ours: &Message) {
        if kind(theirs) != kind(ours) {
            self.fail(theirs, &format!("{} was sent", first_line(ours)));
        }
        let list = |message: &Message, name: &HeaderName| -> Vec<String> {
            message.headers().name_addrs(name).iter().map(ToString::to_string).collect()
        };
        match (theirs, ours) {
            (Message::Request(recorded), Message::Request(own)) => {
                let expected = uri(&self.names.rewrite(&recorded.uri.to_string()));
                assert!(expected.is_equivalent(&own.uri), "{}: {expected} {}", self.capture.name, own.uri);
                let route: Vec<String> =
                    list(theirs, &HeaderName::Route).iter().map(|hop| self.names.rewrite(hop)).collect();
                assert_eq!(list(ours, &HeaderName::Route), route, "{}: the way of {}", self.capture.name, own.method);
                assert_eq!(to_tag(own), to_tag(recorded).map(|tag| self.names.rewrite(&tag)), "{}", self.capture.name);
            }
            _ => {
                let vias = |message: &Message| -> Vec<String> {
                    message.headers().all::<sip::headers::Via>().iter().map(ToString::to_string).collect()
                };
                let expected: Vec<String> = vias(theirs).iter().map(|via| self.names.rewrite(via)).collect();
                assert_eq!(vias(ours), expected, "{}: RFC 3261 8.2.6.2", self.capture.name);
                let recorded = list(theirs, &HeaderName::RecordRoute);
                assert!(
                    recorded.is_empty() || list(ours, &HeaderName::RecordRoute) == recorded,
                    "{}",
                    self.capture.name
                );
            }
        }
        if has_contact(theirs) && address(ours.headers()).is_none() {
            self.fail(theirs, "ours has no Contact");
        }
        let [recorded, own] = [theirs, ours].map(body);
        assert_eq!(own.is_empty(), recorded.is_empty(), "{}: the body of {}", self.capture.name, first_line(ours));
        if is_sdp(theirs) {
            assert_eq!(direction(own), direction(recorded), "{}: {}", self.capture.name, first_line(ours));
            assert_eq!(sections(own), sections(recorded), "{}: {}", self.capture.name, first_line(ours));
        }
    }

    /// The calls and the registration have ended as they did there.
    fn ending(&mut self) {
        let name = &self.capture.name;
        assert!(self.line.said.is_empty(), "{name}: more was sent: {:?}", self.line.said);
        self.line.wait(AFTERWARDS);
        assert!(self.line.said.is_empty(), "{name}: more was sent afterwards: {:?}", self.line.said);
        assert!(self.line.echoed.is_empty(), "{name}: what was sent cannot be read: {:?}", self.line.echoed);
        let (transactions, calls, _) = self.line.agent.live();
        assert_eq!((transactions, calls), (0, 0), "{name}: all is over");
        let expected = ends(self.capture);
        assert_eq!(self.line.calls.len(), expected.len(), "{name}: as many calls");
        for (call, end) in self.line.calls.iter().zip(expected) {
            let cause = call.ended.as_ref().unwrap_or_else(|| panic!("{name}: the call ended"));
            let mut own = End {
                local: cause.by == sip::EndedBy::Local,
                status: cause.status.map(StatusCode::code).filter(|_| !cause.answered),
                answered: cause.answered,
                elsewhere: cause.reason.as_ref().is_some_and(Reason::is_answered_elsewhere),
            };
            // What ended it by our own choice has no status of the far end.
            own.status = own.status.filter(|_| end.status.is_some());
            assert_eq!(own, end, "{name}");
        }
        for event in &self.line.events {
            assert!(!matches!(event, Event::Misbehaved(_)), "{name}: {event:?}");
        }
        self.progress();
        assert_eq!(registration(&self.line.events), recorded_registration(self.capture), "{name}: the registration");
    }

    /// What the server told of its progress was told on.
    fn progress(&self) {
        let told = |wanted: fn(&Event) -> bool| self.line.events.iter().any(wanted);
        for message in self.capture.said_by(false) {
            let Message::Response(response) = &message else { continue };
            if response.cseq().is_none_or(|cseq| cseq.method != Method::Invite) {
                continue;
            }
            let known = match response.status.code() {
                100 => told(|event| matches!(event, Event::Trying(_))),
                180 if !is_sdp(&message) => told(|event| matches!(event, Event::Ringing(_))),
                101..200 if is_sdp(&message) => told(|event| matches!(event, Event::EarlyMedia { .. })),
                200 => told(|event| matches!(event, Event::Answered { .. })),
                _ => true,
            };
            assert!(known, "{}: nothing was told of {}", self.capture.name, response.status);
        }
    }

    fn fail(&self, theirs: &Message, why: &str) -> ! {
        panic!("{}: in the place of {}: {why}; before it {:?}", self.capture.name, first_line(theirs), self.line.events)
    }
}
