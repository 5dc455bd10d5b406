//! Reliable provisional responses (RFC 3262), in both roles.

#[path = "support/stage.rs"]
mod stage;

use sip::{
    CallId, EndedBy, Event, HeaderName, Input, Invite, Message, Method, Request, Response, Secret, StatusCode, Uri,
    headers::{CSeq, RAck},
};
use stage::{SECOND, Stage, within};

const CONTACT: (HeaderName, &str) = (HeaderName::Contact, "<sip:bob@192.0.2.7;transport=ws>");

/// Bob's branch `tag` answers provisionally, for sure.
fn progress(stage: &mut Stage, invite: &Request, code: u16, tag: &str, number: &str) {
    let more = [CONTACT, (HeaderName::Require, "100rel"), (HeaderName::RSeq, number)];
    stage.answer(invite, code, tag, &more);
}

fn rack(request: &Request) -> (u32, u32) {
    let own = request.headers.typed::<RAck>().expect("an RAck").expect("ours parses");
    assert_eq!((&request.method, own.cseq.method), (&Method::Prack, Method::Invite));
    (own.number, own.cseq.number)
}

fn number(request: &Request) -> u32 {
    request.headers.typed::<CSeq>().and_then(Result::ok).expect("a CSeq").number
}

#[test]
fn what_comes_for_sure_is_acknowledged_once_and_in_order() {
    let mut stage = Stage::new();
    let (call, invite) = stage.call();
    assert!(invite.headers.has_token(&HeaderName::Supported, "100rel"));
    let record = (HeaderName::RecordRoute, "<sip:far.example;lr>, <sip:near.example;lr>");
    let more = [CONTACT, record, (HeaderName::Require, "100rel"), (HeaderName::RSeq, "100")];
    stage.answer(&invite, 180, "bob", &more);
    let prack = stage.request();
    assert_eq!((rack(&prack), number(&prack)), ((100, 1), 2));
    assert_eq!(prack.uri.to_string(), "sip:bob@192.0.2.7;transport=ws");
    let route: Vec<String> = prack.headers.name_addrs(&HeaderName::Route).iter().map(ToString::to_string).collect();
    assert_eq!(route, ["<sip:near.example;lr>", "<sip:far.example;lr>"]);
    assert!(prack.headers.name_addr(&HeaderName::To).is_some_and(|to| to.tag() == Some("bob")));
    stage.answer(&prack, 200, "bob", &[]);
    assert!(matches!(stage.side.event(), Event::Ringing(own) if own == call));
    // The same again, an older one, and one that overtook another.
    for again in ["100", "99", "102", "0", "x"] {
        progress(&mut stage, &invite, 180, "bob", again);
        assert!(stage.sent().is_empty(), "{again}");
    }
    assert!(stage.side.events.iter().all(|event| matches!(event, Event::Misbehaved(_))));
    stage.side.events.clear();
    progress(&mut stage, &invite, 183, "bob", "101");
    let prack = stage.request();
    assert_eq!((rack(&prack), number(&prack)), ((101, 1), 3));
    // Each branch counts for itself.
    progress(&mut stage, &invite, 180, "carol", "7");
    assert_eq!(rack(&stage.request()), (7, 1));
    // RFC 3262 4: the ACK has the number of its INVITE, and what follows the next one of the dialog.
    stage.answer(&invite, 200, "bob", &[CONTACT]);
    assert_eq!(number(&stage.request()), 1);
    stage.side.agent.hangup(stage.now, call).expect("it is up");
    assert_eq!(number(&stage.request()), 4);
}

#[test]
fn what_is_not_reliable_gets_no_prack() {
    let mut stage = Stage::new();
    let (_, invite) = stage.call();
    progress(&mut stage, &invite, 100, "bob", "1");
    stage.answer(&invite, 180, "bob", &[CONTACT, (HeaderName::RSeq, "1")]);
    assert!(stage.sent().is_empty());
    assert_eq!(stage.side.events.len(), 2, "both count all the same");
    // Without a tag there is no dialog to acknowledge it in.
    let mut response = invite.respond(StatusCode::RINGING, None);
    response.headers.push(HeaderName::Require, "100rel");
    response.headers.push(HeaderName::RSeq, "1");
    stage.side.agent.handle_input(stage.now, Input::Message(response.to_bytes()));
    assert!(stage.sent().is_empty());
    assert!(matches!(stage.side.events.pop_back(), Some(Event::Misbehaved(_))));
    // Where we offer nothing, the offer would come in what is reliable: so it is not asked for.
    let to = Uri::parse("sip:bob@example.com").expect("a URI");
    stage.side.agent.invite(stage.now, Invite { to, offer: "".into() }).expect("the link is up");
    assert!(!stage.request().headers.has_token(&HeaderName::Supported, "100rel"));
}

#[test]
fn a_call_can_be_given_up_whatever_the_first_response_was() {
    // Found by `chaos.rs`: what does not count came all the same (RFC 3261 9.1).
    let mut stage = Stage::new();
    let (call, invite) = stage.call();
    progress(&mut stage, &invite, 183, "bob", "none");
    stage.side.agent.hangup(stage.now, call).expect("it is under way");
    assert_eq!(stage.request().method, Method::Cancel);
}

#[test]
fn a_branch_without_end_is_not_remembered_without_end() {
    let mut stage = Stage::new();
    let (_, invite) = stage.call();
    let mut pracks = 0;
    for branch in 0..1000 {
        progress(&mut stage, &invite, 180, &format!("b{branch}"), "1");
        pracks += stage.sent().len();
    }
    assert_eq!(pracks, 32);
}

#[test]
fn a_challenged_prack_is_sent_again_within_its_dialog() {
    let mut stage = Stage::new();
    stage.side.agent.set_password(Some(Secret::new("pw".to_owned())));
    let challenge = [(HeaderName::ProxyAuthenticate, r#"Digest realm="r", nonce="n", qop="auth""#)];
    let (call, first) = stage.call();
    stage.answer(&first, 407, "edge", &challenge);
    let Some(Message::Request(invite)) = stage.sent().pop() else { panic!("the INVITE again") };
    progress(&mut stage, &invite, 180, "bob", "5");
    let prack = stage.request();
    stage.answer(&prack, 407, "edge", &challenge);
    let again = stage.request();
    assert_eq!((rack(&again), number(&again)), ((5, 2), number(&prack) + 1));
    assert!(again.headers.get(&HeaderName::ProxyAuthorization).is_some());
    progress(&mut stage, &invite, 180, "bob", "6");
    assert_eq!(number(&stage.request()), number(&again) + 1);
    stage.side.agent.hangup(stage.now, call).expect("it rings");
}

#[test]
fn a_change_may_ring_for_sure_too() {
    let mut stage = Stage::new();
    let (call, _) = stage.talking(&[]);
    stage.sent();
    stage.side.agent.reoffer(stage.now, call, "v=0".into()).expect("nothing else is under way");
    let change = stage.request();
    progress(&mut stage, &change, 183, "bob", "9");
    let prack = stage.request();
    assert_eq!((rack(&prack), number(&prack)), ((9, number(&change)), number(&change) + 1));
    progress(&mut stage, &change, 183, "bob", "9");
    assert!(stage.sent().is_empty());
}

/// Somebody calls and requires to be told for sure; it rings.
fn called(body: &str) -> (Stage, CallId, Option<Response>) {
    let mut stage = Stage::new();
    stage.hear(&format!(
        "INVITE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\nFrom: <sip:b@c>;tag=f\n\
         To: <sip:alice@example.com>\nCall-ID: in\nCSeq: 4 INVITE\nContact: <sip:b@c>\nRequire: 100rel\n\n{body}"
    ));
    assert_eq!(stage.response().status, StatusCode::TRYING);
    let Event::Incoming(incoming) = stage.side.event() else { panic!("somebody calls") };
    stage.side.agent.ring(stage.now, incoming.call).expect("it is called");
    let ringing = stage.sent().pop().map(|message| match message {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{}", request.method),
    });
    (stage, incoming.call, ringing)
}

fn rseq(response: &Response) -> u32 {
    assert!(response.headers.has_token(&HeaderName::Require, "100rel"));
    response.headers.seconds(&HeaderName::RSeq).expect("an RSeq")
}

fn prack(ringing: &Response, cseq: u32, rack: &str, body: &str) -> String {
    let to = ringing.headers.text(&HeaderName::To).expect("a To").into_owned();
    format!(
        "PRACK sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bKp{cseq}\nFrom: <sip:b@c>;tag=f\n\
         To: {to}\nCall-ID: in\nCSeq: {cseq} PRACK\nRAck: {rack}\n\n{body}"
    )
}

#[test]
fn a_caller_who_requires_it_hears_the_ringing_for_sure() {
    let (mut stage, call, ringing) = called("v=0");
    let ringing = ringing.expect("a 180");
    assert_eq!(ringing.status, StatusCode::RINGING);
    let first = rseq(&ringing);
    assert!((1..1 << 31).contains(&first));
    // T1, then twice as long each time (RFC 3262 3).
    stage.pass(10 * SECOND);
    assert_eq!(rings(&stage), 5, "at 0, 0.5, 1.5, 3.5 and 7.5 s");
    stage.side.agent.ring(stage.now, call).expect("it rings");
    assert!(stage.sent().is_empty(), "the next one waits for the PRACK of the last");
    for wrong in [format!("{} 4 INVITE", first + 1), format!("{first} 5 INVITE"), format!("{first} 4 BYE"), "x".into()]
    {
        stage.hear(&prack(&ringing, 5, &wrong, ""));
        assert_eq!(stage.response().status, StatusCode::NO_SUCH_CALL, "{wrong}");
    }
    let right = format!("{first} 4 INVITE");
    stage.hear(&prack(&ringing, 6, &right, ""));
    assert_eq!(stage.response().status, StatusCode::OK);
    stage.hear(&prack(&ringing, 7, &right, ""));
    assert_eq!(stage.response().status, StatusCode::NO_SUCH_CALL, "RFC 3262 3: it waits no more");
    stage.pass(100 * SECOND);
    assert_eq!(rings(&stage), 5);
    // Still ringing, two and a half minutes after the first.
    stage.pass(41 * SECOND);
    let last = stage.side.sent.iter().rev().find(|text| text.starts_with("SIP/2.0 180")).expect("a 180").clone();
    assert!(last.contains(&format!("RSeq: {}\r\n", first + 1)), "{last}");
}

/// How many 180s were sent.
fn rings(stage: &Stage) -> usize {
    stage.side.first_lines().iter().filter(|line| **line == "SIP/2.0 180 Ringing").count()
}

#[test]
fn a_caller_who_never_acknowledges_is_refused() {
    let (mut stage, _, _) = called("v=0");
    stage.pass(31 * SECOND);
    assert!(stage.side.events.is_empty());
    stage.pass(2 * SECOND);
    assert!(stage.side.first_lines().contains(&"SIP/2.0 504 Server Time-out"));
    assert!(matches!(stage.side.event(), Event::Ended { cause, .. } if cause.by == EndedBy::Timeout));
    stage.pass(33 * SECOND);
    assert_eq!(stage.side.agent.live(), (0, 0, 0));
}

#[test]
fn the_answer_does_not_wait_for_the_prack() {
    let (mut stage, call, ringing) = called("v=0");
    let ringing = ringing.expect("a 180");
    stage.side.agent.answer(stage.now, call, "v=0".into()).expect("it rings");
    assert_eq!(stage.response().status, StatusCode::OK);
    stage.pass(5 * SECOND);
    assert_eq!(rings(&stage), 1, "RFC 3262 3: it is sent no more");
    let right = format!("{} 4 INVITE", rseq(&ringing));
    for (cseq, status) in [(5, StatusCode::OK), (6, StatusCode::NO_SUCH_CALL)] {
        stage.hear(&prack(&ringing, cseq, &right, ""));
        assert_eq!(stage.response().status, status);
    }
}

#[test]
fn a_reliable_response_has_no_offer_of_ours_and_a_prack_none_of_theirs() {
    // RFC 3262 5: without an offer in the INVITE the first reliable response had to bring one.
    let (mut stage, call, ringing) = called("");
    assert!(ringing.is_none());
    stage.side.agent.answer(stage.now, call, "v=0".into()).expect("it is called");
    assert_eq!(stage.response().status, StatusCode::OK);
    // A second offer before the answer to the first.
    let (mut stage, _, ringing) = called("v=0");
    let ringing = ringing.expect("a 180");
    stage.hear(&prack(&ringing, 5, &format!("{} 4 INVITE", rseq(&ringing)), "v=0 more"));
    assert_eq!(stage.response().status, StatusCode::NOT_ACCEPTABLE_HERE);
}

#[test]
fn a_prack_of_no_call_is_refused() {
    let mut stage = Stage::new();
    let (_, invite) = stage.talking(&[]);
    stage.sent();
    stage.hear(&within(&invite, "PRACK", 1, "RAck: 1 1 INVITE\n"));
    assert_eq!(stage.response().status, StatusCode::NO_SUCH_CALL);
    stage.hear(&within(&invite, "PRACK", 2, "").replace("tag=bob", "tag=eve"));
    assert_eq!(stage.response().status, StatusCode::NO_SUCH_CALL);
}
