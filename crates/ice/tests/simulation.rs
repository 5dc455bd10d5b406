//! The gate of the secured path: whole connections on virtual time, under loss, reordering and skew, by seed.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use ice::{
    Identity, LocalCandidate, PathError, RemoteDescription, Timing,
    testing::{Network, World, rtp},
};

static IDENTITIES: LazyLock<[Arc<Identity>; 2]> =
    LazyLock::new(|| [Identity::generate().expect("a library"), Identity::generate().expect("a library")]);

const SECOND: Duration = Duration::from_secs(1);

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn world(seed: u64, loss: f64, timing: Timing, mtu: usize) -> World {
    let network = Network { loss, delay: Duration::from_millis(20), jitter: Duration::from_millis(15) };
    let sockets = [&[address("10.0.0.1:4000"), address("10.0.1.1:4001")][..], &[address("10.0.0.2:5000")]];
    World::new(seed, [&IDENTITIES[0], &IDENTITIES[1]], sockets, network, timing, mtu)
}

/// Connects; `skew` is how much later the second end learns of the first.
fn connect(world: &mut World, controlling: [bool; 2], first_is_client: bool, skew: Duration, limit: Duration) {
    world.tell(0, controlling[0], first_is_client);
    world.run(skew, |_| false);
    world.tell(1, controlling[1], !first_is_client);
    world.run(limit, World::secure);
}

/// Connects and talks; says what went wrong, if something did.
fn attempt(
    seed: u64,
    loss: f64,
    controlling: [bool; 2],
    first_is_client: bool,
    skew: u64,
    timing: Timing,
    limit: Duration,
) -> Option<String> {
    let mut world = world(seed, loss, timing, 1200);
    world.black_holes.push(address("10.0.1.1:4001"));
    connect(&mut world, controlling, first_is_client, Duration::from_millis(skew), limit);
    if !world.secure() {
        return Some(format!("seed {seed}: not connected: {:?} {:?}", world.ends[0].failed, world.ends[1].failed));
    }
    world.network.loss = 0.0;
    for at in 0..2 {
        world.talk(at, 7, 65_530, Duration::from_millis(400));
        world.run(SECOND / 2, |_| false);
        if world.ends[1 - at].rtp.len() < 20 {
            return Some(format!("seed {seed}: {} packets from end {at}", world.ends[1 - at].rtp.len()));
        }
    }
    None
}

/// Every pair of roles and both DTLS roles, each with `count` seeds. Gives the failures and the median time is not
/// looked at: only that it connects.
fn all(loss: f64, count: u64, timing: Timing, limit: Duration) -> Vec<String> {
    let mut failures = Vec::new();
    for (roles, controlling) in [[true, false], [false, true], [true, true], [false, false]].into_iter().enumerate() {
        for client in [true, false] {
            for seed in 0..count {
                let seed = seed + 10_000 * (roles as u64) + 1_000_000 * u64::from(client);
                let skew = [0, 40, 200, 800][usize::try_from(seed % 4).expect("small")];
                failures.extend(attempt(seed, loss, controlling, client, skew, timing, limit));
            }
        }
    }
    failures
}

/// How many seeds for each combination: few in every run, a thousand with `--features long`.
const COUNT: u64 = if cfg!(feature = "long") { 1000 } else { 12 };

#[test]
fn all_connect_on_a_clean_network() {
    assert_eq!(all(0.0, COUNT, Timing::STANDARD, 10 * SECOND), Vec::<String>::new());
    assert_eq!(all(0.0, COUNT, Timing::FAST, 10 * SECOND), Vec::<String>::new());
}

#[test]
fn all_connect_at_ten_percent_loss() {
    assert_eq!(all(0.1, COUNT, Timing::STANDARD, 10 * SECOND), Vec::<String>::new());
}

#[test]
fn almost_all_connect_at_thirty_percent_loss() {
    let failures = all(0.3, COUNT, Timing::STANDARD, 40 * SECOND);
    // One in five thousand may fail; each is named by its seed.
    assert!(failures.len() as u64 <= 8 * COUNT / 5_000, "{failures:#?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let mut world = world(seed, 0.1, Timing::STANDARD, 1200);
        connect(&mut world, [true, false], false, Duration::ZERO, 10 * SECOND);
        world.trace
    };
    assert_eq!(trace(42), trace(42));
    assert_ne!(trace(42), trace(43));
}

#[test]
fn another_certificate_than_the_described_one_is_refused() {
    let mut world = world(1, 0.0, Timing::FAST, 1200);
    let mut remote = World::described(world.ends[1].path.local(), true, true);
    remote.fingerprints = vec![world.ends[0].path.local().fingerprint];
    world.ends[0].path.set_remote(world.now, remote).expect("a strong fingerprint");
    world.tell(1, false, false);
    world.run(10 * SECOND, |world| world.ends[0].failed.is_some());
    assert_eq!(world.ends[0].failed, Some(PathError::Fingerprint));
    assert!(world.ends[0].secure.is_none());
}

#[test]
fn a_weak_fingerprint_is_refused_at_once() {
    let mut world = world(1, 0.0, Timing::FAST, 1200);
    let mut remote = World::described(world.ends[1].path.local(), true, true);
    remote.fingerprints = vec!["sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33".to_owned()];
    assert_eq!(world.ends[0].path.set_remote(world.now, remote), Err(PathError::WeakFingerprint));
}

#[test]
fn small_datagrams_are_enough() {
    for client in [true, false] {
        let mut world = world(3, 0.1, Timing::FAST, 300);
        connect(&mut world, [true, false], client, Duration::ZERO, 10 * SECOND);
        assert!(world.secure());
    }
}

#[test]
fn any_stream_is_taken_over_a_wrap_and_nothing_twice() {
    let mut world = world(4, 0.0, Timing::FAST, 1200);
    connect(&mut world, [true, false], true, Duration::ZERO, 10 * SECOND);
    world.talk(0, 1, 65_500, SECOND);
    world.talk(0, 2, 9, SECOND);
    world.run(SECOND, |_| false);
    assert_eq!(world.ends[1].rtp.len(), 100);
    let (_, first) = world.ends[1].rtp[0].clone();
    assert_eq!(first, rtp(1, 65_500));
}

#[test]
fn a_stranger_changes_nothing() {
    let mut world = world(5, 0.0, Timing::FAST, 1200);
    connect(&mut world, [true, false], true, Duration::ZERO, 10 * SECOND);
    world.talk(0, 1, 0, SECOND / 5);
    world.run(SECOND, |_| false);
    let before = world.ends[1].rtp.len();
    let stranger = address("203.0.113.9:666");
    for first in 0..=255_u8 {
        for length in (0..160).step_by(7).chain([1499]) {
            let bytes: Vec<u8> = (0..length)
                .map(|at| if at == 0 { first } else { u8::try_from(at % 251).expect("below 251") })
                .collect();
            world.inject(Duration::ZERO, stranger, address("10.0.0.2:5000"), bytes.clone());
            // The same from the far end's own address: authenticated by nothing either.
            world.inject(Duration::ZERO, address("10.0.0.1:4000"), address("10.0.0.2:5000"), bytes);
        }
        world.run(Duration::from_millis(1), |_| false);
    }
    assert_eq!((world.ends[1].rtp.len(), world.ends[1].failed), (before, None));
    assert!(
        world.trace.iter().all(|(_, end, _, port, _)| *end != 1 || *port != stranger.port()),
        "nothing was sent to a stranger"
    );
    world.talk(0, 1, 10, SECOND / 5);
    world.talk(1, 2, 0, SECOND / 5);
    world.run(SECOND, |_| false);
    assert_eq!((world.ends[1].rtp.len(), world.ends[0].rtp.len()), (before + 10, 10));
}

#[test]
fn damaged_datagrams_never_panic() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha12Rng::seed_from_u64(99);
    for seed in 0..6 {
        let mut world = world(seed, 0.0, Timing::FAST, 1200);
        world.tell(0, true, seed % 2 == 0);
        world.tell(1, false, seed % 2 == 1);
        for _ in 0..2_000 {
            // What was sent lately, changed and sent again from where it came.
            world.run(Duration::from_micros(300), |_| false);
            let length = rng.random_range(0..1500_usize);
            let mut bytes: Vec<u8> = vec![0; length];
            rng.fill(&mut bytes[..]);
            if let Some(first) = bytes.first_mut() {
                *first = [0, 1, 22, 23, 128, 130][rng.random_range(0..6)];
            }
            if length > 20 && bytes[0] < 4 {
                bytes[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
            }
            if length > 20 && bytes[0] == 22 {
                bytes[1..5].copy_from_slice(&[0xfe, 0xfd, 0, 0]);
            }
            let to_first = rng.random_bool(0.5);
            let (from, to) =
                if to_first { ("10.0.0.2:5000", "10.0.0.1:4000") } else { ("10.0.0.1:4000", "10.0.0.2:5000") };
            world.inject(Duration::ZERO, address(from), address(to), bytes);
        }
    }
}

#[test]
fn a_restart_keeps_the_sound_and_a_new_socket_takes_it_over() {
    let mut world = world(6, 0.0, Timing::FAST, 1200);
    connect(&mut world, [true, false], true, Duration::ZERO, 10 * SECOND);
    // The first end has another address now; its old ones are gone.
    let fresh = address("10.9.9.9:4444");
    world.ends[0].sockets.push(fresh);
    world.black_holes.extend([address("10.0.0.1:4000"), address("10.0.1.1:4001")]);
    let now = world.now;
    let ours = world.ends[0].path.restart(now, vec![LocalCandidate::host(fresh)]);
    let theirs = {
        let locals = vec![LocalCandidate::host(address("10.0.0.2:5000"))];
        world.ends[1].path.restart(now, locals)
    };
    let take = |world: &mut World, at: usize, local, controlling, client| {
        let remote: RemoteDescription = World::described(local, controlling, client);
        world.ends[at].path.set_remote(now, remote).expect("a strong fingerprint");
    };
    take(&mut world, 0, theirs, true, true);
    take(&mut world, 1, ours, false, false);
    world.run(SECOND, |_| false);
    for at in 0..2 {
        let before = world.ends[1 - at].rtp.len();
        world.talk(at, 8, 0, SECOND / 5);
        world.run(SECOND / 2, |_| false);
        assert_eq!(world.ends[1 - at].rtp.len() - before, 10, "from end {at}");
    }
}

#[test]
fn silence_is_noticed_by_thirty_one_seconds_and_not_by_twentynine() {
    let mut world = world(7, 0.0, Timing::STANDARD, 1200);
    connect(&mut world, [true, false], true, Duration::ZERO, 10 * SECOND);
    world.run(20 * SECOND, |_| false);
    world.black_holes.push(address("10.0.0.2:5000"));
    let silent = world.now;
    world.run(60 * SECOND, |world| world.ends[0].disconnected.is_some());
    let noticed = world.ends[0].disconnected.expect("it was noticed") - silent;
    assert!((24 * SECOND..=31 * SECOND).contains(&noticed), "{noticed:?}");
    assert_eq!(world.ends[0].failed, None, "it may come back");
    world.black_holes.retain(|own| *own != address("10.0.0.2:5000"));
}

#[test]
fn another_branch_that_answers_gets_the_path() {
    // A forked call: the first branch is connected, then another one with another certificate answers.
    let mut world = world(8, 0.0, Timing::FAST, 1200);
    connect(&mut world, [true, false], true, Duration::ZERO, 10 * SECOND);
    let other = Identity::generate().expect("a library");
    let network = world.network;
    let mut second = World::new(
        9,
        [&IDENTITIES[0], &other],
        [&[address("10.0.0.1:4000")], &[address("10.0.0.3:6000")]],
        network,
        Timing::FAST,
        1200,
    );
    std::mem::swap(&mut world.ends[0].path, &mut second.ends[0].path);
    second.now = world.now;
    second.tell(0, true, true);
    second.tell(1, false, false);
    second.run(5 * SECOND, World::secure);
    assert!(second.ends[0].secure.is_some() && second.ends[1].secure.is_some());
}
