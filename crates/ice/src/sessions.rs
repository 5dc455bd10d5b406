//! The ICE sessions of a path: the one in use and, after a restart, the one that is to take over (RFC 8445 9).
//!
//! ```text
//! restart ─▶ next: offered ─▶ answered ─▶ it selects a pair ─▶ in use; the one before is dropped
//!               └─▶ cancelled (refused): the one before is all there is, as if nothing had happened
//! ```
//!
//! The one in use goes on asking for consent and answering checks all the while (RFC 7675 5.1). So a far end that
//! refuses the restart, or takes it and keeps its credentials, or does not take it at all, leaves the path as it was.

use std::{sync::Arc, time::Instant};

use crate::{
    agent::{Agent, AgentEvent, Pair, Str0m},
    candidate::LocalCandidate,
    config::Timing,
    description::RemoteDescription,
    provider::Provider,
};

struct Session {
    agent: Box<dyn Agent>,
    locals: Vec<LocalCandidate>,
    begun: bool,
    failed: bool,
}

pub(crate) struct Sessions {
    provider: Arc<Provider>,
    timing: Timing,
    used: Session,
    next: Option<Session>,
    /// The far end's answer to the restart is still to come.
    offered: bool,
    /// The one in use found no pair, which matters only if the next one finds none either.
    untold: bool,
}

impl Sessions {
    pub(crate) fn new(provider: &Arc<Provider>, timing: Timing, locals: Vec<LocalCandidate>) -> Self {
        let used = fresh(provider, timing, locals);
        Self { provider: Arc::clone(provider), timing, used, next: None, offered: false, untold: false }
    }

    /// What the far end is told: credentials and addresses of the newest session.
    pub(crate) fn local(&self) -> (String, String, &[LocalCandidate]) {
        let newest = self.next.as_ref().unwrap_or(&self.used);
        let (ufrag, pwd) = newest.agent.credentials();
        (ufrag, pwd, &newest.locals)
    }

    /// Begins a session with new credentials beside the one in use.
    pub(crate) fn restart(&mut self, locals: Vec<LocalCandidate>) {
        let next = fresh(&self.provider, self.timing, locals);
        if self.used.begun {
            (self.next, self.offered, self.untold) = (Some(next), true, self.used.failed);
        } else {
            self.used = next;
        }
    }

    /// Takes back a restart that was not answered. Says whether there was one.
    pub(crate) fn cancel(&mut self) -> bool {
        let cancelled = std::mem::take(&mut self.offered);
        if cancelled {
            self.next = None;
        }
        cancelled
    }

    /// Was a restart offered? If so, what comes now is its answer.
    pub(crate) const fn take_offered(&mut self) -> bool {
        std::mem::replace(&mut self.offered, false)
    }

    /// The session that was in use is over.
    pub(crate) fn take_over(&mut self) {
        if let Some(next) = self.next.take() {
            (self.used, self.untold) = (next, false);
        }
    }

    /// Begins the newest session anew, under its own credentials.
    pub(crate) fn again(&mut self) {
        let (ufrag, pwd, locals) = self.local();
        let again = session(&self.provider, self.timing, ufrag, pwd, locals.to_vec());
        *self.next.as_mut().unwrap_or(&mut self.used) = again;
    }

    /// Tells the newest session of the far end; `fresh`: its credentials too.
    pub(crate) fn set_remote(&mut self, now: Instant, remote: &RemoteDescription, allow_loopback: bool, fresh: bool) {
        let newest = self.next.as_mut().unwrap_or(&mut self.used);
        for line in &remote.candidates {
            newest.agent.add_remote(line, allow_loopback);
        }
        if fresh {
            newest.begun = true;
            newest.agent.set_remote(now, remote.controlling, &remote.ufrag, &remote.pwd);
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Session> {
        std::iter::once(&mut self.used).chain(&mut self.next)
    }

    /// A STUN message came: each session takes what is signed with its credentials.
    pub(crate) fn receive(&mut self, now: Instant, pair: Pair, bytes: &[u8]) {
        self.all().for_each(|own| own.agent.receive(now, pair, bytes));
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.all().for_each(|own| own.agent.handle_timeout(now));
    }

    pub(crate) fn next_timeout(&mut self) -> Option<Instant> {
        self.all().filter_map(|own| own.agent.next_timeout()).min()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<(Pair, Vec<u8>)> {
        self.all().find_map(|own| own.agent.poll_transmit())
    }

    /// What was found out. `flows`: there is a pair, and leave to send on it. Then the next session takes over when it
    /// has selected a pair (RFC 8445 9), else with the first that works.
    pub(crate) fn poll_event(&mut self, flows: bool) -> Option<AgentEvent> {
        while let Some(event) = self.used.agent.poll_event() {
            if event != AgentEvent::Failed {
                return Some(event);
            }
            self.used.failed = true;
            match &self.next {
                Some(next) if !next.failed && !flows => self.untold = true,
                Some(next) if !next.failed => return Some(AgentEvent::Disconnected),
                _ => return Some(event),
            }
        }
        while let Some(next) = &mut self.next {
            let event = next.agent.poll_event()?;
            match event {
                AgentEvent::Selected(_) => self.take_over(),
                AgentEvent::Valid(_) if !flows => self.take_over(),
                AgentEvent::Proved(_) => {}
                AgentEvent::Failed => {
                    next.failed = true;
                    if !std::mem::take(&mut self.untold) {
                        continue;
                    }
                }
                AgentEvent::Valid(_) | AgentEvent::Disconnected | AgentEvent::Recovered => continue,
            }
            return Some(event);
        }
        std::mem::take(&mut self.untold).then_some(AgentEvent::Failed)
    }
}

fn fresh(provider: &Arc<Provider>, timing: Timing, locals: Vec<LocalCandidate>) -> Session {
    // RFC 8445 5.3: at least 24 and 128 random bits.
    session(provider, timing, provider.ice_chars(8), provider.ice_chars(24), locals)
}

fn session(
    provider: &Arc<Provider>,
    timing: Timing,
    ufrag: String,
    pwd: String,
    locals: Vec<LocalCandidate>,
) -> Session {
    let mut agent = Str0m::new(ufrag, pwd, provider.next_u64(), timing);
    for candidate in &locals {
        agent.add_local(candidate);
    }
    Session { agent: Box::new(agent), locals, begun: false, failed: false }
}
