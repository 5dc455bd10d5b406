//! What a person says and hears.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use media::{
    RATE,
    level::rms_dbfs,
    signal::{Speech, find_delay, windows_found},
};
use phone::sound::{Buffers, Heard};

/// So much is looked for in one piece, whenever so much more was heard.
const PIECE: usize = 2 * RATE as usize;
const STEP: usize = RATE as usize / 2;
/// How far behind it may be heard.
const LONGEST: usize = 3 * RATE as usize / 2;
/// Of windows of 200 ms, so many are to be found, each within 100 ms of its place: a jitter buffer moves a little.
const ENOUGH: f32 = 0.85;
const WINDOW: usize = RATE as usize / 5;
const SLACK: usize = RATE as usize / 10;
/// Silence is a second of less than this.
const SILENCE_DBFS: f32 = -60.0;

/// The microphone and the speaker of a person. A clone is the same.
#[derive(Clone)]
pub(crate) struct Ear {
    said: Arc<Mutex<Vec<f32>>>,
    heard: Heard,
}

impl Ear {
    /// Everybody has another voice.
    pub(crate) fn new(name: &str) -> (Buffers, Self) {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let said = Arc::new(Mutex::new(Vec::new()));
        let (mut voice, spoken) = (Speech::new(hasher.finish()), Arc::clone(&said));
        let (buffers, heard) = Buffers::new(move |out| {
            voice.fill(out);
            spoken.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(out);
        });
        (buffers, Self { said, heard })
    }

    /// So many samples were heard.
    pub(crate) fn heard_so_far(&self) -> usize {
        self.heard.len()
    }

    /// What was heard from there on.
    pub(crate) fn heard_since(&self, at: usize) -> Vec<f32> {
        self.heard.since(at)
    }

    /// The last that was said, at most so many samples.
    fn last_said(&self, samples: usize) -> Vec<f32> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said[said.len().saturating_sub(samples)..].to_vec()
    }

    /// Is the last that is heard here what somebody said just now? `looked` is how much was heard when that was asked
    /// last: it is looked for again when there is enough more.
    pub(crate) fn hears(&self, who: &Self, looked: &mut usize) -> bool {
        let length = self.heard.len();
        if length < *looked + STEP || length < PIECE {
            return false;
        }
        *looked = length;
        let piece = self.heard.since(length - PIECE);
        let around = who.last_said(PIECE + LONGEST);
        find_delay(&piece, &around, LONGEST)
            .is_some_and(|place| windows_found(&piece, &around, place.delay, WINDOW, SLACK) >= ENOUGH)
    }

    /// Was there a second of silence after that, and is it the last one?
    pub(crate) fn is_quiet_since(&self, from: usize) -> bool {
        let length = self.heard.len();
        length >= from + RATE as usize && rms_dbfs(&self.heard.since(length - RATE as usize)) < SILENCE_DBFS
    }
}
