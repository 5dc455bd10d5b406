//! A phone and its far ends on virtual time, each with a tone of its own for a voice: who hears whom is told by frequency.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use media::{codec::Codec, offer::Policy, port::SoundPort, signal::amplitude_at};

use super::super::{Happened, Order, PathState, VirtualVoice, Ways, Wish};
use super::pieces::{InPieces, Pieces};
use crate::{
    contract::CallId,
    sound::{Buffers, Heard},
};

/// How loud each voice is, as the amplitude of its tone.
pub(super) const LOUD: f32 = 0.07;
/// What a codec adds is in between them, but it is no voice: 20 dB below one.
pub(super) const UNHEARD: f32 = 0.1 * LOUD;
/// On the way from one to another.
const WAY: Duration = Duration::from_millis(5);
/// Far longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// One who talks and listens.
pub(super) struct One {
    pub(super) voice: VirtualVoice,
    pub(super) heard: Heard,
    pub(super) told: Vec<Happened>,
    /// How its microphone gives its sound, where that counts.
    pub(super) pieces: Option<Arc<Pieces>>,
}

/// A datagram, the soonest first and of one time in order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct OnTheWay {
    at: Instant,
    number: u64,
    to: SocketAddr,
    from: SocketAddr,
    bytes: Vec<u8>,
}

/// The phone, which is number 0, and its far ends, whose calls are `c1`, `c2`… there and `c1` at home.
pub(super) struct Table {
    pub(super) now: Instant,
    pub(super) all: Vec<One>,
    way: BinaryHeap<Reverse<OnTheWay>>,
    sent: u64,
    /// How often the phone was woken.
    pub(super) woken: u32,
    /// What the phone sent, and when, while somebody watches.
    seen: Option<Vec<(Instant, Vec<u8>)>>,
}

/// The voice of this one: no harmonic of another one's, and none of the phone's own tones is near it.
pub(super) fn hertz(who: usize) -> f32 {
    [510.0, 590.0, 700.0, 830.0, 980.0, 1090.0, 1230.0, 1310.0, 1470.0][who]
}

/// The call of this far end, as the phone calls it.
pub(super) fn call(far: usize) -> CallId {
    CallId::from(format!("c{far}"))
}

fn address(who: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, 1 + who as u8])
}

impl Table {
    /// A phone in a call with each of so many far ends; it talks with none of them yet.
    pub(super) fn of(far: usize) -> Self {
        // A codec that keeps the wave: what Opus makes of nine tones is a voice of its own.
        Self::with((0..=far).map(One::new).collect(), Codec::Pcmu)
    }

    /// A phone in a call with each of the others, by this codec; it talks with none of them yet.
    pub(super) fn with(all: Vec<One>, codec: Codec) -> Self {
        let far = all.len() - 1;
        let mut table = Self { now: Instant::now(), all, way: BinaryHeap::new(), sent: 0, woken: 0, seen: None };
        for who in 0..=far {
            let policy = Policy { codecs: vec![codec], ..Policy::default() };
            let ways = Ways { loopback: false, stun: Vec::new(), turn: Vec::new(), policy };
            table.order(who, Order::Ready { account: "a1".into(), ways: Some(ways) });
        }
        for far in 1..=far {
            table.order(0, Order::Offer { call: call(far), account: "a1".into(), wish: Wish::Talk });
            let offer = table.until(0, |told| match told {
                Happened::Offer { sdp, .. } => Some(sdp.clone()),
                _ => None,
            });
            table.order(far, Order::Answer { call: call(1), account: "a1".into(), offer, wish: Wish::Talk });
            let answer = table.until(far, |told| match told {
                Happened::Answer { sdp, .. } => Some(sdp.clone()),
                _ => None,
            });
            table.order(0, Order::Accept { call: call(far), answer });
            table.order(far, Order::Active { calls: vec![call(1)] });
            for (who, call) in [(far, call(1)), (0, call(far))] {
                table.order(who, Order::Talk { call, on: true });
            }
            table.until(0, |told| match told {
                Happened::Path { call: own, path: PathState::Secure { .. } } if *own == call(far) => Some(()),
                _ => None,
            });
        }
        table
    }

    pub(super) fn order(&mut self, who: usize, order: Order) {
        self.all[who].voice.order(self.now, order);
        self.carry();
    }

    /// The phone talks with these.
    pub(super) fn talks_with(&mut self, far: &[usize]) {
        self.order(0, Order::Active { calls: far.iter().map(|far| call(*far)).collect() });
    }

    /// Time goes on.
    pub(super) fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Time goes on, and this is what the phone sends meanwhile, and when.
    pub(super) fn watched(&mut self, time: Duration) -> Vec<(Instant, Vec<u8>)> {
        self.seen = Some(Vec::new());
        self.passes(time);
        self.seen.take().unwrap_or_default()
    }

    fn step(&mut self, end: Instant) -> bool {
        let due = self.all.iter_mut().filter_map(|one| one.voice.deadline()).min();
        let arrives = self.way.peek().map(|Reverse(next)| next.at);
        let Some(next) = [due, arrives].into_iter().flatten().min().filter(|at| *at <= end) else { return false };
        self.now = self.now.max(next);
        let mut woken = false;
        while self.way.peek().is_some_and(|Reverse(next)| next.at <= self.now) {
            let Some(Reverse(OnTheWay { to, from, bytes, .. })) = self.way.pop() else { break };
            if let Some(who) = (0..self.all.len()).find(|who| address(*who) == to.ip()) {
                woken |= who == 0;
                self.all[who].voice.take(self.now, to, from, &bytes);
            }
        }
        for (who, one) in self.all.iter_mut().enumerate() {
            if one.voice.deadline().is_some_and(|at| at <= self.now) {
                woken |= who == 0;
                one.voice.work(self.now);
            }
        }
        self.woken += u32::from(woken);
        self.carry();
        true
    }

    pub(super) fn carry(&mut self) {
        for (who, one) in self.all.iter_mut().enumerate() {
            for (from, to, bytes) in one.voice.sent() {
                self.sent += 1;
                if let Some(seen) = self.seen.as_mut().filter(|_| who == 0) {
                    seen.push((self.now, bytes.clone()));
                }
                self.way.push(Reverse(OnTheWay { at: self.now + WAY, number: self.sent, to, from, bytes }));
            }
            one.told.extend(std::iter::from_fn(|| one.voice.happened()));
        }
    }

    /// The next thing that `pick` wants of what one is told.
    pub(super) fn until<T>(&mut self, who: usize, pick: impl Fn(&Happened) -> Option<T>) -> T {
        let end = self.now + PATIENCE;
        loop {
            if let Some(picked) = self.all[who].told.iter().rev().find_map(&pick) {
                return picked;
            }
            assert!(self.step(end), "it did not come: {:?}", self.all[who].told);
        }
    }

    /// The quietest and the loudest tenth of a second of a frequency in the last second that one heard.
    pub(super) fn hears(&self, who: usize, hertz: f32) -> (f32, f32) {
        let heard = &self.all[who].heard;
        let sound = heard.since(heard.len().saturating_sub(48_000));
        assert_eq!(sound.len(), 48_000, "{who} has not listened for a second");
        let levels = sound.chunks_exact(4_800).map(|part| amplitude_at(part, hertz));
        levels.fold((1.0, 0.0), |(least, most): (f32, f32), level| (least.min(level), most.max(level)))
    }

    /// Each of these hears each of those who talk, always, and never itself; nobody else hears anybody.
    pub(super) fn hear(&self, these: &[usize], talkers: &[usize]) {
        for (who, other) in (0..self.all.len()).flat_map(|who| (0..self.all.len()).map(move |other| (who, other))) {
            let (least, most) = self.hears(who, hertz(other));
            if who != other && these.contains(&who) && talkers.contains(&other) {
                assert!(least > 0.4 * LOUD && most < 1.4 * LOUD, "{who} hears {other} at {least}..={most}");
            } else {
                assert!(most < UNHEARD, "{who} hears {other}, and should not: {most}");
            }
        }
    }
}

impl One {
    pub(super) fn new(who: usize) -> Self {
        let (port, heard) = hum(who);
        Self::at(who, Box::new(port), heard, None)
    }

    /// With a microphone that gives its sound in pieces.
    pub(super) fn in_pieces(who: usize) -> Self {
        let ((port, heard), pieces) = (hum(who), Arc::default());
        Self::at(who, Box::new(InPieces { port, pieces: Arc::clone(&pieces) }), heard, Some(pieces))
    }

    pub(super) fn at(who: usize, port: Box<dyn SoundPort>, heard: Heard, pieces: Option<Arc<Pieces>>) -> Self {
        let voice = VirtualVoice::new(port, [who as u8; 32], address(who));
        Self { voice, heard, told: Vec::new(), pieces }
    }
}

pub(super) fn hum(who: usize) -> (Buffers, Heard) {
    let mut at = 0_u32;
    Buffers::new(move |out| {
        for sample in out {
            *sample = LOUD * (std::f32::consts::TAU * hertz(who) * at as f32 / 48_000.0).sin();
            at = (at + 1) % 48_000;
        }
    })
}
