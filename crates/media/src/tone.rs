//! Tones the phone makes itself: one row of [`Tone::shape`] each, started and stopped without a click.
//!
//! The cadences of ringback, busy, congestion and call waiting are the 425 Hz family of ITU-T E.180.

use std::f32::consts::{PI, TAU};

use crate::RATE;

/// A tone of the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// We are called.
    Ring,
    /// The far end rings.
    Ringback,
    /// The far end is busy or declined.
    Busy,
    /// A second call waits.
    CallWaiting,
    /// The network has no way.
    Congestion,
    /// A call is recorded, and both sides shall know.
    Recording,
    /// Feedback for a pressed key: `0`-`9`, `A`-`D`, `*`, `#`; any other character is silence.
    Dtmf(char),
}

/// One row: what sounds, how loud and when.
struct Shape {
    /// Frequencies in Hz, mixed in equal parts; 0 is none.
    hertz: [f32; 2],
    /// Level of the whole in dBFS (RMS).
    dbfs: f32,
    /// Milliseconds on, off, on, off …, repeated for ever; empty is on for ever.
    cadence_ms: &'static [u32],
}

/// Level of tones in the ear, in dBFS.
pub const EAR_DBFS: f32 = -22.0;
/// Level of the ring, in dBFS.
pub const RING_DBFS: f32 = -14.0;
/// No voice has turned.
const START: [[f32; 2]; 2] = [[0.0, 1.0]; 2];
/// Fade at each edge, in samples (8 ms): long enough to make no click.
const FADE: u32 = RATE * 8 / 1000;

impl Tone {
    fn shape(self) -> Shape {
        let row = |hertz, dbfs, cadence_ms| Shape { hertz, dbfs, cadence_ms };
        match self {
            Self::Ring => row([440.0, 554.4], RING_DBFS, &[400, 200, 400, 2000]),
            Self::Ringback => row([425.0, 0.0], EAR_DBFS, &[1000, 4000]),
            Self::Busy => row([425.0, 0.0], EAR_DBFS, &[480, 480]),
            Self::CallWaiting => row([425.0, 0.0], EAR_DBFS, &[200, 200, 200, 4400]),
            Self::Congestion => row([425.0, 0.0], EAR_DBFS, &[240, 240]),
            // 1400 Hz for 0.2 s every 15 s, as it is usual in the United States (47 CFR 64.501).
            Self::Recording => row([1400.0, 0.0], EAR_DBFS, &[200, 14_800]),
            Self::Dtmf(key) => row(dtmf_hertz(key), EAR_DBFS, &[]),
        }
    }
}

/// ITU-T Q.23: the keys in their rows, and the frequencies of rows and columns in Hz.
pub(crate) const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
pub(crate) const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub(crate) const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// A row and a column frequency for each key.
fn dtmf_hertz(key: char) -> [f32; 2] {
    let key = key.to_ascii_uppercase();
    KEYS.iter()
        .enumerate()
        .find_map(|(row, keys)| keys.find(key).map(|column| [ROWS[row], COLUMNS[column]]))
        .unwrap_or([0.0, 0.0])
}

/// Makes one tone at 48 kHz.
#[derive(Debug, Clone)]
pub struct ToneGenerator {
    /// Sine and cosine of where each voice is, and of how far it turns in a sample.
    turned: [[f32; 2]; 2],
    step: [[f32; 2]; 2],
    amplitude: f32,
    /// On and off spans in samples.
    cadence: Vec<u32>,
    span: usize,
    left: u32,
    /// Position on the fade, 0 (silent)..=FADE (full).
    fade: u32,
    stopping: bool,
}

impl ToneGenerator {
    /// Starts the tone at the beginning of its cadence.
    pub fn new(tone: Tone) -> Self {
        let shape = tone.shape();
        let voices = shape.hertz.iter().filter(|hertz| **hertz > 0.0).count().max(1);
        let cadence: Vec<u32> = shape.cadence_ms.iter().map(|ms| ms * RATE / 1000).collect();
        // The RMS of n sines of amplitude a is a·sqrt(n/2).
        let rms = if shape.hertz[0] > 0.0 { 10f32.powf(shape.dbfs / 20.0) } else { 0.0 };
        Self {
            turned: START,
            step: shape.hertz.map(|hertz| (TAU * hertz / RATE as f32).sin_cos().into()),
            amplitude: rms * (2.0 / voices as f32).sqrt(),
            left: cadence.first().copied().unwrap_or(u32::MAX),
            cadence,
            span: 0,
            fade: 0,
            stopping: false,
        }
    }

    /// Writes the next samples over `out`.
    pub fn fill(&mut self, out: &mut [f32]) {
        for [sin, cos] in &mut self.turned {
            // Each turn rounds a little; this brings them back to the circle.
            let by = 1.5 - 0.5 * (*sin * *sin + *cos * *cos);
            (*sin, *cos) = (*sin * by, *cos * by);
        }
        let mut at = 0;
        while at < out.len() {
            let silent = self.pass_silence(out.len() - at);
            out[at..at + silent].fill(0.0);
            at += silent;
            if let Some(sample) = out.get_mut(at) {
                *sample = self.next();
                at += 1;
            }
        }
    }

    /// Fades out; after 8 ms only silence follows.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether the tone was stopped and has faded.
    pub fn finished(&self) -> bool {
        self.stopping && self.fade == 0
    }

    fn is_on(&self) -> bool {
        self.span.is_multiple_of(2) && !self.stopping
    }

    /// Lets up to `most` samples of a pause pass, all but its last, and says how many.
    fn pass_silence(&mut self, most: usize) -> usize {
        if self.is_on() || self.fade > 0 {
            return 0;
        }
        if self.cadence.is_empty() {
            return most;
        }
        let passed = (self.left - 1).min(u32::try_from(most).unwrap_or(u32::MAX));
        self.left -= passed;
        passed as usize
    }

    fn next(&mut self) -> f32 {
        let on = self.is_on();
        // An even span ends early by its fade, so that cadences keep their length.
        let audible = on && (self.cadence.is_empty() || self.left > FADE);
        self.fade = if audible { (self.fade + 1).min(FADE) } else { self.fade.saturating_sub(1) };
        if !self.cadence.is_empty() {
            self.left -= 1;
            if self.left == 0 {
                self.span = (self.span + 1) % self.cadence.len();
                self.left = self.cadence[self.span];
            }
        }
        if self.fade == 0 {
            self.turned = START;
            return 0.0;
        }
        let gain = if self.fade == FADE { 1.0 } else { 0.5 - 0.5 * (PI * self.fade as f32 / FADE as f32).cos() };
        let mut sum = 0.0;
        for ([sin, cos], [by_sin, by_cos]) in self.turned.iter_mut().zip(self.step) {
            sum += *sin;
            (*sin, *cos) = (*sin * by_cos + *cos * by_sin, *cos * by_cos - *sin * by_sin);
        }
        sum * gain * self.amplitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbfs;
    use crate::signal::amplitude_at;

    const ALL: [Tone; 6] =
        [Tone::Ring, Tone::Ringback, Tone::Busy, Tone::CallWaiting, Tone::Congestion, Tone::Dtmf('5')];

    #[test]
    fn levels_and_frequencies_are_those_of_the_row() {
        for tone in ALL {
            let mut generator = ToneGenerator::new(tone);
            let mut out = vec![0.0; 9600];
            generator.fill(&mut out);
            let steady = &out[1200..6000];
            let shape = tone.shape();
            assert!((rms_dbfs(steady) - shape.dbfs).abs() < 0.3, "{tone:?}: {}", rms_dbfs(steady));
            for hertz in shape.hertz.into_iter().filter(|hertz| *hertz > 0.0) {
                assert!(amplitude_at(steady, hertz) > 0.5 * generator.amplitude, "{tone:?} lacks {hertz}");
            }
            assert!(amplitude_at(steady, 2500.0) < 0.02 * generator.amplitude);
        }
    }

    #[test]
    fn it_is_the_same_in_blocks_of_any_length() {
        for tone in ALL {
            let (mut one, mut other) = (ToneGenerator::new(tone), ToneGenerator::new(tone));
            let (mut whole, mut parts) = (vec![0.0; 300_000], vec![0.0; 300_000]);
            one.fill(&mut whole);
            parts.chunks_mut(77).for_each(|part| other.fill(part));
            let worst = whole.iter().zip(&parts).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
            assert!(worst < 0.01, "{tone:?}: {worst}");
        }
    }

    #[test]
    fn no_edge_clicks_in_ten_seconds_nor_at_the_stop() {
        for tone in ALL {
            let mut generator = ToneGenerator::new(tone);
            let mut out = vec![0.0; 480_000];
            generator.fill(&mut out);
            generator.stop();
            let mut tail = vec![0.0; 960];
            generator.fill(&mut tail);
            out.extend(&tail);
            // The steepest a sum of two sines of this amplitude can be.
            let steepest: f32 = generator.step.iter().map(|[step, _]| step * generator.amplitude).sum::<f32>() * 1.1;
            let mut last = 0.0;
            for sample in &out {
                assert!((sample - last).abs() <= steepest, "{tone:?} clicks");
                last = *sample;
            }
            assert!(generator.finished());
            assert_eq!(out.last(), Some(&0.0));
        }
    }

    #[test]
    fn busy_is_half_a_period_on() {
        let mut generator = ToneGenerator::new(Tone::Busy);
        let mut out = vec![0.0; 48 * 960];
        generator.fill(&mut out);
        assert!(rms_dbfs(&out[48 * 100..48 * 400]) > -23.0);
        assert_eq!(rms_dbfs(&out[48 * 480..48 * 959]), crate::level::SILENCE_DBFS);
    }

    #[test]
    fn an_unknown_key_is_silence() {
        let mut out = [1.0; 480];
        ToneGenerator::new(Tone::Dtmf('x')).fill(&mut out);
        assert_eq!(out, [0.0; 480]);
    }
}
