//! Calls that are sent elsewhere (RFC 3261 8.1.3.4), and early dialogs (RFC 3311, RFC 3261 15).

#[path = "support/stage.rs"]
mod stage;

use sip::{
    EndCause, EndedBy, Event, HeaderName, Invite, Message, Method, Request, Secret, StatusCode, Uri, headers::CSeq,
};
use stage::{Stage, within};

fn number(request: &Request) -> u32 {
    request.headers.typed::<CSeq>().and_then(Result::ok).expect("a CSeq").number
}

/// The INVITE that a refusal brings, besides its ACK.
fn next(stage: &mut Stage) -> Option<Request> {
    let sent = stage.sent();
    assert!(matches!(sent.first(), Some(Message::Request(ack)) if ack.method == Method::Ack), "{sent:?}");
    match sent.get(1) {
        Some(Message::Request(request)) => Some(request.clone()),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

fn moved(stage: &mut Stage, invite: &Request, contacts: &str) -> Option<Request> {
    stage.answer(invite, 302, "far", &[(HeaderName::Contact, contacts)]);
    next(stage)
}

fn ended(stage: &mut Stage) -> u16 {
    cause(stage).status.expect("a status").code()
}

fn cause(stage: &mut Stage) -> EndCause {
    match stage.side.event() {
        Event::Ended { cause, .. } => cause,
        other => panic!("it ended, not {other:?}"),
    }
}

#[test]
fn the_same_number_elsewhere_is_called() {
    let mut stage = Stage::new();
    let (call, first) = stage.call();
    let contacts = "<sip:bob@second.example>;q=0.4, <sip:bob@first.example?Subject=x;method=BYE>;q=0.9";
    let second = moved(&mut stage, &first, contacts).expect("it is followed");
    assert_eq!(second.uri.to_string(), "sip:bob@first.example", "the most wanted, without what it says of the request");
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
        assert_eq!(second.headers.get(&name), first.headers.get(&name), "RFC 3261 8.1.3.4");
    }
    assert_eq!((number(&second), second.body.clone()), (2, first.body.clone()));
    assert_ne!(second.branch(), first.branch());
    // Nobody there: the other one.
    stage.answer(&second, 404, "x", &[]);
    let third = next(&mut stage).expect("there is another");
    assert_eq!(third.uri.to_string(), "sip:bob@second.example");
    stage.answer(&third, 200, "bob", &[(HeaderName::Contact, "<sip:bob@192.0.2.7>")]);
    stage.sent();
    assert!(matches!(stage.side.event(), Event::Answered { call: own, .. } if own == call));
}

#[test]
fn who_is_there_may_ask_for_a_proof_too() {
    let mut stage = Stage::new();
    stage.side.agent.set_password(Some(Secret::new("pw".to_owned())));
    let ask = |nonce: &str| format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
    let (_, first) = stage.call();
    stage.answer(&first, 407, "edge", &[(HeaderName::ProxyAuthenticate, &ask("1"))]);
    let second = next(&mut stage).expect("with a proof");
    let third = moved(&mut stage, &second, "<sip:bob@a.example>").expect("it is followed");
    let proof = third.headers.text(&HeaderName::ProxyAuthorization).expect("a proof").into_owned();
    assert!(proof.contains("uri=\"sip:bob@a.example\"") && proof.contains("nc=00000002"), "{proof}");
    stage.answer(&third, 407, "edge", &[(HeaderName::ProxyAuthenticate, &ask("2"))]);
    assert!(next(&mut stage).is_some(), "one answer to each who asks");
}

#[test]
fn another_number_needs_a_person() {
    for contact in ["<sip:+19005550100@example.com>", "<sip:Bob@example.com>", "<tel:+15550100>", "<sip:example.com>"] {
        let mut stage = Stage::new();
        let (_, invite) = stage.call();
        assert!(moved(&mut stage, &invite, contact).is_none(), "{contact}");
        let cause = cause(&mut stage);
        assert_eq!(cause.status.map(StatusCode::code), Some(302));
        let named: Vec<String> = cause.elsewhere.iter().map(|uri| format!("<{uri}>")).collect();
        assert_eq!(named, [contact]);
    }
}

#[test]
fn a_secure_call_goes_on_to_nothing_less() {
    let mut stage = Stage::new();
    let to = Uri::parse("sips:bob@example.com").expect("a URI");
    stage.side.agent.invite(stage.now, Invite { to, offer: "v=0".into() }).expect("the link is up");
    let invite = stage.request();
    let contacts = "<sip:bob@a.example>, <tel:+15550100>, <sips:bob@b.example>;q=0.1";
    let second = moved(&mut stage, &invite, contacts).expect("it is followed");
    assert_eq!(second.uri.to_string(), "sips:bob@b.example");
    assert!(moved(&mut stage, &second, "<sip:bob@c.example>").is_none());
    assert!(cause(&mut stage).elsewhere.is_empty(), "nor is a person asked");
}

#[test]
fn no_call_goes_round_in_circles() {
    // The same again, in any form that means the same.
    let mut stage = Stage::new();
    let (_, first) = stage.call();
    assert!(moved(&mut stage, &first, "<sip:bob@EXAMPLE.com>, <sip:%62ob@example.com>").is_none());
    assert_eq!(ended(&mut stage), 302);
    // Always a new one, one at a time or all at once.
    for at_once in [1, 100] {
        let mut stage = Stage::new();
        let (_, mut invite) = stage.call();
        let mut asked = 0;
        loop {
            let contacts: Vec<String> = (0..at_once).map(|at| format!("<sip:bob@{asked}-{at}.example>")).collect();
            let Some(again) = moved(&mut stage, &invite, &contacts.join(", ")) else { break };
            invite = again;
            asked += 1;
            assert!(asked < 20);
        }
        assert_eq!(asked, 5, "{at_once}");
        assert_eq!(ended(&mut stage), 302);
    }
}

#[test]
fn who_hangs_up_or_is_refused_by_all_is_sent_nowhere() {
    let mut stage = Stage::new();
    let (_, first) = stage.call();
    let second = moved(&mut stage, &first, "<sip:bob@a.example>, <sip:bob@b.example>").expect("it is followed");
    stage.answer(&second, 603, "x", &[]);
    assert!(next(&mut stage).is_none(), "RFC 3261 21.6");
    assert_eq!(ended(&mut stage), 603);

    let mut stage = Stage::new();
    let (call, first) = stage.call();
    stage.answer(&first, 180, "bob", &[]);
    stage.side.agent.hangup(stage.now, call).expect("it rings");
    stage.sent();
    assert!(moved(&mut stage, &first, "<sip:bob@a.example>").is_none());
}

/// Somebody calls and it rings; a request of `method` within its early dialog.
fn early(stage: &mut Stage, method: &str, cseq: u32, more: &str) -> String {
    let call = stage.called("1");
    stage.side.agent.ring(stage.now, call).expect("it is called");
    let to = stage.response().headers.text(&HeaderName::To).expect("a To").into_owned();
    format!(
        "{method} sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bKe{cseq}\nFrom: <sip:b@c>;tag=f\n\
         To: {to}\nCall-ID: in\nCSeq: {cseq} {method}\n{more}"
    )
}

#[test]
fn an_update_while_it_rings_is_answered() {
    for (more, status) in [("Contact: <sip:b@d>\n\n", 200), ("Contact: <sip:b@c>\n\nv=0 other", 500)] {
        let mut stage = Stage::new();
        let update = early(&mut stage, "UPDATE", 2, more);
        stage.hear(&update);
        let response = stage.response();
        assert_eq!(response.status.code(), status);
        assert_eq!(response.headers.seconds(&HeaderName::RetryAfter).is_some_and(|wait| wait <= 10), status == 500);
        stage.hear(&update.replace("tag=f", "tag=g").replace("z9hG4bKe2", "z9hG4bKe3"));
        assert_eq!(stage.response().status, StatusCode::NO_SUCH_CALL);
    }
    // From the callee: our offer is open, or answered and not to be changed yet.
    for (sdp, more, status) in [("", "\nv=0", 491), ("v=0 early", "\nv=0", 488), ("v=0 early", "", 200)] {
        let mut stage = Stage::new();
        let (_, invite) = stage.call();
        let mut ringing = invite.respond(StatusCode::PROGRESS, Some("bob"));
        for (name, value) in
            [(HeaderName::Contact, "<sip:bob@192.0.2.7>"), (HeaderName::Require, "100rel"), (HeaderName::RSeq, "1")]
        {
            ringing.headers.push(name, value);
        }
        let ringing = ringing.with_body("application/sdp", sdp.into());
        stage.side.agent.handle_input(stage.now, sip::Input::Message(ringing.to_bytes()));
        assert_eq!(stage.request().method, Method::Prack);
        stage.hear(&within(&invite, "UPDATE", 1, &format!("Contact: <sip:bob@192.0.2.8>\n{more}")));
        assert_eq!(stage.response().status.code(), status, "{sdp} {more}");
    }
}

#[test]
fn a_caller_may_end_an_early_dialog_by_bye() {
    let mut stage = Stage::new();
    let bye = early(&mut stage, "BYE", 2, "\n");
    stage.hear(&bye);
    let statuses: Vec<u16> = stage
        .sent()
        .iter()
        .map(|message| if let Message::Response(response) = message { response.status.code() } else { 0 })
        .collect();
    assert_eq!(statuses, [200, 487]);
    assert!(matches!(stage.side.event(), Event::Ended { cause, .. } if cause.by == EndedBy::Remote && !cause.answered));
    stage.pass(40 * stage::SECOND);
    assert_eq!(stage.side.agent.live(), (0, 0, 0));
}

#[test]
fn answers_without_end_make_no_requests_without_end() {
    // C52: each 2xx of another branch is acknowledged and ended, as long as that is in reason.
    let mut stage = Stage::new();
    let (_, invite) = stage.call();
    for branch in 0..10_000 {
        stage.answer(&invite, 200, &format!("b{branch}"), &[(HeaderName::Contact, "<sip:bob@192.0.2.7>")]);
        stage.side.drain();
    }
    assert!(stage.side.agent.live().0 <= 130, "{:?}", stage.side.agent.live());
}
