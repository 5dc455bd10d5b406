//! No string that a person or a server gives makes a header, a line or a message of its own (S19).

use proptest::prelude::*;
use sip::{
    Config, HeaderName, Host, Input, Invite, Message, Output, Request, Secret, StatusCode, Uri, UserAgent,
    headers::Warning, testing::start,
};

/// All strings, and those that would do harm.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(
            prop_oneof![
                Just("\r\n"),
                Just("\n"),
                Just("\r"),
                Just("\0"),
                Just("\""),
                Just("\\"),
                Just("<"),
                Just(">"),
                Just(";"),
                Just(","),
                Just("@"),
                Just(":"),
                Just("%0d%0a"),
                Just("Via: x"),
                Just("\r\n\r\n"),
                Just("\u{85}"),
                Just("\u{2028}"),
                Just(" "),
                Just("\t"),
                Just("sip:"),
                Just("a"),
            ],
            0..12
        )
        .prop_map(|parts| parts.concat()),
    ]
}

fn sent(agent: &mut UserAgent) -> Vec<bytes::Bytes> {
    std::iter::from_fn(|| {
        loop {
            match agent.poll_output() {
                Output::Transmit(bytes) => return Some(bytes),
                Output::Event(_) => {}
                Output::Timeout(_) => return None,
            }
        }
    })
    .collect()
}

/// The names of the lines of a message, as the plainest of readers sees them.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "no line end but those of the lines: {head:?}");
    head.split("\r\n").skip(1).map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

/// What an agent says in a registration, its answer to a challenge, a call and a refusal.
fn said(name: &str, user: &str, to: &str, agent_name: &str, server: &str) -> Vec<bytes::Bytes> {
    let now = start();
    let host = Host::parse("example.com").expect("a name");
    let mut config = Config::new(Uri::sip(Some(user), host.clone()), [1; 32]);
    config.display_name = Some(name.to_owned());
    config.auth_user = Some(user.to_owned());
    config.password = Some(Secret::new("pw".to_owned()));
    config.user_agent = agent_name.to_owned();
    config.instance = format!("urn:uuid:{user}");
    let mut agent = UserAgent::new(config);
    agent.handle_input(now, Input::LinkUp);
    agent.register(now);
    let mut all = sent(&mut agent);
    let Ok(Message::Request(register)) = Message::parse(all[0].clone()) else { panic!("no REGISTER: {:?}", all[0]) };
    let mut challenged = register.respond(StatusCode::UNAUTHORIZED, Some("s"));
    let challenge = sip::headers::Challenge::digest(&[("realm", server), ("nonce", server), ("opaque", server)]);
    challenged.headers.push(HeaderName::WwwAuthenticate, &challenge.to_string());
    agent.handle_input(now, Input::Message(challenged.to_bytes()));
    all.extend(sent(&mut agent));
    agent.invite(now, Invite { to: Uri::sip(Some(to), host), offer: "v=0".into() }).expect("the link is up");
    all.extend(sent(&mut agent));
    let own = register.headers.name_addr(&HeaderName::Contact).expect("a Contact").uri;
    let call = format!(
        "INVITE {own} SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\r\nFrom: <sip:b@c>;tag=f\r\n\
         To: <sip:x@y>\r\nCall-ID: in\r\nCSeq: 1 INVITE\r\nContact: <sip:b@c>\r\n\r\n"
    );
    agent.handle_input(now, Input::Message(call.into()));
    loop {
        match agent.poll_output() {
            Output::Event(sip::Event::Incoming(incoming)) => {
                let why = Warning::new(399, server.to_owned());
                agent
                    .reject_with(now, incoming.call, StatusCode::NOT_ACCEPTABLE_HERE, Some(why))
                    .expect("it is called");
            }
            Output::Transmit(bytes) => all.push(bytes),
            Output::Event(_) => {}
            Output::Timeout(_) => return all,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_string_makes_a_line(
        name in any_text(), user in any_text(), to in any_text(), agent in any_text(), server in any_text()
    ) {
        let plain = said("Alice", "alice", "bob", "Bellbird", "server");
        let wild = said(&name, &user, &to, &agent, &server);
        prop_assert_eq!(plain.len(), wild.len());
        for (plain, wild) in plain.iter().zip(&wild) {
            prop_assert_eq!(lines(plain), lines(wild));
            prop_assert!(Message::parse(wild.clone()).is_ok(), "{:?}", wild);
        }
    }

    #[test]
    fn no_header_of_a_program_makes_a_line(value in any_text()) {
        let mut request = Request::new(sip::Method::Options, Uri::parse("sip:example.com").expect("a URI"));
        request.headers.push(HeaderName::Subject, &value);
        request.headers.set(HeaderName::Server, &value);
        request.headers.push_front(HeaderName::UserAgent, &value);
        prop_assert_eq!(lines(&request.to_bytes()), ["User-Agent", "Subject", "Server", "Content-Length"]);
    }
}
