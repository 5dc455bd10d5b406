//! The pure half of the driver: the switchboard joined to the agents of all connections. What happens goes in with the
//! time; what links are to do comes out. The phone's loop and the simulation drive the same joint.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;
use sip::{Invite, Misuse, UserAgent};
use wss::LinkEvent;

use super::connection::{Connection, LinkOrder, Outcome};
use crate::{
    contract::{AccountId, CallId},
    switchboard::{AgentOrder, Key, LineEvent, LineOrder, Now, Switchboard},
};

/// The switchboard and the agents.
pub(crate) struct Joint {
    pub(crate) board: Switchboard,
    pub(crate) connections: Vec<Connection>,
    out: VecDeque<Out>,
}

/// What is to be done outside, in this order.
#[derive(Debug)]
pub(crate) enum Out {
    /// By the link of this generation.
    Link(u64, LinkOrder),
    /// The connection of this generation is no more.
    Gone(u64),
    /// This was said, for those who watch.
    Said(Said),
}

/// A message of an account's connection.
#[derive(Debug)]
pub(crate) struct Said {
    /// How many connections there were.
    pub(crate) connection: u32,
    pub(crate) account: AccountId,
    pub(crate) call: Option<CallId>,
    pub(crate) out: bool,
    pub(crate) message: Bytes,
}

impl Joint {
    pub(crate) const fn new(board: Switchboard) -> Self {
        Self { board, connections: Vec::new(), out: VecDeque::new() }
    }

    /// The next thing to do.
    pub(crate) fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.connections.iter().filter_map(Connection::next_deadline).chain(self.board.next_deadline()).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        self.board.handle_timeout(now);
        let due = |own: &&Connection| own.next_deadline().is_some_and(|due| due <= now.instant);
        let due: Vec<u64> = self.connections.iter().filter(due).map(|own| own.generation).collect();
        for generation in due {
            self.with_connection(now, generation, |own| own.on_timeout(now.instant));
        }
    }

    /// A link told something.
    pub(crate) fn on_link(&mut self, now: Now, generation: u64, event: LinkEvent) {
        self.with_connection(now, generation, |own| own.on_link(now.instant, event));
    }

    /// Does what a line is to do. Gives back an order to open one, once the older one is being left: that needs a password
    /// and a link.
    pub(crate) fn on_line(&mut self, now: Now, key: &Key, order: LineOrder) -> Option<LineOrder> {
        let found = self.connections.iter().find(|own| own.key == *key && own.closing.is_none());
        let generation = found.map(|own| own.generation);
        match (order, generation) {
            (order @ LineOrder::Open { .. }, generation) => {
                if let Some(generation) = generation {
                    self.with_connection(now, generation, |own| own.leave(now.instant, false));
                }
                return Some(order);
            }
            (LineOrder::Close, Some(generation)) => {
                self.with_connection(now, generation, |own| own.leave(now.instant, true));
            }
            (LineOrder::Reconnect, Some(generation)) => self.out.push_back(Out::Link(generation, LinkOrder::Reconnect)),
            (LineOrder::Probe, Some(generation)) => self.out.push_back(Out::Link(generation, LinkOrder::Probe)),
            (LineOrder::Close | LineOrder::Reconnect | LineOrder::Probe, None) => {}
        }
        None
    }

    /// A new connection: its agent registers as soon as its link is up.
    pub(crate) fn open(&mut self, now: Now, mut connection: Connection) {
        connection.agent.register(now.instant);
        self.connections.push(connection);
    }

    /// Asks all links for a sign of life.
    pub(crate) fn probe(&mut self) {
        let all = self.connections.iter().map(|own| Out::Link(own.generation, LinkOrder::Probe));
        self.out.extend(all);
    }

    /// Goes off all lines.
    pub(crate) fn leave_all(&mut self, now: Now) {
        for generation in self.connections.iter().map(|own| own.generation).collect::<Vec<_>>() {
            self.with_connection(now, generation, |own| own.leave(now.instant, true));
        }
    }

    /// Does what an agent is to do.
    pub(crate) fn on_agent(&mut self, now: Now, account: &AccountId, order: AgentOrder) {
        let at = now.instant;
        // A call stays with the agent that has it, even while its connection is being left.
        let of_account = |own: &Connection| own.key == Key::Account(account.clone());
        let index = match &order {
            AgentOrder::Invite { .. } => {
                self.connections.iter().position(|own| of_account(own) && own.closing.is_none())
            }
            _ => self.connections.iter().rposition(of_account),
        };
        let Some(index) = index else {
            if let AgentOrder::Invite { call, .. } = order {
                self.board.invited(now, &call, Err(Misuse::NoLink));
            }
            return;
        };
        match order {
            AgentOrder::Invite { call, to, offer } => self.invite(now, index, &call, Invite { to, offer }),
            AgentOrder::Ring(call) => self.with(now, index, |agent| agent.ring(at, call)),
            AgentOrder::Answer(call, sdp) => self.with(now, index, |agent| agent.answer(at, call, sdp)),
            AgentOrder::Reject(call, status, why) => {
                self.with(now, index, |agent| agent.reject_with(at, call, status, why.map(Into::into)));
            }
            AgentOrder::Hangup(call) => self.with(now, index, |agent| agent.hangup(at, call)),
            AgentOrder::Reoffer(call, sdp) => {
                let sent = self.try_with(now, index, |agent| agent.reoffer(at, call, sdp));
                if let Err(why) = sent
                    && let Some(call) = self.board.call_named(account, call)
                {
                    self.board.reoffer_failed(now, &call, why);
                }
            }
            AgentOrder::AnswerOffer(call, sdp) => self.with(now, index, |agent| agent.answer_offer(at, call, sdp)),
            AgentOrder::RefuseOffer(call, why) => {
                let status = sip::StatusCode::new(why.sip_status()).unwrap_or(sip::StatusCode::NOT_ACCEPTABLE_HERE);
                let warning = Some(why.warning().into());
                self.with(now, index, |agent| agent.refuse_offer_with(at, call, status, warning));
            }
            AgentOrder::Info { call, key, ms } => self.with(now, index, |agent| agent.info_digit(at, call, key, ms)),
        }
    }

    fn invite(&mut self, now: Now, index: usize, call: &CallId, invite: Invite) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let generation = connection.generation;
        let (sent, outcomes) = connection.with(now.instant, |agent| agent.invite(now.instant, invite));
        let first = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Link(LinkOrder::Send(message)) => Some(message.clone()),
            _ => None,
        });
        if let Some(message) = first {
            connection.name(&message, call.clone());
        }
        self.board.invited(now, call, sent);
        self.take(now, generation, outcomes);
    }

    fn with(&mut self, now: Now, index: usize, act: impl FnOnce(&mut UserAgent) -> Result<(), Misuse>) {
        if let Err(misuse) = self.try_with(now, index, act) {
            // The call ended, or the far end was quicker: what came of it is told by the agent itself.
            tracing::debug!(%misuse, "an order came too late");
        }
    }

    fn try_with(
        &mut self,
        now: Now,
        index: usize,
        act: impl FnOnce(&mut UserAgent) -> Result<(), Misuse>,
    ) -> Result<(), Misuse> {
        let Some(connection) = self.connections.get_mut(index) else { return Err(Misuse::NoLink) };
        let generation = connection.generation;
        let (done, outcomes) = connection.with(now.instant, act);
        self.take(now, generation, outcomes);
        done
    }

    fn with_connection(&mut self, now: Now, generation: u64, act: impl FnOnce(&mut Connection) -> Vec<Outcome>) {
        if let Some(connection) = self.connections.iter_mut().find(|own| own.generation == generation) {
            let outcomes = act(connection);
            self.take(now, generation, outcomes);
        }
    }

    /// What came of the link or the agent of a connection.
    fn take(&mut self, now: Now, generation: u64, outcomes: Vec<Outcome>) {
        let Some(at) = self.connections.iter().position(|own| own.generation == generation) else { return };
        let (key, leaving) = (self.connections[at].key.clone(), self.connections[at].closing.is_some());
        let mut gone = false;
        // Messages are told after what they caused: an INVITE gets its call only then.
        let mut spoken: Vec<(bool, Bytes)> = Vec::new();
        for outcome in outcomes {
            match outcome {
                // A connection that is left says nothing about the line any more: another may have taken its place.
                Outcome::Line(event) if leaving => {
                    tracing::debug!(?event, "of a connection that is left");
                }
                Outcome::Line(event) => {
                    if let (Key::Account(account), LineEvent::Refused { fault, .. }) = (&key, &event) {
                        tracing::info!(%account, code = fault.code.as_str(), "the registration failed");
                    }
                    self.board.on_key(now, &key, event);
                }
                Outcome::Agent(event) => {
                    let Key::Account(account) = &key else { continue };
                    let incoming = match &event {
                        sip::Event::Incoming(incoming) => Some(incoming.call),
                        _ => None,
                    };
                    self.board.on_agent(now, account, event);
                    let heard = spoken.iter().find(|(out, _)| !out);
                    if let (Some(sip), Some((_, message))) = (incoming, heard)
                        && let Some(call) = self.board.call_named(account, sip)
                    {
                        self.connections[at].name(message, call);
                    }
                }
                Outcome::Heard(message) => spoken.push((false, message)),
                Outcome::Link(order) => {
                    if let LinkOrder::Send(message) = &order {
                        spoken.push((true, message.clone()));
                    }
                    self.out.push_back(Out::Link(generation, order));
                }
                Outcome::Gone => gone = true,
            }
        }
        for (out, message) in spoken {
            self.say(at, out, message);
        }
        if gone {
            self.connections.remove(at);
            self.out.push_back(Out::Gone(generation));
        }
    }

    fn say(&mut self, at: usize, out: bool, message: Bytes) {
        let connection = &self.connections[at];
        let Key::Account(account) = &connection.key else { return };
        let call = connection.call_of(&message);
        let said = Said { connection: connection.number, account: account.clone(), call, out, message };
        self.out.push_back(Out::Said(said));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use wss::TlsFacts;

    use super::*;
    use crate::{
        account::Profile,
        contract::Timestamp,
        run::connection::Means,
        switchboard::{Beginning, Effect},
    };

    /// What a far end says to a phone with one account.
    const INVITE: &str = "INVITE sip:anna@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/WSS s;branch=z9hG4bK1\r\n\
        From: <sip:ben@server.example>;tag=b\r\nTo: <sip:anna@server.example>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\
        Contact: <sip:ben@192.0.2.2>\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn a_message_that_brings_a_call_is_told_as_one_of_that_call() {
        let now = Now { instant: Instant::now(), wall: Timestamp::from_unix_ms(0).plus(Duration::from_secs(1)) };
        let wish = json!({ "address": "sip:anna@server.example", "server": "wss://server.example/" });
        let wish = serde_json::from_value(wish).unwrap();
        let profile = Profile { id: "a1".into(), ..Profile::from_wish(&wish, None).unwrap() };
        let beginning = Beginning { accounts: vec![profile.clone()], for_this_run: true, ..Beginning::default() };
        let mut joint = Joint::new(Switchboard::new(now, beginning));
        let means = Means { password: None, instance: "urn:uuid:1", seed: [1; 32] };
        joint.open(now, Connection::new(Key::Account("a1".into()), 1, &profile, means).unwrap());
        let tls = TlsFacts { version: None, cipher: None, certificate: None };
        joint.on_link(now, 1, LinkEvent::Up { tls, server: "192.0.2.9:443".parse().ok() });
        while joint.poll().is_some() {}
        joint.on_link(now, 1, LinkEvent::Message(INVITE.into()));
        let mut told = Vec::new();
        loop {
            while let Some(out) = joint.poll() {
                if let Out::Said(said) = out {
                    told.push((said.out, said.call));
                }
            }
            let effects = joint.board.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                if let Effect::Agent(account, order) = effect {
                    joint.on_agent(now, &account, order);
                }
            }
        }
        let call = Some(CallId::from("c1"));
        let expected = [(false, call.clone()), (true, call.clone()), (true, call)];
        assert_eq!(told, expected, "the INVITE, our 100 and our 180");
    }
}
