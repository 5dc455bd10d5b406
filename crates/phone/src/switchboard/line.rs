//! The line of an account: can one be reached? Everything that the link and the agent tell ends in one [`Line`].

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    account::{Digest, Profile},
    contract::{ConnectStep, ConnectWhy, LineState, SecretState, Security, Timestamp},
    fault::Fault,
    words::Words,
};

/// An account and its line.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) profile: Profile,
    pub(crate) secret: SecretState,
    pub(crate) line: Line,
    pub(crate) security: Option<Security>,
    pub(crate) server: Option<SocketAddr>,
    pub(crate) proven_at: Timestamp,
    /// The same on the clock that decides.
    pub(crate) proven: Instant,
    pub(crate) rtt: Option<Duration>,
    /// Since when the server owes an answer.
    pub(crate) suspect: Option<Timestamp>,
    /// Why the next connection is made.
    pub(crate) why: ConnectWhy,
    /// The connection was lost or moved: its calls must be told the server anew (W15).
    pub(crate) moved: bool,
}

/// Where the line of an account is.
#[derive(Debug)]
pub(crate) enum Line {
    Off,
    Connecting { step: ConnectStep, since: Timestamp },
    Registered { since: Timestamp, expires_at: Timestamp },
    Retrying { at: Timestamp, attempt: u32, fault: Fault },
    Failed { fault: Fault },
}

/// What a link and its agent tell.
#[derive(Debug)]
pub(crate) enum LineEvent {
    /// A step begins.
    Step(ConnectStep),
    /// The WebSocket is up.
    Up { security: Option<Security>, server: Option<SocketAddr> },
    /// The server is alive.
    Proof { rtt: Option<Duration> },
    /// The server owes an answer.
    Suspect,
    /// The connection is gone.
    Down { fault: Fault, retry_in: Option<Duration>, tries: u32 },
    /// The server keeps us.
    Registered { expires: Duration, digest: Option<&'static str>, seen: Digest },
    /// The server does not.
    Refused { fault: Fault, retry_in: Option<Duration> },
    /// We are off the line, as asked.
    Unregistered,
}

impl Entry {
    pub(crate) fn new(profile: Profile, secret: SecretState, now: super::Now) -> Self {
        Self {
            profile,
            secret,
            line: Line::Off,
            security: None,
            server: None,
            proven_at: now.wall,
            proven: now.instant,
            rtt: None,
            suspect: None,
            why: ConnectWhy::Start,
            moved: false,
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        matches!(self.line, Line::Registered { .. })
    }

    /// Is the server on this machine (S9)?
    pub(crate) fn is_loopback(&self) -> bool {
        self.server.is_some_and(|server| server.ip().is_loopback())
    }

    /// Takes what the link or the agent told. What follows from it for calls is the switchboard's.
    pub(crate) fn take(&mut self, now: super::Now, event: LineEvent) {
        // What a connection that is being left still tells changes nothing: off is off, and what needs a person waits for
        // one.
        if matches!(self.line, Line::Off | Line::Failed { .. }) {
            return;
        }
        match event {
            LineEvent::Step(step) => self.connecting(now, step),
            LineEvent::Up { security, server } => {
                (self.security, self.server) = (security, server);
                self.prove(now);
                self.connecting(now, ConnectStep::Register);
            }
            LineEvent::Proof { rtt } => {
                self.rtt = rtt.or(self.rtt);
                self.prove(now);
            }
            LineEvent::Suspect => self.suspect = Some(now.wall),
            LineEvent::Down { fault, retry_in, tries } => {
                (self.moved, self.suspect, self.why) = (true, None, ConnectWhy::ConnectionLost);
                self.security = None;
                self.line = match retry_in {
                    Some(wait) => Line::Retrying { at: now.wall.plus(wait), attempt: tries + 1, fault },
                    None => Line::Failed { fault },
                };
            }
            LineEvent::Registered { expires, digest, seen } => {
                self.profile.digest = seen;
                self.prove(now);
                if let Some(security) = &mut self.security {
                    security.digest = digest.map(str::to_owned);
                }
                let since = match self.line {
                    Line::Registered { since, .. } => since,
                    _ => now.wall,
                };
                self.line = Line::Registered { since, expires_at: now.wall.plus(expires) };
            }
            LineEvent::Refused { fault, retry_in } => {
                self.line = match retry_in {
                    Some(wait) => Line::Retrying { at: now.wall.plus(wait), attempt: 2, fault },
                    None => Line::Failed { fault },
                };
            }
            LineEvent::Unregistered => self.line = Line::Off,
        }
    }

    fn connecting(&mut self, now: super::Now, step: ConnectStep) {
        let since = match self.line {
            Line::Connecting { since, .. } => since,
            _ => now.wall,
        };
        self.line = Line::Connecting { step, since };
    }

    fn prove(&mut self, now: super::Now) {
        (self.proven_at, self.proven, self.suspect) = (now.wall, now.instant, None);
    }

    /// The line as listeners see it.
    pub(crate) fn shown(&self, words: &Words) -> LineState {
        match &self.line {
            Line::Off => LineState::Off {},
            Line::Connecting { step, since } => LineState::Connecting { step: *step, since: *since, why: self.why },
            Line::Registered { .. } if self.suspect.is_some() => {
                LineState::Suspect { since: self.suspect.unwrap_or(self.proven_at), proven_at: self.proven_at }
            }
            Line::Registered { since, expires_at } => LineState::Registered {
                since: *since,
                expires_at: *expires_at,
                proven_at: self.proven_at,
                rtt_ms: self.rtt.map(|rtt| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX)),
                server: self.server.map(|server| server.to_string()).unwrap_or_default(),
                flows: 1,
            },
            Line::Retrying { at, attempt, fault } => {
                LineState::Retrying { at: *at, attempt: *attempt, error: words.error(fault) }
            }
            Line::Failed { fault } => LineState::Failed { error: words.error(fault) },
        }
    }
}
