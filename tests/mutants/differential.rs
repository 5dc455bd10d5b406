//! What we take of all messages and mutants, held against another parser (L16: one parser, one meaning). It is another
//! hand's reading of the same RFC: where the two differ there is a reason in the table, or one of us is wrong.

use std::{collections::BTreeMap, panic};

use bytes::Bytes;
use rsip::prelude::*;
use sip::{
    HeaderName, Headers, Message,
    headers::{CSeq, Via},
};

use crate::{mutate::Mutator, seeds::Seeds};

/// Of requests, of responses and of the torture messages.
const MUTANTS: usize = 5_000;

/// What a parser makes of a message.
#[derive(Debug, PartialEq)]
struct Seen {
    /// The method or the status.
    kind: String,
    /// Names in small letters and values, in their order.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The tags of From and To, the number of CSeq, the host and branch of the first Via; as far as it takes them apart.
    parts: [Option<String>; 5],
}

/// A difference that has a reason.
struct Reason {
    why: &'static str,
    applies: fn(&[u8], &Seen, Option<&Seen>) -> bool,
}

/// Why the other refuses, or reads otherwise, what we take. The first that applies counts.
const REASONS: &[Reason] = &[
    Reason {
        why: "a bare LF ends a line for us, as for many; for it only CRLF does",
        applies: |bytes, _, _| bare_lf(bytes),
    },
    Reason {
        why: "RFC 3261 18.3 has a body end where Content-Length says; it takes what is behind it too",
        applies: |_, own, other| {
            other.is_some_and(|other| other.body.len() > own.body.len() && other.body.starts_with(&own.body))
        },
    },
    Reason {
        why: "RFC 3261 7.3.1 has lines folded; it knows no folds",
        applies: |bytes, _, other| other.is_none() && head(bytes).windows(2).any(|two| matches!(two, b"\n " | b"\n\t")),
    },
    Reason {
        why: "RFC 3261 7.3.1 lets blanks stand before the colon; it does not",
        applies: |bytes, _, other| other.is_none() && lines(bytes).any(blank_before_colon),
    },
    Reason {
        why: "RFC 3261 7.1 lets any token be a method; it knows fourteen",
        applies: |_, own, other| {
            other.is_none()
                && own.kind.parse::<rsip::Method>().is_err()
                && !own.kind.starts_with(|first: char| first.is_ascii_digit())
        },
    },
    Reason {
        why: "RFC 3261 7.3.1 lets a value hold octets that are no UTF-8, and we show a mark for them; it refuses the message",
        applies: |bytes, _, other| other.is_none() && std::str::from_utf8(head(bytes)).is_err(),
    },
    Reason {
        why: "RFC 4475 3.1.2.13 lets blanks in the request line be taken; it does not",
        applies: |bytes, _, other| {
            other.is_none() && request_line(bytes).is_some_and(|line| line.split(' ').count() != 3)
        },
    },
    Reason {
        why: "RFC 3261 7.1 has no case in the version; it wants capitals",
        applies: |bytes, _, other| {
            let first = String::from_utf8_lossy(lines(bytes).next().unwrap_or_default());
            other.is_none() && first.to_uppercase().contains("SIP/2.0") && !first.contains("SIP/2.0")
        },
    },
    Reason {
        why: "its reader of URIs knows `sip:` and `sips:` alone, and stops at marks that RFC 3261 25.1 allows in a parameter",
        applies: |bytes, _, other| other.is_none() && request_line(bytes).is_some_and(|line| !it_reads_uri(&line)),
    },
    Reason {
        why: "a parameter whose value is no token is kept by us as it is written; it ends it where the token ends",
        applies: |_, own, other| other.is_some_and(|other| cut_at_token(own, other)),
    },
];

#[test]
fn what_we_take_another_parser_reads_alike_or_there_is_a_reason() {
    let all = Seeds::read();
    let mut messages: Vec<Vec<u8>> = all.messages.iter().chain(&all.torture).cloned().collect();
    let sources = [all.requests(true), all.requests(false), all.responses(), all.torture.clone()];
    for (seed, seeds) in sources.iter().enumerate() {
        let mut mutator = Mutator::new(100 + seed as u64);
        messages.extend((0..MUTANTS).map(|_| mutator.mutate(seeds)));
    }
    let (mut alike, mut reasons, mut unexplained) = (0, BTreeMap::<usize, usize>::new(), Vec::new());
    for bytes in &messages {
        let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes)) else { continue };
        let (own, other) = (ours(&message), theirs(bytes));
        if other.as_ref().is_some_and(|other| same(&own, other)) {
            alike += 1;
            continue;
        }
        match REASONS.iter().position(|reason| (reason.applies)(bytes, &own, other.as_ref())) {
            Some(at) => *reasons.entry(at).or_default() += 1,
            None => unexplained.push((bytes, own, other)),
        }
    }
    for (at, reason) in REASONS.iter().enumerate() {
        println!("{:>6}  {}", reasons.get(&at).copied().unwrap_or_default(), reason.why);
    }
    println!("{alike:>6}  alike");
    for (bytes, own, other) in unexplained.iter().take(5) {
        println!("\n{}\nours:   {own:?}\ntheirs: {other:?}", String::from_utf8_lossy(bytes).escape_debug());
    }
    assert!(unexplained.is_empty(), "{} differences have no reason", unexplained.len());
    assert_eq!(reasons.len(), REASONS.len(), "a reason that explains nothing is none");
    assert!(alike > 7_000, "most are read alike: {alike}");
}

/// The parts count where both have taken them apart.
fn same(own: &Seen, other: &Seen) -> bool {
    let parts = own.parts.iter().zip(&other.parts).all(|(own, other)| own.is_none() || other.is_none() || own == other);
    parts && (&own.kind, &own.headers, &own.body) == (&other.kind, &other.headers, &other.body)
}

fn ours(message: &Message) -> Seen {
    let (kind, body) = match message {
        Message::Request(request) => (request.method.to_string(), &request.body),
        Message::Response(response) => (response.status.to_string(), &response.body),
    };
    let headers = message.headers();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let tag = |name| Some(headers.name_addr(&name)?.tag()?.to_owned());
    let via = headers.typed::<Via>().and_then(Result::ok);
    Seen {
        kind,
        headers: headers.iter().map(|(name, value)| (name.as_str().to_lowercase(), text(value))).collect(),
        body: body.to_vec(),
        parts: [
            tag(HeaderName::From),
            tag(HeaderName::To),
            number(headers),
            via.as_ref().map(|via| via.host.to_string().to_lowercase()),
            via.as_ref().and_then(|via| via.branch().map(str::to_owned)),
        ],
    }
}

fn number(headers: &Headers) -> Option<String> {
    headers.typed::<CSeq>()?.ok().map(|cseq| cseq.number.to_string())
}

/// What the other makes of it; nothing where it refuses it, or panics.
fn theirs(bytes: &[u8]) -> Option<Seen> {
    panic::catch_unwind(|| {
        let message = rsip::SipMessage::try_from(bytes).ok()?;
        let kind = match &message {
            rsip::SipMessage::Request(request) => request.method.to_string(),
            rsip::SipMessage::Response(response) => response.status_code.code().to_string(),
        };
        let pair = |header: &rsip::Header| {
            let text = header.to_string();
            let (name, value) = text.split_once(':')?;
            Some((long(name), value.trim_matches([' ', '\t']).to_owned()))
        };
        let from = message.from_header().ok().and_then(|from| from.typed().ok());
        let to = message.to_header().ok().and_then(|to| to.typed().ok());
        let via = message.via_header().ok().and_then(|via| via.typed().ok());
        let cseq = message.cseq_header().ok().and_then(|cseq| cseq.typed().ok());
        Some(Seen {
            kind,
            headers: message.headers().iter().filter_map(pair).collect(),
            body: message.body().clone(),
            parts: [
                from.and_then(|from| from.tag().map(|tag| tag.to_string())),
                to.and_then(|to| to.tag().map(|tag| tag.to_string())),
                cseq.map(|cseq| cseq.seq.to_string()),
                via.as_ref().map(|via| via.uri.host().to_string().to_lowercase()),
                via.as_ref().and_then(|via| via.branch().map(|branch| branch.to_string())),
            ],
        })
    })
    .ok()
    .flatten()
}

/// It leaves the short forms of names (RFC 3261 7.3.3) to who asks.
fn long(name: &str) -> String {
    HeaderName::other(name).map_or_else(|| name.to_lowercase(), |name| name.as_str().to_lowercase())
}

fn head(bytes: &[u8]) -> &[u8] {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes, |at| &bytes[..at + 2])
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    head(bytes).split(|byte| *byte == b'\n')
}

fn bare_lf(bytes: &[u8]) -> bool {
    let end = Message::parse(Bytes::copy_from_slice(bytes)).map_or(0, |message| match &message {
        Message::Request(request) => bytes.len() - request.body.len(),
        Message::Response(response) => bytes.len() - response.body.len(),
    });
    bytes[..end].iter().enumerate().any(|(at, byte)| *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r'))
}

fn blank_before_colon(line: &[u8]) -> bool {
    line.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0 && line[at - 1].is_ascii_whitespace())
}

fn request_line(bytes: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(lines(bytes).next()?).trim_end_matches('\r').to_owned();
    (!line.starts_with("SIP/")).then_some(line)
}

fn it_reads_uri(line: &str) -> bool {
    let uri = line.split(' ').nth(1).unwrap_or_default();
    rsip::Uri::try_from(uri).is_ok_and(|read| read.to_string().eq_ignore_ascii_case(uri))
}

fn cut_at_token(own: &Seen, other: &Seen) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    own.parts.iter().zip(&other.parts).all(|pair| match pair {
        (Some(own), Some(other)) if own != other => own.starts_with(other.as_str()) && !own.chars().all(is_token),
        _ => true,
    })
}
