//! Reports: what the far end says about our sound, and what we say about its.

use std::time::{Duration, Instant};

use super::{Session, SessionOutput};
use crate::RATE;
use crate::rtcp::{Compound, ReportBlock, RtcpPacket, SenderInfo};

impl Session {
    /// Takes a decrypted RTCP packet; a compound that is damaged anywhere changes nothing. BYE is not believed: the
    /// call ends by SIP.
    pub fn handle_rtcp(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(compound) = Compound::parse(bytes) else { return };
        self.heard(now);
        for packet in compound.0 {
            let (sender, info, blocks) = match packet {
                RtcpPacket::Report { sender, info, blocks } => (sender, info, blocks),
                RtcpPacket::Extended(sender, blocks) => {
                    self.handle_extended(now, sender, &blocks);
                    continue;
                }
                RtcpPacket::Cname(..) | RtcpPacket::Bye(_) => continue,
            };
            if let (Some(info), Some(reception)) = (info, &mut self.reception)
                && reception.ssrc() == sender
            {
                reception.sender_report(now, info.ntp);
            }
            let ours = self.ssrc;
            for block in blocks.iter().filter(|block| block.ssrc == ours) {
                self.reported(now, block);
            }
        }
    }

    /// The far end speaks of our stream.
    fn reported(&mut self, now: Instant, block: &ReportBlock) {
        let rtt = self.clock.round_trip(now, block);
        self.rtt = rtt.or(self.rtt);
        self.far.jitter_ms = Some(f64::from(block.jitter) * 1000.0 / f64::from(self.capture.clock().max(1)));
        self.far_loss = Some(f64::from(block.fraction_lost) / 256.0);
        self.ladder.report(block, self.capture.clock(), rtt);
        // What the encoder refuses stays as it was, which is safe.
        let _ = self.capture.follow(self.ladder.plan());
    }

    /// SR when something was sent since the last report, else RR (RFC 3550 section 6.4), with CNAME, an extended report
    /// where one is wished for and, at the end, BYE.
    pub(super) fn send_report(&mut self, now: Instant, leaving: bool) {
        let (packets, octets) = self.capture.sent();
        let info = (packets != self.reported_packets).then(|| SenderInfo {
            ntp: self.clock.ntp(now),
            rtp_timestamp: self.timestamp_at(now),
            packets,
            octets,
        });
        self.reported_packets = packets;
        let blocks = self.reception.as_mut().map(|reception| reception.report(now)).into_iter().collect();
        let mut compound = Compound(vec![
            RtcpPacket::Report { sender: self.ssrc, info, blocks },
            RtcpPacket::Cname(self.ssrc, self.cname.clone()),
        ]);
        compound.0.extend(self.extended_report(now));
        if leaving {
            compound.0.push(RtcpPacket::Bye(vec![self.ssrc]));
        }
        self.reports += 1;
        self.outputs.push_back(SessionOutput::Rtcp(compound.to_bytes()));
    }

    /// The media clock at `now`, which lies a little after the last sound of the microphone.
    fn timestamp_at(&self, now: Instant) -> u32 {
        let since = now.saturating_duration_since(self.captured_at).min(Duration::from_secs(1));
        let units = since.as_secs_f64() * f64::from(self.capture.clock().min(RATE));
        self.capture.timestamp().plus(units as u32).0
    }
}
