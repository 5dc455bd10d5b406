//! A little tune made of decaying notes, for ever.

use std::f32::consts::TAU;

use media::RATE;

/// The notes in Hz, each [`LENGTH`] long: a phrase up and down in C major.
pub(super) const TUNE: [f32; 8] = [523.25, 659.26, 783.99, 880.0, 783.99, 659.26, 587.33, 659.26];
/// Samples of a note: 400 ms.
const LENGTH: u32 = RATE * 2 / 5;
/// Samples in which a note begins: 8 ms, long enough to make no click.
const ATTACK: f32 = RATE as f32 * 0.008;
/// Level at the beginning of a note.
const LOUD: f32 = 0.22;
/// How fast a note fades, in 1/s.
const FADING: f32 = 3.5;
/// Share of the octave above, which makes a sine less dull.
const OCTAVE: f32 = 0.2;

/// Makes the tune at 48 kHz.
#[derive(Debug, Default)]
pub(super) struct Music {
    note: usize,
    /// Samples since the beginning of the note.
    at: u32,
}

impl Music {
    /// Writes the next samples over `out`.
    pub(super) fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.next();
        }
    }

    fn next(&mut self) -> f32 {
        let time = self.at as f32 / RATE as f32;
        let turn = TAU * TUNE[self.note] * time;
        let left = (LENGTH - self.at) as f32;
        let edges = (self.at as f32 / ATTACK).min(1.0) * (left / ATTACK).min(1.0);
        let sample = LOUD * edges * (-FADING * time).exp() * (turn.sin() + OCTAVE * (2.0 * turn).sin());
        self.at += 1;
        if self.at == LENGTH {
            (self.at, self.note) = (0, (self.note + 1) % TUNE.len());
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_softly_and_without_clicks() {
        let mut music = Music::default();
        let mut sound = vec![0.0; 8 * RATE as usize];
        music.fill(&mut sound);
        for second in sound.chunks(RATE as usize) {
            let level = media::level::rms_dbfs(second);
            assert!((-26.0..-16.0).contains(&level), "{level}");
        }
        let steepest = sound.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max);
        // A sine of the highest note moves so much between two samples, its octave a little more.
        assert!(steepest < LOUD * TAU * 880.0 / RATE as f32 * (1.0 + 2.0 * OCTAVE), "{steepest}");
    }
}
