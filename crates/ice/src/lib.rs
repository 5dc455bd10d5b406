//! A secured path for RTP as a pure state machine: ICE (RFC 8445), DTLS-SRTP (RFC 5764) and consent (RFC 7675) on
//! sans-IO crates of webrtc-rs and str0m. Datagrams and an `Instant` go in; datagrams, events and the next deadline come
//! out. This is the only crate that links them, and it guards what each of them does wrong.
//!
//! ```text
//! RTP ─▶ srtp ─▶ the selected pair ─▶ datagram
//! datagram ─▶ demux ─┬ STUN ─▶ agent ─▶ pairs, addresses that proved themselves
//!                    ├ DTLS ─▶ assembly ─▶ dtls ─▶ keys
//!                    └ SRTP ─▶ (only from proved addresses) ─▶ RTP, RTCP
//! ```
//!
//! # How a driver puts the parts together
//!
//! It owns the sockets and the clock. Ahead of any call it makes one [`Gatherer`] over all sockets, and one [`Relay`] for
//! each TURN server that is to be used, on one of the same sockets. The candidates of a call are
//! [`Gatherer::candidates`] and [`Relay::candidate`], or the latter alone where only relayed ones are wanted; they go
//! into [`PathConfig::locals`].
//!
//! A datagram that came from `from` to the socket `local` is offered in this order, to the first that takes it:
//!
//! 1. [`Gatherer::handle_datagram`]: an answer of a STUN server, which may be the TURN server too;
//! 2. [`Relay::handle_datagram`]: all else that comes from the TURN server;
//! 3. [`Path::handle_datagram`], of each path that uses the socket.
//!
//! After each of these, and after a timeout, the part is drained until it says `Timeout`:
//!
//! - [`RelayOutput::Datagram`] goes to [`Path::handle_datagram`] with the relayed address as `local`;
//! - [`PathOutput::Transmit`] whose `local` is the address of [`Relay::candidate`] goes to [`Relay::send`]; all other
//!   `Transmit`s, of whichever part, go to the socket `local`.
//!
//! The address of a relay lasts as long as the relay does: keep it as long as a path uses it, then [`Relay::close`] it.
//! [`RelayOutput::Lost`] ends it; the path goes on by its other pairs, or restarts from new candidates.
#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod config;
mod description;
mod dtls;
mod error;
mod event;
mod held;
mod identity;
mod path;
mod pool;
mod provider;
mod relay;
mod sessions;
mod srtp;
mod stun;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

pub use candidate::{CandidateKind, LocalCandidate};
pub use config::{PathConfig, Timing};
pub use description::{LocalDescription, RemoteDescription};
pub use error::{PathError, RelayError};
pub use event::{PathEvent, PathOutput, Security};
pub use identity::Identity;
pub use path::Path;
pub use pool::{Gatherer, GathererOutput};
pub use relay::{Relay, RelayOutput, TurnServer};
