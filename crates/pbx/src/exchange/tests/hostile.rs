//! Phones that do what they should not, and faults on purpose.

use super::*;

fn raw(room: &mut Room, text: &str) -> Vec<String> {
    let before = room.sent.len();
    room.exchange.receive(room.now, ALICE, Bytes::from(text.replace('\n', "\r\n")));
    room.settle();
    room.sent[before..].iter().map(|(_, line)| line.clone()).collect()
}

fn request(first: &str, more: &str) -> String {
    let method = first.split(' ').next().unwrap();
    format!(
        "{first} SIP/2.0\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK1\nFrom: <sip:alice@{DOMAIN}>;tag=1\nTo: <{}>\nCall-ID: c\nCSeq: 1 {method}\n{more}Content-Length: 0\n\n",
        bob()
    )
}

#[test]
fn what_a_proxy_has_to_refuse_is_refused() {
    let mut room = Room::ready(&config());
    let invite = format!("INVITE {}", bob());
    for (text, expected) in [
        (request(&invite, "Max-Forwards: 0\n"), "SIP/2.0 483"),
        (request(&invite, "Proxy-Require: nothing-known\n"), "SIP/2.0 420"),
        (request(&invite, "Max-Forwards: 70\n"), "SIP/2.0 407"),
        (request(&format!("CANCEL {}", bob()), ""), "SIP/2.0 481"),
        (request("REGISTER sip:practice.invalid", "Contact: *\n"), "SIP/2.0 404"),
        (request(&format!("OPTIONS sip:{DOMAIN}"), ""), "SIP/2.0 407"),
        (request(&invite, "Broken\n"), "SIP/2.0 400"),
    ] {
        let sent = raw(
            &mut room,
            &text.replace("To: <sip:bob", if expected.ends_with("404") { "To: <sip:eve" } else { "To: <sip:bob" }),
        );
        assert!(sent.len() == 1 && sent[0].starts_with(expected), "{text}\n{sent:?}");
    }
    for silent in ["\n\n", "", "\0", &request(&format!("ACK {}", bob()), ""), "garbage\n\n", "SIP/2.0 200 OK\n\n"] {
        assert!(raw(&mut room, silent).is_empty(), "{silent}");
    }
}

#[test]
fn a_forged_branch_reaches_nobody_who_is_not_there() {
    let mut room = Room::ready(&config());
    for branch in ["z9hG4bKpbx.ff.0", "z9hG4bKpbx.zz.0", "z9hG4bKpbx", "z9hG4bK1"] {
        let text = format!(
            "SIP/2.0 200 OK\nVia: SIP/2.0/WSS {DOMAIN};branch={branch}\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>;tag=2\nCall-ID: c\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
        );
        assert!(raw(&mut room, &text).is_empty(), "{branch}");
    }
}

#[test]
fn the_proof_for_us_is_not_told_to_who_is_called() {
    let mut room = Room::ready(&config());
    room.call(ALICE, &bob());
    let mut seen = None;
    for _ in 0..8 {
        let Output::Transmit(bytes) = room.agent(ALICE).poll_output() else { continue };
        let now = room.now;
        room.exchange.receive(now, ALICE, bytes);
        while let Some(Action::Send(to, bytes)) = room.exchange.poll() {
            if to == BOB {
                seen = Some(String::from_utf8_lossy(&bytes).into_owned());
            } else {
                room.agent(to).handle_input(now, Input::Message(bytes));
            }
        }
    }
    let invite = seen.expect("Bob is called");
    assert!(!invite.contains("Authorization") && invite.contains("Record-Route: <sip:practice.invalid;"), "{invite}");
    assert!(invite.contains("Max-Forwards: 69"));
}

#[test]
fn the_faults_are_what_they_say() {
    let fault = |faults| Room::new(&Config { faults, ..config() });
    let mut room = fault(Faults { wrong_passwords: true, ..Faults::default() });
    room.phone(ALICE, "alice", "alice's");
    room.event(ALICE);
    assert!(matches!(
        room.event(ALICE),
        Event::RegistrationFailed { why: sip::RegistrationFailure::WrongPassword, .. }
    ));
    let mut room = fault(Faults { silent: true, ..Faults::default() });
    room.phone(ALICE, "alice", "alice's");
    room.event(ALICE);
    assert!(room.quiet(ALICE) && room.sent.is_empty());
    let after = Some(Duration::from_secs(7));
    let mut room =
        fault(Faults { refuse_register: Some((StatusCode::SERVICE_UNAVAILABLE, after)), ..Faults::default() });
    room.phone(ALICE, "alice", "alice's");
    room.event(ALICE);
    let Event::RegistrationFailed { retry_at: Some(at), .. } = room.event(ALICE) else { panic!("it is refused") };
    assert!(at >= room.now + Duration::from_secs(7));
    let mut room = fault(Faults { drop_after: Some(1), ..Faults::default() });
    room.phone(ALICE, "alice", "alice's");
    room.event(ALICE);
    assert!(matches!(room.event(ALICE), Event::RegistrationFailed { why: sip::RegistrationFailure::Link, .. }));
}

#[test]
fn a_phone_binds_eight_contacts_at_most_and_calls_eight_at_once() {
    let mut room = Room::ready(&config());
    for _ in 0..MOST_CONTACTS + 5 {
        let token = room.exchange.token();
        raw(&mut room, &request(&format!("INVITE {}", bob()), &format!("Contact: <sip:{token}@x.invalid>\n")));
    }
    assert_eq!(room.exchange.connections[&ALICE].contacts.len(), MOST_CONTACTS);
}
