//! How late packets were sent, as counts.

use std::time::Duration;

/// Counts are of steps so long.
const STEP: Duration = Duration::from_micros(100);
/// What is later than so many steps is counted as so late.
const STEPS: usize = 10_000;

/// Counts of packets by how late they were.
#[derive(Debug)]
pub(super) struct Lateness(Vec<u64>);

impl Default for Lateness {
    fn default() -> Self {
        Self(vec![0; STEPS + 1])
    }
}

impl Lateness {
    /// Counts a packet.
    pub(super) fn note(&mut self, late: Duration) {
        let step = usize::try_from(late.as_nanos() / STEP.as_nanos()).unwrap_or(STEPS);
        self.0[step.min(STEPS)] += 1;
    }

    /// Counts those of another thread too.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own += other);
    }

    /// How many were later than this; a whole number of steps.
    pub(super) fn beyond(&self, late: Duration) -> u64 {
        let from = usize::try_from(late.as_nanos() / STEP.as_nanos()).unwrap_or(STEPS);
        self.0.iter().skip(from).sum()
    }

    /// The lateness that at most one packet in a thousand goes beyond, rounded up to a step.
    pub(super) fn of_all_but_a_thousandth(&self) -> Duration {
        let most = self.0.iter().sum::<u64>() / 1000;
        let mut later = 0;
        let step = self.0.iter().rposition(|count| {
            later += count;
            later > most
        });
        STEP * step.map_or(0, |step| u32::try_from(step + 1).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn one_in_a_thousand_may_be_later() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.of_all_but_a_thousandth(), Duration::ZERO);
        (0..1998).for_each(|_| lateness.note(2 * MS));
        lateness.note(30 * MS);
        assert_eq!(lateness.of_all_but_a_thousandth(), 2 * MS + STEP);
        (0..2).for_each(|_| lateness.note(3600 * 1000 * MS));
        assert_eq!((lateness.of_all_but_a_thousandth(), lateness.beyond(20 * MS)), (30 * MS + STEP, 3));
    }
}
