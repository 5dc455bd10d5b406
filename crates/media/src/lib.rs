//! Offer/answer and the voice pipeline as a pure state machine: SDP, RTP, codecs, jitter buffer, tones.

/// Frames per second inside the pipeline, whatever codecs and devices use.
pub const RATE: u32 = 48_000;

pub mod agreed;
pub mod capture;
pub mod codec;
mod delay;
pub mod dtmf;
pub mod error;
pub mod feed;
mod inband;
pub mod jitter;
pub mod ladder;
mod lane;
pub mod level;
pub mod mixer;
pub mod offer;
pub mod playout;
pub mod port;
pub mod process;
pub mod quality;
pub mod record;
pub mod red;
pub mod report;
pub mod resample;
pub mod rtcp;
pub mod rtp;
mod runs;
pub mod sdp;
mod seen;
pub mod session;
pub mod signal;
mod stretch;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
pub mod tone;
pub mod xr;

pub use session::{Levels, Session, SessionConfig, SessionEvent, SessionOutput};
