//! The WebSocket link of one account: connect, TLS, handshake, keep-alive and reconnect (RFC 7118, RFC 6455).
//!
//! It carries whole SIP messages and looks into none of them.
#![forbid(unsafe_code)]

mod auth;
mod backoff;
mod certificate;
mod connect;
mod cookies;
mod error;
mod find;
mod guard;
mod handshake;
mod http;
mod link;
mod proxy;
mod pulse;
mod secret;
mod serve;
mod task;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
mod tls;
mod turns;

pub use backoff::Backoff;
pub use certificate::CertificateFacts;
pub use error::LinkError;
pub use find::Dns;
pub use handshake::is_settable;
pub use link::{KeepAlive, Link, LinkConfig, LinkEvent, Step, open};
pub use proxy::{Proxy, ProxyKind};
pub use secret::{Credentials, Secret};
pub use tls::{Identity, TlsFacts, Trust};
