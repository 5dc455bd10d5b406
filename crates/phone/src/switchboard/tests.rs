//! The switchboard on a clock of its own: what people ask, what happens, and what the phone wants done.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;
use sip::{EndCause, EndedBy, Event, Host, Incoming, Input, Invite, StatusCode, Uri, UserAgent};

use super::*;
use crate::{
    contract::{Act, CauseKind, Command, LineState, Notice, Phase, PhoneState, Tray},
    fault::{Code, Fault},
    secret::SecretError,
    voice::{Happened, Order, PathState},
};

/// A phone with one account that is registered, and an agent whose names for calls are real ones.
struct Desk {
    board: Switchboard,
    now: Now,
    agent: UserAgent,
    effects: Vec<Effect>,
}

impl Desk {
    fn new(beginning: Beginning) -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp::from_unix_ms(1_700_000_000_000) };
        let own = Uri::sip(Some("alice"), Host::parse("example.com").unwrap());
        let mut agent = UserAgent::new(sip::Config::new(own, [7; 32]));
        agent.handle_input(now.instant, Input::LinkUp);
        let mut desk = Self { board: Switchboard::new(now, beginning), now, agent, effects: Vec::new() };
        desk.collect();
        desk
    }

    fn registered() -> Self {
        let mut desk =
            Self::new(Beginning { accounts: vec![profile("a1", "alice")], for_this_run: true, ..Beginning::default() });
        desk.comes_up("a1");
        desk
    }

    fn comes_up(&mut self, account: &str) {
        let server: SocketAddr = "192.0.2.1:443".parse().unwrap();
        for event in [
            LineEvent::Up { security: None, server },
            LineEvent::Registered { expires: Duration::from_secs(600), digest: Some("SHA-256") },
        ] {
            self.line(account, event);
        }
    }

    fn line(&mut self, account: &str, event: LineEvent) {
        self.board.on_key(self.now, &Key::Account(account.into()), event);
        self.collect();
    }

    fn ask(&mut self, command: serde_json::Value) -> Result<crate::contract::Ok, Fault> {
        let command: Command = serde_json::from_value(command).expect("a command");
        let done = self.board.command(self.now, command);
        self.collect();
        done
    }

    fn voice(&mut self, happened: Happened) {
        self.board.on_voice(self.now, happened);
        self.collect();
    }

    fn agent(&mut self, event: Event) {
        self.board.on_agent(self.now, &"a1".into(), event);
        self.collect();
    }

    fn passes(&mut self, time: Duration) {
        self.now = Now { instant: self.now.instant + time, wall: self.now.wall.plus(time) };
        self.board.handle_timeout(self.now);
        self.collect();
    }

    fn collect(&mut self) {
        self.effects.extend(self.board.take_effects());
    }

    /// What was wanted since the last look.
    fn wanted(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn orders(&mut self) -> Vec<Order> {
        self.wanted()
            .into_iter()
            .filter_map(|effect| if let Effect::Voice(order) = effect { Some(order) } else { None })
            .collect()
    }

    fn state(&self) -> PhoneState {
        self.board.state(1)
    }

    fn phase(&self, call: &CallId) -> Phase {
        self.state().calls.into_iter().find(|own| own.id == *call).map(|own| own.phase).expect("the call")
    }

    /// A name that an agent gives to a call.
    fn sip_name(&mut self) -> sip::CallId {
        let to = Uri::sip(Some("bob"), Host::parse("example.com").unwrap());
        let made = self.agent.invite(self.now.instant, Invite { to: to.clone(), offer: Bytes::new() });
        made.unwrap_or_else(|_| {
            // There is room for eight; more need another agent, whose numbers must not be those of the first.
            unreachable!("a test has eight calls at most")
        })
    }

    /// Calls 600; says the names of the call.
    fn dials(&mut self) -> (CallId, sip::CallId) {
        let call = self.ask(json!({ "do": "call", "to": "600" })).unwrap().call.unwrap();
        self.voice(Happened::Offer { call: call.clone(), sdp: Bytes::from_static(b"offer") });
        let sip = self.sip_name();
        self.board.invited(self.now, &call, Ok(sip));
        self.collect();
        (call, sip)
    }

    /// The far end sends sound before it answers.
    fn sends_early(&mut self, sip: sip::CallId) {
        self.board.early_media(&"a1".into(), sip, Bytes::from_static(b"answer"));
        self.collect();
    }

    /// The far end answers.
    fn is_answered(&mut self, sip: sip::CallId) {
        self.board.answered(self.now, &"a1".into(), sip, Some(Bytes::from_static(b"answer")), None);
        self.collect();
    }

    /// Calls 600 and is answered.
    fn talks(&mut self) -> (CallId, sip::CallId) {
        let (call, sip) = self.dials();
        self.is_answered(sip);
        self.voice(Happened::Accepted { call: call.clone(), remote_hold: false, codec: Some("opus") });
        self.voice(Happened::Path { call: call.clone(), path: secure() });
        assert!(matches!(self.phase(&call), Phase::Connected {}));
        (call, sip)
    }

    /// Somebody calls, without an offer.
    fn is_called(&mut self) -> (CallId, sip::CallId) {
        let sip = self.sip_name();
        let party = |user: &str| sip::Party { name: None, user: user.into(), uri: format!("sip:{user}@example.com") };
        let incoming = Incoming { call: sip, from: party("bob"), asserted: false, to: party("alice"), offer: None };
        self.agent(Event::Incoming(Box::new(incoming)));
        (self.board.call_named(&"a1".into(), sip).unwrap(), sip)
    }
}

fn profile(id: &str, user: &str) -> Profile {
    let wish = serde_json::from_value(json!({ "address": format!("sip:{user}@example.com") })).unwrap();
    Profile { id: id.into(), ..Profile::from_wish(&wish, None).unwrap() }
}

fn ended(call: sip::CallId, by: EndedBy, status: Option<StatusCode>, answered: bool) -> Event {
    Event::Ended { call, cause: EndCause { by, status, reason: None, answered } }
}

fn secure() -> PathState {
    let address: SocketAddr = "192.0.2.1:4000".parse().unwrap();
    PathState::Secure { srtp: "AEAD_AES_128_GCM", local: address, remote: address, relay: false }
}

#[test]
fn a_call_goes_out_is_answered_and_is_hung_up() {
    let mut desk = Desk::registered();
    desk.wanted();
    let (call, sip) = desk.dials();
    let orders = desk.wanted();
    assert!(orders.iter().any(|effect| matches!(effect, Effect::Agent(_, AgentOrder::Invite { to, .. }) if to.to_string() == "sip:600@example.com")));
    desk.agent(Event::Ringing(sip));
    assert!(matches!(desk.phase(&call), Phase::Ringing {}));
    assert_eq!(desk.state().tray, Tray::InCall);
    desk.is_answered(sip);
    assert!(matches!(desk.phase(&call), Phase::Connecting {}), "answered, and no way for the sound yet");
    desk.voice(Happened::Accepted { call: call.clone(), remote_hold: false, codec: Some("opus") });
    desk.passes(Duration::from_millis(120));
    desk.voice(Happened::Path { call: call.clone(), path: secure() });
    let shown = desk.state().calls.remove(0);
    assert!(matches!(shown.phase, Phase::Connected {}) && shown.active);
    assert_eq!((shown.media.secure_ms, shown.media.codec.as_deref()), (Some(120), Some("opus")));
    assert_eq!(shown.can, [Act::Mute, Act::Hangup, Act::Hold, Act::Dtmf]);
    desk.wanted();
    desk.ask(json!({ "do": "hangup" })).unwrap();
    assert!(matches!(desk.phase(&call), Phase::Ending {}));
    desk.agent(ended(sip, EndedBy::Local, None, true));
    let wanted = desk.wanted();
    assert!(wanted.iter().any(|effect| matches!(effect, Effect::Voice(Order::Close { .. }))));
    assert!(
        wanted
            .iter()
            .any(|effect| matches!(effect, Effect::Row(row) if row.cause.is == CauseKind::HungUpHere && row.seen))
    );
    desk.passes(Duration::from_millis(2999));
    assert_eq!(desk.state().calls.len(), 1, "it stays for three seconds");
    desk.passes(Duration::from_millis(1));
    assert!(desk.state().calls.is_empty());
}

#[test]
fn a_second_call_holds_the_first_and_resuming_swaps_them() {
    let mut desk = Desk::registered();
    let (first, _) = desk.talks();
    desk.wanted();
    let (second, _) = desk.talks();
    let orders = desk.orders();
    assert!(
        orders.iter().any(|order| matches!(order, Order::Talk { call, on: false } if *call == first)),
        "the room is silent at once"
    );
    assert!(
        orders
            .iter()
            .any(|order| matches!(order, Order::Offer { call, wish: crate::voice::Wish::Hold, .. } if *call == first))
    );
    let active =
        |desk: &Desk| desk.state().calls.into_iter().filter(|call| call.active).map(|call| call.id).collect::<Vec<_>>();
    assert_eq!(active(&desk), std::slice::from_ref(&second));
    // The first one is held as soon as the far end agrees.
    desk.voice(Happened::Offer { call: first.clone(), sdp: Bytes::new() });
    desk.voice(Happened::Accepted { call: first.clone(), remote_hold: false, codec: None });
    desk.ask(json!({ "do": "resume", "call": first })).unwrap();
    assert_eq!(active(&desk), [first]);
    assert_eq!(desk.ask(json!({ "do": "hangup" })).unwrap_err().code, Code::WhichCall);
    assert_eq!(desk.ask(json!({ "do": "hangup", "call": "c99" })).unwrap_err().code, Code::NoSuchCall);
}

#[test]
fn a_third_waiting_call_is_told_that_we_are_busy_and_stands_in_the_history() {
    let mut desk = Desk::registered();
    desk.is_called();
    desk.is_called();
    desk.wanted();
    let (third, sip) = desk.is_called();
    let busy = |effect: &Effect| matches!(effect, Effect::Agent(_, AgentOrder::Reject(own, StatusCode::BUSY_HERE)) if *own == sip);
    assert!(desk.wanted().iter().any(busy));
    desk.agent(ended(sip, EndedBy::Local, Some(StatusCode::BUSY_HERE), false));
    assert!(matches!(desk.phase(&third), Phase::Ended { cause } if cause.is == CauseKind::Busy));
    assert_eq!(desk.state().missed, 1);
}

#[test]
fn a_call_that_is_declined_is_not_missed_and_one_that_was_given_up_is() {
    let mut desk = Desk::registered();
    let (_, declined) = desk.is_called();
    desk.ask(json!({ "do": "decline" })).unwrap();
    desk.agent(ended(declined, EndedBy::Local, Some(StatusCode::DECLINE), false));
    assert_eq!(desk.state().missed, 0);
    desk.passes(Duration::from_secs(3));
    let (_, given_up) = desk.is_called();
    desk.wanted();
    desk.agent(ended(given_up, EndedBy::Remote, Some(StatusCode::REQUEST_TERMINATED), false));
    assert_eq!(desk.state().missed, 1);
    assert!(
        desk.wanted().iter().any(|effect| matches!(effect, Effect::Notice(Notice::MissedCall { row }) if !row.seen))
    );
}

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
fn lost_sound_is_said_mended_and_one_day_given_up() {
    let mut desk = Desk::registered();
    let (call, sip) = desk.talks();
    desk.wanted();
    desk.voice(Happened::Silent { call: call.clone(), silent: true });
    assert!(matches!(desk.phase(&call), Phase::Reconnecting { .. }));
    let restarts =
        |desk: &mut Desk| desk.orders().iter().filter(|order| matches!(order, Order::Restart { .. })).count();
    desk.passes(Duration::from_millis(4999));
    assert_eq!(restarts(&mut desk), 0);
    desk.passes(Duration::from_millis(1));
    assert_eq!(restarts(&mut desk), 1);
    // The far end answers it, and there is still nothing to hear.
    for _ in 0..4 {
        desk.voice(Happened::Offer { call: call.clone(), sdp: Bytes::new() });
        desk.voice(Happened::Accepted { call: call.clone(), remote_hold: false, codec: None });
        desk.passes(Duration::from_secs(3));
    }
    assert_eq!(restarts(&mut desk), 4, "five in all");
    desk.passes(Duration::from_secs(60));
    assert!(
        desk.wanted().iter().any(|effect| matches!(effect, Effect::Agent(_, AgentOrder::Hangup(own)) if *own == sip))
    );
    desk.agent(ended(sip, EndedBy::Local, None, true));
    assert!(matches!(desk.phase(&call), Phase::Ended { cause } if cause.is == CauseKind::MediaFailed));
}

#[test]
fn sound_that_comes_back_is_no_loss() {
    let mut desk = Desk::registered();
    let (call, _) = desk.talks();
    desk.voice(Happened::Silent { call: call.clone(), silent: true });
    desk.voice(Happened::Silent { call: call.clone(), silent: false });
    desk.passes(Duration::from_secs(120));
    assert!(matches!(desk.phase(&call), Phase::Connected {}));
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

#[test]
fn a_setting_is_checked_and_a_language_rewords_everything() {
    let mut desk = Desk::registered();
    desk.line("a1", LineEvent::Refused { fault: Fault::new(Code::WrongPassword), retry_in: None });
    let message = |desk: &Desk| match &desk.state().accounts[0].line {
        LineState::Failed { error } => error.message.clone(),
        other => panic!("{other:?}"),
    };
    desk.ask(json!({ "do": "set", "setting": "language", "value": "en" })).unwrap();
    let english = message(&desk);
    desk.ask(json!({ "do": "set", "setting": "language", "value": "zh-CN" })).unwrap();
    assert_ne!(message(&desk), english);
    for (setting, value) in
        [("language", json!("xx")), ("language", json!(7)), ("volume", json!(1)), ("theme", json!("pink"))]
    {
        let refused = desk.ask(json!({ "do": "set", "setting": setting, "value": value })).unwrap_err();
        assert_eq!(refused.code, Code::BadSetting, "{setting}");
    }
    let refused = desk.ask(json!({ "do": "set", "setting": "defaultAccount", "value": "a9" })).unwrap_err();
    assert_eq!(refused.code, Code::NoSuchAccount);
}

#[test]
fn a_state_of_two_accounts_and_a_call_is_small() {
    let accounts = vec![profile("a1", "alice"), profile("a2", "bob")];
    let mut desk = Desk::new(Beginning { accounts, for_this_run: true, ..Beginning::default() });
    desk.comes_up("a1");
    desk.comes_up("a2");
    desk.talks();
    let size = serde_json::to_string(&desk.state()).unwrap().len();
    assert!(size < 6000, "{size} bytes");
}

proptest! {
    /// L15: whatever happens in whatever order, the microphone is let out only in a call that was answered and is not
    /// over, and at most one call is active.
    #[test]
    fn the_microphone_is_open_only_in_an_answered_call(steps in prop::collection::vec((0..14_u8, 0..3_usize), 1..60)) {
        let mut desk = Desk::registered();
        let mut calls: Vec<(CallId, sip::CallId)> = Vec::new();
        for (step, which) in steps {
            let known = calls.get(which).cloned();
            match (step, known) {
                (0, _) if calls.len() < 3 => calls.push(desk.dials()),
                (1, _) if calls.len() < 3 => calls.push(desk.is_called()),
                (2, Some((_, sip))) => desk.agent(Event::Ringing(sip)),
                (3, Some((_, sip))) => desk.sends_early(sip),
                (4, Some((_, sip))) => desk.is_answered(sip),
                (5, Some((call, _))) => desk.voice(Happened::Path { call, path: secure() }),
                (6, Some((call, _))) => desk.voice(Happened::Offer { call, sdp: Bytes::new() }),
                (7, Some((call, _))) => desk.voice(Happened::Accepted { call, remote_hold: false, codec: None }),
                (8, Some((call, _))) => drop(desk.ask(json!({ "do": "answer", "call": call }))),
                (9, Some((call, _))) => drop(desk.ask(json!({ "do": "hold", "call": call }))),
                (10, Some((call, _))) => drop(desk.ask(json!({ "do": "resume", "call": call }))),
                (11, Some((call, _))) => drop(desk.ask(json!({ "do": "hangup", "call": call }))),
                (12, Some((_, sip))) => desk.agent(ended(sip, EndedBy::Remote, None, false)),
                (13, Some((call, _))) => desk.voice(Happened::Silent { call, silent: true }),
                _ => desk.passes(Duration::from_secs(2)),
            }
            let state = desk.state();
            prop_assert!(state.calls.iter().filter(|call| call.active).count() <= 1);
            for order in desk.orders() {
                if let Order::Talk { call, on: true } = order {
                    let call = state.calls.iter().find(|own| own.id == call);
                    prop_assert!(call.is_some_and(|call| call.answered_at.is_some() && call.ended_at.is_none()));
                }
            }
        }
    }
}
