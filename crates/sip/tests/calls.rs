//! Calls between two agents, as two people would tell them.

use std::time::Duration;

use bytes::Bytes;
use sip::{CallId, EndedBy, Event, Input, Invite, Message, Method, StatusCode, Uri, testing::Pair};

const OFFER: Bytes = Bytes::from_static(b"v=0 offer");
const ANSWER: Bytes = Bytes::from_static(b"v=0 answer");
const SECOND: Duration = Duration::from_secs(1);

fn to_bob() -> Invite {
    Invite { to: Uri::parse("sip:bob@example.com").expect("a URI"), offer: OFFER }
}

/// Alice calls Bob, whose phone rings.
fn ringing(pair: &mut Pair) -> (CallId, CallId) {
    let call = pair.alice.agent.invite(pair.now, to_bob()).expect("the link is up");
    pair.settle();
    let Event::Incoming(incoming) = pair.bob.event() else { panic!("Bob is called") };
    assert_eq!((incoming.from.user.as_str(), incoming.offer.as_ref()), ("alice", Some(&OFFER)));
    pair.bob.agent.ring(pair.now, incoming.call).expect("it rings");
    pair.settle();
    assert!(matches!(pair.alice.event(), Event::Trying(_)));
    assert!(matches!(pair.alice.event(), Event::Ringing(id) if id == call));
    (call, incoming.call)
}

/// Alice calls Bob, who answers.
fn talking(pair: &mut Pair) -> (CallId, CallId) {
    let (alice, bob) = ringing(pair);
    pair.bob.agent.answer(pair.now, bob, ANSWER).expect("it rings");
    pair.settle();
    let Event::Answered { sdp, .. } = pair.alice.event() else { panic!("Bob answered") };
    assert_eq!(sdp, Some(ANSWER));
    assert!(matches!(pair.bob.event(), Event::Confirmed { sdp: None, .. }));
    (alice, bob)
}

fn cause(event: Event) -> (EndedBy, Option<u16>, bool) {
    match event {
        Event::Ended { cause, .. } => (cause.by, cause.status.map(StatusCode::code), cause.answered),
        other => panic!("the call ended, not {other:?}"),
    }
}

/// After a while nothing is left of it.
fn gone(pair: &mut Pair) {
    pair.pass(70 * SECOND);
    assert_eq!((pair.alice.agent.live(), pair.bob.agent.live()), ((0, 0, 0), (0, 0, 0)));
    assert!(
        pair.alice.events.is_empty() && pair.bob.events.is_empty(),
        "{:?} {:?}",
        pair.alice.events,
        pair.bob.events
    );
}

#[test]
fn the_caller_hangs_up() {
    let mut pair = Pair::new();
    let (call, _) = talking(&mut pair);
    pair.alice.agent.hangup(pair.now, call).expect("the call is up");
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Local, None, true));
    assert_eq!(cause(pair.bob.event()), (EndedBy::Remote, None, true));
    gone(&mut pair);
}

#[test]
fn the_callee_hangs_up() {
    let mut pair = Pair::new();
    let (_, call) = talking(&mut pair);
    pair.bob.agent.hangup(pair.now, call).expect("the call is up");
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Remote, None, true));
    assert_eq!(cause(pair.bob.event()), (EndedBy::Local, None, true));
    gone(&mut pair);
}

#[test]
fn both_hang_up_at_once() {
    let mut pair = Pair::new();
    let (alice, bob) = talking(&mut pair);
    pair.alice.agent.hangup(pair.now, alice).expect("the call is up");
    pair.bob.agent.hangup(pair.now, bob).expect("the call is up");
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Local, None, true));
    assert_eq!(cause(pair.bob.event()), (EndedBy::Local, None, true));
    gone(&mut pair);
}

#[test]
fn the_callee_is_busy() {
    let mut pair = Pair::new();
    let (_, bob) = ringing(&mut pair);
    pair.bob.agent.reject(pair.now, bob, StatusCode::BUSY_HERE).expect("it rings");
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Remote, Some(486), false));
    assert_eq!(cause(pair.bob.event()), (EndedBy::Local, Some(486), false));
    gone(&mut pair);
}

#[test]
fn the_caller_gives_up() {
    let mut pair = Pair::new();
    let (alice, _) = ringing(&mut pair);
    pair.alice.agent.hangup(pair.now, alice).expect("it rings");
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Local, Some(487), false));
    assert_eq!(cause(pair.bob.event()), (EndedBy::Remote, Some(487), false));
    gone(&mut pair);
}

#[test]
fn no_cancel_overtakes_the_invite() {
    // RFC 3261 9.1: nothing is sent before the first response; then at once.
    let mut pair = Pair::new();
    let call = pair.alice.agent.invite(pair.now, to_bob()).expect("the link is up");
    pair.alice.agent.hangup(pair.now, call).expect("it is under way");
    let sent = pair.alice.drain();
    assert_eq!(sent.len(), 1);
    for bytes in sent {
        pair.bob.agent.handle_input(pair.now, Input::Message(bytes));
    }
    pair.settle();
    assert!(pair.alice.first_lines()[1].starts_with("CANCEL "));
    assert_eq!(cause(pair.alice.event()), (EndedBy::Local, Some(487), false));
    gone_after_incoming(&mut pair);
}

fn gone_after_incoming(pair: &mut Pair) {
    assert!(matches!(pair.bob.event(), Event::Incoming(_)));
    assert_eq!(cause(pair.bob.event()).0, EndedBy::Remote);
    gone(pair);
}

#[test]
fn an_answer_that_crosses_the_cancel_is_ended_properly() {
    let mut pair = Pair::new();
    let (alice, bob) = ringing(&mut pair);
    pair.bob.agent.answer(pair.now, bob, ANSWER).expect("it rings");
    pair.alice.agent.hangup(pair.now, alice).expect("it rings");
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Local, Some(200), false));
    let lines = pair.alice.first_lines();
    assert!(
        lines.iter().any(|line| line.starts_with("ACK ")) && lines.iter().any(|line| line.starts_with("BYE ")),
        "{lines:?}"
    );
    assert!(matches!(pair.bob.event(), Event::Confirmed { .. }));
    assert_eq!(cause(pair.bob.event()), (EndedBy::Remote, None, true));
    gone(&mut pair);
}

#[test]
fn hold_and_resume_by_either_side() {
    let mut pair = Pair::new();
    let (alice, bob) = talking(&mut pair);
    for round in 0..2 {
        let (offer, answer) = (Bytes::from(format!("v=0 offer {round}")), Bytes::from(format!("v=0 answer {round}")));
        let (from, to, call, other) = if round == 0 {
            (&mut pair.alice, &mut pair.bob, alice, bob)
        } else {
            (&mut pair.bob, &mut pair.alice, bob, alice)
        };
        from.agent.reoffer(pair.now, call, offer.clone()).expect("nothing else is under way");
        for bytes in from.drain() {
            to.agent.handle_input(pair.now, Input::Message(bytes));
        }
        to.drain().into_iter().for_each(|bytes| from.agent.handle_input(pair.now, Input::Message(bytes)));
        let Event::Reoffer { sdp, .. } = to.event() else { panic!("an offer came") };
        assert_eq!(sdp, Some(offer));
        to.agent.answer_offer(pair.now, other, answer.clone()).expect("an offer came");
        pair.settle();
        let from = if round == 0 { &mut pair.alice } else { &mut pair.bob };
        let Event::ReofferAnswered { sdp, .. } = from.event() else { panic!("it was answered") };
        assert_eq!(sdp, answer);
    }
    pair.bob.agent.hangup(pair.now, bob).expect("the call is up");
    pair.settle();
    pair.alice.event();
    pair.bob.event();
    gone(&mut pair);
}

#[test]
fn glare_settles_itself() {
    let mut pair = Pair::new();
    let (alice, bob) = talking(&mut pair);
    pair.alice.agent.reoffer(pair.now, alice, OFFER).expect("nothing else is under way");
    pair.bob.agent.reoffer(pair.now, bob, OFFER).expect("nothing else is under way");
    pair.settle();
    assert!(pair.alice.events.is_empty() && pair.bob.events.is_empty());
    let (mut answered, mut gave_way) = (0, 0);
    let mut owes = [false; 2];
    for _ in 0..50 {
        pair.pass(SECOND / 10);
        let [first, second] = &mut owes;
        for (side, call, owes) in [(&mut pair.alice, alice, first), (&mut pair.bob, bob, second)] {
            while let Some(event) = side.events.pop_front() {
                match event {
                    Event::Reoffer { .. } => side.agent.answer_offer(pair.now, call, ANSWER).expect("an offer came"),
                    Event::ReofferAnswered { .. } => answered += 1,
                    // Its offer speaks of a session that is about to change: it must be made anew (RFC 3264 8).
                    Event::ReofferRefused { status: StatusCode::REQUEST_PENDING, .. } => {
                        gave_way += 1;
                        *owes = true;
                    }
                    other => panic!("{other:?}"),
                }
            }
            *owes = *owes && side.agent.reoffer(pair.now, call, OFFER).is_err();
        }
    }
    assert_eq!((answered, gave_way), (2, 1), "both changes went through, the second of them with an offer of its own");
    pair.alice.agent.hangup(pair.now, alice).expect("the call is up");
    pair.settle();
    pair.alice.event();
    pair.bob.event();
    gone(&mut pair);
}

#[test]
fn a_lost_ack_is_made_good_by_the_next_2xx() {
    let mut pair = Pair::new();
    let (_, bob) = ringing(&mut pair);
    pair.lose = |_, message| matches!(message, Message::Request(request) if request.method == Method::Ack);
    pair.bob.agent.answer(pair.now, bob, ANSWER).expect("it rings");
    pair.settle();
    assert!(matches!(pair.alice.event(), Event::Answered { .. }));
    assert!(pair.bob.events.is_empty());
    pair.lose = |_, _| false;
    pair.pass(SECOND);
    assert!(matches!(pair.bob.event(), Event::Confirmed { .. }));
    assert!(pair.alice.events.is_empty(), "a repeated 2xx is acknowledged and nothing more");
}

#[test]
fn without_any_ack_the_callee_ends_the_call() {
    let mut pair = Pair::new();
    let (_, bob) = ringing(&mut pair);
    pair.lose = |_, message| matches!(message, Message::Request(request) if request.method == Method::Ack);
    pair.bob.agent.answer(pair.now, bob, ANSWER).expect("it rings");
    pair.pass(31 * SECOND);
    // T1, 2 T1, 4 T1, T2, T2 … : RFC 3261 13.3.1.4.
    let answers = pair.bob.first_lines().iter().filter(|line| **line == "SIP/2.0 200 OK").count();
    assert!((9..=12).contains(&answers), "{answers}");
    pair.pass(2 * SECOND);
    assert_eq!(cause(pair.bob.event()), (EndedBy::Timeout, None, true));
    assert!(matches!(pair.alice.event(), Event::Answered { .. }));
    assert_eq!(cause(pair.alice.event()), (EndedBy::Remote, None, true));
    pair.lose = |_, _| false;
    gone(&mut pair);
}

#[test]
fn an_invite_that_nobody_answers_fails_after_64_t1_without_being_repeated() {
    let mut pair = Pair::new();
    pair.lose = |_, _| true;
    pair.alice.agent.invite(pair.now, to_bob()).expect("the link is up");
    pair.pass(Duration::from_millis(31_950));
    assert!(pair.alice.events.is_empty());
    assert_eq!(pair.alice.sent.len(), 1);
    pair.pass(SECOND / 10);
    assert_eq!(cause(pair.alice.event()), (EndedBy::Timeout, Some(408), false));
    gone(&mut pair);
}

#[test]
fn a_call_outlives_its_link_and_an_invite_does_not() {
    let mut pair = Pair::new();
    let (alice, _) = talking(&mut pair);
    pair.alice.agent.handle_input(pair.now, Input::LinkDown);
    pair.pass(SECOND);
    assert!(pair.alice.events.is_empty());
    pair.alice.agent.handle_input(pair.now, Input::LinkUp);
    pair.alice.agent.hangup(pair.now, alice).expect("the call is up");
    pair.settle();
    assert_eq!(cause(pair.bob.event()), (EndedBy::Remote, None, true));
    pair.alice.event();

    pair.alice.agent.invite(pair.now, to_bob()).expect("the link is up");
    pair.alice.agent.handle_input(pair.now, Input::LinkDown);
    pair.settle();
    assert_eq!(cause(pair.alice.event()), (EndedBy::Link, Some(503), false));
    assert!(pair.alice.agent.invite(pair.now, to_bob()).is_err());
}

#[test]
fn a_late_offer_is_made_in_the_answer() {
    let mut pair = Pair::new();
    pair.alice.agent.invite(pair.now, Invite { offer: Bytes::new(), ..to_bob() }).expect("the link is up");
    pair.settle();
    let Event::Incoming(incoming) = pair.bob.event() else { panic!("Bob is called") };
    assert_eq!(incoming.offer, None);
}

#[test]
fn digits_go_by_info() {
    let mut pair = Pair::new();
    let (alice, _) = talking(&mut pair);
    for digit in ['1', '*', 'D'] {
        pair.alice.agent.info_digit(pair.now, alice, digit, 160).expect("a digit");
    }
    assert!(pair.alice.agent.info_digit(pair.now, alice, '\r', 160).is_err());
    pair.settle();
    let digits: String = pair
        .bob
        .events
        .drain(..)
        .map(|event| if let Event::Digit { digit, .. } = event { digit } else { '?' })
        .collect();
    assert_eq!(digits, "1*D");
}

#[test]
fn nothing_of_this_machine_or_user_is_in_via_and_contact() {
    let mut pair = Pair::new();
    talking(&mut pair);
    for text in pair.alice.sent.iter().chain(&pair.bob.sent) {
        for line in text.lines().filter(|line| line.starts_with("Via:")) {
            assert!(line.starts_with("Via: SIP/2.0/WSS ") && line.contains(".invalid;branch=z9hG4bK"), "{line}");
        }
        for line in text.lines().filter(|line| line.starts_with("Contact:")) {
            assert!(
                line.contains(".invalid;transport=ws") && !line.contains("alice") && !line.contains("bob"),
                "{line}"
            );
        }
    }
    assert!(pair.alice.sent[0].contains("Via: SIP/2.0/WSS ") && pair.alice.sent[0].contains("Max-Forwards: 70\r\n"));
}
