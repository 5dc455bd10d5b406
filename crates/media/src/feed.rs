//! Between the 48 kHz of the pipeline, on our clock, and a device on its own: what the media thread calls each time it
//! wakes.
//!
//! Microphones simply set the pace of what is sent. A speaker is fed 10 ms of sound for each 10 ms of our clock, and
//! the fill of its ring is held steady by bending the resampler by parts per million.

mod reserve;

use std::time::{Duration, Instant};

use crate::RATE;
use crate::error::SoundError;
use crate::port::{Capture, Playback};
use crate::resample::{DriftCorrector, Resampler};
use reserve::Reserve;

/// Sound made at a time.
const BLOCK: usize = RATE as usize / 100;
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// The most by which one block is asked for earlier or later than ten milliseconds after the one before: a thousandth,
/// which the correction of the drift takes for a clock that is off.
const PACE: Duration = Duration::from_micros(10);
/// After sleeping longer than this, the time slept is lost and not made up for.
const OVERSLEPT: Duration = Duration::from_millis(100);
/// With more than this above the wanted fill the device has stopped taking.
const FLOOD: Duration = Duration::from_millis(60);

/// Reads a microphone at 48 kHz.
pub struct MicFeed {
    resampler: Option<Resampler>,
    raw: Vec<f32>,
    sound: Vec<f32>,
}

impl MicFeed {
    /// For a device of this rate.
    pub fn new(rate: u32) -> Result<Self, SoundError> {
        let resampler = if rate == RATE { None } else { Some(Resampler::new(rate, RATE)?) };
        Ok(Self { resampler, raw: Vec::new(), sound: Vec::new() })
    }

    /// All that came since the last call, at 48 kHz; maybe nothing.
    pub fn pull(&mut self, now: Instant, mic: &mut dyn Capture) -> &[f32] {
        self.raw.clear();
        mic.read(now, &mut self.raw);
        let Some(resampler) = &mut self.resampler else { return &self.raw };
        self.sound.clear();
        resampler.process(&self.raw, &mut self.sound);
        &self.sound
    }
}

/// Feeds a speaker from something that makes sound at 48 kHz.
pub struct SpeakerFeed {
    resampler: Resampler,
    drift: DriftCorrector,
    rate: u32,
    /// What the device takes at once.
    period: Duration,
    reserve: Reserve,
    next: Instant,
    block: [f32; BLOCK],
    pending: Vec<f32>,
    /// What the device was given in the last push, and how long it waits there.
    given: Vec<f32>,
    ahead: Duration,
    /// What the device had to play after the last push.
    left: usize,
    /// The device has begun to take.
    takes: bool,
    /// There is too much in the ring, and nothing is queued until there is as much as is wanted.
    sheds: bool,
    underruns: u64,
    started: bool,
}

impl SpeakerFeed {
    /// For a device of this rate that takes a `period` at once. Its ring shall hold that and as much more as its feeding is
    /// late of late: 2.5 to 60 ms.
    pub fn new(now: Instant, rate: u32, period: Duration) -> Result<Self, SoundError> {
        let reserve = Reserve::new();
        Ok(Self {
            resampler: Resampler::new(RATE, rate)?,
            drift: DriftCorrector::new(period + reserve.wanted()),
            rate,
            period,
            reserve,
            next: now,
            block: [0.0; BLOCK],
            pending: Vec::new(),
            given: Vec::new(),
            ahead: Duration::ZERO,
            left: 0,
            takes: false,
            sheds: false,
            underruns: 0,
            started: false,
        })
    }

    /// Makes the sound that is due, by `fill` in blocks of 480 and for the times at which they were due, and queues it.
    pub fn push(&mut self, now: Instant, speaker: &mut dyn Playback, mut fill: impl FnMut(Instant, &mut [f32])) {
        self.push_until(now, now, speaker, |due, block| {
            fill(due, block);
            false
        });
    }

    /// Makes what is due `until` then, a little after now, and one block more where `fill` says that it has that too: so
    /// nobody need be woken once more for it. Says whether it made that one.
    pub fn push_until(
        &mut self,
        now: Instant,
        until: Instant,
        speaker: &mut dyn Playback,
        mut fill: impl FnMut(Instant, &mut [f32]) -> bool,
    ) -> bool {
        self.given.clear();
        self.takes |= speaker.queued() < self.left;
        let late = now.saturating_duration_since(self.next);
        let mut overslept = late > OVERSLEPT;
        if overslept {
            self.next = now;
        } else if self.next <= now {
            self.reserve.note(late);
        }
        let (mut made, mut more, mut last) = (false, false, false);
        while self.next <= until || more {
            let due = self.next;
            (made, last) = (true, due > until);
            self.next += BLOCK_TIME;
            let slept = std::mem::take(&mut overslept);
            if slept || (speaker.queued() == 0 && self.pending.is_empty()) {
                if self.started && !slept {
                    self.reserve.ran_dry();
                }
                self.refill(now, speaker);
            }
            // Of what is there now, some will be gone when it is due.
            let queued = time(speaker.queued() + self.pending.len(), self.rate);
            let queued = queued.saturating_sub(due.saturating_duration_since(now));
            let wanted = self.wanted();
            self.drift.aim(wanted);
            self.resampler.bend(self.drift.update(now, queued));
            more = fill(due, &mut self.block) && !last;
            self.resampler.process(&self.block, &mut self.pending);
            // A device may take nothing for a while, at first above all: what is old is of no use to anybody, and would be
            // late for as long as the clocks need to even it out.
            self.sheds |= queued > wanted + if self.takes { FLOOD } else { BLOCK_TIME };
            self.sheds &= queued > wanted;
            if self.sheds {
                self.pending.clear();
            }
        }
        if made {
            self.flush(now, speaker);
        }
        self.left = speaker.queued();
        last
    }

    /// Moves the next block towards where it would best be made, `earlier` by so many samples at 48 kHz or, negative,
    /// later; by no more than ten microseconds at a time.
    pub fn pace(&mut self, earlier: i64) {
        let by = PACE.min(Duration::from_secs(earlier.unsigned_abs()) / RATE);
        if earlier > 0 {
            self.next -= by;
        } else {
            self.next += by;
        }
    }

    /// What the device was given in the last [`Self::push`], at its rate, and what it had to play before that: for an echo
    /// canceller, to which sound on the clock of the device is worth more than the same on ours.
    pub fn given(&self) -> (&[f32], Duration) {
        (&self.given, self.ahead)
    }

    /// When the next block is due.
    pub fn deadline(&self) -> Instant {
        self.next
    }

    /// Times the device ran dry.
    pub fn underruns(&self) -> u64 {
        self.underruns
    }

    /// What the ring shall hold.
    fn wanted(&self) -> Duration {
        self.period + self.reserve.wanted()
    }

    /// The ring, empty at the start or after we overslept, gets silence up to the wanted fill.
    fn refill(&mut self, now: Instant, speaker: &mut dyn Playback) {
        self.underruns += u64::from(self.started);
        self.started = true;
        let wanted = (self.wanted().as_secs_f64() * f64::from(self.rate)) as usize;
        let silence = wanted.saturating_sub(speaker.queued() + self.pending.len());
        self.pending.resize(self.pending.len() + silence, 0.0);
        self.drift = DriftCorrector::new(self.wanted());
        self.flush(now, speaker);
    }

    fn flush(&mut self, now: Instant, speaker: &mut dyn Playback) {
        if self.given.is_empty() {
            self.ahead = time(speaker.queued(), self.rate);
        }
        let taken = speaker.write(now, &self.pending).min(self.pending.len());
        self.given.extend(self.pending.drain(..taken));
    }
}

fn time(frames: usize, rate: u32) -> Duration {
    Duration::from_secs_f64(frames as f64 / f64::from(rate.max(1)))
}

#[cfg(test)]
mod tests;
