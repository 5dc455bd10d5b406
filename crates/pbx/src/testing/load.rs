//! How much the server does in a second, and whether it keeps what is over: an exchange and two phones in memory. Only the
//! time that the exchange itself takes is counted.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use sip::{CallId, Event, Input, Invite, Output, Secret, UserAgent};

use super::{next, uri};
use crate::{
    User,
    config::Config,
    exchange::{Action, ConnectionId, Exchange},
};

const NAMES: [&str; 2] = ["alice", "bob"];
/// Longer than every timer of a call that is over (64 T1, RFC 3261 17).
const OVER: Duration = Duration::from_secs(40);
/// Each phone registers anew at least once in this time (the server grants 600 s at most).
const REGISTERED: Duration = Duration::from_secs(600);

/// An exchange with two phones that have registered.
pub struct Load {
    now: Instant,
    exchange: Exchange,
    phones: [UserAgent; 2],
    rings: Option<CallId>,
    /// What the exchange has taken so far.
    pub spent: Duration,
    /// Registrations and calls that came about.
    pub registrations: u64,
    /// Calls that were answered.
    pub calls: u64,
}

impl Default for Load {
    fn default() -> Self {
        Self::new()
    }
}

impl Load {
    /// One whose phones have registered.
    ///
    /// # Panics
    /// When they could not.
    #[must_use]
    pub fn new() -> Self {
        let users = NAMES.map(|name| User { name: name.to_owned(), password: Secret::new(name.repeat(2)) });
        let mut exchange = Exchange::new(&Config::new([9; 32]), users.to_vec(), &mut ChaCha12Rng::from_seed([1; 32]));
        let now = sip::testing::start();
        let phones = [0, 1].map(|at| {
            let mut config = sip::Config::new(uri(NAMES[at]), [at as u8; 32]);
            config.password = Some(Secret::new(NAMES[at].repeat(2)));
            config.instance = format!("urn:uuid:00000000-0000-4000-8000-00000000000{at}");
            let mut agent = UserAgent::new(config);
            exchange.opened(ConnectionId(at as u64), None);
            agent.handle_input(now, Input::LinkUp);
            agent.register(now);
            agent
        });
        let mut own = Self { now, exchange, phones, rings: None, spent: Duration::ZERO, registrations: 0, calls: 0 };
        own.settle();
        assert_eq!(own.registrations, 2, "both phones have registered");
        own
    }

    /// Ten minutes pass, in which both register anew.
    ///
    /// # Panics
    /// When they did not.
    pub fn register(&mut self) {
        let before = self.registrations;
        self.pass(REGISTERED);
        assert!(self.registrations >= before + 2, "both register anew");
    }

    /// One calls the other, who answers; and hangs up.
    ///
    /// # Panics
    /// When it does not come about, or something of it is left.
    pub fn call(&mut self) {
        let before = self.calls;
        let offer = Invite { to: uri(NAMES[1]), offer: "v=0".into() };
        let call = self.phones[0].invite(self.now, offer).expect("the link is up");
        self.settle();
        let rings = self.rings.take().expect("it rings");
        self.phones[1].answer(self.now, rings, "v=0".into()).expect("it rings");
        self.settle();
        assert_eq!(self.calls, before + 1, "it was answered");
        self.phones[0].hangup(self.now, call).expect("they talk");
        self.pass(OVER);
        assert_eq!(self.exchange.live(), (2, 2, 0), "nothing is left of it");
    }

    fn settle(&mut self) {
        loop {
            let mut still = true;
            for at in 0..self.phones.len() {
                while let Some(output) = next(&mut self.phones[at]) {
                    still = false;
                    match output {
                        Output::Transmit(bytes) => {
                            let begun = Instant::now();
                            self.exchange.receive(self.now, ConnectionId(at as u64), bytes);
                            self.spent += begun.elapsed();
                        }
                        Output::Event(Event::Incoming(incoming)) => self.rings = Some(incoming.call),
                        Output::Event(Event::Registered(_)) => self.registrations += 1,
                        Output::Event(Event::Answered { .. }) => self.calls += 1,
                        _ => {}
                    }
                }
            }
            loop {
                let begun = Instant::now();
                let Some(action) = self.exchange.poll() else { break };
                self.spent += begun.elapsed();
                still = false;
                if let Action::Send(ConnectionId(to), bytes) = action
                    && let Some(agent) = usize::try_from(to).ok().and_then(|to| self.phones.get_mut(to))
                {
                    agent.handle_input(self.now, Input::Message(bytes));
                }
            }
            if still {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let due = self.phones.iter_mut().filter_map(|agent| match agent.poll_output() {
                Output::Timeout(next) => next,
                _ => None,
            });
            let Some(next) = due.min().filter(|due| *due <= end) else { break };
            self.now = next;
            self.phones.iter_mut().for_each(|agent| agent.handle_input(next, Input::Timeout));
        }
        self.now = end;
    }
}
