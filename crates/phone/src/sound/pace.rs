//! A clock of frames for what has none of its own.

use std::time::Instant;

/// Counts out frames in step with the time it is shown.
#[derive(Debug)]
pub(super) struct Pace {
    rate: u32,
    start: Option<Instant>,
    done: u64,
}

impl Pace {
    pub(super) const fn new(rate: u32) -> Self {
        Self { rate, start: None, done: 0 }
    }

    /// The frames due since the last call; none at the first. Of a longer sleep than a second only a second is made
    /// up for: what was slept through is of no use.
    pub(super) fn due(&mut self, now: Instant) -> usize {
        let start = *self.start.get_or_insert(now);
        let passed = now.saturating_duration_since(start);
        let all = passed.as_nanos() * u128::from(self.rate) / 1_000_000_000;
        let due = all.saturating_sub(u128::from(self.done)) as usize;
        let most = self.rate as usize;
        if due > most {
            (self.start, self.done) = (Some(now), 0);
            return most;
        }
        self.done += due as u64;
        due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn frames_are_those_of_the_time_and_a_long_sleep_is_cut() {
        let start = Instant::now();
        let mut pace = Pace::new(44_100);
        assert_eq!(pace.due(start), 0);
        let made: usize = (1..=300).map(|step| pace.due(start + Duration::from_millis(7) * step)).sum();
        assert_eq!(made, 44_100 * 2_100 / 1_000);
        assert_eq!(pace.due(start + Duration::from_secs(3_600)), 44_100);
        assert_eq!(pace.due(start + Duration::from_millis(3_600_010)), 441);
    }
}
