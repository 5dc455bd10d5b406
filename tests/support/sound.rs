//! Sounds of the tests: voices that are made from a seed, and how one is known again at the other end.

use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use media::{
    RATE,
    level::rms_dbfs,
    signal::{Speech, find_delay},
};

/// How many seconds a voice speaks before it begins again.
pub const LENGTH: usize = 30;

/// Pieces of this many samples are looked for one by one: 200 ms.
const PIECE: usize = RATE as usize / 5;
/// By this much a piece may lie elsewhere than the one before it let expect, for jitter buffers stretch and cut: half a second.
const SLACK: usize = RATE as usize / 2;
/// A piece counts from this likeness on.
const LIKE: f32 = 0.7;

/// A voice of that seed.
#[must_use]
pub fn speech(seed: u64, seconds: usize) -> Vec<f32> {
    let mut out = vec![0.0; seconds * RATE as usize];
    Speech::new(seed).fill(&mut out);
    out
}

/// Writes samples at 48 kHz as a 16-bit WAV file.
///
/// # Panics
/// When the file cannot be written.
pub fn write(file: &Path, samples: &[f32]) {
    let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(file, spec).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for sample in samples {
        let value = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
        writer.write_sample(value).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    writer.finalize().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// Reads a WAV file at 48 kHz; of several channels the first.
///
/// # Panics
/// When it is no such file.
#[must_use]
pub fn read(file: &Path) -> Vec<f32> {
    let mut reader = WavReader::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let spec = reader.spec();
    assert_eq!(spec.sample_rate, RATE, "{}: another rate", file.display());
    let all: Result<Vec<f32>, _> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let full = (1i64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|value| value as f32 / full)).collect()
        }
    };
    let all = all.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    all.into_iter().step_by(usize::from(spec.channels)).collect()
}

/// A voice that was known again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Seconds of the voice that were looked for piece by piece.
    pub seconds: f32,
    /// The share of the pieces of 200 ms that were found in their places, 0..=1.
    pub share: f32,
    /// Where in the voice the recording begins, in seconds.
    pub begins: f32,
}

/// Looks for `voice`, which is spoken again and again, in a recording that may begin anywhere in it and lasts a second at
/// least; `None` when nothing of it is there. Silence before and after the call is no part of what is judged.
#[must_use]
pub fn recognise(voice: &[f32], heard: &[f32]) -> Option<Known> {
    let heard = &heard[first_sound(heard)?..last_sound(heard)?];
    let twice = [voice, voice].concat();
    // The three loudest pieces are looked for in all that was said; from the one that is most alike we walk both ways.
    let mut loudest: Vec<(usize, &[f32])> = heard.chunks_exact(2 * PIECE).enumerate().collect();
    loudest.sort_by(|a, b| rms_dbfs(b.1).total_cmp(&rms_dbfs(a.1)));
    let (at, found) = loudest
        .into_iter()
        .take(3)
        .filter_map(|(index, piece)| Some((index * 2 * PIECE, find_delay(piece, &twice, voice.len())?)))
        .max_by(|a, b| a.1.likeness.total_cmp(&b.1.likeness))?;
    let mut walk = Walk { twice: &twice, heard, pieces: 0, found: 0 };
    walk.go(found.delay as i64, at, PIECE as i64);
    let (place, first) = walk.go(found.delay as i64 - PIECE as i64, at.saturating_sub(PIECE), -(PIECE as i64));
    let begins = (place - first as i64).rem_euclid(voice.len() as i64) as f32 / RATE as f32;
    let seconds = (walk.pieces * PIECE) as f32 / RATE as f32;
    (walk.pieces > 0).then(|| Known { seconds, share: walk.found as f32 / walk.pieces as f32, begins })
}

/// The way through a recording, piece by piece of the voice.
struct Walk<'a> {
    /// The voice, twice, so that it can be cut over its end.
    twice: &'a [f32],
    heard: &'a [f32],
    pieces: usize,
    found: usize,
}

impl Walk<'_> {
    /// Looks for the piece of the voice at `place` near `at` in the recording, and so on by `step`, to the end of the
    /// recording. Returns the last two.
    fn go(&mut self, mut place: i64, mut at: usize, step: i64) -> (i64, usize) {
        let length = (self.twice.len() / 2) as i64;
        loop {
            let from = at.saturating_sub(SLACK);
            let Some(range) = self.heard.get(from..(at + PIECE + SLACK).min(self.heard.len())) else { break };
            if range.len() < PIECE + SLACK {
                break;
            }
            let begin = place.rem_euclid(length) as usize;
            let piece = &self.twice[begin..begin + PIECE];
            if rms_dbfs(piece) > -50.0 {
                self.pieces += 1;
                if let Some(found) = find_delay(piece, range, 2 * SLACK).filter(|found| found.likeness >= LIKE) {
                    self.found += 1;
                    at = from + found.delay;
                }
            }
            let Some(next) = at.checked_add_signed(step as isize) else { break };
            (place, at) = (place + step, next);
        }
        (place, at)
    }
}

fn first_sound(heard: &[f32]) -> Option<usize> {
    heard.iter().position(|sample| sample.abs() > 0.02)
}

fn last_sound(heard: &[f32]) -> Option<usize> {
    heard.iter().rposition(|sample| sample.abs() > 0.02)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_known_wherever_the_recording_begins() {
        let voice = speech(5, 12);
        let rate = RATE as usize;
        let known = recognise(&voice, &voice[2 * rate..10 * rate]).unwrap();
        assert!(known.share > 0.95 && known.seconds > 4.0, "{known:?}");
        assert!((known.begins - 2.0).abs() < 0.01, "{known:?}");
        // Over the end of the voice, quieter, after a long silence.
        let mut late = vec![0.0; 3 * rate];
        late.extend(voice[9 * rate..].iter().chain(&voice[..4 * rate]).map(|sample| sample * 0.3));
        let known = recognise(&voice, &late).unwrap();
        assert!(known.share > 0.95 && known.seconds > 4.0, "{known:?}");
        assert!((known.begins - 9.0).abs() < 0.01, "{known:?}");
    }

    #[test]
    fn another_voice_is_not_known_and_half_of_it_is_half_known() {
        let voice = speech(5, 12);
        let heard = &voice[RATE as usize..9 * RATE as usize];
        for seed in 6..10 {
            let known = recognise(&speech(seed, 12), heard);
            assert!(known.is_none_or(|known| known.share < 0.3), "{known:?}");
        }
        assert_eq!(recognise(&voice, &vec![0.0; 200_000]), None);
        let mut torn = heard.to_vec();
        for pair in torn.chunks_mut(10 * PIECE) {
            pair[5 * PIECE..].fill(0.0);
        }
        let known = recognise(&voice, &torn).unwrap();
        assert!((0.4..0.7).contains(&known.share), "{known:?}");
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wav");
        let voice = speech(1, 1);
        write(&file, &voice);
        let back = read(&file);
        assert_eq!(back.len(), voice.len());
        assert!(voice.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}
