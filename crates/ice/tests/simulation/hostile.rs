//! Everyone who is not the far end, and what a far end must not make us do.

use std::{cell::Cell, collections::BTreeMap, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use ice::{
    LocalCandidate, Path, PathConfig, PathError, PathEvent, PathOutput, RemoteDescription, Timing,
    testing::{World, rtp, start},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::{BLACK_HOLE, FIRST, IDENTITIES, SECOND, SECOND_END, address, connect, connected, hear_each_other, world};

const STRANGER: &str = "203.0.113.9:666";
/// A share of the long run is done in every run.
const SHARE: usize = if cfg!(feature = "long") { 1 } else { 25 };

/// Nothing that was injected since `before` was heard, answered or believed.
pub(super) fn unchanged(world: &World, heard: usize) {
    assert_eq!((world.ends[1].rtp.len(), world.ends[1].failed), (heard, None));
    assert!(world.ends.iter().all(|end| end.disconnected.is_none() && !end.closed));
    let stranger = address(STRANGER).port();
    assert!(world.trace.iter().all(|(_, end, _, to, _)| *end != 1 || *to != stranger), "nothing goes to a stranger");
}

/// From a stranger, and from the far end's own address by someone who has no keys.
pub(super) fn inject(world: &mut World, bytes: &[u8]) {
    for from in [STRANGER, FIRST] {
        world.inject(Duration::ZERO, address(from), address(SECOND_END), bytes.to_vec());
    }
}

#[test]
fn dtls_in_the_clear_ends_no_call() {
    let mut world = connected(51);
    world.talk(0, 1, 0, SECOND / 5);
    world.run(SECOND, |_| false);
    let heard = world.ends[1].rtp.len();
    let before = world.trace.len();
    let record = |kind: u8, epoch: u8, number: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        [&[kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 1, number, length[0], length[1]][..], body].concat()
    };
    let hello = [&[1, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 40, 0xfe, 0xfd][..], &[7; 38]].concat();
    for number in 0..40 {
        for epoch in 0..3 {
            // close_notify, a fatal alert, ChangeCipherSpec, a ClientHello of a new association, application data.
            // And handshakes that are none, among them empty fragments, which the crate would keep for ever.
            let empty = [11, 0, 0, 9, 0, number, 0, 0, 0, 0, 0, 0];
            let broken = [&[][..], &[0], &[99; 30], &hello[..20], &empty];
            let broken = broken.map(|body| (22, body));
            let others = [(21, &[1, 0][..]), (21, &[2, 40]), (20, &[1]), (22, &hello), (23, &[0; 40])];
            for (kind, body) in broken.into_iter().chain(others) {
                inject(&mut world, &record(kind, epoch, number, body));
            }
        }
        world.run(Duration::from_millis(1), |_| false);
    }
    unchanged(&world, heard);
    let answered = world.trace[before..].iter().any(|own| own.1 == 1 && matches!(own.4, 20..=63));
    assert!(!answered, "not even a repeat of the last flight");
    hear_each_other(&mut world, 2);
}

#[test]
fn an_alert_in_the_clear_stops_no_handshake() {
    for seed in 0..20 {
        let mut world = world(seed, 0.1, Timing::FAST, 1200);
        world.tell(0, true, seed % 2 == 0);
        world.tell(1, false, seed % 2 == 1);
        for number in 0..200 {
            // close_notify and handshake_failure, as if from the far end.
            for alert in [[1, 0], [2, 40]] {
                let record = [&[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, number, 0, 2][..], &alert].concat();
                let delay = Duration::from_millis(2 * u64::from(number));
                world.inject(delay, address(FIRST), address(SECOND_END), record.clone());
                world.inject(delay, address(SECOND_END), address(FIRST), record);
            }
        }
        world.run(10 * SECOND, World::secure);
        assert!(world.secure() && world.ends.iter().all(|end| !end.closed), "seed {seed}");
        world.network.loss = 0.0;
        hear_each_other(&mut world, 2);
    }
}

#[test]
fn a_flood_of_forged_sound_is_not_heard_and_leaves_no_trace() {
    let mut world = connected(52);
    world.talk(0, 1, 0, SECOND / 5);
    world.run(SECOND, |_| false);
    let heard = world.ends[1].rtp.len();
    let (_, _, genuine) =
        world.recent.iter().find(|own| own.2[0] == 0x80 && own.2[1] == 111).cloned().expect("a packet");
    let (count, before) = (100_000 / u32::try_from(SHARE).expect("small"), world.ends[1].path.left_aside());
    for forged in 0..count {
        // A stream of its own, a number far ahead of the true one, a sound that was changed, an RTCP packet.
        let mut bytes = genuine.clone();
        match forged % 4 {
            0 => bytes[8..12].copy_from_slice(&forged.to_be_bytes()),
            1 => bytes[2] ^= 0x40,
            2 => bytes[20] ^= 1,
            _ => bytes[1] = 200,
        }
        inject(&mut world, &bytes);
        if forged % 100 == 0 {
            world.run(Duration::from_millis(1), |_| false);
        }
    }
    world.run(SECOND, |_| false);
    unchanged(&world, heard);
    assert!(world.ends[1].rtcp.is_empty());
    assert_eq!(world.ends[1].path.left_aside() - before, 2 * u64::from(count), "and each was counted");
    hear_each_other(&mut world, 1_000);
}

#[test]
fn who_races_the_handshake_does_not_stop_it() {
    for seed in 0..100 {
        let mut world = world(seed, 0.0, Timing::FAST, 1200);
        world.network.jitter = Duration::from_millis(5);
        let hello = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52][..], &[1; 52]].concat();
        let early = [&[0x80, 111, 0, 1][..], &[7; 60]].concat();
        world.tell(0, true, seed % 2 == 0);
        world.tell(1, false, seed % 2 == 1);
        for record in 0..10_000 / SHARE {
            let port = if seed % 3 == 0 { 666 } else { 1_000 + u16::try_from(record % 500).expect("small") };
            for end in [FIRST, SECOND_END] {
                let stranger = SocketAddr::new(address(STRANGER).ip(), port);
                world.inject(
                    Duration::from_micros(200 * u64::try_from(record).expect("small")),
                    stranger,
                    address(end),
                    hello.clone(),
                );
                world.inject(Duration::ZERO, stranger, address(end), early.clone());
            }
        }
        world.run(10 * SECOND, World::secure);
        assert!(world.secure(), "seed {seed}");
        assert!(
            world.trace.iter().all(|own| own.3 == 4000 || own.3 == 4001 || own.3 == 5000),
            "nothing goes elsewhere"
        );
    }
}

#[test]
fn damaged_datagrams_never_panic() {
    let mut rng = ChaCha12Rng::seed_from_u64(99);
    let mut fed = 0;
    for seed in 0.. {
        let mut world = world(seed, 0.0, Timing::FAST, 1200);
        world.tell(0, true, seed % 2 == 0);
        world.tell(1, false, seed % 2 == 1);
        for _ in 0..400 {
            // What was sent lately, changed, from where it came and from elsewhere.
            world.run(Duration::from_micros(500), |_| false);
            if world.secure() && rng.random_bool(0.1) {
                let at = rng.random_range(0..2);
                world.ends[at].path.send_rtp(&rtp(9, rng.random()));
                world.ends[at].path.send_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 9]);
                world.drain(at);
            }
            for _ in 0..10 {
                let chosen = rng.random_range(0..world.recent.len());
                let (from, to, mut bytes) = world.recent[chosen].clone();
                damage(&mut rng, &mut bytes);
                let from = if rng.random_bool(0.9) { from } else { address(STRANGER) };
                world.inject(Duration::ZERO, from, to, bytes);
                fed += 1;
            }
        }
        if fed >= 1_000_000 / SHARE {
            return;
        }
    }
}

/// Flips, cuts, stretches and splices.
fn damage(rng: &mut ChaCha12Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.random()),
            2 => bytes.extend(std::iter::repeat_n(rng.random::<u8>(), rng.random_range(0..200))),
            3 => bytes.splice(at.., (0..rng.random_range(0..64)).map(|_| 0xff)).for_each(drop),
            _ => {
                if let Some(octet) = bytes.get_mut(at) {
                    *octet ^= 1 << rng.random_range(0..8);
                }
            }
        }
    }
}

#[test]
fn a_box_on_the_way_that_repeats_changes_and_makes_up_is_not_noticed() {
    // A thousand more for each datagram in the long run: 100,000 a second. Until there are keys it only repeats: who
    // changes a handshake on its way can stop it.
    let secure = Rc::new(Cell::new(false));
    let changes = Rc::clone(&secure);
    let mut rng = ChaCha12Rng::seed_from_u64(55);
    let mut seen: Vec<(SocketAddr, SocketAddr, Vec<u8>)> = Vec::new();
    let mut world = world(55, 0.0, Timing::STANDARD, 1200);
    world.middle = Some(Box::new(move |from, to, bytes| {
        let own = (from, to, bytes.to_vec());
        let mut all = vec![own.clone()];
        seen.push(own);
        // Answers draw no more: each check that is repeated is answered again.
        let more = if bytes[0] == 1 { 0 } else { 1_000 / SHARE };
        for _ in 0..more {
            let (from, to, mut bytes) = seen[seen.len() - 1 - rng.random_range(0..seen.len().min(2_000))].clone();
            match rng.random_range(0..3) {
                _ if !changes.get() => {}
                0 => {}
                1 => damage(&mut rng, &mut bytes),
                _ => bytes[1..].iter_mut().for_each(|octet| *octet = rng.random()),
            }
            all.push((if rng.random_bool(0.8) { from } else { address(STRANGER) }, to, bytes));
        }
        all
    }));
    connect(&mut world, [true, false], true, 0, 10 * SECOND);
    assert!(world.secure());
    secure.set(true);
    let (begun, length) = (world.trace.len(), if SHARE == 1 { 60 * SECOND } else { 10 * SECOND });
    let heard = world.talk_both(1, length);
    for (end, (heard, sent)) in world.ends.iter().zip(heard) {
        assert_eq!(heard, sent, "each packet once");
        assert!(end.disconnected.is_none() && end.failed.is_none() && !end.closed && end.rtcp.is_empty());
        let mut numbers: Vec<&[u8]> = end.rtp.iter().map(|(_, bytes)| &bytes[2..4]).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().zip(0_u16..).all(|(own, number)| **own == number.to_be_bytes()), "as it was sent");
    }
    // Who repeats a signed check is answered and asked, as ICE has it, but hears nothing.
    let stranger = address(STRANGER).port();
    assert!(world.trace[begun..].iter().all(|own| own.3 != stranger || own.4 < 4));
}

/// What is sent, by target, when a path is told to check `candidates` and nobody answers.
fn checks(candidates: Vec<String>, allow_loopback: bool) -> BTreeMap<SocketAddr, Vec<Duration>> {
    let locals = [FIRST, "[2001:db8::1]:4000"].map(|own| LocalCandidate::host(address(own))).to_vec();
    let config = PathConfig { allow_loopback, ..PathConfig::new(Arc::clone(&IDENTITIES[0]), locals, [3; 32]) };
    let mut path = Path::new(config).expect("a library");
    let begun = start();
    let remote = RemoteDescription {
        ufrag: "far0".to_owned(),
        pwd: "a password of the far end".to_owned(),
        fingerprints: vec![IDENTITIES[1].fingerprint().to_owned()],
        candidates,
        controlling: true,
        dtls_client: true,
    };
    path.set_remote(begun, remote).expect("a strong fingerprint");
    let (mut now, mut sent) = (begun, BTreeMap::<SocketAddr, Vec<Duration>>::new());
    loop {
        match path.poll_output() {
            PathOutput::Transmit { to, .. } => sent.entry(to).or_default().push(now - begun),
            PathOutput::Event(event) => assert_eq!(event, PathEvent::Failed(PathError::NoPair)),
            PathOutput::Timeout(Some(due)) => {
                now = now.max(due);
                path.handle_timeout(now);
            }
            PathOutput::Timeout(None) => return sent,
        }
    }
}

#[test]
fn ten_thousand_candidates_make_forty_pairs_at_most() {
    let candidates = (0..10_000_u32)
        .map(|at| format!("{at} 1 udp {} 198.51.{}.{} {} typ host", at + 1, at / 250, 1 + at % 250, 1_000 + at));
    let sent = checks(candidates.collect(), false);
    assert!((1..=40).contains(&sent.len()), "{} targets", sent.len());
    let mut times: Vec<Duration> = sent.into_values().flatten().collect();
    times.sort_unstable();
    assert!(times.len() <= 601, "{} checks in thirty seconds, one each 50 ms", times.len());
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(49)), "paced");
}

#[test]
fn one_target_is_not_hammered() {
    // The same target a thousand times, under a thousand names.
    let candidates = (0..1_000_u32).map(|at| format!("{at} 1 udp {} 198.51.100.7 9999 typ host", at + 1));
    let sent = checks(candidates.collect(), false);
    assert_eq!(sent.keys().copied().collect::<Vec<_>>(), [address("198.51.100.7:9999")]);
    // RFC 8489 6.2.1: seven, with a growing wait, and they last nearly as long as there is hope.
    let times: Vec<Duration> = sent.into_values().flatten().collect();
    assert_eq!(times.len(), 7, "{times:?}");
    let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    assert!(times.last() > Some(&(20 * SECOND)), "{times:?}");
}

#[test]
fn an_address_that_spoke_is_asked_on() {
    // Its own checks come, signed, though none of its answers does: it is there, and no stranger.
    let mut world = world(54, 0.0, Timing::STANDARD, 1200);
    world.deaf_to_answers = Some(0);
    world.black_holes.push(address(BLACK_HOLE));
    world.tell(0, true, true);
    world.tell(1, false, false);
    world.run(20 * SECOND, |_| false);
    let asked = world.trace.iter().filter(|own| own.1 == 0 && own.2 == 4000 && own.3 == 5000 && own.4 == 0).count();
    assert!(asked > 10, "{asked} checks");
    world.deaf_to_answers = None;
    world.run(2 * SECOND, World::secure);
    assert!(world.secure());
}

#[test]
fn addresses_that_are_nobodys_or_everybodys_are_left_alone() {
    const LOOPBACK: [&str; 2] = ["127.0.0.1", "::1"];
    let others = ["0.0.0.0", "::", "169.254.7.7", "fe80::7", "224.0.0.1", "ff02::1", "255.255.255.255", "name.local"];
    let lines = || LOOPBACK.iter().chain(&others).map(|host| format!("1 1 udp 9 {host} 7000 typ host")).collect();
    assert!(checks(lines(), false).is_empty());
    // Loopback is tried for an account whose server is on this machine, and the others are not even then.
    let tried: Vec<String> = checks(lines(), true).keys().map(|to| to.ip().to_string()).collect();
    assert_eq!(tried, LOOPBACK);
}

#[test]
fn a_stranger_cannot_fill_the_room_for_early_checks() {
    let mut world = world(53, 0.0, Timing::STANDARD, 1200);
    world.network.jitter = Duration::ZERO;
    // The second end is told late; strangers send it checks all the while, and the far end does too.
    for number in 0..200_u8 {
        let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([number; 12]);
        world.inject(Duration::from_micros(u64::from(number)), address(STRANGER), address(SECOND_END), bytes);
    }
    connect(&mut world, [true, false], true, 300, 10 * SECOND);
    let secured = world.ends.iter().filter_map(|end| end.secure).max().expect("both are secure");
    assert!(world.now >= secured && world.secure());
}
