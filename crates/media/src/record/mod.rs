//! Keeping a call: two voices side by side on one clock, and the file format around them.

mod ogg;

use std::time::{Duration, Instant};

use crate::lane::Lane;
pub use ogg::OggOpus;

/// Frames that are made at a time: 10 ms.
pub const BLOCK: usize = crate::lane::BLOCK;
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// Blocks that each side waits for: 60 ms, more than two packets or two turns of a device.
const START: usize = 6;

/// One frame: the near end, the far end.
pub type Frame = [f32; 2];

/// Brings the two sides of a call together, which come on two clocks and with gaps (mute, hold, a lost device): each
/// frame that comes out is both sides of one moment, 60 ms ago, and there is one for each moment.
#[derive(Debug)]
pub struct Pair {
    near: Lane,
    far: Lane,
    next: Instant,
}

impl Pair {
    /// Begins now.
    pub fn new(now: Instant) -> Self {
        Self { near: Lane::new(START), far: Lane::new(START), next: now + BLOCK_TIME }
    }

    /// What we say.
    pub fn near(&mut self, sound: &[f32]) {
        self.near.push(sound);
    }

    /// What we hear.
    pub fn far(&mut self, sound: &[f32]) {
        self.far.push(sound);
    }

    /// Appends the frames that are due, in whole blocks of [`BLOCK`]. The second figure is how many frames of silence go
    /// before them, where this was not asked for longer than a second.
    pub fn take(&mut self, now: Instant, out: &mut Vec<Frame>) -> u64 {
        const MOST: u32 = 100;
        let mut due = 0;
        while self.next <= now && due < MOST {
            self.next += BLOCK_TIME;
            due += 1;
        }
        let slept = now.saturating_duration_since(self.next).as_millis() / BLOCK_TIME.as_millis();
        let slept = u32::try_from(slept).unwrap_or(u32::MAX);
        self.next += BLOCK_TIME * slept;
        for _ in 0..due {
            self.block(out);
        }
        u64::from(slept) * BLOCK as u64
    }

    /// What is left when the call is over.
    pub fn finish(mut self, out: &mut Vec<Frame>) {
        while !(self.near.is_empty() && self.far.is_empty()) {
            self.near.drain();
            self.far.drain();
            self.block(out);
        }
    }

    fn block(&mut self, out: &mut Vec<Frame>) {
        let (mut near, mut far) = ([0.0; BLOCK], [0.0; BLOCK]);
        self.near.fill(&mut near);
        self.far.fill(&mut far);
        out.extend(near.into_iter().zip(far).map(|(near, far)| [near, far]));
    }
}

#[cfg(test)]
mod tests;
