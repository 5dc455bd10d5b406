//! The switchboard on a clock of its own: what people ask, what happens, and what the phone wants done.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use media::{port::PortError, process::Trouble};
use proptest::prelude::*;
use serde_json::json;
use sip::{EndCause, EndedBy, Event, Host, Incoming, Input, Invite, StatusCode, Uri, UserAgent};

use super::*;
use crate::{
    account::Digest,
    contract::{Act, CauseKind, Command, Echo, LineState, Notice, Phase, PhoneState, Role, Tray},
    fault::{Code, Fault},
    secret::SecretError,
    voice::{Clean, Happened, Order, PathState},
};

mod accounts;
mod calls;
mod conference;
mod devices;
mod quality;
mod recording;

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
            LineEvent::Up { security: None, server: Some(server) },
            LineEvent::Registered {
                expires: Duration::from_secs(600),
                digest: Some("SHA-256"),
                seen: Digest::default(),
            },
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
    Event::Ended { call, cause: EndCause::new(by, status, answered) }
}

fn secure() -> PathState {
    let address: SocketAddr = "192.0.2.1:4000".parse().unwrap();
    let security = ice::Security { srtp: "AEAD_AES_128_GCM", cipher: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" };
    PathState::Secure { security, local: address, remote: address, relay: false }
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
fn what_is_done_to_the_microphone_is_what_was_set() {
    let cleans = |desk: &mut Desk| -> Vec<Clean> {
        let orders = desk.orders().into_iter();
        orders.filter_map(|order| if let Order::Clean(clean) = order { Some(clean) } else { None }).collect()
    };
    let mut desk = Desk::registered();
    let usual = Clean { echo: Echo::Auto, noise: media::process::Noise::Off, level: false };
    assert_eq!(cleans(&mut desk), [usual]);
    for (setting, value) in [("echo", json!("on")), ("noise", json!("strong")), ("level", json!(true))] {
        desk.ask(json!({ "do": "set", "setting": setting, "value": value })).unwrap();
    }
    let (echo, strong) = (Clean { echo: Echo::On, ..usual }, media::process::Noise::Strong);
    assert_eq!(
        cleans(&mut desk),
        [echo, Clean { noise: strong, ..echo }, Clean { noise: strong, level: true, ..echo }]
    );
    desk.ask(json!({ "do": "set", "setting": "theme", "value": "dark" })).unwrap();
    assert_eq!(cleans(&mut desk), []);
    for (setting, value) in [("echo", json!(true)), ("noise", json!("louder")), ("level", json!("off"))] {
        let refused = desk.ask(json!({ "do": "set", "setting": setting, "value": value })).unwrap_err();
        assert_eq!(refused.code, Code::BadSetting, "{setting}");
    }
}

#[test]
fn what_is_wrong_with_the_microphone_is_told_unless_there_is_worse() {
    let mut desk = Desk::registered();
    let problem = |desk: &Desk| desk.state().devices.problem.map(|error| error.code);
    for (trouble, code) in [(Trouble::Quiet, "microphone-quiet"), (Trouble::Clipped, "microphone-clipped")] {
        desk.voice(Happened::Microphone { trouble: Some(trouble) });
        assert_eq!(problem(&desk).as_deref(), Some(code));
    }
    let devices = |problem| Happened::Devices { all: Vec::new(), in_use: InUse::default(), problem };
    desk.voice(devices(Some((Role::Speaker, PortError::NoDevice))));
    assert_eq!(problem(&desk).as_deref(), Some("no-speaker"));
    desk.voice(devices(None));
    assert_eq!(problem(&desk).as_deref(), Some("microphone-clipped"));
    desk.voice(Happened::Microphone { trouble: None });
    assert_eq!(problem(&desk), None);
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
    /// over; at most one call is active, or all of one conference, which has two members at least.
    #[test]
    fn the_microphone_is_open_only_in_an_answered_call(steps in prop::collection::vec((0..16_u8, 0..3_usize), 1..60)) {
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
                (14, _) => drop(desk.ask(json!({ "do": "conference" }))),
                (15, Some((call, _))) => drop(desk.ask(json!({ "do": "leave", "call": call }))),
                _ => desk.passes(Duration::from_secs(2)),
            }
            let state = desk.state();
            let active: Vec<_> = state.calls.iter().filter(|call| call.active).collect();
            let of = |id| state.calls.iter().filter(move |call| call.conference == id).count();
            for conference in state.calls.iter().filter_map(|call| call.conference.clone()) {
                prop_assert!(of(Some(conference)) > 1);
            }
            if let [first, _, ..] = &active[..] {
                prop_assert!(first.conference.is_some() && of(first.conference.clone()) == active.len());
                prop_assert!(active.iter().all(|call| call.conference == first.conference));
            }
            prop_assert!(state.calls.iter().all(|call| call.conference.is_none() || call.ended_at.is_none()));
            for order in desk.orders() {
                if let Order::Talk { call, on: true } = order {
                    let call = state.calls.iter().find(|own| own.id == call);
                    prop_assert!(call.is_some_and(|call| call.answered_at.is_some() && call.ended_at.is_none()));
                }
            }
        }
    }
}
