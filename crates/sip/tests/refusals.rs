//! What is refused, and what the refusal says.

#[path = "support/stage.rs"]
mod stage;

use sip::{
    Config, Event, HeaderName, Input, Invite, Method, Misuse, StatusCode, Uri, UserAgent,
    headers::{CSeq, Warning},
};
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

/// A request outside of any call.
fn request(method: &str, target: &str, more: &str) -> String {
    let (head, body) = more.split_once("\n\n").unwrap_or((more, ""));
    let head = if head.is_empty() { String::new() } else { format!("{head}\n") };
    format!(
        "{method} {target} SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\nFrom: <sip:b@c>;tag=f\n\
         To: <sip:alice@example.com>\nCall-ID: in\nCSeq: 1 {method}\nContact: <sip:b@c>\n{head}\n{body}"
    )
}

fn response_method(response: &sip::Response) -> Method {
    response.headers.typed::<CSeq>().and_then(Result::ok).expect("a CSeq").method
}

#[test]
fn bad_input_gets_what_the_rfc_names() {
    let own = "sip:alice@example.com";
    let multipart = "Content-Type: multipart/mixed;boundary=b\n\n--b\n";
    // (what comes, the status, the header that goes with it)
    for (text, status, beside) in [
        (request("REFER", own, ""), 405, Some((HeaderName::Allow, "INVITE"))),
        (request("INVITE", "tel:+15550100", ""), 416, None),
        (request("INVITE", "http://example.com/", ""), 416, None),
        (request("INVITE", "sip:eve@example.com", ""), 404, None),
        (request("INVITE", own, "Require: 100rel, x-odd, timer"), 420, Some((HeaderName::Unsupported, "x-odd"))),
        (request("OPTIONS", own, "Require: x-odd"), 420, Some((HeaderName::Unsupported, "x-odd"))),
        (request("INVITE", own, "Content-Type: text/html\n\n<b>"), 415, Some((HeaderName::Accept, "application/sdp"))),
        (
            request("INVITE", own, "Content-Type: application/sdp\nContent-Encoding: gzip\n\nx"),
            415,
            Some((HeaderName::AcceptEncoding, "identity")),
        ),
        (request("INVITE", own, &format!("{multipart}--b--")), 400, None),
        (request("INVITE", own, &format!("{multipart}Content-Type: text/html\n\n<b>\n--b--")), 415, None),
        (request("NOTIFY", own, "Event: presence"), 489, Some((HeaderName::AllowEvents, "message-summary"))),
        (request("NOTIFY", own, ""), 489, Some((HeaderName::AllowEvents, "message-summary"))),
        (request("BYE", own, ""), 481, None),
        (request("CANCEL", own, ""), 481, None),
        (request("INVITE", own, "Session-Expires: 1\nSupported: timer"), 422, Some((HeaderName::MinSe, "90"))),
        (request("INVITE", own, "").replace("SIP/2.0\nVia", "SIP/3.0\nVia"), 505, None),
        (request("INVITE", own, "").replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400, None),
        (request("INVITE", own, "").replace("Contact: <sip:b@c>\n", ""), 400, None),
    ] {
        let mut stage = Stage::new();
        stage.hear(&text);
        let response = stage.response();
        assert_eq!(response.status.code(), status, "{text}");
        if let Some((name, value)) = beside {
            assert!(response.headers.has_token(&name, value), "{text}: {name}");
        }
        // And the log hears why.
        let refused =
            stage.side.refused.iter().map(|refused| (refused.method.clone(), refused.status, refused.why.len() > 10));
        let misbehaved = |event: &Event| matches!(event, Event::Misbehaved(why) if why.len() > 10);
        let told = refused.eq([(Some(response_method(&response)), Some(response.status), true)]);
        assert_ne!(told, stage.side.events.iter().any(misbehaved), "{text}: {:?}", stage.side.refused);
        assert!(!stage.side.events.iter().any(|event| matches!(event, Event::Incoming(_))), "{text}");
    }
}

#[test]
fn a_description_among_others_is_found() {
    let mut stage = Stage::new();
    let body = "--b\nContent-Type: application/sdp\n\nv=0\n--b\nContent-Type: application/ISUP\n\
                Content-Disposition: signal;handling=optional\n\nx\n--b--\n";
    let more = format!("Content-Type: multipart/mixed;boundary=b\n\n{body}");
    stage.hear(&request("INVITE", "sip:alice@example.com", &more));
    assert_eq!(stage.response().status, StatusCode::TRYING);
    assert!(matches!(stage.side.event(), Event::Incoming(incoming) if incoming.offer.as_deref() == Some(b"v=0")));
    // A body that need not be understood is as if it were not there.
    let mut stage = Stage::new();
    let more = "Content-Type: text/html\nContent-Disposition: render;handling=optional\n\n<b>";
    stage.hear(&request("INVITE", "sip:alice@example.com", more));
    stage.sent();
    assert!(matches!(stage.side.event(), Event::Incoming(incoming) if incoming.offer.is_none()));
}

#[test]
fn what_is_to_be_secure_does_not_go_in_the_clear() {
    for (secure, to, sent) in [
        (true, "sips:bob@example.com", true),
        (false, "sips:bob@example.com", false),
        (false, "SIPS:bob@example.com;transport=ws", false),
        (false, "sip:bob@example.com", true),
    ] {
        let mut stage = Stage::new();
        let mut config = Config::new(Uri::parse("sip:alice@example.com").expect("a URI"), [1; 32]);
        config.secure = secure;
        stage.side.agent = UserAgent::new(config);
        stage.side.agent.handle_input(stage.now, Input::LinkUp);
        let invite = Invite { to: Uri::parse(to).expect("a URI"), offer: "v=0".into() };
        let called = stage.side.agent.invite(stage.now, invite);
        assert_eq!(called.err(), (!sent).then_some(Misuse::Insecure), "{to}");
        assert_eq!(stage.sent().len(), usize::from(sent), "{to}");
        assert!(stage.side.agent.live().1 == usize::from(sent), "nothing is left of it");
    }
}

#[test]
fn an_address_says_nothing_of_the_request() {
    // RFC 3261 19.1.5, C88: headers of a link are not honoured, nor is another method.
    for (link, uri, to) in [
        (
            "sip:bob@example.com?From=sip:eve%40evil&Call-ID=1&Route=%3csip:evil%3e&Require=x&body=x",
            "sip:bob@example.com",
            "<sip:bob@example.com>",
        ),
        ("sip:bob@example.com;method=REGISTER", "sip:bob@example.com", "<sip:bob@example.com>"),
        (
            "sip:bob@example.com:5070;user=phone;transport=tcp;maddr=192.0.2.1;lr",
            "sip:bob@example.com:5070;user=phone;transport=tcp;maddr=192.0.2.1;lr",
            "<sip:bob@example.com:5070;user=phone>",
        ),
    ] {
        let mut stage = Stage::new();
        let invite = Invite { to: Uri::parse(link).expect("a URI"), offer: "v=0".into() };
        stage.side.agent.invite(stage.now, invite).expect("the link is up");
        let request = stage.request();
        assert_eq!(
            (request.uri.to_string().as_str(), request.headers.text(&HeaderName::To).as_deref()),
            (uri, Some(to))
        );
        assert!(!String::from_utf8_lossy(&request.to_bytes()).contains("evil"));
        assert!(request.headers.get(&HeaderName::Require).is_none() && request.body == "v=0");
    }
}

#[test]
fn nor_does_the_contact_of_the_far_end() {
    // Found by the fuzzer: a `gr` that nobody escaped made a Request-URI that no server takes, so that no BYE arrived.
    let contact = "<sip:bob@192.0.2.7;transport=ws;method=REGISTER;gr=urn:uuid:dceea?b3&Route=%3csip:evil%3e>";
    let contact = (HeaderName::Contact, contact);
    // A strict router stands in the Request-URI itself.
    let router = (HeaderName::RecordRoute, "<sip:127.0.0.1;r2?on;lr=on>");
    for (more, uri) in [
        (&[contact.clone()][..], "sip:bob@192.0.2.7;transport=ws;gr=urn:uuid:dceea"),
        (&[contact.clone(), router], "sip:127.0.0.1;r2"),
    ] {
        let mut stage = Stage::new();
        let (call, invite) = stage.call();
        stage.answer(&invite, 200, "bob", more);
        assert_eq!(stage.request().uri.to_string(), uri, "the ACK");
        stage.side.agent.hangup(stage.now, call).expect("it is up");
        assert_eq!(stage.request().uri.to_string(), uri, "the BYE");
    }
}
