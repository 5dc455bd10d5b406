//! How networks make packets late: seeded traces in the manner of measured ones, for what is judged by the delay it needs.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// A wire: nearly nothing.
    Lan,
    /// Wi-Fi: some milliseconds, and spikes of 30 to 120 ms every ten seconds, after which all comes at once.
    Wifi,
    /// A mobile network: slots, repetitions of 8 ms, and a load that comes and goes.
    Lte,
    /// A tunnel over busy queues: a gamma distribution; packets overtake each other.
    Vpn,
}

impl Trace {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lan, Self::Wifi, Self::Lte, Self::Vpn];

    /// Milliseconds by which each of `count` packets is late, which were sent `each` milliseconds apart.
    #[must_use]
    pub fn lateness(self, seed: u64, count: usize, each: f64) -> Vec<f64> {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let exponential = |rng: &mut ChaCha12Rng, mean: f64| -mean * (1.0 - rng.random::<f64>()).ln();
        let (mut spike_over, mut next_spike) = (0.0f64, 3_000.0);
        let mut late = Vec::with_capacity(count);
        for n in 0..count {
            let sent = n as f64 * each;
            late.push(match self {
                Self::Lan => exponential(&mut rng, 0.39),
                Self::Wifi => {
                    if sent >= next_spike {
                        spike_over = sent + rng.random_range(30.0..120.0);
                        next_spike = sent + 5_000.0 + exponential(&mut rng, 5_000.0);
                    }
                    exponential(&mut rng, 3.2).max(spike_over - sent)
                }
                Self::Lte => {
                    let load = 6.0 + 6.0 * (sent / 9_000.0).sin();
                    let mut delay = rng.random_range(0.0..10.0) + exponential(&mut rng, load * 0.5);
                    while rng.random_bool(0.18) {
                        delay += 8.0;
                    }
                    delay
                }
                Self::Vpn => exponential(&mut rng, 7.1) + exponential(&mut rng, 7.1),
            });
        }
        if matches!(self, Self::Wifi | Self::Lte) {
            // One queue: nobody overtakes.
            for n in 1..count {
                late[n] = late[n].max(late[n - 1] - each);
            }
        }
        late
    }
}

/// The fixed wait, in milliseconds beyond the fastest packet, for which a hundredth of them comes too late.
#[must_use]
pub fn hindsight(late: &[f64]) -> f64 {
    let mut sorted = late.to_vec();
    sorted.sort_by(f64::total_cmp);
    let fastest = sorted.first().copied().unwrap_or(0.0);
    sorted.get(sorted.len() * 99 / 100).map_or(0.0, |late| late - fastest)
}
