//! What the server writes and reads in messages.

use bytes::Bytes;
use sip::{HeaderName, Method, NameAddr, Request, headers::CSeq};

use super::proxy::End;

const COOKIE: &str = "z9hG4bKsim";

/// The same description without these codecs and what goes with them.
pub(super) fn without(sdp: &Bytes, codecs: &[&str]) -> Bytes {
    let text = String::from_utf8_lossy(sdp);
    let number = |line: &'_ str| {
        let (number, format) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let (name, _) = format.split_once('/')?;
        codecs.contains(&name).then(|| number.to_owned())
    };
    let numbers: Vec<String> = text.lines().filter_map(number).collect();
    if numbers.is_empty() {
        return sdp.clone();
    }
    let about = |line: &str, number: &String| {
        ["rtpmap", "fmtp", "rtcp-fb"].iter().any(|kind| line.starts_with(&format!("a={kind}:{number} ")))
    };
    let kept = text.lines().filter(|line| !numbers.iter().any(|number| about(line, number)));
    let lines = kept.map(|line| match line.strip_prefix("m=audio ") {
        Some(_) => line
            .split(' ')
            .enumerate()
            .filter(|(at, word)| *at < 3 || numbers.iter().all(|number| number != word))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_with_a_codec_goes() {
        let sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 9 8 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
                   a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";
        let narrow = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8 101\r\n\
                      a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";
        assert_eq!(without(&sdp.into(), &["opus", "G722"]), narrow);
        assert_eq!(without(&sdp.into(), &["G723"]), sdp);
    }
}
