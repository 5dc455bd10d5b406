//! Copies of packets (RFC 2198) take the places of those that are not there, and how long it is worth to wait for them.

use super::{JitterBuffer, MOST_PACKETS, Waiting};
use crate::RATE;
use crate::codec::Codec;
use crate::delay::MS;
use crate::rtp::{Header, Sequence};

/// Nobody is waited for longer, however old its copies are.
const LONGEST_WAIT: i64 = 120 * MS;
/// Of the length that bursts have on average, so much is waited for where one packet restores all of it: of the usual bursts
/// four in five are shorter.
const OF_BURST: f32 = 1.6;
/// Packets between two losses, and after the last, for which copies are waited for: forty seconds of 20 ms. It is long, since
/// a wait that comes and goes with each lost packet stretches so much sound that none at all is better (docs/benchmarks.md).
const REMEMBERED: i64 = 2_000;
/// Packets without a copy after which none is waited for.
const PATIENCE: u32 = 50;

/// How far behind their packets the copies come.
#[derive(Debug, Clone, Default)]
pub(super) struct Copies {
    behind: Option<i64>,
    without: u32,
}

impl Copies {
    /// A packet came.
    pub(super) fn packet(&mut self) {
        self.without += 1;
        if self.without > PATIENCE {
            self.behind = None;
        }
    }

    /// It came with deep redundancy of all that was before; packets of so many samples are lost in bursts of this length.
    pub(super) fn past(&mut self, duration: i64, burst: f32) {
        let packets = (OF_BURST * burst).ceil() as i64;
        self.copy((packets * duration).min(LONGEST_WAIT));
    }

    /// A copy came with it, `behind` samples after the packet it copies.
    fn copy(&mut self, behind: i64) {
        self.without = 0;
        self.behind = (0..=LONGEST_WAIT).contains(&behind).then_some(behind);
    }

    /// Samples after a packet's own time at which a copy of it is still due; `None` while no copies come.
    pub(super) fn due(&self) -> Option<i64> {
        self.behind
    }
}

/// The last losses, the newest first: the last packet of each, by its number. One is an accident, after a second copies
/// are waited for. What came late is not lost: no copy is worth waiting for instead of it.
#[derive(Debug, Clone)]
pub(super) struct Losses([i64; 3]);

/// Long before any packet.
const NEVER: i64 = i64::MIN / 2;

impl Default for Losses {
    fn default() -> Self {
        Self([NEVER; 3])
    }
}

impl Losses {
    /// A packet is not there when it is to be played.
    pub(super) fn note(&mut self, sequence: i64) {
        if sequence != self.0[0] + 1 {
            self.0.rotate_right(1);
        }
        self.0[0] = sequence;
    }

    /// It came after all.
    pub(super) fn forget(&mut self, sequence: i64) {
        if let Some(at) = self.0.iter().position(|lost| *lost == sequence) {
            self.0[at..].rotate_left(1);
            self.0[2] = NEVER;
        }
    }

    /// Are copies worth waiting for when this is the newest packet?
    pub(super) fn are_many(&self, newest: i64) -> bool {
        let [last, before, _] = self.0;
        newest - last < REMEMBERED && last - before < REMEMBERED
    }
}

impl JitterBuffer {
    /// Takes a copy that came with the packet of `carrier`, taken before, and was sampled `offset` units of the
    /// timestamp earlier. It fills the place of a packet that is not there and counts for nothing else: it says
    /// nothing about delay or loss. `false` if it is of no use.
    pub fn insert_copy(&mut self, carrier: &Header, codec: Codec, offset: u16, payload: &[u8]) -> bool {
        let (Some(newest), Some(length)) = (self.timeline, codec.duration(payload)) else { return false };
        let scale = i64::from(RATE / newest.clock);
        let (behind, duration) = (i64::from(offset) * scale, length as i64);
        // A copy has no sequence number of its own: it follows from frames of one length.
        if codec.clock() != newest.clock || behind == 0 || behind % duration != 0 {
            return false;
        }
        self.copies.copy(behind);
        let carried = newest.sequence + i64::from(carrier.sequence.since(Sequence(newest.sequence as u16)));
        let sequence = carried - behind / duration;
        let at = newest.at + carrier.timestamp.since(newest.timestamp) * scale - behind;
        let over = self.playing.is_some_and(|playing| sequence <= playing.sequence || at + duration <= playing.at);
        if over || self.seen.has(sequence) || self.packets.len() == MOST_PACKETS {
            return false;
        }
        let place = self.packets.partition_point(|other| other.sequence < sequence);
        let before = place.checked_sub(1).and_then(|place| self.packets.get(place));
        // Before the first sound nothing is missing.
        if before.is_none() && self.playing.is_none() {
            return false;
        }
        // Where the sender was silent or sent keys, the number that follows is another's.
        let fits = before.is_none_or(|before| before.at + before.duration as i64 <= at)
            && self.packets.get(place).is_none_or(|after| after.sequence > sequence && at + duration <= after.at);
        if fits {
            self.packets.insert(
                place,
                Waiting { sequence, at, duration: length, codec, copy: true, payload: payload.to_vec() },
            );
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::{Inserted, Step};
    use super::*;
    use crate::rtp::{Ssrc, Timestamp};
    use crate::testing::epoch;

    /// 20 ms of G.711 that says which packet it is of.
    fn payload(n: u16) -> [u8; 160] {
        [n as u8; 160]
    }

    fn header(n: u16) -> Header {
        Header {
            marker: false,
            payload_type: 0,
            sequence: Sequence(65_530_u16.wrapping_add(n)),
            timestamp: Timestamp(u32::MAX - 500).plus(u32::from(n) * 160),
            ssrc: Ssrc(1),
        }
    }

    struct Line {
        buffer: JitterBuffer,
        start: Instant,
        heard: Vec<(u8, bool)>,
        lost: usize,
    }

    impl Line {
        fn new() -> Self {
            let start = epoch();
            Self { buffer: JitterBuffer::new(start), start, heard: Vec::new(), lost: 0 }
        }

        /// Packets of 20 ms; those that are `there` come with a copy of the one `back` before them.
        fn run(&mut self, packets: std::ops::Range<u16>, back: u16, there: impl Fn(u16) -> bool) {
            for n in packets {
                let now = self.start + std::time::Duration::from_millis(20) * u32::from(n);
                if there(n) {
                    assert_eq!(self.buffer.insert(now, &header(n), Codec::Pcmu, &payload(n)), Inserted::Kept);
                    if let Some(old) = n.checked_sub(back) {
                        self.buffer.insert_copy(&header(n), Codec::Pcmu, back * 160, &payload(old));
                    }
                }
                let mut wanted = 960;
                while wanted > 0 {
                    wanted -= match self.buffer.next(now, 0) {
                        Step::Play { packet, .. } => {
                            self.heard.push((packet.payload[0], packet.copy));
                            packet.duration
                        }
                        Step::Recover { samples, .. } | Step::Restore { samples, .. } => samples,
                        Step::Conceal { samples, lost } => {
                            self.lost += usize::from(lost);
                            samples
                        }
                        Step::Wait => 480,
                    }
                    .min(wanted);
                }
            }
        }
    }

    #[test]
    fn a_copy_fills_the_place_and_counts_for_nothing_else() {
        let mut line = Line::new();
        line.run(0..200, 1, |n| n % 10 != 7 || n < 50);
        let counts = line.buffer.counts();
        assert_eq!((counts.received, counts.duplicates, counts.late), (185, 0, 0));
        let [last, before, first] = line.buffer.losses.0;
        assert_eq!((last - before, before - first), (10, 10), "it is lost to the network all the same");
        let copies: Vec<u8> = line.heard.iter().filter(|(_, copy)| *copy).map(|(n, _)| *n).collect();
        assert!(copies.len() > 12 && copies.iter().all(|n| n % 10 == 7), "{copies:?}");
        assert!(line.heard.windows(2).skip(60).all(|pair| pair[1].0 == pair[0].0 + 1), "{:?}", line.heard);
    }

    #[test]
    fn the_wait_is_for_copies_only_while_packets_are_lost() {
        let mut line = Line::new();
        line.run(0..200, 3, |_| true);
        let calm = line.buffer.target_samples();
        assert!(calm < 30 * MS, "{calm}");
        line.run(200..250, 3, |n| n % 10 < 7 || n >= 240);
        let waiting = line.buffer.target_samples();
        assert!((60 * MS..80 * MS).contains(&waiting), "{waiting}");
        // The sender has none any more.
        for n in 250..310 {
            let now = line.start + std::time::Duration::from_millis(20) * u32::from(n);
            line.buffer.insert(now, &header(n), Codec::Pcmu, &payload(n));
        }
        assert!(line.buffer.target_samples() < 40 * MS);
    }

    #[test]
    fn one_packet_in_a_hundred_is_enough_to_wait_for_good() {
        let mut line = Line::new();
        let there = |n: u16| n % 100 != 90;
        line.run(0..200, 1, there);
        for n in 200..1_000 {
            line.run(n..n + 1, 1, there);
            let target = line.buffer.target_samples();
            assert!((20 * MS..30 * MS).contains(&target), "{n}: {target}");
        }
        // One is an accident, and the path that loses none any more is believed after a while.
        line.run(1_000..3_000, 1, |_| true);
        assert!(line.buffer.target_samples() < 10 * MS, "{}", line.buffer.target_samples());
        line.run(3_000..3_200, 1, |n| !(3_100..3_103).contains(&n));
        assert!(line.buffer.target_samples() < 10 * MS, "{}", line.buffer.target_samples());
    }

    #[test]
    fn what_comes_late_is_not_lost() {
        let mut line = Line::new();
        for n in 0..1_000 {
            line.run(n..n + 1, 1, |n| n % 50 != 30);
            if n % 50 == 33 {
                let now = line.start + std::time::Duration::from_millis(20) * u32::from(n);
                line.buffer.insert(now, &header(n - 3), Codec::Pcmu, &payload(n - 3));
            }
        }
        assert!(line.buffer.counts().late > 10, "{:?}", line.buffer.counts());
        assert_eq!(line.buffer.copy_after(), 0, "nobody waits for copies");
    }

    #[test]
    fn the_packet_itself_takes_the_place_of_its_copy() {
        let mut line = Line::new();
        line.run(0..20, 1, |_| true);
        let now = line.start + std::time::Duration::from_millis(410);
        line.buffer.insert(now, &header(22), Codec::Pcmu, &payload(22));
        assert!(line.buffer.insert_copy(&header(22), Codec::Pcmu, 160, &payload(21)));
        assert!(!line.buffer.insert_copy(&header(22), Codec::Pcmu, 160, &payload(21)), "once is enough");
        assert_eq!(line.buffer.insert(now, &header(21), Codec::Pcmu, &payload(21)), Inserted::Kept);
        assert_eq!(line.buffer.packets.iter().filter(|packet| packet.sequence % 65_536 == 15).count(), 1);
        assert!(line.buffer.packets.iter().all(|packet| !packet.copy));
        assert!(!line.buffer.insert_copy(&header(22), Codec::Pcmu, 160, &payload(21)), "it came by itself");
    }

    #[test]
    fn what_cannot_be_placed_is_left_alone() {
        let mut buffer = JitterBuffer::new(epoch());
        assert!(!buffer.insert_copy(&header(5), Codec::Pcmu, 160, &payload(4)), "there is no timeline");
        let mut line = Line::new();
        line.run(0..20, 1, |_| true);
        line.buffer.insert(line.start, &header(25), Codec::Pcmu, &payload(25));
        for (codec, offset, why) in [
            (Codec::Pcmu, 0, "now"),
            (Codec::Pcmu, 100, "half a frame"),
            (Codec::Opus, 160, "another clock"),
            (Codec::Pcmu, 160 * 20, "played"),
        ] {
            assert!(!line.buffer.insert_copy(&header(25), codec, offset, &payload(9)), "{why}");
        }
        assert!(!line.buffer.insert_copy(&header(25), Codec::Pcmu, 160, &[]), "nothing");
    }
}
