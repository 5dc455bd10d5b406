//! Telephone events, RFC 4733: keys pressed, sent as packets of their own between those of sound, and heard without
//! doubles. Where none were agreed, the session says so and the caller sends INFO instead; keys of such a far end are
//! looked for in its sound (`inband`).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rtp::{Header, Timestamp};

/// Shortest and longest key press sent. The end is short of 65 535 units at 48 kHz, so that no event needs the
/// segments of RFC 4733 section 2.5.1.3.
pub const PRESS: std::ops::RangeInclusive<Duration> = Duration::from_millis(40)..=Duration::from_millis(1200);

/// Silence between two keys.
const BETWEEN: Duration = Duration::from_millis(60);
/// How long a `,` waits.
const PAUSE: Duration = Duration::from_secs(1);
/// Time between the packets of an event.
const UPDATE: Duration = Duration::from_millis(20);
/// The last packet is sent three times (RFC 4733 section 2.5.1.4).
const ENDS: u8 = 3;
/// Power level of the key in −dBm0.
const VOLUME: u8 = 10;
/// Keys that may wait, against a peer of our own that never stops pasting.
const LONGEST_QUEUE: usize = 256;

/// RFC 4733 section 3.2, table 7: the code of a key.
pub fn code(key: char) -> Option<u8> {
    const KEYS: &str = "0123456789*#ABCD";
    KEYS.find(key.to_ascii_uppercase()).and_then(|at| u8::try_from(at).ok())
}

/// The key of a code; `None` for events that are no keys.
pub fn key(code: u8) -> Option<char> {
    b"0123456789*#ABCD".get(usize::from(code)).map(|byte| char::from(*byte))
}

/// The four bytes of an event (RFC 4733 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What happened, 0..=15 for keys.
    pub code: u8,
    /// Whether this is its end.
    pub end: bool,
    /// Power level in −dBm0, 0..=63.
    pub volume: u8,
    /// Time since its start in timestamp units.
    pub duration: u16,
}

impl Event {
    /// Reads the first event of a payload.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low] = *payload.first_chunk::<4>()?;
        Some(Self { code, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) })
    }

    /// The event as a payload.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }
}

/// What a tick of the sender asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send this event; with the marker it begins a new one, at the timestamp of now.
    Send {
        /// The payload.
        event: Event,
        /// First packet of the event.
        marker: bool,
    },
    /// The event is over; the timestamp has moved on by this many units.
    Over(u32),
}

/// Sends key presses, one after another.
#[derive(Debug, Clone, Default)]
pub struct DtmfSender {
    queue: VecDeque<(char, Duration)>,
    pressed: Option<Pressed>,
    /// Nothing before this.
    rest_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Pressed {
    code: u8,
    since: Instant,
    length: Duration,
    next: Instant,
    started: bool,
    ends: u8,
}

impl DtmfSender {
    /// Queues a key, or a pause for `,`. `false` for anything else or a full queue.
    pub fn press(&mut self, key: char, length: Duration) -> bool {
        if (code(key).is_none() && key != ',') || self.queue.len() >= LONGEST_QUEUE {
            return false;
        }
        self.queue.push_back((key, length.clamp(*PRESS.start(), *PRESS.end())));
        true
    }

    /// Forgets all that waits; an event under way is cut off.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.pressed = None;
    }

    /// Whether packets of an event are going out, so that no sound may.
    pub fn is_sending(&self) -> bool {
        self.pressed.is_some()
    }

    /// When [`Self::step`] has something to do.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        match (&self.pressed, self.queue.is_empty()) {
            (Some(pressed), _) => Some(pressed.next),
            (None, false) => Some(self.rest_until.unwrap_or(now)),
            (None, true) => None,
        }
    }

    /// Does what is due; call until it gives nothing. `clock` is that of the telephone-event agreed.
    pub fn step(&mut self, now: Instant, clock: u32) -> Option<Step> {
        if self.pressed.is_none() {
            self.begin(now);
        }
        let pressed = self.pressed.as_mut().filter(|pressed| pressed.next <= now)?;
        if pressed.ends == ENDS {
            let length = now.saturating_duration_since(pressed.since).max(pressed.length);
            self.pressed = None;
            self.rest_until = Some(now + BETWEEN);
            return Some(Step::Over(units(length, clock)));
        }
        let elapsed = now.saturating_duration_since(pressed.since).min(pressed.length);
        let end = elapsed >= pressed.length;
        // RFC 4733 section 2.5.1.2: the first packet already covers its own interval.
        let covered = if end { pressed.length } else { (elapsed + UPDATE).min(pressed.length) };
        let marker = !pressed.started;
        pressed.started = true;
        pressed.ends += u8::from(end);
        if !end {
            pressed.next = (pressed.next + UPDATE).max(now);
        } else if pressed.ends == ENDS {
            pressed.next = now + UPDATE;
        } else {
            pressed.next = now + UPDATE / 4;
        }
        let duration = units(covered, clock).min(65_535) as u16;
        Some(Step::Send { event: Event { code: pressed.code, end, volume: VOLUME, duration }, marker })
    }

    fn begin(&mut self, now: Instant) {
        if self.rest_until.is_some_and(|until| now < until) {
            return;
        }
        let Some((key, length)) = self.queue.pop_front() else { return };
        match code(key) {
            Some(code) => {
                self.pressed = Some(Pressed { code, since: now, length, next: now, started: false, ends: 0 });
            }
            None => self.rest_until = Some(now + PAUSE),
        }
    }
}

fn units(time: Duration, clock: u32) -> u32 {
    u32::try_from(time.as_micros() * u128::from(clock) / 1_000_000).unwrap_or(u32::MAX)
}

/// Hears key presses, each once.
#[derive(Debug, Clone, Default)]
pub struct DtmfReceiver {
    last: Option<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    timestamp: Timestamp,
    code: u8,
    duration: u16,
    ended: bool,
}

impl DtmfReceiver {
    /// Takes an event packet and returns the key when it is a new press. Any packet of an event may be the first to
    /// arrive (RFC 4733 section 2.5.2.2).
    pub fn packet(&mut self, header: &Header, payload: &[u8]) -> Option<char> {
        let event = Event::parse(payload)?;
        let key = key(event.code)?;
        let heard = Heard { timestamp: header.timestamp, code: event.code, duration: event.duration, ended: event.end };
        let Some(last) = &mut self.last else {
            self.last = Some(heard);
            return Some(key);
        };
        let moved = header.timestamp.since(last.timestamp);
        // A repeat, or a straggler of an event before.
        if moved <= 0 && moved > -i64::from(u16::MAX) * 8 {
            if moved == 0 {
                last.duration = last.duration.max(event.duration);
                last.ended |= event.end;
            }
            return None;
        }
        // RFC 4733 section 2.5.1.3: a long event goes on as a segment that starts where the last one stopped.
        let segment = !header.marker && !last.ended && event.code == last.code && moved == i64::from(last.duration);
        *last = heard;
        (!segment).then_some(key)
    }

    /// Forgets the last event, because the stream is another.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::{Sequence, Ssrc};
    use crate::testing::epoch;

    const MS: Duration = Duration::from_millis(1);

    fn header(timestamp: u32, marker: bool) -> Header {
        Header { marker, payload_type: 101, sequence: Sequence(0), timestamp: Timestamp(timestamp), ssrc: Ssrc(1) }
    }

    /// All packets of `keys`, with the timestamps a session would give them.
    fn sent(keys: &str, length: Duration, clock: u32) -> Vec<(Duration, Header, Event)> {
        let start = epoch();
        let mut sender = DtmfSender::default();
        for key in keys.chars() {
            assert!(sender.press(key, length));
        }
        let (mut now, mut packets, mut timestamp) = (start, Vec::new(), 0u32);
        while let Some(deadline) = sender.deadline(now) {
            now = now.max(deadline);
            let at = (now - start).as_millis() as u32 * (clock / 1000);
            while let Some(step) = sender.step(now, clock) {
                if let Step::Send { event, marker } = step {
                    timestamp = if marker { at } else { timestamp };
                    packets.push((now - start, header(timestamp, marker), event));
                }
            }
        }
        packets
    }

    #[test]
    fn an_event_starts_marked_grows_and_ends_three_times() {
        for clock in [8_000, 48_000] {
            let packets = sent("5", 100 * MS, clock);
            let durations: Vec<u32> = packets.iter().map(|packet| u32::from(packet.2.duration)).collect();
            let ms = clock / 1000;
            assert_eq!(durations, [20, 40, 60, 80, 100, 100, 100, 100].map(|time| time * ms));
            assert_eq!(packets.iter().filter(|packet| packet.1.marker).count(), 1);
            assert!(packets[0].1.marker);
            assert!(packets.iter().rev().take(3).all(|packet| packet.2.end));
            assert_eq!(packets.iter().filter(|packet| packet.2.end).count(), 3);
            assert!(packets.iter().all(|packet| packet.2.code == 5 && packet.1.timestamp == packets[0].1.timestamp));
        }
    }

    #[test]
    fn keys_are_heard_once_whatever_packets_are_lost() {
        for clock in [8_000, 48_000] {
            let packets = sent("1,1#d", 80 * MS, clock);
            // Each packet alone lost, all ends lost, all but the ends lost.
            let mut losses: Vec<Vec<bool>> =
                (0..packets.len()).map(|n| (0..packets.len()).map(|m| n == m).collect()).collect();
            losses.push(packets.iter().map(|packet| packet.2.end).collect());
            losses.push(packets.iter().map(|packet| !packet.2.end).collect());
            losses.push(packets.iter().map(|_| false).collect());
            for lost in losses {
                let mut receiver = DtmfReceiver::default();
                let heard: String = packets
                    .iter()
                    .zip(lost)
                    .filter(|(_, lost)| !lost)
                    .filter_map(|((_, header, event), _)| receiver.packet(header, &event.to_bytes()))
                    .collect();
                assert_eq!(heard, "11#D");
            }
        }
    }

    #[test]
    fn reordered_and_doubled_packets_make_no_second_key() {
        let packets = sent("12", 60 * MS, 8000);
        let mut receiver = DtmfReceiver::default();
        let mut heard = String::new();
        for n in 0..packets.len() {
            for (_, header, event) in [packets[n], packets[n], packets[n.saturating_sub(3)]] {
                heard.extend(receiver.packet(&header, &event.to_bytes()));
            }
        }
        assert_eq!(heard, "12");
    }

    #[test]
    fn a_segment_of_a_long_press_is_no_new_key() {
        let mut receiver = DtmfReceiver::default();
        let event = |duration, end| Event { code: 7, end, volume: 10, duration }.to_bytes();
        assert_eq!(receiver.packet(&header(1000, true), &event(65_535, false)), Some('7'));
        assert_eq!(receiver.packet(&header(1000 + 65_535, false), &event(160, false)), None);
        assert_eq!(receiver.packet(&header(1000 + 65_535, false), &event(320, true)), None);
        assert_eq!(receiver.packet(&header(90_000, true), &event(160, false)), Some('7'));
    }

    #[test]
    fn a_pause_is_a_second_and_keys_are_apart() {
        let packets = sent("1,2", 60 * MS, 8000);
        let starts: Vec<Duration> = packets.iter().filter(|packet| packet.1.marker).map(|packet| packet.0).collect();
        assert!(starts[1] - starts[0] > 1060 * MS && starts[1] - starts[0] < 1300 * MS, "{starts:?}");
        let mut sender = DtmfSender::default();
        assert!(!sender.press('x', 60 * MS));
        assert!((0..1000).filter(|_| sender.press('1', 60 * MS)).count() == LONGEST_QUEUE);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(payload in proptest::collection::vec(any::<u8>(), 0..32), timestamp: u32, marker: bool) {
            let mut receiver = DtmfReceiver::default();
            let first = receiver.packet(&header(timestamp, marker), &payload);
            prop_assert_eq!(first.is_some(), payload.len() >= 4 && payload[0] < 16);
            prop_assert_eq!(receiver.packet(&header(timestamp, marker), &payload), None);
        }
    }
}
