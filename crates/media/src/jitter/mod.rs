//! The jitter buffer: packets in any order and at any time in, one decision each time sound has run out.
//!
//! ```text
//!  insert ──> [ by sequence number ] ──next──> Play │ Recover │ Restore │ Conceal │ Wait
//!     └─> delay histogram ─> target ─┘
//! ```
//!
//! Playout follows the timestamps, brought to one timeline of 48 kHz samples whatever the codec's clock. At the
//! deadline of a packet that is not there:
//! * a later one is there and numbers are missing between: it is lost. The last missing frame comes from the copy in
//!   the next packet where there is one, others from its deep redundancy, or they are concealed. Whole copies (RFC 2198)
//!   have taken their places before.
//! * a later one is there and no number is missing: the sender was silent (DTX, telephone events).
//! * nothing is there: sound is concealed and the timeline stands still. If the packets prove lost, the time counts as
//!   their time, and so it does if the first is a little late once: the rest of it is played. If they come later or late
//!   again they are played whole, and the longer wait is taken back by stretching.

mod copy;
mod step;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::RATE;
use crate::codec::Codec;
use crate::delay::{DelayModel, MS};
use crate::report::MAX_DROPOUT;
use crate::rtp::{Header, Sequence, Timestamp};
use crate::seen::Seen;

use copy::{Copies, Losses};
pub use step::Step;

/// Sound decided on at a time when there is no packet: 10 ms.
pub const BLOCK: usize = RATE as usize / 100;
/// The most that playout waits.
const LONGEST: i64 = 400 * MS;
/// What the pace mends within a second.
const SLIGHT: i64 = MS;
/// Share of the packets that may come late before a wait that is too short for the target is made longer.
const BEARABLE: f32 = 0.02;
/// A timestamp off by so much from its arrival is another timeline.
const ANOTHER_TIMELINE: i64 = RATE as i64;
/// So many packets in a row that are the newest and yet late: the sender turned its clock back.
const TURNED_BACK: u32 = 5;
/// Packets whose place in their block is remembered: with those of 2.5 and 7.5 ms each fourth has the same.
const AHEAD: usize = 4;
/// Packets kept at most: two seconds of 20 ms, ten of the smallest.
const MOST_PACKETS: usize = 128;

/// A packet of sound, waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    sequence: i64,
    /// Its first sample on the timeline.
    at: i64,
    /// Samples at 48 kHz in it.
    pub duration: usize,
    /// What its payload is.
    pub codec: Codec,
    /// Whether it is a copy that came with another packet; its own did not come.
    pub copy: bool,
    /// The payload.
    pub payload: Vec<u8>,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for its time.
    Kept,
    /// Its time is over.
    Late,
    /// It came before.
    Duplicate,
    /// Its payload cannot be sound of its codec.
    Nonsense,
}

/// What happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterCounts {
    /// Packets of sound that came, duplicates aside.
    pub received: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Times the stream began anew.
    pub restarts: u64,
}

/// The buffer of one stream.
#[derive(Debug, Clone)]
pub struct JitterBuffer {
    origin: Instant,
    packets: VecDeque<Waiting>,
    model: DelayModel,
    wait: Option<Wait>,
    timeline: Option<Timeline>,
    seen: Seen,
    copies: Copies,
    playing: Option<Playing>,
    /// The sender fell silent on purpose with its last packet.
    quiet: bool,
    /// Packets of this stream carry copies of the frame before them.
    inband: bool,
    /// Newest packets in a row that were late.
    behind: u32,
    losses: Losses,
    /// Smoothed number of packets lost in a row.
    burst: f32,
    counts: JitterCounts,
}

/// Where playout is.
#[derive(Debug, Clone, Copy)]
struct Playing {
    /// Next sample due on the timeline.
    at: i64,
    /// Sequence number last played.
    sequence: i64,
    /// Samples made up while the timeline stood still.
    stalled: i64,
    /// The last packet that was a little late.
    late: Option<i64>,
}

/// How long the packet played last has waited.
#[derive(Debug, Clone, Copy)]
struct Wait {
    /// From the time at which the fastest packet would have come to the playing of its first sample.
    delay: i64,
    /// Of that, from the decision to play it to the playing; and so of the packets before it, for of short ones some are
    /// decided on with the block before theirs.
    ahead: [i64; AHEAD],
    /// From its place on the timeline to its playing.
    transit: i64,
}

impl Wait {
    /// How long after the fastest packet the earliest of the last decisions was.
    fn decided(&self) -> i64 {
        self.delay - self.ahead.iter().max().copied().unwrap_or(0)
    }
}

/// The newest packet, from which others are counted.
#[derive(Debug, Clone, Copy)]
struct Timeline {
    clock: u32,
    timestamp: Timestamp,
    at: i64,
    sequence: i64,
    duration: i64,
}

impl JitterBuffer {
    /// An empty buffer.
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            packets: VecDeque::with_capacity(MOST_PACKETS),
            model: DelayModel::new(),
            wait: None,
            timeline: None,
            seen: Seen::default(),
            copies: Copies::default(),
            playing: None,
            quiet: false,
            inband: false,
            behind: 0,
            losses: Losses::default(),
            burst: 1.0,
            counts: JitterCounts::default(),
        }
    }

    /// Takes a packet of sound.
    pub fn insert(&mut self, now: Instant, header: &Header, codec: Codec, payload: &[u8]) -> Inserted {
        let Some(duration) = codec.duration(payload) else { return Inserted::Nonsense };
        let now = self.time(now);
        let Some((sequence, at)) = self.place(now, header, codec.clock(), duration as i64) else {
            self.counts.late += 1;
            return Inserted::Late;
        };
        if !self.seen.note(sequence) {
            self.counts.duplicates += 1;
            return Inserted::Duplicate;
        }
        self.counts.received += 1;
        self.copies.packet();
        if codec.has_past(payload) {
            self.copies.past(duration as i64, self.burst);
        }
        self.model.arrival(now, at);
        let newest = self.timeline.is_some_and(|newest| newest.sequence == sequence);
        if newest {
            self.quiet = codec.is_silence(payload);
            self.inband |= codec.has_copy(payload);
        }
        if self.playing.is_some_and(|playing| at + duration as i64 <= playing.at) {
            self.counts.late += 1;
            self.losses.forget(sequence);
            self.behind = if newest { self.behind + 1 } else { self.behind };
            if self.behind >= TURNED_BACK {
                self.restart();
            }
            return Inserted::Late;
        }
        self.behind = 0;
        let place = self.packets.partition_point(|other| other.sequence < sequence);
        let packet = Waiting { sequence, at, duration, codec, copy: false, payload: payload.to_vec() };
        // Its copy was faster.
        if let Some(copy) = self.packets.get_mut(place).filter(|other| other.sequence == sequence) {
            *copy = packet;
            return Inserted::Kept;
        }
        self.packets.insert(place, packet);
        if self.packets.len() > MOST_PACKETS {
            self.packets.pop_front();
        }
        Inserted::Kept
    }

    /// Takes note of a packet that is no sound (telephone event, comfort noise), so that it is not taken for lost.
    /// `false` if it came before.
    pub fn insert_other(&mut self, header: &Header) -> bool {
        let Some(newest) = self.timeline else { return true };
        let sequence = newest.sequence + i64::from(header.sequence.since(Sequence(newest.sequence as u16)));
        // Never ahead by more than a window, lest one packet makes all others old.
        if sequence - newest.sequence >= 128 {
            return true;
        }
        let new = self.seen.note(sequence);
        if new && sequence > newest.sequence {
            self.quiet = true;
        }
        new
    }

    /// Whether the sender fell silent on purpose with its last packet.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Forgets the stream, because another begins. What is known of the network stays.
    pub fn restart(&mut self) {
        self.packets.clear();
        self.model.restart();
        self.wait = None;
        self.timeline = None;
        self.seen = Seen::default();
        self.playing = None;
        self.quiet = false;
        self.inband = false;
        self.losses = Losses::default();
        self.behind = 0;
        self.counts.restarts += 1;
    }

    /// How long the sound of a packet lasts, by the newest; 20 ms before the first.
    pub fn packet_time(&self) -> Duration {
        samples(self.timeline.map_or(20 * MS, |newest| newest.duration))
    }

    /// The wait aimed at.
    pub fn target(&self) -> Duration {
        samples(self.target_samples())
    }

    /// The wait of the last packet played, relative to the fastest packets.
    pub fn delay(&self) -> Duration {
        samples(self.wait.map_or(0, |wait| wait.delay))
    }

    /// From the place of the last packet played on a timeline that began with the stream to its playing, on the buffer's own.
    #[cfg(feature = "testing")]
    pub fn transit(&self) -> Duration {
        samples(self.wait.map_or(0, |wait| wait.transit))
    }

    /// Samples of the packet that is to be played next, if it is there.
    pub fn next_is_here(&self) -> usize {
        let next = self.packets.front().filter(|first| self.playing.is_some_and(|playing| first.at == playing.at));
        next.map_or(0, |next| next.duration)
    }

    /// By how many samples the sound should be made longer (positive) or shorter, so that packets are decided on in a
    /// whole number of blocks and no later than need be.
    pub fn wanted_stretch(&self) -> i64 {
        let Some(wait) = self.wait else { return 0 };
        let least = wait.ahead.iter().min().copied().unwrap_or(0);
        -least - self.surplus(wait.decided()).0 * BLOCK as i64
    }

    /// By how many samples decisions come too late (negative: too early) even after [`Self::wanted_stretch`]: whoever
    /// asks for sound should ask so much earlier, a little each time.
    pub fn pace(&self) -> i64 {
        self.wait.map_or(0, |wait| self.surplus(wait.decided()).1)
    }

    /// Tells that the sound was made longer or shorter by so many samples.
    pub fn stretched(&mut self, by: i64) {
        if let Some(wait) = &mut self.wait {
            wait.delay += by;
            wait.transit += by;
            wait.ahead = wait.ahead.map(|ahead| (ahead + by).rem_euclid(BLOCK as i64));
        }
    }

    /// What happened since the start.
    pub fn counts(&self) -> JitterCounts {
        self.counts
    }

    fn time(&self, now: Instant) -> i64 {
        (now.saturating_duration_since(self.origin).as_nanos() * u128::from(RATE) / 1_000_000_000) as i64
    }

    /// The wait that decisions should come after.
    fn target_samples(&self) -> i64 {
        (self.model.best() + self.copy_after()).min(LONGEST)
    }

    /// How much later than a packet its copy comes, where copies are waited for. They are of use only if the packet that
    /// carries one is there at the deadline of the one it copies.
    fn copy_after(&self) -> i64 {
        let Some(newest) = self.timeline.filter(|newest| self.losses.are_many(newest.sequence)) else { return 0 };
        let inband = if self.inband { newest.duration } else { 0 };
        self.copies.due().unwrap_or(inband)
    }

    /// The blocks by which decisions so long after the fastest packet come too late (negative: too early), and the samples
    /// that remain.
    fn surplus(&self, decided: i64) -> (i64, i64) {
        let surplus = decided - self.target_samples();
        let bearable = surplus > -SLIGHT || self.model.later(decided - self.copy_after()) <= BEARABLE;
        let blocks = if surplus < 0 && bearable { 0 } else { surplus.div_euclid(BLOCK as i64) };
        (blocks, surplus - blocks * BLOCK as i64)
    }

    /// Finds sequence number and place on the timeline; `None` for a straggler of another clock.
    fn place(&mut self, now: i64, header: &Header, clock: u32, duration: i64) -> Option<(i64, i64)> {
        if let Some(newest) = self.timeline {
            let ahead = header.sequence.since(Sequence(newest.sequence as u16));
            let sequence = newest.sequence + i64::from(ahead);
            let at = if clock == newest.clock {
                newest.at + header.timestamp.since(newest.timestamp) * i64::from(RATE / clock)
            } else if ahead > 0 {
                // The clock changed with the payload type: the new timestamps go on where the sound was.
                newest.at + newest.duration * i64::from(ahead)
            } else {
                return None;
            };
            let off = self.model.delay(now, at);
            if ahead.abs() <= MAX_DROPOUT && off.abs() < ANOTHER_TIMELINE {
                if ahead > 0 {
                    self.timeline = Some(Timeline { clock, timestamp: header.timestamp, at, sequence, duration });
                }
                return Some((sequence, at));
            }
            self.restart();
        }
        // Far from zero, so that packets before the first have numbers too.
        let sequence = (1 << 20) + i64::from(header.sequence.0);
        self.timeline = Some(Timeline { clock, timestamp: header.timestamp, at: 0, sequence, duration });
        Some((sequence, 0))
    }
}

fn samples(count: i64) -> Duration {
    Duration::from_micros(count.max(0) as u64 * 1_000_000 / u64::from(RATE))
}
