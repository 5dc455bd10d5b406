//! What is done to the sound of a microphone before anybody hears it: echo of the own speaker is taken out, noise is
//! turned down, and the level is brought to that of speech. One [`Processor`] belongs to one open microphone, for an echo
//! canceller learns the way from the speaker to it.
//!
//! ```text
//!  speaker ─▶ reference ─┐
//!  microphone ─▶ trouble ─▶ echo (sonora's filter, our suppressor), noise (sonora) ─▶ noise (nnnoiseless) ─▶ level (sonora) ─▶ calls
//! ```
//!
//! With all of it off, samples go through untouched and at once. Otherwise they are taken in blocks of 10 ms.

mod chain;
mod cleaner;
mod suppressor;
mod trouble;

use std::time::{Duration, Instant};

use chain::{BLOCK, Chain};
pub use trouble::Trouble;
use trouble::Watch;

use crate::RATE;
use crate::resample::Resampler;

/// So many blocks another way of processing listens beside the one in use before it takes over: what it has to learn of
/// noise and level it knows by then; for echo it takes three times as many, for its filter is quick only at first and
/// unsure for a while after that.
const LEARNING: u32 = 100;
const LEARNING_ECHO: u32 = 3 * LEARNING;

/// How much of the noise goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Noise {
    /// All stays.
    #[default]
    Off,
    /// About 6 dB go.
    Low,
    /// About 12 dB go.
    Medium,
    /// About 18 dB go.
    High,
    /// What a network that knows speech takes for noise goes; 10 ms later than with the others.
    Strong,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Processing {
    /// The echo of the speaker goes.
    pub echo: bool,
    /// Noise goes.
    pub noise: Noise,
    /// Speech gets the level of speech, and is never clipped.
    pub level: bool,
}

impl Processing {
    /// Nothing is done.
    pub const OFF: Self = Self { echo: false, noise: Noise::Off, level: false };
}

/// Processes the sound of one microphone.
pub struct Processor {
    wanted: Processing,
    /// Nothing where nothing is done.
    chain: Option<Chain>,
    /// What takes over when it has learned: in so many blocks.
    next: Option<(Option<Chain>, u32)>,
    reference: Reference,
    /// Sound of the microphone that is no whole block yet.
    pending: Vec<f32>,
    out: Vec<f32>,
    watch: Watch,
}

impl Processor {
    /// For a microphone that was just opened.
    pub fn new(wanted: Processing) -> Self {
        Self {
            wanted,
            chain: Chain::new(wanted),
            next: None,
            reference: Reference::default(),
            pending: Vec::with_capacity(2 * BLOCK),
            out: Vec::with_capacity(4 * BLOCK),
            watch: Watch::default(),
        }
    }

    /// Does this from now on. It is heard a second later, with echo three, without a click: what is new listens beside what
    /// is in use until then. To do nothing needs no learning.
    pub fn set(&mut self, wanted: Processing) {
        if wanted == self.wanted {
            return;
        }
        self.wanted = wanted;
        let in_use = self.chain.as_ref().map_or(Processing::OFF, Chain::does);
        self.next = (in_use != wanted).then(|| {
            let chain = Chain::new(wanted);
            let learning = match wanted {
                Processing::OFF => 0,
                Processing { echo: true, .. } => LEARNING_ECHO,
                _ => LEARNING,
            };
            (chain, learning)
        });
    }

    /// What it was last told to do.
    pub fn wanted(&self) -> Processing {
        self.wanted
    }

    /// Takes sound that the speaker's device was just given, at its rate. `delay` is how long the first of it waits until
    /// it is heard in the room, as far as the device tells; better too short than too long.
    pub fn render(&mut self, now: Instant, samples: &[f32], rate: u32, delay: Duration) {
        if self.chain.is_none() && self.next.is_none() && !self.watch.is_heard() {
            // Nothing listens, and to bring it to 48 kHz would cost more than the call.
            return self.reference.forget();
        }
        let first = now + delay.saturating_sub(time(self.reference.pending.len()));
        let mut blocks = 0;
        let (chain, next) = (&mut self.chain, &mut self.next);
        let watch = &mut self.watch;
        self.reference.push(samples, rate, |block| {
            blocks += 1;
            watch.render(block);
            let chains = chain.iter_mut().chain(next.iter_mut().filter_map(|(chain, _)| chain.as_mut()));
            chains.for_each(|chain| chain.render(block));
        });
        if blocks > 0 {
            self.reference.heard_at = Some(first + time((blocks - 1) * BLOCK));
        }
    }

    /// Takes sound of the microphone, 48 kHz mono, of any length, and gives back what is to be heard of it. `age` is how
    /// long ago the first of it was in the room, as far as the device tells; better too short than too long.
    pub fn capture(&mut self, now: Instant, samples: &[f32], age: Duration) -> &[f32] {
        self.watch.capture(samples, self.wanted.level);
        self.out.clear();
        if self.chain.is_none() && self.next.is_none() {
            // What waited for a whole block when something was done goes first.
            self.out.append(&mut self.pending);
            self.out.extend_from_slice(samples);
            return &self.out;
        }
        // From the first sample of the next block to the first of the last block of the speaker.
        let first = self.reference.heard_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
            + age
            + time(self.pending.len());
        self.pending.extend(samples.iter().map(usable));
        let mut used = 0;
        while let Some(raw) = self.pending[used..].first_chunk::<BLOCK>() {
            let delay = first.saturating_sub(time(used));
            used += BLOCK;
            let mut block = *raw;
            if let Some(chain) = &mut self.chain {
                chain.capture(&mut block, delay);
            }
            if let Some((next, learning)) = &mut self.next {
                let mut other = *raw;
                if let Some(next) = next {
                    next.capture(&mut other, delay);
                }
                match learning.checked_sub(1) {
                    Some(left) => *learning = left,
                    None => {
                        cross_fade(&mut block, &other);
                        self.chain = self.next.take().and_then(|(chain, _)| chain);
                    }
                }
            }
            self.out.extend_from_slice(&block);
        }
        self.pending.drain(..used);
        &self.out
    }

    /// Whether somebody hears the microphone now: of what nobody hears there is no trouble to tell. At first nobody does.
    pub fn set_heard(&mut self, heard: bool) {
        self.watch.set_heard(heard);
    }

    /// What is wrong with the microphone.
    pub fn trouble(&self) -> Option<Trouble> {
        self.watch.trouble()
    }
}

/// What the speaker plays, in blocks at 48 kHz.
#[derive(Default)]
struct Reference {
    resampler: Option<(u32, Resampler)>,
    pending: Vec<f32>,
    /// When the first sample of the last whole block is heard.
    heard_at: Option<Instant>,
}

impl Reference {
    /// What comes next does not go on from what came before.
    fn forget(&mut self) {
        self.pending.clear();
        self.heard_at = None;
    }

    fn push(&mut self, samples: &[f32], rate: u32, mut block: impl FnMut(&[f32; BLOCK])) {
        if rate == RATE {
            self.resampler = None;
            self.pending.extend(samples.iter().map(usable));
        } else {
            if self.resampler.as_ref().is_none_or(|(own, _)| *own != rate) {
                // A device of another rate than these is never opened.
                self.resampler = Resampler::new(rate, RATE).ok().map(|new| (rate, new));
            }
            if let Some((_, resampler)) = &mut self.resampler {
                let samples: Vec<f32> = samples.iter().map(usable).collect();
                resampler.process(&samples, &mut self.pending);
            }
        }
        let mut used = 0;
        while let Some(whole) = self.pending[used..].first_chunk::<BLOCK>() {
            used += BLOCK;
            block(whole);
        }
        self.pending.drain(..used);
    }
}

/// Broken drivers deliver NaN, and a filter that took one would never be rid of it.
#[inline]
pub(crate) fn usable(sample: &f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

/// How long so many samples last.
fn time(samples: usize) -> Duration {
    Duration::from_secs(samples as u64) / RATE
}

/// Goes over from `block` to `other` within it.
fn cross_fade(block: &mut [f32; BLOCK], other: &[f32; BLOCK]) {
    for (at, (sample, other)) in block.iter_mut().zip(other).enumerate() {
        let share = (at + 1) as f32 / BLOCK as f32;
        *sample += (other - *sample) * share;
    }
}

#[cfg(test)]
mod tests;
