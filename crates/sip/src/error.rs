//! What can be wrong with a message, and whose fault it is: always the peer's, never a panic.

use crate::{message::Request, status::StatusCode};

/// Why a URI is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It has no scheme.
    #[error("a URI without a scheme")]
    NoScheme,
    /// A SIP URI without a proper host.
    #[error("a SIP URI without a proper host")]
    NoHost,
    /// An empty user part before `@`.
    #[error("a SIP URI with an empty user part")]
    NoUser,
    /// A character that may not stand in one.
    #[error("a URI with a character that may not stand in one")]
    Character,
}

/// Why the value of a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It does not follow the grammar.
    #[error("the header does not follow its grammar")]
    Malformed,
    /// A number out of its range.
    #[error("a number in the header is out of its range")]
    Range,
    /// A URI in it is none.
    #[error(transparent)]
    Uri(#[from] UriError),
}

/// Why a message cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// As much of the request as could be read, when it was one and can be answered ([`ParseErrorKind::status`]). Where
    /// the Request-URI was none, `invalid:` stands in its place.
    pub request: Option<Box<Request>>,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub enum ParseErrorKind {
    /// Not a SIP start line.
    StartLine,
    /// A request whose Request-URI is none.
    RequestUri,
    /// Another version than SIP/2.0.
    Version,
    /// A header line without a colon, with an improper name, or with a carriage return within.
    HeaderLine,
    /// The blank line after the headers is missing.
    Truncated,
    /// More headers or more bytes than anyone needs (CONFORMANCE L6).
    TooLarge,
    /// Content-Length is no number, stands there twice, or promises more than there is (RFC 3261 18.3).
    ContentLength,
    /// Via, From, To, Call-ID or CSeq is missing, malformed or there twice (RFC 3261 8.1.1).
    Mandatory,
}

impl ParseErrorKind {
    /// What is wrong, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::StartLine => "the first line is no SIP start line",
            Self::RequestUri => "the Request-URI is none",
            Self::Version => "the version is not SIP/2.0",
            Self::HeaderLine => "a header line is malformed",
            Self::Truncated => "the message ends within its headers",
            Self::TooLarge => "the message is larger than is taken",
            Self::ContentLength => "Content-Length does not fit the message",
            Self::Mandatory => "a mandatory header is missing or malformed",
        }
    }

    /// What a request is answered that has this fault.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            // RFC 3261 21.5.6 and 21.5.7; all else is a syntax that we do not understand (21.4.1).
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::TooLarge => StatusCode::MESSAGE_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
