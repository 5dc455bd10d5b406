//! How good the call sounds: figures for the curious and one word for everybody.
//!
//! The mean opinion score is that of the E-model (ITU-T G.107) with the terms that a phone can know: delay, loss after
//! repair, and the codec's robustness.

use std::time::Duration;

/// The word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing to complain of.
    Clear,
    /// Audible, not in the way.
    Fair,
    /// Words get lost.
    Poor,
    /// No conversation.
    Bad,
}

impl Grade {
    /// The word of a mean opinion score.
    pub fn of(mos: f64) -> Self {
        match mos {
            4.0.. => Self::Clear,
            3.6.. => Self::Fair,
            2.6.. => Self::Poor,
            _ => Self::Bad,
        }
    }

    /// `clear`, `fair`, `poor` or `bad`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Bad => "bad",
        }
    }
}

/// Figures of the last ten seconds of what we hear; the round trip is the newest.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Packets lost on the way, in percent.
    pub loss_pct: f64,
    /// Interarrival jitter (RFC 3550 section 6.4.1) in ms.
    pub jitter_ms: f64,
    /// How long sound waits before it is played, in ms.
    pub buffer_ms: f64,
    /// Round-trip time in ms; `None` until the far end has reported.
    pub rtt_ms: Option<f64>,
    /// Mean opinion score, 1..=4.5.
    pub mos: f64,
    /// Sound that had to be made up, in percent; what the copies restored is not in it.
    pub concealed_pct: f64,
    /// Share of our packets that the far end misses, in percent; `None` until it has reported.
    pub far_loss_pct: Option<f64>,
    /// Codec that is heard; `None` before the first sound.
    pub codec: Option<&'static str>,
    /// All of it in a word.
    pub grade: Grade,
}

/// Frame, look-ahead and devices on both sides, in ms: what a sound needs besides network and buffer.
const FIXED_DELAY_MS: f64 = 60.0;
/// G.107 default transmission rating without delay and loss.
const BEST: f64 = 93.2;
/// Packet-loss robustness of a codec with concealment (G.113 appendix I, G.711 with PLC).
const ROBUSTNESS: f64 = 25.1;

/// Mean opinion score for a one-way `delay` and this share (0..=1) of sound made up.
pub fn mos(delay: Duration, concealed: f64) -> f64 {
    let percent = 100.0 * concealed.clamp(0.0, 1.0);
    // G.107 (7-29) with an equipment impairment of 0 and random loss.
    let equipment = 95.0 * percent / (percent + ROBUSTNESS);
    score(BEST - delay_impairment(delay.as_secs_f64() * 1000.0) - equipment)
}

/// One-way delay for the score, from what can be measured here.
pub fn one_way(rtt: Option<Duration>, buffer: Duration) -> Duration {
    rtt.unwrap_or_default() / 2 + buffer + Duration::from_secs_f64(FIXED_DELAY_MS / 1000.0)
}

/// G.107 (7-27): Idd, nothing up to 100 ms.
fn delay_impairment(ms: f64) -> f64 {
    if ms <= 100.0 {
        return 0.0;
    }
    let x = (ms / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// G.107 annex B: from rating to opinion.
fn score(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

/// Counters at one moment, from whose differences the figures come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// Packets that should have come.
    pub expected: u64,
    /// Packets that came.
    pub received: u64,
    /// Samples played that are or stand for sound.
    pub sound: u64,
    /// Samples made up for missing ones.
    pub concealed: u64,
}

impl Sample {
    /// Share lost between `earlier` and now, 0..=1.
    pub fn loss_since(&self, earlier: &Self) -> f64 {
        // A restart of the stream makes the counters begin anew.
        let expected = self.expected.saturating_sub(earlier.expected);
        let received = self.received.saturating_sub(earlier.received);
        share(expected.saturating_sub(received), expected)
    }

    /// Share of the sound made up between `earlier` and now, 0..=1.
    pub fn concealed_since(&self, earlier: &Self) -> f64 {
        share(self.concealed.saturating_sub(earlier.concealed), self.sound.saturating_sub(earlier.sound))
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_published_formula() {
        for (ms, expected) in [(50, 4.41), (150, 4.41), (200, 4.34), (250, 4.18), (300, 3.96), (400, 3.56)] {
            let score = mos(Duration::from_millis(ms), 0.0);
            assert!((score - expected).abs() < 0.02, "{ms} ms: {score}");
        }
        assert!(mos(Duration::ZERO, 0.05) < 3.95 && mos(Duration::ZERO, 0.05) > 3.4);
        assert!(mos(Duration::from_secs(9), 1.0) >= 1.0);
        assert!(mos(Duration::ZERO, f64::MAX) >= 1.0);
    }

    #[test]
    fn words_fall_with_the_score() {
        let words: Vec<_> = [4.4, 4.0, 3.7, 3.0, 1.2].map(|mos| Grade::of(mos).word()).into();
        assert_eq!(words, ["clear", "clear", "fair", "poor", "bad"]);
    }

    #[test]
    fn differences_survive_a_restart_of_the_counters() {
        let earlier = Sample { expected: 100, received: 90, sound: 1000, concealed: 50 };
        let later = Sample { expected: 200, received: 180, sound: 3000, concealed: 250 };
        assert_eq!(later.loss_since(&earlier), 0.1);
        assert_eq!(later.concealed_since(&earlier), 0.1);
        assert_eq!(earlier.loss_since(&later), 0.0);
    }
}
