//! What the phone itself sounds like: a tone in the ear or on the ringer, and the keys that are pressed.

use std::{collections::VecDeque, time::Duration};

use media::{
    RATE,
    tone::{Tone, ToneGenerator},
};

use super::call::PRESS;

/// Between two keys, and for a `,`: as the far end hears them (RFC 4733, `media::dtmf`).
const BETWEEN: Duration = Duration::from_millis(60);
const PAUSE: Duration = Duration::from_secs(1);
/// How loud a tone is beside speech, against one in silence: 10 dB less, and so 12 dB below usual speech.
const OVER_SPEECH: f32 = 0.316;
/// Samples over which it becomes so: 5 ms.
const FADE: f32 = 240.0;
/// More keys than a number has are not played.
const MOST_KEYS: usize = 64;

/// The tones of one device.
#[derive(Default)]
pub(super) struct Tones {
    wanted: Option<Tone>,
    /// The tone, and others that fade.
    sounding: Vec<ToneGenerator>,
    key: Option<ToneGenerator>,
    keys: VecDeque<char>,
    /// The rest of the key that sounds, and of the silence after it, in samples.
    pressed: usize,
    rest: usize,
    /// How far it has given way to speech, 0..=1.
    given_way: f32,
    scratch: [Vec<f32>; 2],
}

impl Tones {
    /// From now on this tone, or none. The same one goes on where it is.
    pub(super) fn set(&mut self, tone: Option<Tone>) {
        if tone == self.wanted {
            return;
        }
        self.sounding.iter_mut().for_each(ToneGenerator::stop);
        self.wanted = tone;
        self.sounding.extend(tone.map(ToneGenerator::new));
    }

    /// The tone that was set last.
    pub(super) const fn wanted(&self) -> Option<Tone> {
        self.wanted
    }

    /// Another key, after those that wait.
    pub(super) fn press(&mut self, key: char) {
        if self.keys.len() < MOST_KEYS {
            self.keys.push_back(key);
        }
    }

    /// No more keys.
    pub(super) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Is there nothing to hear, now or later?
    pub(super) fn is_silent(&self) -> bool {
        self.sounding.is_empty() && self.keys.is_empty() && self.pressed + self.rest == 0
    }

    /// Adds what sounds now to 48 kHz of other sound; to that of a call, if it is `over_speech`, more softly.
    pub(super) fn mix(&mut self, out: &mut [f32], over_speech: bool) {
        self.next_key(out.len());
        let goal = if over_speech { 1.0 } else { 0.0 };
        if self.sounding.is_empty() && self.key.is_none() {
            let most = out.len() as f32 / FADE;
            self.given_way += (goal - self.given_way).clamp(-most, most);
            return;
        }
        let [all, one] = &mut self.scratch;
        all.clear();
        all.resize(out.len(), 0.0);
        one.resize(out.len(), 0.0);
        for generator in self.sounding.iter_mut().chain(&mut self.key) {
            generator.fill(one);
            for (sum, tone) in all.iter_mut().zip(&*one) {
                *sum += tone;
            }
        }
        let loudness = |given_way: f32| 1.0 - given_way * (1.0 - OVER_SPEECH);
        if self.given_way == goal {
            let loudness = loudness(goal);
            out.iter_mut().zip(&*all).for_each(|(sample, tone)| *sample += tone * loudness);
        } else {
            for (sample, tone) in out.iter_mut().zip(&*all) {
                self.given_way += (goal - self.given_way).clamp(-1.0 / FADE, 1.0 / FADE);
                *sample += tone * loudness(self.given_way);
            }
        }
        self.sounding.retain(|generator| !generator.finished());
    }

    /// Keys are timed in whole blocks, which a person does not hear.
    fn next_key(&mut self, samples: usize) {
        if self.pressed > 0 {
            self.pressed = self.pressed.saturating_sub(samples);
            if self.pressed == 0
                && let Some(mut key) = self.key.take()
            {
                key.stop();
                self.sounding.push(key);
            }
        } else if self.rest > 0 {
            self.rest = self.rest.saturating_sub(samples);
        }
        if self.pressed + self.rest > 0 {
            return;
        }
        match self.keys.pop_front() {
            Some(',') => self.rest = length(PAUSE),
            Some(key) => {
                (self.pressed, self.rest) = (length(PRESS), length(BETWEEN));
                self.key = Some(ToneGenerator::new(Tone::Dtmf(key)));
            }
            None => {}
        }
    }
}

fn length(time: Duration) -> usize {
    time.as_millis() as usize * RATE as usize / 1000
}

#[cfg(test)]
mod tests {
    use media::level::rms_dbfs;

    use super::*;

    fn play(tones: &mut Tones, ms: usize) -> Vec<f32> {
        let mut all = Vec::new();
        for _ in 0..ms / 10 {
            let mut block = [0.0; 480];
            tones.mix(&mut block, false);
            all.extend(block);
        }
        all
    }

    #[test]
    fn keys_sound_one_after_the_other_and_then_it_is_silent() {
        let mut tones = Tones::default();
        "1,2".chars().for_each(|key| tones.press(key));
        let sound = play(&mut tones, 1_600);
        let at = |ms: usize| rms_dbfs(&sound[ms * 48..(ms + 20) * 48]);
        assert!(at(40) > -30.0 && at(1_220) > -30.0, "{} {}", at(40), at(1_220));
        assert!(at(150) < -90.0 && at(700) < -90.0 && at(1_450) < -90.0);
        assert!(tones.is_silent());
    }

    #[test]
    fn a_tone_that_begins_in_speech_is_soft_at_once() {
        let mut tones = Tones::default();
        let loudness = |tones: &mut Tones, over_speech| {
            tones.set(Some(Tone::Busy));
            let mut block = [0.0; 960];
            tones.mix(&mut block, over_speech);
            tones.set(None);
            tones.mix(&mut [0.0; 480], over_speech);
            rms_dbfs(&block[480..])
        };
        let alone = loudness(&mut tones, false);
        tones.mix(&mut [0.0; 480], true);
        assert!((loudness(&mut tones, true) - alone + 10.0).abs() < 0.1);
        // Three milliseconds of speech are too few to give way to.
        tones.mix(&mut [0.0; 480], false);
        tones.mix(&mut [0.0; 144], true);
        assert!((tones.given_way - 0.6).abs() < 0.01, "{}", tones.given_way);
    }

    #[test]
    fn a_tone_that_goes_on_does_not_begin_anew() {
        let mut tones = Tones::default();
        tones.set(Some(Tone::Busy));
        play(&mut tones, 500);
        tones.set(Some(Tone::Busy));
        assert!(rms_dbfs(&play(&mut tones, 100)) < -90.0, "it is in its pause");
        tones.set(None);
        play(&mut tones, 10);
        assert!(tones.is_silent());
    }
}
