//! How good the call is, from what was counted.

use super::Session;
use crate::codec::Codec;
use crate::quality::{Grade, Quality, Sample, mos, one_way, rating};
use crate::report::Reception;

impl Session {
    /// How good the call is, by the last ten seconds.
    pub fn quality(&self) -> Quality {
        let now = self.sample();
        let earlier = self.earlier();
        let mos = mos(self.rating(&now, &earlier));
        Quality {
            loss_pct: 100.0 * now.loss_since(&earlier),
            burst: now.burst_since(&earlier),
            late_pct: 100.0 * now.late_since(&earlier),
            jitter_ms: self.reception.as_ref().map_or(0.0, Reception::jitter_ms),
            buffer_ms: self.playout.delay().as_secs_f64() * 1000.0,
            rtt_ms: self.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
            mos,
            concealed_pct: 100.0 * now.concealed_since(&earlier),
            far_loss_pct: self.far_loss.map(|loss| 100.0 * loss),
            far_burst: self.far.burst(),
            far_jitter_ms: self.far.jitter_ms,
            far_mos: self.far.mos,
            codec: self.playout.codec().map(Codec::name),
            packet_ms: self.capture.packet_time().as_secs_f64() * 1000.0,
            grade: Grade::of(mos),
        }
    }

    /// Transmission rating of what is heard, between two samples.
    pub(super) fn rating(&self, now: &Sample, earlier: &Sample) -> f64 {
        let packet = self.playout.packet_time().as_secs_f64() * f64::from(crate::RATE);
        let row = now.piece_since(earlier) / packet.max(1.0);
        let delay = one_way(self.rtt, self.playout.delay());
        rating(self.playout.codec(), delay, now.concealed_since(earlier), row)
    }

    /// The counters ten seconds ago.
    pub(super) fn earlier(&self) -> Sample {
        self.samples.front().copied().unwrap_or_default()
    }

    /// The counters of now.
    pub(super) fn sample(&self) -> Sample {
        let (expected, received) = self.reception.as_ref().map_or((0, 0), Reception::totals);
        let judged = self.reception.as_ref().map(Reception::judged).unwrap_or_default();
        let counts = self.playout.counts();
        Sample {
            expected: self.before.0 + expected,
            received: self.before.1 + received,
            sound: counts.decoded + counts.recovered + counts.concealed,
            concealed: counts.concealed,
            pieces: counts.pieces,
            judged: self.judged + judged,
        }
    }
}
