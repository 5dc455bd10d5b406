//! Sounds of the tests: voices that are made from a seed, and how one is known again at the other end.

use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use media::{
    RATE,
    signal::{Speech, find_delay, windows_found},
};

/// How many seconds a voice speaks before it begins again.
pub const LENGTH: usize = 30;

/// Pieces of this many samples are looked for one by one: 200 ms.
const WINDOW: usize = RATE as usize / 5;
/// By this much a jitter buffer may move a piece between two looks at the delay: 60 ms.
const SLACK: usize = RATE as usize * 60 / 1000;
/// After this much the delay is measured anew, for two clocks are never quite the same: two seconds.
const STRETCH: usize = 2 * RATE as usize;

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

/// Looks for `voice`, which is spoken again and again, in a recording that may begin anywhere in it and is at least three
/// seconds and at most as long as the voice; `None` when nothing of it is there. Silence before and after the call is no
/// part of what is judged.
#[must_use]
pub fn recognise(voice: &[f32], heard: &[f32]) -> Option<Known> {
    let heard = &heard[first_sound(heard)?..last_sound(heard)?];
    let twice = [voice, voice].concat();
    // Two seconds from the middle of the call, looked for in all that was said.
    let middle = (heard.len() / 2).saturating_sub(STRETCH / 2);
    let probe = &heard[middle..(middle + STRETCH).min(heard.len())];
    let there = find_delay(probe, &twice, voice.len())?.delay;
    // Where in the voice the recording begins.
    let mut begins = (there + voice.len() - middle.min(voice.len())) % voice.len();
    let known = begins as f32 / RATE as f32;
    let (mut found, mut seconds) = (0.0, 0.0);
    for from in (SLACK..heard.len()).step_by(STRETCH) {
        let (Some(part), Some(range)) =
            (twice.get(begins + from..begins + from + STRETCH), heard.get(from - SLACK..from + STRETCH + SLACK))
        else {
            break;
        };
        let mut delay = SLACK;
        if let Some(now) = find_delay(part, range, 2 * SLACK) {
            // The clocks differ a little; the next stretch is expected where this one was.
            delay = now.delay;
            begins = (begins + SLACK).saturating_sub(delay);
        }
        found += 2.0 * windows_found(part, range, delay, WINDOW, SLACK);
        seconds += 2.0;
    }
    (seconds > 0.0).then(|| Known { seconds, share: found / seconds, begins: known })
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
        assert!(recognise(&speech(6, 12), heard).is_none_or(|known| known.share < 0.3));
        assert_eq!(recognise(&voice, &vec![0.0; 200_000]), None);
        let mut torn = heard.to_vec();
        for pair in torn.chunks_mut(10 * WINDOW) {
            pair[5 * WINDOW..].fill(0.0);
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
