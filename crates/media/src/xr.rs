//! Extended reports, RFC 3611: what a receiver can say about a stream beyond loss and jitter. They travel inside RTCP
//! compounds; when they are sent is [`crate::session`]'s business.
//!
//! | block | says | section |
//! |---|---|---|
//! | [`Block::Losses`] | which packets came, one by one | 4.1 |
//! | [`Block::Reference`] | the time here, for one who sends no sender reports | 4.4 |
//! | [`Block::LastReference`] | how long ago such a time came | 4.5 |
//! | [`Block::Summary`] | losses, doubles and jitter of an interval | 4.6 |
//! | [`Block::Voip`] | bursts, delays, rating | 4.7 |
//!
//! A block of another type, or of a length that its type cannot have, is left out; the others count.

use std::fmt;

use crate::rtcp::{Ntp, Words};
use crate::rtp::Ssrc;

const LOSSES: u8 = 1;
const REFERENCE: u8 = 4;
const LAST_REFERENCE: u8 = 5;
const SUMMARY: u8 = 6;
const VOIP: u8 = 7;

/// Packets received in a row that end a burst, the value RFC 3611 section 4.7.2 recommends.
pub const GMIN: u8 = 16;
/// A level or rating that is not known (RFC 3611 sections 4.7.4 and 4.7.5).
pub const UNKNOWN: u8 = 127;

/// Which blocks one end wishes to get (`a=rtcp-xr`, RFC 3611 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// `pkt-loss-rle`
    pub losses: bool,
    /// `rcvr-rtt`: reference times and their return, both ways.
    pub round_trip: bool,
    /// `stat-summary` of losses, doubles or jitter.
    pub summary: bool,
    /// `voip-metrics`
    pub voip: bool,
}

impl Wishes {
    /// All that we can read.
    pub const ALL: Self = Self { losses: true, round_trip: true, summary: true, voip: true };

    /// Reads the value of the attribute; what it does not know it leaves out.
    pub fn read(value: &str) -> Self {
        let mut own = Self::default();
        for format in value.split_whitespace() {
            let name = format.split(['=', ':']).next().unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "pkt-loss-rle" => own.losses = true,
                "rcvr-rtt" => own.round_trip = true,
                "stat-summary" => own.summary = true,
                "voip-metrics" => own.voip = true,
                _ => {}
            }
        }
        own
    }

    /// What we wish for in an answer to these: nothing of one that may not know of it, and round trips only together (RFC
    /// 3611 section 5.2).
    pub(crate) fn answered(self) -> Self {
        if self.is_none() { self } else { Self { round_trip: self.round_trip, ..Self::ALL } }
    }

    /// Whether nothing is wished for.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The value of the attribute.
impl fmt::Display for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.losses, "pkt-loss-rle"),
            (self.round_trip, "rcvr-rtt=all"),
            (self.summary, "stat-summary=loss,dup,jitt"),
            (self.voip, "voip-metrics"),
        ];
        let wished: Vec<&str> = all.into_iter().filter(|(wished, _)| *wished).map(|(_, name)| name).collect();
        f.write_str(&wished.join(" "))
    }
}

/// One block of an extended report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Which packets came.
    Losses(Losses),
    /// The time at the sender of the report.
    Reference(Ntp),
    /// Times that came, for those who sent them.
    LastReference(Vec<LastReference>),
    /// Counts of an interval.
    Summary(Summary),
    /// Figures of telephony.
    Voip(Voip),
}

/// Which packets of an interval came (RFC 3611 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Losses {
    /// The stream reported on.
    pub ssrc: Ssrc,
    /// Only each 2^thinning-th sequence number is reported on; 0..=15.
    pub thinning: u8,
    /// First sequence number.
    pub begin: u16,
    /// One more than the last.
    pub end: u16,
    /// As on the wire: runs of up to 16 383, or 15 bits.
    chunks: Vec<u16>,
}

/// A chunk of bits rather than a run.
const BITS: u16 = 0x8000;
/// A run of packets that came.
const CAME: u16 = 0x4000;
/// Bits in a chunk of bits.
const WIDTH: usize = 15;

impl Losses {
    /// Reports that from `begin` on packets came or not.
    pub fn new(ssrc: Ssrc, begin: u16, came: &[bool]) -> Self {
        let came = &came[..came.len().min(usize::from(u16::MAX))];
        let (mut chunks, mut rest) = (Vec::new(), came);
        while let Some(first) = rest.first() {
            let run = rest.iter().take(0x3fff).take_while(|came| *came == first).count();
            let taken = if run >= WIDTH {
                chunks.push(if *first { CAME } else { 0 } | run as u16);
                run
            } else {
                let bits = rest.iter().chain(std::iter::repeat(&false)).take(WIDTH);
                chunks.push(BITS | bits.fold(0, |bits, came| bits << 1 | u16::from(*came)));
                WIDTH.min(rest.len())
            };
            rest = &rest[taken..];
        }
        Self { ssrc, thinning: 0, begin, end: begin.wrapping_add(came.len() as u16), chunks }
    }

    /// For each packet in order whether it came.
    pub fn came(&self) -> impl Iterator<Item = bool> {
        let chunk = |chunk: &u16| {
            let (chunk, bits) = (*chunk, chunk & BITS != 0);
            let length = if bits { WIDTH } else { usize::from(chunk & 0x3fff) };
            (0..length).map(move |at| if bits { chunk >> (WIDTH - 1 - at) & 1 == 1 } else { chunk & CAME != 0 })
        };
        let packets = usize::from(self.end.wrapping_sub(self.begin)) >> self.thinning;
        self.chunks.iter().flat_map(chunk).take(packets)
    }

    /// How many packets were lost and in how many rows; `None` where not each packet is reported on.
    pub fn rows(&self) -> Option<(u32, u32)> {
        let (mut lost, mut rows, mut before) = (0, 0, true);
        for came in self.came() {
            lost += u32::from(!came);
            rows += u32::from(!came && before);
            before = came;
        }
        (self.thinning == 0).then_some((lost, rows))
    }
}

/// A reference time that came (RFC 3611 section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastReference {
    /// Who sent it.
    pub ssrc: Ssrc,
    /// The middle of it; 0 if none came.
    pub last: u32,
    /// Time since then in 1/65536 s.
    pub delay: u32,
}

/// Counts of an interval (RFC 3611 section 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The stream reported on.
    pub ssrc: Ssrc,
    /// First sequence number.
    pub begin: u16,
    /// One more than the last.
    pub end: u16,
    /// Packets lost.
    pub lost: Option<u32>,
    /// Packets that came again.
    pub doubled: Option<u32>,
    /// Least, most, mean and deviation of how unevenly packets came, in timestamp units.
    pub jitter: Option<[u32; 4]>,
    /// How the next word is to be understood: 0 not at all, 1 IPv4, 2 IPv6.
    pub hops_of: u8,
    /// Least, most, mean and deviation of TTL or hop limit.
    pub hops: [u8; 4],
}

/// Figures of telephony since the stream began (RFC 3611 section 4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voip {
    /// The stream reported on.
    pub ssrc: Ssrc,
    /// Share of packets lost on the way, in 1/256.
    pub lost: u8,
    /// Share of packets that came too late or too early, in 1/256.
    pub discarded: u8,
    /// Share of packets lost or discarded within bursts, in 1/256.
    pub burst_density: u8,
    /// The same outside of them.
    pub gap_density: u8,
    /// Mean length of the bursts in ms.
    pub burst_ms: u16,
    /// Mean length of what lies between them in ms.
    pub gap_ms: u16,
    /// Round trip in ms.
    pub round_trip_ms: u16,
    /// Delay within the receiver's own system in ms.
    pub end_system_ms: u16,
    /// Level of speech in dBm0, [`UNKNOWN`] where it is not.
    pub signal: i8,
    /// Level of silence in dBm0.
    pub noise: i8,
    /// Residual echo return loss in dB.
    pub echo: u8,
    /// Packets received in a row that end a burst.
    pub gmin: u8,
    /// Rating of ITU-T G.107, 0..=100.
    pub rating: u8,
    /// The same with the network outside of RTP.
    pub outer_rating: u8,
    /// Mean opinion score of listening in tenths.
    pub mos_lq: u8,
    /// Mean opinion score of conversation in tenths.
    pub mos_cq: u8,
    /// Concealment and jitter buffer (section 4.7.6).
    pub config: u8,
    /// Delay of the jitter buffer in ms: now, at most now, at most ever.
    pub buffer_ms: [u16; 3],
}

/// Reads the blocks of a report; `None` when their lengths do not add up.
pub(crate) fn read(body: &[u8]) -> Option<(Ssrc, Vec<Block>)> {
    let mut words = Words(body);
    let sender = Ssrc(words.u32()?);
    let (mut blocks, mut rest) = (Vec::new(), words.0);
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk::<4>()?;
        let (block, after) = after.split_at_checked(4 * usize::from(u16::from_be_bytes([head[2], head[3]])))?;
        blocks.extend(read_block(head[0], head[1], block));
        rest = after;
    }
    Some((sender, blocks))
}

fn read_block(kind: u8, special: u8, body: &[u8]) -> Option<Block> {
    let mut words = Words(body);
    let block = match (kind, body.len()) {
        (LOSSES, 8..) => {
            let (ssrc, (begin, end)) = (Ssrc(words.u32()?), words.halves()?);
            let chunks = words.0.chunks_exact(2).map(|chunk| u16::from_be_bytes([chunk[0], chunk[1]]));
            let chunks = chunks.take_while(|chunk| *chunk != 0).collect();
            Block::Losses(Losses { ssrc, thinning: special & 0x0f, begin, end, chunks })
        }
        (REFERENCE, 8) => Block::Reference(Ntp(u64::from(words.u32()?) << 32 | u64::from(words.u32()?))),
        (LAST_REFERENCE, bytes) if bytes % 12 == 0 => {
            let mut all = Vec::with_capacity(bytes / 12);
            while !words.0.is_empty() {
                all.push(LastReference { ssrc: Ssrc(words.u32()?), last: words.u32()?, delay: words.u32()? });
            }
            Block::LastReference(all)
        }
        (SUMMARY, 36) => {
            let (ssrc, (begin, end)) = (Ssrc(words.u32()?), words.halves()?);
            let said = |flag: u8, word: u32| (special & flag != 0).then_some(word);
            let (lost, doubled) = (said(0x80, words.u32()?), said(0x40, words.u32()?));
            let jitter = [words.u32()?, words.u32()?, words.u32()?, words.u32()?];
            let jitter = (special & 0x20 != 0).then_some(jitter);
            let hops = words.u32()?.to_be_bytes();
            Block::Summary(Summary { ssrc, begin, end, lost, doubled, jitter, hops_of: special >> 3 & 3, hops })
        }
        (VOIP, 32) => {
            let ssrc = Ssrc(words.u32()?);
            let [lost, discarded, burst_density, gap_density] = words.u32()?.to_be_bytes();
            let ((burst_ms, gap_ms), (round_trip_ms, end_system_ms)) = (words.halves()?, words.halves()?);
            let [signal, noise, echo, gmin] = words.u32()?.to_be_bytes();
            let [rating, outer_rating, mos_lq, mos_cq] = words.u32()?.to_be_bytes();
            let ([config, _, high, low], (most, ever)) = (words.u32()?.to_be_bytes(), words.halves()?);
            Block::Voip(Voip {
                ssrc,
                lost,
                discarded,
                burst_density,
                gap_density,
                burst_ms,
                gap_ms,
                round_trip_ms,
                end_system_ms,
                signal: signal.cast_signed(),
                noise: noise.cast_signed(),
                echo,
                gmin,
                rating,
                outer_rating,
                mos_lq,
                mos_cq,
                config,
                buffer_ms: [u16::from_be_bytes([high, low]), most, ever],
            })
        }
        _ => return None,
    };
    Some(block)
}

/// Appends a block.
pub(crate) fn write(block: &Block, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let (kind, special) = match block {
        Block::Losses(losses) => {
            out.extend_from_slice(&losses.ssrc.0.to_be_bytes());
            let halves = [losses.begin, losses.end].into_iter().chain(losses.chunks.iter().copied());
            // RFC 3611 section 4.1.3: a chunk of nothing fills the last word.
            halves.chain((losses.chunks.len() % 2 == 1).then_some(0)).for_each(|half| push(out, half));
            (LOSSES, losses.thinning & 0x0f)
        }
        Block::Reference(ntp) => {
            out.extend_from_slice(&ntp.0.to_be_bytes());
            (REFERENCE, 0)
        }
        Block::LastReference(all) => {
            let words = all.iter().flat_map(|one| [one.ssrc.0, one.last, one.delay]);
            words.for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
            (LAST_REFERENCE, 0)
        }
        Block::Summary(summary) => {
            out.extend_from_slice(&summary.ssrc.0.to_be_bytes());
            [summary.begin, summary.end].into_iter().for_each(|half| push(out, half));
            let counts = [summary.lost.unwrap_or(0), summary.doubled.unwrap_or(0)];
            let words = counts.into_iter().chain(summary.jitter.unwrap_or_default());
            words.for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
            out.extend_from_slice(&summary.hops);
            let flags =
                [(summary.lost.is_some(), 0x80), (summary.doubled.is_some(), 0x40), (summary.jitter.is_some(), 0x20)];
            let flags = flags.into_iter().filter(|(said, _)| *said).map(|(_, flag)| flag).sum::<u8>();
            (SUMMARY, flags | (summary.hops_of & 3) << 3)
        }
        Block::Voip(voip) => {
            out.extend_from_slice(&voip.ssrc.0.to_be_bytes());
            out.extend_from_slice(&[voip.lost, voip.discarded, voip.burst_density, voip.gap_density]);
            let delays = [voip.burst_ms, voip.gap_ms, voip.round_trip_ms, voip.end_system_ms];
            delays.into_iter().for_each(|half| push(out, half));
            out.extend_from_slice(&[voip.signal.cast_unsigned(), voip.noise.cast_unsigned(), voip.echo, voip.gmin]);
            out.extend_from_slice(&[voip.rating, voip.outer_rating, voip.mos_lq, voip.mos_cq, voip.config, 0]);
            voip.buffer_ms.into_iter().for_each(|half| push(out, half));
            (VOIP, 0)
        }
    };
    let [high, low] = (((out.len() - start) / 4 - 1) as u16).to_be_bytes();
    out[start..start + 4].copy_from_slice(&[kind, special, high, low]);
}

fn push(out: &mut Vec<u8>, half: u16) {
    out.extend_from_slice(&half.to_be_bytes());
}

#[cfg(test)]
mod tests;
