//! Digest as a whole agent does it (RFC 3261 22, RFC 7616, RFC 8760): what it proves, to whom, and what it keeps back.

#[path = "support/line.rs"]
mod line;

use line::{Line, SECOND, proof};
use sha2::{Digest, Sha256};
use sip::{
    Config, EndCause, Event, HeaderName, Input, Invite, Method, RegistrationFailure, Request, Secret, Uri, UserAgent,
    auth::{Algorithm, Refusal, Seen},
    headers::{CSeq, Credentials},
};

/// Computed without any code of the agent.
fn sha(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn challenge(line: &mut Line, request: &Request, code: u16, fields: &[(HeaderName, &str)]) {
    line.say(request, code, |response| {
        for (name, fields) in fields {
            response.headers.push(name.clone(), &format!("Digest {fields}"));
        }
    });
}

fn www(line: &mut Line, request: &Request, fields: &str) {
    challenge(line, request, 401, &[(HeaderName::WwwAuthenticate, fields)]);
}

/// The proofs of a request: realm, and for whom.
fn realms(request: &Request) -> Vec<(String, bool)> {
    [(HeaderName::Authorization, false), (HeaderName::ProxyAuthorization, true)]
        .iter()
        .flat_map(|(name, proxy)| {
            request.headers.get_all(name).map(|value| {
                let own = Credentials::parse(&String::from_utf8_lossy(value)).expect("ours parses");
                (own.get("realm").expect("a realm").to_owned(), *proxy)
            })
        })
        .collect()
}

fn field(request: &Request, name: &str) -> String {
    proof(request).and_then(|own| own.get(name).map(str::to_owned)).unwrap_or_default()
}

const SHA: &str = r#"realm="r", nonce="n1", qop="auth", algorithm=SHA-256"#;
const MD5: &str = r#"realm="r", nonce="n2", qop="auth", algorithm=MD5"#;

/// Registered with a proof of SHA-256 for the realm `r`.
fn registered() -> Line {
    let mut line = Line::new(Some("pw"));
    let first = line.request();
    www(&mut line, &first, SHA);
    let second = line.request();
    line.accept(&second, 600);
    line.side.drain();
    line.side.events.clear();
    line
}

fn invite(line: &mut Line) -> Request {
    let to = Uri::parse("sip:bob@example.com").expect("a URI");
    line.side.agent.invite(line.now, Invite { to, offer: "v=0".into() }).expect("the link is up");
    line.request()
}

#[test]
fn the_next_nonce_is_used_next() {
    let mut line = Line::new(Some("pw"));
    let first = line.request();
    www(&mut line, &first, SHA);
    let second = line.request();
    let contact = second.headers.text(&HeaderName::Contact).expect("a Contact").into_owned();
    line.say(&second, 200, |response| {
        response.headers.push(HeaderName::Contact, &contact);
        response.headers.push(HeaderName::AuthenticationInfo, r#"nextnonce="n9", qop=auth"#);
    });
    line.pass(300 * SECOND);
    let refresh = line.request();
    assert_eq!((field(&refresh, "nonce").as_str(), field(&refresh, "nc").as_str()), ("n9", "00000001"));
}

#[test]
fn a_server_that_knows_the_password_too_is_believed_and_another_is_not() {
    for (right, qop) in [(true, "auth"), (false, "auth"), (true, "auth-int"), (false, "auth-int")] {
        let mut line = Line::new(Some("pw"));
        let first = line.request();
        www(&mut line, &first, &SHA.replace("auth", qop));
        let second = line.request();
        let contact = second.headers.text(&HeaderName::Contact).expect("a Contact").into_owned();
        let get = |name| field(&second, name);
        // RFC 7616 3.5: the method is left out; the body of the answer is empty.
        let a2 = if qop == "auth" { format!(":{}", get("uri")) } else { format!(":{}:{}", get("uri"), sha("")) };
        let password = if right { "pw" } else { "pq" };
        let a1 = sha(&format!("alice:r:{password}"));
        let rspauth = sha(&format!("{a1}:n1:{}:{}:{qop}:{}", get("nc"), get("cnonce"), sha(&a2)));
        let info = format!(r#"rspauth="{rspauth}", cnonce="{}", nc=00000001, qop={qop}"#, get("cnonce"));
        line.say(&second, 200, |response| {
            response.headers.push(HeaderName::Contact, &contact);
            response.headers.push(HeaderName::AuthenticationInfo, &info);
        });
        line.side.drain();
        line.side.event();
        if right {
            assert!(matches!(line.side.event(), Event::Registered(_)));
            assert_eq!(line.side.agent.digest_refusal(), None);
        } else {
            assert!(matches!(line.side.event(), Event::Misbehaved(_)));
            assert!(matches!(line.side.event(), Event::RegistrationFailed { why: RegistrationFailure::BadAnswer, .. }));
            assert_eq!(line.side.agent.digest_refusal(), Some(Refusal::Unproven));
            assert!(line.side.agent.digest_seen().realms.is_empty());
        }
    }
}

#[test]
fn the_key_of_a_session_and_the_body_count() {
    let mut line = Line::new(Some("pw"));
    line.request();
    let first = invite(&mut line);
    let fields = r#"realm="r", nonce="n1", qop="auth-int", algorithm=SHA-256-sess"#;
    challenge(&mut line, &first, 401, &[(HeaderName::WwwAuthenticate, fields)]);
    let sent = line.side.drain();
    let Ok(sip::Message::Request(second)) = sip::Message::parse(sent[1].clone()) else { panic!("{sent:?}") };
    let get = |name| field(&second, name);
    let a1 = sha(&format!("{}:n1:{}", sha("alice:r:pw"), get("cnonce")));
    let a2 = sha(&format!("INVITE:sip:bob@example.com:{}", sha("v=0")));
    let expected = sha(&format!("{a1}:n1:00000001:{}:auth-int:{a2}", get("cnonce")));
    assert_eq!(
        (get("response"), get("algorithm").as_str(), get("qop").as_str()),
        (expected, "SHA-256-sess", "auth-int")
    );
    // RFC 7616 3.4.2: the key stays that of the first proof.
    let third = invite(&mut line);
    assert_eq!((field(&third, "cnonce"), field(&third, "nc").as_str()), (get("cnonce"), "00000002"));
}

#[test]
fn several_who_ask_are_all_answered() {
    // RFC 3261 22.3: a forking proxy gathers what it was asked.
    let mut line = Line::new(Some("pw"));
    let first = line.request();
    let both = [(HeaderName::WwwAuthenticate, SHA), (HeaderName::ProxyAuthenticate, r#"realm="edge", nonce="e""#)];
    challenge(&mut line, &first, 401, &both);
    let second = line.request();
    assert_eq!(realms(&second), [("r".to_owned(), false), ("edge".to_owned(), true)]);
    // The edge is content; the registrar has forgotten its nonce.
    www(&mut line, &second, &format!("{SHA}, stale=true"));
    let third = line.request();
    assert_eq!(realms(&third).len(), 2);
    line.accept(&third, 600);
    assert_eq!(line.side.agent.digest_seen().realms, ["r", "edge"]);

    // One behind the other: each gets one answer, and the second refusal of one is the end.
    let mut line = Line::new(Some("pw"));
    let first = line.request();
    challenge(&mut line, &first, 407, &[(HeaderName::ProxyAuthenticate, r#"realm="edge", nonce="e""#)]);
    let second = line.request();
    www(&mut line, &second, SHA);
    let third = line.request();
    assert_eq!(realms(&third).len(), 2);
    www(&mut line, &third, SHA);
    assert!(line.side.drain().is_empty());
    assert_eq!(line.side.agent.digest_refusal(), Some(Refusal::Rejected));
}

#[test]
fn who_asks_without_end_is_left() {
    for (name, most) in [("r", 2), ("r{}", 5)] {
        let mut line = Line::new(Some("pw"));
        let mut asked = 0;
        loop {
            let sent = line.side.drain();
            let Some(bytes) = sent.first() else { break };
            let Ok(sip::Message::Request(request)) = sip::Message::parse(bytes.clone()) else { panic!("a request") };
            asked += 1;
            assert!(asked < 20);
            let realm = name.replace("{}", &asked.to_string());
            www(&mut line, &request, &format!(r#"realm="{realm}", nonce="n{asked}", qop="auth""#));
        }
        assert_eq!(asked, most, "{name}");
    }
}

#[test]
fn a_second_request_costs_no_second_round_trip() {
    let mut line = registered();
    let first = invite(&mut line);
    challenge(&mut line, &first, 407, &[(HeaderName::ProxyAuthenticate, SHA)]);
    let sent = line.side.drain();
    let Ok(sip::Message::Request(second)) = sip::Message::parse(sent[1].clone()) else { panic!("{sent:?}") };
    // RFC 3261 8.1.3.5: the same call with the next CSeq.
    assert_eq!(second.headers.get(&HeaderName::CallId), first.headers.get(&HeaderName::CallId));
    assert_eq!(second.headers.typed::<CSeq>().and_then(Result::ok).map(|cseq| cseq.number), Some(2));
    let third = invite(&mut line);
    assert_eq!(realms(&third), [("r".to_owned(), true)]);
    let text = third.headers.text(&HeaderName::ProxyAuthorization).expect("a proof").into_owned();
    assert_eq!(Credentials::parse(&text).expect("ours parses").get("nc"), Some("00000002"));
}

#[test]
fn md5_alone_gets_nothing_from_an_account_that_saw_more() {
    // S13. At once, and after another start that was handed what this one saw.
    let mut line = registered();
    assert_eq!(*line.side.agent.digest_seen(), Seen { strongest: Some(Algorithm::Sha256), realms: vec!["r".into()] });
    line.pass(300 * SECOND);
    let refresh = line.request();
    www(&mut line, &refresh, MD5);
    assert!(line.side.drain().is_empty());
    assert!(matches!(line.side.event(), Event::RegistrationFailed { why: RegistrationFailure::BadAnswer, .. }));
    assert_eq!(line.side.agent.digest_refusal(), Some(Refusal::Weaker));

    for (strongest, answered) in [
        (None, true),
        (Some(Algorithm::Md5), true),
        (Some(Algorithm::Sha256), false),
        (Some(Algorithm::Sha512_256), false),
    ] {
        let mut line = Line::new(None);
        line.side.drain();
        let mut config = Config::new(Uri::parse("sip:alice@example.com").expect("a URI"), [3; 32]);
        config.password = Some(Secret::new("pw".to_owned()));
        config.digest_seen = Seen { strongest, realms: Vec::new() };
        line.side.agent = UserAgent::new(config);
        line.side.agent.handle_input(line.now, Input::LinkUp);
        line.side.agent.register(line.now);
        let first = line.request();
        www(&mut line, &first, MD5);
        assert_eq!(line.side.drain().len(), usize::from(answered), "{strongest:?}");
    }
    // Both beside each other are no fall.
    let mut line = registered();
    line.pass(300 * SECOND);
    let refresh = line.request();
    challenge(&mut line, &refresh, 401, &[(HeaderName::WwwAuthenticate, MD5), (HeaderName::WwwAuthenticate, SHA)]);
    let again = line.request();
    assert_eq!(field(&again, "algorithm"), "SHA-256");
}

#[test]
fn another_realm_than_that_of_the_registrar_harvests_nothing() {
    // L1, S1: a far end that asks for a proof, to every request of ours.
    let evil = |realm: &str, scheme: &str| format!(r#"realm="{realm}", nonce="x", qop="auth"{scheme}"#);
    for realm in ["evil", "R", "r ", "", "example.com"] {
        for scheme in ["", ", algorithm=SHA-256", ", algorithm=SHA-512-256, stale=true"] {
            for (code, name) in [(401, HeaderName::WwwAuthenticate), (407, HeaderName::ProxyAuthenticate)] {
                let mut line = registered();
                let first = invite(&mut line);
                challenge(&mut line, &first, code, &[(name.clone(), &evil(realm, scheme))]);
                assert_eq!(line.side.drain().len(), 1, "an ACK and nothing more: {realm} {scheme} {code}");
                assert_eq!(line.side.agent.digest_refusal(), Some(Refusal::ForeignRealm));
                let ended = line.side.events.pop_back();
                let foreign = |cause: &EndCause| cause.refusal == Some(Refusal::ForeignRealm) && !cause.answered;
                assert!(matches!(&ended, Some(Event::Ended { cause, .. }) if foreign(cause)), "{ended:?}");

                let mut line = registered();
                let to = Uri::parse("sip:bob@example.com").expect("a URI");
                let call = line.side.agent.invite(line.now, Invite { to, offer: "v=0".into() }).expect("a link");
                let first = line.request();
                line.say(&first, 200, |response| response.headers.push(HeaderName::Contact, "<sip:bob@192.0.2.7>"));
                line.side.drain();
                line.side.agent.reoffer(line.now, call, "v=0".into()).expect("it is up");
                let change = line.request();
                challenge(&mut line, &change, code, &[(name.clone(), &evil(realm, scheme))]);
                line.side.drain();
                line.side.agent.hangup(line.now, call).expect("it is up");
                let bye = line.request();
                assert_eq!(bye.method, Method::Bye);
                challenge(&mut line, &bye, code, &[(name.clone(), &evil(realm, scheme))]);
                assert!(line.side.drain().is_empty());
                let said = line.side.sent.iter().filter(|text| text.contains(r#"nonce="x""#)).count();
                assert_eq!(said, 0, "{realm} {scheme} {code}");

                let mut line = registered();
                line.pass(300 * SECOND);
                let refresh = line.request();
                challenge(&mut line, &refresh, code, &[(name.clone(), &evil(realm, scheme))]);
                assert!(line.side.drain().is_empty(), "nor a registrar with another name");
            }
        }
    }
}
