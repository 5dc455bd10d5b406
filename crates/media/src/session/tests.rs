mod forward;
mod hostile;
mod keys;
mod rate;
mod redundant;
mod short;

use super::*;
use crate::RATE;
use crate::codec::Codec;
use crate::quality::Grade;
use crate::rtp::{Header, Packet};
use crate::signal::{Speech, find_delay, windows_found};
use crate::testing::epoch;

const MS: Duration = Duration::from_millis(1);

/// The agreement of two phones like ours.
pub(super) fn agreed(codec: Codec, direction: Direction) -> Agreed {
    let clock = codec.clock();
    let one = |codec, pt| AgreedCodec { codec, pt, max_bitrate: None };
    let recv = vec![one(Codec::Opus, 111), one(Codec::G722, 9), one(Codec::Pcmu, 0), one(Codec::Pcma, 8)];
    let events = [AgreedEvents { pt: 101, clock: 8_000 }, AgreedEvents { pt: 110, clock: 48_000 }];
    Agreed {
        remote: Some(crate::agreed::RemotePath {
            ufrag: "u".into(),
            pwd: "p".into(),
            fingerprints: vec![],
            setup: crate::agreed::Setup::Active,
            candidates: vec![],
            ice_lite: false,
            end_of_candidates: true,
            ice_restart: false,
        }),
        dtls_client: false,
        controlling: true,
        send: recv.iter().filter(|one| one.codec == codec).cloned().collect(),
        recv,
        red: None,
        red_recv: vec![63],
        dtmf: events.into_iter().find(|events| events.clock == clock),
        dtmf_recv: events.to_vec(),
        direction,
        remote_hold: false,
        ptime: 20,
        short: true,
        past: false,
        rtcp_mux: true,
        xr: crate::xr::Wishes::ALL,
    }
}

/// Two sessions with a network between, each fed with its own voice.
struct Pair {
    start: Instant,
    tick: u32,
    rng: ChaCha12Rng,
    loss: f64,
    /// Packets lost in a row on average; 0 loses each by itself.
    burst: f64,
    bad: [bool; 2],
    delay: Duration,
    jitter_ms: f64,
    ends: [End; 2],
    /// Arrival, receiver, whether RTCP, bytes.
    wire: Vec<(Instant, usize, bool, Vec<u8>)>,
    sent: [u64; 2],
    lost: [u64; 2],
    /// What the first end says next instead of its voice.
    instead: Option<Box<[f32; 480]>>,
}

struct End {
    session: Session,
    voice: Speech,
    said: Vec<f32>,
    heard: Vec<f32>,
    events: Vec<SessionEvent>,
}

impl Pair {
    fn new(codec: Codec) -> Self {
        let start = epoch();
        let end = |seed: u8| {
            let mut session = Session::new(start, SessionConfig { seed: [seed; 32], cname: None, bitrate: None });
            session.apply(start, &agreed(codec, Direction::SendRecv)).unwrap();
            session.set_sending(true);
            let voice = Speech::new(u64::from(seed));
            End { session, voice, said: Vec::new(), heard: Vec::new(), events: Vec::new() }
        };
        Self {
            start,
            tick: 0,
            rng: ChaCha12Rng::seed_from_u64(77),
            loss: 0.0,
            burst: 0.0,
            bad: [false; 2],
            delay: 20 * MS,
            jitter_ms: 0.0,
            ends: [end(1), end(2)],
            wire: Vec::new(),
            sent: [0; 2],
            lost: [0; 2],
            instead: None,
        }
    }

    fn now(&self) -> Instant {
        self.start + 10 * MS * self.tick
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..seconds * 100 {
            self.step();
        }
    }

    /// Ten milliseconds.
    fn step(&mut self) {
        self.tick += 1;
        let now = self.now();
        let mut due: Vec<_> = Vec::new();
        self.wire.retain(|packet| {
            let arrived = packet.0 <= now;
            due.extend(arrived.then(|| packet.clone()));
            !arrived
        });
        due.sort_by_key(|packet| packet.0);
        for (at, to, control, bytes) in due {
            let session = &mut self.ends[to].session;
            if control { session.handle_rtcp(at, &bytes) } else { session.handle_rtp(at, &bytes) }
        }
        for from in 0..2 {
            let mut block = [0.0; 480];
            let end = &mut self.ends[from];
            end.voice.fill(&mut block);
            if let Some(instead) = self.instead.take_if(|_| from == 0) {
                block = *instead;
            }
            end.said.extend(block);
            end.session.capture(now, &block);
            end.session.playout(now, &mut block);
            end.heard.extend(block);
            self.drain(from);
        }
    }

    fn drain(&mut self, from: usize) {
        let now = self.now();
        loop {
            let (control, bytes) = match self.ends[from].session.poll_output() {
                SessionOutput::Rtp(bytes) => (false, bytes),
                SessionOutput::Rtcp(bytes) => (true, bytes),
                SessionOutput::Event(event) => {
                    self.ends[from].events.push(event);
                    continue;
                }
                SessionOutput::Timeout(at) => {
                    assert!(at.is_some());
                    return;
                }
            };
            self.sent[from] += u64::from(!control);
            let chance = match self.bad[from] {
                _ if self.burst == 0.0 => self.loss,
                true => 1.0 - 1.0 / self.burst,
                false => self.loss / (1.0 - self.loss) / self.burst,
            };
            self.bad[from] = if control { self.bad[from] } else { self.rng.random_bool(chance) };
            if !control && self.bad[from] {
                self.lost[from] += 1;
                continue;
            }
            let late = self.rng.random_range(0.0..=self.jitter_ms);
            self.wire.push((now + self.delay + MS.mul_f64(late), 1 - from, control, bytes));
        }
    }

    fn keys(&self, end: usize) -> String {
        let keys = self.ends[end].events.iter();
        keys.filter_map(|event| if let SessionEvent::Dtmf(key) = event { Some(*key) } else { None }).collect()
    }
}

#[test]
fn two_people_hear_each_other() {
    for codec in [Codec::Opus, Codec::G722, Codec::Pcmu] {
        let mut pair = Pair::new(codec);
        pair.run(8);
        for (here, there) in [(0, 1), (1, 0)] {
            let (said, heard) = (&pair.ends[here].said, &pair.ends[there].heard);
            let found = find_delay(&said[48_000..], &heard[48_000..], 24_000).unwrap();
            assert!(found.delay < 6_000, "{codec:?}: {found:?}");
            assert!(windows_found(said, heard, found.delay, 9_600, 1_920) > 0.9, "{codec:?}");
            assert_eq!(pair.ends[there].events, [SessionEvent::FirstSound]);
            let levels = pair.ends[there].session.levels();
            assert!(levels.mic_dbfs > -40.0 && levels.far_dbfs > -40.0, "{levels:?}");
        }
    }
}

#[test]
fn figures_are_what_the_network_did() {
    let mut pair = Pair::new(Codec::Opus);
    pair.loss = 0.1;
    pair.delay = 60 * MS;
    pair.jitter_ms = 15.0;
    pair.run(40);
    for end in 0..2 {
        let before = (pair.sent[1 - end], pair.lost[1 - end]);
        assert!(before.0 > 1_900);
        let quality = pair.ends[end].session.quality();
        assert!((quality.loss_pct - 10.0).abs() < 5.0, "{quality:?}");
        // Jitter delays of 0..15 ms uniformly: the mean difference of two is a third of the range.
        assert!((quality.jitter_ms - 5.0).abs() < 3.0, "{quality:?}");
        assert!((quality.rtt_ms.unwrap() - 135.0).abs() < 20.0, "{quality:?}");
        assert!((15.0..90.0).contains(&quality.buffer_ms), "{quality:?}");
        assert!(quality.concealed_pct < quality.loss_pct, "the copies help: {quality:?}");
        assert!(quality.far_loss_pct.is_some_and(|loss| (loss - 10.0).abs() < 8.0), "{quality:?}");
        assert_eq!(quality.codec, Some("opus"));
        assert!(quality.mos < 4.4 && quality.mos > 3.0, "{quality:?}");
    }
    // The network heals, and ten seconds later nothing of it is left.
    pair.loss = 0.0;
    pair.jitter_ms = 0.0;
    pair.run(14);
    let quality = pair.ends[0].session.quality();
    assert_eq!((quality.loss_pct, quality.concealed_pct), (0.0, 0.0), "{quality:?}");
    assert_eq!(quality.grade, Grade::Clear);
}

#[test]
fn lost_packets_are_counted_exactly() {
    let mut pair = Pair::new(Codec::Pcmu);
    pair.loss = 0.2;
    pair.run(9);
    let sample = pair.ends[1].session.sample();
    assert!(sample.expected.abs_diff(pair.sent[0]) <= 4);
    assert!((sample.expected - sample.received).abs_diff(pair.lost[0]) <= 3);
}

#[test]
fn nothing_is_sent_before_the_answer_nor_on_hold() {
    let mut pair = Pair::new(Codec::Opus);
    pair.ends[0].session.set_sending(false);
    pair.run(3);
    assert_eq!(pair.sent[0], 0);
    assert!(pair.sent[1] > 140);
    pair.ends[0].session.set_sending(true);
    pair.run(1);
    assert!(pair.sent[0] >= 49);
    let now = pair.now();
    for hold in [
        agreed(Codec::Opus, Direction::SendOnly),
        agreed(Codec::Opus, Direction::RecvOnly),
        agreed(Codec::Opus, Direction::Inactive),
        Agreed { remote_hold: true, ..agreed(Codec::Opus, Direction::SendRecv) },
    ] {
        pair.ends[0].session.apply(now, &hold).unwrap();
        let before = pair.sent[0];
        assert!(!pair.ends[0].session.send_dtmf(now, '1', 100 * MS));
        pair.run(1);
        assert_eq!(pair.sent[0], before, "{:?}", hold.direction);
    }
    pair.ends[0].session.apply(now, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    let before = pair.sent[0];
    pair.run(1);
    assert!(pair.sent[0] >= before + 49);
}

#[test]
fn who_holds_hears_nothing_and_then_everything_again() {
    let mut pair = Pair::new(Codec::Pcmu);
    pair.run(2);
    let now = pair.now();
    pair.ends[0].session.apply(now, &agreed(Codec::Pcmu, Direction::SendOnly)).unwrap();
    let at = pair.ends[0].heard.len();
    pair.run(7);
    assert!(pair.ends[0].heard[at + 960..].iter().all(|sample| sample.abs() < 1e-4));
    let now = pair.now();
    pair.ends[0].session.apply(now, &agreed(Codec::Pcmu, Direction::SendRecv)).unwrap();
    let at = pair.ends[0].heard.len();
    pair.run(3);
    let said = &pair.ends[1].said[at + 48_000..at + 96_000];
    assert!(find_delay(said, &pair.ends[0].heard[at + 48_000..], 24_000).is_some());
    assert!(!pair.ends[0].events.contains(&SessionEvent::Silent));
}

#[test]
fn keys_arrive_once_at_both_clocks_through_loss() {
    for codec in [Codec::Opus, Codec::G722, Codec::Pcmu] {
        let mut pair = Pair::new(codec);
        pair.run(1);
        pair.loss = 0.3;
        let now = pair.now();
        for key in "159#0,*D5".chars() {
            assert!(pair.ends[0].session.send_dtmf(now, key, 120 * MS));
        }
        pair.run(5);
        assert_eq!(pair.keys(1), "159#0*D5", "{codec:?}");
        pair.loss = 0.0;
        // The events took the place of sound and are not counted as its loss.
        pair.run(12);
        let quality = pair.ends[1].session.quality();
        assert_eq!(quality.loss_pct, 0.0);
        let (said, heard) = (&pair.ends[0].said, &pair.ends[1].heard);
        let from = said.len() - 240_000;
        let found = find_delay(&said[from..], &heard[from..], 24_000).unwrap();
        assert!(found.likeness > 0.5, "{found:?}");
    }
}

#[test]
fn without_telephone_events_info_is_asked_for() {
    let mut pair = Pair::new(Codec::Opus);
    let now = pair.now();
    let without = Agreed { dtmf: None, ..agreed(Codec::Opus, Direction::SendRecv) };
    pair.ends[0].session.apply(now, &without).unwrap();
    assert!(pair.ends[0].session.send_dtmf(now, '7', 90 * MS));
    assert!(!pair.ends[0].session.send_dtmf(now, 'x', 90 * MS));
    pair.run(1);
    assert_eq!(pair.ends[0].events[0], SessionEvent::SendInfo { key: '7', length: 90 * MS });
    assert_eq!(pair.keys(1), "");
}

#[test]
fn silence_is_told_after_five_seconds_and_its_end() {
    let mut pair = Pair::new(Codec::Opus);
    pair.run(4);
    pair.ends[0].session.report_at = None;
    pair.ends[0].session.set_sending(false);
    pair.run(4);
    assert!(!pair.ends[1].events.contains(&SessionEvent::Silent));
    pair.run(2);
    assert!(pair.ends[1].events.contains(&SessionEvent::Silent));
    pair.ends[0].session.set_sending(true);
    pair.run(1);
    assert_eq!(pair.ends[1].events.last(), Some(&SessionEvent::Heard));
}

#[test]
fn a_day_on_hold_raises_no_alarm() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    let held = Agreed { remote_hold: true, ..agreed(Codec::Opus, Direction::RecvOnly) };
    session.apply(start, &held).unwrap();
    let mut now = start;
    while now < start + Duration::from_secs(86_400) {
        session.handle_timeout(now);
        loop {
            match session.poll_output() {
                SessionOutput::Timeout(at) => {
                    assert!(at.unwrap() > now, "a deadline must lie ahead");
                    now = at.unwrap();
                    break;
                }
                SessionOutput::Rtcp(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn leaving_says_goodbye() {
    let mut pair = Pair::new(Codec::Opus);
    pair.run(1);
    let now = pair.now();
    pair.ends[0].session.close(now);
    let SessionOutput::Rtcp(bytes) = pair.ends[0].session.poll_output() else { panic!("no report") };
    let compound = crate::rtcp::Compound::parse(&bytes).unwrap();
    assert!(matches!(compound.0.last(), Some(crate::rtcp::RtcpPacket::Bye(sources)) if sources.len() == 1));
    let before = pair.sent[0];
    pair.run(1);
    assert_eq!(pair.sent[0], before);
}

#[test]
fn the_same_seed_makes_the_same_call() {
    let run = || {
        let mut pair = Pair::new(Codec::Opus);
        pair.loss = 0.05;
        pair.jitter_ms = 30.0;
        pair.run(3);
        (pair.ends[0].heard.clone(), pair.sent, pair.lost)
    };
    assert!(run() == run());
}
