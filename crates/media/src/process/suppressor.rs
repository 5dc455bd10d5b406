//! What the linear filter of an echo canceller leaves of the echo goes here; who talks here stays.
//!
//! A filter takes out only what is linear and not longer than itself. How much of the echo is left is learned for each
//! frequency from what the filter took out: the tail of that, times a share which is a median, so that speech of the near
//! end, which is there in only some frequencies at a time, hardly moves it. Windows of 64 ms tell the harmonics of two
//! voices apart, and end steeply, so that sound is held up by no more than 4 ms (as asymmetric windows of Mauler and
//! Martin, "A low delay, variable resolution, perfect reconstruction spectral analysis-synthesis system", EUSIPCO 2007).

use std::collections::VecDeque;
use std::f32::consts::FRAC_PI_2;
use std::sync::Arc;
use std::time::Duration;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples at a time, 4 ms: also how late they come out, and how long the end of a window is.
pub(super) const HOP: usize = 64;
const WINDOW: usize = 1_024;
const BINS: usize = WINDOW / 2 + 1;
const RATE: usize = 16_000;

/// What a sound counts from, as power in one bin.
const SOUND: f32 = 8e4;
/// The same for a whole block of the speaker, as power of a sample of 16 bits.
const TALK: f32 = 1e4;
/// By this much the power of a tail falls in a hop: by 60 dB in 300 ms.
const TAIL: f32 = 0.83;
/// Of the power of a bin so much is that of the last hops before.
const SMOOTH: f32 = 0.84;
/// The share that is left in the beginning, as a natural logarithm of power: -20 dB.
const SHARE: f32 = -4.6;
/// How far the share goes at a time, at first and when it has learned; and so much less while the near end talks.
const FIRST: f32 = 0.25;
const STEP: f32 = 0.0125;
const TALKING: f32 = 0.05;
/// In the first seconds in which the far end talks, all that the speaker plays may come back as loud as it is: the filter
/// has learned nothing yet.
const UNKNOWN: Duration = Duration::from_millis(1_500);
const BECOMES_KNOWN: Duration = Duration::from_millis(500);
/// How long the room may ring with what was played, as power that is left of it after each hop.
const RINGS: f32 = 0.95;
/// The near end talks where a tenth of the bins of speech are 13 dB above what the echo can be, or all of them together
/// 12 dB. It goes on for as many hops.
const SPEECH: std::ops::Range<usize> = 200 * WINDOW / RATE..4_000 * WINDOW / RATE;
const ABOVE: f32 = 20.0;
const MANY: usize = 10;
const LOUD: f32 = 16.0;
const HOLD: u32 = 26;
/// So many times the echo that was learned of is taken out, for a median is often exceeded; and so little is left of a bin.
const TIMES: f32 = 60.0;
const LEFT: f32 = 0.001;
/// Of what may pass, so much is what passed before (Ephraim and Malah, 1984).
const BEFORE: f32 = 0.8;
/// The noise of the room is the least of what is there; it may rise by 1.5 dB a second.
const RISE: f32 = 1.001_38;
/// The least of a smoothed power is below its mean.
const LEAST: f32 = 3.0;

/// What is known of one frequency. All are powers.
#[derive(Clone, Copy)]
struct Bin {
    /// What the filter took out, with its tail.
    tail: f32,
    /// Which share of that is still there: a logarithm, and how often it was looked at.
    share: f32,
    looked: u32,
    /// What the filter left.
    left: f32,
    /// The loudest that the speaker played lately.
    played: f32,
    /// The echo that is expected now, and what is taken out for it.
    echo: f32,
    taken: f32,
    noise: f32,
    /// What passed.
    passed: f32,
}

/// Sound in one frequency band up to 8 kHz, in samples of 16 bits.
pub(super) struct Suppressor {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    analysis: Vec<f32>,
    /// For the last two hops of a window.
    synthesis: [f32; 2 * HOP],
    left: Stretch,
    taken: Stretch,
    played: Stretch,
    bins: Vec<Bin>,
    /// Hops for which the near end still talks.
    talks: u32,
    /// How long the far end has talked, ever.
    far: Duration,
    /// What of the last window comes out with the next.
    rest: [f32; HOP],
    time: Vec<f32>,
}

/// The last window of some sound, and its spectrum.
struct Stretch {
    sound: Vec<f32>,
    spectrum: Vec<Complex32>,
}

impl Stretch {
    fn new() -> Self {
        Self { sound: vec![0.0; WINDOW], spectrum: vec![Complex32::ZERO; BINS] }
    }

    fn push(&mut self, hop: impl Iterator<Item = f32>) {
        self.sound.copy_within(HOP.., 0);
        self.sound[WINDOW - HOP..].iter_mut().zip(hop).for_each(|(sample, new)| *sample = new);
    }

    fn transform(&mut self, by: &dyn RealToComplex<f32>, window: &[f32], time: &mut [f32]) {
        for ((windowed, sample), weight) in time.iter_mut().zip(&self.sound).zip(window) {
            *windowed = sample * weight;
        }
        // Only a slice of another length is refused.
        let _ = by.process(time, &mut self.spectrum);
    }
}

impl Suppressor {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let rise = WINDOW - HOP;
        let analysis: Vec<f32> = (0..WINDOW)
            .map(|at| match at.checked_sub(rise) {
                None => (FRAC_PI_2 * (at as f32 + 0.5) / rise as f32).sin(),
                Some(past) => (FRAC_PI_2 * (past as f32 + 0.5) / HOP as f32).cos(),
            })
            .collect();
        // Both windows together are one of Hann, which with itself a hop later is one; and the transforms are not normed.
        let synthesis = std::array::from_fn(|at| {
            let hann = (FRAC_PI_2 * (at as f32 + 0.5) / HOP as f32).sin().powi(2);
            hann / analysis[WINDOW - 2 * HOP + at] / WINDOW as f32
        });
        let bin = Bin {
            tail: 0.0,
            share: SHARE,
            looked: 0,
            left: 0.0,
            played: 0.0,
            echo: 0.0,
            taken: 0.0,
            noise: f32::MAX,
            passed: 0.0,
        };
        Self {
            forward: planner.plan_fft_forward(WINDOW),
            inverse: planner.plan_fft_inverse(WINDOW),
            analysis,
            synthesis,
            left: Stretch::new(),
            taken: Stretch::new(),
            played: Stretch::new(),
            bins: vec![bin; BINS],
            talks: 0,
            far: Duration::ZERO,
            rest: [0.0; HOP],
            time: vec![0.0; WINDOW],
        }
    }

    /// Takes what the microphone `heard`, what the filter `left` of it, and what the speaker `played` at about the same time.
    /// Gives what may pass into `out`, a hop late, and how much of the sound above 8 kHz may.
    pub(super) fn process(
        &mut self,
        heard: &[f32; HOP],
        left: &[f32; HOP],
        played: &[f32; HOP],
        out: &mut [f32; HOP],
    ) -> f32 {
        self.left.push(left.iter().copied());
        self.taken.push(heard.iter().zip(left).map(|(heard, left)| heard - left));
        self.played.push(played.iter().copied());
        if played.iter().map(|sample| sample * sample).sum::<f32>() > TALK * HOP as f32 {
            self.far += Duration::from_millis(4);
        }
        let forward = self.forward.as_ref();
        self.left.transform(forward, &self.analysis, &mut self.time);
        self.taken.transform(forward, &self.analysis, &mut self.time);
        // What is not known of the way from speaker to microphone, from one to nothing.
        let past = self.far.saturating_sub(UNKNOWN).as_secs_f32();
        let unknown = (1.0 - past / BECOMES_KNOWN.as_secs_f32()).max(0.0);
        if unknown > 0.0 {
            self.played.transform(forward, &self.analysis, &mut self.time);
        }
        self.expect(unknown);
        let high = self.suppress();
        // As real as the sound they come from.
        self.left.spectrum[0].im = 0.0;
        self.left.spectrum[BINS - 1].im = 0.0;
        let _ = self.inverse.process(&mut self.left.spectrum, &mut self.time);
        let sound = self.time[WINDOW - 2 * HOP..].iter().zip(&self.synthesis).map(|(sample, weight)| sample * weight);
        for (at, sample) in sound.enumerate() {
            match at.checked_sub(HOP) {
                None => out[at] = self.rest[at] + sample,
                Some(at) => self.rest[at] = sample,
            }
        }
        high
    }

    /// How much echo is to be expected in each bin, and whether the near end talks.
    fn expect(&mut self, unknown: f32) {
        let spectra = self.left.spectrum.iter().zip(&self.taken.spectrum).zip(&self.played.spectrum);
        for (bin, ((left, taken), played)) in self.bins.iter_mut().zip(spectra) {
            let now = left.norm_sqr();
            bin.tail = bin.tail * TAIL + taken.norm_sqr() * (1.0 - TAIL);
            bin.left = bin.left * SMOOTH + now * (1.0 - SMOOTH);
            bin.noise = (bin.noise * RISE).min(bin.left);
            if bin.tail > SOUND {
                let is_left = (bin.left.max(1.0) / bin.tail).ln();
                let mut step = STEP.max(FIRST / (1.0 + bin.looked as f32 / 16.0));
                if self.talks > 0 {
                    step *= TALKING;
                }
                bin.looked = bin.looked.saturating_add(1);
                bin.share += if is_left > bin.share { step / 2.0 } else { -step / 2.0 };
            }
            bin.echo = bin.tail * bin.share.exp();
            bin.taken = bin.echo * TIMES;
            if unknown > 0.0 {
                // This is no median but more than an echo ever is.
                bin.played = (bin.played * RINGS).max(played.norm_sqr());
                bin.echo = bin.echo.max(unknown * bin.played);
                bin.taken = bin.taken.max(unknown * bin.played);
            }
        }
        let speech = &self.bins[SPEECH];
        let (left, echo) = speech.iter().fold((0.0, 0.0), |(left, echo), bin| (left + bin.left, echo + bin.echo));
        // Nothing is known of bins of which the filter took nothing out.
        let told = speech.iter().filter(|bin| bin.tail > SOUND);
        let (count, above) =
            told.fold((0, 0), |(count, above), bin| (count + 1, above + usize::from(bin.left > ABOVE * bin.echo)));
        let talks = above * MANY > count.max(40) || left > LOUD * echo.max(SOUND / 10.0);
        self.talks = if talks { HOLD } else { self.talks.saturating_sub(1) };
    }

    /// Takes it out. Gives what passes of the sound from 4 kHz on, as the mean of the amplitudes.
    fn suppress(&mut self) -> f32 {
        let mut high = 0.0;
        for (at, (bin, left)) in self.bins.iter_mut().zip(&mut self.left.spectrum).enumerate() {
            let now = left.norm_sqr();
            let echo = bin.taken + 1.0;
            let near = BEFORE * bin.passed / echo + (1.0 - BEFORE) * (now / echo - 1.0).max(0.0);
            // No deeper than the noise of the room, or the far end would hear it come and go.
            let noise = (LEAST * bin.noise / (now + 1.0)).sqrt().min(1.0);
            let passes = if bin.echo < 1.0 { 1.0 } else { (near / (1.0 + near)).max(LEFT).max(noise) };
            bin.passed = passes * passes * now;
            *left *= passes;
            if at > BINS / 2 {
                high += passes;
            }
        }
        high / (BINS / 2) as f32
    }
}

/// What the speaker played lately, in hops.
pub(super) struct Played(VecDeque<[f32; HOP]>);

impl Played {
    /// As long as a device may hold it up.
    const HOPS: usize = 150;

    pub(super) fn new() -> Self {
        Self(VecDeque::from(vec![[0.0; HOP]; Self::HOPS]))
    }

    pub(super) fn push(&mut self, hop: [f32; HOP]) {
        self.0.pop_front();
        self.0.push_back(hop);
    }

    /// What was played so many hops before the last.
    pub(super) fn before(&self, hops: usize) -> &[f32; HOP] {
        &self.0[(Self::HOPS - 1).saturating_sub(hops)]
    }
}
