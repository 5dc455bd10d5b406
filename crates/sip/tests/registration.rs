//! An agent and a registrar that says what the test tells it to.

#[path = "support/line.rs"]
mod line;

use std::time::Duration;

use line::{Line, SECOND, contact, proof};
use sip::{Event, HeaderName, Input, RegistrationFailure, Secret, headers::Via};

#[test]
fn it_registers_refreshes_and_leaves() {
    let mut line = Line::new(Some("pw"));
    let first = line.request();
    assert_eq!(first.uri.to_string(), "sip:example.com");
    let own = contact(&first);
    assert_eq!(
        (own.params.get("reg-id").as_deref(), own.params.has("+sip.instance"), own.params.number("expires")),
        (Some("1"), true, Some(600))
    );
    assert!(
        first.headers.has_token(&HeaderName::Supported, "outbound")
            && first.headers.has_token(&HeaderName::Supported, "gruu")
    );
    line.challenge(&first, "n1", false);
    let second = line.request();
    assert_eq!(second.headers.get(&HeaderName::CallId), first.headers.get(&HeaderName::CallId));
    assert_eq!(second.headers.text(&HeaderName::CSeq).as_deref(), Some("2 REGISTER"));
    assert_eq!(proof(&second).and_then(|proof| proof.get("username").map(str::to_owned)).as_deref(), Some("alice"));
    line.accept(&second, 90);
    line.side.drain();
    assert!(matches!(line.side.event(), Event::Registering));
    let Event::Registered(registered) = line.side.event() else { panic!("it registered") };
    assert_eq!((registered.expires, registered.outbound, registered.digest), (90 * SECOND, true, Some("SHA-256")));
    assert_eq!(registered.public_gruu.as_deref(), Some("sip:alice@example.com;gr=urn:uuid:1"));
    // Half of what was granted later, with the same nonce and its next count.
    line.pass(45 * SECOND);
    let refresh = line.request();
    assert_eq!(proof(&refresh).and_then(|proof| proof.get("nc").map(str::to_owned)).as_deref(), Some("00000002"));
    line.accept(&refresh, 90);
    // A call goes the way that the registrar gave, from the GRUU.
    line.side.drain();
    line.side.events.clear();
    line.side
        .agent
        .invite(
            line.now,
            sip::Invite { to: sip::Uri::parse("sip:bob@example.com").expect("a URI"), offer: "v=0".into() },
        )
        .expect("the link is up");
    let invite = line.request();
    assert_eq!(invite.headers.text(&HeaderName::Route).as_deref(), Some("<sip:edge.example.com;transport=ws;lr>"));
    assert_eq!(contact(&invite).uri.to_string(), "sip:alice@example.com;gr=urn:uuid:1;ob");
    line.side.agent.unregister(line.now);
    let leave = line.request();
    assert_eq!(contact(&leave).params.number("expires"), Some(0));
    line.say(&leave, 200, |_| {});
    line.side.drain();
    assert!(matches!(line.side.event(), Event::Unregistered));
}

#[test]
fn a_lost_link_registers_again_by_itself() {
    let mut line = Line::new(None);
    let first = line.request();
    line.accept(&first, 600);
    line.side.drain();
    line.side.agent.handle_input(line.now, Input::LinkDown);
    assert!(line.side.drain().is_empty());
    line.side.agent.handle_input(line.now, Input::LinkUp);
    let again = line.request();
    assert_eq!(again.headers.get(&HeaderName::CallId), first.headers.get(&HeaderName::CallId));
    assert_eq!(contact(&again).uri, contact(&first).uri);
}

#[test]
fn every_refusal_has_its_reason() {
    use RegistrationFailure as Why;
    for (code, why, again) in [
        (403, Why::Forbidden, false),
        (404, Why::UnknownUser, false),
        (503, Why::ServerUnavailable, true),
        (500, Why::ServerUnavailable, true),
        (400, Why::BadAnswer, true),
        (305, Why::BadAnswer, true),
    ] {
        let mut line = Line::new(Some("pw"));
        let request = line.request();
        line.say(&request, code, |_| {});
        line.side.drain();
        line.side.event();
        let Event::RegistrationFailed { why: own, retry_at, .. } = line.side.event() else { panic!("{code}") };
        assert_eq!((own, retry_at.is_some()), (why, again), "{code}");
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    let mut line = Line::new(Some("wrong"));
    let first = line.request();
    line.challenge(&first, "n1", false);
    let second = line.request();
    line.challenge(&second, "n2", false);
    assert!(line.side.drain().is_empty(), "what was refused is not sent again");
    line.side.event();
    assert!(matches!(
        line.side.event(),
        Event::RegistrationFailed { why: RegistrationFailure::WrongPassword, retry_at: None, .. }
    ));
}

#[test]
fn a_403_after_the_proof_is_a_wrong_password() {
    // FreeSWITCH (W4).
    let mut line = Line::new(Some("wrong"));
    let first = line.request();
    line.challenge(&first, "n1", false);
    let second = line.request();
    line.say(&second, 403, |_| {});
    line.side.drain();
    line.side.event();
    assert!(matches!(line.side.event(), Event::RegistrationFailed { why: RegistrationFailure::WrongPassword, .. }));
}

#[test]
fn a_stale_nonce_is_replaced_without_asking() {
    let mut line = Line::new(Some("pw"));
    let first = line.request();
    line.challenge(&first, "n1", false);
    let second = line.request();
    line.challenge(&second, "n2", true);
    let third = line.request();
    assert_eq!(proof(&third).and_then(|proof| proof.get("nonce").map(str::to_owned)).as_deref(), Some("n2"));
    line.accept(&third, 600);
    line.side.drain();
    assert!(line.side.events.iter().any(|event| matches!(event, Event::Registered(_))));
}

#[test]
fn without_a_password_it_asks() {
    let mut line = Line::new(None);
    let first = line.request();
    line.challenge(&first, "n1", false);
    line.side.drain();
    line.side.event();
    assert!(matches!(line.side.event(), Event::RegistrationFailed { why: RegistrationFailure::PasswordNeeded, .. }));
    line.side.agent.set_password(Some(Secret::new("pw".to_owned())));
    line.side.agent.register(line.now);
    line.request();
}

#[test]
fn the_servers_least_time_is_taken_once() {
    let mut line = Line::new(None);
    let first = line.request();
    line.say(&first, 423, |response| response.headers.push(HeaderName::MinExpires, "1800"));
    let second = line.request();
    assert_eq!(contact(&second).params.number("expires"), Some(1800));
    line.say(&second, 423, |response| response.headers.push(HeaderName::MinExpires, "1800"));
    assert!(line.side.drain().is_empty());
}

#[test]
fn retry_after_is_waited_for_exactly() {
    let mut line = Line::new(None);
    let first = line.request();
    line.say(&first, 503, |response| response.headers.push(HeaderName::RetryAfter, "5"));
    line.side.drain();
    line.pass(Duration::from_millis(4_999));
    assert!(line.side.drain().is_empty());
    line.pass(Duration::from_millis(1));
    line.request();
}

#[test]
fn a_silent_server_fails_after_64_t1_and_is_asked_again() {
    let mut line = Line::new(None);
    line.request();
    line.pass(32 * SECOND);
    line.side.drain();
    line.side.event();
    let Event::RegistrationFailed { why: RegistrationFailure::Timeout, retry_at: Some(at), .. } = line.side.event()
    else {
        panic!("it timed out")
    };
    let wait = at - line.now;
    assert!((15 * SECOND..=30 * SECOND).contains(&wait), "{wait:?}");
}

#[test]
fn without_outbound_there_is_none() {
    // RFC 5626 4.2.1: only `Require: outbound` in the 2xx says that the server does it.
    let mut line = Line::new(None);
    let first = line.request();
    line.side.agent.register(line.now);
    assert!(line.side.drain().is_empty(), "one REGISTER at a time");
    let uri = contact(&first).uri;
    line.say(&first, 200, |response| response.headers.push(HeaderName::Contact, &format!("<{uri}>;expires=600")));
    line.side.drain();
    line.side.event();
    let Event::Registered(registered) = line.side.event() else { panic!("it registered") };
    assert!(!registered.outbound);
    let to = sip::Uri::parse("sip:bob@example.com").expect("a URI");
    line.side.agent.invite(line.now, sip::Invite { to, offer: "v=0".into() }).expect("the link is up");
    assert_eq!(contact(&line.request()).uri, uri, "no `ob`");
}

#[test]
fn a_first_hop_without_outbound_is_asked_again_without_it() {
    // RFC 5626 4.2.1: once, and for good.
    let mut line = Line::new(None);
    let first = line.request();
    assert!(contact(&first).params.has("reg-id"));
    line.say(&first, 439, |_| {});
    let second = line.request();
    let own = contact(&second);
    assert_eq!((own.params.has("reg-id"), own.params.has("+sip.instance")), (false, true));
    assert!(!second.headers.has_token(&HeaderName::Supported, "outbound"));
    line.accept(&second, 600);
    line.side.drain();
    line.pass(300 * SECOND);
    assert!(!contact(&line.request()).params.has("reg-id"));

    let mut line = Line::new(None);
    let first = line.request();
    line.say(&first, 439, |_| {});
    let second = line.request();
    line.say(&second, 439, |_| {});
    assert!(line.side.drain().is_empty(), "a second 439 makes no sense");
    let last = line.side.events.pop_back().expect("something happened");
    assert!(matches!(last, Event::RegistrationFailed { why: RegistrationFailure::BadAnswer, .. }));
}

#[test]
fn every_form_of_retry_after_is_honoured() {
    let never_early = |text: &str| {
        let mut line = Line::new(None);
        let first = line.request();
        line.say(&first, 503, |response| response.headers.push(HeaderName::RetryAfter, text));
        line.side.drain();
        line.side.event();
        match line.side.event() {
            Event::RegistrationFailed { retry_at: Some(at), .. } => at - line.now,
            other => panic!("{other:?}"),
        }
    };
    for (text, seconds) in [
        ("5", 5),
        ("120 (in a meeting)", 120),
        ("18000;duration=3600", 1800),
        ("1800", 1800),
        ("4294967296", 1800),
        ("0", 0),
    ] {
        assert_eq!(never_early(text), seconds * SECOND, "{text}");
    }
    // What is no number of seconds is none: then it is our own back-off (RFC 5626 4.5).
    for text in ["Fri, 27 Nov 2026 10:00:00 GMT", "-5", "soon", ""] {
        assert!((15 * SECOND..=30 * SECOND).contains(&never_early(text)), "{text}");
    }
    // At once, but not over and over.
    let mut line = Line::new(None);
    let first = line.request();
    line.say(&first, 503, |response| response.headers.push(HeaderName::RetryAfter, "0"));
    let second = line.request();
    line.say(&second, 503, |response| response.headers.push(HeaderName::RetryAfter, "0"));
    assert!(line.side.drain().is_empty());
}

#[test]
fn keep_is_asked_for_with_the_registration_and_its_value_followed() {
    // RFC 6223 4.3. (Flow-Timer, keep, what is told)
    for (flow, keep, told) in [
        (None, "keep", None),
        (None, "keep=0", None),
        (None, "keep=30", Some(30)),
        (Some("120"), "keep", Some(120)),
        (Some("120"), "keep=30", Some(30)),
        (Some("20"), "keep=30", Some(20)),
    ] {
        let mut line = Line::new(None);
        let first = line.request();
        let via = first.headers.typed::<Via>().and_then(Result::ok).expect("a Via");
        assert!(via.params.has("keep") && via.params.raw("keep").is_none());
        let own = contact(&first).uri;
        line.say(&first, 200, |response| {
            response.headers.set(HeaderName::Via, &via.to_string().replace(";keep", &format!(";{keep}")));
            response.headers.push(HeaderName::Contact, &format!("<{own}>;expires=600"));
            flow.iter().for_each(|seconds| response.headers.push(HeaderName::FlowTimer, seconds));
        });
        line.side.drain();
        line.side.event();
        let Event::Registered(registered) = line.side.event() else { panic!("it registered") };
        assert_eq!(registered.flow_timer, told.map(|seconds| seconds * SECOND), "{flow:?} {keep}");
        // Not for a call too: its way is that of the registration.
        let to = sip::Uri::parse("sip:bob@example.com").expect("a URI");
        line.side.agent.invite(line.now, sip::Invite { to, offer: "v=0".into() }).expect("the link is up");
        let invite = line.request();
        line.say(&invite, 200, |response| response.headers.push(HeaderName::Contact, "<sip:bob@192.0.2.7>"));
        assert!(!line.request().to_bytes().windows(5).any(|five| five == b";keep"), "never in an ACK");
        assert!(!invite.to_bytes().windows(5).any(|five| five == b";keep"));
    }
}

#[test]
fn a_registration_is_taken_away_by_its_own_contact() {
    // RFC 5626 4.2.3: `*` may not carry what names us, and would take away others beside us.
    let mut line = Line::new(None);
    let first = line.request();
    line.accept(&first, 600);
    line.side.drain();
    line.side.agent.unregister(line.now);
    let leave = line.request();
    let (gone, own) = (contact(&leave), contact(&first));
    assert_eq!((gone.uri, gone.params.get("+sip.instance")), (own.uri, own.params.get("+sip.instance")));
    assert_eq!(leave.headers.get_all(&HeaderName::Contact).count(), 1);
}
