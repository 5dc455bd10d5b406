//! The exchange as a pure state machine: messages of connections in, messages for connections out. A registrar
//! (RFC 3261 10.3, RFC 5626 6), and a proxy that keeps state for the INVITEs that are not answered yet and for nothing
//! else: within a dialog it finds the far end by its Contact, so that calls live on when a connection is made anew.

mod fork;
mod proxy;
mod registrar;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;
use sip::{HeaderName, Host, Message, Method, NameAddr, Request, Response, StatusCode, auth::Verifier};

use crate::{
    DOMAIN, User,
    config::{Config, Faults},
};
use fork::Fork;
use registrar::Binding;

/// The most Contacts that are remembered of one connection.
const MOST_CONTACTS: usize = 32;

/// A connection, of a phone or of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send this message.
    Send(ConnectionId, Bytes),
    /// Drop the connection without a word.
    Drop(ConnectionId),
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Connection {
    /// The number of the service at its end, which needs no password.
    service: Option<String>,
    /// Where its end is reached within dialogs: the user and host of its Contacts, the latest last.
    contacts: VecDeque<(String, Host)>,
    received: u32,
}

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    domain: Host,
    users: Vec<User>,
    verifier: Verifier,
    gruu: bool,
    faults: Faults,
    rng: ChaCha12Rng,
    connections: BTreeMap<ConnectionId, Connection>,
    bindings: Vec<Binding>,
    forks: Vec<Fork>,
    out: VecDeque<Action>,
}

impl Exchange {
    pub(crate) fn new(config: &Config, users: Vec<User>, rng: &mut ChaCha12Rng) -> Self {
        Self {
            domain: Host::parse(DOMAIN).expect("the domain is a name"),
            users,
            verifier: Verifier::new(DOMAIN, &config.algorithms, ChaCha12Rng::from_rng(rng)),
            gruu: config.gruu,
            faults: config.faults.clone(),
            rng: ChaCha12Rng::from_rng(rng),
            connections: BTreeMap::new(),
            bindings: Vec::new(),
            forks: Vec::new(),
            out: VecDeque::new(),
        }
    }

    /// A connection was made; that of a service says which.
    pub(crate) fn opened(&mut self, id: ConnectionId, service: Option<String>) {
        self.connections.insert(id, Connection { service, ..Connection::default() });
    }

    /// A connection is gone: what was bound to it is reached no more (RFC 5626 5.3).
    pub(crate) fn closed(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.bindings.retain(|binding| binding.connection != id);
        self.forks_closed(id);
    }

    /// A message came.
    pub(crate) fn receive(&mut self, now: Instant, from: ConnectionId, bytes: Bytes) {
        let Some(connection) = self.connections.get_mut(&from) else { return };
        // W3: keep-alives and padding are no messages.
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
            return;
        }
        connection.received = connection.received.saturating_add(1);
        let phone = connection.service.is_none();
        if phone && self.faults.drop_after.is_some_and(|most| connection.received > most) {
            return self.out.push_back(Action::Drop(from));
        }
        if phone && self.faults.silent {
            return;
        }
        match Message::parse(bytes) {
            Ok(Message::Request(request)) => self.on_request(now, from, request),
            Ok(Message::Response(response)) => self.on_response(from, response),
            Err(error) => {
                if let Some(request) = error.request.filter(|request| request.method != Method::Ack) {
                    self.answer(from, &request, StatusCode::BAD_REQUEST);
                }
            }
        }
    }

    /// The next thing to do.
    pub(crate) fn poll(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// What it remembers: connections, bindings, and INVITEs that are not answered.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn live(&self) -> (usize, usize, usize) {
        (self.connections.len(), self.bindings.len(), self.forks.len())
    }

    fn on_request(&mut self, now: Instant, from: ConnectionId, request: Request) {
        match request.method {
            Method::Register => self.register(now, from, &request),
            Method::Cancel => {
                self.learn(from, &request.headers);
                self.cancel(from, &request);
            }
            _ => {
                self.learn(from, &request.headers);
                self.route(now, from, request);
            }
        }
    }

    fn on_response(&mut self, from: ConnectionId, mut response: Response) {
        self.learn(from, &response.headers);
        let Some(branch) = self.pop_via(&mut response) else { return };
        if self.fork_response(&branch, &response) {
            return;
        }
        // RFC 3261 16.11: nothing is known of the request any more, so what its branch says counts.
        if let Some(to) = proxy::origin(&branch) {
            self.send(to, response.to_bytes());
        }
    }

    /// Remembers where the end of a connection is reached within dialogs. A Contact that moved to a new connection
    /// is found there from now on.
    fn learn(&mut self, id: ConnectionId, headers: &sip::Headers) {
        let Some(contact) = headers.name_addr(&HeaderName::Contact) else { return };
        let Some(key) = key_of(&contact) else { return };
        for connection in self.connections.values_mut() {
            connection.contacts.retain(|own| *own != key);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.contacts.push_back(key);
            if connection.contacts.len() > MOST_CONTACTS {
                connection.contacts.pop_front();
            }
        }
    }

    fn send(&mut self, to: ConnectionId, bytes: Bytes) {
        if self.connections.contains_key(&to) {
            self.out.push_back(Action::Send(to, bytes));
        }
    }

    fn answer(&mut self, to: ConnectionId, request: &Request, status: StatusCode) {
        self.answer_with(to, request, status, |_| {});
    }

    fn answer_with(
        &mut self,
        to: ConnectionId,
        request: &Request,
        status: StatusCode,
        more: impl FnOnce(&mut Response),
    ) {
        // RFC 3261 8.2.6.2: all responses but a 100 have our tag.
        let tag = (status != StatusCode::TRYING).then(|| self.token());
        let mut response = request.respond(status, tag.as_deref());
        more(&mut response);
        self.send(to, response.to_bytes());
    }

    fn token(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }

    fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }
}

/// What tells one Contact from all others: phones make the user part of theirs up at random.
fn key_of(contact: &NameAddr) -> Option<(String, Host)> {
    Some((contact.uri.user_text()?, contact.uri.host.clone()?))
}

#[cfg(test)]
mod tests;
