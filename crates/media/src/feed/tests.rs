use super::*;
use crate::port::Health;
use crate::testing::epoch;

/// What the cards here say that they take at once.
const PERIOD: Duration = Duration::from_millis(20);

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
            let there = self.period.min(self.ring.len());
            self.dry += u64::from(there < self.period);
            self.played.extend(self.ring.drain(..there));
            self.played.extend(vec![0.0; self.period - there]);
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
        let mut feed = SpeakerFeed::new(start, rate, PERIOD).unwrap();
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
    let mut feed = SpeakerFeed::new(start, 48_000, PERIOD).unwrap();
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

/// How full the ring of a card of `period` frames is when it was fed for two minutes by who is `late` from minute to minute,
/// and how often it had nothing to play.
fn fed(period: usize, late: impl Fn(u32) -> Duration) -> (Duration, u64) {
    let start = epoch();
    let mut card = Card { period, ..Card::new(start, 48_000, 50.0) };
    let mut feed = SpeakerFeed::new(start, 48_000, PERIOD).unwrap();
    let (mut at, mut least) = (0, Duration::MAX);
    for block in 0..12_000 {
        let now = feed.deadline() + late(block);
        card.run_to(now);
        if block > 11_000 && now == feed.deadline() {
            least = least.min(time(card.queued(), 48_000));
        }
        feed.push(now, &mut card, |_, out| tone(&mut at, out));
    }
    (least, card.dry)
}

#[test]
fn a_ring_holds_what_lateness_asks_for_and_no_more() {
    let (least, dry) = fed(960, |_| Duration::ZERO);
    assert!(least <= Duration::from_millis(25), "who is never late holds little: {least:?}");
    assert_eq!(dry, 0);
    // Once a second the feeding is late by half more than all that is held at first.
    let (held, dry) = fed(960, |block| Duration::from_millis(if block % 100 == 99 { 45 } else { 0 }));
    assert!(held >= Duration::from_millis(45), "{held:?}");
    assert!(dry <= 1, "it is known after the first time: {dry}");
}

#[test]
fn a_card_that_takes_more_at_once_than_it_says_is_fed_all_the_same() {
    let (_, dry) = fed(3_840, |_| Duration::ZERO);
    assert!((1..=8).contains(&dry), "{dry} of fifteen hundred times");
}

#[test]
fn a_card_that_stops_taking_is_not_flooded_and_recovers() {
    let start = epoch();
    let mut card = Card::new(start, 48_000, 0.0);
    let mut feed = SpeakerFeed::new(start, 48_000, PERIOD).unwrap();
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
    for idle in [30, 80, 300, 1_000] {
        let mut card = Card::new(start, 48_000, 0.0);
        let mut feed = SpeakerFeed::new(start, 48_000, PERIOD).unwrap();
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
                rests || since < idle + 100 || fill <= feed.wanted() + Duration::from_millis(most),
                "{idle}: {fill:?}"
            );
        }
        assert_eq!((card.dry, feed.underruns()), (0, 0), "{idle}");
        let steps = card.played.windows(2).filter(|pair| (pair[1] - pair[0]).abs() > 0.03).count();
        assert!(steps <= 3, "{idle}: {steps} gaps");
    }
}

/// The ring stands where it does for who is woken for each block, a clock that is off is followed, and nothing is late.
#[test]
fn who_has_the_next_block_too_is_woken_half_as_often() {
    let ring = |ahead: bool, early: Duration| {
        let start = epoch();
        let mut card = Card { period: 240, ..Card::new(start, 48_000, 100.0) };
        let mut feed = SpeakerFeed::new(start, 48_000, Duration::from_millis(5)).unwrap();
        let (mut at, mut woken, mut fills) = (0, 0, Vec::new());
        while feed.deadline() < start + Duration::from_secs(120) {
            let due = feed.deadline();
            let now = due.checked_sub(early).unwrap();
            card.run_to(now.max(start));
            woken += 1;
            // The last one has only been made because it was there.
            let mut blocks = 0;
            let more = feed.push_until(now, due, &mut card, |_, out| {
                blocks += 1;
                tone(&mut at, out);
                ahead
            });
            assert_eq!((more, blocks), (ahead, 1 + u32::from(ahead)));
            card.run_to(due);
            // Before the block was made that was due.
            fills.push(time(card.ring.len(), 48_000).saturating_sub(BLOCK_TIME * blocks));
        }
        let steps = card.played[48_000..].windows(2).filter(|pair| (pair[1] - pair[0]).abs() > 0.03).count();
        assert_eq!((card.dry, feed.underruns(), steps), (0, 0, 0));
        let late = fills.split_off(fills.len() / 2);
        (woken, late.iter().sum::<Duration>() / late.len() as u32)
    };
    let (often, usual) = ring(false, Duration::ZERO);
    assert_eq!(often, 12_000);
    for early in [0, 3, 8] {
        let (woken, fill) = ring(true, Duration::from_millis(early));
        // By half of what the card takes at once it depends on when one looks.
        let off = fill.abs_diff(usual);
        assert!(woken == often / 2 && off < Duration::from_micros(2_500), "{woken}: {fill:?}, not {usual:?}");
    }
}

#[test]
fn a_long_sleep_is_not_made_up_for() {
    let start = epoch();
    let mut card = Card::new(start, 48_000, 0.0);
    let mut feed = SpeakerFeed::new(start, 48_000, PERIOD).unwrap();
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
