//! Why a call is over, from what the agent says of its end.

use sip::{EndCause, EndedBy, StatusCode, Uri, headers::Reason};

use super::{Code, Fault};
use crate::contract::{CauseKind, Direction};

/// Why a call is over: in one word and, where something went wrong, as a fault.
#[must_use]
pub fn cause(end: &EndCause, direction: Direction) -> (CauseKind, Option<Fault>) {
    let broken = || (CauseKind::Network, Some(Fault::new(Code::ConnectionLost).with("scope", "call")));
    let status = end.status.map(StatusCode::code);
    let (kind, fault) = match (end.answered, end.by, direction) {
        (_, EndedBy::Link, _) | (true, EndedBy::Timeout, _) => broken(),
        // The session could not be changed any more: the far end is gone (RFC 3261 14.1).
        (true, EndedBy::Local, _) if status.is_some() => broken(),
        (true, EndedBy::Local, _) => (CauseKind::HungUpHere, None),
        (true, EndedBy::Remote, _) => (CauseKind::HungUpThere, None),
        (false, EndedBy::Local, Direction::Out) => (CauseKind::Cancelled, None),
        (false, EndedBy::Timeout, Direction::Out) => (CauseKind::Network, Some(Fault::new(Code::ConnectTimeout))),
        (false, EndedBy::Remote, Direction::Out) => refused(end),
        (false, EndedBy::Local, Direction::In) => match status {
            Some(488 | 606) => (CauseKind::NoCommonCodec, Some(Fault::new(Code::NoCommonCodec))),
            Some(480 | 408) => (CauseKind::NoAnswer, None),
            _ => (CauseKind::Declined, None),
        },
        (false, EndedBy::Timeout, Direction::In) => (CauseKind::NoAnswer, None),
        (false, EndedBy::Remote, Direction::In) => {
            let elsewhere = end.reason.as_ref().is_some_and(Reason::is_answered_elsewhere);
            (if elsewhere { CauseKind::AnsweredElsewhere } else { CauseKind::Cancelled }, None)
        }
    };
    let fault = fault.map(|fault| {
        let fault = fault.sip(status);
        match end.reason.as_ref().and_then(|reason| reason.text.as_ref()) {
            Some(text) => fault.detail(text),
            None => fault,
        }
    });
    (kind, fault)
}

/// Why a call of ours was not answered, by the status (RFC 3261 21) and, where servers put it there, by the Q.850 cause
/// beside it (RFC 3326, RFC 3398 8.2.6.1).
fn refused(end: &EndCause) -> (CauseKind, Option<Fault>) {
    let q850 = end.reason.as_ref().filter(|reason| reason.protocol.eq_ignore_ascii_case("Q.850"));
    if let Some(uri) = end.elsewhere.first() {
        return (CauseKind::Moved, Some(Fault::new(Code::Moved).with("elsewhere", callable(uri))));
    }
    // That the server may not be who it was says more than that it did not let us (CONFORMANCE L1, S13).
    if let Some(doubt) = end.refusal.and_then(super::of_challenge) {
        return (CauseKind::NotAllowed, Some(doubt));
    }
    let (kind, code) = match (end.status.map_or(0, StatusCode::code), q850.and_then(|reason| reason.cause)) {
        (486 | 600, _) | (480, Some(17)) => (CauseKind::Busy, Code::Busy),
        (603 | 607 | 608, _) | (480, Some(21)) => (CauseKind::Declined, Code::Declined),
        (408, _) | (480, Some(18 | 19)) => (CauseKind::NoAnswer, Code::NoAnswer),
        (480 | 430, _) => (CauseKind::Unreachable, Code::Unreachable),
        (404 | 410 | 484 | 485 | 604, _) => (CauseKind::NotFound, Code::NotFound),
        (401 | 403 | 405 | 407, _) => (CauseKind::NotAllowed, Code::NotAllowed),
        (415 | 488 | 606, _) => (CauseKind::NoCommonCodec, Code::NoCommonCodec),
        // Another phone of ours, or the server itself, took the call back.
        (487, _) => return (CauseKind::Cancelled, None),
        _ => (CauseKind::ServerError, Code::ServerError),
    };
    (kind, Some(Fault::new(code)))
}

/// An address as a person would call it: the number alone of a `tel` URI, which our own server knows (RFC 3261 19.1.6).
fn callable(uri: &Uri) -> String {
    let text = uri.to_string();
    match text.strip_prefix("tel:") {
        Some(number) => number.split(';').next().unwrap_or_default().to_owned(),
        None => text,
    }
}
