//! How late packets come: a histogram of delays relative to the fastest packets, which forgets. What it answers, a
//! quantile, is how long sound should wait before it is played.
//!
//! Delays are relative to the fastest packet of the last five to ten seconds, so neither the offset between two
//! clocks nor their drift matters.

use crate::RATE;

/// Samples in a millisecond.
pub(crate) const MS: i64 = RATE as i64 / 1000;
/// One bin for each millisecond.
const BINS: usize = 400;
/// Weight of the past at each packet: half is forgotten in seven seconds of 20 ms packets.
const FORGETTING: f32 = 0.998;
/// Share of packets that shall come in time.
const QUANTILE: f32 = 0.98;
/// What is believed before the first packet, and for how many packets it counts.
const PRIOR_MS: usize = 20;
const PRIOR_WEIGHT: f32 = 5.0;
/// Samples after which the fastest packet is forgotten, in two steps.
const BASE_STEP: i64 = 5 * RATE as i64;
/// Delays kept for the measure of the present.
const RECENT: usize = 25;

/// Learns the delays of a stream. All times are samples at 48 kHz.
#[derive(Debug, Clone)]
pub(crate) struct DelayModel {
    bins: Vec<f32>,
    packets: f32,
    /// Smallest transit of this step and of the one before.
    base: Option<[i64; 2]>,
    step_ends: i64,
}

impl DelayModel {
    pub(crate) fn new() -> Self {
        let mut bins = vec![0.0; BINS];
        bins[PRIOR_MS] = 1.0;
        Self { bins, packets: PRIOR_WEIGHT, base: None, step_ends: 0 }
    }

    /// Takes the arrival of a packet that was sampled at `at` on the sender's timeline.
    pub(crate) fn arrival(&mut self, now: i64, at: i64) {
        let transit = now - at;
        let base = self.base.get_or_insert([transit, transit]);
        if now >= self.step_ends {
            *base = [transit, base[0]];
            self.step_ends = now + BASE_STEP;
        }
        base[0] = base[0].min(transit);
        let late = transit - base[0].min(base[1]);
        let bin = usize::try_from(late / MS).unwrap_or(0).min(BINS - 1);
        self.packets += 1.0;
        let keep = FORGETTING.min(1.0 - 1.0 / self.packets);
        for weight in &mut self.bins {
            *weight *= keep;
        }
        self.bins[bin] += 1.0 - keep;
    }

    /// Forgets the timeline, not the habits: another stream over the same network.
    pub(crate) fn restart(&mut self) {
        self.base = None;
        self.step_ends = 0;
    }

    /// How long after the fastest packet's sound was due `at` is, now.
    pub(crate) fn delay(&self, now: i64, at: i64) -> i64 {
        self.base.map_or(0, |base| now - at - base[0].min(base[1]))
    }

    /// The wait within which the wanted share of packets comes.
    pub(crate) fn quantile(&self) -> i64 {
        let whole: f32 = self.bins.iter().sum();
        let mut sum = 0.0;
        for (bin, weight) in self.bins.iter().enumerate() {
            sum += weight;
            if sum >= whole * QUANTILE {
                return (bin as i64 + 1) * MS;
            }
        }
        BINS as i64 * MS
    }
}

/// The smallest wait among the last packets played: what is really spare.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spare {
    recent: std::collections::VecDeque<i64>,
}

impl Spare {
    pub(crate) fn played(&mut self, delay: i64) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(delay);
    }

    /// The sound was made longer (or shorter) by this.
    pub(crate) fn shift(&mut self, samples: i64) {
        for delay in &mut self.recent {
            *delay += samples;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.recent.clear();
    }

    /// `None` until enough packets were played to judge.
    pub(crate) fn least(&self) -> Option<i64> {
        if self.recent.len() < RECENT / 2 { None } else { self.recent.iter().min().copied() }
    }

    /// The last delay, for the quality view.
    pub(crate) fn last(&self) -> Option<i64> {
        self.recent.back().copied()
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
            assert!(fed((0..5000).map(|_| 0), ppm).quantile() <= 4 * MS, "{ppm}");
        }
    }

    #[test]
    fn the_quantile_follows_jitter_and_forgets_it() {
        let jitter = |n: i64| (n * 7919 % 101) * 60 / 100;
        let model = fed((0..2000).map(jitter), 0.0);
        assert!((57 * MS..=62 * MS).contains(&model.quantile()), "{}", model.quantile() / MS);
        let calm = fed((0..6000).map(|n| if n < 2000 { jitter(n) } else { 0 }), 0.0);
        assert!(calm.quantile() <= 3 * MS);
    }

    #[test]
    fn rare_spikes_do_not_count_frequent_ones_do() {
        let every = |each: i64| move |n: i64| if n % each == 0 { 80 } else { 1 };
        assert!(fed((0..3000).map(every(200)), 0.0).quantile() < 10 * MS);
        assert!(fed((0..3000).map(every(20)), 0.0).quantile() > 75 * MS);
    }
}
