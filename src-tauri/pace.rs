//! How fast a window may ask (CONFORMANCE H11): more at once than any page of ours sends, and then as many a second as
//! a person could never press.

use std::time::{Duration, Instant};

/// So many commands at once.
const BURST: u32 = 200;
/// And one more after each of these.
const STEP: Duration = Duration::from_millis(20);

/// The pace of one window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    left: u32,
    since: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: BURST, since: now }
    }

    /// Does one more command fit now? It counts if it does.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        let steps = u32::try_from(now.saturating_duration_since(self.since).as_millis() / STEP.as_millis())
            .unwrap_or(BURST)
            .min(BURST);
        self.since += STEP * steps;
        self.left = self.left.saturating_add(steps).min(BURST);
        if self.left == BURST {
            self.since = now;
        }
        let fits = self.left > 0;
        self.left = self.left.saturating_sub(1);
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_fits_and_a_flood_does_not() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!((0..1000).filter(|_| pace.allows(start)).count(), BURST as usize);
        assert!(!pace.allows(start + STEP / 2));
        assert!(pace.allows(start + STEP));
        assert!(!pace.allows(start + STEP));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..1000).filter(|_| pace.allows(later)).count(), BURST as usize);
    }

    #[test]
    fn a_person_is_never_held_back() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..10_000 {
            now += Duration::from_millis(25);
            assert!(pace.allows(now));
        }
    }
}
