//! What is refused, and what the refusal says.

#[path = "support/stage.rs"]
mod stage;

use sip::{Event, HeaderName, StatusCode, headers::Warning};
use stage::{Stage, within};

/// RFC 3261 20.43: the code, the name of our Via, the text.
fn warning(response: &sip::Response) -> (String, String) {
    let value = response.headers.text(&HeaderName::Warning).expect("a Warning").into_owned();
    let mut parts = value.splitn(3, ' ');
    let (code, agent) = (parts.next().expect("a code"), parts.next().expect("an agent"));
    assert!(agent.ends_with(".invalid"), "{value}");
    (code.to_owned(), parts.next().expect("a text").to_owned())
}

#[test]
fn a_call_that_is_refused_says_why() {
    let mut stage = Stage::new();
    let call = stage.called("1");
    let why = Warning::from((305, "Incompatible media format"));
    stage.side.agent.reject_with(stage.now, call, StatusCode::NOT_ACCEPTABLE_HERE, Some(why)).expect("it is called");
    let refused = stage.response();
    assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE_HERE);
    assert_eq!(warning(&refused), ("305".into(), "\"Incompatible media format\"".into()));
    assert!(matches!(stage.side.event(), Event::Ended { .. }));

    let mut stage = Stage::new();
    let call = stage.called("1");
    stage.side.agent.reject(stage.now, call, StatusCode::BUSY_HERE).expect("it is called");
    assert!(stage.response().headers.get(&HeaderName::Warning).is_none(), "what speaks for itself has none");
}

#[test]
fn a_change_that_is_refused_says_why() {
    let mut stage = Stage::new();
    let (call, invite) = stage.talking(&[]);
    stage.sent();
    stage.hear(&within(&invite, "INVITE", 7, "Contact: <sip:b@c>\n"));
    stage.sent();
    let why = Warning::new(302, "Incompatible transport protocol");
    stage.side.agent.refuse_offer_with(stage.now, call, StatusCode::NOT_ACCEPTABLE_HERE, Some(why)).expect("asked");
    assert_eq!(warning(&stage.response()).0, "302");
}
