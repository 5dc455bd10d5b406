//! A connection of Anna, and what it wants of its link.

use serde_json::json;
use sip::{HeaderName, Message, Request};
use wss::TlsFacts;

use super::*;

/// A connection that is up, and the REGISTER that it sends.
fn registering(now: Instant) -> (Connection, Request) {
    let wish = json!({ "address": "sip:anna@server.example", "server": "wss://server.example/?token=canary" });
    let wish = serde_json::from_value(wish).unwrap();
    let profile = Profile { id: "a1".into(), ..Profile::from_wish(&wish, None).unwrap() };
    let means = Means { password: None, instance: "urn:uuid:1", seed: [1; 32] };
    let mut own = Connection::new(Key::Account("a1".into()), 1, &profile, means).unwrap();
    own.agent.register(now);
    let register = comes_up(&mut own, now);
    (own, register)
}

/// The link is up, and it registers.
fn comes_up(own: &mut Connection, now: Instant) -> Request {
    let tls = TlsFacts { version: None, cipher: None, certificate: None };
    let sent = own.on_link(now, LinkEvent::Up { tls, server: None });
    let register = sent.into_iter().find_map(|outcome| match outcome {
        Outcome::Link(LinkOrder::Send(bytes)) => Some(Message::parse(bytes)),
        _ => None,
    });
    let Some(Ok(Message::Request(register))) = register else { panic!("it registers") };
    register
}

/// The same without the REGISTER.
pub(crate) fn connection(now: Instant) -> Connection {
    registering(now).0
}

/// RFC 3263 4.3, RFC 3261 21.5.4 (C58).
#[test]
fn a_server_that_cannot_serve_is_left_for_the_next() {
    let leaves =
        |outcomes: &[Outcome]| outcomes.iter().any(|outcome| matches!(outcome, Outcome::Link(LinkOrder::NextServer)));
    let now = Instant::now();
    for (code, after, next) in [
        (503, None, true),
        (503, Some("60"), true),
        // A fault of its own, and a refusal, say nothing of the next.
        (500, None, false),
        (403, None, false),
    ] {
        let (mut own, register) = registering(now);
        let mut answer = register.respond(StatusCode::new(code).unwrap(), Some("t"));
        if let Some(after) = after {
            answer.headers.push(HeaderName::RetryAfter, after);
        }
        assert_eq!(leaves(&own.on_link(now, LinkEvent::Message(answer.to_bytes()))), next, "{code}");
        if next {
            // What the old server wanted to be waited for does not hold for the next.
            own.on_link(now, LinkEvent::Step(Step::Connect));
            assert_ne!(comes_up(&mut own, now).branch(), register.branch());
        }
    }
    // RFC 3263 4.3: no answer at all is a failure too. Timer F, 64 T1.
    let (mut own, _) = registering(now);
    assert!(!leaves(&own.on_timeout(now + Duration::from_secs(31))));
    assert!(leaves(&own.on_timeout(now + Duration::from_secs(32))));
}
