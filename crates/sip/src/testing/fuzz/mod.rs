//! What a fuzzer and the mutants of the tests run: each body takes any octets and asserts what has to hold of them.
//!
//! They are part of the library so that every build of the tests compiles them; `crates/fuzz` only calls them.

mod headers;
mod script;

pub use headers::{address, challenge, list, number, reason, via};
pub use script::agent;

use bytes::Bytes;

use crate::{
    HeaderName, Message, Method, Uri, body, message,
    testing::{fuzz::headers::as_text, start},
};

/// A whole message: what is read is written with the same meaning, and everything in it can be looked at. What is refused
/// can be answered.
///
/// # Panics
/// Here and in all others: where something does not hold.
pub fn message(bytes: &[u8]) {
    let message = match Message::parse(Bytes::copy_from_slice(bytes)) {
        Ok(message) => message,
        Err(error) => {
            if let Some(request) = error.request {
                is_one_message(&request.respond(error.kind.status(), Some("t")).to_bytes());
            }
            return;
        }
    };
    let written = message.to_bytes();
    is_one_message(&written);
    let again = Message::parse(written.clone()).expect("ours parses");
    assert_eq!(meaning(&again), meaning(&message));
    assert_eq!(again.to_bytes(), written, "what is written is not changed by a second reading");
    for (name, value) in message.headers().iter() {
        headers::of(name, value);
    }
    session(message.headers(), body_of(&message));
    if let Message::Request(request) = &message {
        let response = request.respond(crate::StatusCode::OK, Some("t"));
        is_one_message(&response.to_bytes());
        assert!(Message::parse(response.to_bytes()).is_ok(), "an answer to what was read parses");
    }
}

/// A URI: it is written as it was read, and is the same as itself.
pub fn uri(bytes: &[u8]) {
    let Ok(uri) = Uri::parse(&as_text(bytes)) else { return };
    let text = uri.to_string();
    let again = Uri::parse(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(again, uri, "{text:?}");
    assert!(uri.is_equivalent(&again) && again.is_equivalent(&uri), "{text:?}");
    assert!(!text.contains(['\r', '\n']), "{text:?}");
    let name = uri.address_of_record();
    assert_eq!(Uri::parse(&name.to_string()).as_ref(), Ok(&name));
    // RFC 3261 19.1.2: what a person sees can be dialled again.
    if let (Some(user), Some(host), true) = (uri.user_text(), uri.host.clone(), uri.is_sip()) {
        let dialled = Uri::sip(Some(&user), host);
        assert_eq!(Uri::parse(&dialled.to_string()).ok().as_ref(), Some(&dialled));
        assert_eq!(dialled.user_text().unwrap_or_default(), user);
    }
    if let Some(password) = uri.password.as_deref().filter(|password| password.len() > 8 && !text.starts_with(password))
    {
        let shown = format!("{uri:?}");
        assert!(!shown.contains(&format!(":{password}@")), "a log never shows a password");
    }
}

/// A body in parts: the first line is its Content-Type. What is found of a session lies in what came.
pub fn multipart(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let mut headers = crate::Headers::new();
    headers.push(HeaderName::ContentType, &as_text(lines.next().unwrap_or_default()));
    session(&headers, &Bytes::copy_from_slice(lines.next().unwrap_or_default()));
}

fn session(headers: &crate::Headers, whole: &Bytes) {
    if let Ok(Some(found)) = body::session(headers, whole) {
        let start = (found.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
        let inside = start.is_some_and(|start| start + found.len() <= whole.len());
        assert!(found.is_empty() || inside, "a session is a piece of the body");
    }
}

fn body_of(message: &Message) -> &Bytes {
    match message {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    }
}

/// All of a message but how long its body is said to be, and what stands beside a status.
fn meaning(message: &Message) -> (String, Vec<(HeaderName, Bytes)>, &Bytes) {
    let first = match message {
        Message::Request(message::Request { method, uri, .. }) => format!("{method} {uri}"),
        Message::Response(response) => response.status.to_string(),
    };
    let lines = message.headers().iter().filter(|(name, _)| **name != HeaderName::ContentLength);
    (first, lines.map(|(name, value)| (name.clone(), Bytes::copy_from_slice(value))).collect(), body_of(message))
}

/// The plainest of readers sees one message: no line end but those of the lines, and a body as long as is said.
fn is_one_message(bytes: &Bytes) {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n").expect("the headers end");
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && !line.contains(&b'\r'), "{:?}", as_text(head));
    }
    let lengths: Vec<_> = head
        .split(|byte| *byte == b'\n')
        .filter(|line| line.to_ascii_lowercase().starts_with(b"content-length:"))
        .collect();
    assert_eq!(lengths.len(), 1, "{:?}", as_text(head));
    assert!(as_text(lengths[0]).trim().ends_with(&format!(" {}", body.len())));
}

/// An agent that has asked to be registered, and its request.
fn registering() -> (crate::UserAgent, crate::Request) {
    let mut config = crate::Config::new(Uri::parse("sip:alice@example.com").expect("a URI"), [1; 32]);
    config.password = Some(crate::Secret::new(headers::PASSWORD.to_owned()));
    let mut agent = crate::UserAgent::new(config);
    agent.handle_input(start(), crate::Input::LinkUp);
    agent.register(start());
    let requests = headers::sent(&mut agent);
    match requests.first() {
        Some(Message::Request(request)) if request.method == Method::Register => (agent, request.clone()),
        other => panic!("no REGISTER: {other:?}"),
    }
}
