//! The microphone, or silence instead, without a click between them.

use super::Capture;
use crate::process::usable;

/// Samples over which mute fades: 5 ms.
const FADE: f32 = 240.0;

impl Capture {
    /// Adds to the frame what codecs may see: broken drivers deliver NaN and more than full scale.
    pub(super) fn take(&mut self, samples: &[f32]) {
        let goal = if self.muted { 0.0 } else { 1.0 };
        if self.gain == goal {
            self.frame.extend(samples.iter().map(|sample| usable(sample) * goal));
            return;
        }
        for sample in samples {
            self.gain += (goal - self.gain).clamp(-1.0 / FADE, 1.0 / FADE);
            self.frame.push(usable(sample) * self.gain);
        }
    }
}
