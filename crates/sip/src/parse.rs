//! Reading a message: the start line, the header lines, the body. Values stay slices of the message.

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr_iter};

use crate::{
    error::{ParseError, ParseErrorKind},
    header_name::HeaderName,
    headers::{CSeq, Header as _, Headers, Via},
    message::{Message, Request, Response},
    method::Method,
    name_addr::NameAddr,
    status::StatusCode,
    token::{parts, text},
    uri::Uri,
};

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
    let mut lines = Lines { bytes, at };
    let first = lines.next().ok_or_else(|| fail(ParseErrorKind::StartLine))?;
    let start = start_line(bytes, first).map_err(fail)?;
    let mut headers = Headers::with_room();
    let read = header_lines(&mut lines, &mut headers).and_then(|()| body(bytes, lines.at, &headers));
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

/// Where the lines of a message are.
struct Lines<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Lines<'_> {
    /// Takes one line, without its end. A bare LF ends a line too: some gateways write no CR.
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let end = start + memchr(b'\n', &self.bytes[start..])?;
        self.at = end + 1;
        let cr = end > start && self.bytes[end - 1] == b'\r';
        Some(start..if cr { end - 1 } else { end })
    }

    /// RFC 3261 7.3.1: a line that begins with a blank goes on with the one before.
    fn goes_on(&self) -> bool {
        matches!(self.bytes.get(self.at), Some(b' ' | b'\t'))
    }
}

fn start_line(bytes: &Bytes, line: Range<usize>) -> Result<StartLine, ParseErrorKind> {
    let text = &bytes[line.clone()];
    // As in a header line: a bare CR is the end of it to some (L16).
    if memchr(b'\r', text).is_some() {
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

fn header_lines(lines: &mut Lines<'_>, headers: &mut Headers) -> Result<(), ParseErrorKind> {
    let bytes = lines.bytes;
    loop {
        let mut line = lines.next().ok_or(ParseErrorKind::Truncated)?;
        if line.is_empty() {
            return Ok(());
        }
        if headers.len() >= MAX_HEADERS {
            return Err(ParseErrorKind::TooLarge);
        }
        let mut folded = false;
        while lines.goes_on() {
            line.end = lines.next().ok_or(ParseErrorKind::Truncated)?.end;
            folded = true;
        }
        let text = &bytes[line];
        let colon = memchr(b':', text).ok_or(ParseErrorKind::HeaderLine)?;
        let name = HeaderName::parse(text[..colon].trim_ascii_end(), bytes).ok_or(ParseErrorKind::HeaderLine)?;
        let value = text[colon + 1..].trim_ascii();
        // Some take a bare CR for the end of a line, so it would say two things (L16), at the ends of a value too.
        if memchr_iter(b'\r', text).any(|at| text.get(at + 1) != Some(&b'\n')) {
            return Err(ParseErrorKind::HeaderLine);
        }
        let value = if folded { unfold(value) } else { bytes.slice_ref(value) };
        headers.push_raw(name, value);
    }
}

/// RFC 3261 7.3.1: each line end with the blanks round it is one blank.
fn unfold(value: &[u8]) -> Bytes {
    let mut joined: Vec<u8> = Vec::with_capacity(value.len());
    for line in value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        if !joined.is_empty() {
            joined.push(b' ');
        }
        joined.extend_from_slice(line);
    }
    joined.into()
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
    let proper = |ok: bool| if ok { Ok(()) } else { Err(ParseErrorKind::Mandatory) };
    for name in [HeaderName::From, HeaderName::To] {
        let mut addresses = headers.get_all(&name);
        let address = addresses.next().map(|value| text(value));
        proper(address.is_some_and(|text| NameAddr::parse(&text).is_ok()) && addresses.next().is_none())?;
    }
    let mut ids = headers.get_all(&HeaderName::CallId);
    proper(ids.next().is_some_and(|id| !id.is_empty() && id.len() <= MAX_CALL_ID) && ids.next().is_none())?;
    let cseq = headers.typed::<CSeq>().and_then(Result::ok);
    // RFC 3261 8.1.1.5: the method of CSeq is that of the request.
    proper(cseq.is_some_and(|cseq| method.is_none_or(|method| cseq.method == *method)))?;
    proper(headers.get_all(&HeaderName::CSeq).count() == 1)?;
    let mut vias = headers.get_all(&HeaderName::Via).peekable();
    proper(vias.peek().is_some())?;
    // RFC 4475 3.1.2.1: where a list of hops is broken, none knows which is the topmost.
    let read = |value: &Bytes| parts(&text(value), true).all(|via| Via::parse(via).is_ok());
    proper(vias.all(read) && headers.typed::<Via>().is_some())
}
