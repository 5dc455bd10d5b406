//! Two agents joined in memory on a clock of the test's own. For the tests of this crate and of those that use it.

pub mod fuzz;
pub mod world;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    agent::{Config, UserAgent},
    event::{Event, Input, Output, Refused},
    message::Message,
    uri::Uri,
};

/// One agent, what it said and what happened to it.
#[derive(Debug)]
pub struct Side {
    /// The agent.
    pub agent: UserAgent,
    /// What happened to it and nobody has looked at yet.
    pub events: VecDeque<Event>,
    /// What it refused or left aside, in order.
    pub refused: Vec<Refused>,
    /// What it sent, in order, as text: kept for the whole test.
    pub sent: Vec<String>,
    /// When it wants to be woken.
    pub due: Option<Instant>,
}

impl Side {
    /// An agent `sip:name@example.com` whose link is up.
    #[must_use]
    pub fn new(now: Instant, name: &str, seed: u8) -> Self {
        let aor = Uri::parse(&format!("sip:{name}@example.com")).expect("a name makes a URI");
        let mut side = Self {
            agent: UserAgent::new(Config::new(aor, [seed; 32])),
            events: VecDeque::new(),
            refused: Vec::new(),
            sent: Vec::new(),
            due: None,
        };
        side.agent.handle_input(now, Input::LinkUp);
        side
    }

    /// Takes what the agent wants; gives what it sends.
    pub fn drain(&mut self) -> Vec<Bytes> {
        let mut sent = Vec::new();
        loop {
            match self.agent.poll_output() {
                Output::Transmit(bytes) => {
                    self.sent.push(String::from_utf8_lossy(&bytes).into_owned());
                    sent.push(bytes);
                }
                Output::Event(Event::Refused(refused)) => self.refused.push(refused),
                Output::Event(event) => self.events.push_back(event),
                Output::Timeout(due) => {
                    self.due = due;
                    return sent;
                }
            }
        }
    }

    /// The next thing that happened.
    ///
    /// # Panics
    /// When nothing did.
    pub fn event(&mut self) -> Event {
        self.events.pop_front().expect("something happened")
    }

    /// The first lines of what it sent, oldest first.
    #[must_use]
    pub fn first_lines(&self) -> Vec<&str> {
        self.sent.iter().map(|text| text.lines().next().unwrap_or_default()).collect()
    }
}

/// Two agents whose messages reach each other at once, or not at all.
#[derive(Debug)]
pub struct Pair {
    /// The clock.
    pub now: Instant,
    /// The first.
    pub alice: Side,
    /// The second.
    pub bob: Side,
    /// Decides for each message (`true`: from Alice) whether it is lost.
    pub lose: fn(bool, &Message) -> bool,
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

impl Pair {
    /// Two agents with their links up.
    #[must_use]
    pub fn new() -> Self {
        let now = start();
        Self { now, alice: Side::new(now, "alice", 1), bob: Side::new(now, "bob", 2), lose: |_, _| false }
    }

    /// Carries messages until there are none.
    pub fn settle(&mut self) {
        loop {
            let (from_alice, from_bob) = (self.alice.drain(), self.bob.drain());
            if from_alice.is_empty() && from_bob.is_empty() {
                return;
            }
            for (own, messages) in [(true, from_alice), (false, from_bob)] {
                for bytes in messages {
                    let lost = Message::parse(bytes.clone()).is_ok_and(|message| (self.lose)(own, &message));
                    let to = if own { &mut self.bob } else { &mut self.alice };
                    if !lost {
                        to.agent.handle_input(self.now, Input::Message(bytes));
                    }
                }
            }
        }
    }

    /// Lets time pass, timer by timer.
    pub fn pass(&mut self, time: Duration) {
        self.settle();
        let end = self.now + time;
        while let Some(due) = [self.alice.due, self.bob.due].into_iter().flatten().min().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.alice.agent.handle_input(self.now, Input::Timeout);
            self.bob.agent.handle_input(self.now, Input::Timeout);
            self.settle();
        }
        self.now = end;
    }
}

/// The beginning of the tests' time. Only differences count.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an Instant cannot be made from nothing; no test looks at its value")]
pub fn start() -> Instant {
    Instant::now()
}
