//! What a fuzzer and the mutants of the tests run: the whole practice line but its sockets, fed by a script.
//!
//! ```text
//! <CFRAME   the connection C sends this: a stranger's, one of two phones', or that of a service
//! !PAW      the phone P does A with its call W
//! sSDP      what phones offer and answer from now on
//! gDATAGRAM a datagram comes to the conversations of the service
//! +N        N seconds pass
//! xC        the connection C breaks, and is made anew
//! ```
//!
//! One after the other, with the octet 1E between.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use sip::{CallId, Event, HeaderName, Input, Invite, Message, Output, Secret, StatusCode, Uri, UserAgent};

use crate::{
    DOMAIN, User,
    config::Config,
    exchange::{Action, ConnectionId, Exchange},
    service::testing::Service,
};

const BETWEEN: u8 = 0x1e;
/// The steps of one script that count.
const MOST: usize = 200;
/// More messages than that of one step, and they go round for ever.
const MOST_MESSAGES: u32 = 20_000;
const STRANGER: ConnectionId = ConnectionId(1);
const PHONES: [(ConnectionId, &str); 2] = [(ConnectionId(2), "alice"), (ConnectionId(3), "bob")];
const SERVICE: ConnectionId = ConnectionId(4);
const NUMBERS: [&str; 4] = ["bob", "602", "alice", "nobody"];

/// The practice line; see above.
///
/// # Panics
/// Where something does not hold: what is sent is SIP and goes to who is there, no proof is told to who is called, what is
/// kept is bounded, and in the end nothing is left.
pub fn exchange(script: &[u8]) {
    let mut line = Line::new();
    for step in script.split(|byte| *byte == BETWEEN).take(MOST) {
        if let Some((what, how)) = step.split_first() {
            line.step(*what, how);
        }
        line.settle();
        let (connections, bindings, forks) = line.exchange.live();
        assert!(connections <= 4 && bindings <= 2 * 8 && forks <= 4 * 8, "{:?}", line.exchange.live());
    }
    line.end();
}

struct Phone {
    agent: UserAgent,
    calls: Vec<CallId>,
}

struct Line {
    now: Instant,
    exchange: Exchange,
    phones: BTreeMap<ConnectionId, Phone>,
    agent: UserAgent,
    service: Service,
    sdp: Bytes,
}

impl Line {
    fn new() -> Self {
        let users = PHONES.map(|(_, name)| User { name: name.to_owned(), password: Secret::new(name.repeat(2)) });
        let exchange = Exchange::new(&Config::new([9; 32]), users.to_vec(), &mut ChaCha12Rng::from_seed([1; 32]));
        let now = sip::testing::start();
        let mut line = Self {
            now,
            exchange,
            phones: BTreeMap::new(),
            agent: Service::agent(now),
            service: Service::default(),
            sdp: Bytes::from_static(b"v=0"),
        };
        line.exchange.opened(STRANGER, None);
        line.exchange.opened(SERVICE, Some("602".to_owned()));
        for (id, name) in PHONES {
            let mut config = sip::Config::new(uri(name), [u8::try_from(id.0).unwrap_or_default(); 32]);
            config.password = Some(Secret::new(name.repeat(2)));
            config.instance = format!("urn:uuid:00000000-0000-4000-8000-00000000000{}", id.0);
            let mut agent = UserAgent::new(config);
            line.exchange.opened(id, None);
            agent.handle_input(now, Input::LinkUp);
            agent.register(now);
            line.phones.insert(id, Phone { agent, calls: Vec::new() });
        }
        line.settle();
        assert_eq!(line.exchange.live().1, 2, "both phones have registered");
        line
    }

    fn step(&mut self, what: u8, how: &[u8]) {
        let at = |place: usize| usize::from(how.get(place).copied().unwrap_or_default());
        let connection = [STRANGER, PHONES[0].0, PHONES[1].0, SERVICE][at(0) % 4];
        match what {
            b'<' => {
                self.exchange.receive(self.now, connection, Bytes::copy_from_slice(how.get(1..).unwrap_or_default()))
            }
            b'!' => self.act(PHONES[at(0) % 2].0, at(1), at(2)),
            b's' => self.sdp = Bytes::copy_from_slice(how),
            b'g' => self.service.datagram(self.now, ([192, 0, 2, 1], 5_000).into(), how),
            b'+' => {
                let seconds = String::from_utf8_lossy(how).trim().parse::<u64>().unwrap_or_default();
                self.pass(Duration::from_secs(seconds.min(100)));
            }
            b'x' => {
                self.exchange.closed(connection);
                self.exchange.opened(connection, (connection == SERVICE).then(|| "602".to_owned()));
                let agent = if connection == SERVICE { Some(&mut self.agent) } else { None };
                let phone = self.phones.get_mut(&connection).map(|phone| &mut phone.agent);
                for agent in agent.into_iter().chain(phone) {
                    agent.handle_input(self.now, Input::LinkDown);
                    agent.handle_input(self.now, Input::LinkUp);
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, id: ConnectionId, act: usize, which: usize) {
        let (now, sdp) = (self.now, self.sdp.clone());
        let Some(phone) = self.phones.get_mut(&id) else { return };
        if act % 8 < 2 {
            let to = uri(NUMBERS[which % NUMBERS.len()]);
            return phone.calls.extend(phone.agent.invite(now, Invite { to, offer: sdp }));
        }
        let Some(call) = which.checked_rem(phone.calls.len()).and_then(|at| phone.calls.iter().rev().nth(at)) else {
            return;
        };
        let (agent, call) = (&mut phone.agent, *call);
        let _ = match act % 8 {
            2 => agent.ring(now, call),
            3 => agent.answer(now, call, sdp),
            4 => agent.reject(now, call, StatusCode::BUSY_HERE),
            5 => agent.reoffer(now, call, sdp),
            6 => agent.info_digit(now, call, '1', 100),
            _ => agent.hangup(now, call),
        };
    }

    /// Carries everything until all rest.
    fn settle(&mut self) {
        let mut count = 0;
        loop {
            let mut still = true;
            for (id, phone) in &mut self.phones {
                while let Some(output) = next(&mut phone.agent) {
                    still = false;
                    match output {
                        Output::Transmit(bytes) => self.exchange.receive(self.now, *id, bytes),
                        Output::Event(Event::Incoming(incoming)) => phone.calls.push(incoming.call),
                        _ => {}
                    }
                }
            }
            while let Some(output) = next(&mut self.agent) {
                still = false;
                match output {
                    Output::Transmit(bytes) => self.exchange.receive(self.now, SERVICE, bytes),
                    Output::Event(event) => self.service.told(self.now, &mut self.agent, event),
                    Output::Timeout(_) => {}
                }
            }
            while let Some(action) = self.exchange.poll() {
                still = false;
                count += 1;
                assert!(count < MOST_MESSAGES, "messages go round");
                if let Action::Send(to, bytes) = action {
                    self.deliver(to, bytes);
                }
            }
            if still {
                return;
            }
        }
    }

    fn deliver(&mut self, to: ConnectionId, bytes: Bytes) {
        match Message::parse(bytes.clone()) {
            Ok(Message::Request(request)) => {
                let told = request.headers.get(&HeaderName::ProxyAuthorization).is_some();
                assert!(!told, "a proof for us is told to nobody");
            }
            Ok(Message::Response(_)) => {}
            // What could not be read is repeated to who sent it.
            Err(error) => assert!(bytes.starts_with(b"SIP/2.0 4"), "{error}: {}", String::from_utf8_lossy(&bytes)),
        }
        let agent = if to == SERVICE { Some(&mut self.agent) } else { None };
        let phone = self.phones.get_mut(&to).map(|phone| &mut phone.agent);
        agent.into_iter().chain(phone).for_each(|agent| agent.handle_input(self.now, Input::Message(bytes.clone())));
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..MOST_MESSAGES {
            self.settle();
            let mut due = self.service.on_time(self.now, &mut self.agent);
            let agents = self.phones.values_mut().map(|phone| &mut phone.agent).chain([&mut self.agent]);
            for agent in agents {
                if let Output::Timeout(next) = agent.poll_output() {
                    due = due.into_iter().chain(next).min();
                }
            }
            let Some(next) = due.filter(|due| *due <= end) else { break };
            // What makes sound every 10 ms is looked at less often here.
            self.now = (self.now + Duration::from_millis(200)).max(next).min(end);
            let agents = self.phones.values_mut().map(|phone| &mut phone.agent).chain([&mut self.agent]);
            agents.for_each(|agent| agent.handle_input(self.now, Input::Timeout));
        }
        self.now = end;
        self.settle();
    }

    fn end(mut self) {
        for phone in self.phones.values_mut() {
            for call in std::mem::take(&mut phone.calls) {
                let _ = phone.agent.hangup(self.now, call);
            }
            phone.agent.unregister(self.now);
        }
        self.settle();
        self.pass(Duration::from_secs(70));
        for id in [STRANGER, PHONES[0].0, PHONES[1].0, SERVICE] {
            self.exchange.closed(id);
        }
        while self.exchange.poll().is_some() {}
        assert_eq!(self.exchange.live(), (0, 0, 0));
        assert!(self.service.len() <= 8, "{} conversations", self.service.len());
    }
}

fn next(agent: &mut UserAgent) -> Option<Output> {
    match agent.poll_output() {
        Output::Timeout(_) => None,
        output => Some(output),
    }
}

fn uri(user: &str) -> Uri {
    Uri::parse(&format!("sip:{user}@{DOMAIN}")).expect("a user and a name make a URI")
}
