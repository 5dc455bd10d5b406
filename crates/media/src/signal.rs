//! The signal of the echo test and what is needed to find it again: a voice-like sound that is the same for the same
//! seed, and measures of delay, likeness and gaps.
//!
//! [`Speech`] sounds like somebody humming syllables: a wandering pitch through moving resonances, three to six
//! syllables a second, never silent for long and never the same twice, so that a correlation has one peak.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::RATE;

/// Level of [`Speech`], in dBFS, within ±5 over a second.
pub const SPEECH_DBFS: f32 = -20.0;

/// A voice-like sound at 48 kHz.
#[derive(Debug, Clone)]
pub struct Speech {
    rng: ChaCha12Rng,
    phase: f32,
    pitch: f32,
    /// Pitch and resonances of this syllable and the samples left of it.
    goal: Syllable,
    length: u32,
    left: u32,
    formants: [Resonance; 3],
    noise: f32,
}

#[derive(Debug, Clone, Copy)]
struct Syllable {
    pitch: f32,
    hertz: [f32; 3],
    noise: f32,
    loud: f32,
}

/// A two-pole resonator.
#[derive(Debug, Clone, Copy, Default)]
struct Resonance {
    hertz: f32,
    feedback: [f32; 2],
    gain: f32,
    past: [f32; 2],
}

impl Resonance {
    const BANDWIDTH: f32 = 110.0;

    fn tune(&mut self, hertz: f32) {
        let radius = (-std::f32::consts::PI * Self::BANDWIDTH / RATE as f32).exp();
        let angle = std::f32::consts::TAU * hertz / RATE as f32;
        self.hertz = hertz;
        self.feedback = [2.0 * radius * angle.cos(), -radius * radius];
        self.gain = (1.0 - radius * radius) * angle.sin();
    }

    fn next(&mut self, input: f32) -> f32 {
        let out = self.gain * input + self.feedback[0] * self.past[0] + self.feedback[1] * self.past[1];
        self.past = [out, self.past[0]];
        out
    }
}

impl Speech {
    /// Begins the sound of this seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let goal = syllable(&mut rng);
        let mut formants = [Resonance::default(); 3];
        for (formant, hertz) in formants.iter_mut().zip(goal.hertz) {
            formant.tune(hertz);
        }
        Self { rng, phase: 0.0, pitch: goal.pitch, goal, length: 1, left: 0, formants, noise: 0.0 }
    }

    /// Writes the next samples over `out`.
    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.next();
        }
    }

    fn next(&mut self) -> f32 {
        if self.left == 0 {
            self.goal = syllable(&mut self.rng);
            self.length = self.rng.random_range(RATE / 6..RATE / 3);
            self.left = self.length;
        }
        self.left -= 1;
        // The resonances glide; retuning each millisecond is smooth enough.
        if self.left.is_multiple_of(48) {
            for (formant, hertz) in self.formants.iter_mut().zip(self.goal.hertz) {
                formant.tune(formant.hertz + (hertz - formant.hertz) * 0.03);
            }
            self.pitch += (self.goal.pitch - self.pitch) * 0.02;
            self.noise += (self.goal.noise - self.noise) * 0.05;
        }
        self.phase += self.pitch / RATE as f32;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
        }
        // A rounded pulse, falling in the last fifth of the period, as the glottis does it.
        let pulse = if self.phase < 0.8 { self.phase / 0.8 } else { (1.0 - self.phase) / 0.2 } - 0.5;
        let breath = self.rng.random_range(-1.0f32..1.0) * self.noise;
        let source = pulse + breath;
        let voice: f32 = self.formants.iter_mut().zip([1.0, 0.8, 0.5]).map(|(f, share)| share * f.next(source)).sum();
        let at = self.left as f32 / self.length as f32;
        let envelope = 0.35 + 0.65 * (std::f32::consts::PI * at).sin();
        (voice * envelope * self.goal.loud * 0.9).clamp(-0.9, 0.9)
    }
}

fn syllable(rng: &mut ChaCha12Rng) -> Syllable {
    Syllable {
        pitch: rng.random_range(95.0..210.0),
        hertz: [rng.random_range(280.0..800.0), rng.random_range(900.0..2200.0), rng.random_range(2300.0..3200.0)],
        noise: rng.random_range(0.02..0.3),
        loud: rng.random_range(0.9..1.4),
    }
}

/// Where a reference was found in a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Samples by which the recording is behind the reference.
    pub delay: usize,
    /// Likeness at that delay, 0..=1.
    pub likeness: f32,
}

/// Finds `reference` in `heard`, which may be up to `longest` samples behind. Takes the first two seconds of the
/// reference; `None` when there is nothing to compare or the likeness stays under 0.3.
pub fn find_delay(reference: &[f32], heard: &[f32], longest: usize) -> Option<Found> {
    const COARSE: usize = 8;
    let length = reference.len().min(2 * RATE as usize).min(heard.len());
    let longest = longest.min(heard.len() - length);
    if length < RATE as usize / 10 {
        return None;
    }
    // First at 6 kHz over all delays, then exactly round the best.
    let (small, large) = (thinned(&reference[..length], COARSE), thinned(&heard[..length + longest], COARSE));
    let coarse = best_lag(&small, &large, 0, longest / COARSE)?;
    let around = coarse.delay * COARSE;
    let fine = best_lag(&reference[..length], heard, around.saturating_sub(COARSE), (around + COARSE).min(longest))?;
    (fine.likeness >= 0.3).then_some(fine)
}

/// Share (0..=1) of the whole windows of `reference` that are found in `heard` near `delay`. A window counts when its
/// likeness is at least 0.5 somewhere within ±`slack` samples, for jitter buffers move a little; it takes part only
/// if the reference is louder than −50 dBFS there.
pub fn windows_found(reference: &[f32], heard: &[f32], delay: usize, window: usize, slack: usize) -> f32 {
    const COARSE: usize = 4;
    let (reference, heard) = (thinned(reference, COARSE), thinned(heard, COARSE));
    let (delay, window, slack) = (delay / COARSE, (window / COARSE).max(1), slack / COARSE);
    let (mut found, mut all) = (0u32, 0u32);
    for (index, part) in reference.chunks_exact(window).enumerate() {
        let expected = index * window + delay;
        if expected + window > heard.len() || crate::level::rms_dbfs(part) < -50.0 {
            continue;
        }
        all += 1;
        let last = (expected + slack).min(heard.len() - window);
        let best = best_lag(part, &heard, expected.saturating_sub(slack), last);
        found += u32::from(best.is_some_and(|best| best.likeness >= 0.5));
    }
    if all == 0 { 0.0 } else { found as f32 / all as f32 }
}

/// Stretches of `heard` of at least `shortest` samples that stay below `dbfs` in every millisecond, as (start, length)
/// in samples.
pub fn gaps(heard: &[f32], dbfs: f32, shortest: usize) -> Vec<(usize, usize)> {
    const STEP: usize = RATE as usize / 1000;
    let mut found = Vec::new();
    let mut start = None;
    for (index, part) in heard.chunks(STEP).enumerate() {
        if crate::level::rms_dbfs(part) < dbfs {
            start.get_or_insert(index * STEP);
        } else if let Some(start) = start.take() {
            found.push((start, index * STEP - start));
        }
    }
    found.extend(start.map(|start| (start, heard.len() - start)));
    found.retain(|gap| gap.1 >= shortest);
    found
}

/// How much of one frequency is in sound of 48 kHz, as the amplitude of its sine (Goertzel).
#[must_use]
pub fn amplitude_at(samples: &[f32], hertz: f32) -> f32 {
    let (mut re, mut im) = (0.0f64, 0.0f64);
    for (n, sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * f64::from(hertz) * n as f64 / f64::from(RATE);
        re += f64::from(*sample) * angle.cos();
        im -= f64::from(*sample) * angle.sin();
    }
    (2.0 * re.hypot(im) / samples.len() as f64) as f32
}

/// Every `step`th sample of a running mean over `step` samples.
fn thinned(samples: &[f32], step: usize) -> Vec<f32> {
    samples.chunks_exact(step).map(|part| part.iter().sum::<f32>() / step as f32).collect()
}

/// The lag in `from..=to` at which `part` is most like `whole`.
fn best_lag(part: &[f32], whole: &[f32], from: usize, to: usize) -> Option<Found> {
    let energy: f32 = part.iter().map(|sample| sample * sample).sum();
    (from..=to)
        .filter_map(|delay| {
            let there = whole.get(delay..delay + part.len())?;
            let (mut product, mut power) = (0.0f32, 0.0f32);
            for (a, b) in part.iter().zip(there) {
                product += a * b;
                power += b * b;
            }
            let likeness = product / (energy * power).sqrt().max(1e-6);
            Some(Found { delay, likeness: likeness.clamp(0.0, 1.0) })
        })
        .max_by(|a, b| a.likeness.total_cmp(&b.likeness))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbfs;

    fn speech(seed: u64, seconds: usize) -> Vec<f32> {
        let mut out = vec![0.0; seconds * RATE as usize];
        Speech::new(seed).fill(&mut out);
        out
    }

    #[test]
    fn it_is_the_same_for_a_seed_and_of_even_level() {
        for seed in 0..4 {
            let sound = speech(seed, 5);
            assert_eq!(sound, speech(seed, 5));
            for second in sound.chunks(RATE as usize) {
                assert!((rms_dbfs(second) - SPEECH_DBFS).abs() < 5.0, "{seed}: {}", rms_dbfs(second));
            }
            assert!(gaps(&sound[4800..], -45.0, 960).is_empty());
        }
        assert_ne!(speech(1, 1), speech(2, 1));
    }

    #[test]
    fn a_delayed_noisy_copy_is_found_to_the_sample() {
        let sound = speech(3, 3);
        let mut heard = vec![0.0; 7_321];
        let mut rng = ChaCha12Rng::seed_from_u64(9);
        heard.extend(sound.iter().map(|sample| 0.3 * sample + rng.random_range(-0.02f32..0.02)));
        let found = find_delay(&sound, &heard, 48_000).unwrap();
        assert_eq!(found.delay, 7_321);
        assert!(found.likeness > 0.7);
        assert_eq!(windows_found(&sound, &heard, 7_321, 9_600, 960), 1.0);
    }

    #[test]
    fn another_voice_or_silence_is_not_found() {
        assert_eq!(find_delay(&speech(3, 2), &speech(4, 3), 48_000), None);
        assert_eq!(find_delay(&speech(3, 2), &vec![0.0; 144_000], 48_000), None);
        assert_eq!(find_delay(&[], &[], 100), None);
        assert!(windows_found(&speech(3, 2), &speech(4, 3), 0, 9_600, 960) < 0.2);
    }

    #[test]
    fn half_of_it_lost_is_half_found() {
        let sound = speech(3, 4);
        let mut heard = sound.clone();
        heard[..96_000].fill(0.0);
        assert!((windows_found(&sound, &heard, 0, 9_600, 480) - 0.5).abs() < 0.06);
        assert_eq!(gaps(&heard, -60.0, 48_000).first().map(|gap| gap.0), Some(0));
    }
}
