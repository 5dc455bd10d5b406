//! What is measured about a stream and when it is told to the far end: reception statistics (RFC 3550 appendix A.1,
//! A.3, A.8), round-trip time (section 6.4.1) and the timing of reports (section 6.2).

use std::time::{Duration, Instant};

use rand::Rng;
use rand_chacha::ChaCha12Rng;

use crate::rtcp::{Ntp, ReportBlock};
use crate::rtp::{Header, Sequence, Ssrc, Timestamp};
use crate::runs::{Fate, Judged, Runs, Span};
use crate::xr::{Losses, Summary};

/// A jump of the sequence number beyond this is a restart of the sender (RFC 3550 appendix A.1).
pub const MAX_DROPOUT: i32 = 3000;

/// Mean time between reports (RFC 3550 section 6.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// What came with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It can be played, or needs not be.
    InTime,
    /// It is new, but its time is over.
    Late,
    /// It came before.
    Again,
}

/// What the next summary will say, as sums.
#[derive(Debug, Clone, Copy, Default)]
struct Interval {
    begin: u64,
    received: u64,
    doubled: u32,
    /// Differences of two packets' transit times: count, sum, sum of squares, least and most, in timestamp units.
    uneven: (f64, f64, f64, f64, f64),
}

/// Statistics about one received stream.
#[derive(Debug, Clone)]
pub struct Reception {
    ssrc: Ssrc,
    first: u64,
    highest: u64,
    received: u64,
    expected_at_report: u64,
    received_at_report: u64,
    last_arrival: Instant,
    last_timestamp: Timestamp,
    clock: u32,
    /// Interarrival jitter in timestamp units.
    jitter: f64,
    last_sr: Option<(Ntp, Instant)>,
    runs: Runs,
    interval: Interval,
}

impl Reception {
    /// Begins with the first packet of a stream.
    pub fn new(now: Instant, header: &Header, clock: u32) -> Self {
        let first = (1 << 16) + u64::from(header.sequence.0);
        Self {
            ssrc: header.ssrc,
            first,
            highest: first,
            received: 1,
            expected_at_report: 0,
            received_at_report: 0,
            last_arrival: now,
            last_timestamp: header.timestamp,
            clock,
            jitter: 0.0,
            last_sr: None,
            runs: Runs::new(first),
            interval: Interval { begin: first, ..Interval::default() },
        }
    }

    /// The stream measured.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Counts a packet. One that came before does not count, so that it cannot hide a loss.
    pub fn packet(&mut self, now: Instant, header: &Header, clock: u32, arrival: Arrival) {
        if arrival == Arrival::Again {
            self.interval.doubled += 1;
            return;
        }
        let ahead = header.sequence.since(Sequence(self.highest as u16));
        if ahead.abs() > MAX_DROPOUT {
            // RFC 3550 appendix A.1: the sender started again; what was measured before stays measured.
            let keep = (self.jitter, self.last_sr);
            *self = Self::new(now, header, clock);
            (self.jitter, self.last_sr) = keep;
            return;
        }
        self.received += 1;
        let number = self.highest.saturating_add_signed(i64::from(ahead));
        self.highest = self.highest.max(number);
        self.runs.note(number, if arrival == Arrival::Late { Fate::Late } else { Fate::Came });
        self.measure_jitter(now, header, clock);
    }

    /// RFC 3550 appendix A.8, in floating point. A change of clock and the packets of one event, which share a
    /// timestamp, would only measure themselves.
    fn measure_jitter(&mut self, now: Instant, header: &Header, clock: u32) {
        let timestamp_moved = header.timestamp.since(self.last_timestamp);
        if clock == self.clock && timestamp_moved != 0 {
            let arrival_moved = now.saturating_duration_since(self.last_arrival).as_secs_f64() * f64::from(clock);
            let change = (arrival_moved - timestamp_moved as f64).abs();
            // A silent sender that stops its clock is no jitter.
            if change < f64::from(clock) {
                self.jitter += (change - self.jitter) / 16.0;
                let (count, sum, squares, least, most) = self.interval.uneven;
                let least = if count > 0.0 { least.min(change) } else { change };
                self.interval.uneven = (count + 1.0, sum + change, squares + change * change, least, most.max(change));
            }
        }
        self.clock = clock;
        self.last_arrival = now;
        self.last_timestamp = header.timestamp;
    }

    /// Notes a sender report of this stream.
    pub fn sender_report(&mut self, now: Instant, ntp: Ntp) {
        self.last_sr = Some((ntp, now));
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> f64 {
        self.jitter * 1000.0 / f64::from(self.clock.max(1))
    }

    /// Packets expected and received since the start.
    pub fn totals(&self) -> (u64, u64) {
        (self.highest - self.first + 1, self.received)
    }

    /// What became of the packets that are old enough to be judged.
    pub fn judged(&self) -> Judged {
        self.runs.judged()
    }

    /// Bursts and gaps since the start (RFC 3611 section 4.7.2).
    pub(crate) fn spans(&self) -> (Span, Span) {
        self.runs.spans()
    }

    /// Which packets came, of those judged since the last call (RFC 3611 section 4.1).
    pub fn losses(&mut self) -> Losses {
        let (begin, came) = self.runs.take_came();
        Losses::new(self.ssrc, begin as u16, &came)
    }

    /// Counts since the last call (RFC 3611 section 4.6).
    pub fn summary(&mut self) -> Summary {
        let next = Interval { begin: self.highest + 1, received: self.received, ..Interval::default() };
        let Interval { begin, received, doubled, uneven } = std::mem::replace(&mut self.interval, next);
        let expected = (self.highest + 1).saturating_sub(begin);
        let lost = expected.saturating_sub(self.received - received);
        let (count, sum, squares, least, most) = uneven;
        let mean = sum / count.max(1.0);
        let deviation = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
        Summary {
            ssrc: self.ssrc,
            begin: begin as u16,
            end: (self.highest + 1) as u16,
            lost: Some(lost as u32),
            doubled: Some(doubled),
            jitter: Some([least, most, mean, deviation].map(|units| units as u32)),
            hops_of: 0,
            hops: [0; 4],
        }
    }

    /// The report block of now; begins a new interval for the fraction lost.
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let (expected, received) = self.totals();
        let expected_now = expected.saturating_sub(self.expected_at_report);
        let received_now = received.saturating_sub(self.received_at_report);
        self.expected_at_report = expected;
        self.received_at_report = received;
        let lost_now = expected_now.saturating_sub(received_now);
        // RFC 3550 appendix A.3.
        let fraction_lost = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8;
        let lost = expected as i64 - received as i64;
        let (last_sr, delay) = match self.last_sr {
            Some((ntp, at)) => (ntp.middle(), now.saturating_duration_since(at).as_secs_f64() * 65536.0),
            None => (0, 0.0),
        };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest as u32,
            jitter: self.jitter as u32,
            last_sr,
            delay_since_last_sr: delay as u32,
        }
    }
}

/// Our wall clock for RTCP. RFC 3550 section 4 lets it start anywhere, so it starts with the call and tells nobody
/// the time of day.
#[derive(Debug, Clone, Copy)]
pub struct ReportClock(Instant);

impl ReportClock {
    /// Starts the clock at 1000 s, so that no time of the call is 0, which on the wire means "none".
    pub fn new(now: Instant) -> Self {
        Self(now)
    }

    /// The NTP time at `now`.
    pub fn ntp(&self, now: Instant) -> Ntp {
        let elapsed = now.saturating_duration_since(self.0) + Duration::from_secs(1000);
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        Ntp((elapsed.as_secs() << 32) | fraction)
    }

    /// The round-trip time a report block about our stream proves (RFC 3550 section 6.4.1, figure 2); `None` when
    /// the far end has heard no report yet or its figures cannot be.
    pub fn round_trip(&self, now: Instant, block: &ReportBlock) -> Option<Duration> {
        self.returned(now, block.last_sr, block.delay_since_last_sr)
    }

    /// The same for any time of ours that came back: its middle, and how long it was kept in 1/65536 s.
    pub fn returned(&self, now: Instant, last: u32, delay: u32) -> Option<Duration> {
        if last == 0 {
            return None;
        }
        let sent_and_back = self.ntp(now).middle().wrapping_sub(last);
        let units = sent_and_back.checked_sub(delay)?;
        let rtt = Duration::from_secs_f64(f64::from(units) / 65536.0);
        (rtt < Duration::from_secs(60)).then_some(rtt)
    }
}

/// When the next report is due: 5 s times 0.5..=1.5, half of that before the first (RFC 3550 section 6.2).
pub fn next_report(rng: &mut ChaCha12Rng, now: Instant, first: bool) -> Instant {
    let interval = INTERVAL.mul_f64(rng.random_range(0.5..=1.5));
    now + if first { interval / 2 } else { interval }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::testing::epoch;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header {
            marker: false,
            payload_type: 0,
            sequence: Sequence(sequence),
            timestamp: Timestamp(timestamp),
            ssrc: Ssrc(5),
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_tenth_lost_over_the_wrap_is_reported() {
        let start = epoch();
        let mut reception = Reception::new(start, &header(65500, 0), 8000);
        for n in 1..200u32 {
            if n % 10 != 5 {
                let at = start + 20 * MS * n;
                reception.packet(at, &header(65500u16.wrapping_add(n as u16), n * 160), 8000, Arrival::InTime);
            }
        }
        let block = reception.report(start);
        assert_eq!(block.cumulative_lost, 20);
        assert_eq!(block.fraction_lost, 25);
        assert_eq!(block.highest_sequence, 0x2_0000 + 163);
        assert!(reception.jitter_ms() < 0.01);
        assert_eq!(reception.report(start).fraction_lost, 0);
    }

    #[test]
    fn jitter_is_the_mean_deviation() {
        let start = epoch();
        let mut reception = Reception::new(start, &header(0, 0), 48000);
        for n in 1..500u32 {
            // Every other packet comes 8 ms late: each difference is 8 ms.
            let at = start + 20 * MS * n + 8 * MS * (n % 2);
            reception.packet(at, &header(n as u16, n * 960), 48000, Arrival::InTime);
        }
        assert!((reception.jitter_ms() - 8.0).abs() < 0.1, "{}", reception.jitter_ms());
    }

    #[test]
    fn duplicates_do_not_hide_a_loss() {
        let start = epoch();
        let mut reception = Reception::new(start, &header(0, 0), 8000);
        reception.packet(start, &header(0, 0), 8000, Arrival::Again);
        reception.packet(start, &header(2, 320), 8000, Arrival::InTime);
        assert_eq!(reception.report(start).cumulative_lost, 1);
        let summary = reception.summary();
        assert_eq!((summary.begin, summary.end, summary.lost, summary.doubled), (0, 3, Some(1), Some(1)));
        let next = reception.summary();
        assert_eq!((next.begin, next.end, next.lost, next.doubled), (3, 3, Some(0), Some(0)));
    }

    #[test]
    fn the_summary_tells_the_spread_of_the_jitter() {
        let start = epoch();
        let mut reception = Reception::new(start, &header(0, 0), 8000);
        for (n, late) in [(1u32, 5), (2, 5), (3, 15), (4, 15)] {
            reception.packet(start + 20 * MS * n + late * MS, &header(n as u16, n * 160), 8000, Arrival::InTime);
        }
        // Differences of 5, 0, 10 and 0 ms at eight units each.
        assert_eq!(reception.summary().jitter, Some([0, 80, 30, 33]));
    }

    #[test]
    fn the_round_trip_is_what_is_left_of_the_time() {
        let start = epoch();
        let clock = ReportClock::new(start);
        let sent = clock.ntp(start + 3000 * MS);
        let block = ReportBlock {
            last_sr: sent.middle(),
            delay_since_last_sr: 65536 / 2,
            ..Reception::new(start, &header(0, 0), 8000).report(start)
        };
        let rtt = clock.round_trip(start + 3580 * MS, &block).unwrap();
        assert!((rtt.as_secs_f64() - 0.08).abs() < 0.001, "{rtt:?}");
        assert_eq!(clock.round_trip(start + 3400 * MS, &block), None);
        assert_eq!(clock.round_trip(start + 3400 * MS, &ReportBlock { last_sr: 0, ..block }), None);
    }

    #[test]
    fn reports_are_spread() {
        let (start, mut rng) = (epoch(), ChaCha12Rng::seed_from_u64(1));
        for _ in 0..100 {
            let first = next_report(&mut rng, start, true) - start;
            assert!(first >= 1250 * MS && first <= 3750 * MS);
            let later = next_report(&mut rng, start, false) - start;
            assert!(later >= 2500 * MS && later <= 7500 * MS);
        }
    }
}
