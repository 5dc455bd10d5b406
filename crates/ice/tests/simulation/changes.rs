//! What happens to a path that is up: new addresses, other branches, silence, goodbyes.

use std::time::Duration;

use ice::{
    Identity, Timing,
    testing::{World, rtp},
};
use rtc_stun::{error_code::ErrorCodeAttribute, message::BINDING_ERROR};

use super::{
    FIRST, IDENTITIES, SECOND, SECOND_END, address, connected, hear_each_other, restarts::restart, stun_answer, world,
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

#[test]
fn consent_is_asked_for_every_four_to_six_seconds_each_time_anew() {
    let mut world = world(18, 0.0, Timing::STANDARD, 1200);
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    world.run(30 * SECOND, |_| false);
    let begun = world.trace.len();
    let mut transactions = std::collections::HashSet::new();
    for _ in 0..600 {
        world.run(SECOND / 10, |_| false);
        let checks = world.recent.iter().filter(|(from, _, bytes)| *from == address(FIRST) && bytes[..2] == [0, 1]);
        transactions.extend(checks.map(|(_, _, bytes)| bytes[8..20].to_vec()));
    }
    let checks: Vec<Duration> =
        world.trace[begun..].iter().filter(|own| own.2 == 4000 && own.4 == 0).map(|own| own.0).collect();
    let gaps: Vec<Duration> = checks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 9 && gaps.iter().all(|gap| (4 * SECOND..=6 * SECOND).contains(gap)), "{gaps:?}");
    assert!(transactions.len() >= checks.len(), "{} for {} checks", transactions.len(), checks.len());
}

#[test]
fn nothing_is_sent_thirty_seconds_after_the_last_answer_and_not_before() {
    let mut world = world(7, 0.0, Timing::STANDARD, 1200);
    super::connect(&mut world, [true, false], true, 0, 10 * SECOND);
    world.run(20 * SECOND, |_| false);
    world.black_holes.push(address(SECOND_END));
    let silent = world.now;
    // The last answer may have been up to four seconds before the silence, and thirty from there it is over.
    world.run(Duration::from_millis(25_900), |_| false);
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
    world.run(20 * SECOND, |_| false);
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
    world.run(10 * SECOND, |world| asked(world) != before);
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
