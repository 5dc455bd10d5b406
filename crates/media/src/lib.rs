//! Offer/answer and the voice pipeline as a pure state machine: SDP, RTP, codecs, jitter buffer, tones.

pub mod port;
