//! How long to wait before the next try. Pure: the randomness comes from a seed.
//!
//! RFC 6455 7.2.3 wants the first try after a loss at a random time within five seconds; RFC 5626 4.5 what comes
//! after: W = min(max-time, base-time * 2^n), of which a random half to whole is waited. For the first ten minutes of
//! an outage base and max are short, so that a server that was restarted finds its users soon; then they are the RFC's.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Within this time of an outage the short waits hold.
const EARLY: Duration = Duration::from_secs(600);

/// The waits of one outage.
#[derive(Clone, Debug)]
pub struct Backoff {
    rng: ChaCha12Rng,
    tries: u32,
    waited: Duration,
}

impl Backoff {
    /// Before the first try.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { rng: ChaCha12Rng::from_seed(seed), tries: 0, waited: Duration::ZERO }
    }

    /// How long to wait before the next try.
    pub fn next_wait(&mut self) -> Duration {
        let wait = if self.tries == 0 {
            Duration::from_millis(self.rng.random_range(0..=5_000))
        } else {
            let (base, most) = if self.waited < EARLY { (5_u64, 10) } else { (30, 1_800) };
            let longest = (base << (self.tries - 1).min(16)).min(most) * 1_000;
            Duration::from_millis(self.rng.random_range(longest / 2..=longest))
        };
        // The count of the second stretch begins anew: 30 s, not 30 s times what went before.
        let before = self.waited;
        self.waited += wait;
        self.tries = if before < EARLY && self.waited >= EARLY { 1 } else { self.tries.saturating_add(1) };
        wait
    }

    /// How many waits there were.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// The outage is over: the server has proven itself, or the network is another one.
    pub fn reset(&mut self) {
        self.tries = 0;
        self.waited = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_comes_within_five_seconds_and_is_spread() {
        let mut sum = Duration::ZERO;
        for seed in 0..10_000_u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&seed.to_le_bytes());
            let wait = Backoff::new(bytes).next_wait();
            assert!(wait <= Duration::from_secs(5));
            sum += wait;
        }
        let mean = sum / 10_000;
        assert!((Duration::from_millis(2_400)..=Duration::from_millis(2_600)).contains(&mean), "{mean:?}");
    }

    #[test]
    fn for_ten_minutes_it_is_never_longer_than_ten_seconds_then_up_to_half_an_hour() {
        let mut backoff = Backoff::new([3; 32]);
        let (mut waited, mut longest, mut late) = (Duration::ZERO, Duration::ZERO, Vec::new());
        backoff.next_wait();
        for _ in 0..100_000 {
            let wait = backoff.next_wait();
            if waited < EARLY - Duration::from_secs(5) {
                assert!(
                    (Duration::from_millis(2_500)..=Duration::from_secs(10)).contains(&wait),
                    "{wait:?} after {waited:?}"
                );
            } else {
                late.push(wait);
            }
            waited += wait;
            longest = longest.max(wait);
        }
        assert!(longest <= Duration::from_secs(1_800) && longest > Duration::from_secs(1_700), "{longest:?}");
        assert!(late[..2].iter().all(|wait| *wait <= Duration::from_secs(60)), "{:?}", &late[..2]);
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(5));
    }
}
