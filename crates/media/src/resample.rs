//! From one sampling rate to another: device rates to the 48 kHz of the pipeline and back, 8 kHz for G.711 and
//! 16 kHz for G.722, and the small corrections that keep two clocks in step.

use std::array;
use std::time::{Duration, Instant};

use rubato::WindowFunction;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Adjustable, Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType};

use crate::error::SoundError;

/// Rates of devices that are taken.
pub const DEVICE_RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// The furthest a ratio may be bent, as a factor.
const MOST_BENT: f64 = 1.01;

/// Converts a stream of any block sizes from one rate to another.
pub struct Resampler {
    inner: Async<f32>,
    chunk: usize,
    pending: Vec<f32>,
    out: Vec<f32>,
}

impl Resampler {
    /// A converter with 5 ms blocks. Rates outside [`DEVICE_RATES`] are refused.
    pub fn new(from: u32, to: u32) -> Result<Self, SoundError> {
        let refused = SoundError::Rates { from, to };
        if !DEVICE_RATES.contains(&from) || !DEVICE_RATES.contains(&to) {
            return Err(refused);
        }
        let chunk = (from / 200) as usize;
        let parameters = SincInterpolationParameters::new(64, WindowFunction::BlackmanHarris2)
            .oversampling_factor(128)
            .interpolation(SincInterpolationType::Linear);
        let ratio = f64::from(to) / f64::from(from);
        let inner = Async::new_sinc(ratio, MOST_BENT, &parameters, chunk, 1, FixedAsync::Input).map_err(|_| refused)?;
        let out = vec![0.0; inner.output_frames_max()];
        Ok(Self { inner, chunk, pending: Vec::with_capacity(2 * chunk), out })
    }

    /// Bends the ratio: 1.0001 gives 100 ppm more samples. Held within ±1 %.
    pub fn bend(&mut self, factor: f64) {
        let factor = if factor.is_finite() { factor.clamp(0.991, 1.009) } else { 1.0 };
        // The factor is within the bounds the converter was made for, so this cannot be refused.
        let _ = self.inner.set_resample_ratio_relative(factor, true);
    }

    /// Appends the converted sound to `out`; up to 5 ms of input stay behind for the next call.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.pending.extend_from_slice(input);
        let mut used = 0;
        while self.pending.len() - used >= self.chunk {
            let block = &self.pending[used..used + self.chunk];
            used += self.chunk;
            let room = self.out.len();
            let (Ok(input), Ok(mut output)) =
                (InterleavedSlice::new(block, 1, self.chunk), InterleavedSlice::new_mut(&mut self.out, 1, room))
            else {
                continue;
            };
            if let Ok((_, made)) = self.inner.process_into_buffer(&input, &mut output, None) {
                out.extend_from_slice(&self.out[..made]);
            }
        }
        self.pending.drain(..used);
    }
}

/// Keeps the fill of a ring steady whose two ends run on different clocks: a PI controller that says by how much to
/// bend the resampler before it.
#[derive(Debug, Clone)]
pub struct DriftCorrector {
    /// Wanted fill in seconds.
    target: f64,
    smoothed: Option<f64>,
    integral: f64,
    last: Option<Instant>,
}

/// Seconds of bend per second of error. With the integral gain below: critically damped, settles in about 20 s.
const PROPORTIONAL: f64 = 0.2;
/// Seconds of bend per second of error and second.
const INTEGRAL: f64 = 0.01;
/// The most that is bent: 5 000 ppm, eight hundredths of a semitone.
const MOST: f64 = 0.005;
/// Smoothing time of the fill, which jumps by a device period.
const SMOOTHING: f64 = 0.5;

impl DriftCorrector {
    /// Holds the ring at `target`.
    pub fn new(target: Duration) -> Self {
        Self { target: target.as_secs_f64(), smoothed: None, integral: 0.0, last: None }
    }

    /// Holds it at `target` from now on.
    pub fn aim(&mut self, target: Duration) {
        self.target = target.as_secs_f64();
    }

    /// Takes the fill of the ring and returns the factor for [`Resampler::bend`]: below 1 when it is too full.
    pub fn update(&mut self, now: Instant, fill: Duration) -> f64 {
        let fill = fill.as_secs_f64();
        let elapsed = self.last.map_or(0.0, |last| now.saturating_duration_since(last).as_secs_f64().min(1.0));
        self.last = Some(now);
        let smoothed = self.smoothed.map_or(fill, |old| old + (fill - old) * (elapsed / SMOOTHING).min(1.0));
        self.smoothed = Some(smoothed);
        let error = self.target - smoothed;
        self.integral = (self.integral + INTEGRAL * error * elapsed).clamp(-MOST, MOST);
        1.0 + (PROPORTIONAL * error + self.integral).clamp(-MOST, MOST)
    }
}

/// Taps of the filter between 48 kHz and a lower rate, for each of its phases.
const TAPS: usize = 24;

/// A windowed sinc of `factor` phases with its corner at 92 % of the lower rate's half (3.7 of 4 kHz), unit gain at
/// 48 kHz.
fn filter(factor: usize) -> Vec<f32> {
    let len = TAPS * factor;
    let corner = 0.925 / factor as f64;
    let tap = |n: usize| {
        let at = n as f64 - (len - 1) as f64 / 2.0;
        let sinc = (std::f64::consts::PI * corner * at).sin() / (std::f64::consts::PI * at);
        let turn = std::f64::consts::TAU * (n as f64 + 0.5) / len as f64;
        sinc * (0.54 - 0.46 * turn.cos())
    };
    let taps: Vec<f64> = (0..len).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

/// So many sums are made side by side: of one alone each addition waits for the one before.
const ABREAST: usize = 16;

/// Adds to each of `out` the products of the taps and of what begins at its place in `sound`, which is longer by all taps
/// but one.
fn convolve(taps: &[f32; TAPS], sound: &[f32], out: &mut [f32]) {
    let (blocks, rest) = out.as_chunks_mut::<ABREAST>();
    for (at, block) in blocks.iter_mut().enumerate() {
        let window = sound[at * ABREAST..].first_chunk::<{ ABREAST + TAPS - 1 }>().expect("the sound is long enough");
        let mut sums = *block;
        for (first, tap) in taps.iter().enumerate() {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += tap * window[first + at];
            }
        }
        *block = sums;
    }
    for (sum, window) in rest.iter_mut().zip(sound[blocks.len() * ABREAST..].windows(TAPS)) {
        *sum += taps.iter().zip(window).map(|(tap, sample)| tap * sample).sum::<f32>();
    }
}

/// A lower rate to 48 kHz: a whole number of samples out for each in, 1.5 ms late from 8 kHz and half that from 16.
#[derive(Debug, Clone)]
pub struct Up {
    /// Each of the taps that are `factor` apart, the last first, and that many times as large: the samples between are
    /// silence.
    phases: Vec<[f32; TAPS]>,
    history: Vec<f32>,
    made: Vec<f32>,
}

impl Up {
    /// Begins in silence; `factor` is 6 from 8 kHz, 3 from 16 kHz.
    pub fn new(factor: usize) -> Self {
        let taps = filter(factor);
        let phase = |phase| array::from_fn(|at| factor as f32 * taps[phase + factor * (TAPS - 1 - at)]);
        Self { phases: (0..factor).map(phase).collect(), history: vec![0.0; TAPS - 1], made: Vec::new() }
    }

    /// Appends `factor` samples for each of input.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let (start, factor) = (out.len(), self.phases.len());
        self.history.extend_from_slice(input);
        out.resize(start + input.len() * factor, 0.0);
        for (phase, taps) in self.phases.iter().enumerate() {
            self.made.clear();
            self.made.resize(input.len(), 0.0);
            convolve(taps, &self.history, &mut self.made);
            for (samples, made) in out[start..].chunks_exact_mut(factor).zip(&self.made) {
                samples[phase] = *made;
            }
        }
        self.history.drain(..input.len());
    }
}

/// 48 kHz to a lower rate: one sample out for a whole number in, as late as [`Up`].
#[derive(Debug, Clone)]
pub struct Down {
    /// Each of the taps that are `factor` apart.
    phases: Vec<[f32; TAPS]>,
    /// What each of them is for: every sample that is so many after the one before.
    histories: Vec<Vec<f32>>,
    /// Which of them the next sample is for.
    next: usize,
}

impl Down {
    /// Begins in silence; `factor` as for [`Up::new`].
    pub fn new(factor: usize) -> Self {
        let taps = filter(factor);
        let phase = |phase| array::from_fn(|at| taps[phase + factor * at]);
        let histories = vec![vec![0.0; TAPS - 1]; factor];
        Self { phases: (0..factor).map(phase).collect(), histories, next: 0 }
    }

    /// Appends one sample for each `factor` of input; a rest stays for the next call.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let (start, factor) = (out.len(), self.phases.len());
        for (phase, history) in self.histories.iter_mut().enumerate() {
            let first = (phase + factor - self.next) % factor;
            history.extend(input.get(first..).unwrap_or_default().chunks(factor).map(|samples| samples[0]));
        }
        let made = (self.next + input.len()) / factor;
        self.next = (self.next + input.len()) % factor;
        out.resize(start + made, 0.0);
        for (taps, history) in self.phases.iter().zip(&mut self.histories) {
            convolve(taps, history, &mut out[start..]);
            history.drain(..made);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbfs;
    use crate::testing::epoch;

    fn sine(rate: u32, hertz: f32, samples: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * f64::from(hertz) / f64::from(rate);
        (0..samples).map(|n| (0.5 * (n as f64 * step).sin()) as f32).collect()
    }

    #[test]
    fn each_device_rate_keeps_level_and_length() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            for (from, to) in [(rate, 48_000), (48_000, rate)] {
                let mut resampler = Resampler::new(from, to).unwrap();
                let mut out = Vec::new();
                for block in sine(from, 1000.0, from as usize).chunks(241) {
                    resampler.process(block, &mut out);
                }
                let short = to as f64 - out.len() as f64;
                assert!((0.0..=f64::from(to) * 0.02).contains(&short), "{from}->{to}: {}", out.len());
                let level = rms_dbfs(&out[to as usize / 10..]);
                assert!((level + 9.03).abs() < 0.3, "{from}->{to}: {level}");
            }
        }
        assert!(Resampler::new(7999, 48_000).is_err());
        assert!(Resampler::new(48_000, 0).is_err());
    }

    #[test]
    fn bending_changes_the_count_and_makes_no_click() {
        let mut resampler = Resampler::new(48_000, 48_000).unwrap();
        let mut out = Vec::new();
        for (n, block) in sine(48_000, 440.0, 480_000).chunks(480).enumerate() {
            resampler.bend(if n % 200 < 100 { 1.0002 } else { 1.0006 });
            resampler.process(block, &mut out);
        }
        let made = out.len() as f64 / 480_000.0;
        assert!((made - 1.0004).abs() < 0.0003, "{made}");
        let steepest = 0.5 * std::f32::consts::TAU * 440.0 / 48_000.0 * 1.02;
        let worst = out[400..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(worst < steepest, "{worst} against {steepest}");
    }

    #[test]
    fn lower_rates_and_back_keep_speech_and_stop_the_rest() {
        let there_and_back = |factor: usize, hertz| {
            let (mut down, mut up) = (Down::new(factor), Up::new(factor));
            let (mut narrow, mut out) = (Vec::new(), Vec::new());
            for block in sine(48_000, hertz, 48_000).chunks(961) {
                down.process(block, &mut narrow);
            }
            up.process(&narrow, &mut out);
            assert_eq!(narrow.len(), 48_000 / factor);
            rms_dbfs(&out[4800..]) + 9.03
        };
        for (factor, kept, stopped) in [(6, [300.0, 1000.0, 3000.0], 6000.0), (3, [300.0, 3000.0, 6000.0], 12_000.0)] {
            for hertz in kept {
                let change = there_and_back(factor, hertz);
                assert!(change.abs() < 0.5, "{factor}, {hertz}: {change}");
            }
            assert!(there_and_back(factor, stopped) < -50.0, "{factor}");
        }
    }

    #[test]
    fn blocks_of_any_length_make_the_same_sound() {
        for factor in [3, 6] {
            let (taps, sound) = (filter(factor), sine(48_000, 700.0, 4_803));
            let at =
                |samples: &[f32], n: i64| usize::try_from(n).map_or(0.0, |n| samples.get(n).copied().unwrap_or(0.0));
            // The filters by their definition: each sample out is the sum of all taps on what came until then.
            let low: Vec<f32> = (1..=sound.len() / factor)
                .map(|n| (0..taps.len()).map(|tap| taps[tap] * at(&sound, (n * factor) as i64 - 1 - tap as i64)).sum())
                .collect();
            let stuffed: Vec<f32> =
                low.iter().flat_map(|own| std::iter::once(*own).chain(std::iter::repeat_n(0.0, factor - 1))).collect();
            let high: Vec<f32> = (0..stuffed.len())
                .map(|n| {
                    (0..taps.len()).map(|tap| factor as f32 * taps[tap] * at(&stuffed, n as i64 - tap as i64)).sum()
                })
                .collect();
            for block in [1, 7, 160, 961, 5_000] {
                let (mut down, mut up) = (Down::new(factor), Up::new(factor));
                let (mut narrow, mut wide) = (Vec::new(), Vec::new());
                for part in sound.chunks(block) {
                    let before = narrow.len();
                    down.process(part, &mut narrow);
                    up.process(&narrow[before..], &mut wide);
                }
                assert_eq!((narrow.len(), wide.len()), (low.len(), high.len()), "{factor}, {block}");
                let off =
                    |one: &[f32], two: &[f32]| one.iter().zip(two).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(off(&narrow, &low) < 1e-5 && off(&wide, &high) < 1e-5, "{factor}, {block}");
            }
        }
    }

    /// The clock of the device is off by `ppm`; the ring is filled each 10 ms on our clock and emptied in device
    /// periods of 20 ms on its own. Returns the smallest and largest fill after the first minute, in frames.
    fn drift(ppm: f64) -> (f64, f64) {
        let start = epoch();
        let mut corrector = DriftCorrector::new(Duration::from_millis(40));
        let mut resampler = Resampler::new(48_000, 48_000).unwrap();
        let (mut ring, mut least, mut most) = (1920.0f64, f64::MAX, 0.0f64);
        let period = 0.02 / (1.0 + ppm * 1e-6);
        let mut device_at = period;
        let mut out = Vec::new();
        for step in 1..=30_000u32 {
            let elapsed = Duration::from_millis(10) * step;
            while device_at <= elapsed.as_secs_f64() {
                ring -= 960.0;
                device_at += period;
                assert!(ring >= 0.0, "underrun at {elapsed:?} with {ppm} ppm");
            }
            out.clear();
            resampler.bend(corrector.update(start + elapsed, Duration::from_secs_f64(ring / 48_000.0)));
            resampler.process(&[0.0; 480], &mut out);
            ring += out.len() as f64;
            if step > 6000 {
                (least, most) = (least.min(ring), most.max(ring));
            }
        }
        (least, most)
    }

    #[test]
    fn five_minutes_of_drift_neither_starve_nor_flood_the_ring() {
        for ppm in [-200.0, 0.0, 200.0] {
            let (least, most) = drift(ppm);
            assert!(least > 480.0 && most < 3400.0, "{ppm} ppm: {least}..{most}");
        }
    }
}
