//! They connect, whatever the network and the roles.

use std::time::Duration;

use ice::{
    PathError, Timing,
    testing::{World, rtp},
};

use super::{BLACK_HOLE, IDENTITIES, SECOND, address, connect, connected, world};

/// How many seeds for each combination of roles and loss: a hundred in every run, a thousand with `--features long`.
const COUNT: u64 = if cfg!(feature = "long") { 1000 } else { 100 };
/// How much later the second end learns of the first one, in milliseconds: an answer overtakes, or is slow.
const SKEWS: [i64; 5] = [-200, 0, 40, 200, 800];
const ROLES: [[bool; 2]; 4] = [[true, false], [false, true], [true, true], [false, false]];

/// Connects and talks; says what went wrong, if something did.
fn attempt(
    seed: u64,
    loss: f64,
    controlling: [bool; 2],
    first_is_client: bool,
    timing: Timing,
    limit: Duration,
) -> Option<String> {
    let mut world = world(seed, loss, timing, 1200);
    world.black_holes.push(address(BLACK_HOLE));
    let skew = SKEWS[usize::try_from(seed % 5).expect("small")];
    connect(&mut world, controlling, first_is_client, skew, limit);
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

/// Every pair of ICE roles and both DTLS roles, each with `count` seeds. Gives the failures, each with its seed.
fn all(loss: f64, count: u64, timing: Timing, limit: Duration) -> Vec<String> {
    let mut failures = Vec::new();
    for (roles, controlling) in ROLES.into_iter().enumerate() {
        for client in [true, false] {
            for seed in 0..count {
                let seed = seed + 10_000 * (roles as u64) + 1_000_000 * u64::from(client);
                failures.extend(attempt(seed, loss, controlling, client, timing, limit));
            }
        }
    }
    failures
}

#[test]
fn all_connect_on_a_clean_network() {
    assert_eq!(all(0.0, COUNT, Timing::STANDARD, 10 * SECOND), Vec::<String>::new());
}

#[test]
fn all_connect_in_a_hurry_too() {
    assert_eq!(all(0.0, COUNT / 4, Timing::FAST, 10 * SECOND), Vec::<String>::new());
    assert_eq!(all(0.1, COUNT / 4, Timing::FAST, 10 * SECOND), Vec::<String>::new());
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
        connect(&mut world, [true, false], false, 0, 10 * SECOND);
        world.trace
    };
    assert_eq!(trace(42), trace(42));
    assert_ne!(trace(42), trace(43));
}

#[test]
fn another_certificate_than_the_described_one_is_refused() {
    for client in [true, false] {
        let mut world = world(1, 0.0, Timing::FAST, 1200);
        let mut remote = World::described(world.ends[1].path.local(), true, client);
        remote.fingerprints = vec![world.ends[0].path.local().fingerprint];
        world.ends[0].path.set_remote(world.now, remote).expect("a strong fingerprint");
        world.tell(1, false, !client);
        world.run(10 * SECOND, |world| world.ends[0].failed.is_some());
        assert_eq!(world.ends[0].failed, Some(PathError::Fingerprint));
        assert!(world.ends[0].secure.is_none());
        assert!(!world.ends[0].path.send_rtp(&rtp(1, 1)), "nothing goes to a liar");
    }
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
    for seed in 0..20 {
        let mut world = world(seed, 0.1, Timing::FAST, 300);
        connect(&mut world, [true, false], seed % 2 == 0, 0, 10 * SECOND);
        assert!(world.secure(), "seed {seed}");
        let handshake = |(_, _, bytes): &&(_, _, Vec<u8>)| bytes.first() == Some(&22);
        assert!(world.recent.iter().filter(handshake).all(|(_, _, bytes)| bytes.len() <= 300));
    }
}

#[test]
fn an_end_that_was_told_no_address_learns_it_from_the_checks() {
    for seed in 0..20 {
        let mut world = world(seed, 0.1, Timing::STANDARD, 1200);
        let blind = usize::try_from(seed % 2).expect("small");
        let controlling = seed % 4 < 2;
        world.tell_no_address(blind, controlling, true);
        world.tell(1 - blind, !controlling, false);
        world.run(10 * SECOND, World::secure);
        assert!(world.secure(), "seed {seed}");
    }
}

#[test]
fn any_stream_is_taken_over_a_wrap_and_nothing_twice() {
    let mut world = connected(4);
    world.network.jitter = Duration::ZERO;
    world.talk(0, 1, 65_500, SECOND);
    world.talk(0, 2, 9, SECOND);
    world.run(SECOND, |_| false);
    assert_eq!(world.ends[1].rtp.len(), 100);
    let (_, first) = world.ends[1].rtp[0].clone();
    assert_eq!(first, rtp(1, 65_500));
    let again: Vec<_> = world.recent.iter().filter(|(_, to, _)| *to == address(super::SECOND_END)).cloned().collect();
    for (from, to, bytes) in again {
        world.inject(Duration::ZERO, from, to, bytes);
    }
    world.run(SECOND, |_| false);
    assert_eq!(world.ends[1].rtp.len(), 100, "a packet that was repeated is heard once");
}

#[test]
fn no_secret_is_printed() {
    let world = connected(77);
    let local = world.ends[0].path.local();
    let remote = World::described(world.ends[1].path.local(), true, true);
    let printed = format!("{:?} {local:?} {remote:?} {:?}", world.ends[0].path, IDENTITIES[0]);
    for secret in [&local.pwd, &remote.pwd] {
        assert!(!printed.contains(secret.as_str()));
    }
}
