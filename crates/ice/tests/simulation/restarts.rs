//! A restart that succeeds, one that is refused, and the answers of far ends that take none (RFC 8445 9, RFC 8839 4.4).

use std::time::{Duration, Instant};

use ice::{
    LocalCandidate, LocalDescription, PathError, Timing,
    testing::{Middle, World, rtp},
};
use rtc_stun::{message::BINDING_SUCCESS, xoraddr::XorMappedAddress};

use super::{BLACK_HOLE, FIRST, SECOND, SECOND_END, address, connect, connected, hear_each_other, stun_answer, world};

/// The first end's new address.
const FRESH: &str = "10.9.9.9:4444";

/// Gives end `at` the description that the other one made for a restart.
fn take(world: &mut World, at: usize, local: LocalDescription) {
    let remote = World::described(local, at == 0, at == 0);
    world.ends[at].path.set_remote(world.now, remote).expect("a strong fingerprint");
    world.drain(at);
}

/// Both ends begin anew, the first one from `fresh`; the answer takes `signalling`.
pub(super) fn restart(world: &mut World, fresh: &str, signalling: Duration) {
    let ours = world.ends[0].path.restart(world.now, vec![LocalCandidate::host(address(fresh))]);
    world.run(signalling, |_| false);
    let theirs = world.ends[1].path.restart(world.now, vec![LocalCandidate::host(address(SECOND_END))]);
    take(world, 1, ours);
    world.run(signalling, |_| false);
    take(world, 0, theirs);
}

#[test]
fn a_new_socket_takes_the_sound_over() {
    let mut world = connected(6);
    // The first end has another address now; its old ones are gone.
    let fresh = "10.9.9.9:4444";
    world.ends[0].sockets.push(address(fresh));
    world.black_holes.extend([address(FIRST), address(BLACK_HOLE)]);
    restart(&mut world, fresh, Duration::from_millis(25));
    let begun = world.now;
    world.run(SECOND, |world| {
        let to_fresh =
            |end: u16| world.trace.iter().any(|(_, _, from, to, kind)| [*from, *to].contains(&end) && *kind > 127);
        to_fresh(4444)
    });
    hear_each_other(&mut world, 8);
    assert!(world.now - begun < 3 * SECOND);
}

#[test]
fn a_restart_on_the_same_sockets_loses_no_packet() {
    let mut world = connected(16);
    world.network.jitter = Duration::ZERO;
    let mut sequence = 0;
    let mut talk = |world: &mut World, packets: u16| {
        for _ in 0..packets {
            assert!(world.ends[0].path.send_rtp(&rtp(3, sequence)), "packet {sequence} goes");
            sequence += 1;
            world.drain(0);
            world.run(Duration::from_millis(20), |_| false);
        }
    };
    talk(&mut world, 20);
    let theirs = {
        let ours = world.ends[0].path.restart(world.now, vec![LocalCandidate::host(address(FIRST))]);
        talk(&mut world, 10);
        let theirs = world.ends[1].path.restart(world.now, vec![LocalCandidate::host(address(SECOND_END))]);
        take(&mut world, 1, ours);
        theirs
    };
    talk(&mut world, 10);
    take(&mut world, 0, theirs);
    talk(&mut world, 60);
    world.run(SECOND, |_| false);
    assert_eq!(world.ends[1].rtp.len(), 100);
    let times: Vec<Instant> = world.ends[1].rtp.iter().map(|(at, _)| *at).collect();
    let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(gap <= Some(Duration::from_millis(40)), "{gap:?}");
    assert!(world.ends.iter().all(|end| end.failed.is_none() && end.disconnected.is_none()));
}

/// A connection as it is outside of one machine.
fn calling(seed: u64) -> World {
    let mut world = world(seed, 0.0, Timing::STANDARD, 1200);
    connect(&mut world, [true, false], true, 0, 10 * SECOND);
    assert!(world.secure());
    world
}

/// The first end offers a restart from a new socket.
fn offer(world: &mut World) -> LocalDescription {
    if !world.ends[0].sockets.contains(&address(FRESH)) {
        world.ends[0].sockets.push(address(FRESH));
    }
    let offer = world.ends[0].path.restart(world.now, vec![LocalCandidate::host(address(FRESH))]);
    world.drain(0);
    offer
}

/// Both talk for so many seconds, and every packet is heard; the path has nothing to tell.
fn talk_on(world: &mut World, ssrc: u32, seconds: u32) {
    let heard = world.talk_both(ssrc, seconds * SECOND);
    assert!(heard.iter().all(|(heard, sent)| heard == sent), "{heard:?}");
    assert!(world.ends.iter().all(|end| end.failed.is_none() && end.disconnected.is_none()));
}

/// Did end 0 send sound from this port since the trace was so long?
fn talks_from(world: &World, since: usize, port: u16) -> bool {
    world.trace[since..].iter().any(|own| own.1 == 0 && own.2 == port && own.4 > 127)
}

#[test]
fn a_refused_restart_changes_nothing() {
    for cancelled in [true, false] {
        let mut world = calling(60);
        let before = world.ends[0].path.local();
        // 491, 488 or no answer: the far end never learns of it.
        let offered = offer(&mut world);
        assert!(offered.ufrag != before.ufrag && offered.pwd != before.pwd);
        talk_on(&mut world, 1, 5);
        if cancelled {
            assert!(world.ends[0].path.cancel_restart(world.now));
            assert!(!world.ends[0].path.cancel_restart(world.now), "there is none any more");
            assert!(world.ends[0].path.local() == before, "the next offer tells what holds");
        }
        talk_on(&mut world, 2, 65);
        // Theirs, which names nothing new, and then a restart that is taken.
        let theirs = world.ends[1].path.local();
        take(&mut world, 0, theirs);
        talk_on(&mut world, 3, 5);
        restart(&mut world, FRESH, Duration::from_millis(25));
        world.run(5 * SECOND, |_| false);
        let since = world.trace.len();
        talk_on(&mut world, 4, 40);
        assert!(talks_from(&world, since, 4444) && !talks_from(&world, since, 4000));
    }
}

#[test]
fn restarts_that_nobody_answers_bring_no_harm_to_one_that_works() {
    let mut world = calling(61);
    for ssrc in 0..5 {
        offer(&mut world);
        talk_on(&mut world, ssrc, 3);
    }
    talk_on(&mut world, 5, 40);
}

#[test]
fn an_answer_under_the_old_credentials_keeps_the_old_pair() {
    // The far end knows nothing of restarts: its checks and answers go on under what it was told first.
    let mut world = calling(62);
    offer(&mut world);
    let answer = world.ends[1].path.local();
    take(&mut world, 0, answer);
    assert!(!world.ends[0].path.cancel_restart(world.now), "it was answered");
    let since = world.trace.len();
    talk_on(&mut world, 1, 90);
    assert!(talks_from(&world, since, 4000) && !talks_from(&world, since, 4444));
}

#[test]
fn a_far_end_that_takes_ours_and_keeps_its_own_is_followed() {
    let mut world = calling(63);
    let ours = offer(&mut world);
    let kept = world.ends[1].path.local();
    take(&mut world, 1, ours);
    assert!(world.ends[1].path.local() == kept, "the same credentials");
    take(&mut world, 0, kept);
    world.run(3 * SECOND, |_| false);
    let since = world.trace.len();
    talk_on(&mut world, 1, 60);
    assert!(talks_from(&world, since, 4444) && !talks_from(&world, since, 4000));
}

#[test]
fn a_restart_that_finds_no_way_leaves_the_old_one() {
    // The new socket reaches nobody, though both ends agreed on it.
    let mut world = calling(64);
    world.black_holes.push(address(FRESH));
    let ours = offer(&mut world);
    let theirs = world.ends[1].path.restart(world.now, vec![LocalCandidate::host(address("10.0.9.9:5999"))]);
    take(&mut world, 1, ours);
    take(&mut world, 0, theirs);
    talk_on(&mut world, 1, 70);
}

#[test]
fn a_lost_path_is_told_once_and_comes_back_by_a_restart() {
    let mut world = calling(65);
    world.ends[0].sockets.push(address(FRESH));
    world.black_holes.push(address(SECOND_END));
    world.run(60 * SECOND, |world| world.ends[0].disconnected.is_some());
    assert!(world.ends[0].disconnected.take().is_some());
    restart(&mut world, FRESH, Duration::ZERO);
    world.run(60 * SECOND, |_| false);
    assert!(world.ends[0].disconnected.is_none() && world.ends[0].failed.is_none(), "told before");
    world.black_holes.clear();
    restart(&mut world, FRESH, Duration::ZERO);
    world.run(5 * SECOND, World::secure);
    hear_each_other(&mut world, 2);
    // Lost once more, and found again on the very same pair: that is told too.
    world.ends.iter_mut().for_each(|end| end.disconnected = None);
    world.black_holes.push(address(SECOND_END));
    world.run(60 * SECOND, |world| world.ends.iter().all(|end| end.disconnected.is_some()));
    world.black_holes.clear();
    restart(&mut world, FRESH, Duration::ZERO);
    world.run(5 * SECOND, World::secure);
    assert!(world.ends.iter().all(|end| end.disconnected.is_none()));
    hear_each_other(&mut world, 3);
}

#[test]
fn a_lost_path_does_not_wait_for_a_nomination() {
    let mut world = calling(67);
    world.ends[0].sockets.push(address(FRESH));
    world.black_holes.push(address(SECOND_END));
    world.run(60 * SECOND, |world| world.ends.iter().all(|end| end.disconnected.is_some()));
    world.black_holes.clear();
    // Checks with USE-CANDIDATE do not get through.
    world.middle = Some(Box::new(|from, to, bytes| {
        let nominates = bytes[0] == 0 && bytes.windows(4).any(|own| own == [0, 0x25, 0, 0]);
        if nominates { Vec::new() } else { vec![(from, to, bytes.to_vec())] }
    }));
    restart(&mut world, FRESH, Duration::ZERO);
    world.run(5 * SECOND, World::secure);
    hear_each_other(&mut world, 2);
}

#[test]
fn a_restart_before_a_pair_was_found_has_thirty_seconds_of_its_own() {
    for answered in [true, false] {
        let mut world = world(68, 0.0, Timing::STANDARD, 1200);
        world.black_holes.push(address(SECOND_END));
        world.tell(0, true, true);
        world.run(10 * SECOND, |_| false);
        offer(&mut world);
        world.run(25 * SECOND, |_| false);
        assert_eq!(world.ends[0].failed, None, "the first one found nothing, and the second one may");
        if answered {
            let answer = world.ends[1].path.restart(world.now, vec![LocalCandidate::host(address(SECOND_END))]);
            take(&mut world, 0, answer);
            world.run(29 * SECOND, |_| false);
            assert_eq!(world.ends[0].failed, None);
            world.run(2 * SECOND, |_| false);
        } else {
            assert!(world.ends[0].path.cancel_restart(world.now));
            world.drain(0);
        }
        assert_eq!(world.ends[0].failed, Some(PathError::NoPair));
    }
}

/// An ICE-lite server at the second end's address: it asks for nothing, answers every check that names it, sends sound to
/// where the last nomination came from, and takes no restart. The second end behind it has the sound and believes that
/// the first end is where it always was. `strict`: it knows one name of the far end only.
fn lite(world: &World, strict: bool) -> Middle {
    let locals = [0, 1].map(|at: usize| world.ends[at].path.local());
    let mut nominated = address(FIRST);
    let server = address(SECOND_END);
    Box::new(move |from, to, bytes| {
        let answer = |to: std::net::SocketAddr, password: &str| {
            let mapped = XorMappedAddress { ip: to.ip(), port: to.port() };
            stun_answer(BINDING_SUCCESS, &bytes[8..20], Box::new(mapped), password)
        };
        let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|own| own == wanted);
        let name = format!("{}:{}", locals[1].ufrag, if strict { &locals[0].ufrag } else { "" });
        match (bytes[0], from == server) {
            // Its own checks never leave it.
            (0, true) => vec![(to, from, answer(from, &locals[0].pwd))],
            (0, false) if has(name.as_bytes()) => {
                // USE-CANDIDATE.
                if has(&[0, 0x25, 0, 0]) {
                    nominated = from;
                }
                vec![(to, from, answer(from, &locals[1].pwd))]
            }
            (0..=3, _) => Vec::new(),
            (_, true) => vec![(from, nominated, bytes.to_vec())],
            (_, false) => vec![(address(FIRST), to, bytes.to_vec())],
        }
    })
}

#[test]
fn a_lite_server_that_takes_no_restart_keeps_the_call() {
    for strict in [false, true] {
        let mut world = world(66, 0.0, Timing::STANDARD, 1200);
        world.middle = Some(lite(&world, strict));
        // RFC 8445 6.1.1: the end that is not lite controls. The sound behind the server nominates for itself.
        connect(&mut world, [true, true], true, 0, 10 * SECOND);
        assert!(world.secure());
        talk_on(&mut world, 1, 10);
        offer(&mut world);
        let answer = world.ends[1].path.local();
        take(&mut world, 0, answer);
        world.run(2 * SECOND, |_| false);
        let since = world.trace.len();
        talk_on(&mut world, 2, 90);
        // One that answers under the new name is followed to the new socket; with another the old one goes on.
        let (used, other) = if strict { (4000, 4444) } else { (4444, 4000) };
        assert!(talks_from(&world, since, used) && !talks_from(&world, since, other), "strict: {strict}");
    }
}
