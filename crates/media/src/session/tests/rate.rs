//! Bits: as many as the account wishes, and fewer while the path holds a queue.

use super::*;

/// Octets that each packet has besides what the session makes: IPv4, UDP and the tag of SRTP.
const AROUND: usize = 20 + 8 + 16;

#[test]
fn each_end_sends_as_many_bits_as_its_account_wishes() {
    let mut pair = Pair::new(Codec::Opus);
    let wishes = [16_000, 96_000];
    for (seed, (end, wish)) in (1..).zip(pair.ends.iter_mut().zip(wishes)) {
        let config = SessionConfig { seed: [seed; 32], cname: None, bitrate: Some(wish) };
        end.session = Session::new(pair.start, config);
        end.session.apply(pair.start, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
        end.session.set_sending(true);
    }
    pair.run(2);
    let before = pair.ends.each_ref().map(|end| end.session.capture.sent().1);
    pair.run(10);
    for ((end, before), wish) in pair.ends.iter().zip(before).zip(wishes) {
        let rate = (end.session.capture.sent().1 - before) * 8 / 10;
        // The rate varies with what is said.
        assert!((wish / 4 * 3..wish / 4 * 5).contains(&rate), "{rate} instead of {wish}");
    }
}

/// A link from the first end to the second that takes so many bits a second and lets all others wait.
struct Bottleneck {
    rate: f64,
    free: Instant,
    waiting: VecDeque<(Instant, usize, bool, Vec<u8>)>,
}

impl Bottleneck {
    fn step(&mut self, pair: &mut Pair) {
        let now = pair.now();
        // What has passed in the next ten milliseconds goes on by the path that all take.
        while let Some(packet) = self.waiting.pop_front_if(|packet| packet.0 <= now + 10 * MS) {
            pair.wire.push(packet);
        }
        pair.step();
        let sent = pair.now();
        // What `step` has added comes later than now; all else to there was delivered.
        let new: Vec<_> = pair.wire.extract_if(.., |packet| packet.1 == 1 && packet.0 > sent).collect();
        for (at, to, control, bytes) in new {
            let takes = Duration::from_secs_f64((bytes.len() + AROUND) as f64 * 8.0 / self.rate);
            self.free = self.free.max(sent) + takes;
            self.waiting.push_back((at.max(self.free + pair.delay), to, control, bytes));
        }
    }

    /// Bits a second of sound that the first end sends within so many seconds, the shortest queue and the longest.
    fn run(&mut self, pair: &mut Pair, seconds: u32) -> (u32, Duration, Duration) {
        let before = pair.ends[0].session.capture.sent().1;
        let (mut shortest, mut longest) = (Duration::MAX, Duration::ZERO);
        for _ in 0..seconds * 100 {
            self.step(pair);
            let queue = self.free.saturating_duration_since(pair.now());
            (shortest, longest) = (shortest.min(queue), longest.max(queue));
        }
        ((pair.ends[0].session.capture.sent().1 - before) * 8 / seconds, shortest, longest)
    }
}

/// A download of somebody else leaves 45 kb/s of a line for a while, and nothing is lost on it: all of it waits. With what is
/// around each packet, sound as usual takes 55. Fewer bits are sent until the queue is gone, and as many as before when the
/// line is free again.
#[test]
fn a_queue_on_the_path_is_answered_with_fewer_bits_until_it_is_gone() {
    let mut pair = Pair::new(Codec::Opus);
    // It listens, and reports.
    pair.ends[1].session.set_sending(false);
    let mut line = Bottleneck { rate: 1e6, free: pair.start, waiting: VecDeque::new() };
    let (free, ..) = line.run(&mut pair, 15);
    line.rate = 45_000.0;
    let (_, _, grown) = line.run(&mut pair, 35);
    let (narrow, shortest, longest) = line.run(&mut pair, 45);
    // At the usual rate it would hold eight seconds by then, and eighteen by the end.
    assert!(grown < 5_000 * MS && longest < grown, "{grown:?}, then {longest:?}");
    assert!(shortest < 50 * MS, "the queue goes: {shortest:?}");
    assert!(narrow < free / 4 * 3, "{narrow} instead of {free}");
    line.rate = 1e6;
    line.run(&mut pair, 55);
    let (again, _, longest) = line.run(&mut pair, 10);
    assert!(again > free / 10 * 9, "{again} instead of {free}");
    assert!(longest < 50 * MS, "{longest:?}");
}
