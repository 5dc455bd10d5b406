//! Half an hour between three clocks: the sender's, ours, and that of the sound card.

use std::time::{Duration, Instant};

use media::{
    RATE,
    codec::Codec,
    feed::SpeakerFeed,
    playout::Playout,
    port::{Health, Playback},
    rtp::{Header, Sequence, Ssrc, Timestamp},
    testing::epoch,
};

/// Blocks of 10 ms in a second.
const SECOND: usize = 100;

/// The ring of a sound card whose clock is off by so many parts per million.
struct Card {
    ppm: f64,
    /// What it takes at once.
    period: usize,
    start: Instant,
    ring: usize,
    written: usize,
    periods: u64,
    dry: u64,
}

impl Card {
    /// Samples by the clock of the card.
    fn elapsed(&self, now: Instant) -> f64 {
        (now - self.start).as_secs_f64() * (1.0 + self.ppm * 1e-6) * f64::from(RATE)
    }

    /// The card takes what it has taken until `now`.
    fn run_to(&mut self, now: Instant) {
        while ((self.periods + 1) * self.period as u64) as f64 <= self.elapsed(now) {
            self.periods += 1;
            self.dry += u64::from(self.ring < self.period);
            self.ring = self.ring.saturating_sub(self.period);
        }
    }
}

impl Playback for Card {
    fn rate(&self) -> u32 {
        RATE
    }
    fn write(&mut self, _: Instant, samples: &[f32]) -> usize {
        self.ring += samples.len();
        self.written += samples.len();
        samples.len()
    }
    fn queued(&self) -> usize {
        self.ring
    }
    fn health(&mut self, _: Instant) -> Health {
        Health::Ok
    }
    fn device(&self) -> &str {
        "card"
    }
}

/// What half an hour was like, after its first minute.
#[derive(Debug)]
struct Played {
    /// Times the card had too little to play, from the start.
    dry: u64,
    concealed: u64,
    late: u64,
    stretched: u64,
    /// Milliseconds that the level was farthest from its mean, second by second: of what waits in the jitter
    /// buffer, of what is in the ring, and of both.
    off: [f64; 3],
}

/// Packets of 20 ms from a sender whose clock is off by `sender`, through the jitter buffer and a [`SpeakerFeed`], to a card
/// whose clock is off by `card`, both in parts per million, and
/// which takes a `period` of samples at once.
fn half_an_hour(sender: f64, card: f64, period: usize) -> Played {
    let start = epoch();
    let mut playout = Playout::new(start);
    let mut card = Card { ppm: card, period, start, ring: 0, written: 0, periods: 0, dry: 0 };
    let takes = Duration::from_secs_f64(period as f64 / f64::from(RATE));
    let mut feed = SpeakerFeed::new(start, RATE, takes).expect("a rate there is");
    let (mut next, mut blocks, mut before) = (0u32, 0, 0);
    let (mut sums, mut levels) = ([0.0; 2], Vec::new());
    while feed.deadline() < start + Duration::from_secs(1_800) {
        let now = feed.deadline();
        let arrival = |n: u32| start + Duration::from_secs_f64(1.0 + f64::from(n) * 0.02 / (1.0 + sender * 1e-6));
        while arrival(next) <= now {
            let header = Header {
                marker: false,
                payload_type: 0,
                sequence: Sequence(next as u16),
                timestamp: Timestamp(next * 160),
                ssrc: Ssrc(1),
            };
            playout.insert(arrival(next), &header, Codec::Pcmu, &[0x55; 160]);
            next += 1;
        }
        card.run_to(now);
        feed.push(now, &mut card, |due, out| playout.pull(due, out));
        // As the phone does.
        feed.pace(playout.pace());
        blocks += 1;
        if blocks == 60 * SECOND {
            before = playout.counts().stretched;
        }
        // The sender's timeline runs away from ours by as much as its clock is off; what is left is the wait for what came.
        let ran = (now - start).as_secs_f64() * sender * 1e-3;
        sums[0] += playout.transit().as_secs_f64() * 1_000.0 - 1_000.0 + ran;
        // What the card has taken it plays one after the other: not what is in the ring, which falls by a period at once, but what
        // was not heard yet.
        sums[1] += (card.written as f64 - card.elapsed(now)) / f64::from(RATE / 1_000);
        // A block is the first half of its packet or the second: over a second that evens out, and what is left is what the
        // clocks do.
        if blocks % SECOND == 0 {
            let [wait, ring] = std::mem::take(&mut sums).map(|sum| sum / SECOND as f64);
            levels.push([wait, ring, wait + ring]);
        }
    }
    let levels = &levels[60..];
    let mean = [0, 1, 2].map(|of| levels.iter().map(|level| level[of]).sum::<f64>() / levels.len() as f64);
    let off = [0, 1, 2].map(|of| levels.iter().map(|level| (level[of] - mean[of]).abs()).fold(0.0, f64::max));
    let (counts, late) = (playout.counts(), playout.packets().late);
    Played {
        dry: card.dry + feed.underruns(),
        concealed: counts.concealed,
        late,
        stretched: counts.stretched - before,
        off,
    }
}

/// The sound server hands over 5 ms at a time.
#[test]
fn half_an_hour_between_three_clocks_never_runs_dry_and_keeps_its_level() {
    for ppm in [200.0, -200.0] {
        let played = half_an_hour(ppm, -ppm, 240);
        assert_eq!((played.dry, played.concealed, played.late, played.stretched), (0, 0, 0, 0), "{played:?}");
        assert!(played.off.iter().all(|off| *off <= 2.0), "{played:?}");
    }
}

/// A card that takes 10 ms at once or more. The ring is looked at every 10 ms, and that does not tell where between two of its
/// periods the card is: as the clocks pass each other, once in 25 s, the fill that is seen goes up and down by 5 ms, and what
/// is held follows it. So it is not within 2 ms of its mean there, but within those 5; the jitter buffer is.
#[test]
fn a_card_that_takes_much_at_once_never_runs_dry_either() {
    let played = half_an_hour(200.0, -200.0, 960);
    assert_eq!((played.dry, played.concealed, played.late, played.stretched), (0, 0, 0, 0), "{played:?}");
    assert!(played.off[0] <= 2.0 && played.off[2] <= 5.0, "{played:?}");
}
