//! The headers, family by family.

use std::borrow::Cow;

use super::registering;
use crate::{
    HeaderName, Input, Message, NameAddr, Output, StatusCode, UserAgent,
    headers::{
        AuthenticationInfo, CSeq, Challenge, Contact, Credentials, Header, Headers, RAck, Reason, SessionExpires, Via,
    },
    testing::start,
};

/// Nothing that a server says repeats it.
pub(super) const PASSWORD: &str = "correct horse battery staple";

pub(super) fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The value of a header: there is no end of a line in one.
fn line(bytes: &[u8]) -> String {
    as_text(bytes).replace(['\r', '\n'], " ")
}

/// What is looked at in a header of this name, as far as its value says something.
pub(super) fn of(name: &HeaderName, value: &[u8]) {
    match name {
        HeaderName::Via => via(value),
        HeaderName::From
        | HeaderName::To
        | HeaderName::Contact
        | HeaderName::Route
        | HeaderName::RecordRoute
        | HeaderName::PAssertedIdentity
        | HeaderName::RemotePartyId => address(value),
        HeaderName::CSeq
        | HeaderName::RAck
        | HeaderName::SessionExpires
        | HeaderName::Expires
        | HeaderName::RetryAfter
        | HeaderName::MinSe => number(value),
        HeaderName::Reason => reason(value),
        HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate => same_challenge(&as_text(value)),
        _ => list(value),
    }
}

/// From, To, Contact, Route and their like: a name, a URI, parameters.
pub fn address(bytes: &[u8]) {
    let text = line(bytes);
    let _ = Contact::parse(&text);
    let Ok(address) = NameAddr::parse(&text) else { return };
    let written = address.to_string();
    assert!(!written.contains(['\r', '\n']), "{written:?}");
    let again = NameAddr::parse(&written).unwrap_or_else(|error| panic!("{written:?}: {error}"));
    // No quoted string may hold a control character: it becomes a blank.
    let tidy = |own: &NameAddr| own.display.as_deref().map(|name| name.replace(char::is_control, " "));
    assert_eq!(
        (tidy(&again), &again.uri, &again.params),
        (tidy(&address), &address.uri, &address.params),
        "{written:?}"
    );
    if let Some(tag) = address.tag() {
        assert!(!tag.is_empty());
    }
    for (name, _) in address.params.iter() {
        assert!(address.params.has(name), "{name:?} of {written:?}");
        let _ = (address.params.get(name), address.params.number(name));
    }
    let tagged = address.clone().with_tag("t");
    assert_eq!(tagged.tag(), Some("t"));
    assert_eq!(NameAddr::parse(&tagged.to_string()).expect("ours parses").tag(), Some("t"), "{tagged}");
}

/// Via.
pub fn via(bytes: &[u8]) {
    same::<Via>(&line(bytes));
}

/// CSeq, RAck, Session-Expires, and the headers of one number of seconds.
pub fn number(bytes: &[u8]) {
    let text = line(bytes);
    same::<CSeq>(&text);
    same::<RAck>(&text);
    same::<SessionExpires>(&text);
    let mut headers = Headers::new();
    headers.push(HeaderName::Expires, &text);
    if let Some(seconds) = headers.seconds(&HeaderName::Expires) {
        let text = headers.text(&HeaderName::Expires).expect("it was pushed");
        let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
        assert_eq!(seconds, digits.parse().unwrap_or(u32::MAX));
    }
}

/// Reason, and what is said beside a call that ends.
pub fn reason(bytes: &[u8]) {
    let Ok(reason) = Reason::parse(&line(bytes)) else { return };
    let again = format!("{};cause={}", reason.protocol, reason.cause.unwrap_or_default());
    let again = Reason::parse(&again).expect("ours parses");
    assert_eq!((again.protocol, again.cause), (reason.protocol, reason.cause.or(Some(0))));
}

/// The lists of words: Supported, Require, Allow, Event and others.
pub fn list(bytes: &[u8]) {
    let mut headers = Headers::new();
    headers.push(HeaderName::Supported, &line(bytes));
    let elements = headers.elements(&HeaderName::Supported);
    for element in &elements {
        assert!(headers.has_token(&HeaderName::Supported, element), "{element:?}");
        assert!(!element.is_empty() && element.trim_ascii() == element);
    }
    // Written one by one, they are the same.
    let mut again = Headers::new();
    elements.iter().for_each(|element| again.push(HeaderName::Supported, element));
    assert_eq!(again.elements(&HeaderName::Supported), elements);
}

/// A digest challenge: to the far end's word our answer is well formed, about what was asked, and says no password.
pub fn challenge(bytes: &[u8]) {
    let text = line(bytes);
    same_challenge(&text);
    let _ = AuthenticationInfo::parse(&text).map(|info| info.get("nextnonce").map(str::len));
    if let Ok(credentials) = Credentials::parse(&text) {
        let again = Credentials::parse(&credentials.to_string()).expect("ours parses");
        assert_eq!(again.to_string(), credentials.to_string());
        assert!(!format!("{credentials:?}").contains("response="));
    }
    let (mut agent, request) = registering();
    let mut challenged = request.respond(StatusCode::UNAUTHORIZED, Some("s"));
    challenged.headers.push(HeaderName::WwwAuthenticate, &text);
    agent.handle_input(start(), Input::Message(challenged.to_bytes()));
    for message in sent(&mut agent) {
        let answers: Vec<_> = message.headers().get_all(&HeaderName::Authorization).collect();
        assert_eq!(answers.len(), 1, "a challenge is answered once");
        let answer = Credentials::parse(&as_text(answers[0])).expect("ours parses");
        let asked = Challenge::parse(&as_text(challenged.headers.get(&HeaderName::WwwAuthenticate).expect("there")));
        let asked = asked.expect("what is answered was read");
        for name in ["realm", "nonce", "opaque"] {
            let tidy = |text: Option<&str>| text.map(|text| text.replace(char::is_control, " "));
            assert_eq!(tidy(answer.get(name)), tidy(asked.get(name)), "{name}");
        }
    }
}

fn same_challenge(text: &str) {
    let Ok(challenge) = Challenge::parse(text) else { return };
    let again = Challenge::parse(&challenge.to_string()).expect("ours parses");
    assert_eq!(again.to_string(), challenge.to_string());
    assert_eq!(again.is_stale(), challenge.is_stale());
}

/// What follows its grammar is written, and read again as the same.
fn same<H: Header + std::fmt::Display + std::fmt::Debug + PartialEq>(text: &str) {
    if let Ok(header) = H::parse(text) {
        assert_eq!(H::parse(&header.to_string()).as_ref(), Ok(&header), "{text:?} is written {:?}", header.to_string());
    }
}

/// What an agent has to send. No message says the password.
pub(super) fn sent(agent: &mut UserAgent) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        match agent.poll_output() {
            Output::Transmit(bytes) => {
                assert!(memchr::memmem::find(&bytes, PASSWORD.as_bytes()).is_none(), "no message says the password");
                all.push(Message::parse(bytes).expect("ours parses"));
            }
            Output::Event(_) => {}
            Output::Timeout(_) => return all,
        }
    }
}
