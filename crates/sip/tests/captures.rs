//! Every message that four real servers and their clients sent is read, and written again with the same meaning.

mod support;

use bytes::Bytes;
use sip::{
    HeaderName, Message, ParseErrorKind,
    headers::{CSeq, Challenge, Contact, Credentials, Via},
};
use support::{files, flow, is_sip};

/// The flows whose damaged messages are damaged on purpose, with the verdict on each.
const DAMAGED: &[(&str, ParseErrorKind)] = &[
    // In each: the first halves of two messages that were sent as fragments on purpose (the recording keeps each frame by
    // itself), and one of 20 kB that the recording cuts short.
    ("asterisk/ws-frames.txt", ParseErrorKind::Mandatory),
    ("asterisk/ws-frames.txt", ParseErrorKind::Mandatory),
    ("asterisk/ws-frames.txt", ParseErrorKind::HeaderLine),
    ("freeswitch/ws-frames.txt", ParseErrorKind::Mandatory),
    ("freeswitch/ws-frames.txt", ParseErrorKind::Mandatory),
    ("freeswitch/ws-frames.txt", ParseErrorKind::HeaderLine),
    ("kamailio/ws-frames.txt", ParseErrorKind::Mandatory),
    ("kamailio/ws-frames.txt", ParseErrorKind::Mandatory),
    ("kamailio/ws-frames.txt", ParseErrorKind::HeaderLine),
    ("opensips/ws-frames.txt", ParseErrorKind::Mandatory),
    ("opensips/ws-frames.txt", ParseErrorKind::Mandatory),
    ("opensips/ws-frames.txt", ParseErrorKind::HeaderLine),
];

fn sip_messages() -> impl Iterator<Item = (String, Bytes)> {
    files().into_iter().flat_map(|path| {
        let name = path
            .iter()
            .rev()
            .take(2)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        flow(&path)
            .into_iter()
            .filter(|message| is_sip(&message.bytes))
            .map(move |message| (name.clone(), Bytes::from(message.bytes)))
    })
}

#[test]
fn there_are_as_many_as_were_recorded() {
    assert_eq!(files().len(), 253);
    assert_eq!(sip_messages().count(), 4381);
}

#[test]
fn what_is_read_is_written_with_the_same_meaning() {
    let mut damaged = Vec::new();
    for (name, bytes) in sip_messages() {
        match Message::parse(bytes.clone()) {
            Ok(message) => {
                let again = Message::parse(message.to_bytes()).expect("ours parses");
                let without_length = |message: &Message| {
                    let headers: Vec<_> = message
                        .headers()
                        .iter()
                        .filter(|(name, _)| **name != HeaderName::ContentLength)
                        .map(|(name, value)| (name.clone(), value.to_vec()))
                        .collect();
                    headers
                };
                assert_eq!(without_length(&again), without_length(&message), "{name}");
                match (&again, &message) {
                    (Message::Request(a), Message::Request(b)) => {
                        assert_eq!((&a.method, &a.uri, &a.body), (&b.method, &b.uri, &b.body), "{name}")
                    }
                    (Message::Response(a), Message::Response(b)) => {
                        assert_eq!((a.status, &a.reason, &a.body), (b.status, &b.reason, &b.body), "{name}")
                    }
                    _ => panic!("{name}: a request became a response"),
                }
            }
            Err(error) => damaged.push((name, error.kind, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
    for (name, kind, text) in &damaged {
        println!("{name}: {kind}\n{text}\n");
    }
    assert_eq!(damaged.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect::<Vec<_>>(), DAMAGED);
}

#[test]
fn every_typed_header_is_read() {
    for (name, bytes) in sip_messages() {
        let Ok(message) = Message::parse(bytes) else { continue };
        let headers = message.headers();
        let lines = |header: HeaderName| headers.elements(&header).len();
        assert_eq!(headers.all::<Via>().len(), lines(HeaderName::Via), "{name}");
        assert_eq!(headers.all::<CSeq>().len(), 1, "{name}");
        assert_eq!(headers.all::<Contact>().len(), lines(HeaderName::Contact), "{name}");
        for header in [
            HeaderName::From,
            HeaderName::To,
            HeaderName::Route,
            HeaderName::RecordRoute,
            HeaderName::ServiceRoute,
            HeaderName::PAssertedIdentity,
            HeaderName::RemotePartyId,
            HeaderName::ReferTo,
        ] {
            assert_eq!(headers.name_addrs(&header).len(), lines(header.clone()), "{name}: {header}");
        }
        for header in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
            for line in headers.get_all(&header) {
                let challenge = Challenge::parse(std::str::from_utf8(line).expect("text")).expect("a challenge");
                assert!(challenge.get("realm").is_some() && challenge.get("nonce").is_some(), "{name}");
            }
        }
        for header in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for line in headers.get_all(&header) {
                let text = std::str::from_utf8(line).expect("text");
                let credentials = Credentials::parse(text).expect("credentials");
                assert_eq!(Credentials::parse(&credentials.to_string()).expect("ours parses"), credentials, "{name}");
            }
        }
    }
}

#[test]
fn no_damage_panics() {
    // Every message cut at every octet, and with every octet changed in turn: deterministic, and all of it is looked at.
    for (index, (_, bytes)) in sip_messages().step_by(61).enumerate() {
        for at in 0..bytes.len() {
            let _ = Message::parse(bytes.slice(..at));
            let mut changed = bytes.to_vec();
            changed[at] = changed[at].wrapping_add(1 + u8::try_from((index * 31 + at * 7) % 255).expect("below 255"));
            if let Ok(message) = Message::parse(changed.into()) {
                let _ = message.headers().all::<Via>();
                let _ = message.headers().all::<Contact>();
                let _ = Message::parse(message.to_bytes());
            }
        }
    }
}
