//! Between the 48 kHz of the pipeline, on our clock, and a device on its own: what the media thread calls each time it
//! wakes.
//!
//! Microphones simply set the pace of what is sent. A speaker is fed 10 ms of sound for each 10 ms of our clock, and
//! the fill of its ring is held steady by bending the resampler by parts per million.

use std::time::{Duration, Instant};

use crate::RATE;
use crate::error::SoundError;
use crate::port::{Capture, Playback};
use crate::resample::{DriftCorrector, Resampler};

/// Sound made at a time.
const BLOCK: usize = RATE as usize / 100;
const BLOCK_TIME: Duration = Duration::from_millis(10);
/// The most by which one block is asked for earlier or later than ten milliseconds after the one before: a thousandth,
/// which the correction of the drift takes for a clock that is off.
const PACE: Duration = Duration::from_micros(10);
/// After sleeping longer than this, the time slept is lost and not made up for.
const OVERSLEPT: Duration = Duration::from_millis(100);
/// With more than this above the wanted fill the device has stopped taking.
const FLOOD: Duration = Duration::from_millis(60);

/// Reads a microphone at 48 kHz.
pub struct MicFeed {
    resampler: Option<Resampler>,
    raw: Vec<f32>,
    sound: Vec<f32>,
}

impl MicFeed {
    /// For a device of this rate.
    pub fn new(rate: u32) -> Result<Self, SoundError> {
        let resampler = if rate == RATE { None } else { Some(Resampler::new(rate, RATE)?) };
        Ok(Self { resampler, raw: Vec::new(), sound: Vec::new() })
    }

    /// All that came since the last call, at 48 kHz; maybe nothing.
    pub fn pull(&mut self, now: Instant, mic: &mut dyn Capture) -> &[f32] {
        self.raw.clear();
        mic.read(now, &mut self.raw);
        let Some(resampler) = &mut self.resampler else { return &self.raw };
        self.sound.clear();
        resampler.process(&self.raw, &mut self.sound);
        &self.sound
    }
}

/// Feeds a speaker from something that makes sound at 48 kHz.
pub struct SpeakerFeed {
    resampler: Resampler,
    drift: DriftCorrector,
    rate: u32,
    wanted: Duration,
    next: Instant,
    block: [f32; BLOCK],
    pending: Vec<f32>,
    /// What the device was given in the last push, and how long it waits there.
    given: Vec<f32>,
    ahead: Duration,
    /// What the device had to play after the last push.
    left: usize,
    /// The device has begun to take.
    takes: bool,
    /// There is too much in the ring, and nothing is queued until there is as much as is wanted.
    sheds: bool,
    underruns: u64,
    started: bool,
}

impl SpeakerFeed {
    /// For a device of this rate whose ring shall hold `wanted`: one and a half of its periods, at least 20 ms.
    pub fn new(now: Instant, rate: u32, wanted: Duration) -> Result<Self, SoundError> {
        Ok(Self {
            resampler: Resampler::new(RATE, rate)?,
            drift: DriftCorrector::new(wanted),
            rate,
            wanted,
            next: now,
            block: [0.0; BLOCK],
            pending: Vec::new(),
            given: Vec::new(),
            ahead: Duration::ZERO,
            left: 0,
            takes: false,
            sheds: false,
            underruns: 0,
            started: false,
        })
    }

    /// Makes the sound that is due, by `fill` in blocks of 480 and for the times at which they were due, and queues it.
    pub fn push(&mut self, now: Instant, speaker: &mut dyn Playback, mut fill: impl FnMut(Instant, &mut [f32])) {
        self.given.clear();
        self.takes |= speaker.queued() < self.left;
        let mut overslept = now.saturating_duration_since(self.next) > OVERSLEPT;
        if overslept {
            self.next = now;
        }
        while self.next <= now {
            let due = self.next;
            self.next += BLOCK_TIME;
            if std::mem::take(&mut overslept) || (speaker.queued() == 0 && self.pending.is_empty()) {
                self.refill(now, speaker);
            }
            let queued = time(speaker.queued() + self.pending.len(), self.rate);
            self.resampler.bend(self.drift.update(now, queued));
            fill(due, &mut self.block);
            self.resampler.process(&self.block, &mut self.pending);
            // A device may take nothing for a while, at first above all: what is old is of no use to anybody, and would be
            // late for as long as the clocks need to even it out.
            self.sheds |= queued > self.wanted + if self.takes { FLOOD } else { BLOCK_TIME };
            self.sheds &= queued > self.wanted;
            if self.sheds {
                self.pending.clear();
            }
            self.flush(now, speaker);
        }
        self.left = speaker.queued();
    }

    /// Moves the next block towards where it would best be made, `earlier` by so many samples at 48 kHz or, negative,
    /// later; by no more than ten microseconds at a time.
    pub fn pace(&mut self, earlier: i64) {
        let by = PACE.min(Duration::from_secs(earlier.unsigned_abs()) / RATE);
        if earlier > 0 {
            self.next -= by;
        } else {
            self.next += by;
        }
    }

    /// What the device was given in the last [`Self::push`], at its rate, and what it had to play before that: for an echo
    /// canceller, to which sound on the clock of the device is worth more than the same on ours.
    pub fn given(&self) -> (&[f32], Duration) {
        (&self.given, self.ahead)
    }

    /// When the next block is due.
    pub fn deadline(&self) -> Instant {
        self.next
    }

    /// Times the device ran dry.
    pub fn underruns(&self) -> u64 {
        self.underruns
    }

    /// The ring, empty at the start or after we overslept, gets silence up to the wanted fill.
    fn refill(&mut self, now: Instant, speaker: &mut dyn Playback) {
        self.underruns += u64::from(self.started);
        self.started = true;
        let wanted = (self.wanted.as_secs_f64() * f64::from(self.rate)) as usize;
        let silence = wanted.saturating_sub(speaker.queued() + self.pending.len());
        self.pending.resize(self.pending.len() + silence, 0.0);
        self.drift = DriftCorrector::new(self.wanted);
        self.flush(now, speaker);
    }

    fn flush(&mut self, now: Instant, speaker: &mut dyn Playback) {
        if self.given.is_empty() {
            self.ahead = time(speaker.queued(), self.rate);
        }
        let taken = speaker.write(now, &self.pending).min(self.pending.len());
        self.given.extend(self.pending.drain(..taken));
    }
}

fn time(frames: usize, rate: u32) -> Duration {
    Duration::from_secs_f64(frames as f64 / f64::from(rate.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Health;
    use crate::testing::epoch;

    /// A sound card with a clock of its own, which takes a period at a time.
    struct Card {
        rate: u32,
        period: usize,
        start: Instant,
        ppm: f64,
        ring: Vec<f32>,
        played: Vec<f32>,
        periods: u64,
        dry: u64,
    }

    impl Card {
        fn new(start: Instant, rate: u32, ppm: f64) -> Self {
            let (ring, played) = (Vec::new(), Vec::new());
            Self { rate, period: rate as usize / 50, start, ppm, ring, played, periods: 0, dry: 0 }
        }

        fn run_to(&mut self, now: Instant) {
            let elapsed = (now - self.start).as_secs_f64() * (1.0 + self.ppm * 1e-6);
            while ((self.periods + 1) as f64) * (self.period as f64) / f64::from(self.rate) <= elapsed {
                self.periods += 1;
                if self.ring.len() < self.period {
                    self.dry += 1;
                    self.played.extend(vec![0.0; self.period]);
                } else {
                    self.played.extend(self.ring.drain(..self.period));
                }
            }
        }
    }

    impl Playback for Card {
        fn rate(&self) -> u32 {
            self.rate
        }
        fn write(&mut self, _: Instant, samples: &[f32]) -> usize {
            let room = (self.rate as usize / 5).saturating_sub(self.ring.len()).min(samples.len());
            self.ring.extend_from_slice(&samples[..room]);
            room
        }
        fn queued(&self) -> usize {
            self.ring.len()
        }
        fn health(&mut self, _: Instant) -> Health {
            Health::Ok
        }
        fn device(&self) -> &str {
            "card"
        }
    }

    fn tone(at: &mut u64, out: &mut [f32]) {
        for sample in out {
            *sample = (0.4 * (*at as f64 * std::f64::consts::TAU * 440.0 / 48_000.0).sin()) as f32;
            *at += 1;
        }
    }

    #[test]
    fn five_minutes_on_a_drifting_card_never_run_dry_nor_click() {
        for (rate, ppm) in [(48_000, 200.0), (48_000, -200.0), (44_100, 200.0), (16_000, -200.0)] {
            let start = epoch();
            let mut card = Card::new(start, rate, ppm);
            let mut feed = SpeakerFeed::new(start, rate, Duration::from_millis(35)).unwrap();
            let mut at = 0;
            for step in 0..60_000u32 {
                // The thread wakes each 5 ms, sometimes 8 ms late.
                let now = start + Duration::from_millis(5) * step + Duration::from_millis(u64::from(step * 7 % 9));
                card.run_to(now);
                feed.push(now, &mut card, |_, out| tone(&mut at, out));
            }
            assert_eq!((card.dry, feed.underruns()), (0, 0), "{rate} Hz, {ppm} ppm");
            let fill = time(card.ring.len(), rate);
            assert!(fill > Duration::from_millis(10) && fill < Duration::from_millis(70), "{fill:?}");
            let steepest = (0.4 * std::f64::consts::TAU * 440.0 / f64::from(rate) * 1.03) as f32;
            let settled = &card.played[rate as usize / 5..];
            let worst = settled.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
            assert!(worst < steepest, "{rate} Hz, {ppm} ppm: {worst} against {steepest}");
        }
    }

    #[test]
    fn blocks_move_by_a_thousandth_and_the_card_hears_nothing_of_it() {
        let start = epoch();
        let mut card = Card::new(start, 48_000, 0.0);
        let mut feed = SpeakerFeed::new(start, 48_000, Duration::from_millis(35)).unwrap();
        let (mut at, mut now) = (0, start);
        for block in 0..3_000u32 {
            let before = feed.deadline();
            card.run_to(now);
            feed.push(now, &mut card, |due, out| {
                assert_eq!(due, now);
                tone(&mut at, out);
            });
            // Five milliseconds earlier in the first five seconds, then as much later, then nothing.
            feed.pace(match block {
                0..500 => 2_000,
                500..1_000 => -2_000,
                _ => 0,
            });
            let step = feed.deadline() - before;
            assert!(step.abs_diff(BLOCK_TIME) <= PACE, "{step:?}");
            now = feed.deadline();
        }
        assert_eq!(now, start + BLOCK_TIME * 3_000);
        assert_eq!((card.dry, feed.underruns()), (0, 0));
        let steepest = (0.4 * std::f64::consts::TAU * 440.0 / 48_000.0 * 1.03) as f32;
        let worst = card.played[9_600..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(worst < steepest, "{worst} against {steepest}");
    }

    #[test]
    fn a_card_that_stops_taking_is_not_flooded_and_recovers() {
        let start = epoch();
        let mut card = Card::new(start, 48_000, 0.0);
        let mut feed = SpeakerFeed::new(start, 48_000, Duration::from_millis(35)).unwrap();
        let mut at = 0;
        for step in 0..500u32 {
            feed.push(start + BLOCK_TIME * step, &mut card, |_, out| tone(&mut at, out));
            assert!(time(card.queued() + feed.pending.len(), 48_000) < Duration::from_millis(130));
        }
        assert_eq!(at, 500 * 480, "the far end is still listened to");
    }

    /// Nothing is taken at first, and once more in the middle: nothing is late for long, and the gap is one.
    #[test]
    fn a_card_that_begins_late_or_stops_for_a_while_makes_nothing_late() {
        let start = epoch();
        let wanted = Duration::from_millis(35);
        for idle in [30, 80, 300, 1_000] {
            let mut card = Card::new(start, 48_000, 0.0);
            let mut feed = SpeakerFeed::new(start, 48_000, wanted).unwrap();
            let (mut at, mut taking) = (0, start);
            for step in 0..1_000u64 {
                let now = start + Duration::from_millis(5) * step as u32;
                // The card's own time stands still while it takes nothing.
                let rests = step * 5 < idle || (2_000..2_000 + idle).contains(&(step * 5));
                taking += if rests { Duration::ZERO } else { Duration::from_millis(5) };
                card.run_to(taking);
                feed.push(now, &mut card, |_, out| tone(&mut at, out));
                let since = if step * 5 < 2_000 { step * 5 } else { step * 5 - 2_000 };
                let fill = time(card.ring.len(), 48_000);
                // A short rest in the middle is left to the clocks.
                let most = if step * 5 > 2_000 && idle < 60 { 60 } else { 25 };
                assert!(
                    rests || since < idle + 100 || fill <= wanted + Duration::from_millis(most),
                    "{idle}: {fill:?}"
                );
            }
            assert_eq!((card.dry, feed.underruns()), (0, 0), "{idle}");
            let steps = card.played.windows(2).filter(|pair| (pair[1] - pair[0]).abs() > 0.03).count();
            assert!(steps <= 3, "{idle}: {steps} gaps");
        }
    }

    #[test]
    fn a_long_sleep_is_not_made_up_for() {
        let start = epoch();
        let mut card = Card::new(start, 48_000, 0.0);
        let mut feed = SpeakerFeed::new(start, 48_000, Duration::from_millis(35)).unwrap();
        let mut made = 0;
        feed.push(start, &mut card, |_, _| made += 1);
        let later = start + Duration::from_secs(60);
        card.run_to(later);
        feed.push(later, &mut card, |_, _| made += 1);
        assert_eq!(made, 2);
        assert!(feed.deadline() > later);
        assert!(card.queued() >= 960, "filled again at once");
    }

    #[test]
    fn a_microphone_of_any_rate_comes_at_48_khz() {
        struct Mic(u32);
        impl Capture for Mic {
            fn rate(&self) -> u32 {
                self.0
            }
            fn read(&mut self, _: Instant, out: &mut Vec<f32>) {
                out.extend(vec![0.5; self.0 as usize / 100]);
            }
            fn health(&mut self, _: Instant) -> Health {
                Health::Ok
            }
            fn device(&self) -> &str {
                "mic"
            }
        }
        for rate in [8_000, 44_100, 48_000, 96_000] {
            let (mut mic, mut feed) = (Mic(rate), MicFeed::new(rate).unwrap());
            let heard: usize = (0..100).map(|_| feed.pull(epoch(), &mut mic).len()).sum();
            assert!(heard.abs_diff(48_000) < 600, "{rate}: {heard}");
        }
        assert!(MicFeed::new(100).is_err());
    }
}
