//! Rules of RFC 3261 that two well-behaved agents never put to the test: a script says the other side's words.

#[path = "support/stage.rs"]
mod stage;

use sip::{EndedBy, Event, HeaderName, Input, LegId, Message, Method, Request, Response, StatusCode};
use stage::{SECOND, Stage, within};

#[test]
fn a_response_is_known_by_its_branch_whatever_transport_it_names() {
    // C11: Asterisk may print `WS` over TLS. C68: more than one Via, or another name in it, is somebody else's.
    for (old, new, taken) in [
        ("SIP/2.0/WSS", "SIP/2.0/ws", true),
        ("SIP/2.0/WSS", "SIP / 2.0 / WS", true),
        (".invalid", ".INVALID", true),
        (".invalid", ".example", false),
        ("branch=z9hG4bK", "branch=z9hG4bKx", false),
        ("Via: ", "Via: SIP/2.0/WSS other.example;branch=z9hG4bK1\r\nVia: ", false),
    ] {
        let mut stage = Stage::new();
        let (_, invite) = stage.call();
        let text =
            String::from_utf8(invite.respond(StatusCode::RINGING, Some("bob")).to_bytes().to_vec()).expect("text");
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text);
        stage.side.agent.handle_input(stage.now, Input::Message(changed.into()));
        assert!(stage.sent().is_empty());
        assert_eq!(matches!(stage.side.events.pop_front(), Some(Event::Ringing(_))), taken, "{new}");
    }
}

#[test]
fn every_status_has_its_meaning() {
    for code in 100..700 {
        let mut stage = Stage::new();
        let (call, invite) = stage.call();
        stage.answer(&invite, code, "bob", &[]);
        let sent = stage.sent();
        let acked = matches!(sent.first(), Some(Message::Request(ack)) if ack.method == Method::Ack);
        let event = stage.side.events.pop_front();
        match code {
            180 => assert!(!acked && matches!(event, Some(Event::Ringing(own)) if own == call)),
            100..200 => {
                assert!(!acked && matches!(event, Some(Event::Trying(own)) if own == call), "{code}: {event:?}")
            }
            200..300 => assert!(acked && matches!(event, Some(Event::Answered { .. })), "{code}: {event:?}"),
            _ => {
                let Some(Event::Ended { cause, .. }) = event else { panic!("{code}: {event:?}") };
                assert_eq!((cause.status.map(StatusCode::code), cause.answered), (Some(code), false));
                assert!(acked && sent.len() == 1, "{code}: {sent:?}");
            }
        }
    }
}

#[test]
fn every_branch_that_answers_is_acknowledged_and_one_is_kept() {
    for branches in 2..=5 {
        let mut stage = Stage::new();
        let (_, invite) = stage.call();
        for branch in 0..branches {
            let contact = format!("<sip:bob@192.0.2.{branch}>");
            stage.answer(&invite, 180, &format!("b{branch}"), &[]);
            stage.answer(&invite, 200, &format!("b{branch}"), &[(HeaderName::Contact, &contact)]);
            // It comes again.
            stage.answer(&invite, 200, &format!("b{branch}"), &[(HeaderName::Contact, &contact)]);
        }
        let sent: Vec<(Method, Option<String>)> = stage
            .sent()
            .into_iter()
            .map(|message| match message {
                Message::Request(request) => {
                    let tag = request.headers.name_addr(&HeaderName::To).and_then(|to| to.tag().map(str::to_owned));
                    (request.method, tag)
                }
                Message::Response(response) => panic!("{}", response.status),
            })
            .collect();
        for branch in 0..branches {
            let count = |method: Method| {
                sent.iter().filter(|(own, tag)| *own == method && *tag == Some(format!("b{branch}"))).count()
            };
            assert!(count(Method::Ack) >= 2, "branch {branch} of {branches}: {sent:?}");
            assert_eq!(count(Method::Bye) > 0, branch > 0, "branch {branch} of {branches}: {sent:?}");
        }
        let answered: Vec<LegId> = stage
            .side
            .events
            .iter()
            .filter_map(|event| if let Event::Answered { leg, .. } = event { Some(*leg) } else { None })
            .collect();
        assert_eq!(answered.len(), 1, "one call was made");
    }
}

#[test]
fn the_caller_hears_each_minute_that_it_still_rings() {
    let mut stage = Stage::new();
    let call = stage.called("1");
    stage.side.agent.ring(stage.now, call).expect("it is called");
    stage.pass(185 * SECOND);
    let ringing = stage.side.first_lines().iter().filter(|line| **line == "SIP/2.0 180 Ringing").count();
    assert_eq!(ringing, 4, "once, and after each minute");
}

#[test]
fn a_call_that_comes_by_two_ways_rings_once() {
    let mut stage = Stage::new();
    stage.called("1");
    stage.hear(
        "INVITE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK2\nFrom: <sip:b@c>;tag=f\n\
         To: <sip:alice@example.com>\nCall-ID: in\nCSeq: 1 INVITE\nContact: <sip:b@c>\n\n",
    );
    assert_eq!(stage.response().status, StatusCode::LOOP_DETECTED);
    assert!(stage.side.events.is_empty());
}

#[test]
fn a_second_change_before_the_answer_to_the_first_has_to_wait() {
    let mut stage = Stage::new();
    let (_, invite) = stage.talking(&[]);
    stage.sent();
    stage.hear(&within(&invite, "INVITE", 7, "Contact: <sip:b@c>\n"));
    assert_eq!(stage.response().status, StatusCode::TRYING);
    stage.hear(&within(&invite, "INVITE", 8, "Contact: <sip:b@c>\n"));
    let refused = stage.response();
    let wait = refused.headers.seconds(&HeaderName::RetryAfter).expect("when to come again");
    assert!(refused.status == StatusCode::SERVER_ERROR && wait <= 10, "{wait}");
}

#[test]
fn a_far_end_that_knows_the_call_no_more_ends_it() {
    for code in [481, 408] {
        let mut stage = Stage::new();
        let (call, _) = stage.talking(&[]);
        stage.sent();
        stage.side.events.clear();
        stage.side.agent.reoffer(stage.now, call, "v=0".into()).expect("nothing else is under way");
        let offer = stage.request();
        stage.answer(&offer, code, "bob", &[]);
        assert!(
            matches!(stage.side.drain().len(), 2)
                && matches!(stage.side.event(), Event::Ended { cause, .. } if cause.by == EndedBy::Remote),
            "{code}: an ACK, a BYE, and the end"
        );
    }
    // Any other refusal leaves the call as it was.
    let mut stage = Stage::new();
    let (call, _) = stage.talking(&[]);
    stage.sent();
    stage.side.events.clear();
    stage.side.agent.reoffer(stage.now, call, "v=0".into()).expect("nothing else is under way");
    let offer = stage.request();
    stage.answer(&offer, 488, "bob", &[]);
    stage.sent();
    assert!(matches!(stage.side.event(), Event::ReofferRefused { .. }));
    stage.side.agent.hangup(stage.now, call).expect("it is up");
    assert_eq!(stage.request().method, Method::Bye);
}

#[test]
fn a_change_that_is_never_answered_is_not_waited_for_for_ever() {
    // Found by `chaos.rs`: a provisional response stops timer B, and nothing else was set.
    for ended in [false, true] {
        let mut stage = Stage::new();
        let (call, invite) = stage.talking(&[]);
        stage.sent();
        stage.side.events.clear();
        stage.side.agent.reoffer(stage.now, call, "v=0".into()).expect("nothing else is under way");
        let offer = stage.request();
        stage.answer(&offer, 183, "bob", &[]);
        if ended {
            stage.hear(&within(&invite, "BYE", 3, ""));
            stage.sent();
            stage.side.events.clear();
        }
        stage.pass(179 * SECOND);
        assert!(stage.side.events.is_empty() && stage.side.agent.live().0 > 0);
        stage.pass(34 * SECOND);
        assert_eq!(stage.side.agent.live(), (0, 0, 0));
        assert_eq!(matches!(stage.side.events.pop_front(), Some(Event::Ended { .. })), !ended);
    }
}

#[test]
fn a_provisional_response_that_comes_after_the_answer_starts_no_timer() {
    // Found by the simulation of whole calls: the 100 of a change was overtaken by its 200.
    let mut stage = Stage::new();
    let (call, invite) = stage.talking(&[]);
    stage.sent();
    stage.side.agent.reoffer(stage.now, call, "v=0".into()).expect("nothing else is under way");
    let offer = stage.request();
    stage.answer(&offer, 200, "bob", &[]);
    stage.answer(&offer, 100, "bob", &[]);
    stage.hear(&within(&invite, "BYE", 3, ""));
    stage.pass(40 * SECOND);
    assert_eq!(stage.side.agent.live(), (0, 0, 0));
}

#[test]
fn requests_go_the_way_of_the_record_and_to_the_latest_contact() {
    let record = [(HeaderName::RecordRoute, "<sip:far.example;lr>, <sip:near.example;transport=ws;lr>")];
    let mut stage = Stage::new();
    let (call, invite) = stage.talking(&record);
    let ack = stage.request();
    assert_eq!((ack.method.clone(), ack.uri.to_string().as_str()), (Method::Ack, "sip:bob@192.0.2.7;transport=ws"));
    let route = |request: &Request| {
        request.headers.name_addrs(&HeaderName::Route).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(route(&ack), ["<sip:near.example;transport=ws;lr>", "<sip:far.example;lr>"]);
    // RFC 3261 12.2.2: an UPDATE moves the target, and not the route.
    stage.hear(&within(
        &invite,
        "UPDATE",
        9,
        "Contact: <sip:bob@198.51.100.9:5062>\nRecord-Route: <sip:evil.example;lr>\n",
    ));
    assert_eq!(stage.response().status, StatusCode::OK);
    stage.side.agent.hangup(stage.now, call).expect("it is up");
    let bye = stage.request();
    assert_eq!(bye.uri.to_string(), "sip:bob@198.51.100.9:5062");
    assert_eq!(route(&bye), route(&ack));

    // RFC 3261 12.2.1.1: a strict router wants itself in the Request-URI and the target last.
    let mut stage = Stage::new();
    stage.talking(&[(HeaderName::RecordRoute, "<sip:far.example;lr>, <sip:strict.example>")]);
    let ack = stage.request();
    assert_eq!(ack.uri.to_string(), "sip:strict.example");
    assert_eq!(route(&ack), ["<sip:far.example;lr>", "<sip:bob@192.0.2.7;transport=ws>"]);
}

#[test]
fn a_far_end_of_rfc_2543_without_tags_is_talked_to() {
    let mut stage = Stage::new();
    let (_, invite) = stage.call();
    let mut response = invite.respond(StatusCode::OK, None);
    response.headers.push(HeaderName::Contact, "<sip:bob@192.0.2.7>");
    stage.side.agent.handle_input(stage.now, Input::Message(response.to_bytes()));
    assert_eq!(stage.request().method, Method::Ack);
    stage.hear(&within(&invite, "BYE", 1, "").replace(";tag=bob", ""));
    assert_eq!(stage.response().status, StatusCode::OK);
}

#[test]
fn options_are_answered_with_what_we_can() {
    let mut stage = Stage::new();
    let ping = "OPTIONS sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\nFrom: <sip:s@c>;tag=f\n\
                To: <sip:alice@example.com>\nCall-ID: ping\nCSeq: 1 OPTIONS\n\n";
    stage.hear(ping);
    let pong = stage.response();
    assert_eq!(pong.status, StatusCode::OK);
    for (name, value) in
        [(HeaderName::Allow, "INVITE"), (HeaderName::Accept, "application/sdp"), (HeaderName::Supported, "outbound")]
    {
        assert!(pong.headers.has_token(&name, value), "{name}: {value}");
    }
    // W8: the transaction is over with its answer, and OpenSIPS uses the branch again for another ping.
    assert_eq!(stage.side.agent.live(), (0, 0, 0));
    stage.hear(&ping.replace("Call-ID: ping", "Call-ID: other"));
    assert_eq!(stage.response().status, StatusCode::OK);
}

#[test]
fn a_message_of_65535_octets_is_taken() {
    let mut stage = Stage::new();
    let head = "OPTIONS sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\nFrom: <sip:s@c>;tag=f\n\
                To: <sip:alice@example.com>\nCall-ID: ping\nCSeq: 1 OPTIONS\nSubject: ";
    let room = 65_535 - head.replace('\n', "\r\n").len() - "\r\n\r\n".len();
    let whole = format!("{head}{}\n\n", "x".repeat(room));
    assert_eq!(whole.replace('\n', "\r\n").len(), 65_535);
    stage.hear(&whole);
    assert_eq!(stage.response().status, StatusCode::OK);
}

/// An ACK of the 200 that answered `called("1")`, with its tag.
fn ack(ok: &Response) -> String {
    let to = ok.headers.text(&HeaderName::To).expect("a To").into_owned();
    format!(
        "ACK sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bKack\nFrom: <sip:b@c>;tag=f\n\
         To: {to}\nCall-ID: in\nCSeq: 1 ACK\n\n"
    )
}

#[test]
fn who_answers_and_hangs_up_at_once_says_bye_after_the_ack() {
    for acked in [true, false] {
        let mut stage = Stage::new();
        let call = stage.called("1");
        stage.side.agent.answer(stage.now, call, "v=0".into()).expect("it is called");
        let ok = stage.response();
        stage.side.agent.hangup(stage.now, call).expect("it is up");
        assert!(stage.sent().is_empty(), "RFC 3261 15: no BYE before the ACK");
        assert!(matches!(stage.side.event(), Event::Ended { cause, .. } if cause.by == EndedBy::Local));
        if acked {
            stage.hear(&ack(&ok));
        } else {
            stage.now += 31 * SECOND;
            stage.side.agent.handle_input(stage.now, Input::Timeout);
            stage.sent();
            stage.now += 2 * SECOND;
            stage.side.agent.handle_input(stage.now, Input::Timeout);
        }
        let bye = stage.sent().into_iter().find_map(|message| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        });
        let bye = bye.expect("a BYE");
        assert_eq!(bye.method, Method::Bye);
        stage.answer(&bye, 200, "f", &[]);
        stage.pass(40 * SECOND);
        assert!(stage.side.events.is_empty(), "the end is told once");
        assert_eq!(stage.side.agent.live(), (0, 0, 0));
    }
}

#[test]
fn a_cancel_that_nobody_answers_ends_the_call_all_the_same() {
    let mut stage = Stage::new();
    let (call, invite) = stage.call();
    stage.answer(&invite, 180, "bob", &[]);
    stage.side.agent.hangup(stage.now, call).expect("it rings");
    let cancel = stage.request();
    assert_eq!(
        (cancel.method.clone(), cancel.uri.clone(), cancel.branch()),
        (Method::Cancel, invite.uri.clone(), invite.branch())
    );
    stage.side.events.clear();
    stage.pass(31 * SECOND);
    assert!(stage.side.events.is_empty());
    stage.pass(2 * SECOND);
    assert!(matches!(stage.side.event(), Event::Ended { cause, .. } if cause.by == EndedBy::Local && !cause.answered));
    assert_eq!(stage.side.agent.live(), (0, 0, 0));
}

#[test]
fn the_first_answer_of_a_branch_counts() {
    for (tag, counts) in [("bob", false), ("carol", true)] {
        let mut stage = Stage::new();
        let (_, invite) = stage.call();
        for (code, from, sdp) in [(183, "bob", "v=0 early"), (200, tag, "v=0 final")] {
            let mut response = invite.respond(StatusCode::new(code).expect("a status"), Some(from));
            response.headers.push(HeaderName::Contact, "<sip:bob@192.0.2.7>");
            let bytes = response.with_body("application/sdp", sdp.into()).to_bytes();
            stage.side.agent.handle_input(stage.now, Input::Message(bytes));
        }
        stage.sent();
        assert!(matches!(stage.side.event(), Event::EarlyMedia { sdp, .. } if sdp == "v=0 early"));
        assert!(matches!(stage.side.event(), Event::Answered { sdp, .. } if sdp.is_some() == counts), "{tag}");
    }
}
