//! Which sequence numbers came: tells duplicates from strangers and losses from silence.

/// Which of the last 128 sequence numbers came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    highest: i64,
    bits: u128,
}

impl Seen {
    /// Notes a number; `false` if it came before or is too old to tell.
    pub(crate) fn note(&mut self, sequence: i64) -> bool {
        let ahead = sequence - self.highest;
        if ahead > 0 {
            self.bits = if ahead < 128 { self.bits << ahead } else { 0 } | 1;
            self.highest = sequence;
            return true;
        }
        let new = !self.has(sequence) && ahead > -128;
        if new {
            self.bits |= 1 << -ahead;
        }
        new
    }

    pub(crate) fn has(&self, sequence: i64) -> bool {
        let behind = self.highest - sequence;
        (0..128).contains(&behind) && (self.bits >> behind) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_within_the_window() {
        let mut seen = Seen::default();
        assert!(seen.note(1000));
        assert!(!seen.note(1000));
        assert!(seen.note(1003) && seen.note(1001));
        assert!(seen.has(1000) && !seen.has(1002) && !seen.has(1004));
        assert!(seen.note(1130));
        assert!(!seen.note(1002), "too old to tell");
        assert!(seen.note(1100) && !seen.note(1100));
        assert!(seen.note(9000) && seen.note(8999) && !seen.has(1130));
    }
}
