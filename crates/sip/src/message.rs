//! Requests and responses. One is read from a whole WebSocket message and written to a whole one (RFC 7118 5).

use std::io::Write;

use bytes::Bytes;

use crate::{
    error::ParseError,
    header_name::HeaderName,
    headers::{CSeq, Headers, ViaRef},
    method::Method,
    name_addr::NameAddr,
    parse,
    status::StatusCode,
    token::parts,
    uri::Uri,
};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Of whom.
    pub uri: Uri,
    /// The headers, in their order.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The text beside it; it has no meaning for us.
    pub reason: Bytes,
    /// The headers, in their order.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something is asked.
    Request(Request),
    /// Something is answered.
    Response(Response),
}

impl Message {
    /// Reads one message, lenient where peers are sloppy and strict where two meanings were possible.
    ///
    /// # Errors
    /// [`ParseError`]; it carries the request as far as it could be read when it can be answered.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        parse::message(&bytes)
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// Writes the message, with the Content-Length of its body.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// A request with no headers yet.
    #[must_use]
    pub const fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Bytes::new() }
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body;
        self
    }

    /// Writes it (RFC 3261 7.1), with the Content-Length of its body: Asterisk drops a request without one.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        let _ = write!(out, "{} ", self.method);
        let uri = out.len();
        let _ = write!(out, "{}", self.uri);
        // The parts of a URI are open to all: what was not escaped cannot end the line (S19).
        out[uri..].iter_mut().filter(|byte| byte.is_ascii_control()).for_each(|byte| *byte = b'_');
        out.extend_from_slice(b" SIP/2.0\r\n");
        finish(out, &self.headers, &self.body)
    }

    /// A response to it (RFC 3261 8.2.6): Via, From, To, Call-ID and CSeq are copied, in a 100 Timestamp too. `tag` goes
    /// into To unless there is one already.
    #[must_use]
    pub fn respond(&self, status: StatusCode, tag: Option<&str>) -> Response {
        // RFC 3261 12.1.1: a response that makes a dialog carries the route set.
        let dialog = self.method == Method::Invite && status.code() > 100 && status.code() < 300;
        let mut headers = self.headers.only(|name| match name {
            HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => true,
            HeaderName::RecordRoute => dialog,
            // RFC 3261 8.2.6.1.
            HeaderName::Timestamp => status == StatusCode::TRYING,
            _ => false,
        });
        let to = tag.and_then(|tag| Some((tag, NameAddr::parse(&headers.text(&HeaderName::To)?).ok()?)));
        if let Some((tag, to)) = to.filter(|(_, to)| to.tag().is_none()) {
            headers.set(HeaderName::To, &to.with_tag(tag).to_string());
        }
        Response { status, reason: Bytes::from_static(status.reason().as_bytes()), headers, body: Bytes::new() }
    }

    /// The branch of the top Via, which names the transaction.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        let hops = self.headers.text(&HeaderName::Via)?;
        ViaRef::parse(parts(&hops, true).next()?)?.branch().map(str::to_owned)
    }
}

impl Response {
    /// Sets the body and its type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body;
        self
    }

    /// Writes it (RFC 3261 7.2).
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        let _ = write!(out, "SIP/2.0 {} ", self.status);
        out.extend(self.reason.iter().copied().filter(|byte| !byte.is_ascii_control()));
        out.extend_from_slice(b"\r\n");
        finish(out, &self.headers, &self.body)
    }

    /// The CSeq, when it is one.
    #[must_use]
    pub fn cseq(&self) -> Option<CSeq> {
        self.headers.typed::<CSeq>()?.ok()
    }
}

fn finish(mut out: Vec<u8>, headers: &Headers, body: &Bytes) -> Bytes {
    for (name, value) in headers.iter().filter(|(name, _)| *name != &HeaderName::ContentLength) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    out.extend_from_slice(body);
    out.into()
}
