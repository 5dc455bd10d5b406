//! What the echo brings back: the signal of the test is spoken into the microphone, and looked for in the speaker.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use media::{
    RATE,
    level::rms_dbfs,
    signal::{Speech, find_delay, windows_found},
};
use phone::sound::{Buffers, Heard};

/// The seed of what is spoken: the same in every run.
const SEED: u64 = 600;
/// The windows in which it is looked for: 200 ms.
const WINDOW: usize = RATE as usize / 5;
/// How far a window may lie from where it should: a jitter buffer moves a little.
const SLACK: usize = RATE as usize * 60 / 1000;
/// The longest way there and back that is looked at.
const LONGEST: usize = 3 * RATE as usize;
/// The first of it is left out: the way of the sound may open a little later than the microphone.
const LEAD: usize = RATE as usize / 2;

/// A microphone that speaks, and what the speaker played.
pub(crate) struct Ear {
    spoken: Arc<Mutex<Spoken>>,
    heard: Heard,
}

#[derive(Default)]
struct Spoken {
    sound: Vec<f32>,
    /// By how much the record of the speaker was longer than that of the microphone, at its beginning.
    ahead: usize,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// There and back, in milliseconds.
    pub(crate) delay_ms: f64,
    /// How loud it came back.
    pub(crate) level_dbfs: f64,
    /// How many of the windows came back, in per cent.
    pub(crate) found_pct: f64,
}

impl Ear {
    /// The sound port of the test.
    pub(crate) fn new() -> (Buffers, Self) {
        let spoken = Arc::new(Mutex::new(Spoken::default()));
        let speaker: Arc<OnceLock<Heard>> = Arc::default();
        let mut speech = Speech::new(SEED);
        let (kept, played) = (Arc::clone(&spoken), Arc::clone(&speaker));
        let (port, heard) = Buffers::new(move |out| {
            speech.fill(out);
            let mut spoken = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if spoken.sound.is_empty() {
                spoken.ahead = played.get().map_or(0, Heard::len);
            }
            spoken.sound.extend_from_slice(out);
        });
        let _ = speaker.set(heard.clone());
        (port, Self { spoken, heard })
    }

    /// How much was spoken, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner).sound.len() as f64 / f64::from(RATE)
    }

    /// Looks for what was spoken in what came back; nothing when it did not.
    pub(crate) fn find(&self) -> Option<Found> {
        let spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = self.heard.since(spoken.ahead);
        let reference = spoken.sound.get(LEAD..)?;
        let later = heard.get(LEAD..)?;
        let found = find_delay(reference, later, LONGEST)?;
        // Only what can have come back by now is looked for.
        let back = reference.get(..later.len().saturating_sub(found.delay + SLACK).min(reference.len()))?;
        let share = windows_found(back, later, found.delay, WINDOW, SLACK);
        let voice = later.get(found.delay..found.delay + back.len())?;
        Some(Found {
            delay_ms: found.delay as f64 * 1000.0 / f64::from(RATE),
            level_dbfs: f64::from(rms_dbfs(voice)),
            found_pct: f64::from(share) * 100.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use media::port::SoundPort;

    use super::*;

    /// Plays what the microphone gives back after `delay`, as an echo does, `keep` telling which samples.
    fn echo(delay: usize, keep: impl Fn(usize) -> bool) -> Option<Found> {
        let (mut port, ear) = Ear::new();
        let mut speaker = port.open_playback(None).unwrap();
        let start = Instant::now();
        // It rings before the microphone opens.
        let mut now = start;
        for _ in 0..50 {
            now += Duration::from_millis(10);
            speaker.write(now, &[0.1; 480]);
        }
        let mut microphone = port.open_capture(None).unwrap();
        let mut line: std::collections::VecDeque<f32> = vec![0.0; delay].into();
        let mut at = 0;
        for _ in 0..500 {
            now += Duration::from_millis(10);
            let mut said = Vec::new();
            microphone.read(now, &mut said);
            line.extend(said.iter().map(|sample| {
                at += 1;
                if keep(at) { *sample } else { 0.0 }
            }));
            let back: Vec<f32> = line.drain(..line.len().min(480)).collect();
            speaker.write(now, &back);
        }
        ear.find()
    }

    #[test]
    fn an_echo_is_found_with_its_delay() {
        let found = echo(4800, |_| true).expect("an echo");
        assert!((95.0..160.0).contains(&found.delay_ms) && found.found_pct > 99.0, "{found:?}");
        assert!((-26.0..-14.0).contains(&found.level_dbfs), "{found:?}");
    }

    #[test]
    fn what_is_missing_is_missed() {
        let half = echo(4800, |at| at / 24_000 % 2 == 0).expect("half an echo");
        assert!((30.0..70.0).contains(&half.found_pct), "{half:?}");
        assert_eq!(echo(4800, |_| false), None);
    }
}
