//! A session whose sound is made and heard elsewhere: it carries packets, and encodes and decodes none.

use std::time::Instant;

use super::{Session, SessionOutput};

/// What a session has carried since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// RTP packets sent; the count of RTCP, which wraps at 2^32.
    pub sent: u32,
    /// RTP packets that came, each once.
    pub received: u64,
    /// Samples of 48 kHz that were played, without silence.
    pub sound: u64,
    /// Those of them that were made up because a packet was missing.
    pub concealed: u64,
}

impl Session {
    /// Sends a payload that is encoded already with the agreed codec, instead of sound of the microphone. Says whether it
    /// went: not while the call does not send, and not when it is no payload of the codec.
    pub fn forward(&mut self, now: Instant, payload: &[u8]) -> bool {
        self.handle_timeout(now);
        self.captured_at = now;
        let packet = self.capture.forward(payload);
        let went = packet.is_some();
        self.outputs.extend(packet.map(SessionOutput::Rtp));
        went
    }

    /// Keeps what comes to be played, as it is at first, or only counts it and reports on it.
    pub fn set_listening(&mut self, on: bool) {
        self.listening = on;
        if !on {
            self.playout.restart();
        }
    }

    /// What was carried until now.
    pub fn carried(&self) -> Carried {
        let sample = self.sample();
        let (sent, _) = self.capture.sent();
        Carried { sent, received: sample.received, sound: sample.sound, concealed: sample.concealed }
    }

    /// Is what comes to be played?
    pub(super) fn plays(&self) -> bool {
        self.direction.receives() && self.listening
    }
}
