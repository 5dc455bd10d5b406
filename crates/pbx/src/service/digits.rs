//! Reads back the digits that were pressed, by voice. The voice was rendered once by `scripts/render-digits`.

use std::{
    collections::VecDeque,
    f32::consts::TAU,
    time::{Duration, Instant},
};

use media::resample::Up;

use crate::config::Language;

/// The rate of the recordings.
const RATE: u32 = 8_000;
/// So long after the last digit they are read.
const PAUSE: Duration = Duration::from_millis(1500);
/// The most digits that are remembered.
const MOST: usize = 32;
/// Silence between two words, in samples: 300 ms, as one reads a number that is to be written down.
const BETWEEN: u32 = RATE * 3 / 10;
/// The short tone that invites to press, in samples: 200 ms.
const PIP: u32 = RATE / 5;
const PIP_HERTZ: f32 = 880.0;
const PIP_LOUD: f32 = 0.12;

macro_rules! words {
    ($folder:literal) => {
        [
            include_bytes!(concat!("../../sounds/", $folder, "/0.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/1.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/2.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/3.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/4.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/5.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/6.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/7.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/8.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/9.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/star.pcm")),
            include_bytes!(concat!("../../sounds/", $folder, "/hash.pcm")),
        ]
    };
}

static ENGLISH: [&[u8]; 12] = words!("en");
static MANDARIN: [&[u8]; 12] = words!("zh");

/// The recording of a key: 16 bits a sample, little endian. There is none of A to D, which no keypad has.
fn word(language: Language, key: char) -> Option<&'static [u8]> {
    let at = "0123456789*#".find(key)?;
    let words = match language {
        Language::English => &ENGLISH,
        Language::Mandarin => &MANDARIN,
    };
    words.get(at).copied()
}

/// Listens for digits and reads them back.
#[derive(Debug)]
pub(super) struct Digits {
    language: Language,
    pressed: Vec<char>,
    last: Option<Instant>,
    /// What is being said, the word under way first.
    words: VecDeque<&'static [u8]>,
    /// Samples of silence before the next word.
    silence: u32,
    /// Samples of the inviting tone so far.
    pip: u32,
    up: Up,
}

impl Digits {
    pub(super) fn new(language: Language) -> Self {
        let (pressed, words) = (Vec::with_capacity(MOST), VecDeque::with_capacity(MOST));
        Self { language, pressed, last: None, words, silence: 0, pip: 0, up: Up::new(6) }
    }

    /// A key was pressed. Who presses on is not interrupted: what is being said stops.
    pub(super) fn press(&mut self, now: Instant, key: char) {
        self.words.clear();
        if word(self.language, key).is_some() && self.pressed.len() < MOST {
            self.pressed.push(key);
        }
        self.last = Some(now);
    }

    /// Writes the next samples at 48 kHz over `out`, whose length is a multiple of 6.
    pub(super) fn fill(&mut self, now: Instant, out: &mut [f32]) {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) >= PAUSE) {
            self.last = None;
            self.words.extend(self.pressed.drain(..).filter_map(|key| word(self.language, key)));
        }
        let mut made = Vec::with_capacity(out.len());
        let low: Vec<f32> = (0..out.len() / 6).map(|_| self.next()).collect();
        self.up.process(&low, &mut made);
        out.copy_from_slice(&made);
    }

    fn next(&mut self) -> f32 {
        if self.pip < PIP {
            self.pip += 1;
            let edge = (self.pip.min(PIP - self.pip) as f32 / 80.0).min(1.0);
            return PIP_LOUD * edge * (TAU * PIP_HERTZ * self.pip as f32 / RATE as f32).sin();
        }
        if self.silence > 0 {
            self.silence -= 1;
            return 0.0;
        }
        let Some(word) = self.words.front_mut() else { return 0.0 };
        let Some((sample, rest)) = word.split_first_chunk::<2>() else {
            self.words.pop_front();
            self.silence = BETWEEN;
            return 0.0;
        };
        *word = rest;
        f32::from(i16::from_le_bytes(*sample)) / 32_768.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Runs for `time` on a clock of its own.
    fn listen(digits: &mut Digits, now: &mut Instant, time: Duration) -> Vec<f32> {
        let mut heard = Vec::new();
        for _ in 0..time.as_millis() / 20 {
            let mut block = [0.0; 960];
            digits.fill(*now, &mut block);
            heard.extend(block);
            *now += 20 * MS;
        }
        heard
    }

    fn silent(sound: &[f32]) -> bool {
        sound.iter().all(|sample| sample.abs() < 1e-4)
    }

    #[test]
    fn every_key_of_a_keypad_has_a_word_of_its_own_in_both_languages() {
        let mut all = Vec::new();
        for language in [Language::English, Language::Mandarin] {
            for key in "0123456789*#".chars() {
                let word = word(language, key).unwrap();
                let seconds = word.len() as f32 / 2.0 / RATE as f32;
                assert!((0.15..1.2).contains(&seconds), "{language:?} {key} {seconds}");
                assert!(word.len().is_multiple_of(2) && !all.contains(&word), "{language:?} {key}");
                all.push(word);
            }
        }
        assert_eq!(word(Language::English, 'A'), None);
    }

    #[test]
    fn digits_are_read_after_a_pause_and_once() {
        let mut now = Instant::now();
        let mut digits = Digits::new(Language::English);
        assert!(!silent(&listen(&mut digits, &mut now, 300 * MS)), "it invites");
        assert!(silent(&listen(&mut digits, &mut now, 2000 * MS)));
        for key in ['4', '2'] {
            digits.press(now, key);
            assert!(silent(&listen(&mut digits, &mut now, 1400 * MS)), "the caller may still press");
        }
        let words = ['4', '2'].map(|key| word(Language::English, key).unwrap().len() as f32 / 2.0 / RATE as f32);
        let said = listen(&mut digits, &mut now, 3000 * MS);
        let first = said.iter().position(|sample| sample.abs() > 0.01).unwrap();
        let last = said.iter().rposition(|sample| sample.abs() > 0.01).unwrap();
        let seconds = (last - first) as f32 / 48_000.0;
        let all = words[0] + words[1] + 0.3;
        assert!((all - 0.15..=all + 0.05).contains(&seconds), "{seconds} s said, {all} s recorded");
        assert!(silent(&listen(&mut digits, &mut now, 5000 * MS)), "once");
    }

    #[test]
    fn pressing_stops_what_is_said_and_no_more_is_remembered_than_fits() {
        let mut now = Instant::now();
        let mut digits = Digits::new(Language::Mandarin);
        (0..500).for_each(|_| digits.press(now, '7'));
        assert_eq!(digits.pressed.len(), MOST);
        listen(&mut digits, &mut now, 2000 * MS);
        assert!(!silent(&listen(&mut digits, &mut now, 500 * MS)), "it reads them");
        digits.press(now, '1');
        listen(&mut digits, &mut now, 20 * MS);
        assert!(silent(&listen(&mut digits, &mut now, 1000 * MS)), "it stops");
        assert_eq!(digits.pressed, ['1']);
    }
}
