//! Whether packets are short: 10 ms of Opus without its long look-ahead, which are heard 14 ms sooner. They carry no copy of
//! the frame before and twice as many headers (16 kb/s more), so they are for a path that loses nothing.

use std::time::Duration;

use super::proof::Proof;

/// How soon sound is to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delay {
    /// As soon as the path allows: short packets once it has proved good.
    Auto,
    /// Never in short packets.
    #[default]
    Safe,
    /// In short packets from the first one, however long the way; only loss and a queue end them.
    Low,
}

/// Up to this round trip and this jitter a path is good. Beyond, 14 ms are little of the whole.
const NEAR: Duration = Duration::from_millis(100);
const EVEN: Duration = Duration::from_millis(5);
/// Beyond these it is not.
const FAR: Duration = Duration::from_millis(200);
const UNEVEN: Duration = Duration::from_millis(15);

/// What a report says of the path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    /// Share of packets lost, 0..=1.
    pub(super) loss: f32,
    pub(super) jitter: Duration,
    pub(super) rtt: Option<Duration>,
    /// Whether a queue grows.
    pub(super) queue: bool,
}

/// Packets are short once the path proves good, and not any more after any loss, with a queue, far or uneven.
#[derive(Debug, Clone)]
pub(super) struct Short {
    wish: Delay,
    /// Whether the far end takes packets of 10 ms.
    allowed: bool,
    near: Proof,
}

impl Default for Short {
    fn default() -> Self {
        Self { wish: Delay::Safe, allowed: false, near: Proof::new(false) }
    }
}

impl Short {
    pub(super) fn wish(&mut self, wish: Delay) {
        if wish != self.wish {
            (self.wish, self.near) = (wish, Proof::new(wish == Delay::Low));
        }
    }

    pub(super) fn allow(&mut self, allowed: bool) {
        self.allowed = allowed;
    }

    pub(super) fn is_on(&self) -> bool {
        self.wish != Delay::Safe && self.near.is_proven() && self.allowed
    }

    pub(super) fn report(&mut self, path: Path) {
        let Path { loss, jitter, rtt, queue } = path;
        let asked = self.wish == Delay::Low;
        let good = loss == 0.0 && !queue && (asked || (jitter <= EVEN && rtt.is_some_and(|rtt| rtt <= NEAR)));
        let bad = loss > 0.0 || queue || (!asked && (jitter > UNEVEN || rtt.is_some_and(|rtt| rtt > FAR)));
        self.near.report(good, bad);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::proof::{FEWEST, FORGIVEN},
        *,
    };

    const MS: Duration = Duration::from_millis(1);
    const GOOD: Path = Path { loss: 0.0, jitter: MS, rtt: Some(Duration::from_millis(20)), queue: false };

    fn told(short: &mut Short, path: Path, times: u32) -> bool {
        (0..times).for_each(|_| short.report(path));
        short.is_on()
    }

    fn wished(wish: Delay) -> Short {
        let mut short = Short::default();
        short.wish(wish);
        short.allow(true);
        short
    }

    #[test]
    fn a_path_has_to_prove_good_and_is_left_at_once() {
        let bad = [
            Path { loss: 1.0 / 256.0, ..GOOD },
            Path { jitter: 16 * MS, ..GOOD },
            Path { rtt: Some(201 * MS), ..GOOD },
            Path { queue: true, ..GOOD },
        ];
        for bad in bad {
            let mut short = wished(Delay::Auto);
            assert!(!told(&mut short, GOOD, FEWEST - 1));
            assert!(told(&mut short, GOOD, 1));
            assert!(!told(&mut short, bad, 1), "{bad:?}");
        }
        // What is neither good nor bad changes nothing.
        for middling in
            [Path { jitter: 10 * MS, ..GOOD }, Path { rtt: Some(150 * MS), ..GOOD }, Path { rtt: None, ..GOOD }]
        {
            let mut short = wished(Delay::Auto);
            assert!(!told(&mut short, middling, 20), "{middling:?}");
            assert!(told(&mut short, GOOD, FEWEST));
            assert!(told(&mut short, middling, 20), "{middling:?}");
        }
    }

    #[test]
    fn a_path_that_is_now_good_and_now_bad_does_not_flap() {
        let mut short = wished(Delay::Auto);
        let mut changes = 0;
        let mut before = false;
        // One report in six is lossy, for an hour of reports of five seconds.
        for n in 0..720 {
            short.report(if n % 6 == 5 { Path { loss: 0.02, ..GOOD } } else { GOOD });
            changes += u32::from(short.is_on() != before);
            before = short.is_on();
        }
        assert!((2..=6).contains(&changes), "{changes}");
        assert!(!told(&mut short, GOOD, FEWEST));
        assert!(told(&mut short, GOOD, FORGIVEN));
        assert!(!told(&mut short, Path { loss: 0.02, ..GOOD }, 1));
        assert!(told(&mut short, GOOD, 2 * FEWEST), "all before is forgiven");
    }

    #[test]
    fn wishes_and_the_far_end_count() {
        assert!(!told(&mut wished(Delay::Safe), GOOD, 100));
        let mut low = wished(Delay::Low);
        assert!(low.is_on(), "from the first packet");
        assert!(told(&mut low, Path { jitter: 50 * MS, rtt: Some(400 * MS), ..GOOD }, 3));
        assert!(!told(&mut low, Path { loss: 0.1, ..GOOD }, 1));
        low.allow(false);
        assert!(!told(&mut low, GOOD, 100), "the far end takes none");
        low.allow(true);
        assert!(low.is_on());
        low.wish(Delay::Safe);
        assert!(!low.is_on());
    }
}
