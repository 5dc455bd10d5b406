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
#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod dtls;
mod error;
mod identity;
mod path;
mod pool;
mod provider;
mod srtp;
#[doc(hidden)]
pub mod testing;

pub use candidate::{CandidateKind, LocalCandidate};
pub use error::PathError;
pub use identity::Identity;
pub use path::{LocalDescription, Path, PathConfig, PathEvent, PathOutput, RemoteDescription, Timing};
pub use pool::{Gatherer, GathererOutput};
