//! RTCP packets, RFC 3550 section 6: sender and receiver reports, CNAME, BYE.
//!
//! [`Compound::parse`] checks the whole compound before anything of it counts (appendix A.2); unknown packet types
//! inside are skipped. When to send is [`crate::report`]'s business.

use crate::rtp::Ssrc;
use crate::xr;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
/// RFC 3611 section 2.
const EXTENDED_REPORT: u8 = 207;
/// SDES item type of the canonical name.
const CNAME: u8 = 1;
/// Bytes of one report block.
const BLOCK_LEN: usize = 24;

/// A 64-bit NTP time: seconds and fractions of 2^-32 s since any start the sender likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ntp(pub u64);

impl Ntp {
    /// The middle 32 bits, as LSR carries them.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What a receiver says about one stream (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: Ssrc,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the start; negative with duplicates. 24 bits on the wire.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its cycles.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle of the last SR's NTP time; 0 if none came yet.
    pub last_sr: u32,
    /// Time since that SR in 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// What a sender says about its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was sent.
    pub ntp: Ntp,
    /// The same instant on the media clock.
    pub rtp_timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload octets sent.
    pub octets: u32,
}

/// One RTCP packet of those we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RtcpPacket {
    /// SR (with `info`) or RR (without).
    Report {
        /// Who reports.
        sender: Ssrc,
        /// Present in a sender report.
        info: Option<SenderInfo>,
        /// One per stream heard.
        blocks: Vec<ReportBlock>,
    },
    /// SDES with a canonical name.
    Cname(Ssrc, String),
    /// These sources leave.
    Bye(Vec<Ssrc>),
    /// Who reports, and what beyond the report blocks.
    Extended(Ssrc, Vec<xr::Block>),
}

/// Why bytes are no RTCP compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A length does not fit.
    #[error("RTCP lengths do not fit")]
    Length,
    /// Version is not 2, or the type lies outside 192..=223.
    #[error("not RTCP")]
    NotRtcp,
}

/// A sequence of RTCP packets that travel together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compound(pub Vec<RtcpPacket>);

impl Compound {
    /// Reads a datagram. Reduced-size packets (RFC 5506), which do not begin with a report, are taken too.
    pub fn parse(bytes: &[u8]) -> Result<Self, RtcpError> {
        if bytes.is_empty() {
            return Err(RtcpError::Length);
        }
        let mut packets = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let head: [u8; 4] = *rest.first_chunk().ok_or(RtcpError::Length)?;
            // RFC 3550 appendix A.2: each packet is version 2 and the lengths add up.
            if head[0] >> 6 != 2 || !(192..=223).contains(&head[1]) {
                return Err(RtcpError::NotRtcp);
            }
            let len = 4 * (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1);
            let (packet, after) = rest.split_at_checked(len).ok_or(RtcpError::Length)?;
            rest = after;
            let mut body = &packet[4..];
            if head[0] & 0x20 != 0 {
                // RFC 3550 appendix A.2: only the last packet may be padded.
                let padding = usize::from(*body.last().ok_or(RtcpError::Length)?);
                if padding == 0 || !rest.is_empty() {
                    return Err(RtcpError::Length);
                }
                body = body.get(..body.len().checked_sub(padding).ok_or(RtcpError::Length)?).unwrap_or_default();
            }
            let count = usize::from(head[0] & 0x1f);
            match head[1] {
                SENDER_REPORT => packets.push(report(body, count, true).ok_or(RtcpError::Length)?),
                RECEIVER_REPORT => packets.push(report(body, count, false).ok_or(RtcpError::Length)?),
                SOURCE_DESCRIPTION => descriptions(body, count, &mut packets).ok_or(RtcpError::Length)?,
                BYE => packets.push(bye(body, count).ok_or(RtcpError::Length)?),
                EXTENDED_REPORT => {
                    let (sender, blocks) = xr::read(body).ok_or(RtcpError::Length)?;
                    packets.push(RtcpPacket::Extended(sender, blocks));
                }
                _ => {}
            }
        }
        Ok(Self(packets))
    }

    /// The compound as a datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        for packet in &self.0 {
            write_packet(packet, &mut out);
        }
        out
    }
}

/// Reads big-endian words off the front; `None` when they run out.
pub(crate) struct Words<'a>(pub(crate) &'a [u8]);

impl Words<'_> {
    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*word))
    }

    /// A word of two numbers.
    pub(crate) fn halves(&mut self) -> Option<(u16, u16)> {
        self.u32().map(|word| ((word >> 16) as u16, word as u16))
    }
}

fn report(body: &[u8], count: usize, with_info: bool) -> Option<RtcpPacket> {
    let mut words = Words(body);
    let sender = Ssrc(words.u32()?);
    let info = if with_info {
        let ntp = Ntp(u64::from(words.u32()?) << 32 | u64::from(words.u32()?));
        Some(SenderInfo { ntp, rtp_timestamp: words.u32()?, packets: words.u32()?, octets: words.u32()? })
    } else {
        None
    };
    if words.0.len() < count * BLOCK_LEN {
        return None;
    }
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        let ssrc = Ssrc(words.u32()?);
        let lost = words.u32()?;
        blocks.push(ReportBlock {
            ssrc,
            fraction_lost: (lost >> 24) as u8,
            // The low 24 bits are signed: shift the sign up and back.
            cumulative_lost: (lost << 8).cast_signed() >> 8,
            highest_sequence: words.u32()?,
            jitter: words.u32()?,
            last_sr: words.u32()?,
            delay_since_last_sr: words.u32()?,
        });
    }
    Some(RtcpPacket::Report { sender, info, blocks })
}

/// RFC 3550 section 6.5: chunks of items, each chunk padded to a word with at least one zero.
fn descriptions(body: &[u8], count: usize, packets: &mut Vec<RtcpPacket>) -> Option<()> {
    let mut rest = body;
    for _ in 0..count {
        let (ssrc, mut items) = rest.split_first_chunk::<4>()?;
        let start = items.len();
        loop {
            let kind = *items.first()?;
            if kind == 0 {
                break;
            }
            let len = usize::from(*items.get(1)?);
            let text = items.get(2..2 + len)?;
            if kind == CNAME {
                let name = String::from_utf8_lossy(text).into_owned();
                packets.push(RtcpPacket::Cname(Ssrc(u32::from_be_bytes(*ssrc)), name));
            }
            items = &items[2 + len..];
        }
        let used = (start - items.len() + 1).next_multiple_of(4);
        rest = rest.get(4 + used..)?;
    }
    Some(())
}

fn bye(body: &[u8], count: usize) -> Option<RtcpPacket> {
    let mut words = Words(body);
    (0..count).map(|_| words.u32().map(Ssrc)).collect::<Option<Vec<_>>>().map(RtcpPacket::Bye)
}

fn write_packet(packet: &RtcpPacket, out: &mut Vec<u8>) {
    let start = out.len();
    match packet {
        RtcpPacket::Report { sender, info, blocks } => {
            // A report has room for 31 blocks; a call has one stream.
            let blocks = &blocks[..blocks.len().min(31)];
            let kind = if info.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
            out.extend_from_slice(&[0x80 | blocks.len() as u8, kind, 0, 0]);
            out.extend_from_slice(&sender.0.to_be_bytes());
            if let Some(info) = info {
                out.extend_from_slice(&info.ntp.0.to_be_bytes());
                for word in [info.rtp_timestamp, info.packets, info.octets] {
                    out.extend_from_slice(&word.to_be_bytes());
                }
            }
            for block in blocks {
                write_block(block, out);
            }
        }
        RtcpPacket::Cname(ssrc, name) => {
            out.extend_from_slice(&[0x81, SOURCE_DESCRIPTION, 0, 0]);
            out.extend_from_slice(&ssrc.0.to_be_bytes());
            let name = &name.as_bytes()[..name.len().min(255)];
            out.extend_from_slice(&[CNAME, name.len() as u8]);
            out.extend_from_slice(name);
            out.push(0);
        }
        RtcpPacket::Bye(sources) => {
            let sources = &sources[..sources.len().min(31)];
            out.extend_from_slice(&[0x80 | sources.len() as u8, BYE, 0, 0]);
            for ssrc in sources {
                out.extend_from_slice(&ssrc.0.to_be_bytes());
            }
        }
        RtcpPacket::Extended(sender, blocks) => {
            out.extend_from_slice(&[0x80, EXTENDED_REPORT, 0, 0]);
            out.extend_from_slice(&sender.0.to_be_bytes());
            blocks.iter().for_each(|block| xr::write(block, out));
        }
    }
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

fn write_block(block: &ReportBlock, out: &mut Vec<u8>) {
    let lost = u32::from(block.fraction_lost) << 24 | block.cumulative_lost.cast_unsigned() & 0x00ff_ffff;
    let words = [block.ssrc.0, lost, block.highest_sequence, block.jitter, block.last_sr, block.delay_since_last_sr];
    for word in words {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block() -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(7),
            fraction_lost: 25,
            cumulative_lost: -3,
            highest_sequence: 0x0001_ffff,
            jitter: 480,
            last_sr: 0x1234_5678,
            delay_since_last_sr: 65536,
        }
    }

    fn compound() -> Compound {
        let info = SenderInfo { ntp: Ntp(1 << 40), rtp_timestamp: 9, packets: 3, octets: 300 };
        Compound(vec![
            RtcpPacket::Report { sender: Ssrc(1), info: Some(info), blocks: vec![block()] },
            RtcpPacket::Report { sender: Ssrc(1), info: None, blocks: vec![] },
            RtcpPacket::Cname(Ssrc(1), "abcde".into()),
            RtcpPacket::Bye(vec![Ssrc(1)]),
        ])
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Compound::parse(&compound().to_bytes()), Ok(compound()));
    }

    #[test]
    fn names_of_any_length_are_padded_rightly() {
        for len in 0..12 {
            let one = Compound(vec![RtcpPacket::Cname(Ssrc(1), "x".repeat(len)), RtcpPacket::Bye(vec![Ssrc(1)])]);
            assert_eq!(Compound::parse(&one.to_bytes()), Ok(one));
        }
    }

    #[test]
    fn unknown_types_are_skipped_and_bad_lengths_refused() {
        let mut bytes = vec![0x80, 206, 0, 1, 0, 0, 0, 1];
        bytes.extend(Compound(vec![RtcpPacket::Bye(vec![Ssrc(4)])]).to_bytes());
        assert_eq!(Compound::parse(&bytes).unwrap().0, [RtcpPacket::Bye(vec![Ssrc(4)])]);
        bytes.pop();
        assert_eq!(Compound::parse(&bytes), Err(RtcpError::Length));
        assert_eq!(Compound::parse(&[0x40, 200, 0, 0]), Err(RtcpError::NotRtcp));
        assert_eq!(Compound::parse(&[0x81, 201, 0, 1, 0, 0, 0, 1]), Err(RtcpError::Length));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..1500), kind in 192u8..224) {
            let _ = Compound::parse(&bytes);
            let mut likely = bytes;
            if likely.len() >= 4 {
                let words = (likely.len() / 4 - 1) as u16;
                likely.truncate(4 * (usize::from(words) + 1));
                likely[0] = 0x80 | likely[0] & 0x3f;
                likely[1] = kind;
                likely[2..4].copy_from_slice(&words.to_be_bytes());
            }
            if let Ok(compound) = Compound::parse(&likely) {
                prop_assert_eq!(Compound::parse(&compound.to_bytes()).is_ok(), !compound.0.is_empty());
            }
        }
    }
}
