//! What the server writes and reads in messages.

use bytes::Bytes;
use sip::{HeaderName, Method, NameAddr, Request, headers::CSeq};

use super::proxy::End;

const COOKIE: &str = "z9hG4bKsim";

/// The same description with no codec but G.711 and what goes with it.
pub(super) fn without_opus(sdp: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(sdp);
    let Some(number) = text.lines().find_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(" opus/")) else {
        return sdp.clone();
    };
    let number = number.0;
    let own = |line: &&str| {
        !["rtpmap", "fmtp", "rtcp-fb"].iter().any(|kind| line.starts_with(&format!("a={kind}:{number} ")))
    };
    let lines = text.lines().filter(own).map(|line| match line.strip_prefix("m=audio ") {
        Some(_) => line
            .split(' ')
            .enumerate()
            .filter(|(at, word)| *at < 3 || *word != number)
            .map(|(_, word)| word)
            .collect::<Vec<_>>()
            .join(" "),
        None => line.to_owned(),
    });
    lines.flat_map(|line| [line, "\r\n".to_owned()]).collect::<String>().into()
}

pub(super) fn branch(from: End, unique: u64) -> String {
    match from {
        End::Phone(id) => format!("{COOKIE}.p{id}.{unique}"),
        End::Stranger(number) => format!("{COOKIE}.s{number}.{unique}"),
    }
}

pub(super) fn branch_of(via: &str) -> Option<String> {
    let (_, rest) = via.split_once("branch=")?;
    rest.split([';', ' ']).next().map(str::to_owned)
}

/// Whom a branch of ours came from.
pub(super) fn origin(branch: &str) -> Option<End> {
    let (from, _) = branch.strip_prefix(COOKIE)?.strip_prefix('.')?.split_once('.')?;
    match from.split_at_checked(1)? {
        ("p", id) => id.parse().ok().map(End::Phone),
        (_, number) => number.parse().ok().map(End::Stranger),
    }
}

/// A CANCEL or the ACK of a refusal (RFC 3261 9.1, 17.1.1.3).
pub(super) fn within(invite: &Request, method: Method, to: Option<NameAddr>, reason: Option<&str>) -> Bytes {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    let headers = &mut request.headers;
    let via = invite.headers.elements(&HeaderName::Via);
    headers.push(HeaderName::Via, via.first().map_or("", String::as_str));
    headers.push(HeaderName::MaxForwards, "70");
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
        let own = invite.headers.text(&name).unwrap_or_default();
        match &to {
            Some(to) if name == HeaderName::To => headers.push(name, &to.to_string()),
            _ => headers.push(name, &own),
        }
    }
    let number = invite.headers.typed::<CSeq>().and_then(Result::ok).map_or(1, |cseq| cseq.number);
    headers.push(HeaderName::CSeq, &CSeq { number, method }.to_string());
    if let Some(reason) = reason {
        headers.push(HeaderName::Reason, reason);
    }
    request.to_bytes()
}
