//! Extended reports (RFC 3611): what the far end wishes to know of its sound, and what it tells of ours.

use std::time::{Duration, Instant};

use super::Session;
use crate::quality::{mos, rating};
use crate::rtcp::{Ntp, RtcpPacket};
use crate::rtp::Ssrc;
use crate::xr::{Block, GMIN, LastReference, Losses, UNKNOWN, Voip, Wishes};

/// RFC 3611 section 4.7.6: concealment better than repetition, an adaptive buffer, which follows within 160 ms.
const CONFIG: u8 = 0b1011_0001;
/// The most that our jitter buffer waits, in ms.
const LONGEST_MS: u16 = 400;
/// How much of what was known of losses in a row counts beside a new report.
const MEMORY: f64 = 0.5;

/// What the far end tells of our packets beside their loss, and what it wishes to know.
#[derive(Debug, Clone, Default)]
pub(super) struct FarEnd {
    pub(super) wishes: Wishes,
    pub(super) jitter_ms: Option<f64>,
    pub(super) mos: Option<f64>,
    /// Packets lost, and in how many rows: the newest report and what is left of those before.
    losses: (f64, f64),
    /// The last reference time that came, and when.
    reference: Option<(Ssrc, Ntp, Instant)>,
}

impl FarEnd {
    /// How many packets are lost in a row, on average.
    pub(super) fn burst(&self) -> Option<f64> {
        let (lost, rows) = self.losses;
        // What is left of a loss long ago is nothing.
        (rows > 0.1).then(|| lost / rows)
    }

    fn losses(&mut self, losses: &Losses) {
        let Some((lost, rows)) = losses.rows() else { return };
        let (old_lost, old_rows) = self.losses;
        self.losses = (f64::from(lost) + MEMORY * old_lost, f64::from(rows) + MEMORY * old_rows);
    }
}

impl Session {
    /// How many of our packets the far end misses in a row, on average, by what it reports of each (RFC 3611 section
    /// 4.1); `None` while it reports no loss. The bursts of section 4.7.2 are something else: they go on over up to
    /// fifteen packets that came.
    pub fn far_burst(&self) -> Option<f64> {
        self.far.burst()
    }

    /// Takes the blocks of an extended report; each counts by itself.
    pub(super) fn handle_extended(&mut self, now: Instant, sender: Ssrc, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Losses(losses) if losses.ssrc == self.ssrc => {
                    self.far.losses(losses);
                    if let Some(burst) = self.far.burst() {
                        self.ladder.burst(burst as f32);
                    }
                }
                Block::Voip(voip) if voip.ssrc == self.ssrc => {
                    // RFC 3611 section 4.7.5: 10..=50 in tenths; anything else is not known.
                    let told = [voip.mos_cq, voip.mos_lq].into_iter().find(|mos| (10..=50).contains(mos));
                    self.far.mos = told.map(|tenths| f64::from(tenths) / 10.0).or(self.far.mos);
                }
                Block::Reference(ntp) => self.far.reference = Some((sender, *ntp, now)),
                Block::LastReference(all) => {
                    for one in all.iter().filter(|one| one.ssrc == self.ssrc) {
                        self.rtt = self.clock.returned(now, one.last, one.delay).or(self.rtt);
                    }
                }
                Block::Losses(_) | Block::Summary(_) | Block::Voip(_) => {}
            }
        }
    }

    /// What the far end wishes to know, and no more (RFC 3611 section 5).
    pub(super) fn extended_report(&mut self, now: Instant) -> Option<RtcpPacket> {
        let (wishes, mut blocks) = (self.far.wishes, Vec::new());
        if wishes.round_trip {
            blocks.push(Block::Reference(self.clock.ntp(now)));
            if let Some((ssrc, ntp, at)) = self.far.reference {
                let delay = now.saturating_duration_since(at).as_secs_f64() * 65536.0;
                blocks.push(Block::LastReference(vec![LastReference {
                    ssrc,
                    last: ntp.middle(),
                    delay: delay as u32,
                }]));
            }
        }
        let voip = self.voip().filter(|_| wishes.voip);
        if let Some(reception) = &mut self.reception {
            blocks.extend(wishes.losses.then(|| Block::Losses(reception.losses())));
            blocks.extend(wishes.summary.then(|| Block::Summary(reception.summary())));
        }
        blocks.extend(voip.map(Block::Voip));
        (!blocks.is_empty()).then_some(RtcpPacket::Extended(self.ssrc, blocks))
    }

    /// RFC 3611 section 4.7; losses, bursts and gaps since the stream began, the rest of the last ten seconds.
    fn voip(&self) -> Option<Voip> {
        let reception = self.reception.as_ref()?;
        let judged = reception.judged();
        let part = |part: u64| (part * 256).checked_div(judged.packets).unwrap_or(0).min(255) as u8;
        let (bursts, gaps) = reception.spans();
        let packet_ms = self.playout.packet_time().as_millis() as u64;
        let (now, earlier, buffer) = (self.sample(), self.earlier(), self.playout.delay());
        let (conversation, packet) = (self.rating(&now, &earlier), packet_ms as f64 * f64::from(crate::RATE / 1000));
        let row = now.piece_since(&earlier) / packet.max(1.0);
        let listening = rating(self.playout.codec(), Duration::ZERO, now.concealed_since(&earlier), row);
        let tenths = |rating: f64| (10.0 * mos(rating)).round() as u8;
        let buffer_ms = millis(buffer);
        Some(Voip {
            ssrc: reception.ssrc(),
            lost: part(judged.lost),
            discarded: part(judged.late),
            burst_density: bursts.density(),
            gap_density: gaps.density(),
            burst_ms: bursts.mean_ms(packet_ms),
            gap_ms: gaps.mean_ms(packet_ms),
            round_trip_ms: self.rtt.map_or(0, millis),
            end_system_ms: buffer_ms,
            signal: UNKNOWN.cast_signed(),
            noise: UNKNOWN.cast_signed(),
            echo: UNKNOWN,
            gmin: GMIN,
            rating: conversation.round() as u8,
            outer_rating: UNKNOWN,
            mos_lq: tenths(listening),
            mos_cq: tenths(conversation),
            config: CONFIG,
            buffer_ms: [buffer_ms, buffer_ms.max(millis(self.playout.target())), LONGEST_MS],
        })
    }
}

fn millis(time: Duration) -> u16 {
    u16::try_from(time.as_millis()).unwrap_or(u16::MAX)
}
