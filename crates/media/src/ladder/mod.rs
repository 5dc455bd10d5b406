//! What is done against loss, and at what bit-rate: a ladder that follows the reports of the far end.
//!
//! | the far end reports | what is sent |
//! |---|---|
//! | nothing yet | Opus with its copy of the frame before in its own bits (in-band FEC), which any decoder knows |
//! | no loss for some time | Opus without it, which sounds better in the same bits (PESQ-WB 4.36, not 4.22) |
//! | the same, from near | [`short`] packets of Opus, without copies too |
//! | loss | with copies, without what lies above 8 kHz, which nothing that conceals can make, for clearer sound below |
//! | loss, and it agreed to RED | RFC 2198: each packet carries that of some packets before, out of the reach of a burst |
//! | loss that takes the copies too, and it knows DRED | in some of these bits what was just before (deep redundancy) |
//! | a queue that grows | the same with fewer bits, down to the least; then without RED |
//!
//! One copy that lies further back than a burst is long is worth more than two that are lost with it. While nothing is
//! lost there are no copies and their bits are not spent.

mod proof;
mod short;

use std::collections::VecDeque;
use std::time::Duration;

use crate::rtcp::ReportBlock;
use proof::Proof;
pub use short::Delay;
use short::{Path, Short};

/// Bits per second of the codec while nothing is lost: at this rate the copy of the last frame can ride along.
pub const CALM: u32 = 32_000;
/// Most that is sent, copies and all.
pub const CEILING: u32 = 50_000;
/// Bits per second of the codec in short packets, which sound as good as the others then, and least they are worth it for.
pub const SHORT: u32 = 64_000;
const LEAST_SHORT: u32 = CALM;
/// Least that is sent, however bad the path.
pub const FLOOR: u32 = 12_000;
/// The same with RED: below, two of each are worse than one.
const FLOOR_OF_RED: u32 = 26_000;
/// The headers of RED at 50 packets a second.
const HEADERS: u32 = 2_000;
/// Loss from which RED is sent, and under which it is not, 0..=1.
const ON: f32 = 0.02;
const OFF: f32 = 0.01;
/// Reports in a row under [`OFF`] before it ends: the next burst is likelier than the calm.
const CALM_REPORTS: u32 = 3;
/// A round trip so much longer than the shortest is a queue that we may be filling.
const QUEUE: Duration = Duration::from_millis(150);
/// Reports the length of bursts is judged by: about eighty seconds.
const REMEMBERED: usize = 16;
/// What is believed of bursts before much is known, in packets, and for how many reports it counts.
const BELIEVED: f32 = 1.5;
const BELIEF: f32 = 3.0;
/// A report about fewer packets says nothing of bursts.
const FEWEST: u32 = 20;
/// The farthest a copy lies back, in packets.
pub const FARTHEST: u8 = 5;
/// One packet further back is worth it if it saves so large a share of the packets: all sound waits for it.
const WORTH: f32 = 0.006;
/// And so large a share of the packets before the distance is changed, for then all sound is stretched.
const CHANGE: f32 = 0.008;
/// Share of the packets that are lost together with their copies from which deep redundancy is sent too, 0..=1.
const DEEP: f32 = 0.05;
/// How far back it goes, in 10 ms.
const PAST: u8 = 20;
/// Least that is sent with it: below, libopus has no bits for it.
const FLOOR_OF_PAST: u32 = 40_000;
/// Bits per second of the codec up to which sound above 8 kHz is left out while packets are lost.
const WIDE: u32 = CALM;

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Bits per second of the codec; with a copy about twice as much is sent.
    pub bitrate: u32,
    /// Loss that the encoder shall prepare for, in percent: what no copy mends.
    pub loss: u8,
    /// Whether what lies above 8 kHz is left out.
    pub wideband: bool,
    /// Whether the copy of the frame before rides along in the bits of the codec.
    pub copy: bool,
    /// How much of the sound before each packet rides along as deep redundancy, in 10 ms; its bits are among those of the
    /// codec, but not copied.
    pub past: u8,
    /// How many packets back the copy lies, 1..=[`FARTHEST`]; `None` without RED.
    pub back: Option<u8>,
    /// Whether packets are of 10 ms, made without a long look-ahead.
    pub short: bool,
}

/// What is known of the path from us to the far end.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Whether the far end takes RED.
    red: bool,
    /// Whether it makes use of deep redundancy.
    past: bool,
    /// What the far end takes at most, in bits per second.
    limit: Option<u32>,
    /// What the person wishes for, in bits per second.
    wish: Option<u32>,
    /// Up at once, down slowly.
    loss: f32,
    on: bool,
    calm: u32,
    /// Nothing at all is lost.
    clear: Proof,
    /// Share of the way from floor to ceiling given up because of a queue, 0..=1.
    given_up: f32,
    shortest: Option<Duration>,
    /// Highest sequence number and sum of losses of the last report.
    before: Option<(u32, i32)>,
    /// Packets expected and lost, report by report.
    recent: VecDeque<(u32, u32)>,
    /// Told by the far end itself.
    told: Option<f32>,
    /// How far back copies lie, since there are some.
    back: Option<u8>,
    short: Short,
}

impl Default for Ladder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Ladder {
    /// With a bit-rate of one's own, for thin lines or thick ones; `None` is [`CALM`], and up to [`CEILING`] against loss.
    pub fn new(wish: Option<u32>) -> Self {
        Self {
            red: false,
            past: false,
            limit: None,
            wish,
            loss: 0.0,
            on: false,
            calm: 0,
            clear: Proof::new(false),
            given_up: 0.0,
            shortest: None,
            before: None,
            recent: VecDeque::new(),
            told: None,
            back: None,
            short: Short::default(),
        }
    }

    /// What offer and answer say: whether RED may be sent, and `maxaveragebitrate`, which bounds the sum (RFC 7587
    /// section 6.1).
    pub fn agree(&mut self, red: bool, limit: Option<u32>) {
        (self.red, self.limit) = (red, limit);
    }

    /// Whether the far end makes use of deep redundancy: to others its bits are lost.
    pub fn allow_past(&mut self, allowed: bool) {
        self.past = allowed;
    }

    /// Whether the codec and the far end have packets of 10 ms.
    pub fn allow_short(&mut self, allowed: bool) {
        self.short.allow(allowed);
    }

    /// How soon the person wants sound to be there.
    pub fn set_delay(&mut self, delay: Delay) {
        self.short.wish(delay);
    }

    /// The far end reports on our stream, whose timestamps run at `clock`; `rtt` is what this report proves.
    pub fn report(&mut self, block: &ReportBlock, clock: u32, rtt: Option<Duration>) {
        let loss = f32::from(block.fraction_lost) / 256.0;
        self.loss = loss.max(self.loss * 0.7);
        self.calm = if loss < OFF { self.calm + 1 } else { 0 };
        self.clear.report(loss == 0.0, loss > 0.0);
        self.on = if self.on { self.calm < CALM_REPORTS } else { loss >= ON };
        self.count(block);
        self.back = self.on.then(|| self.distance());
        let mut queue = false;
        if let Some(rtt) = rtt {
            let shortest = *self.shortest.insert(self.shortest.map_or(rtt, |shortest| shortest.min(rtt)));
            // Loss alone is no reason to send less: on radio it does not help, and sound is a trickle. A queue is one.
            queue = rtt > shortest.saturating_add(QUEUE);
            self.given_up = (self.given_up + if queue { 0.3 } else { -0.1 }).clamp(0.0, 1.0);
        }
        let jitter = Duration::from_secs(block.jitter.into()) / clock.max(1);
        self.short.report(Path { loss, jitter, rtt, queue });
    }

    /// The mean length of bursts in packets where the far end reports of each (RFC 3611 section 4.1); it counts before
    /// what we work out, from the next report on.
    pub fn burst(&mut self, packets: f32) {
        self.told = packets.is_finite().then_some(packets.max(1.0));
    }

    /// What to send until the next report.
    pub fn plan(&self) -> Plan {
        let least = self.limit.map_or(FLOOR, |limit| limit.min(FLOOR));
        let short = self.short.is_on() && !self.on;
        let ceiling = self.wish.unwrap_or(if short { SHORT } else { CEILING });
        let most = self.limit.map_or(ceiling, |limit| limit.min(ceiling)).max(least);
        let room = least + ((most - least) as f32 * (1.0 - self.given_up)) as u32;
        let percent = |share: f32| (100.0 * share).ceil() as u8;
        if let Some(back) = self.back.filter(|_| self.red && room >= FLOOR_OF_RED) {
            let (left, room_of_both) = (self.left(back), room - HEADERS);
            let (bitrate, loss) = (room_of_both / 2, percent(left));
            let wideband = bitrate <= WIDE;
            let plan = Plan { bitrate, loss, wideband, copy: false, past: 0, back: Some(back), short: false };
            if self.past && left >= DEEP && room >= FLOOR_OF_PAST {
                // A good third of this is the past, and the rest is sent twice.
                return Plan { bitrate: room_of_both / 12 * 7, past: PAST, ..plan };
            }
            return plan;
        }
        let loss = percent(self.loss);
        if short && room >= LEAST_SHORT {
            let bitrate = room.min(self.wish.unwrap_or(SHORT));
            // A whole copy behind it mends more, and short packets hold none.
            return Plan { bitrate, loss, wideband: false, copy: false, past: 0, back: None, short: true };
        }
        let bitrate = room.min(self.wish.unwrap_or(CALM));
        let copy = !self.clear.is_proven();
        Plan { bitrate, loss, wideband: self.on && bitrate <= WIDE, copy, past: 0, back: None, short: false }
    }

    /// The share of packets that are lost together with their copies so far back.
    ///
    /// In a two-state chain (Gilbert) that loses a share p in bursts of the mean length b, a packet n after a lost one is
    /// lost too with the probability p + (1 − p) (1 − 1 / (b (1 − p)))^n.
    fn left(&self, back: u8) -> f32 {
        let p = self.loss.clamp(0.0, 0.9);
        let alike = (1.0 - 1.0 / (self.burst_length() * (1.0 - p))).max(0.0);
        p * (p + (1.0 - p) * alike.powi(i32::from(back)))
    }

    /// How far back a copy lies best, in packets; where it lies now if that is nearly as good.
    fn distance(&self) -> u8 {
        let cost = |back: u8| self.left(back) + WORTH * f32::from(back);
        let best = (1..=FARTHEST).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(1);
        self.back.filter(|now| cost(*now) < cost(best) + CHANGE).unwrap_or(best)
    }

    fn count(&mut self, block: &ReportBlock) {
        let now = (block.highest_sequence, block.cumulative_lost);
        let Some((sequence, lost)) = self.before.replace(now) else { return };
        let expected = now.0.wrapping_sub(sequence);
        // A sender or a receiver that began anew counts from somewhere else.
        if !(FEWEST..0x8000).contains(&expected) {
            return;
        }
        let lost = u32::try_from(now.1.saturating_sub(lost)).unwrap_or(0).min(expected);
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((expected, lost));
    }

    /// The mean number of packets lost in a row.
    ///
    /// A report tells how many of n packets were lost, not which. But if each is lost by itself with probability p, the
    /// number varies from report to report by n p (1 − p), and the longer the bursts, the more: in a two-state chain
    /// (Gilbert) by F = 2 (1 − p) b − 1 times that, with b the mean length of a burst. So F is measured and b follows.
    fn burst_length(&self) -> f32 {
        if let Some(told) = self.told {
            return told;
        }
        let sum = |of: fn(&(u32, u32)) -> u32| self.recent.iter().map(of).sum::<u32>() as f32;
        let p = sum(|(_, lost)| *lost) / sum(|(expected, _)| *expected).max(1.0);
        if !(0.001..0.9).contains(&p) {
            return BELIEVED;
        }
        let square = |(expected, lost): &(u32, u32)| {
            let expected = *expected as f32;
            (*lost as f32 - expected * p).powi(2) / (expected * p * (1.0 - p))
        };
        let squares: f32 = self.recent.iter().map(square).sum();
        // The mean of them is their own, which takes one away.
        let reports = self.recent.len() as f32 - 1.0;
        let believed = 2.0 * (1.0 - p) * BELIEVED - 1.0;
        let spread = (squares + BELIEF * believed) / (reports + BELIEF);
        ((spread + 1.0) / (2.0 * (1.0 - p))).max(1.0)
    }
}

#[cfg(test)]
mod tests;
