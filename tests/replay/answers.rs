//! Of the flows of raw clients (`digest*`, `ws-*`) only what the servers answered is heard, each answer by an agent of
//! its own that has just asked; the answers to the HTTP upgrade are heard by a link.

use media::codec::Codec;
use sip::{
    Event, HeaderName, Message, Method, RegistrationFailure, Request,
    headers::{Challenge, Credentials},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wss::{LinkConfig, LinkError, LinkEvent, Trust};

use crate::{
    capture::{Capture, Frame, named},
    line::Line,
    names::{Names, address, number, text, via},
};

/// A fresh agent that has just sent its first REGISTER, which stands in the place of `asked`.
fn asking(capture: &Capture, asked: &Request) -> (Line, Names, Request) {
    let mut line = Line::new(&capture.user, vec![Codec::Opus]);
    line.person(|agent, now| agent.register(now));
    let own = line.request();
    let mut names = Names::default();
    names.learn_all(&Message::Request(asked.clone()), &Message::Request(own.clone()), &capture.user);
    (line, names, own)
}

/// The strongest of the challenges that were recorded, by the order of this agent's policy.
fn strongest(response: &sip::Response) -> Challenge {
    let rank = |challenge: &Challenge| match challenge.get("algorithm").map(str::to_ascii_uppercase).as_deref() {
        Some("SHA-512-256") => 2,
        Some("SHA-256") => 1,
        _ => 0,
    };
    let lines = response.headers.get_all(&HeaderName::WwwAuthenticate);
    let all = lines.map(|line| Challenge::parse(&String::from_utf8_lossy(line)).expect("a challenge"));
    all.max_by_key(rank).expect("a 401 challenges")
}

#[test]
fn every_answer_to_a_register_is_understood() {
    let mut heard = 0;
    for capture in named("digest*") {
        let requests: Vec<Request> = capture
            .said_by(true)
            .filter_map(|message| if let Message::Request(request) = message { Some(request) } else { None })
            .collect();
        for recorded in capture.messages.iter().filter(|recorded| !recorded.from_client) {
            let (Some(Message::Response(response)), Frame::Sip(bytes)) = (recorded.message(), &recorded.frame) else {
                continue;
            };
            let branch = via(&response.headers).and_then(|via| via.branch().map(str::to_owned));
            let asked = requests.iter().find(|request| request.branch() == branch).expect("an answer to a request");
            if asked.method != Method::Register {
                continue;
            }
            heard += 1;
            let (mut line, mut names, own) = asking(&capture, asked);
            let contact = address(&own.headers).and_then(|contact| contact.uri.user_text()).expect("a Contact");
            names.learn_source(&response.headers, &capture.user, &contact);
            let answer = names.rewrite_message(&Message::Response(response.clone()), bytes);
            line.hear(answer);
            let context = format!("{}: {} to {}", capture.name, response.status, text(&own.headers, &HeaderName::CSeq));
            judge(&mut line, &response, asked, &own, &context);
        }
    }
    assert_eq!(heard, 190);
}

/// What our agent made of one answer.
fn judge(line: &mut Line, response: &sip::Response, asked: &Request, own: &Request, context: &str) {
    let failed = |line: &Line| {
        line.events.iter().find_map(|event| match event {
            Event::RegistrationFailed { why, .. } => Some(*why),
            _ => None,
        })
    };
    match response.status.code() {
        401 => {
            let (again, challenge) = (line.request(), strongest(response));
            assert_eq!(number(&again.headers), number(&own.headers) + 1, "{context}");
            let proof = Credentials::parse(&text(&again.headers, &HeaderName::Authorization)).expect("credentials");
            for field in ["realm", "nonce", "opaque", "algorithm"] {
                assert_eq!(proof.get(field), challenge.get(field), "{context}: {field}");
            }
            assert_eq!((proof.get("qop"), proof.get("nc")), (Some("auth"), Some("00000001")), "{context}");
        }
        // RFC 3261 10.2.8; ours is longer than what that server wants at least, so its 423 contradicts itself.
        423 => {
            assert!(response.headers.seconds(&HeaderName::MinExpires).is_some_and(|least| least <= 600), "{context}");
            assert_eq!(failed(line), Some(RegistrationFailure::BadAnswer), "{context}");
        }
        403 => assert_eq!(failed(line), Some(RegistrationFailure::Forbidden), "{context}"),
        404 => assert_eq!(failed(line), Some(RegistrationFailure::UnknownUser), "{context}"),
        200 => {
            // Some were sent without a Contact, to see what there is.
            let theirs = address(&asked.headers).unwrap_or_else(|| address(&own.headers).expect("ours has one"));
            let source = via(&response.headers).and_then(|via| via.params.number("rport"));
            let is_ours = |one: &sip::NameAddr| {
                one.uri.host == theirs.uri.host || one.uri.port.is_some_and(|port| source == Some(u32::from(port)))
            };
            let all = response.headers.all::<sip::headers::Contact>().into_iter().filter_map(|one| one.address());
            let granted = all.filter(is_ours).find_map(|one| one.params.number("expires"));
            // RFC 3261 10.3: after Expires 0 the list is empty. That is no answer to what ours asked for.
            if granted.is_none() && response.headers.seconds(&HeaderName::Expires) == Some(0) {
                return assert_eq!(failed(line), Some(RegistrationFailure::BadAnswer), "{context}");
            }
            let Some(Event::Registered(registered)) = line.events.last() else { panic!("{context}: no registration") };
            if let Some(seconds) = granted {
                assert_eq!(registered.expires.as_secs(), u64::from(seconds), "{context}");
            }
        }
        other => panic!("{context}: {other} was not recorded"),
    }
    assert!(line.said.is_empty(), "{context}");
    assert!(!line.events.iter().any(|event| matches!(event, Event::Misbehaved(_))), "{context}");
}

#[test]
fn what_answers_nothing_of_ours_is_let_go() {
    let mut heard = 0;
    for capture in named("ws-frames") {
        let mut line = Line::new(&capture.user, vec![Codec::Opus]);
        line.person(|agent, now| agent.register(now));
        line.request();
        let events = line.events.len();
        for recorded in capture.messages.iter().filter(|recorded| !recorded.from_client) {
            if let Frame::Sip(bytes) | Frame::Blank(bytes) = &recorded.frame {
                heard += 1;
                line.hear(bytes.clone());
            }
        }
        assert!(line.said.is_empty() && line.events.len() == events, "{}: {:?}", capture.name, line.events);
    }
    assert_eq!(heard, 47);
}

/// What a link makes of one recorded answer to the upgrade.
async fn heard(answer: &str) -> Result<(), LinkError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("bound")).parse().expect("a URL");
    let (_link, mut events) = wss::open(LinkConfig::new(url, Trust::Platform, [3; 32]));
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("it connects");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a request"));
        }
        let request = String::from_utf8(request).expect("text");
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let theirs = answer.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Accept: "));
        let answer = theirs.map_or(answer.to_owned(), |theirs| answer.replace(theirs.trim(), &accept));
        stream.write_all(answer.as_bytes()).await.expect("sent");
        stream
    };
    let outcome = async {
        loop {
            match events.recv().await.expect("the link lives") {
                LinkEvent::Up { .. } => return Ok(()),
                LinkEvent::Down { error, .. } => return Err(error),
                _ => {}
            }
        }
    };
    let (_stream, outcome) = tokio::join!(serve, outcome);
    outcome
}

#[tokio::test]
async fn every_answer_to_the_upgrade_is_understood() {
    let mut count = 0;
    for capture in named("ws-handshake") {
        for answer in capture.upgrades() {
            count += 1;
            let status: u16 = answer[9..12].parse().expect("a status");
            let protocol = answer.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol:")).map(str::trim);
            let outcome = heard(&answer).await;
            let right = match (status, protocol) {
                (101, Some("sip")) => outcome.is_ok(),
                (101, _) => matches!(outcome, Err(LinkError::SubprotocolMissing)),
                _ => matches!(outcome, Err(LinkError::WebsocketRefused { status: Some(own), .. }) if own == status),
            };
            assert!(right, "{}: {outcome:?} of\n{answer}", capture.name);
        }
    }
    assert_eq!(count, 40);
}
