//! Accounts, their servers and their passwords.

use super::*;

#[test]
fn the_line_says_why_a_call_cannot_be_made() {
    let mut desk = Desk::registered();
    desk.line("a1", LineEvent::Refused { fault: Fault::new(Code::WrongPassword), retry_in: None });
    assert_eq!(desk.ask(json!({ "do": "call", "to": "600" })).unwrap_err().code, Code::WrongPassword);
    assert_eq!(desk.state().tray, Tray::Unreachable);
    // What the connection still tells changes nothing until a person acts.
    desk.line("a1", LineEvent::Step(crate::contract::ConnectStep::Register));
    assert!(matches!(&desk.state().accounts[0].line, LineState::Failed { error } if error.code == "wrong-password"));
    desk.wanted();
    desk.ask(json!({ "do": "change-account", "account": "a1", "password": "x", "keep": "run" })).unwrap();
    let opens = |effect: &Effect| matches!(effect, Effect::Line(_, LineOrder::Open { .. }));
    assert!(desk.wanted().iter().any(opens));
    assert!(matches!(desk.state().accounts[0].line, LineState::Connecting { .. }));
}

#[test]
fn a_password_is_not_shown_to_another_server_unasked() {
    let mut desk = Desk::registered();
    desk.wanted();
    let other = json!({ "do": "change-account", "account": "a1", "server": "wss://evil.example/" });
    for (change, host) in [
        (other.clone(), "evil.example"),
        (json!({ "do": "test-account", "account": "a1", "server": "wss://evil.example/" }), "evil.example"),
        (json!({ "do": "change-account", "account": "a1", "server": "ws://example.com/" }), "example.com"),
    ] {
        let fault = desk.ask(change).unwrap_err();
        assert_eq!((fault.code, &fault.args[..]), (Code::PasswordAnew, &[("host", host.to_owned())][..]));
    }
    assert!(desk.wanted().is_empty(), "nothing was opened and nothing changed");
    for same in
        [json!({ "server": "wss://example.com:8089/ws" }), json!({ "name": "Desk" }), json!({ "password": "y" })]
    {
        let mut change = same;
        change["do"] = "change-account".into();
        change["account"] = "a1".into();
        desk.ask(change).unwrap();
    }
    let mut typed = other;
    typed["password"] = "z".into();
    desk.ask(typed).unwrap();

    let relay = |url: &str| json!({ "do": "change-account", "account": "a1", "turn": [{ "url": url, "user": "u" }] });
    desk.ask(relay("turn:one.example")).unwrap();
    assert_eq!(desk.ask(relay("turn:two.example")).unwrap_err().code, Code::PasswordAnew);
    let mut typed = relay("turn:two.example");
    typed["turnPassword"] = "t".into();
    desk.ask(typed).unwrap();
}

#[test]
fn what_a_server_proved_to_know_is_kept_until_the_password_is_typed_again() {
    let mut desk = Desk::registered();
    desk.wanted();
    let seen = sip::auth::Seen { strongest: sip::auth::Algorithm::named("SHA-256"), realms: vec!["office".into()] };
    let registers = |desk: &mut Desk| {
        let (expires, digest) = (Duration::from_secs(600), Some("SHA-256"));
        desk.line("a1", LineEvent::Registered { expires, digest, seen: (&seen).into() });
        desk.wanted()
    };
    let saved = |wanted: &[Effect]| {
        let digests = wanted.iter().filter_map(|effect| match effect {
            Effect::Save(profile) => Some(sip::auth::Seen::from(&profile.digest)),
            _ => None,
        });
        digests.collect::<Vec<_>>()
    };
    assert_eq!(saved(&registers(&mut desk)), std::slice::from_ref(&seen));
    assert_eq!(saved(&registers(&mut desk)), [], "a refresh writes nothing");
    let mut change = |wish: serde_json::Value| {
        let mut wish = wish;
        (wish["do"], wish["account"]) = ("change-account".into(), "a1".into());
        desk.ask(wish).unwrap();
        saved(&desk.wanted())
    };
    assert_eq!(change(json!({ "name": "Desk" })), std::slice::from_ref(&seen));
    assert_eq!(change(json!({ "pin": "ab".repeat(32) })), std::slice::from_ref(&seen));
    assert_eq!(change(json!({ "password": "x" })), [sip::auth::Seen::default()]);
}

#[test]
fn a_new_connection_is_told_of_every_call() {
    let mut desk = Desk::registered();
    let (call, _) = desk.talks();
    desk.wanted();
    desk.line(
        "a1",
        LineEvent::Down { fault: Fault::new(Code::ConnectionLost), retry_in: Some(Duration::from_secs(2)), tries: 1 },
    );
    assert!(matches!(desk.phase(&call), Phase::Connected {}), "the sound goes on without the server");
    assert!(matches!(desk.state().accounts[0].line, LineState::Retrying { attempt: 2, .. }));
    desk.comes_up("a1");
    assert!(desk.orders().iter().any(|order| matches!(order, Order::Offer { call: own, .. } if *own == call)));
}

#[test]
fn who_asks_for_a_lost_line_keeps_the_agent_that_has_the_calls() {
    let mut desk = Desk::registered();
    desk.talks();
    desk.line(
        "a1",
        LineEvent::Down { fault: Fault::new(Code::ConnectionLost), retry_in: Some(Duration::from_secs(2)), tries: 1 },
    );
    desk.wanted();
    desk.ask(json!({ "do": "register", "account": "a1" })).unwrap();
    // Found by a simulated call: another agent knew nothing of the call, and nobody could hang it up any more.
    let wanted = desk.wanted();
    assert!(wanted.iter().any(|effect| matches!(effect, Effect::Line(_, LineOrder::Reconnect))), "{wanted:?}");
    assert!(!wanted.iter().any(|effect| matches!(effect, Effect::Line(_, LineOrder::Open { .. }))), "{wanted:?}");
}

#[test]
fn an_account_that_changes_ends_its_calls_first() {
    let mut desk = Desk::registered();
    let (_, sip) = desk.talks();
    desk.wanted();
    desk.ask(json!({ "do": "change-account", "account": "a1", "password": "x", "keep": "run" })).unwrap();
    let wanted = desk.wanted();
    let at = |found: &dyn Fn(&Effect) -> bool| wanted.iter().position(found).expect("it is wanted");
    let ends = at(&|effect| matches!(effect, Effect::Agent(_, AgentOrder::Hangup(own)) if *own == sip));
    let opens = at(&|effect| matches!(effect, Effect::Line(_, LineOrder::Open { .. })));
    assert!(ends < opens, "the agent that knows the call still hears of it");
}

#[test]
fn another_network_moves_lines_and_calls() {
    let mut desk = Desk::registered();
    let (call, _) = desk.talks();
    desk.wanted();
    desk.board.network_changed(desk.now);
    desk.collect();
    assert!(desk.wanted().iter().any(|effect| matches!(effect, Effect::Line(_, LineOrder::Reconnect))));
    desk.comes_up("a1");
    assert!(desk.orders().iter().any(|order| matches!(order, Order::Restart { call: own, .. } if *own == call)));
}

#[test]
fn only_the_certificate_that_was_shown_can_be_trusted() {
    let mut desk = Desk::registered();
    let mut fault = Fault::new(Code::CertificateUntrusted);
    let sha256 = "ab".repeat(32);
    fault.cert = Some(Box::new(crate::contract::Certificate { sha256: sha256.clone(), ..Default::default() }));
    desk.ask(json!({ "do": "register" })).unwrap();
    desk.line("a1", LineEvent::Down { fault, retry_in: None, tries: 1 });
    let trust = |sha256: &str| json!({ "do": "trust-certificate", "account": "a1", "sha256": sha256 });
    assert_eq!(desk.ask(trust(&"cd".repeat(32))).unwrap_err().code, Code::NoSuchCertificate);
    desk.ask(trust(&sha256)).unwrap();
    assert_eq!(desk.state().accounts[0].pin, Some(sha256.clone()));
    assert_eq!(desk.ask(trust(&sha256)).unwrap_err().code, Code::NoSuchCertificate, "it is shown no more");
}

#[test]
fn without_a_keychain_one_is_told_and_may_type_the_password() {
    let mut desk = Desk::new(Beginning { accounts: vec![profile("a1", "alice")], ..Beginning::default() });
    assert!(desk.wanted().iter().any(|effect| matches!(effect, Effect::Secret(_, SecretOrder::Load))));
    desk.board.secret_loaded(desk.now, &"a1".into(), Err(SecretError::NoKeychain("no bus".into())));
    desk.collect();
    let state = desk.state();
    assert!(matches!(&state.accounts[0].line, LineState::Failed { error } if error.code == "password-needed"));
    assert_eq!(state.problems[0].code, "no-keychain");
    desk.ask(json!({ "do": "change-account", "account": "a1", "password": "x", "keep": "run" })).unwrap();
    assert!(matches!(desk.state().accounts[0].line, LineState::Connecting { .. }));
    assert_eq!(desk.state().accounts[0].secret, crate::contract::SecretState::Run);
}
