//! How losses stand together: in rows, and in bursts as RFC 3611 section 4.7.2 has them.

use std::collections::VecDeque;

use crate::xr::GMIN;

/// A packet is judged when so many after it have come: what is out of order comes in time.
const PATIENCE: usize = 32;
/// Packets remembered for the next report.
const REMEMBERED: usize = 1_024;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fate {
    /// It never came.
    #[default]
    Lost,
    /// It came in time.
    Came,
    /// It came when its time was over.
    Late,
}

/// Packets judged since the start of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judged {
    /// All of them.
    pub packets: u64,
    /// Those that never came.
    pub lost: u64,
    /// How many times one or more were lost in a row.
    pub rows: u64,
    /// Those that came too late.
    pub late: u64,
}

impl std::ops::Add for Judged {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            lost: self.lost + other.lost,
            rows: self.rows + other.rows,
            late: self.late + other.late,
        }
    }
}

/// A kind of time: of bursts, or between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// How many there were.
    pub(crate) times: u64,
    /// Packets in them.
    pub(crate) packets: u64,
    /// Of those, lost or late.
    pub(crate) bad: u64,
}

impl Span {
    /// Share of its packets that are lost or late, in 1/256.
    pub(crate) fn density(&self) -> u8 {
        (self.bad * 256).checked_div(self.packets).unwrap_or(0).min(255) as u8
    }

    /// Mean length, where a packet has so many ms.
    pub(crate) fn mean_ms(&self, packet_ms: u64) -> u16 {
        (self.packets * packet_ms).checked_div(self.times).unwrap_or(0).min(u64::from(u16::MAX)) as u16
    }
}

/// The fates of the packets of one stream, in order.
#[derive(Debug, Clone)]
pub(crate) struct Runs {
    /// The first that is not judged.
    next: u64,
    /// From there on.
    open: [Fate; PATIENCE],
    judged: Judged,
    in_row: bool,
    bursts: Span,
    gaps: Span,
    /// Packets from the first bad one to the last that may be one burst, and how many are bad.
    burst: (u64, u64),
    /// Good packets since.
    good: u64,
    /// Whether the newest judged came, for the next report.
    came: VecDeque<bool>,
}

impl Runs {
    /// Begins with a packet that came.
    pub(crate) fn new(first: u64) -> Self {
        let mut open = [Fate::Lost; PATIENCE];
        open[0] = Fate::Came;
        Self {
            next: first,
            open,
            judged: Judged::default(),
            in_row: false,
            bursts: Span::default(),
            gaps: Span::default(),
            burst: (0, 0),
            good: 0,
            came: VecDeque::new(),
        }
    }

    /// Packet `number` came; one that was judged already stays so.
    pub(crate) fn note(&mut self, number: u64, fate: Fate) {
        while number >= self.next + PATIENCE as u64 {
            let oldest = self.open[0];
            self.open.rotate_left(1);
            self.open[PATIENCE - 1] = Fate::Lost;
            self.next += 1;
            self.judge(oldest);
        }
        if let Some(open) = number.checked_sub(self.next).and_then(|at| self.open.get_mut(at as usize)) {
            *open = fate;
        }
    }

    fn judge(&mut self, fate: Fate) {
        let lost = fate == Fate::Lost;
        self.judged.packets += 1;
        self.judged.lost += u64::from(lost);
        self.judged.late += u64::from(fate == Fate::Late);
        self.judged.rows += u64::from(lost && !self.in_row);
        self.in_row = lost;
        if self.came.len() == REMEMBERED {
            self.came.pop_front();
        }
        self.came.push_back(!lost);
        if fate == Fate::Came {
            self.good += 1;
            return;
        }
        let (packets, bad) = self.burst;
        if bad > 0 && self.good < u64::from(GMIN) {
            self.burst = (packets + self.good + 1, bad + 1);
        } else {
            (self.bursts, self.gaps) = self.spans();
            self.burst = (1, 1);
        }
        self.good = 0;
    }

    pub(crate) fn judged(&self) -> Judged {
        self.judged
    }

    /// Bursts, and the gaps between them with the losses that stand alone.
    pub(crate) fn spans(&self) -> (Span, Span) {
        let (mut bursts, mut gaps, (packets, bad)) = (self.bursts, self.gaps, self.burst);
        gaps.packets += self.good;
        if bad > 1 {
            bursts = Span { times: bursts.times + 1, packets: bursts.packets + packets, bad: bursts.bad + bad };
        } else {
            gaps = Span { packets: gaps.packets + packets, bad: gaps.bad + bad, ..gaps };
        }
        // There is one before the first burst, and one after each.
        gaps.times = bursts.times + 1;
        (bursts, gaps)
    }

    /// Which packets came since the last call, and the number of the first.
    pub(crate) fn take_came(&mut self) -> (u64, Vec<bool>) {
        let came = std::mem::take(&mut self.came);
        (self.next - came.len() as u64, came.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what `pattern` says, packet by packet: `.` came, `x` lost, `l` late; then as many as it takes to judge it.
    fn runs(pattern: &str) -> Runs {
        let mut runs = Runs::new(1000);
        let all = pattern.chars().chain(std::iter::repeat_n('.', PATIENCE));
        for (number, fate) in (1001..).zip(all) {
            match fate {
                '.' => runs.note(number, Fate::Came),
                'l' => runs.note(number, Fate::Late),
                _ => {}
            }
        }
        runs
    }

    #[test]
    fn rows_are_counted_and_late_packets_end_them() {
        let runs = runs("..x...xx.xlx....xxx..");
        let judged = runs.judged();
        assert_eq!((judged.packets, judged.lost, judged.rows, judged.late), (22, 8, 5, 1));
    }

    #[test]
    fn what_comes_late_out_of_order_is_not_lost() {
        let mut runs = Runs::new(10);
        for number in [11, 13, 12, 14, 13, 15, 40, 17, 16, 9] {
            runs.note(number, Fate::Came);
        }
        (18..40).chain(41..120).for_each(|number| runs.note(number, Fate::Came));
        assert_eq!((runs.judged().lost, runs.judged().rows), (0, 0), "all came within the time");
    }

    /// RFC 3611 section 4.7.2 with Gmin 16: losses closer together are one burst, and one that stands alone is part of a gap.
    #[test]
    fn bursts_and_gaps_are_those_of_the_rfc() {
        let good = |count| ".".repeat(count);
        // A lone loss, a burst of 8 packets with 4 bad ones, and a pair.
        let pattern = good(19) + "x" + &good(20) + "xx...l.x" + &good(30) + "xx" + &good(18);
        let (bursts, gaps) = runs(&pattern).spans();
        assert_eq!(bursts, Span { times: 2, packets: 10, bad: 6 });
        assert_eq!(gaps, Span { times: 3, packets: 20 + 1 + 20 + 30 + 18, bad: 1 });
        assert_eq!((bursts.density(), bursts.mean_ms(20)), (153, 100));
        assert_eq!((gaps.density(), gaps.mean_ms(20)), (2, 593));
        let near = runs(&(good(20) + "x" + &good(15) + "x" + &good(20))).spans().0;
        assert_eq!((near.times, near.packets, near.bad), (1, 17, 2));
        let apart = runs(&(good(20) + "x" + &good(16) + "x" + &good(20))).spans();
        assert_eq!((apart.0.times, apart.1.bad), (0, 2));
        let (bursts, gaps) = runs(&good(40)).spans();
        assert_eq!((bursts.mean_ms(20), bursts.density(), gaps.density()), (0, 0, 0));
    }

    #[test]
    fn each_packet_is_reported_once() {
        let mut runs = runs("xx.x");
        assert_eq!(runs.take_came(), (1000, vec![true, false, false, true, false]));
        runs.note(1040, Fate::Came);
        assert_eq!(runs.take_came(), (1005, vec![true; 4]));
        runs.note(1_000_000, Fate::Came);
        assert_eq!(runs.take_came().1.len(), REMEMBERED);
    }
}
