//! The SIP user agent as a pure state machine (RFC 3261 over WebSocket, RFC 7118).
//!
//! Bytes and an `Instant` go in; bytes, events and the next deadline come out. There is no socket, no clock, no thread
//! and no async here, and the bodies of messages are carried without a look inside.
#![forbid(unsafe_code)]

mod agent;
pub mod auth;
mod body;
mod call;
mod dialog;
mod error;
mod event;
mod header_name;
pub mod headers;
mod host;
mod message;
mod method;
mod name_addr;
mod params;
mod parse;
mod privacy;
mod registration;
mod status;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
mod timer;
mod token;
mod transaction;
mod uri;
mod uri_ref;

pub use agent::{Config, ContactForm, UserAgent};
pub use call::Invite;
pub use error::{HeaderError, ParseError, ParseErrorKind, UriError};
pub use event::{
    CallId, EndCause, EndedBy, Event, Incoming, Input, LegId, Misuse, Output, Party, Refused, Registered,
    RegistrationFailure,
};
pub use header_name::HeaderName;
pub use headers::Headers;
pub use host::Host;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use name_addr::{NameAddr, NameAddrRef};
pub use params::{Params, ParamsRef};
pub use parse::{MAX_HEADERS, MAX_MESSAGE};
pub use privacy::{Pii, Secret};
pub use status::StatusCode;
pub use timer::Times;
pub use uri::{Scheme, Uri};
pub use uri_ref::UriRef;
