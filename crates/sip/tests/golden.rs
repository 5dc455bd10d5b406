//! RFC 7118 section 8 played by our own agent, from both ends (CONFORMANCE C24, C25). What may differ from the RFC's
//! print is written at the head of each transcript, and nothing else may.

mod support;

use std::{fs, time::Duration};

use bytes::Bytes;
use sip::{
    CallId, Config, EndedBy, Event, HeaderName, Headers, Input, Invite, Message, NameAddr, Output, StatusCode, Uri,
    UserAgent,
    headers::{CSeq, Contact, Via},
    testing::start,
};

/// What the RFC and what we call the same thing.
#[derive(Default)]
struct Names(Vec<(String, String)>);

impl Names {
    fn learn(&mut self, theirs: &str, ours: &str) {
        if !theirs.is_empty() && !ours.is_empty() && !self.0.iter().any(|(known, _)| known == theirs) {
            self.0.push((theirs.to_owned(), ours.to_owned()));
        }
    }

    fn to_ours(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
    }

    fn to_theirs(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(ours, theirs))
    }
}

/// One end of the example.
struct End {
    now: std::time::Instant,
    agent: UserAgent,
    names: Names,
    call: Option<CallId>,
    /// Is it the phone on UDP?
    udp: bool,
}

impl End {
    fn new(user: &str, udp: bool) -> Self {
        let mut config = Config::new(uri(&format!("sip:{user}@example.com")), [3; 32]);
        config.instance = "urn:uuid:f81-7dec-14a06cf1".to_owned();
        config.expires = Duration::from_secs(3600);
        let (now, mut agent) = (start(), UserAgent::new(config));
        agent.handle_input(now, Input::LinkUp);
        Self { now, agent, names: Names::default(), call: None, udp }
    }

    /// Plays every line of a transcript.
    fn play(&mut self, transcript: &str) {
        let lines: Vec<&str> = transcript.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!lines.is_empty());
        for line in lines {
            let (mark, rest) = line.split_at_checked(3).expect("a mark");
            match mark {
                "!! " => self.act(rest),
                "<< " => self.hear(rest),
                ">> " => match self.agent.poll_output() {
                    Output::Transmit(bytes) => self.must_be(rest, bytes),
                    other => panic!("{line}: {other:?}"),
                },
                "== " => match self.agent.poll_output() {
                    Output::Event(event) => assert_eq!(self.told(&event), rest),
                    other => panic!("{line}: {other:?}"),
                },
                "++ " => {
                    let seconds = rest.trim_end_matches(" s").parse().expect("seconds");
                    self.now += Duration::from_secs(seconds);
                    self.agent.handle_input(self.now, Input::Timeout);
                }
                _ => panic!("{line}: what mark is that?"),
            }
        }
        assert!(matches!(self.agent.poll_output(), Output::Timeout(_)), "nothing more is said or told");
    }

    fn act(&mut self, what: &str) {
        let sdp = Bytes::from_static(b"v=0");
        match what.split_once(' ').unwrap_or((what, "")) {
            ("register", _) => self.agent.register(self.now),
            ("call", to) => {
                let invite = Invite { to: uri(to), offer: sdp };
                self.call = Some(self.agent.invite(self.now, invite).expect("the link is up"));
            }
            ("ring", _) => self.agent.ring(self.now, self.call.expect("a call")).expect("it is called"),
            ("answer", _) => self.agent.answer(self.now, self.call.expect("a call"), sdp).expect("it rings"),
            ("hangup", _) => self.agent.hangup(self.now, self.call.expect("a call")).expect("it is up"),
            _ => panic!("{what}: what is that?"),
        }
    }

    fn hear(&mut self, what: &str) {
        let (name, more) = what.split_once(" with ").unwrap_or((what, ""));
        let mut text = self.names.to_ours(&printed(name));
        if !more.is_empty() {
            text = text.strip_suffix("\r\n").expect("a blank line").to_owned() + more + "\r\n\r\n";
        }
        self.agent.handle_input(self.now, Input::Message(text.into()));
    }

    fn told(&mut self, event: &Event) -> String {
        match event {
            Event::Registering => "registering".to_owned(),
            Event::Registered(registered) => format!(
                "registered for {} s as {}",
                registered.expires.as_secs(),
                registered.public_gruu.as_deref().unwrap_or("nobody")
            ),
            Event::Trying(_) => "trying".to_owned(),
            Event::Answered { .. } => "answered".to_owned(),
            Event::Incoming(incoming) => {
                self.call = Some(incoming.call);
                let gruu = incoming.from.uri.split(';').next().unwrap_or_default();
                format!("incoming from {gruu}")
            }
            Event::Confirmed { .. } => "confirmed".to_owned(),
            Event::Ended { cause, .. } if cause.by == EndedBy::Remote => "ended by the far end".to_owned(),
            Event::Ended { cause, .. } if cause.by == EndedBy::Local => "ended here".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// `bytes` must be what the RFC prints, or a provisional response of that status.
    fn must_be(&mut self, name: &str, bytes: Bytes) {
        let ours = Message::parse(bytes).expect("ours parses");
        if let (Ok(code), Message::Response(response)) = (name.parse(), &ours) {
            assert_eq!(response.status, StatusCode::new(code).expect("a status"));
            return;
        }
        let theirs = Message::parse(printed(name).into()).expect("as printed");
        self.learn(&theirs, &ours);
        match (&theirs, &ours) {
            (Message::Request(theirs), Message::Request(ours)) => {
                assert_eq!(ours.method, theirs.method, "{name}");
                let target = if name == "registration/f3" { uri("sip:example.com") } else { theirs.uri.clone() };
                assert_eq!(self.names.to_theirs(&ours.uri.to_string()), target.to_string(), "{name}");
            }
            (Message::Response(theirs), Message::Response(ours)) => assert_eq!(ours.status, theirs.status, "{name}"),
            _ => panic!("{name}: a request and a response"),
        }
        let own = [
            "Content-Length",
            "User-Agent",
            "Allow",
            "Expires",
            "Max-Forwards",
            "Accept",
            "Supported",
            "Content-Type",
            "Session-Expires",
        ];
        // What an agent of today can do beside (RFC 3262, RFC 4028).
        let later = ["timer", "100rel"];
        for (header, _) in theirs.headers().iter().chain(ours.headers().iter()) {
            let (printed, written) = (values(theirs.headers(), header), values(ours.headers(), header));
            let mut written: Vec<String> = written.iter().map(|value| self.names.to_theirs(value)).collect();
            match header.as_str() {
                "Supported" if matches!(theirs, Message::Request(_)) && !printed.is_empty() => {
                    written.retain(|tag| !later.contains(&tag.as_str()));
                    let mut without_path = printed.clone();
                    without_path.retain(|tag| name == "registration/f3" || tag != "path");
                    assert_eq!(sorted(written), sorted(without_path), "{name}: {header}");
                }
                // RFC 6223 came after: we ask a registrar for `keep`.
                "Via" if name == "registration/f3" => {
                    assert_eq!(written, [format!("{};keep", printed[0])], "{name}: {header}");
                }
                "Contact" if self.udp => assert_eq!(written.len(), printed.len(), "{name}"),
                "Via" if self.udp => assert_eq!(written.len(), printed.len(), "{name}"),
                other if printed.is_empty() => assert!(own.contains(&other), "{name}: {header} is not in the RFC"),
                "Max-Forwards" | "Content-Type" => assert_eq!(written, printed, "{name}: {header}"),
                _ => assert_eq!(written, printed, "{name}: {header}"),
            }
        }
    }

    fn learn(&mut self, theirs: &Message, ours: &Message) {
        let side = if matches!(theirs, Message::Request(_)) { HeaderName::From } else { HeaderName::To };
        let (printed, written) = (theirs.headers(), ours.headers());
        for name in [&side, &HeaderName::Contact] {
            if let (Some(theirs), Some(ours)) = (printed.name_addr(name), written.name_addr(name)) {
                self.names.learn(theirs.tag().unwrap_or_default(), ours.tag().unwrap_or_default());
                let place =
                    |address: &NameAddr| Some(format!("{}@{}", address.uri.user.as_ref()?, address.uri.host.as_ref()?));
                let is_made_up = theirs.uri.host.as_ref().is_some_and(|host| host.to_string().ends_with(".invalid"));
                if let (Some(theirs), Some(ours), true) = (place(&theirs), place(&ours), is_made_up) {
                    self.names.learn(&theirs, &ours);
                }
            }
        }
        if side == HeaderName::From {
            for name in [HeaderName::CallId, HeaderName::CSeq] {
                let text = |headers: &Headers| headers.text(&name).unwrap_or_default().into_owned();
                if text(printed) != text(written) && (name == HeaderName::CallId || self.udp) {
                    self.names.learn(&text(printed), &text(written));
                }
            }
            let via = |headers: &Headers| headers.typed::<Via>().and_then(Result::ok).expect("a Via");
            let (theirs, ours) = (via(printed), via(written));
            self.names.learn(theirs.branch().expect("a branch"), ours.branch().expect("a branch"));
            self.names.learn(&theirs.host.to_string(), &ours.host.to_string());
            if self.udp {
                self.names.learn("SIP/2.0/UDP 203.0.113.22", &format!("SIP/2.0/WSS {}", ours.host));
            }
        }
    }
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).expect("a URI")
}

fn printed(name: &str) -> String {
    let path = support::root().join("tests/transcripts/rfc7118").join(name).with_extension("txt");
    fs::read_to_string(path).expect("a message").replace('\n', "\r\n") + "\r\n"
}

fn transcript(name: &str) -> String {
    fs::read_to_string(support::root().join("tests/transcripts/rfc7118").join(name)).expect("a transcript")
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// The elements of a header, each written in one way.
fn values(headers: &Headers, name: &HeaderName) -> Vec<String> {
    let address = |address: NameAddr| {
        let mut params: Vec<String> = address.params.to_string().split(';').map(str::to_owned).collect();
        // The header beside it says the same.
        params.retain(|param| !param.is_empty() && !param.starts_with("expires="));
        params.sort();
        format!("{} {}", address.uri, params.join(";"))
    };
    match name {
        HeaderName::Via => headers.all::<Via>().iter().map(ToString::to_string).collect(),
        HeaderName::CSeq => headers.all::<CSeq>().iter().map(ToString::to_string).collect(),
        HeaderName::Contact => headers.all::<Contact>().into_iter().filter_map(Contact::address).map(address).collect(),
        HeaderName::From | HeaderName::To | HeaderName::Route | HeaderName::RecordRoute => {
            headers.name_addrs(name).into_iter().map(address).collect()
        }
        _ => headers.elements(name),
    }
}

#[test]
fn alice_registers_calls_and_is_hung_up_on() {
    End::new("alice", false).play(&transcript("alice.txt"));
}

#[test]
fn bob_is_called_answers_and_hangs_up() {
    End::new("bob", true).play(&transcript("bob.txt"));
}
