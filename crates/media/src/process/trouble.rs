//! A microphone that is too quiet or too loud, told by what it hears while somebody should hear it.

use super::chain::BLOCK;
use crate::level::rms_dbfs;

/// What is wrong with a microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Speech is there and hardly to be heard, or nothing comes at all.
    Quiet,
    /// It is driven beyond what it can tell.
    Clipped,
}

/// Full scale, as far as converters and the systems behind them keep it.
const FULL: f32 = 0.985;
/// So many samples in a row at full scale are no peak of a voice.
const FLAT: usize = 3;
/// Blocks with such in [`SPAN`] that are trouble.
const CLIPS: u32 = 10;
/// How far back is looked, in blocks: three seconds.
const SPAN: u32 = 300;

/// Speech below this is too quiet, in dBFS; with the level adjusted, below the other.
const LOW: f32 = -50.0;
const LOW_ADJUSTED: f32 = -65.0;
/// What is heard of a voice is so much louder than the room, in dB.
const ABOVE_ROOM: f32 = 9.0;
/// So many blocks of a quiet voice, and not one of a loud one, are trouble: two seconds of speech.
const SPOKEN: u32 = 200;
/// So many blocks of a voice that is not quiet end it.
const LOUD: u32 = 10;
/// A microphone that gives less than this gives nothing, in dBFS.
const NOTHING: f32 = -90.0;
/// So many blocks of nothing, before anything ever came, are trouble: five seconds. Later ones are the silence between the
/// words of a device that cleans by itself.
const DEAD: u32 = 500;
/// For so many blocks after the speaker said something, what the microphone hears may be that: 400 ms.
const ECHOES: u32 = 40;
/// What is played below this is not heard again, in dBFS.
const PLAYED: f32 = -60.0;
/// By how much the estimate of the room rises in each block, in dB; it falls at once.
const RISE: f32 = 0.02;

/// Looks at a microphone.
#[derive(Default)]
pub(super) struct Watch {
    heard: bool,
    block: Vec<f32>,
    /// Samples at full scale in a row.
    flat: usize,
    clips: u32,
    /// Blocks until a clip is forgotten.
    forget: u32,
    room: Option<f32>,
    quiet: u32,
    loud: u32,
    nothing: u32,
    /// Something came once.
    came: bool,
    echoes: u32,
    trouble: Option<Trouble>,
}

impl Watch {
    pub(super) fn set_heard(&mut self, heard: bool) {
        if heard != self.heard {
            *self = Self { heard, room: self.room, came: self.came, echoes: self.echoes, ..Self::default() };
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.heard
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// What the speaker plays, of which the microphone may hear something.
    pub(super) fn render(&mut self, block: &[f32; BLOCK]) {
        if rms_dbfs(block) > PLAYED {
            self.echoes = ECHOES;
        }
    }

    pub(super) fn capture(&mut self, samples: &[f32], adjusted: bool) {
        if !self.heard {
            return;
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(BLOCK - self.block.len()));
            rest = more;
            self.block.extend_from_slice(part);
            if self.block.len() == BLOCK {
                let clipped = self.clipped();
                let level = rms_dbfs(&self.block);
                self.block.clear();
                self.judge(level, clipped, if adjusted { LOW_ADJUSTED } else { LOW });
            }
        }
    }

    fn clipped(&mut self) -> bool {
        let mut longest = 0;
        for sample in &self.block {
            self.flat = if sample.abs() >= FULL { self.flat + 1 } else { 0 };
            longest = longest.max(self.flat);
        }
        longest >= FLAT
    }

    fn judge(&mut self, level: f32, clipped: bool, low: f32) {
        if clipped {
            (self.clips, self.forget) = (self.clips + 1, SPAN);
        } else {
            self.forget = self.forget.saturating_sub(1);
            if self.forget == 0 {
                self.clips = 0;
            }
        }
        self.echoes = self.echoes.saturating_sub(1);
        if level > NOTHING {
            self.came = true;
            let room = self.room.map_or(level, |room| level.min(room + RISE));
            self.room = Some(room);
            if level > room + ABOVE_ROOM && self.echoes == 0 {
                if level < low {
                    self.quiet += 1;
                } else {
                    self.loud += 1;
                }
            }
        } else {
            self.nothing += 1;
        }
        if self.loud >= LOUD {
            (self.quiet, self.loud) = (0, 0);
        }
        let quiet = self.quiet >= SPOKEN || (self.nothing >= DEAD && !self.came);
        self.trouble = if self.clips >= CLIPS { Some(Trouble::Clipped) } else { quiet.then_some(Trouble::Quiet) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Speech;

    /// Seconds of a voice of this loudness, half of the time, in a quiet room.
    fn voice(watch: &mut Watch, seconds: usize, gain: f32, adjusted: bool) -> Option<Trouble> {
        let mut speech = Speech::new(1);
        for block in 0..seconds * 100 {
            let mut sound = [0.0; BLOCK];
            speech.fill(&mut sound);
            let gain = if block % 100 < 50 { gain } else { 0.0 };
            for (at, sample) in sound.iter_mut().enumerate() {
                // A converter goes no further, and no room is silent.
                *sample = (*sample * gain + if at % 2 == 0 { 1e-4 } else { -1e-4 }).clamp(-1.0, 1.0);
            }
            watch.capture(&sound, adjusted);
        }
        watch.trouble()
    }

    fn heard() -> Watch {
        let mut watch = Watch::default();
        watch.set_heard(true);
        watch
    }

    #[test]
    fn a_voice_as_it_should_be_is_no_trouble() {
        for gain in [0.1, 1.0, 1.5] {
            assert_eq!(voice(&mut heard(), 20, gain, false), None, "{gain}");
        }
    }

    #[test]
    fn too_quiet_is_told_and_goes_away() {
        let mut watch = heard();
        assert_eq!(voice(&mut watch, 1, 0.01, false), None, "one word is nobody's trouble");
        assert_eq!(voice(&mut watch, 6, 0.01, false), Some(Trouble::Quiet));
        assert_eq!(voice(&mut watch, 1, 1.0, false), None);
        assert_eq!(voice(&mut heard(), 6, 0.01, true), None, "the level is brought up");
    }

    #[test]
    fn nothing_at_all_is_told_and_a_silent_room_is_not() {
        let mut watch = heard();
        watch.capture(&[0.0; 4 * 48_000], false);
        assert_eq!(watch.trouble(), None);
        watch.capture(&[0.0; 2 * 48_000], true);
        assert_eq!(watch.trouble(), Some(Trouble::Quiet));
        watch.capture(&[0.01; 480], true);
        assert_eq!(watch.trouble(), None);
        watch.capture(&[0.0; 20 * 48_000], true);
        assert_eq!(watch.trouble(), None, "it was heard before");
        assert_eq!(voice(&mut watch, 60, 0.0, false), None);
    }

    #[test]
    fn clipping_is_told_and_goes_away() {
        let mut watch = heard();
        assert_eq!(voice(&mut watch, 3, 8.0, true), Some(Trouble::Clipped));
        assert_eq!(voice(&mut watch, 2, 1.0, true), Some(Trouble::Clipped));
        assert_eq!(voice(&mut watch, 2, 1.0, true), None);
    }

    #[test]
    fn what_the_speaker_plays_is_no_quiet_voice() {
        let mut watch = heard();
        let (mut far, mut echo) = (Speech::new(2), Speech::new(2));
        for _ in 0..1_000 {
            let mut sound = [0.0; BLOCK];
            far.fill(&mut sound);
            watch.render(&sound);
            echo.fill(&mut sound);
            watch.capture(&sound.map(|sample| sample * 0.01 + 1e-4), false);
        }
        assert_eq!(watch.trouble(), None);
    }

    #[test]
    fn what_nobody_hears_is_no_trouble() {
        let mut watch = heard();
        assert_eq!(voice(&mut watch, 3, 8.0, false), Some(Trouble::Clipped));
        watch.set_heard(false);
        assert_eq!(watch.trouble(), None);
        assert_eq!(voice(&mut watch, 3, 8.0, false), None);
    }
}
