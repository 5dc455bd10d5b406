//! GRUUs (RFC 5627 4), and calls that do not say who calls (RFC 3323, RFC 3325).

#[path = "support/line.rs"]
mod line;

use line::{Line, SECOND, contact};
use sip::{Event, HeaderName, Input, Invite, Message, Method, Request, Uri};

const PUBLIC: &str = "sip:alice@example.com;gr=urn:uuid:1";

fn registered(line: &mut Line, request: &Request, temporary: &str) {
    let own = contact(request).uri;
    line.say(request, 200, |response| {
        response
            .headers
            .push(HeaderName::Contact, &format!("<{own}>;expires=600;pub-gruu=\"{PUBLIC}\";temp-gruu=\"{temporary}\""));
    });
    line.side.drain();
}

fn to_bob() -> Invite {
    Invite { to: Uri::parse("sip:bob@example.com").expect("a URI"), offer: "v=0".into() }
}

#[test]
fn an_anonymous_call_names_nobody_but_to_the_server() {
    let mut line = Line::new(None);
    let first = line.request();
    registered(&mut line, &first, "sip:tgruu.1@example.com;gr");
    line.side.event();
    let Event::Registered(told) = line.side.event() else { panic!("it registered") };
    assert_eq!(told.temporary_gruu.as_deref(), Some("sip:tgruu.1@example.com;gr"));
    let call = line.side.agent.invite_anonymously(line.now, to_bob()).expect("the link is up");
    let invite = line.request();
    let from = invite.headers.name_addr(&HeaderName::From).expect("a From");
    assert_eq!(from.uri.to_string(), "sip:anonymous@anonymous.invalid");
    assert_eq!(contact(&invite).uri.to_string(), "sip:tgruu.1@example.com;gr");
    assert!(invite.headers.has_token(&HeaderName::Privacy, "id"));
    let charged = invite.headers.name_addr(&HeaderName::PPreferredIdentity).expect("whom to charge");
    assert_eq!(charged.uri.to_string(), "sip:alice@example.com");
    // The server takes that one away; nothing else of the whole call says who we are.
    line.say(&invite, 200, |response| response.headers.push(HeaderName::Contact, "<sip:bob@192.0.2.7>"));
    line.side.drain();
    line.side.agent.reoffer(line.now, call, "v=0 hold".into()).expect("it is up");
    let change = line.request();
    line.say(&change, 200, |_| {});
    line.side.drain();
    let tag = from.tag().expect("a tag").to_owned();
    let call_id = invite.headers.text(&HeaderName::CallId).expect("a Call-ID").into_owned();
    let update = format!(
        "UPDATE sip:x@y SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bKu\r\nFrom: <sip:bob@example.com>;tag=server\r\n\
         To: <sip:anonymous@anonymous.invalid>;tag={tag}\r\nCall-ID: {call_id}\r\nCSeq: 1 UPDATE\r\n\r\n"
    );
    line.side.agent.handle_input(line.now, Input::Message(update.into()));
    line.side.drain();
    line.side.agent.hangup(line.now, call).expect("it is up");
    line.side.drain();
    let said: Vec<String> = line
        .side
        .sent
        .iter()
        .filter(|text| text.contains(&call_id))
        .map(|text| text.lines().filter(|line| !line.starts_with("P-Preferred-Identity:")).collect())
        .collect();
    assert_eq!(said.len(), 6, "INVITE, ACK, INVITE, ACK, the answer and BYE: {said:?}");
    assert!(said.iter().all(|text| !text.contains("alice")), "{said:?}");

    // A call that hides nothing.
    line.side.agent.invite(line.now, to_bob()).expect("the link is up");
    let invite = line.request();
    assert_eq!(contact(&invite).uri.to_string(), PUBLIC);
    assert!(invite.headers.get(&HeaderName::Privacy).is_none());
}

#[test]
fn a_gruu_is_good_as_long_as_the_registration() {
    let mut line = Line::new(None);
    let first = line.request();
    registered(&mut line, &first, "sip:tgruu.1@example.com;gr");
    // A refresh brings a newer one, under the same Call-ID.
    line.pass(300 * SECOND);
    let refresh = line.request();
    assert_eq!(refresh.headers.get(&HeaderName::CallId), first.headers.get(&HeaderName::CallId));
    registered(&mut line, &refresh, "sip:tgruu.2@example.com;gr");
    let calls = |line: &mut Line| {
        line.side.agent.invite_anonymously(line.now, to_bob()).expect("the link is up");
        contact(&line.request()).uri.to_string()
    };
    assert_eq!(calls(&mut line), "sip:tgruu.2@example.com;gr");
    // Who calls it calls us; nothing of it is understood (RFC 5627 4.2).
    let call = |to: &str| {
        format!(
            "INVITE {to} SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\r\nFrom: <sip:b@c>;tag=f\r\nTo: <{to}>\r\n\
             Call-ID: {to}\r\nCSeq: 1 INVITE\r\nContact: <sip:b@c>\r\n\r\n"
        )
    };
    for (to, status) in [("sip:tgruu.2@example.com;gr", 100), ("sip:tgruu.9@example.com;gr", 404)] {
        line.side.agent.handle_input(line.now, Input::Message(call(to).into()));
        let answered = line.side.drain().into_iter().find_map(|bytes| match Message::parse(bytes) {
            Ok(Message::Response(response)) => Some(response.status.code()),
            _ => None,
        });
        assert_eq!(answered, Some(status), "{to}");
    }
    // The link is gone, and with it the registration: none of them is given out.
    line.side.agent.handle_input(line.now, Input::LinkDown);
    line.side.drain();
    line.side.agent.handle_input(line.now, Input::LinkUp);
    let again = line.request();
    assert_eq!(again.method, Method::Register);
    assert_eq!(calls(&mut line), contact(&again).uri.to_string(), "our own random Contact");
}
