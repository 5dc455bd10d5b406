//! Concealment for codecs without any, in the manner of G.711 Appendix I: the last pitch period goes on, fading out
//! from 10 to 60 ms, and blends into the sound that returns. Works at 8 kHz.

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

/// Keeps the last sound and makes up more of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Concealer {
    history: Vec<f32>,
    /// The period being repeated; empty while real sound comes.
    period: Vec<f32>,
    made: usize,
    /// Step from the real sound to the first made sample, worn off over 2 ms.
    step: f32,
}

impl Concealer {
    /// Takes real sound; where sound was made up before, its start is blended with more of that.
    pub(super) fn heard(&mut self, samples: &mut [f32]) {
        if !self.period.is_empty() {
            let blend = BLEND.min(samples.len());
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
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    fn begin(&mut self) {
        self.made = 0;
        let lag = pitch(&self.history);
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
        let gain = match self.made {
            ..FADE_START => 1.0,
            FADE_START..FADE_END => 1.0 - (self.made - FADE_START) as f32 / (FADE_END - FADE_START) as f32,
            _ => 0.0,
        };
        let sample = self.period[self.made % self.period.len()] * gain + self.step;
        self.step *= 0.78;
        self.made += 1;
        sample
    }
}

/// The lag at which the end of `history` looks most like what was before it.
fn pitch(history: &[f32]) -> usize {
    let len = history.len();
    let default = *LAGS.end();
    if len < COMPARED + default {
        return default;
    }
    let recent = &history[len - COMPARED..];
    let likeness = |lag: usize| {
        let earlier = &history[len - COMPARED - lag..len - lag];
        let product: f32 = recent.iter().zip(earlier).map(|(a, b)| a * b).sum();
        let energy: f32 = earlier.iter().map(|sample| sample * sample).sum();
        product / (energy + 1e-9).sqrt()
    };
    LAGS.map(|lag| (lag, likeness(lag))).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(default, |(lag, _)| lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(count: usize) -> Vec<f32> {
        (0..count)
            .map(|n| {
                let angle = n as f32 * std::f32::consts::TAU * 150.0 / 8000.0;
                0.2 * angle.sin() + 0.1 * (3.0 * angle).sin()
            })
            .collect()
    }

    #[test]
    fn a_voice_goes_on_without_a_click_and_fades() {
        let sound = voice(2000);
        let steepest = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        let mut concealer = Concealer::default();
        let mut out = sound[..800].to_vec();
        concealer.heard(&mut out);
        concealer.conceal(160, &mut out);
        let mut after = sound[960..1120].to_vec();
        concealer.heard(&mut after);
        out.extend(after);
        for pair in out.windows(2) {
            assert!((pair[1] - pair[0]).abs() < 1.3 * steepest);
        }
        // The first 10 ms are nearly the sound that was lost.
        let error: f32 = out[800..880].iter().zip(&sound[800..880]).map(|(a, b)| (a - b).powi(2)).sum();
        let energy: f32 = sound[800..880].iter().map(|sample| sample.powi(2)).sum();
        assert!(error < 0.1 * energy, "{error} of {energy}");
        let mut long = Vec::new();
        concealer.conceal(2000, &mut long);
        assert!(long[FADE_END + 100..].iter().all(|sample| sample.abs() < 1e-3));
    }

    #[test]
    fn nothing_heard_yet_is_silence() {
        let mut out = Vec::new();
        Concealer::default().conceal(160, &mut out);
        assert_eq!(out, [0.0; 160]);
    }
}
