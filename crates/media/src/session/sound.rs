//! Sound of the microphone in, sound for the speaker out.

use std::time::Instant;

use super::{Session, SessionEvent, SessionOutput};

impl Session {
    /// Samples at 48 kHz after which the next packet is full and should go out at once; nothing while none goes out.
    pub fn short_of(&self) -> Option<usize> {
        self.capture.short_of()
    }

    /// Takes sound of the microphone, 48 kHz mono, of any length.
    pub fn capture(&mut self, now: Instant, samples: &[f32]) {
        self.handle_timeout(now);
        self.captured_at = now;
        let outputs = &mut self.outputs;
        let hold_back = self.dtmf_out.is_sending();
        self.capture.push(samples, hold_back, |packet| outputs.push_back(SessionOutput::Rtp(packet)));
    }

    /// Fills `out` with what the far end says, 48 kHz mono; best in blocks of 480.
    pub fn playout(&mut self, now: Instant, out: &mut [f32]) {
        self.playout.pull(now, out);
        if let Some(inband) = &mut self.inband {
            let outputs = &mut self.outputs;
            inband.push(out, |key| outputs.push_back(SessionOutput::Event(SessionEvent::Dtmf(key))));
        }
        if !self.first_sound && self.playout.counts().decoded > 0 {
            self.first_sound = true;
            self.outputs.push_back(SessionOutput::Event(SessionEvent::FirstSound));
        }
    }

    /// Whether the next so many samples of [`Self::playout`] are certain already: nothing that may still come would change
    /// them.
    pub fn is_ready(&self, samples: usize) -> bool {
        self.playout.is_ready(samples)
    }

    /// By how many samples [`Self::playout`] should be asked earlier (negative: later), a little each time, so that packets
    /// wait no longer than they must.
    pub fn pace(&self) -> i64 {
        self.playout.pace()
    }
}
