//! How late packets come: a histogram of delays relative to the fastest packets, which forgets. What it answers is how
//! long sound should wait before it is played: where a longer wait costs more than the packets that it would save.
//!
//! Delays are relative to the fastest packets of late, so neither the offset between two clocks nor their drift matters.

use crate::RATE;

/// Samples in a millisecond.
pub(crate) const MS: i64 = RATE as i64 / 1000;
/// The width of a bin: a quarter of a millisecond, for on a good network all packets come within two.
const BIN: i64 = MS / 4;
/// Up to 400 ms.
const BINS: usize = 1600;
/// Weight of the past at each packet: half is forgotten in seven seconds of 20 ms packets.
const FORGETTING: f32 = 0.998;
/// No more than this share of the packets may come late, whatever waiting for them costs.
const MOST_LATE: f32 = 0.009;
/// Samples of waiting that are worth it if one more packet in a hundred is in time.
const PERCENT_IN_TIME: f32 = 1.0 * MS as f32;
/// What is believed before the first packet, and for how many packets it counts.
const PRIOR: i64 = 20 * MS;
const PRIOR_WEIGHT: f32 = 1.0;
/// A packet that comes after so small a part of its distance to the one before comes in a crowd.
const CROWD: i64 = 4;
/// Samples after which the fastest packet counts for one sample slower: 300 ppm, a little more than clocks drift, and
/// so little at a time that no packet is late for it.
const FADING: i64 = 3_333;

/// Learns the delays of a stream. All times are samples at 48 kHz.
#[derive(Debug, Clone)]
pub(crate) struct DelayModel {
    bins: Vec<f32>,
    packets: f32,
    /// Smallest transit, and when it was so.
    base: Option<(i64, i64)>,
    /// When the newest packet came, and its place on the timeline.
    newest: Option<(i64, i64)>,
    /// The wait that costs least.
    best: i64,
}

impl DelayModel {
    pub(crate) fn new() -> Self {
        let mut bins = vec![0.0; BINS];
        bins[(PRIOR / BIN) as usize] = 1.0;
        Self { bins, packets: PRIOR_WEIGHT, base: None, newest: None, best: PRIOR + BIN }
    }

    /// Takes the arrival of a packet that was sampled at `at` on the sender's timeline.
    pub(crate) fn arrival(&mut self, now: i64, at: i64) {
        let transit = now - at;
        let base = self.base_at(now).map_or(transit, |base| base.min(transit));
        if self.base_at(now) != Some(base) {
            let before = self.base.replace((base, now)).map_or(base, |(before, _)| before);
            // All that came before was later than it seemed, by as much as this one is faster than any was.
            self.shift((before - base) / BIN);
        }
        let before = self.newest.replace((now, at));
        if before.is_some_and(|(came, was)| at > was && now - came < (at - was) / CROWD) {
            // It was held up together with the one before. Whoever waited for that one has this one too, so that a
            // hold-up counts once, however many packets are in it.
            return;
        }
        let late = transit - base;
        let bin = usize::try_from(late / BIN).unwrap_or(0).min(BINS - 1);
        self.packets += 1.0;
        let keep = FORGETTING.min(1.0 - 1.0 / self.packets);
        for weight in &mut self.bins {
            *weight *= keep;
        }
        self.bins[bin] += 1.0 - keep;
        self.weigh();
    }

    /// Forgets the timeline, not the habits: another stream over the same network.
    pub(crate) fn restart(&mut self) {
        self.base = None;
        self.newest = None;
    }

    /// How long after the fastest packet's sound was due `at` is, now.
    pub(crate) fn delay(&self, now: i64, at: i64) -> i64 {
        self.base_at(now).map_or(0, |base| now - at - base)
    }

    fn shift(&mut self, bins: i64) {
        let by = usize::try_from(bins).unwrap_or(0).min(BINS - 1);
        let beyond: f32 = self.bins[BINS - by..].iter().sum();
        self.bins.copy_within(..BINS - by, by);
        self.bins[..by].fill(0.0);
        self.bins[BINS - 1] += beyond;
    }

    fn base_at(&self, now: i64) -> Option<i64> {
        self.base.map(|(base, since)| base + (now - since).max(0) / FADING)
    }

    /// The share of packets that come later than after this wait.
    pub(crate) fn later(&self, wait: i64) -> f32 {
        let in_time = usize::try_from(wait / BIN).unwrap_or(0).min(BINS);
        self.bins[in_time..].iter().sum()
    }

    /// The wait that costs least.
    pub(crate) fn best(&self) -> i64 {
        self.best
    }

    /// Weighs: each sample of waiting counts, and so does each packet that comes later.
    fn weigh(&mut self) {
        let mut late: f32 = self.bins.iter().sum();
        let (allowed, per_share) = (late * MOST_LATE, 100.0 * PERCENT_IN_TIME / late.max(f32::MIN_POSITIVE));
        let mut best = (f32::INFINITY, BINS as i64 * BIN);
        for (bin, weight) in self.bins.iter().enumerate() {
            late -= weight;
            let wait = (bin as i64 + 1) * BIN;
            // From here on the wait alone costs more.
            if wait as f32 >= best.0 {
                break;
            }
            let cost = wait as f32 + late.max(0.0) * per_share;
            if late <= allowed && cost < best.0 {
                best = (cost, wait);
            }
        }
        self.best = best.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds 20 ms packets with the given lateness in milliseconds and a clock of the sender off by `ppm`.
    fn fed(lateness: impl Iterator<Item = i64>, ppm: f64) -> DelayModel {
        let mut model = DelayModel::new();
        for (n, late) in lateness.enumerate() {
            let sent = n as i64 * 20 * MS;
            let at = (sent as f64 * (1.0 + ppm * 1e-6)) as i64;
            model.arrival(sent + late * MS, at + 987_654);
        }
        model
    }

    #[test]
    fn a_steady_network_needs_little_whatever_the_clocks() {
        for ppm in [-200.0, 0.0, 200.0] {
            assert!(fed((0..5000).map(|_| 0), ppm).best() <= 4 * MS, "{ppm}");
        }
    }

    #[test]
    fn the_wait_follows_jitter_and_forgets_it() {
        let jitter = |n: i64| (n * 7919 % 101) * 60 / 100;
        let model = fed((0..2000).map(jitter), 0.0);
        assert!((57 * MS..=62 * MS).contains(&model.best()), "{}", model.best() / MS);
        let calm = fed((0..6000).map(|n| if n < 2000 { jitter(n) } else { 0 }), 0.0);
        assert!(calm.best() <= 3 * MS);
    }

    #[test]
    fn rare_spikes_do_not_count_frequent_ones_do() {
        let every = |each: i64| move |n: i64| if n % each == 0 { 80 } else { 1 };
        assert!(fed((0..3000).map(every(200)), 0.0).best() < 10 * MS);
        assert!(fed((0..3000).map(every(20)), 0.0).best() > 75 * MS);
    }
}
