//! What a phone keeps of what is over: as much after many calls and floods as after few (CONFORMANCE C52, S24, S33).

use std::time::{Duration, Instant};

use wss::LinkEvent;

use super::{
    plan::{Far, Media, Plan},
    variable,
    world::World,
};
use crate::contract::Command;

/// What may differ between two rounds of the same length, in octets: a table that has just grown.
const SLACK: i64 = 8 * 1024;
/// So many calls in every run, twice; `BELLBIRD_ROUNDS` says another number.
const ROUNDS: u64 = 100;
/// So many requests are one flood: a multiple of seven, so that each call is taken back.
const FLOOD: u32 = 294;
const SECOND: Duration = Duration::from_secs(1);

/// A world in which nothing goes wrong, and nobody does anything unasked.
fn world() -> World {
    let ms = Duration::from_millis;
    let plan = Plan {
        latency: [ms(10); 2],
        lag: [ms(1); 2],
        cuts: Vec::new(),
        far: Far::default(),
        media: Media { loss: 0.0, delay: ms(20), jitter: Duration::ZERO, dark: None },
        strangers: Vec::new(),
        ben_is_asked: true,
        refuses: None,
        rings: ms(10_000),
        forbids: &["opus"],
        ears: false,
        deeds: Vec::new(),
        talk: Vec::new(),
    };
    let mut world = World::of(plan, 1, Instant::now(), false);
    pass(&mut world, SECOND);
    world
}

/// Lets time pass, and forgets what the simulation itself remembers of it.
fn pass(world: &mut World, time: Duration) {
    let end = world.now + time;
    while world.step(end) {}
    for phone in &mut world.phones {
        phone.forget();
    }
}

fn ask(world: &mut World, who: usize, command: Command) {
    let at = world.at();
    assert!(world.phones[who].ask(at, command), "it can be done now");
    world.serve(who);
}

fn calls(world: &mut World, who: usize) {
    ask(world, who, Command::Call { to: ["ben", "anna"][who].to_owned(), account: None });
    pass(world, SECOND);
}

/// A call that is answered, or is taken back, or is declined.
fn call(world: &mut World, round: u64) {
    let who = usize::from(round % 2 == 1);
    calls(world, who);
    match round % 5 {
        3 => world.hangs_up(who),
        4 => ask(world, 1 - who, Command::Decline { call: None }),
        _ => {
            ask(world, 1 - who, Command::Answer { call: None });
            pass(world, SECOND);
            let up = |own: &super::phone::Phone| own.open_calls().any(crate::switchboard::CallEntry::is_up);
            assert!(world.phones.iter().all(up), "a call is up");
            world.hangs_up(usize::from(round % 3 == 1));
        }
    }
    pass(world, 5 * SECOND);
    assert!(world.phones.iter().all(|phone| phone.joint.board.calls().is_empty()));
}

/// The server of Ben sends calls, questions, answers to nothing and nonsense, as fast as it can.
fn flood(world: &mut World, round: u64) {
    for number in 0..FLOOD {
        let method = ["INVITE", "OPTIONS", "SUBSCRIBE", "NOTIFY", "BYE", "x", "CANCEL"][number as usize % 7];
        // A CANCEL takes back the INVITE of its turn.
        let turn = number / 7;
        let name = if matches!(method, "INVITE" | "CANCEL") { turn } else { number };
        let text = format!(
            "{method} sip:ben@server.example SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK{round}-{name}\r\n\
             From: \"{number}\" <sip:{number}@c>;tag=f{round}-{name}\r\nTo: <sip:ben@server.example>\r\n\
             Call-ID: {round}-{name}\r\nCSeq: 1 {method}\r\nContact: <sip:b@c>\r\nEvent: {number}\r\n\r\n"
        );
        for message in [text.clone(), text.replacen("SIP/2.0", &format!("SIP/{number}"), 1), number.to_string()] {
            world.link(1, 1, LinkEvent::Message(message.into()));
        }
        assert!(world.phones[1].joint.board.calls().iter().filter(|call| !call.is_over()).count() <= 8);
    }
    // RFC 3261 17.2.1: what nobody acknowledges is kept for 32 s.
    pass(world, 40 * SECOND);
    assert!(world.phones[1].joint.board.calls().is_empty());
    // The next real call rings within a second (S24).
    calls(world, 0);
    assert_eq!(world.phones[1].open_calls().count(), 1);
    world.hangs_up(0);
    pass(world, 40 * SECOND);
}

fn kept_by(world: &mut World, rounds: std::ops::Range<u64>, act: fn(&mut World, u64)) -> i64 {
    allocation_counter::measure(|| rounds.for_each(|round| act(world, round))).bytes_current
}

#[test]
fn a_phone_keeps_nothing_of_what_is_over() {
    let rounds = variable("BELLBIRD_ROUNDS").unwrap_or(ROUNDS);
    let mut world = world();
    for (name, act, rounds) in [("calls", call as fn(&mut World, u64), rounds), ("floods", flood, 10)] {
        // The first rounds make room for what is kept for good.
        let first = kept_by(&mut world, 0..rounds, act);
        let grown = kept_by(&mut world, rounds..2 * rounds, act);
        println!("{rounds} {name}: {first} octets more, and {grown} after as many again");
        assert!(grown < SLACK, "{grown} octets more after {rounds} more {name}");
    }
}
