//! What a recording tells: how its calls and its registration ended, and what its messages are.

use bytes::Bytes;
use media::{codec::Codec, offer::Direction};
use sip::{Event, HeaderName, Message, Method, RegistrationFailure, Request, headers::Reason};

use crate::{
    capture::Capture,
    names::{address, text},
};

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) local: bool,
    /// The status of the far end, where the call was never up.
    pub(crate) status: Option<u16>,
    pub(crate) answered: bool,
    pub(crate) elsewhere: bool,
}

/// How the calls of the recording ended, in their order.
pub(crate) fn ends(capture: &Capture) -> Vec<End> {
    let mut calls: Vec<(String, End)> = Vec::new();
    for recorded in &capture.messages {
        let Some(message) = recorded.message() else { continue };
        let id = text(message.headers(), &HeaderName::CallId);
        let method = message.headers().typed::<sip::headers::CSeq>().and_then(Result::ok).map(|cseq| cseq.method);
        if method == Some(Method::Invite) && !calls.iter().any(|(own, _)| *own == id) {
            calls.push((id.clone(), End { local: false, status: None, answered: false, elsewhere: false }));
        }
        let Some((_, end)) = calls.iter_mut().find(|(own, _)| *own == id) else { continue };
        match &message {
            Message::Request(request) if request.method == Method::Bye => end.local = recorded.from_client,
            Message::Request(request) if request.method == Method::Cancel => {
                end.local = recorded.from_client;
                end.elsewhere = request.headers.all::<Reason>().iter().any(Reason::is_answered_elsewhere);
            }
            Message::Response(response) if method == Some(Method::Invite) => match response.status.code() {
                200..300 => end.answered = true,
                401 | 407 | 100..200 => {}
                status if !end.answered => {
                    end.status = Some(status);
                    end.local |= recorded.from_client && status != 487;
                }
                _ => {}
            },
            _ => {}
        }
    }
    calls.into_iter().map(|(_, end)| end).collect()
}

/// What the recorded client was in the end, as a word.
pub(crate) fn recorded_registration(capture: &Capture) -> &'static str {
    let mut last = "registered before";
    let mut leaving = false;
    for recorded in &capture.messages {
        match recorded.message() {
            Some(Message::Request(request)) if request.method == Method::Register => {
                leaving = expires(&request) == Some(0);
                last = if last == "challenged" { "proved" } else { "asked" };
            }
            Some(Message::Response(response))
                if response.cseq().is_some_and(|cseq| cseq.method == Method::Register) =>
            {
                last = match response.status.code() {
                    200 if leaving => "unregistered",
                    200 => "registered",
                    401 if last != "proved" => "challenged",
                    _ => "wrong password",
                };
            }
            _ => {}
        }
    }
    if last == "registered before" { "registered" } else { last }
}

/// What our agent says of its registration.
pub(crate) fn registration(events: &[Event]) -> &'static str {
    let last = events.iter().rev().find_map(|event| match event {
        Event::Registered(_) => Some("registered"),
        Event::Unregistered => Some("unregistered"),
        Event::RegistrationFailed { why: RegistrationFailure::WrongPassword, .. } => Some("wrong password"),
        Event::RegistrationFailed { .. } => Some("failed otherwise"),
        _ => None,
    });
    last.unwrap_or("never")
}

/// The codecs of the recorded client's offers, of those that we have; where it made none of these, all of ours.
pub(crate) fn offered_codecs(capture: &Capture) -> Vec<Codec> {
    let narrow = [(Codec::Pcmu, "PCMU/8000"), (Codec::Pcma, "PCMA/8000")];
    let all = [&[(Codec::Opus, "opus/48000"), (Codec::G722, "G722/8000")][..], &narrow].concat();
    let offer = capture.said_by(true).find(|message| matches!(message, Message::Request(_)) && is_sdp(message));
    let offered = offer.map(|offer| String::from_utf8_lossy(body(&offer)).into_owned()).unwrap_or_default();
    let common: Vec<Codec> = all.iter().filter(|(_, name)| offered.contains(name)).map(|(codec, _)| *codec).collect();
    if common.is_empty() { all.iter().map(|(codec, _)| *codec).collect() } else { common }
}

pub(crate) fn registers(capture: &Capture) -> bool {
    capture.said_by(true).next().is_some_and(|first| kind(&first).starts_with("REGISTER"))
}

/// What two messages must have in common to stand in each other's place.
pub(crate) fn kind(message: &Message) -> String {
    let method = message.headers().typed::<sip::headers::CSeq>().and_then(Result::ok).map(|cseq| cseq.method);
    match message {
        Message::Request(request) => {
            format!("{} {}", request.method, if to_tag(request).is_some() { "within" } else { "" })
        }
        Message::Response(response) => format!("{} to {method:?}", response.status),
    }
}

pub(crate) fn first_line(message: &Message) -> String {
    match message {
        Message::Request(request) => format!("{} {}", request.method, request.uri),
        Message::Response(response) => format!("{} ({})", response.status, text(&response.headers, &HeaderName::CSeq)),
    }
}

pub(crate) fn body(message: &Message) -> &Bytes {
    match message {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    }
}

pub(crate) fn is_sdp(message: &Message) -> bool {
    text(message.headers(), &HeaderName::ContentType).to_ascii_lowercase().starts_with("application/sdp")
}

/// A Contact is needed where a dialog is made or moved (RFC 3261 12.1).
pub(crate) fn has_contact(message: &Message) -> bool {
    let invite = message.headers().typed::<sip::headers::CSeq>().and_then(Result::ok);
    let makes = match message {
        Message::Request(request) => request.method == Method::Invite,
        Message::Response(response) => response.status.is_success(),
    };
    makes && invite.is_some_and(|cseq| cseq.method == Method::Invite)
}

pub(crate) fn to_tag(request: &Request) -> Option<String> {
    request.headers.name_addr(&HeaderName::To)?.tag().map(str::to_owned)
}

/// The Contact's own time before that of the header (RFC 3261 10.2.1.1).
pub(crate) fn expires(request: &Request) -> Option<u32> {
    address(&request.headers)
        .and_then(|contact| contact.params.number("expires"))
        .or(request.headers.seconds(&HeaderName::Expires))
}

pub(crate) fn direction(sdp: &Bytes) -> Direction {
    let text = String::from_utf8_lossy(sdp);
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    let named = |line: &str| all.into_iter().find(|one| line.strip_prefix("a=") == Some(one.name()));
    text.lines().find_map(|line| named(line.trim_end())).unwrap_or_default()
}

pub(crate) fn sections(sdp: &Bytes) -> usize {
    String::from_utf8_lossy(sdp).lines().filter(|line| line.starts_with("m=")).count()
}

pub(crate) fn signal(body: &Bytes) -> char {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().find_map(|line| line.strip_prefix("Signal=")).expect("a digit");
    line.trim().chars().next().expect("a digit")
}
