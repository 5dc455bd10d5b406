//! Session timers (RFC 4028): who asks, who refreshes, how it ends.

#[path = "support/stage.rs"]
mod stage;

use bytes::Bytes;
use sip::{
    CallId, EndedBy, Event, HeaderName, Input, Message, Method, Request, Response, StatusCode,
    headers::{Refresher, SessionExpires},
    testing::Pair,
};
use stage::{SECOND, Stage, within};

fn timer(headers: &sip::Headers) -> Option<(u32, Option<Refresher>)> {
    headers.typed::<SessionExpires>().map(|own| own.expect("ours parses")).map(|own| (own.seconds, own.refresher))
}

fn numbered(request: &Request) -> u32 {
    request.headers.typed::<sip::headers::CSeq>().and_then(Result::ok).expect("a CSeq").number
}

/// Alice has called, and Bob agreed to `timer`. Everything so far is out of the way.
fn running(stage: &mut Stage, timer: &str, allow: &str) -> (CallId, Request) {
    let more = [(HeaderName::SessionExpires, timer), (HeaderName::Require, "timer"), (HeaderName::Allow, allow)];
    let made = stage.talking(&more);
    stage.sent();
    stage.side.events.clear();
    made
}

/// Time passes; what is sent is kept for the test.
fn wait(stage: &mut Stage, seconds: u32) -> Vec<Message> {
    let end = stage.now + seconds * SECOND;
    let mut sent = stage.sent();
    while let Some(due) = stage.side.due.filter(|due| *due <= end) {
        stage.now = stage.now.max(due);
        stage.side.agent.handle_input(stage.now, Input::Timeout);
        sent.extend(stage.sent());
    }
    stage.now = end;
    sent
}

fn one(sent: &[Message]) -> Request {
    match sent {
        [Message::Request(request)] => request.clone(),
        other => panic!("one request, not {other:?}"),
    }
}

#[test]
fn every_request_says_that_timers_are_known() {
    let mut stage = Stage::new();
    let (call, invite) = stage.call();
    assert_eq!(timer(&invite.headers), Some((1800, None)));
    stage.answer(&invite, 180, "bob", &[]);
    stage.side.agent.hangup(stage.now, call).expect("it rings");
    let cancel = stage.request();
    let (call, _) = stage.talking(&[]);
    stage.sent();
    stage.side.agent.info_digit(stage.now, call, '1', 100).expect("it is up");
    let info = stage.request();
    stage.side.agent.hangup(stage.now, call).expect("it is up");
    for request in [invite, cancel, info, stage.request()] {
        assert!(request.headers.has_token(&HeaderName::Supported, "timer"), "{}", request.method);
        assert!(request.headers.get(&HeaderName::Require).is_none(), "RFC 4028 7.1: not recommended");
    }
}

#[test]
fn who_refreshes_does_it_at_half_the_time() {
    let mut stage = Stage::new();
    running(&mut stage, "1000;refresher=uac", "INVITE, UPDATE");
    assert!(wait(&mut stage, 499).is_empty());
    let update = one(&wait(&mut stage, 1));
    assert_eq!((update.method.clone(), update.body.is_empty()), (Method::Update, true));
    assert_eq!(timer(&update.headers), Some((1000, Some(Refresher::Uac))));
    stage.answer(&update, 200, "bob", &[(HeaderName::SessionExpires, "600;refresher=uac")]);
    // What the last answer says counts from its time on.
    assert!(wait(&mut stage, 299).is_empty());
    let again = one(&wait(&mut stage, 1));
    assert_eq!(timer(&again.headers), Some((600, Some(Refresher::Uac))));
    // An answer without a timer ends it (RFC 4028 7.2).
    stage.answer(&again, 200, "bob", &[]);
    assert!(wait(&mut stage, 100_000).is_empty());
    assert!(stage.side.events.is_empty());
}

#[test]
fn without_update_it_offers_what_holds() {
    let mut stage = Stage::new();
    running(&mut stage, "90;refresher=uac", "INVITE, ACK, BYE");
    let refresh = one(&wait(&mut stage, 45));
    assert_eq!((refresh.method.clone(), refresh.body.as_ref()), (Method::Invite, b"v=0".as_slice()));
    let mut ok = refresh.respond(StatusCode::OK, Some("bob"));
    ok.headers.push(HeaderName::SessionExpires, "90;refresher=uac");
    let ok = ok.with_body("application/sdp", Bytes::from_static(b"v=0 same"));
    stage.side.agent.handle_input(stage.now, Input::Message(ok.to_bytes()));
    assert_eq!(stage.request().method, Method::Ack);
    assert!(stage.side.events.is_empty(), "nothing has changed");
    // The far end asks at the same time: ours comes again.
    let refresh = one(&wait(&mut stage, 45));
    stage.answer(&refresh, 491, "bob", &[]);
    stage.sent();
    assert_eq!(one(&wait(&mut stage, 5)).method, Method::Invite);
}

#[test]
fn a_change_refreshes_too_and_keeps_the_roles() {
    for (granted, who) in [("600;refresher=uas", Refresher::Uas), ("600;refresher=uac", Refresher::Uac)] {
        let mut stage = Stage::new();
        let (call, _) = running(&mut stage, granted, "UPDATE");
        wait(&mut stage, 200);
        stage.side.agent.reoffer(stage.now, call, "v=0 hold".into()).expect("nothing else is under way");
        let change = stage.request();
        assert_eq!(timer(&change.headers), Some((600, Some(who))));
        stage.answer(&change, 200, "bob", &[(HeaderName::SessionExpires, granted)]);
        stage.sent();
        assert!(wait(&mut stage, 299).is_empty());
    }
}

#[test]
fn nobody_refreshes_and_the_call_ends() {
    // RFC 4028 10: 32 s before the end, or a third of it.
    for (granted, seconds) in [("1800;refresher=uas", 1768), ("90;refresher=uas", 60)] {
        let mut stage = Stage::new();
        running(&mut stage, granted, "UPDATE");
        assert!(wait(&mut stage, seconds - 1).is_empty());
        assert_eq!(one(&wait(&mut stage, 1)).method, Method::Bye);
        assert!(matches!(stage.side.event(), Event::Ended { cause, .. } if cause.by == EndedBy::Timeout));
        stage.pass(40 * SECOND);
        assert_eq!(stage.side.agent.live(), (0, 0, 0));
    }
}

#[test]
fn a_refresh_from_the_far_end_keeps_the_call() {
    for method in ["UPDATE", "INVITE"] {
        let mut stage = Stage::new();
        let (call, invite) = running(&mut stage, "300;refresher=uas", "UPDATE");
        wait(&mut stage, 150);
        let more = "Contact: <sip:b@c>\nSupported: timer\nSession-Expires: 300;refresher=uac\n";
        stage.hear(&within(&invite, method, 7, more));
        if method == "INVITE" {
            stage.sent();
            stage.side.agent.answer_offer(stage.now, call, "v=0".into()).expect("it was asked");
        }
        let Some(Message::Response(ok)) = stage.sent().pop() else { panic!("a response") };
        assert_eq!((ok.status, timer(&ok.headers)), (StatusCode::OK, Some((300, Some(Refresher::Uac)))));
        assert!(ok.headers.has_token(&HeaderName::Require, "timer"));
        stage.hear(&within(&invite, "ACK", 7, ""));
        assert!(wait(&mut stage, 267).is_empty(), "{method}: counted from our answer");
        assert_eq!(one(&wait(&mut stage, 1)).method, Method::Bye);
    }
}

/// What Alice answers to a call with `more`.
fn answer_to(more: &str) -> (Stage, Response) {
    let mut stage = Stage::new();
    stage.hear(&format!(
        "INVITE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\nFrom: <sip:b@c>;tag=f\n\
         To: <sip:alice@example.com>\nCall-ID: in\nCSeq: 1 INVITE\nContact: <sip:b@c>\nAllow: UPDATE\n{more}\n"
    ));
    let first = stage.response();
    if first.status != StatusCode::TRYING {
        return (stage, first);
    }
    let Event::Incoming(incoming) = stage.side.event() else { panic!("somebody calls") };
    stage.side.agent.answer(stage.now, incoming.call, "v=0".into()).expect("it is called");
    let ok = stage.response();
    (stage, ok)
}

#[test]
fn the_answer_follows_the_table_of_the_rfc() {
    use Refresher::{Uac, Uas};
    // RFC 4028 9, table 2; the last ones want what is no timer.
    for (supported, asked, granted, required) in [
        ("", "1800", Some((1800, Some(Uas))), false),
        ("timer", "1800", Some((1800, Some(Uac))), true),
        ("timer", "1800;refresher=uac", Some((1800, Some(Uac))), true),
        ("timer", "1800;refresher=uas", Some((1800, Some(Uas))), true),
        ("timer", "90", Some((90, Some(Uac))), true),
        ("", "30", None, false),
        ("timer", "never", None, false),
    ] {
        let (_, ok) = answer_to(&format!("Supported: {supported}\nSession-Expires: {asked}\n"));
        assert_eq!((ok.status, timer(&ok.headers)), (StatusCode::OK, granted), "{supported} {asked}");
        assert_eq!(ok.headers.has_token(&HeaderName::Require, "timer"), required, "{supported} {asked}");
    }
    assert_eq!(timer(&answer_to("Supported: timer\n").1.headers), None);
    assert_eq!(answer_to("Require: timer\n").1.status, StatusCode::OK);
    // Too short for who could do something about it.
    let (_, refused) = answer_to("Supported: timer\nSession-Expires: 89\n");
    assert_eq!(refused.status, StatusCode::SESSION_INTERVAL_TOO_SMALL);
    assert_eq!(refused.headers.seconds(&HeaderName::MinSe), Some(90));
}

#[test]
fn the_callee_refreshes_when_it_is_on_it() {
    let (mut stage, ok) = answer_to("Supported: timer\nSession-Expires: 200;refresher=uas\nMin-SE: 120\n");
    let to = ok.headers.text(&HeaderName::To).expect("a To").into_owned();
    stage.hear(&format!(
        "ACK sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bKa\nFrom: <sip:b@c>;tag=f\n\
         To: {to}\nCall-ID: in\nCSeq: 1 ACK\n\n"
    ));
    let update = one(&wait(&mut stage, 100));
    // RFC 4028 7.4: now we ask, so we are the `uac`; the least that was heard goes along.
    assert_eq!(timer(&update.headers), Some((200, Some(Refresher::Uac))));
    assert_eq!(update.headers.seconds(&HeaderName::MinSe), Some(120));
    // An UPDATE that is refused after all: by INVITE, once; then the end comes when it comes.
    stage.answer(&update, 500, "f", &[]);
    let refresh = stage.request();
    assert_eq!(refresh.method, Method::Invite);
    stage.answer(&refresh, 500, "f", &[]);
    let sent = wait(&mut stage, 100);
    let methods: Vec<&Method> = sent
        .iter()
        .map(|message| if let Message::Request(request) = message { &request.method } else { panic!("a request") })
        .collect();
    assert_eq!(methods, [&Method::Ack, &Method::Bye]);
}

#[test]
fn a_far_end_that_knows_the_call_no_more_ends_it_at_the_refresh() {
    for code in [Some(481), Some(408), None] {
        let mut stage = Stage::new();
        running(&mut stage, "600;refresher=uac", "UPDATE");
        let update = one(&wait(&mut stage, 300));
        let bye = match code {
            Some(code) => {
                stage.answer(&update, code, "bob", &[]);
                stage.request()
            }
            None => one(&wait(&mut stage, 32)),
        };
        assert_eq!(bye.method, Method::Bye, "{code:?}");
        assert!(matches!(stage.side.event(), Event::Ended { .. }));
    }
}

#[test]
fn a_refresh_that_went_down_with_the_link_is_made_again() {
    for allow in ["UPDATE", "INVITE"] {
        let mut stage = Stage::new();
        running(&mut stage, "1600;refresher=uac", allow);
        one(&wait(&mut stage, 800));
        stage.side.agent.handle_input(stage.now, Input::LinkDown);
        assert!(wait(&mut stage, 250).is_empty());
        stage.side.agent.handle_input(stage.now, Input::LinkUp);
        let again = one(&wait(&mut stage, 60));
        assert_eq!(timer(&again.headers), Some((1600, Some(Refresher::Uac))), "{allow}");
        assert!(stage.side.events.is_empty());
    }
}

#[test]
fn a_longer_interval_is_asked_for_as_the_server_wants_it() {
    // W12: a FreeSWITCH with its own session timer.
    let mut stage = Stage::new();
    let (_, first) = stage.call();
    stage.answer(&first, 422, "fs", &[(HeaderName::MinSe, "3600")]);
    let sent = stage.sent();
    let [Message::Request(ack), Message::Request(second)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(ack.method, Method::Ack);
    assert_eq!((timer(&second.headers), second.headers.seconds(&HeaderName::MinSe)), (Some((3600, None)), Some(3600)));
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
        assert_eq!(second.headers.get(&name), first.headers.get(&name));
    }
    assert_eq!((numbered(second), second.headers.get_all(&HeaderName::Via).count()), (2, 1));
    let contact = [(HeaderName::Contact, "<sip:bob@192.0.2.7>")];
    stage.answer(second, 200, "bob", &contact);
    stage.sent();
    assert!(matches!(stage.side.event(), Event::Answered { .. }));
}

#[test]
fn a_server_that_always_wants_it_longer_is_left() {
    // A second longer each time, the same again, more than a day, nothing.
    for (wanted, more, most) in [(None, 1, 5), (None, 0, 1), (Some(86_401), 0, 1), (Some(0), 0, 1)] {
        let mut stage = Stage::new();
        let (_, mut invite) = stage.call();
        let mut asked = 1;
        loop {
            let seconds = timer(&invite.headers).expect("a timer").0;
            stage.answer(&invite, 422, "fs", &[(HeaderName::MinSe, &wanted.unwrap_or(seconds + more).to_string())]);
            match stage.sent().pop() {
                Some(Message::Request(next)) if next.method == Method::Invite => invite = next,
                _ => break,
            }
            asked += 1;
            assert!(asked < 20);
        }
        assert_eq!(asked, most);
        assert!(
            matches!(stage.side.event(), Event::Ended { cause, .. } if cause.status.map(StatusCode::code) == Some(422))
        );
    }
}

#[test]
fn a_rogue_far_end_cannot_make_us_refresh_without_end() {
    let mut stage = Stage::new();
    running(&mut stage, "1;refresher=uac", "UPDATE");
    assert!(wait(&mut stage, 44).is_empty());
    let update = one(&wait(&mut stage, 1));
    assert_eq!(timer(&update.headers), Some((90, Some(Refresher::Uac))));
}

#[test]
fn two_agents_keep_a_call_for_a_day() {
    let mut pair = Pair::new();
    let to = sip::Uri::parse("sip:bob@example.com").expect("a URI");
    let call = pair.alice.agent.invite(pair.now, sip::Invite { to, offer: "v=0".into() }).expect("the link is up");
    pair.settle();
    let Event::Incoming(incoming) = pair.bob.event() else { panic!("Bob is called") };
    pair.bob.agent.answer(pair.now, incoming.call, "v=0".into()).expect("it rings");
    pair.pass(86_400 * SECOND);
    let updates = pair.alice.first_lines().iter().filter(|line| line.starts_with("UPDATE ")).count();
    assert_eq!(updates, 96, "each fifteen minutes");
    pair.alice.events.clear();
    // Bob's refreshes are lost: Alice's agent hears of it at the next one.
    pair.lose = |from_alice, _| !from_alice;
    pair.pass(1000 * SECOND);
    assert!(
        matches!(pair.alice.event(), Event::Ended { call: own, cause } if own == call && cause.by == EndedBy::Timeout)
    );
}
