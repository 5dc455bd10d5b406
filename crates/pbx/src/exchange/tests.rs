//! Two phones and an exchange in memory, on a clock of the tests' own.

mod hostile;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sip::{CallId, EndedBy, Event, Input, Invite, Output, Secret, Uri, UserAgent};

use super::*;
use crate::Language;

const OFFER: &[u8] = b"offer";
const ANSWER: &[u8] = b"answer";

struct Room {
    now: Instant,
    exchange: Exchange,
    phones: BTreeMap<ConnectionId, UserAgent>,
    events: BTreeMap<ConnectionId, VecDeque<Event>>,
    /// First lines of what the exchange sent, with the Reason of a CANCEL.
    sent: Vec<(ConnectionId, String)>,
}

const ALICE: ConnectionId = ConnectionId(1);
const BOB: ConnectionId = ConnectionId(2);
const BOB_TOO: ConnectionId = ConnectionId(3);

fn config() -> Config {
    Config { users: 2, language: Language::English, ..Config::new([9; 32]) }
}

impl Room {
    fn new(config: &Config) -> Self {
        let users = ["alice", "bob"]
            .map(|name| User { name: name.to_owned(), password: Secret::new(format!("{name}'s")) })
            .to_vec();
        let exchange = Exchange::new(config, users, &mut ChaCha12Rng::from_seed([1; 32]));
        Self { now: Instant::now(), exchange, phones: BTreeMap::new(), events: BTreeMap::new(), sent: Vec::new() }
    }

    fn phone(&mut self, id: ConnectionId, name: &str, password: &str) {
        let aor = Uri::parse(&format!("sip:{name}@{DOMAIN}")).unwrap();
        let seed = [u8::try_from(id.0).unwrap(); 32];
        let mut config = sip::Config::new(aor, seed);
        config.password = Some(Secret::new(password.to_owned()));
        config.instance = format!("urn:uuid:00000000-0000-4000-8000-00000000000{}", id.0);
        let mut agent = UserAgent::new(config);
        self.exchange.opened(id, None);
        agent.handle_input(self.now, Input::LinkUp);
        agent.register(self.now);
        self.phones.insert(id, agent);
        self.settle();
    }

    /// Both registered.
    fn ready(config: &Config) -> Self {
        let mut room = Self::new(config);
        room.phone(ALICE, "alice", "alice's");
        room.phone(BOB, "bob", "bob's");
        for id in [ALICE, BOB] {
            assert!(matches!(room.event(id), Event::Registering));
            assert!(matches!(room.event(id), Event::Registered(_)));
        }
        room
    }

    fn agent(&mut self, id: ConnectionId) -> &mut UserAgent {
        self.phones.get_mut(&id).unwrap()
    }

    fn event(&mut self, id: ConnectionId) -> Event {
        self.settle();
        self.events.entry(id).or_default().pop_front().expect("something happened")
    }

    fn quiet(&mut self, id: ConnectionId) -> bool {
        self.settle();
        self.events.entry(id).or_default().is_empty()
    }

    fn settle(&mut self) {
        loop {
            let mut still = true;
            for (id, phone) in &mut self.phones {
                loop {
                    match phone.poll_output() {
                        Output::Transmit(bytes) => {
                            still = false;
                            self.exchange.receive(self.now, *id, bytes);
                        }
                        // For the log alone.
                        Output::Event(Event::Refused(_)) => {}
                        Output::Event(event) => self.events.entry(*id).or_default().push_back(event),
                        Output::Timeout(_) => break,
                    }
                }
            }
            while let Some(action) = self.exchange.poll() {
                still = false;
                match action {
                    Action::Send(id, bytes) => {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let mut line = text.lines().next().unwrap_or_default().to_owned();
                        line.extend(text.lines().filter(|line| line.starts_with("Reason:")));
                        self.sent.push((id, line));
                        if let Some(phone) = self.phones.get_mut(&id) {
                            phone.handle_input(self.now, Input::Message(bytes));
                        }
                    }
                    Action::Drop(id) => self.hang(id),
                }
            }
            if still {
                return;
            }
        }
    }

    /// The connection of a phone breaks.
    fn hang(&mut self, id: ConnectionId) {
        self.exchange.closed(id);
        if let Some(phone) = self.phones.get_mut(&id) {
            phone.handle_input(self.now, Input::LinkDown);
        }
    }

    fn call(&mut self, id: ConnectionId, to: &str) -> CallId {
        let now = self.now;
        let to = Uri::parse(to).unwrap();
        self.agent(id).invite(now, Invite { to, offer: Bytes::from_static(OFFER) }).unwrap()
    }

    fn rings(&mut self, id: ConnectionId) -> CallId {
        let Event::Incoming(incoming) = self.event(id) else { panic!("a call comes in") };
        let now = self.now;
        self.agent(id).ring(now, incoming.call).unwrap();
        incoming.call
    }

    fn sent_to(&self, id: ConnectionId, beginning: &str) -> usize {
        self.sent.iter().filter(|(to, line)| *to == id && line.starts_with(beginning)).count()
    }
}

fn bob() -> String {
    format!("sip:bob@{DOMAIN}")
}

/// Alice and Bob are in a call.
fn in_call(config: &Config) -> (Room, CallId, CallId) {
    let mut room = Room::ready(config);
    let own = room.call(ALICE, &bob());
    let far = room.rings(BOB);
    assert!(matches!(room.event(ALICE), Event::Trying(call) if call == own));
    assert!(matches!(room.event(ALICE), Event::Ringing(call) if call == own));
    let now = room.now;
    room.agent(BOB).answer(now, far, Bytes::from_static(ANSWER)).unwrap();
    assert!(matches!(room.event(ALICE), Event::Answered { sdp: Some(sdp), .. } if sdp == ANSWER));
    assert!(matches!(room.event(BOB), Event::Confirmed { .. }));
    (room, own, far)
}

#[test]
fn a_call_goes_through_and_ends() {
    for gruu in [true, false] {
        let (mut room, own, far) = in_call(&Config { gruu, ..config() });
        let now = room.now;
        room.agent(ALICE).reoffer(now, own, Bytes::from_static(b"again")).unwrap();
        assert!(matches!(room.event(BOB), Event::Reoffer { sdp: Some(sdp), .. } if *sdp == *b"again"));
        room.agent(BOB).answer_offer(now, far, Bytes::from_static(b"so be it")).unwrap();
        assert!(matches!(room.event(ALICE), Event::ReofferAnswered { sdp, .. } if *sdp == *b"so be it"));
        room.agent(BOB).hangup(now, far).unwrap();
        assert!(matches!(room.event(BOB), Event::Ended { cause, .. } if cause.by == EndedBy::Local));
        assert!(matches!(room.event(ALICE), Event::Ended { cause, .. } if cause.by == EndedBy::Remote));
        assert!(room.exchange.forks.is_empty(), "nothing is remembered of a call that is up");
    }
}

#[test]
fn a_refused_change_leaves_the_call_as_it_was() {
    let (mut room, own, far) = in_call(&config());
    let now = room.now;
    room.agent(ALICE).reoffer(now, own, Bytes::from_static(b"again")).unwrap();
    assert!(matches!(room.event(BOB), Event::Reoffer { .. }));
    room.agent(BOB).refuse_offer(now, far, StatusCode::NOT_ACCEPTABLE_HERE).unwrap();
    assert!(matches!(room.event(ALICE), Event::ReofferRefused { status: StatusCode::NOT_ACCEPTABLE_HERE, .. }));
    // Its ACK finds the transaction, or Bob would repeat the refusal for 64*T1.
    assert_eq!(room.sent_to(BOB, "ACK "), 2);
}

#[test]
fn a_call_lives_on_over_new_connections_on_both_sides() {
    let (mut room, own, far) = in_call(&config());
    room.hang(ALICE);
    room.hang(BOB);
    let now = room.now;
    for id in [ALICE, BOB] {
        room.exchange.opened(id, None);
        room.agent(id).handle_input(now, Input::LinkUp);
        assert!(matches!(room.event(id), Event::Registering));
        assert!(matches!(room.event(id), Event::Registered(_)));
    }
    room.agent(ALICE).hangup(now, own).unwrap();
    assert!(matches!(room.event(BOB), Event::Ended { call, .. } if call == far));
}

#[test]
fn a_call_that_is_given_up_stops_ringing() {
    let mut room = Room::ready(&config());
    let own = room.call(ALICE, &bob());
    let far = room.rings(BOB);
    room.settle();
    let now = room.now;
    room.agent(ALICE).hangup(now, own).unwrap();
    assert!(matches!(room.event(BOB), Event::Ended { call, .. } if call == far));
    assert!(room.exchange.forks.is_empty());
    assert_eq!(room.sent_to(ALICE, "SIP/2.0 487"), 1);
}

#[test]
fn the_first_of_two_phones_takes_the_call_and_the_other_hears_so() {
    let mut room = Room::ready(&config());
    room.phone(BOB_TOO, "bob", "bob's");
    assert!(matches!(room.event(BOB_TOO), Event::Registering));
    assert!(matches!(room.event(BOB_TOO), Event::Registered(_)));
    room.call(ALICE, &bob());
    let (_, second) = (room.rings(BOB), room.rings(BOB_TOO));
    room.settle();
    let now = room.now;
    room.agent(BOB_TOO).answer(now, second, Bytes::from_static(ANSWER)).unwrap();
    let Event::Ended { cause, .. } = room.event(BOB) else { panic!("it stops ringing") };
    assert!(cause.reason.is_some_and(|reason| reason.is_answered_elsewhere()));
    assert!(room.exchange.forks.is_empty());
}

#[test]
fn all_have_to_refuse_before_the_caller_hears_it() {
    let mut room = Room::ready(&config());
    room.phone(BOB_TOO, "bob", "bob's");
    room.event(BOB_TOO);
    room.event(BOB_TOO);
    room.call(ALICE, &bob());
    let (first, second) = (room.rings(BOB), room.rings(BOB_TOO));
    for expected in ["Trying", "Ringing", "Ringing"] {
        assert!(format!("{:?}", room.event(ALICE)).starts_with(expected));
    }
    let now = room.now;
    room.agent(BOB).reject(now, first, StatusCode::TEMPORARILY_UNAVAILABLE).unwrap();
    assert!(room.quiet(ALICE));
    room.agent(BOB_TOO).reject(now, second, StatusCode::BUSY_HERE).unwrap();
    let Event::Ended { cause, .. } = room.event(ALICE) else { panic!("it is over") };
    assert_eq!(cause.status, Some(StatusCode::TEMPORARILY_UNAVAILABLE));
}

#[test]
fn nobody_there_has_its_own_status() {
    let mut room = Room::ready(&config());
    room.hang(BOB);
    for (to, status) in [
        (bob(), StatusCode::TEMPORARILY_UNAVAILABLE),
        (format!("sip:nobody@{DOMAIN}"), StatusCode::NOT_FOUND),
        ("sip:bob@elsewhere.example".to_owned(), StatusCode::NOT_FOUND),
    ] {
        room.call(ALICE, &to);
        let ended = loop {
            if let Event::Ended { cause, .. } = room.event(ALICE) {
                break cause.status;
            }
        };
        assert_eq!(ended, Some(status), "{to}");
    }
}

#[test]
fn a_phone_that_vanishes_while_it_rings_is_unavailable() {
    let mut room = Room::ready(&config());
    room.call(ALICE, &bob());
    room.rings(BOB);
    room.settle();
    room.hang(BOB);
    room.settle();
    assert_eq!(room.sent_to(ALICE, "SIP/2.0 480"), 1);
    assert!(room.exchange.forks.is_empty());
}

#[test]
fn a_caller_that_vanishes_stops_the_ringing() {
    let mut room = Room::ready(&config());
    room.call(ALICE, &bob());
    let far = room.rings(BOB);
    room.settle();
    room.hang(ALICE);
    assert!(matches!(room.event(BOB), Event::Ended { call, .. } if call == far));
    assert!(room.exchange.forks.is_empty());
}

#[test]
fn only_the_right_password_opens_the_door() {
    let mut room = Room::new(&config());
    room.phone(ALICE, "alice", "bob's");
    room.event(ALICE);
    assert!(matches!(
        room.event(ALICE),
        Event::RegistrationFailed { why: sip::RegistrationFailure::WrongPassword, .. }
    ));
    room.phone(BOB, "mallory", "x");
    room.event(BOB);
    assert!(matches!(room.event(BOB), Event::RegistrationFailed { why: sip::RegistrationFailure::UnknownUser, .. }));
    assert!(room.exchange.bindings.is_empty());
    // Nor may it call without one.
    room.call(ALICE, &bob());
    let Event::Ended { cause, .. } = room.event(ALICE) else { panic!("it is refused") };
    assert_eq!(cause.status, Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED));
}

#[test]
fn a_proof_is_good_for_its_own_user_only() {
    let mut room = Room::ready(&config());
    room.exchange.opened(ConnectionId(9), None);
    let mut agent = UserAgent::new(sip::Config {
        auth_user: Some("bob".to_owned()),
        password: Some(Secret::new("bob's".to_owned())),
        ..sip::Config::new(Uri::parse(&format!("sip:alice@{DOMAIN}")).unwrap(), [7; 32])
    });
    agent.handle_input(room.now, Input::LinkUp);
    agent.register(room.now);
    room.phones.insert(ConnectionId(9), agent);
    room.event(ConnectionId(9));
    assert!(matches!(room.event(ConnectionId(9)), Event::RegistrationFailed { .. }));
    assert_eq!(room.exchange.bindings.len(), 2);
}

#[test]
fn both_algorithms_are_spoken() {
    use sip::auth::Algorithm;
    for (algorithm, name) in [(Algorithm::Md5, "MD5"), (Algorithm::Sha256, "SHA-256")] {
        let mut room = Room::new(&Config { algorithms: vec![algorithm], ..config() });
        room.phone(ALICE, "alice", "alice's");
        room.event(ALICE);
        let Event::Registered(registered) = room.event(ALICE) else { panic!("registered") };
        assert_eq!(registered.digest, Some(name));
        assert!(registered.outbound && registered.public_gruu.is_some_and(|gruu| gruu.contains(";gr=urn:uuid:")));
    }
}

#[test]
fn who_leaves_or_runs_out_is_not_reached() {
    let mut room = Room::ready(&config());
    let now = room.now;
    room.agent(BOB).unregister(now);
    assert!(matches!(room.event(BOB), Event::Unregistered));
    assert!(room.exchange.find(now, "bob", None).is_empty());
    let later = now + Duration::from_secs(601);
    assert_eq!((room.exchange.find(now, "alice", None).len(), room.exchange.find(later, "alice", None).len()), (1, 0));
}
