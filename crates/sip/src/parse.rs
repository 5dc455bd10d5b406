//! Reading a message: the start line, the header lines, the body. Values stay slices of the message.

use std::ops::Range;

use crate::{
    error::{ParseError, ParseErrorKind},
    header_name::HeaderName,
    headers::{CSeq, Header as _, Headers, ViaRef, line},
    message::{Message, Request, Response},
    method::Method,
    name_addr::NameAddrRef,
    status::StatusCode,
    token::{parts, text},
    uri::Uri,
};
use bytes::Bytes;

/// The most bytes of a message (CONFORMANCE C52).
pub const MAX_MESSAGE: usize = 256 * 1024;
/// The most header lines of a message (CONFORMANCE L6).
pub const MAX_HEADERS: usize = 512;
/// The most bytes of a Call-ID: it names the call in every table of ours.
const MAX_CALL_ID: usize = 1024;

enum StartLine {
    /// A request, and what is wrong with its line although its method can be read.
    Request(Method, Uri, Option<ParseErrorKind>),
    Response(StatusCode, Bytes),
}

pub(crate) fn message(bytes: &Bytes) -> Result<Message, ParseError> {
    let fail = |kind| ParseError { kind, request: None };
    if bytes.len() > MAX_MESSAGE {
        return Err(fail(ParseErrorKind::TooLarge));
    }
    // RFC 3261 7.5: empty lines before the start line are ignored.
    let at = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let (first, length) = line(&bytes[at..]).ok_or_else(|| fail(ParseErrorKind::StartLine))?;
    let start = start_line(bytes, at..at + first.len()).map_err(fail)?;
    let mut headers = Headers::of(bytes);
    let read = headers.take(at + length).and_then(|at| body(bytes, at, &headers));
    let (body, read) = read.map_or_else(|kind| (Bytes::new(), Err(kind)), |body| (body, Ok(())));
    match start {
        StartLine::Request(method, uri, fault) => {
            let checked = fault.map_or(read, Err).and_then(|()| mandatory(&headers, Some(&method)));
            let request = Request { method, uri, headers, body };
            match checked {
                Ok(()) => Ok(Message::Request(request)),
                Err(kind) => Err(ParseError { kind, request: Some(Box::new(request)) }),
            }
        }
        StartLine::Response(status, reason) => {
            read.and_then(|()| mandatory(&headers, None)).map_err(fail)?;
            Ok(Message::Response(Response { status, reason, headers, body }))
        }
    }
}

fn start_line(bytes: &Bytes, line: Range<usize>) -> Result<StartLine, ParseErrorKind> {
    let text = &bytes[line.clone()];
    // As in a header line: a bare CR is the end of it to some (L16).
    if text.contains(&b'\r') {
        return Err(ParseErrorKind::StartLine);
    }
    if text.len() >= 8 && text[..8].eq_ignore_ascii_case(b"SIP/2.0 ") {
        let digits =
            text.get(8..11).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or(ParseErrorKind::StartLine)?;
        let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        let status = StatusCode::new(code).ok_or(ParseErrorKind::StartLine)?;
        return match text.get(11) {
            // The blank before an empty text is often forgotten.
            None => Ok(StartLine::Response(status, Bytes::new())),
            Some(b' ') => Ok(StartLine::Response(status, bytes.slice(line.start + 12..line.end))),
            Some(_) => Err(ParseErrorKind::StartLine),
        };
    }
    let text = std::str::from_utf8(text).map_err(|_| ParseErrorKind::StartLine)?;
    let (method, rest) = text.split_once(' ').ok_or(ParseErrorKind::StartLine)?;
    let method = Method::parse(method.as_bytes()).ok_or(ParseErrorKind::StartLine)?;
    let (uri, version) = rest.trim().rsplit_once(' ').ok_or(ParseErrorKind::StartLine)?;
    let version = version.as_bytes();
    if version.len() < 4 || !version[..4].eq_ignore_ascii_case(b"SIP/") {
        return Err(ParseErrorKind::StartLine);
    }
    // What has a method and says SIP is a request that wants an answer, whatever else is wrong with its line.
    let supported = version.eq_ignore_ascii_case(b"SIP/2.0");
    Ok(match Uri::parse(uri) {
        _ if !supported => StartLine::Request(method, Uri::none(), Some(ParseErrorKind::Version)),
        // RFC 3261 19.1.5: headers are not for a Request-URI.
        Ok(uri) if uri.headers.is_none() => StartLine::Request(method, uri, None),
        _ => StartLine::Request(method, Uri::none(), Some(ParseErrorKind::RequestUri)),
    })
}

/// RFC 3261 18.3: Content-Length shorter than the rest cuts the body, longer is an error; RFC 7118 5 lets it be absent.
fn body(bytes: &Bytes, at: usize, headers: &Headers) -> Result<Bytes, ParseErrorKind> {
    let mut lengths = headers.get_all(&HeaderName::ContentLength);
    let Some(length) = lengths.next() else { return Ok(bytes.slice(at..)) };
    let rest = bytes.len() - at;
    // Where it stands twice, two readers may see two messages (L16).
    if lengths.next().is_some() || length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return Err(ParseErrorKind::ContentLength);
    }
    let length = length.iter().try_fold(0, |sum: usize, digit| {
        sum.checked_mul(10)?.checked_add(usize::from(digit - b'0')).filter(|sum| *sum <= rest)
    });
    length.map(|length| bytes.slice(at..at + length)).ok_or(ParseErrorKind::ContentLength)
}

/// RFC 3261 8.1.1: what every message has, and only once.
fn mandatory(headers: &Headers, method: Option<&Method>) -> Result<(), ParseErrorKind> {
    let address = |value| NameAddrRef::parse(&text(value)).is_ok_and(|address| address.uri().is_ok());
    let (mut from, mut to, mut ids, mut cseqs, mut vias) = (0, 0, 0, 0, 0);
    for (name, value) in headers.iter() {
        let (seen, proper) = match name {
            HeaderName::From => (&mut from, address(value)),
            HeaderName::To => (&mut to, address(value)),
            HeaderName::CallId => (&mut ids, !value.is_empty() && value.len() <= MAX_CALL_ID),
            // RFC 3261 8.1.1.5: the method of CSeq is that of the request.
            HeaderName::CSeq => {
                let cseq = CSeq::parse(&text(value));
                (&mut cseqs, cseq.is_ok_and(|cseq| method.is_none_or(|method| cseq.method == *method)))
            }
            // RFC 4475 3.1.2.1: where a list of hops is broken, none knows which is the topmost.
            HeaderName::Via => {
                let hops = text(value);
                let mut hops = parts(&hops, true).peekable();
                let topmost = vias > 0 || hops.peek().is_some();
                (&mut vias, topmost && hops.all(|hop| ViaRef::parse(hop).is_some()))
            }
            _ => continue,
        };
        *seen += 1;
        if !proper {
            return Err(ParseErrorKind::Mandatory);
        }
    }
    let once = [from, to, ids, cseqs].into_iter().all(|seen| seen == 1);
    if once && vias > 0 { Ok(()) } else { Err(ParseErrorKind::Mandatory) }
}
