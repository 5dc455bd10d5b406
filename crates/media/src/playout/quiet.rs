//! The silence of the far end: as it said that it sounds, or as its decoder goes on.

use super::{FADE, Playout, blend};
use crate::codec::Codec;

/// After so long the made-up end of a word is over: 60 ms.
const DYING: usize = 2880;

impl Playout {
    /// Appends exactly `samples` of the sender's silence: as it said that it sounds, or as the decoder goes on.
    pub(super) fn quiet(&mut self, samples: usize) {
        self.counts.quiet += samples as u64;
        let start = self.ready.len();
        let has_noise = self.has_noise();
        let Some(noise) = self.noise.as_mut().filter(|_| has_noise) else {
            self.conceal(samples);
            self.leave_noise(start);
            return;
        };
        noise.make(samples.next_multiple_of(6), &mut self.ready);
        self.ready.truncate(start + samples);
        if !std::mem::replace(&mut self.noisy, true) {
            // All of the word's end is made up now, so that none of it is left to blend with the next word.
            let mut old = Vec::with_capacity(DYING);
            if let Some(decoder) = self.decoder.as_mut().filter(|_| !self.silent) {
                let _ = decoder.conceal(DYING, &mut old);
            }
            old.resize(DYING, 0.0);
            blend(&mut self.ready[start..], &old);
        }
        self.silent = false;
    }

    /// Opus says by itself how its silence sounds.
    pub(super) fn has_noise(&self) -> bool {
        self.noise.is_some() && self.codec() != Some(Codec::Opus)
    }

    /// Blends the noise before `start` into what begins there.
    pub(super) fn leave_noise(&mut self, start: usize) {
        if std::mem::take(&mut self.noisy)
            && let Some(noise) = &mut self.noise
        {
            let mut old = Vec::with_capacity(FADE);
            noise.make(FADE, &mut old);
            blend(&mut self.ready[start..], &old);
        }
    }
}
