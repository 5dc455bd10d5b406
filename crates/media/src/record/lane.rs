//! One side of a recording: sound that comes on its own clock, given out on another.

use std::collections::VecDeque;

use super::BLOCK;
use crate::level::rms_dbfs;

/// What waits before the first block is given out, and again after the side ran dry: 60 ms, more than two packets or
/// two turns of a device.
const START: usize = 6 * BLOCK;
/// More than this is shortened by a block where nobody speaks: the other clock is the slower one.
const MUCH: usize = 2 * START;
/// Less than this is lengthened by one.
const LITTLE: usize = START / 2;
/// More than this is never kept, whoever speaks: 400 ms.
const MOST: usize = 40 * BLOCK;
/// Below this nobody speaks, in dBFS.
const QUIET_DBFS: f32 = -50.0;

#[derive(Debug, Default)]
pub(super) struct Lane {
    waiting: VecDeque<f32>,
    /// Enough was there, and it has not run dry since.
    flows: bool,
    /// Nothing comes any more.
    ends: bool,
}

impl Lane {
    pub(super) fn push(&mut self, sound: &[f32]) {
        self.waiting.extend(sound);
        let over = self.waiting.len().saturating_sub(MOST);
        if over > 0 {
            self.waiting.drain(..over + MOST - START);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing comes any more: all that is there is given out.
    pub(super) fn drain(&mut self) {
        self.ends = true;
    }

    /// The next block; silence where there is none.
    pub(super) fn fill(&mut self, out: &mut [f32; BLOCK]) {
        let there = self.waiting.len();
        self.flows |= there >= START || self.ends;
        if !self.flows {
            return;
        }
        if (BLOCK..LITTLE).contains(&there) && !self.ends && self.is_quiet() {
            // One block more of the same silence.
            return self.copy(out);
        }
        if there > MUCH && self.is_quiet() {
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
