//! The echo: each packet of sound and each key goes back as it came, under a source of our own. Nothing is decoded, so
//! the caller hears its own loss and jitter, and nothing is added but the way there and back.

use std::{
    borrow::Cow,
    collections::VecDeque,
    time::{Duration, Instant},
};

use media::{
    agreed::{Agreed, Direction},
    red::Redundant,
    report::{Reception, ReportClock, next_report},
    rtcp::{Compound, RtcpPacket, SenderInfo},
    rtp::{Header, Packet as RtpPacket, Ssrc, Timestamp},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::sound::Packet;

/// What a payload type of the far end becomes on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turned {
    from: u8,
    to: u8,
    clock: u32,
}

/// What was sent back last.
#[derive(Clone, Copy, Debug)]
struct Last {
    timestamp: Timestamp,
    at: Instant,
    clock: u32,
}

/// Sends back what comes.
#[derive(Debug)]
pub(super) struct Mirror {
    rng: ChaCha12Rng,
    clock: ReportClock,
    cname: String,
    ssrc: Ssrc,
    types: Vec<Turned>,
    /// Under which number redundant sound comes, and goes back where the far end takes it (RFC 2198).
    red: Vec<u8>,
    red_back: Option<u8>,
    /// Does sound go both ways? A caller on hold hears nothing.
    flows: bool,
    reception: Option<Reception>,
    last: Option<Last>,
    packets: u32,
    octets: u32,
    report_at: Option<Instant>,
    out: VecDeque<Packet>,
}

impl Mirror {
    pub(super) fn new(now: Instant, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        Self {
            clock: ReportClock::new(now),
            // RFC 7022 4.2: random, so that it tells nothing.
            cname: format!("{:016x}", rng.random::<u64>()),
            ssrc: Ssrc(rng.random()),
            rng,
            types: Vec::new(),
            red: Vec::new(),
            red_back: None,
            flows: false,
            reception: None,
            last: None,
            packets: 0,
            octets: 0,
            report_at: None,
            out: VecDeque::new(),
        }
    }

    pub(super) fn apply(&mut self, now: Instant, agreed: &Agreed) {
        let sound = agreed.recv.iter().filter_map(|own| {
            let back = agreed.send.iter().find(|far| far.codec == own.codec)?;
            Some(Turned { from: own.pt, to: back.pt, clock: own.codec.clock() })
        });
        let keys = agreed.dtmf_recv.iter().map(|own| {
            // The far end takes keys under the number it named for this clock; offers and answers of one number for
            // both are the rule (RFC 3264 6.1).
            let back = agreed.dtmf.filter(|far| far.clock == own.clock).map_or(own.pt, |far| far.pt);
            Turned { from: own.pt, to: back, clock: own.clock }
        });
        self.types = sound.chain(keys).collect();
        self.red.clone_from(&agreed.red_recv);
        self.red_back = agreed.red;
        self.flows = agreed.direction == Direction::SendRecv && !agreed.remote_hold;
        if self.report_at.is_none() {
            self.report_at = Some(next_report(&mut self.rng, now, true));
        }
    }

    pub(super) fn handle_rtp(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(packet) = RtpPacket::parse(bytes) else { return };
        let header = packet.header;
        let (turned, to, payload) = if self.red.contains(&header.payload_type) {
            let Some((turned, to, payload)) = self.turn_redundant(packet.payload) else { return };
            (turned, to, Cow::Owned(payload))
        } else {
            let Some(turned) = self.turned(header.payload_type) else { return };
            (turned, turned.to, Cow::Borrowed(packet.payload))
        };
        match &mut self.reception {
            Some(reception) if reception.ssrc() == header.ssrc => {
                reception.packet(now, &header, turned.clock, media::report::Arrival::InTime);
            }
            other => {
                // Another source has numbers of its own, and so has its echo.
                if other.replace(Reception::new(now, &header, turned.clock)).is_some() {
                    self.ssrc = Ssrc(self.rng.random());
                    (self.packets, self.octets) = (0, 0);
                }
            }
        }
        if !self.flows {
            return;
        }
        // RFC 3550 8.2: the same SSRC both ways would be a loop.
        let back = Header { payload_type: to, ssrc: self.ssrc, ..header };
        self.last = Some(Last { timestamp: header.timestamp, at: now, clock: turned.clock });
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        self.out.push_back(Packet::Rtp(back.packet(&payload)));
    }

    fn turned(&self, payload_type: u8) -> Option<Turned> {
        self.types.iter().find(|own| own.from == payload_type).copied()
    }

    /// Redundant sound with the numbers of the far end in it, or the sound of now alone for one that takes no copies.
    fn turn_redundant(&self, payload: &[u8]) -> Option<(Turned, u8, Vec<u8>)> {
        let mut sound = Redundant::parse(payload).ok()?;
        let turned = self.turned(sound.payload_type)?;
        let Some(red) = self.red_back else { return Some((turned, turned.to, sound.payload.to_vec())) };
        sound.payload_type = turned.to;
        sound
            .copies
            .retain_mut(|copy| self.turned(copy.payload_type).map(|turned| copy.payload_type = turned.to).is_some());
        let mut out = Vec::with_capacity(payload.len());
        sound.write(&mut out).ok()?;
        Some((turned, red, out))
    }

    pub(super) fn handle_rtcp(&mut self, now: Instant, bytes: &[u8]) {
        let (Ok(compound), Some(reception)) = (Compound::parse(bytes), &mut self.reception) else { return };
        for packet in compound.0 {
            if let RtcpPacket::Report { sender, info: Some(info), .. } = packet
                && sender == reception.ssrc()
            {
                reception.sender_report(now, info.ntp);
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.report_at.is_some_and(|at| at <= now) {
            self.report(now, false);
            self.report_at = Some(next_report(&mut self.rng, now, false));
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.report_at
    }

    pub(super) fn poll(&mut self) -> Option<Packet> {
        self.out.pop_front()
    }

    pub(super) fn close(&mut self, now: Instant) {
        if self.report_at.take().is_some() {
            self.report(now, true);
        }
    }

    /// SR once something was sent, else RR, with CNAME and at the end BYE (RFC 3550 6.1, 6.4).
    fn report(&mut self, now: Instant, leaving: bool) {
        let info = self.last.filter(|_| self.packets > 0).map(|last| {
            let since = now.saturating_duration_since(last.at).min(Duration::from_secs(10));
            let units = since.as_secs_f64() * f64::from(last.clock);
            SenderInfo {
                ntp: self.clock.ntp(now),
                rtp_timestamp: last.timestamp.plus(units as u32).0,
                packets: self.packets,
                octets: self.octets,
            }
        });
        let blocks = self.reception.as_mut().map(|reception| reception.report(now)).into_iter().collect();
        let mut compound = Compound(vec![
            RtcpPacket::Report { sender: self.ssrc, info, blocks },
            RtcpPacket::Cname(self.ssrc, self.cname.clone()),
        ]);
        if leaving {
            compound.0.push(RtcpPacket::Bye(vec![self.ssrc]));
        }
        self.out.push_back(Packet::Rtcp(compound.to_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use media::{
        agreed::{AgreedCodec, AgreedEvents},
        codec::Codec,
        red::Copy,
        rtp::Sequence,
    };

    use super::*;

    /// The far end takes Opus as 109 and keys as 101; we take them as 111 and 110.
    fn agreed(direction: Direction) -> Agreed {
        let opus = |pt| vec![AgreedCodec { codec: Codec::Opus, pt, max_bitrate: None }];
        Agreed {
            remote: None,
            dtls_client: false,
            controlling: false,
            send: opus(109),
            recv: opus(111),
            red: Some(121),
            red_recv: vec![63],
            dtmf: Some(AgreedEvents { pt: 101, clock: 48_000 }),
            dtmf_recv: vec![AgreedEvents { pt: 110, clock: 48_000 }],
            direction,
            remote_hold: false,
            ptime: 20,
            short: true,
            past: true,
            rtcp_mux: true,
            xr: media::xr::Wishes::default(),
        }
    }

    fn header(payload_type: u8, ssrc: u32, sequence: u16) -> Header {
        let timestamp = Timestamp(960 * u32::from(sequence));
        Header { marker: false, payload_type, sequence: Sequence(sequence), timestamp, ssrc: Ssrc(ssrc) }
    }

    fn back(mirror: &mut Mirror) -> Option<(Header, Vec<u8>)> {
        match mirror.poll()? {
            Packet::Rtp(bytes) => {
                let packet = RtpPacket::parse(&bytes).unwrap();
                Some((packet.header, packet.payload.to_vec()))
            }
            Packet::Rtcp(_) => None,
        }
    }

    #[test]
    fn sound_and_keys_go_back_under_the_numbers_of_the_far_end() {
        let now = Instant::now();
        let mut mirror = Mirror::new(now, [1; 32]);
        mirror.apply(now, &agreed(Direction::SendRecv));
        let mut source = None;
        for (sequence, (from, to)) in [(7, (111, 109)), (8, (110, 101))] {
            mirror.handle_rtp(now, &header(from, 5, sequence).packet(b"what was said"));
            let (header, payload) = back(&mut mirror).unwrap();
            assert_eq!(
                (header.payload_type, header.sequence.0, payload.as_slice()),
                (to, sequence, &b"what was said"[..])
            );
            assert_eq!(header.timestamp.0, 960 * u32::from(sequence));
            assert_eq!(*source.get_or_insert(header.ssrc), header.ssrc);
            assert_ne!(header.ssrc, Ssrc(5));
        }
        mirror.handle_rtp(now, &header(96, 5, 9).packet(b"unknown"));
        mirror.handle_rtp(now, b"no packet");
        assert!(back(&mut mirror).is_none());
        mirror.handle_rtp(now, &header(111, 6, 9).packet(b"another source"));
        assert_ne!(Some(back(&mut mirror).unwrap().0.ssrc), source);
    }

    #[test]
    fn copies_go_back_with_the_numbers_of_the_far_end_or_not_at_all() {
        let now = Instant::now();
        let copies = [111, 96].map(|payload_type| Copy { payload_type, offset: 960, payload: b"before" });
        let redundant = |payload_type, copies| Redundant { payload_type, payload: b"now", copies };
        let mut came = Vec::new();
        redundant(111, copies.to_vec()).write(&mut came).unwrap();
        let mut turned = Vec::new();
        redundant(109, vec![Copy { payload_type: 109, ..copies[0] }]).write(&mut turned).unwrap();
        for (red, to, payload) in [(Some(121), 121, turned), (None, 109, b"now".to_vec())] {
            let mut mirror = Mirror::new(now, [1; 32]);
            mirror.apply(now, &Agreed { red, ..agreed(Direction::SendRecv) });
            mirror.handle_rtp(now, &header(63, 5, 7).packet(&came));
            let (header, echoed) = back(&mut mirror).unwrap();
            assert_eq!((header.payload_type, echoed), (to, payload));
            mirror.handle_rtp(now, &header.packet(&came[..3]));
            assert!(back(&mut mirror).is_none(), "cut short");
        }
    }

    #[test]
    fn nothing_goes_back_on_hold() {
        let now = Instant::now();
        let mut mirror = Mirror::new(now, [1; 32]);
        for (direction, flows) in
            [(Direction::RecvOnly, false), (Direction::SendRecv, true), (Direction::Inactive, false)]
        {
            mirror.apply(now, &agreed(direction));
            mirror.handle_rtp(now, &header(111, 5, 1).packet(b"sound"));
            assert_eq!(back(&mut mirror).is_some(), flows, "{direction:?}");
        }
    }

    #[test]
    fn reports_tell_what_came_and_let_the_round_trip_be_measured() {
        let now = Instant::now();
        let mut mirror = Mirror::new(now, [1; 32]);
        mirror.apply(now, &agreed(Direction::SendRecv));
        for sequence in [1, 2, 4] {
            mirror.handle_rtp(now, &header(111, 5, sequence).packet(b"sound"));
            back(&mut mirror).unwrap();
        }
        let far = ReportClock::new(now);
        let info = SenderInfo { ntp: far.ntp(now), rtp_timestamp: 0, packets: 3, octets: 15 };
        let report = RtcpPacket::Report { sender: Ssrc(5), info: Some(info), blocks: vec![] };
        mirror.handle_rtcp(now, &Compound(vec![report]).to_bytes());
        let due = mirror.deadline().unwrap();
        mirror.handle_timeout(due);
        let Some(Packet::Rtcp(bytes)) = mirror.poll() else { panic!("a report is due") };
        let Some(RtcpPacket::Report { info: Some(info), blocks, .. }) =
            Compound::parse(&bytes).unwrap().0.into_iter().next()
        else {
            panic!("a sender report")
        };
        assert_eq!((info.packets, blocks[0].ssrc, blocks[0].cumulative_lost), (3, Ssrc(5), 1));
        assert_eq!(far.round_trip(due, &blocks[0]).map(|rtt| rtt.as_millis()), Some(0));
        mirror.close(due);
        assert!(
            matches!(mirror.poll(), Some(Packet::Rtcp(bytes)) if Compound::parse(&bytes).unwrap().0.iter().any(|one| matches!(one, RtcpPacket::Bye(_))))
        );
    }
}
