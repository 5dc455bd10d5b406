//! Level meters: how loud a stream is, twenty times a second.

use crate::RATE;

/// What silence reads, in dBFS.
pub const SILENCE_DBFS: f32 = -96.0;

/// Samples per reading: 50 ms at 48 kHz.
const WINDOW: usize = RATE as usize / 20;

/// Root-mean-square level of the last whole 50 ms. A full-scale sine reads −3 dBFS.
#[derive(Debug, Clone)]
pub struct Meter {
    energy: f64,
    counted: usize,
    reading: f32,
}

impl Default for Meter {
    fn default() -> Self {
        Self { energy: 0.0, counted: 0, reading: SILENCE_DBFS }
    }
}

impl Meter {
    /// Listens to samples at 48 kHz.
    pub fn push(&mut self, samples: &[f32]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(WINDOW - self.counted));
            rest = more;
            self.energy += energy(part);
            self.counted += part.len();
            if self.counted == WINDOW {
                self.reading = dbfs_of_energy(self.energy / WINDOW as f64);
                self.energy = 0.0;
                self.counted = 0;
            }
        }
    }

    /// The last reading in dBFS, [`SILENCE_DBFS`]..=0 for sound within full scale.
    pub fn dbfs(&self) -> f32 {
        self.reading
    }

    /// Falls silent at once, because nothing is heard any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Root-mean-square level of `samples` in dBFS.
pub fn rms_dbfs(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBFS;
    }
    dbfs_of_energy(energy(samples) / samples.len() as f64)
}

/// The sum of the squares: eight sums side by side, for of one alone each addition waits for the one before.
fn energy(samples: &[f32]) -> f64 {
    let (blocks, rest) = samples.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for block in blocks {
        for (sum, sample) in sums.iter_mut().zip(block) {
            *sum += f64::from(*sample) * f64::from(*sample);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|sample| f64::from(*sample) * f64::from(*sample)).sum::<f64>()
}

fn dbfs_of_energy(mean_square: f64) -> f32 {
    let dbfs = 10.0 * mean_square.max(1e-12).log10();
    // A NaN from a broken driver must not reach the meters.
    if dbfs.is_finite() { (dbfs as f32).max(SILENCE_DBFS) } else { SILENCE_DBFS }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| amplitude * (n as f32 * std::f32::consts::TAU * 1000.0 / 48000.0).sin()).collect()
    }

    #[test]
    fn a_sine_reads_its_rms() {
        let mut meter = Meter::default();
        assert_eq!(meter.dbfs(), SILENCE_DBFS);
        meter.push(&sine(1.0, WINDOW));
        assert!((meter.dbfs() + 3.01).abs() < 0.05, "{}", meter.dbfs());
        meter.push(&sine(0.1, WINDOW));
        assert!((meter.dbfs() + 23.01).abs() < 0.05, "{}", meter.dbfs());
        assert!((rms_dbfs(&sine(0.1, WINDOW)) + 23.01).abs() < 0.05);
    }

    #[test]
    fn a_reading_changes_each_50_ms_whatever_the_blocks() {
        let mut meter = Meter::default();
        for block in sine(1.0, WINDOW - 1).chunks(7) {
            meter.push(block);
        }
        assert_eq!(meter.dbfs(), SILENCE_DBFS);
        meter.push(&[0.0]);
        assert!(meter.dbfs() > -4.0);
    }

    #[test]
    fn not_a_number_is_silence() {
        let mut meter = Meter::default();
        meter.push(&[f32::NAN; WINDOW]);
        assert_eq!(meter.dbfs(), SILENCE_DBFS);
    }
}
