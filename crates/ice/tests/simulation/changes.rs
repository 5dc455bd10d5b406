//! What happens to a path that is up: new addresses, other branches, silence, goodbyes.

use std::time::Duration;

use ice::{
    Identity, Timing,
    testing::{World, rtp},
};
use rtc_stun::{error_code::ErrorCodeAttribute, message::BINDING_ERROR};

use super::{
    BLACK_HOLE, FIRST, IDENTITIES, SECOND, SECOND_END, address, connected, hear_each_other, restarts::restart,
    stun_answer, world,
};

#[test]
fn new_candidates_under_old_credentials_change_nothing() {
    let mut world = connected(17);
    let remote = World::described(world.ends[1].path.local(), true, true);
    world.ends[0].path.set_remote(world.now, remote).expect("a strong fingerprint");
    assert!(world.secure());
    hear_each_other(&mut world, 5);
}

#[test]
fn another_branch_that_answers_gets_the_path() {
    // A forked call: the first branch is connected, then another one with another certificate answers.
    let mut world = connected(8);
    let other = Identity::generate().expect("a library");
    let sockets = [&[address(FIRST)][..], &[address("10.0.0.3:6000")]];
    let mut second = World::new(9, [&IDENTITIES[0], &other], sockets, world.network, Timing::FAST, 1200);
    std::mem::swap(&mut world.ends[0].path, &mut second.ends[0].path);
    second.now = world.now;
    second.tell(0, true, true);
    assert!(!second.ends[0].path.send_rtp(&rtp(1, 1)), "the new branch is not secure yet, and the old one is over");
    second.tell(1, false, false);
    second.run(5 * SECOND, World::secure);
    hear_each_other(&mut second, 2);
}

/// When the first end asked for consent in the next `seconds`.
fn consent_checks(world: &mut World, seconds: u32) -> Vec<Duration> {
    let begun = world.trace.len();
    world.run(seconds * SECOND, |_| false);
    world.trace[begun..].iter().filter(|own| own.1 == 0 && own.3 == 5000 && own.4 == 0).map(|own| own.0).collect()
}

/// Is each interval between 4 and 6 s (RFC 7675 5.1)?
fn proper(checks: &[Duration]) -> bool {
    checks.windows(2).all(|pair| (4 * SECOND..=6 * SECOND).contains(&(pair[1] - pair[0])))
}

/// A call from one socket, some time after it came up.
fn lasting(seed: u64) -> World {
    let mut world = world(seed, 0.0, Timing::STANDARD, 1200);
    world.black_holes.push(address(BLACK_HOLE));
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    world.run(60 * SECOND, |_| false);
    world
}

#[test]
fn consent_is_asked_for_every_four_to_six_seconds_each_time_anew() {
    let mut intervals = Vec::new();
    for seed in 0..10 {
        let mut world = lasting(180 + seed);
        let mut transactions = std::collections::HashSet::new();
        let checks: Vec<Duration> = (0..600)
            .flat_map(|_| {
                let checks = consent_checks(&mut world, 1);
                let sent = world.recent.iter().filter(|own| own.0 == address(FIRST) && own.2[..2] == [0, 1]);
                transactions.extend(sent.map(|(_, _, bytes)| bytes[8..20].to_vec()));
                checks
            })
            .collect();
        assert!(proper(&checks) && checks.len() >= 99, "{checks:?}");
        assert!(transactions.len() >= checks.len(), "{} for {} checks", transactions.len(), checks.len());
        intervals.extend(checks.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()));
    }
    // RFC 7675 5.1: drawn evenly from 0.8 to 1.2 times five seconds, so that calls do not ask in step.
    let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
    assert!((4.9..5.1).contains(&mean), "{mean}");
    for from in [4.0, 4.5, 5.0, 5.5] {
        let share = intervals.iter().filter(|own| (from..from + 0.5).contains(*own)).count();
        assert!((15..=35).contains(&(100 * share / intervals.len())), "{share} from {from}");
    }
}

#[test]
fn a_consent_check_that_is_not_answered_is_not_repeated_sooner() {
    let mut world = lasting(19);
    world.deaf_to_answers = Some(0);
    let checks = consent_checks(&mut world, 28);
    assert!(proper(&checks) && checks.len() >= 4, "{checks:?}");
    let intervals = || checks.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(intervals().max() > intervals().min().map(|least| least + SECOND / 10), "drawn anew each time");
}

#[test]
fn nothing_is_sent_thirty_seconds_after_the_last_answer_and_not_before() {
    let mut world = world(7, 0.0, Timing::STANDARD, 1200);
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    world.run(20 * SECOND, |_| false);
    world.black_holes.push(address(SECOND_END));
    let silent = world.now;
    // The last answer may have been up to six seconds before the silence, and thirty from there it is over.
    world.run(Duration::from_millis(23_900), |_| false);
    assert!(world.ends[0].path.send_rtp(&rtp(1, 1)), "it may still be heard");
    world.run(60 * SECOND, |world| world.ends[0].disconnected.is_some());
    let noticed = world.ends[0].disconnected.expect("it was noticed") - silent;
    assert!(noticed <= 31 * SECOND, "{noticed:?}");
    assert!(!world.ends[0].path.send_rtp(&rtp(1, 2)), "no leave to send");
    assert_eq!(world.ends[0].failed, None, "a restart brings it back");
    // RFC 7675 5.1: without new credentials there is no leave, though the network is back.
    world.black_holes.retain(|own| *own != address(SECOND_END));
    world.run(20 * SECOND, |_| false);
    assert!(!world.ends[0].path.send_rtp(&rtp(1, 3)));
    restart(&mut world, FIRST, Duration::from_millis(25));
    world.run(5 * SECOND, |world| world.ends[0].path.is_secure() && world.ends[1].path.is_secure());
    hear_each_other(&mut world, 4);
}

#[test]
fn requests_alone_are_no_consent() {
    // The second end goes on asking, but no answer of its gets through.
    let mut world = world(19, 0.0, Timing::STANDARD, 1200);
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    world.run(10 * SECOND, |_| false);
    world.deaf_to_answers = Some(0);
    let deaf = world.now;
    world.run(60 * SECOND, |world| world.ends[0].disconnected.is_some());
    let noticed = world.ends[0].disconnected.expect("it was noticed") - deaf;
    assert!((24 * SECOND..=31 * SECOND).contains(&noticed), "{noticed:?}");
}

#[test]
fn a_short_silence_is_none() {
    let mut world = world(20, 0.0, Timing::STANDARD, 1200);
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    world.black_holes.push(address(SECOND_END));
    // A check up to six seconds before, and one up to six seconds after it.
    world.run(17 * SECOND, |_| false);
    world.black_holes.retain(|own| *own != address(SECOND_END));
    world.run(10 * SECOND, |_| false);
    assert!(world.ends.iter().all(|end| end.disconnected.is_none() && end.failed.is_none()));
    hear_each_other(&mut world, 3);
}

#[test]
fn a_goodbye_ends_the_sending_at_once() {
    let mut world = connected(21);
    let now = world.now;
    world.ends[1].path.close(now);
    world.drain(1);
    world.run(SECOND, |world| world.ends[0].closed);
    assert!(world.ends[0].closed);
    // The far end's ICE may go on answering; that takes no goodbye back.
    world.run(20 * SECOND, |_| false);
    assert!(!world.ends[0].path.send_rtp(&rtp(1, 1)) && !world.ends[1].path.send_rtp(&rtp(1, 1)));
}

#[test]
fn forbidden_takes_the_consent_back() {
    let mut world = connected(22);
    let password = world.ends[1].path.local().pwd;
    let asked = |world: &World| {
        let own = world.recent.iter().find(|(from, _, bytes)| *from == address(FIRST) && bytes[..2] == [0, 1]);
        own.map(|(_, _, bytes)| bytes[8..20].to_vec())
    };
    let before = asked(&world);
    world.run(10 * SECOND, |world| asked(world).is_some_and(|own| Some(own) != before));
    let transaction = asked(&world).expect("a check");
    let code = ErrorCodeAttribute { code: rtc_stun::error_code::ErrorCode(403), reason: b"Forbidden".to_vec() };
    let forbidden = stun_answer(BINDING_ERROR, &transaction, Box::new(code), &password);
    assert!(world.ends[0].path.send_rtp(&rtp(1, 1)));
    world.inject(Duration::ZERO, address(SECOND_END), address(FIRST), forbidden);
    world.run(Duration::from_millis(1), |_| false);
    assert!(world.ends[0].disconnected.is_some());
    assert!(!world.ends[0].path.send_rtp(&rtp(1, 2)));
}

#[test]
fn a_new_mapping_of_the_far_end_is_followed() {
    // A NAT gives the second end another address: its checks come from there, signed, and the sound follows.
    let mut world = world(23, 0.0, Timing::STANDARD, 1200);
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    hear_each_other(&mut world, 1);
    world.translate = Some((address(SECOND_END), address("198.51.100.7:7777")));
    let begun = world.now;
    world.run(29 * SECOND, |world| world.trace.iter().any(|own| own.1 == 0 && own.3 == 7777 && own.4 == 0));
    assert!(world.now - begun < 10 * SECOND, "the new address is checked");
    world.run(10 * SECOND, |_| false);
    hear_each_other(&mut world, 2);
}
