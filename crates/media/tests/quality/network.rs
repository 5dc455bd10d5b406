//! Two sessions that agreed with each other, and a seeded network between them that writes down what it does.

use std::time::{Duration, Instant};

use media::codec::Codec;
use media::offer::{Direction, LocalPath, Negotiation, Policy};
use media::rtcp::Compound;
use media::rtp::Packet;
use media::session::{Session, SessionConfig, SessionOutput};
use media::signal::Speech;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

const MS: Duration = Duration::from_millis(1);
/// Packets that must follow one before the receiver judges it.
pub(crate) const PATIENCE: usize = 32;

/// What the network does one way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Share of packets lost, 0..1.
    pub(crate) loss: f64,
    /// How many in a row on average (Gilbert's model); 1 is random loss.
    pub(crate) row: f64,
    pub(crate) delay_ms: f64,
    /// Uniform, on top of the delay.
    pub(crate) jitter_ms: f64,
}

/// A packet of sound as the network saw it; times in ms since the start.
#[derive(Debug, Clone, Copy)]
struct Carried {
    sequence: u16,
    timestamp: u32,
    /// `None` when it was lost.
    arrives: Option<f64>,
}

/// All packets of sound one way, in order.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Vec<Carried>);

/// Losses between two times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Losses {
    pub(crate) expected: usize,
    pub(crate) lost: usize,
    pub(crate) rows: usize,
}

impl Ledger {
    /// Whether each packet came.
    pub(crate) fn came(&self) -> Vec<bool> {
        self.0.iter().map(|packet| packet.arrives.is_some()).collect()
    }

    /// The number of the first packet.
    pub(crate) fn first(&self) -> u16 {
        self.0[0].sequence
    }

    /// How many packets the receiver knows of then: up to the newest that came.
    pub(crate) fn known(&self, ms: f64) -> usize {
        let there = |packet: &Carried| packet.arrives.is_some_and(|at| at <= ms);
        self.0.iter().rposition(there).map_or(0, |newest| newest + 1)
    }

    /// What was lost of the packets from one number to another.
    pub(crate) fn losses(&self, from: usize, to: usize) -> Losses {
        let came = |at: usize| self.0[at].arrives.is_some();
        let lost = (from..to).filter(|at| !came(*at));
        let rows = lost.clone().filter(|at| *at == 0 || came(*at - 1)).count();
        Losses { expected: to - from, lost: lost.count(), rows }
    }

    /// RFC 3550 appendix A.8 over all that came until then.
    pub(crate) fn jitter_ms(&self, ms: f64, clock: f64) -> f64 {
        let mut came: Vec<(f64, u32)> = self.0.iter().filter_map(|one| Some((one.arrives?, one.timestamp))).collect();
        came.retain(|(at, _)| *at <= ms);
        came.sort_by(|a, b| a.0.total_cmp(&b.0));
        let change = |pair: &[(f64, u32)]| {
            let media = f64::from(pair[1].1.wrapping_sub(pair[0].1).cast_signed()) * 1000.0 / clock;
            (pair[1].0 - pair[0].0 - media).abs()
        };
        came.windows(2).map(change).fold(0.0, |jitter, change| jitter + (change - jitter) / 16.0)
    }
}

struct End {
    session: Session,
    voice: Speech,
    ledger: Ledger,
    way: Way,
    losing: bool,
    /// RTCP it sent: when, and what.
    reports: Vec<(f64, Compound)>,
}

/// A call on virtual time.
pub(crate) struct Call {
    start: Instant,
    tick: u32,
    rng: ChaCha12Rng,
    ends: [End; 2],
    /// Arrival in ms, receiver, whether RTCP, bytes.
    wire: Vec<(f64, usize, bool, Vec<u8>)>,
}

impl Call {
    /// Both ends agree by offer and answer; `ways[0]` leads from the first to the second.
    pub(crate) fn new(codec: Codec, ways: [Way; 2]) -> Self {
        let start = media::testing::epoch();
        let policy = Policy { codecs: vec![codec], ..Policy::default() };
        let [mut caller, mut callee] = [1, 2].map(|seed| Negotiation::new([seed; 32], policy.clone()));
        let offer = caller.offer(&local(1), Direction::SendRecv);
        let (answer, theirs) = callee.answer(offer.as_bytes(), &local(2), Direction::SendRecv).unwrap();
        let ours = caller.accept(answer.as_bytes()).unwrap();
        let mut number = 0;
        let ends = [(ours, ways[0]), (theirs, ways[1])].map(|(agreed, way)| {
            number += 1;
            let mut session = Session::new(start, SessionConfig { seed: [number; 32], cname: None, bitrate: None });
            session.apply(start, &agreed).unwrap();
            session.set_sending(true);
            let voice = Speech::new(u64::from(number));
            End { session, voice, ledger: Ledger::default(), way, losing: false, reports: Vec::new() }
        });
        Self { start, tick: 0, rng: ChaCha12Rng::seed_from_u64(11), ends, wire: Vec::new() }
    }

    pub(crate) fn session(&mut self, end: usize) -> &mut Session {
        &mut self.ends[end].session
    }

    /// What became of the sound that `end` sent.
    pub(crate) fn ledger(&self, end: usize) -> &Ledger {
        &self.ends[end].ledger
    }

    /// The reports that `end` sent.
    pub(crate) fn reports(&self, end: usize) -> &[(f64, Compound)] {
        &self.ends[end].reports
    }

    /// Time since the start.
    pub(crate) fn ms(&self) -> f64 {
        f64::from(self.tick) * 10.0
    }

    pub(crate) fn run(&mut self, seconds: u32) {
        for _ in 0..seconds * 100 {
            self.step();
        }
    }

    fn step(&mut self) {
        self.tick += 1;
        let (ms, now) = (self.ms(), self.start + 10 * MS * self.tick);
        self.wire.sort_by(|a, b| a.0.total_cmp(&b.0));
        let due = self.wire.partition_point(|packet| packet.0 <= ms);
        for (at, to, control, bytes) in self.wire.drain(..due) {
            let (at, session) = (self.start + MS.mul_f64(at), &mut self.ends[to].session);
            if control { session.handle_rtcp(at, &bytes) } else { session.handle_rtp(at, &bytes) }
        }
        for from in 0..2 {
            let mut block = [0.0; 480];
            self.ends[from].voice.fill(&mut block);
            self.ends[from].session.capture(now, &block);
            self.ends[from].session.playout(now, &mut block);
            loop {
                match self.ends[from].session.poll_output() {
                    SessionOutput::Rtp(bytes) => self.carry(from, bytes),
                    SessionOutput::Rtcp(bytes) => {
                        self.ends[from].reports.push((ms, Compound::parse(&bytes).unwrap()));
                        let arrives = self.arrives(from);
                        self.wire.push((arrives, 1 - from, true, bytes));
                    }
                    SessionOutput::Event(_) => {}
                    SessionOutput::Timeout(_) => break,
                }
            }
        }
    }

    fn arrives(&mut self, from: usize) -> f64 {
        let way = self.ends[from].way;
        self.ms() + way.delay_ms + self.rng.random_range(0.0..=way.jitter_ms)
    }

    fn carry(&mut self, from: usize, bytes: Vec<u8>) {
        let arrives = self.arrives(from);
        let end = &mut self.ends[from];
        let Way { loss, row, .. } = end.way;
        // From the mean length of a row and the share lost to the chances of going on and of beginning.
        let random = row <= 1.0;
        let begin = if random { loss } else { loss / (1.0 - loss) / row };
        let go_on = if random { loss } else { 1.0 - 1.0 / row };
        end.losing = self.rng.random_bool(if end.losing { go_on } else { begin });
        let header = Packet::parse(&bytes).unwrap().header;
        let arrives = (!end.losing).then_some(arrives);
        end.ledger.0.push(Carried { sequence: header.sequence.0, timestamp: header.timestamp.0, arrives });
        self.wire.extend(arrives.map(|at| (at, 1 - from, false, bytes)));
    }
}

fn local(number: u16) -> LocalPath {
    LocalPath {
        ufrag: format!("uf{number}x"),
        pwd: "0123456789abcdefghijkl".into(),
        fingerprint: media::testing::fuzz::FINGERPRINT.into(),
        candidates: vec![format!("1 1 udp 2130706431 192.0.2.{number} 4000 typ host")],
        default: ([192, 0, 2, 1], 4_000 + number).into(),
    }
}
