//! What to play next: a packet, what a later one restores of a lost one, or something made up.

use std::time::Instant;

use super::{AHEAD, BLOCK, JitterBuffer, Playing, Wait, Waiting};
use crate::codec::past;
use crate::delay::MS;

/// Nothing came for so long: begin anew with the next packet. Longer than the 400 ms between Opus DTX packets.
const GIVE_UP: i64 = 600 * MS;
/// Sound that came later than by this is played all the same, and the wait gets longer: a word would be lost.
const SHORT_STALL: i64 = 20 * MS;
/// A wait beyond the target by this much is cut, not stretched.
const CUT: i64 = 300 * MS;

/// What to do for the next stretch of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Decode this.
    Play {
        /// The packet.
        packet: Waiting,
        /// Samples at its start for which it came too late: they were made up already.
        skip: usize,
    },
    /// Restore so many samples from the copy in this payload, which will be played next.
    Recover {
        /// Samples at 48 kHz.
        samples: usize,
        /// The packet after the lost one.
        next: Waiting,
    },
    /// Restore so many samples from the deep redundancy in this payload, which will be played later.
    Restore {
        /// Samples at 48 kHz.
        samples: usize,
        /// Samples from their end to the first of the packet.
        before: usize,
        /// The packet after the gap.
        next: Waiting,
    },
    /// Make up so many samples; `lost` unless the sender was silent on purpose.
    Conceal {
        /// Samples at 48 kHz.
        samples: usize,
        /// Whether sound is missing.
        lost: bool,
    },
    /// Nothing is being received: 10 ms of silence.
    Wait,
}

impl JitterBuffer {
    /// Decides on the next stretch of sound. Call when what was decided before is no longer enough for a block; `ahead`
    /// samples of it are left and will be played first.
    pub fn next(&mut self, now: Instant, ahead: usize) -> Step {
        let now = self.time(now);
        if self.playing.is_none() && !self.begin(now) {
            return Step::Wait;
        }
        let Some(mut playing) = self.playing else { return Step::Wait };
        let step = self.step(now, ahead as i64, &mut playing);
        self.playing = if step == Step::Wait { None } else { Some(playing) };
        step
    }

    /// Starts playing when the oldest packet has waited long enough.
    fn begin(&mut self, now: i64) -> bool {
        let target = self.target_samples();
        let Some(first) = self.packets.front() else { return false };
        if self.model.delay(now, first.at) < target {
            return false;
        }
        self.skip_to(now, target);
        let Some(first) = self.packets.front() else { return false };
        self.wait = None;
        self.playing = Some(Playing { at: first.at, sequence: first.sequence - 1, stalled: 0, late: None });
        true
    }

    /// Drops packets that wait much longer than wanted.
    fn skip_to(&mut self, now: i64, target: i64) {
        let too_long = |packet: &Waiting, limit| self.model.delay(now, packet.at) > target + limit;
        if self.packets.front().is_some_and(|first| too_long(first, CUT)) {
            let kept = self.packets.iter().position(|packet| !too_long(packet, 20 * MS));
            let gone = kept.unwrap_or(self.packets.len().saturating_sub(1));
            self.packets.drain(..gone);
        }
    }

    fn step(&mut self, now: i64, ahead: i64, playing: &mut Playing) -> Step {
        self.drop_over(playing);
        let Some(first) = self.packets.front() else { return self.stall(playing) };
        let gap = first.at - playing.at;
        let lost = (playing.sequence + 1..first.sequence).any(|sequence| !self.seen.has(sequence));
        if gap <= 0 && !lost && (1..=SHORT_STALL).contains(&playing.stalled) {
            // It is late, by less than is worth waiting longer from now on: what was made up stands for its start.
            let decided = self.model.delay(now, playing.at) - playing.stalled;
            let short = self.surplus(decided).0.min(0) * BLOCK as i64;
            // Two in a row are no accident: packets are late from now on, and the model will learn it.
            let again = playing.late == Some(first.sequence - 1);
            playing.at += if again { 0 } else { (playing.stalled + short).max(0) };
            playing.late = Some(first.sequence);
            playing.stalled = 0;
            self.drop_over(playing);
            return self.step(now, ahead, playing);
        }
        if gap > 0 {
            // Made up already while nothing was there.
            playing.at += gap.min(playing.stalled);
        }
        playing.stalled = 0;
        let gap = (first.at - playing.at).max(0);
        if gap < 120 {
            return self.play(now, ahead, playing);
        }
        if gap > GIVE_UP {
            return Step::Wait;
        }
        let duration = first.duration as i64;
        if lost && gap == duration && first.codec.has_copy(&first.payload) {
            playing.at += gap;
            return Step::Recover { samples: first.duration, next: first.clone() };
        }
        if lost {
            // Up to the last missing frame, which the next packet may restore.
            let until_copy = if gap > duration { gap - duration } else { gap };
            if let Some(next) = self.knowing(first.at) {
                // In pieces of a packet, for a copy may still come meanwhile.
                let from_next = next.at - playing.at;
                let piece = until_copy.min(duration).max(from_next - past::FARTHEST as i64).min(gap);
                let samples = (piece / 120 * 120).max(120);
                playing.at += samples;
                return Step::Restore { samples: samples as usize, before: (from_next - samples) as usize, next };
            }
            let made = until_copy.min(BLOCK as i64);
            playing.at += made;
            return Step::Conceal { samples: made as usize, lost: true };
        }
        // In silence the wait is set right for nothing: the packet is played at the first block that comes after the wait.
        let early = self.target_samples() - self.model.delay(now, first.at);
        let made = (early + BLOCK as i64 - 1).div_euclid(BLOCK as i64) * BLOCK as i64 - ahead;
        if made < 120 {
            return self.play(now, ahead, playing);
        }
        playing.at = first.at - made;
        let made = made.min(BLOCK as i64);
        playing.at += made;
        Step::Conceal { samples: made as usize, lost: false }
    }

    /// The first packet that carries deep redundancy of what was before `at`.
    fn knowing(&self, at: i64) -> Option<Waiting> {
        let mut near = self.packets.iter().take_while(|packet| packet.at - at < past::FARTHEST as i64);
        near.find(|packet| packet.codec.has_past(&packet.payload)).cloned()
    }

    /// Drops packets whose time is over.
    fn drop_over(&mut self, playing: &Playing) {
        while self.packets.front().is_some_and(|first| first.at + first.duration as i64 <= playing.at) {
            self.packets.pop_front();
            self.counts.late += 1;
        }
    }

    fn play(&mut self, now: i64, ahead: i64, playing: &mut Playing) -> Step {
        let Some(packet) = self.packets.pop_front() else { return self.stall(playing) };
        let mut lost = 0;
        for sequence in playing.sequence + 1..packet.sequence {
            if !self.seen.has(sequence) {
                self.losses.note(sequence);
                lost += 1;
            }
        }
        if lost > 0 {
            self.burst += (lost as f32 - self.burst) * 0.1;
        }
        if packet.copy {
            self.losses.note(packet.sequence);
        }
        let skip = (playing.at - packet.at).clamp(0, packet.duration as i64);
        let skip = if skip < 120 { 0 } else { skip };
        let transit = now + ahead - packet.at - skip;
        let mut before = self.wait.map_or([ahead; AHEAD], |wait| wait.ahead);
        before.rotate_right(1);
        before[0] = ahead;
        self.wait = Some(Wait { delay: self.model.delay(now + ahead, packet.at + skip), ahead: before, transit });
        playing.at = packet.at + packet.duration as i64;
        playing.sequence = packet.sequence;
        Step::Play { packet, skip: skip as usize }
    }

    /// Nothing is there: the timeline stands still until it is clear whether packets are lost or late.
    fn stall(&mut self, playing: &mut Playing) -> Step {
        playing.stalled += BLOCK as i64;
        if playing.stalled > GIVE_UP {
            return Step::Wait;
        }
        Step::Conceal { samples: BLOCK, lost: !self.quiet }
    }
}
