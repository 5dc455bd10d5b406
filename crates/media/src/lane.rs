//! Sound that comes on its own clock, given out on another: one side of a recording, the microphone of a conference.

use std::collections::VecDeque;

use crate::{RATE, level::rms_dbfs};

/// What is given out at a time: 10 ms.
pub(crate) const BLOCK: usize = RATE as usize / 100;
/// More than this is never kept, whoever speaks: 400 ms.
const MOST: usize = 40 * BLOCK;
/// Below this nobody speaks, in dBFS.
const QUIET_DBFS: f32 = -50.0;

#[derive(Debug)]
pub(crate) struct Lane {
    waiting: VecDeque<f32>,
    /// What waits before the first block is given out, and again after it ran dry. More than twice that is shortened by
    /// a block where nobody speaks, for the other clock is the slower one; less than half of it is lengthened by one.
    start: usize,
    /// Enough was there, and it has not run dry since.
    flows: bool,
    /// Nothing comes any more.
    ends: bool,
}

impl Lane {
    /// With so many blocks, 1..=20, before it begins.
    pub(crate) const fn new(blocks: usize) -> Self {
        Self { waiting: VecDeque::new(), start: blocks * BLOCK, flows: false, ends: false }
    }

    pub(crate) fn push(&mut self, sound: &[f32]) {
        self.waiting.extend(sound);
        let over = self.waiting.len().saturating_sub(MOST);
        if over > 0 {
            self.waiting.drain(..over + MOST - self.start);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing comes any more: all that is there is given out.
    pub(crate) fn drain(&mut self) {
        self.ends = true;
    }

    /// The next block; silence where there is none.
    pub(crate) fn fill(&mut self, out: &mut [f32; BLOCK]) {
        let there = self.waiting.len();
        self.flows |= there >= self.start || self.ends;
        if !self.flows {
            return;
        }
        if (BLOCK..self.start / 2).contains(&there) && !self.ends && self.is_quiet() {
            // One block more of the same silence.
            return self.copy(out);
        }
        if there > 2 * self.start && self.is_quiet() {
            self.waiting.drain(..BLOCK);
        }
        self.copy(out);
        let taken = self.waiting.len().min(BLOCK);
        self.waiting.drain(..taken);
        self.flows = taken == BLOCK;
    }

    fn copy(&self, out: &mut [f32; BLOCK]) {
        for (sample, own) in out.iter_mut().zip(&self.waiting) {
            *sample = *own;
        }
    }

    fn is_quiet(&mut self) -> bool {
        let front = &self.waiting.make_contiguous()[..BLOCK];
        rms_dbfs(front) < QUIET_DBFS
    }
}
