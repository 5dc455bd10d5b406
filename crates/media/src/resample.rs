//! From one sampling rate to another: device rates to the 48 kHz of the pipeline and back, 8 kHz for G.711, and the
//! small corrections that keep two clocks in step.

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

/// Taps of the filter between 8 and 48 kHz: twenty-four for each of six phases.
const TAPS: usize = 144;

/// A windowed sinc with its corner at 3.7 kHz, unit gain at 48 kHz.
fn filter() -> [f32; TAPS] {
    let corner = 2.0 * 3700.0 / 48000.0;
    let mut taps = [0.0f64; TAPS];
    for (n, tap) in taps.iter_mut().enumerate() {
        let at = n as f64 - (TAPS - 1) as f64 / 2.0;
        let sinc = (std::f64::consts::PI * corner * at).sin() / (std::f64::consts::PI * at);
        let turn = std::f64::consts::TAU * (n as f64 + 0.5) / TAPS as f64;
        *tap = sinc * (0.54 - 0.46 * turn.cos());
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| (tap / sum) as f32)
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

/// 8 kHz to 48 kHz: six samples out for each in, 1.5 ms late.
#[derive(Debug, Clone)]
pub struct Up6 {
    /// Each sixth tap, from the first to the sixth on, six times as large: five of six samples at 48 kHz are silence.
    phases: [[f32; TAPS / 6]; 6],
    history: [f32; TAPS / 6],
}

impl Up6 {
    /// Begins in silence.
    #[expect(clippy::new_without_default, reason = "a filter is made, not defaulted")]
    pub fn new() -> Self {
        let taps = filter();
        let phases = array::from_fn(|phase| array::from_fn(|at| 6.0 * taps[phase + 6 * at]));
        Self { phases, history: [0.0; TAPS / 6] }
    }

    /// Appends 6·`input.len()` samples.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        for sample in input {
            self.history.rotate_right(1);
            self.history[0] = *sample;
            out.extend(self.phases.iter().map(|taps| dot(taps, &self.history)));
        }
    }
}

/// 48 kHz to 8 kHz: one sample out for six in, 1.5 ms late.
#[derive(Debug, Clone)]
pub struct Down6 {
    taps: [f32; TAPS],
    history: Vec<f32>,
}

impl Down6 {
    /// Begins in silence.
    #[expect(clippy::new_without_default, reason = "a filter is made, not defaulted")]
    pub fn new() -> Self {
        Self { taps: filter(), history: vec![0.0; TAPS] }
    }

    /// Appends one sample for each six of input; a rest stays for the next call.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.history.extend_from_slice(input);
        let mut start = 0;
        while self.history.len() - start >= TAPS + 6 {
            start += 6;
            out.push(dot(&self.history[start..start + TAPS], &self.taps));
        }
        self.history.drain(..start);
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
    fn eight_kilohertz_and_back_keeps_speech_and_stops_the_rest() {
        let there_and_back = |hertz| {
            let (mut down, mut up) = (Down6::new(), Up6::new());
            let (mut narrow, mut out) = (Vec::new(), Vec::new());
            for block in sine(48_000, hertz, 48_000).chunks(961) {
                down.process(block, &mut narrow);
            }
            up.process(&narrow, &mut out);
            assert_eq!(narrow.len(), 8_000);
            rms_dbfs(&out[4800..]) + 9.03
        };
        for hertz in [300.0, 1000.0, 3000.0] {
            assert!(there_and_back(hertz).abs() < 0.5, "{hertz}: {}", there_and_back(hertz));
        }
        assert!(there_and_back(6000.0) < -50.0);
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
