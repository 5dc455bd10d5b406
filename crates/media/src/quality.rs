//! How good the call sounds: figures for the curious and one word for everybody.
//!
//! The mean opinion score is that of the E-model (ITU-T G.107) with the terms that a phone can know: delay, loss after
//! repair and how it comes in bursts, and the codec's robustness.

use std::time::Duration;

use crate::codec::Codec;
use crate::runs::Judged;

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
    /// How many packets are lost in a row, on average; `None` while none is.
    pub burst: Option<f64>,
    /// Packets that came when their time was over, in percent.
    pub late_pct: f64,
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
    /// How many of our packets the far end misses in a row, on average; `None` while it reports none.
    pub far_burst: Option<f64>,
    /// Interarrival jitter of our packets at the far end in ms; `None` until it has reported.
    pub far_jitter_ms: Option<f64>,
    /// Mean opinion score of what the far end hears, by itself; `None` where it does not tell.
    pub far_mos: Option<f64>,
    /// Codec that is heard; `None` before the first sound.
    pub codec: Option<&'static str>,
    /// How long the sound of a packet of ours lasts, in ms.
    pub packet_ms: f64,
    /// All of it in a word.
    pub grade: Grade,
}

/// Frame, look-ahead and devices on both sides, in ms: what a sound needs besides network and buffer.
const FIXED_DELAY_MS: f64 = 60.0;
/// G.107 default transmission rating without delay and loss.
const BEST: f64 = 93.2;

/// Packet-loss robustness Bpl: how much loss after repair a codec bears with its concealment.
fn robustness(codec: Option<Codec>) -> f64 {
    match codec {
        // ITU-T has none for Opus. Real speech at 24 kb/s scores 3.05, 2.18, 1.56 and 1.34 by PESQ-WB at 5, 10, 20 and
        // 30 % of random loss without repair; 10 fits that best.
        Some(Codec::Opus) => 10.0,
        // G.113 appendix I, G.711 with concealment; G.722 is concealed in the same way.
        Some(Codec::G722 | Codec::Pcmu | Codec::Pcma) | None => 25.1,
    }
}

/// Transmission rating R, 0..=93.2, for a one-way `delay` and this share (0..=1) of sound made up, `row` packets at a
/// time on average (1 and more).
pub fn rating(codec: Option<Codec>, delay: Duration, concealed: f64, row: f64) -> f64 {
    let concealed = concealed.clamp(0.0, 1.0);
    let percent = 100.0 * concealed;
    // G.107 section 7.4: the mean row against that of random loss. Beyond 8 the formula has not been tried.
    let bursts = (row * (1.0 - concealed)).clamp(1.0, 8.0);
    // G.107 (7-29) with an equipment impairment of 0.
    let equipment = 95.0 * percent / (percent / bursts + robustness(codec));
    (BEST - delay_impairment(delay.as_secs_f64() * 1000.0) - equipment).clamp(0.0, BEST)
}

/// G.107 annex B: mean opinion score, 1..=4.5, of a rating.
pub fn mos(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
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
    /// How many times they were made up in one piece.
    pub pieces: u64,
    /// Packets old enough to be judged one by one.
    pub judged: Judged,
}

impl Sample {
    /// Share lost between `earlier` and now, 0..=1.
    pub fn loss_since(&self, earlier: &Self) -> f64 {
        // A restart of the stream makes the counters begin anew.
        let expected = self.expected.saturating_sub(earlier.expected);
        let received = self.received.saturating_sub(earlier.received);
        share(expected.saturating_sub(received), expected)
    }

    /// Packets lost in a row between `earlier` and now, on average.
    pub fn burst_since(&self, earlier: &Self) -> Option<f64> {
        let lost = self.judged.lost.saturating_sub(earlier.judged.lost);
        let rows = self.judged.rows.saturating_sub(earlier.judged.rows).max(1);
        (lost > 0).then_some(lost as f64 / rows as f64)
    }

    /// Share of the packets that were late between `earlier` and now, 0..=1.
    pub fn late_since(&self, earlier: &Self) -> f64 {
        let (now, earlier) = (self.judged, earlier.judged);
        share(now.late.saturating_sub(earlier.late), now.packets.saturating_sub(earlier.packets))
    }

    /// Samples made up in one piece between `earlier` and now, on average; 0 without any.
    pub fn piece_since(&self, earlier: &Self) -> f64 {
        let pieces = self.pieces.saturating_sub(earlier.pieces).max(1);
        self.concealed.saturating_sub(earlier.concealed) as f64 / pieces as f64
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

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn scores_are_those_of_the_published_formula() {
        for (ms, expected) in [(50, 4.41), (150, 4.41), (200, 4.34), (250, 4.18), (300, 3.96), (400, 3.56)] {
            let score = mos(rating(None, Duration::from_millis(ms), 0.0, 1.0));
            assert!((score - expected).abs() < 0.02, "{ms} ms: {score}");
        }
        let five = mos(rating(Some(Codec::Pcmu), NOW, 0.05, 1.0));
        assert!(five < 3.95 && five > 3.4, "{five}");
        assert!(mos(rating(None, Duration::from_secs(9), 1.0, 1.0)) >= 1.0);
        assert!(mos(rating(None, NOW, f64::MAX, f64::MAX)) >= 1.0);
    }

    #[test]
    fn each_codec_has_its_own_robustness() {
        for (percent, measured) in [(5, 3.05), (10, 2.18), (20, 1.56), (30, 1.34)] {
            let score = mos(rating(Some(Codec::Opus), NOW, f64::from(percent) / 100.0, 1.0));
            assert!((score - measured).abs() < 0.2, "{percent} %: {score} against {measured}");
        }
        // G.107 (7-29) by hand: 93.2 - 95 * 10 / (10 + 25.1).
        assert!((rating(Some(Codec::Pcma), NOW, 0.1, 1.0) - 66.13).abs() < 0.01);
    }

    #[test]
    fn bursts_are_worse_than_as_much_random_loss() {
        // BurstR is 3 * 0.9: 93.2 - 95 * 10 / (10 / 2.7 + 25.1).
        assert!((rating(Some(Codec::Pcmu), NOW, 0.1, 3.0) - 60.22).abs() < 0.01);
        let falls: Vec<f64> = [1.0, 2.0, 3.0, 8.0].map(|row| rating(None, NOW, 0.05, row)).into();
        assert!(falls.windows(2).all(|pair| pair[1] < pair[0]), "{falls:?}");
        // Less than one in a row is none.
        assert_eq!(rating(None, NOW, 0.05, 0.3), rating(None, NOW, 0.05, 1.0));
    }

    #[test]
    fn words_fall_with_the_score() {
        let words: Vec<_> = [4.4, 4.0, 3.7, 3.0, 1.2].map(|mos| Grade::of(mos).word()).into();
        assert_eq!(words, ["clear", "clear", "fair", "poor", "bad"]);
    }

    #[test]
    fn differences_survive_a_restart_of_the_counters() {
        let judged = |packets, lost, rows, late| Judged { packets, lost, rows, late };
        let earlier = Sample {
            expected: 100,
            received: 90,
            sound: 1000,
            concealed: 50,
            pieces: 2,
            judged: judged(100, 10, 9, 1),
        };
        let later = Sample {
            expected: 200,
            received: 180,
            sound: 3000,
            concealed: 250,
            pieces: 6,
            judged: judged(180, 22, 12, 5),
        };
        assert_eq!((later.loss_since(&earlier), later.concealed_since(&earlier)), (0.1, 0.1));
        assert_eq!((later.burst_since(&earlier), later.late_since(&earlier)), (Some(4.0), 0.05));
        assert_eq!(later.piece_since(&earlier), 50.0);
        assert_eq!(
            (earlier.loss_since(&later), earlier.burst_since(&later), earlier.late_since(&later)),
            (0.0, None, 0.0)
        );
    }
}
