//! How much more than its device takes at once a speaker's ring holds: as much as whoever feeds it was late of late.

use std::time::Duration;

/// How late whoever feeds it is taken to be at first.
const FIRST: Duration = Duration::from_micros(2_500);
/// More than the longest lateness there is always so much, for the next one may be longer.
const MARGIN: Duration = Duration::from_micros(2_500);
const MOST: Duration = Duration::from_millis(60);
/// Of a lateness this part is forgotten at each block of 10 ms: half of it in a minute.
const FORGOTTEN: u32 = 8_700;
/// Blocks of 10 ms at the start whose lateness says nothing: keys are agreed on then, and devices opened.
const START: u32 = 100;
/// A device that ran dry all the same takes more at once, or less evenly, than it says.
const MORE: Duration = Duration::from_millis(5);

/// What is held for lateness.
pub(super) struct Reserve {
    start: u32,
    late: Duration,
    /// For a device that is not as it says.
    more: Duration,
}

impl Reserve {
    pub(super) const fn new() -> Self {
        Self { start: START, late: FIRST, more: Duration::ZERO }
    }

    /// A block was made so long after it was due.
    pub(super) fn note(&mut self, late: Duration) {
        match self.start.checked_sub(1) {
            Some(left) => self.start = left,
            None => self.late = late.max(self.late - self.late / FORGOTTEN),
        }
    }

    /// The device had nothing to play.
    pub(super) fn ran_dry(&mut self) {
        self.more = (self.more + MORE).min(MOST);
    }

    /// To be held beside what the device takes at once, 2.5 to 60 ms.
    pub(super) fn wanted(&self) -> Duration {
        (self.late + MARGIN).saturating_add(self.more).min(MOST)
    }
}
