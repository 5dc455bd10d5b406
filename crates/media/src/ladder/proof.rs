//! What reports of the far end have to prove before it is believed.

/// Good reports in a row that are needed, and at most, for what was believed and did not stay so.
pub(super) const FEWEST: u32 = 2;
const MOST: u32 = 32;
/// Good reports in a row after which nothing is held against it any more: about two minutes.
pub(super) const FORGIVEN: u32 = 24;

/// ```text
///         FEWEST good reports in a row (twice as many after each fall)
///   not ─────────────────────────────────────────────────────────────> proven
///    ^                                                                   │ a bad one
///    └───────────────────────────────────────────────────────────────────┘
/// ```
#[derive(Debug, Clone)]
pub(super) struct Proof {
    proven: bool,
    good: u32,
    needed: u32,
}

impl Proof {
    /// Believed already, or not.
    pub(super) const fn new(proven: bool) -> Self {
        Self { proven, good: 0, needed: FEWEST }
    }

    pub(super) const fn is_proven(&self) -> bool {
        self.proven
    }

    /// A report speaks for it, against it or neither.
    pub(super) fn report(&mut self, good: bool, bad: bool) {
        self.good = if good { self.good + 1 } else { 0 };
        if bad && std::mem::take(&mut self.proven) {
            self.needed = (2 * self.needed).min(MOST);
        }
        self.proven |= self.good >= self.needed;
        if self.proven && self.good >= FORGIVEN {
            self.needed = FEWEST;
        }
    }
}
