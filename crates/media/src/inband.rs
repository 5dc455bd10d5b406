//! Keys heard in the sound itself, for a far end that agreed on no telephone events: a Goertzel filter for each of the
//! eight tones over windows of 12.75 ms, within the limits of ITU-T Q.24 (its row for North America) for level, twist
//! and duration. How far a tone may be off is not judged: windows this short cannot.

use crate::resample::Down;
use crate::tone::{COLUMNS, KEYS, ROWS};

/// Samples at 48 kHz for each at 8 kHz.
const FACTOR: usize = 6;
/// A window, and the step to the next, in samples at 8 kHz.
const WINDOW: usize = 102;
const STEP: usize = WINDOW / 2;
/// Windows in a row that make a key: 40 ms always have so many, 23 ms never.
const PRESSED: u32 = 4;
/// Windows without the key that end it: an interruption of 10 ms has fewer, a pause of 40 ms more.
const RELEASED: u32 = 5;
/// The softest tone, as mean square of full scale: −36 dBFS, which is −30 dBm0. Q.24 wants −25 dBm0 heard.
const SOFTEST: f32 = 2.5e-4;
/// How much louder the lower tone may be, and the upper: 8 and 4 dB, and 1.5 dB for tones that are off by 1.5 %.
const LOWER_LOUDER: f32 = 8.9;
const UPPER_LOUDER: f32 = 3.5;
/// How far both must stand out of the other six, and what share of all the sound they are. Speech seldom does either.
const OTHERS: f32 = 4.0;
const SHARE: f32 = 0.72;

/// Listens for keys.
#[derive(Debug, Clone)]
pub(crate) struct InbandReceiver {
    down: Down,
    narrow: Vec<f32>,
    candidate: Option<char>,
    windows: u32,
    pressed: Option<char>,
    missed: u32,
}

impl InbandReceiver {
    /// Has heard nothing yet.
    pub(crate) fn new() -> Self {
        let down = Down::new(FACTOR);
        Self { down, narrow: Vec::new(), candidate: None, windows: 0, pressed: None, missed: 0 }
    }

    /// Takes sound at 48 kHz and gives each new key to `heard`.
    pub(crate) fn push(&mut self, samples: &[f32], mut heard: impl FnMut(char)) {
        let mut narrow = std::mem::take(&mut self.narrow);
        self.down.process(samples, &mut narrow);
        let mut from = 0;
        while let Some(window) = narrow.get(from..from + WINDOW) {
            from += STEP;
            if let Some(key) = self.step(key(window)) {
                heard(key);
            }
        }
        narrow.drain(..from);
        self.narrow = narrow;
    }

    /// The next window; `Some` when it makes a key.
    fn step(&mut self, found: Option<char>) -> Option<char> {
        if found == self.pressed {
            self.missed = 0;
        } else {
            self.missed += 1;
            self.pressed.take_if(|_| self.missed >= RELEASED);
        }
        if found != self.candidate {
            (self.candidate, self.windows) = (found, 0);
        }
        self.windows += 1;
        if found.is_none() || found == self.pressed || self.windows < PRESSED {
            return None;
        }
        self.pressed = found;
        self.missed = 0;
        found
    }
}

/// The key that sounds all through a window.
fn key(window: &[f32]) -> Option<char> {
    let whole = window.iter().map(|sample| sample * sample).sum::<f32>() / window.len() as f32;
    if whole < SOFTEST {
        return None;
    }
    let (rows, columns) = (ROWS.map(|hertz| power(window, hertz)), COLUMNS.map(|hertz| power(window, hertz)));
    let ((row, low), (column, high)) = (strongest(&rows)?, strongest(&columns)?);
    let loud = low.min(high) >= SOFTEST;
    let level = high <= low * UPPER_LOUDER && low <= high * LOWER_LOUDER;
    if !loud || !level || low + high < whole * SHARE {
        return None;
    }
    KEYS.get(row)?.chars().nth(column)
}

/// Mean square of one tone in a window (Goertzel).
fn power(window: &[f32], hertz: f32) -> f32 {
    let turn = 2.0 * (std::f32::consts::TAU * hertz / 8_000.0).cos();
    let (mut last, mut before) = (0.0f32, 0.0f32);
    for sample in window {
        (last, before) = (sample + turn * last - before, last);
    }
    let squared = last * last + before * before - turn * last * before;
    2.0 * squared / (window.len() * window.len()) as f32
}

/// The one that stands out of the four, and its power.
fn strongest(powers: &[f32; 4]) -> Option<(usize, f32)> {
    let (at, power) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = powers.iter().enumerate().all(|(other, weak)| other == at || weak * OTHERS <= power);
    alone.then_some((at, power))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    use super::*;
    use crate::RATE;
    use crate::signal::Speech;

    const ALL: &str = "0123456789*#ABCD";
    const MS: usize = RATE as usize / 1000;

    /// dBm0 of each tone, dB by which the upper is louder, and by how much the tones are off, in percent.
    fn pressed(key: char, ms: usize, dbm0: f32, twist: f32, off: f32) -> Vec<f32> {
        let row = KEYS.iter().position(|keys| keys.contains(key)).unwrap();
        let column = KEYS[row].find(key).unwrap();
        // A sine of full scale is 3.17 dBm0.
        let loud = |db: f32| 10f32.powf((dbm0 + db - 3.17) / 20.0);
        let (low, high) = (loud(-twist / 2.0), loud(twist / 2.0));
        let turn =
            |n: usize, hertz: f32| (std::f32::consts::TAU * hertz * (1.0 + off / 100.0) * n as f32 / 48_000.0).sin();
        (0..ms * MS).map(|n| low * turn(n, ROWS[row]) + high * turn(n, COLUMNS[column])).collect()
    }

    fn heard(sound: &[f32]) -> String {
        let (mut receiver, mut keys) = (InbandReceiver::new(), String::new());
        // Blocks of any length.
        for block in sound.chunks(487) {
            receiver.push(block, |key| keys.push(key));
        }
        receiver.push(&[0.0; 4_800], |key| keys.push(key));
        keys
    }

    fn silence(ms: usize) -> Vec<f32> {
        vec![0.0; ms * MS]
    }

    #[test]
    fn each_key_of_40_ms_is_heard_once_at_every_place_of_the_windows() {
        for lead in 0..13 {
            let mut sound = vec![0.0; lead * 47];
            for key in ALL.chars() {
                sound.extend(pressed(key, 40, -10.0, 0.0, 0.0));
                sound.extend(silence(40));
            }
            assert_eq!(heard(&sound), ALL, "{lead}");
        }
    }

    #[test]
    fn the_limits_of_level_twist_and_pitch() {
        for key in ALL.chars() {
            for (dbm0, twist, off) in [
                (-3.0, 0.0, 0.0),
                (-23.0, 4.0, 0.0),
                (-21.0, -8.0, 0.0),
                (-10.0, 0.0, 1.5),
                (-10.0, 3.0, -1.5),
                (-24.0, 0.0, 1.5),
            ] {
                let sound = pressed(key, 45, dbm0, twist, off);
                assert_eq!(heard(&sound), key.to_string(), "{dbm0} dBm0, {twist} dB, {off} %");
            }
            for (dbm0, twist) in [(-33.0, 0.0), (-10.0, 8.0), (-10.0, -12.0)] {
                assert_eq!(heard(&pressed(key, 100, dbm0, twist, 0.0)), "", "{key}: {dbm0} dBm0, {twist} dB");
            }
        }
    }

    #[test]
    fn what_is_too_short_is_none_and_what_is_long_or_interrupted_is_one() {
        for lead in 0..13 {
            let with = |ms| [vec![0.0; lead * 47], pressed('5', ms, -10.0, 0.0, 0.0)].concat();
            assert_eq!(heard(&with(23)), "", "{lead}");
            assert_eq!(heard(&with(3_000)), "5", "{lead}");
            let interrupted = [with(50), silence(10), pressed('5', 50, -10.0, 0.0, 0.0)].concat();
            assert_eq!(heard(&interrupted), "5", "{lead}");
            let twice = [with(50), silence(40), pressed('5', 50, -10.0, 0.0, 0.0)].concat();
            assert_eq!(heard(&twice), "55", "{lead}");
        }
    }

    #[test]
    fn noise_of_15_db_less_does_not_matter() {
        let mut rng = ChaCha12Rng::seed_from_u64(4);
        let mut sound = Vec::new();
        for key in ALL.chars() {
            sound.extend(pressed(key, 60, -10.0, 0.0, 0.0));
            sound.extend(silence(60));
        }
        // −10 dBm0 each are 0.22 as amplitude, and −13 dBFS together.
        for sample in &mut sound {
            *sample += rng.random_range(-1.0f32..1.0) * 0.11;
        }
        assert_eq!(heard(&sound), ALL);
    }

    #[test]
    fn speech_is_no_key() {
        for seed in 0..10 {
            let mut sound = vec![0.0; 30 * RATE as usize];
            Speech::new(seed).fill(&mut sound);
            assert_eq!(heard(&sound), "", "{seed}");
        }
        // One tone, and two of the same row, are none either.
        let tone =
            |hertz: f32| (0..48_000).map(move |n| 0.3 * (std::f32::consts::TAU * hertz * n as f32 / 48_000.0).sin());
        assert_eq!(heard(&tone(697.0).collect::<Vec<f32>>()), "");
        assert_eq!(heard(&tone(697.0).zip(tone(770.0)).map(|(a, b)| a + b).collect::<Vec<f32>>()), "");
        assert_eq!(heard(&[f32::NAN; 4_800]), "");
    }
}
