//! Reading a message: the start line, the header lines, the body. Values stay slices of the message.

use bytes::Bytes;
use memchr::memchr;

use crate::{
    error::{ParseError, ParseErrorKind},
    header_name::HeaderName,
    headers::{CSeq, Headers},
    message::{Message, Request, Response},
    method::Method,
    name_addr::NameAddr,
    status::StatusCode,
    uri::Uri,
};

/// The most bytes of a message (CONFORMANCE C52).
pub const MAX_MESSAGE: usize = 256 * 1024;
/// The most header lines of a message (CONFORMANCE L6).
pub const MAX_HEADERS: usize = 512;

enum StartLine {
    Request(Method, Uri),
    Response(StatusCode, Bytes),
}

pub(crate) fn message(bytes: Bytes) -> Result<Message, ParseError> {
    let fail = |kind| ParseError { kind, request: None };
    if bytes.len() > MAX_MESSAGE {
        return Err(fail(ParseErrorKind::TooLarge));
    }
    // RFC 3261 7.5: empty lines before the start line are ignored.
    let skipped = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut rest = bytes.slice(skipped..);
    let first = line(&mut rest).ok_or_else(|| fail(ParseErrorKind::StartLine))?;
    let start = start_line(&first).map_err(fail)?;
    let mut headers = Headers::new();
    let read = header_lines(&mut rest, &mut headers);
    let (message, checked) = match start {
        StartLine::Request(method, uri) => {
            let mut request = Request { method, uri, headers, body: Bytes::new() };
            let checked = read.and_then(|()| body(rest, &request.headers)).and_then(|body| {
                request.body = body;
                mandatory(&request.headers, Some(&request.method))
            });
            (Message::Request(request), checked)
        }
        StartLine::Response(status, reason) => {
            let mut response = Response { status, reason, headers, body: Bytes::new() };
            let checked = read.and_then(|()| body(rest, &response.headers)).and_then(|body| {
                response.body = body;
                mandatory(&response.headers, None)
            });
            (Message::Response(response), checked)
        }
    };
    match (checked, message) {
        (Ok(()), message) => Ok(message),
        (Err(kind), Message::Request(request)) => Err(ParseError { kind, request: Some(Box::new(request)) }),
        (Err(kind), Message::Response(_)) => Err(fail(kind)),
    }
}

/// Takes one line off, without its end. A bare LF ends a line too: some gateways write no CR.
fn line(rest: &mut Bytes) -> Option<Bytes> {
    let end = memchr(b'\n', rest)?;
    let mut line = rest.split_to(end + 1);
    line.truncate(end);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Some(line)
}

fn start_line(line: &Bytes) -> Result<StartLine, ParseErrorKind> {
    if line.len() >= 8 && line[..8].eq_ignore_ascii_case(b"SIP/2.0 ") {
        let rest = &line[8..];
        let digits =
            rest.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or(ParseErrorKind::StartLine)?;
        let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        let status = StatusCode::new(code).ok_or(ParseErrorKind::StartLine)?;
        // The blank before an empty text is often forgotten.
        return match rest.get(3) {
            None => Ok(StartLine::Response(status, Bytes::new())),
            Some(b' ') => Ok(StartLine::Response(status, line.slice(12..))),
            Some(_) => Err(ParseErrorKind::StartLine),
        };
    }
    let text = std::str::from_utf8(line).map_err(|_| ParseErrorKind::StartLine)?;
    let (method, rest) = text.split_once(' ').ok_or(ParseErrorKind::StartLine)?;
    let method = Method::parse(method.as_bytes()).ok_or(ParseErrorKind::StartLine)?;
    let (uri, version) = rest.trim().rsplit_once(' ').ok_or(ParseErrorKind::StartLine)?;
    let version = version.as_bytes();
    if version.len() < 4 || !version[..4].eq_ignore_ascii_case(b"SIP/") {
        return Err(ParseErrorKind::StartLine);
    }
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(ParseErrorKind::Version);
    }
    let uri = Uri::parse(uri).map_err(|_| ParseErrorKind::StartLine)?;
    Ok(StartLine::Request(method, uri))
}

fn header_lines(rest: &mut Bytes, headers: &mut Headers) -> Result<(), ParseErrorKind> {
    loop {
        let line = line(rest).ok_or(ParseErrorKind::Truncated)?;
        if line.is_empty() {
            return Ok(());
        }
        if headers.len() >= MAX_HEADERS {
            return Err(ParseErrorKind::TooLarge);
        }
        // RFC 3261 7.3.1: a line that begins with a blank goes on with the one before.
        if matches!(line[0], b' ' | b'\t') {
            if !headers.fold(&line) {
                return Err(ParseErrorKind::HeaderLine);
            }
            continue;
        }
        let colon = memchr(b':', &line).ok_or(ParseErrorKind::HeaderLine)?;
        let name = HeaderName::parse(line[..colon].trim_ascii_end(), &line).ok_or(ParseErrorKind::HeaderLine)?;
        let value = line[colon + 1..].trim_ascii();
        headers.push_raw(name, line.slice_ref(value));
    }
}

/// RFC 3261 18.3: Content-Length shorter than the rest cuts the body, longer is an error; RFC 7118 5 lets it be absent.
fn body(rest: Bytes, headers: &Headers) -> Result<Bytes, ParseErrorKind> {
    let mut lengths = headers.get_all(&HeaderName::ContentLength);
    let Some(length) = lengths.next() else { return Ok(rest) };
    // Two values are two meanings (request smuggling, L16): only the same one twice is harmless.
    if lengths.any(|other| other != length) {
        return Err(ParseErrorKind::ContentLength);
    }
    let text = std::str::from_utf8(length).map_err(|_| ParseErrorKind::ContentLength)?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let length = digits.then(|| text.parse::<usize>().ok()).flatten().ok_or(ParseErrorKind::ContentLength)?;
    if length > rest.len() { Err(ParseErrorKind::ContentLength) } else { Ok(rest.slice(..length)) }
}

/// RFC 3261 8.1.1: what every message has, and only once.
fn mandatory(headers: &Headers, method: Option<&Method>) -> Result<(), ParseErrorKind> {
    let proper = |ok: bool| if ok { Ok(()) } else { Err(ParseErrorKind::Mandatory) };
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
        proper(headers.get_all(&name).count() == 1)?;
    }
    proper(headers.get(&HeaderName::CallId).is_some_and(|id| !id.is_empty() && id.len() <= 1024))?;
    for name in [HeaderName::From, HeaderName::To] {
        proper(headers.text(&name).is_some_and(|text| NameAddr::parse(&text).is_ok()))?;
    }
    let cseq = headers.typed::<CSeq>().and_then(Result::ok);
    proper(cseq.is_some_and(|cseq| method.is_none_or(|method| cseq.method == *method)))?;
    proper(headers.typed::<crate::headers::Via>().is_some_and(|via| via.is_ok()))
}
