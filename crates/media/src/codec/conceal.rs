//! Concealment for codecs without any, in the manner of G.711 Appendix I: the last pitch period goes on, fading out
//! from 10 to 60 ms, and blends into the sound that returns. Lengths are in samples at 8 kHz, times the scale of the rate.

/// Sound remembered: 60 ms.
const HISTORY: usize = 480;
/// Pitch periods searched: 2.5..=15 ms (67..=400 Hz).
const LAGS: std::ops::RangeInclusive<usize> = 20..=120;
/// Samples compared for the pitch: 20 ms.
const COMPARED: usize = 160;
/// Full level until here: 10 ms.
const FADE_START: usize = 80;
/// Silence from here: 60 ms.
const FADE_END: usize = 480;
/// Blend into returning sound: 5 ms.
const BLEND: usize = 40;
/// What is left of the step after each 125 µs.
const WEAR: f32 = 0.78;

/// Keeps the last sound and makes up more of it.
#[derive(Debug, Clone)]
pub(super) struct Concealer {
    /// The rate in units of 8 kHz.
    scale: usize,
    wear: f32,
    history: Vec<f32>,
    /// The period being repeated; empty while real sound comes.
    period: Vec<f32>,
    made: usize,
    /// Step from the real sound to the first made sample, worn off over 2 ms.
    step: f32,
}

impl Concealer {
    /// Has heard nothing; `rate` is 8 000 Hz or a multiple.
    pub(super) fn new(rate: usize) -> Self {
        let scale = (rate / 8_000).max(1);
        let wear = WEAR.powf(1.0 / scale as f32);
        Self { scale, wear, history: Vec::new(), period: Vec::new(), made: 0, step: 0.0 }
    }

    /// Takes real sound; where sound was made up before, its start is blended with more of that.
    pub(super) fn heard(&mut self, samples: &mut [f32]) {
        if !self.period.is_empty() {
            let blend = (BLEND * self.scale).min(samples.len());
            for (n, sample) in samples[..blend].iter_mut().enumerate() {
                let share = (n + 1) as f32 / (blend + 1) as f32;
                *sample = *sample * share + self.make() * (1.0 - share);
            }
            self.period.clear();
        }
        self.remember(samples);
    }

    /// Appends `count` samples that go on from the last sound.
    pub(super) fn conceal(&mut self, count: usize, out: &mut Vec<f32>) {
        if self.period.is_empty() {
            self.begin();
        }
        for _ in 0..count {
            let made = self.make();
            out.push(made);
        }
    }

    fn remember(&mut self, samples: &[f32]) {
        self.history.extend_from_slice(samples);
        let surplus = self.history.len().saturating_sub(HISTORY * self.scale);
        self.history.drain(..surplus);
    }

    fn begin(&mut self) {
        self.made = 0;
        let lag = pitch(&self.history, self.scale);
        let len = self.history.len();
        if len < 2 * lag {
            self.period = vec![0.0; lag];
            self.step = self.history.last().copied().unwrap_or(0.0);
            return;
        }
        self.period.clear();
        self.period.extend_from_slice(&self.history[len - lag..]);
        // The end of the period turns into what came before its start, so that its repetition has no seam.
        let quarter = lag / 4;
        for n in 0..quarter {
            let share = (n + 1) as f32 / (quarter + 1) as f32;
            let at = lag - quarter + n;
            self.period[at] = self.period[at] * (1.0 - share) + self.history[len - 2 * lag + at] * share;
        }
        self.step = self.history[len - 1] - self.history[len - lag - 1];
    }

    fn make(&mut self) -> f32 {
        let (start, end) = (FADE_START * self.scale, FADE_END * self.scale);
        let gain = 1.0 - (self.made.clamp(start, end) - start) as f32 / (end - start) as f32;
        let sample = self.period[self.made % self.period.len()] * gain + self.step;
        self.step *= self.wear;
        self.made += 1;
        sample
    }
}

/// The lag at which the end of `history` looks most like what was before it.
fn pitch(history: &[f32], scale: usize) -> usize {
    let len = history.len();
    let (compared, default) = (COMPARED * scale, LAGS.end() * scale);
    if len < compared + default {
        return default;
    }
    let recent = &history[len - compared..];
    let likeness = |lag: usize| {
        let earlier = &history[len - compared - lag..len - lag];
        dot(recent, earlier) / (dot(earlier, earlier) + 1e-9).sqrt()
    };
    (LAGS.start() * scale..=default)
        .map(|lag| (lag, likeness(lag)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(default, |(lag, _)| lag)
}

/// The sum of the products, whose number is a multiple of eight: eight sums side by side, for of one alone each addition
/// waits for the one before.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (left, right) in left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(count: usize, rate: usize) -> Vec<f32> {
        (0..count)
            .map(|n| {
                let angle = n as f32 * std::f32::consts::TAU * 150.0 / rate as f32;
                0.2 * angle.sin() + 0.1 * (3.0 * angle).sin()
            })
            .collect()
    }

    #[test]
    fn a_voice_goes_on_without_a_click_and_fades() {
        for scale in [1, 2] {
            let sound = voice(2000 * scale, 8000 * scale);
            let steepest = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            let mut concealer = Concealer::new(8000 * scale);
            let mut out = sound[..800 * scale].to_vec();
            concealer.heard(&mut out);
            concealer.conceal(160 * scale, &mut out);
            let mut after = sound[960 * scale..1120 * scale].to_vec();
            concealer.heard(&mut after);
            out.extend(after);
            for pair in out.windows(2) {
                assert!((pair[1] - pair[0]).abs() < 1.3 * steepest, "{scale}");
            }
            // The first 10 ms are nearly the sound that was lost.
            let lost = 800 * scale..880 * scale;
            let error: f32 = out[lost.clone()].iter().zip(&sound[lost.clone()]).map(|(a, b)| (a - b).powi(2)).sum();
            let energy: f32 = sound[lost].iter().map(|sample| sample.powi(2)).sum();
            assert!(error < 0.1 * energy, "{scale}: {error} of {energy}");
            let mut long = Vec::new();
            concealer.conceal(2000 * scale, &mut long);
            assert!(long[(FADE_END + 100) * scale..].iter().all(|sample| sample.abs() < 1e-3), "{scale}");
            assert!(long[..FADE_END * scale / 2].iter().any(|sample| sample.abs() > 0.05), "{scale}");
        }
    }

    #[test]
    fn nothing_heard_yet_is_silence() {
        let mut out = Vec::new();
        Concealer::new(16_000).conceal(160, &mut out);
        assert_eq!(out, [0.0; 160]);
    }
}
