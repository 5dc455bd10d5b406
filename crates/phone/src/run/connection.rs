//! One connection of an account: the agent that speaks over its link, and what the two say to each other. It is pure: the
//! link itself is the driver's, or that of a simulation.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::Bytes;
use sip::{ContactForm, Event, Host, Input, Method, Output, Refused, RegistrationFailure, StatusCode, Uri, UserAgent};
use wss::{LinkConfig, LinkEvent, Step, Trust};

use crate::{
    account::Profile,
    complaints::Complaints,
    contract::{self, CallId, Certificate, ConnectStep, Security},
    fault::{self, Fault},
    secret::{Secret, SecretKind},
    setup::Pace,
    switchboard::{Key, LineEvent},
};

/// Whoever goes has so long to say goodbye.
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);
/// What we call ourselves, to both protocols.
const USER_AGENT: &str = "Bellbird";
/// The most calls whose Call-ID is remembered.
const MOST_NAMES: usize = 64;

/// What a link needs beside the profile.
pub(crate) struct LinkMeans {
    pub(crate) secrets: HashMap<SecretKind, Secret<String>>,
    pub(crate) environment: fn(&str) -> Option<String>,
    pub(crate) dns: wss::Dns,
    pub(crate) pace: Pace,
    pub(crate) seed: [u8; 32],
}

/// What an agent needs beside the profile.
pub(crate) struct Means<'a> {
    pub(crate) password: Option<Secret<String>>,
    pub(crate) instance: &'a str,
    pub(crate) seed: [u8; 32],
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) key: Key,
    pub(crate) generation: u64,
    pub(crate) agent: UserAgent,
    up: bool,
    /// How many connections there were, for the ladder.
    pub(crate) number: u32,
    deadline: Option<Instant>,
    /// When it is dropped at the latest: it is on its way out.
    pub(crate) closing: Option<Instant>,
    /// For sentences.
    host: String,
    user: String,
    /// The Call-ID of each call, for the ladder.
    names: VecDeque<(String, CallId)>,
    pub(crate) complaints: Complaints,
}

/// What came of handling something.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Something for the switchboard about the line.
    Line(LineEvent),
    /// About a call.
    Agent(Event),
    /// A message came.
    Heard(Bytes),
    /// Something for the link.
    Link(LinkOrder),
    /// The connection can be dropped.
    Gone,
}

/// What a link is to do.
#[derive(Debug)]
pub(crate) enum LinkOrder {
    Send(Bytes),
    KeepAlive(Option<Duration>),
    Probe,
    Reconnect,
    NextServer,
    Close,
}

/// The link of an account.
///
/// # Errors
/// A fault when the profile cannot be (it was checked before, so only a damaged store brings one).
pub(crate) fn link_of(profile: &Profile, means: LinkMeans) -> Result<LinkConfig, Fault> {
    let url = url::Url::parse(&profile.server).map_err(|_| bad("server"))?;
    let trust = match (&profile.pin, &profile.ca) {
        (Some(pin), _) => Trust::Pin(unhex(pin).ok_or_else(|| bad("pin"))?),
        (None, Some(ca)) => Trust::ExtraCa(ca.clone().into_bytes()),
        (None, None) => Trust::Platform,
    };
    let mut config = LinkConfig::new(url, trust, means.seed);
    config.origin.clone_from(&profile.origin);
    config.discover = profile.is_by_domain().then_some(means.dns);
    profile.handshake.equip(&mut config, &means.secrets, means.environment);
    USER_AGENT.clone_into(&mut config.user_agent);
    (config.ping, config.pong) = (means.pace.ping, means.pace.pong);
    Ok(config)
}

fn bad(field: &str) -> Fault {
    Fault::new(fault::Code::BadAccount).with("field", field)
}

impl Connection {
    /// Prepares the agent; it registers as soon as the link is up.
    ///
    /// # Errors
    /// As [`link_of`].
    pub(crate) fn new(key: Key, generation: u64, profile: &Profile, means: Means<'_>) -> Result<Self, Fault> {
        let domain = Host::parse(&profile.domain).ok_or_else(|| bad("address"))?;
        let mut agent = sip::Config::new(Uri::sip(Some(&profile.user), domain), means.seed);
        agent.display_name.clone_from(&profile.display_name);
        agent.auth_user.clone_from(&profile.auth_user);
        agent.password = means.password;
        agent.digest_seen = (&profile.digest).into();
        means.instance.clone_into(&mut agent.instance);
        agent.expires = Duration::from_secs(u64::from(profile.expires_s));
        agent.contact_form = match profile.contact_form {
            contract::ContactForm::Invalid => ContactForm::Invalid,
            contract::ContactForm::Learned => ContactForm::Learned,
        };
        agent.secure = url::Url::parse(&profile.server).map_err(|_| bad("server"))?.scheme() == "wss";
        USER_AGENT.clone_into(&mut agent.user_agent);
        Ok(Self {
            key,
            generation,
            agent: UserAgent::new(agent),
            up: false,
            number: 0,
            deadline: None,
            closing: None,
            host: profile.host(),
            user: profile.user.clone(),
            names: VecDeque::new(),
            complaints: Complaints::default(),
        })
    }

    /// The link told something.
    pub(crate) fn on_link(&mut self, now: Instant, event: LinkEvent) -> Vec<Outcome> {
        let mut out = Vec::new();
        match event {
            LinkEvent::Step(step) => {
                self.down(now, &mut out);
                out.push(Outcome::Line(LineEvent::Step(step_of(step))));
            }
            LinkEvent::Up { tls, server } => {
                self.down(now, &mut out);
                (self.up, self.number) = (true, self.number + 1);
                out.push(Outcome::Line(LineEvent::Up { security: security(tls), server }));
                self.agent.handle_input(now, Input::LinkUp);
            }
            LinkEvent::Message(message) => {
                out.push(Outcome::Heard(message.clone()));
                self.agent.handle_input(now, Input::Message(message));
            }
            LinkEvent::Proof { rtt } => out.push(Outcome::Line(LineEvent::Proof { rtt })),
            LinkEvent::Suspect => out.push(Outcome::Line(LineEvent::Suspect)),
            LinkEvent::Down { error, retry_at, tries } => {
                self.down(now, &mut out);
                let fault = Fault::from(&error).of_account(&self.host, &self.user);
                let retry_in = retry_at.map(|at| at.saturating_duration_since(now.into()));
                out.push(Outcome::Line(LineEvent::Down { fault, retry_in, tries }));
            }
            LinkEvent::Closed => {
                self.down(now, &mut out);
                out.push(Outcome::Gone);
            }
        }
        self.drain(now, &mut out);
        out
    }

    fn down(&mut self, now: Instant, out: &mut Vec<Outcome>) {
        if std::mem::take(&mut self.up) {
            self.agent.handle_input(now, Input::LinkDown);
            self.drain(now, out);
        }
    }

    /// The time of its deadline has come.
    pub(crate) fn on_timeout(&mut self, now: Instant) -> Vec<Outcome> {
        let mut out = Vec::new();
        for (why, more) in self.complaints.take_due(now) {
            tracing::info!(server = self.host, "and {more} more of these: {why}");
        }
        self.agent.handle_input(now, Input::Timeout);
        self.drain(now, &mut out);
        if self.closing.is_some_and(|at| at <= now) {
            out.push(Outcome::Gone);
        }
        out
    }

    /// Does something with the agent, and what follows from it.
    pub(crate) fn with<T>(&mut self, now: Instant, act: impl FnOnce(&mut UserAgent) -> T) -> (T, Vec<Outcome>) {
        let done = act(&mut self.agent);
        let mut out = Vec::new();
        self.drain(now, &mut out);
        (done, out)
    }

    /// Goes off the line, properly: `unregister` unless another connection takes its place.
    pub(crate) fn leave(&mut self, now: Instant, unregister: bool) -> Vec<Outcome> {
        self.closing = Some(now + GOODBYE);
        if unregister && self.up {
            return self.with(now, |agent| agent.unregister(now)).1;
        }
        let idle = self.agent.live().1 == 0;
        idle.then_some(Outcome::Link(LinkOrder::Close)).into_iter().collect()
    }

    /// When it wants to be called again.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.deadline, self.closing, self.complaints.next_deadline()].into_iter().flatten().min()
    }

    /// Remembers which call a Call-ID belongs to.
    pub(crate) fn name(&mut self, message: &[u8], call: CallId) {
        if let Some(name) = call_id(message) {
            if self.names.len() == MOST_NAMES {
                self.names.pop_front();
            }
            self.names.push_back((name, call));
        }
    }

    /// The call that a message belongs to.
    pub(crate) fn call_of(&self, message: &[u8]) -> Option<CallId> {
        let name = call_id(message)?;
        self.names.iter().rev().find(|(own, _)| *own == name).map(|(_, call)| call.clone())
    }

    fn drain(&mut self, now: Instant, out: &mut Vec<Outcome>) {
        loop {
            match self.agent.poll_output() {
                Output::Transmit(message) => out.push(Outcome::Link(LinkOrder::Send(message))),
                Output::Event(event) => self.take(now, event, out),
                Output::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
            }
        }
    }

    fn take(&mut self, now: Instant, event: Event, out: &mut Vec<Outcome>) {
        match event {
            Event::Registering => out.push(Outcome::Line(LineEvent::Step(ConnectStep::Register))),
            Event::Registered(registered) => {
                out.push(Outcome::Link(LinkOrder::KeepAlive(registered.flow_timer)));
                let (expires, digest, seen) = (registered.expires, registered.digest, self.agent.digest_seen().into());
                out.push(Outcome::Line(LineEvent::Registered { expires, digest, seen }));
            }
            // The link tells that itself.
            Event::RegistrationFailed { why: RegistrationFailure::Link, .. } => {}
            Event::RegistrationFailed { why, status, retry_at } => {
                // Only a challenge that was left unanswered ends so; other failures have words of their own.
                let doubt = (why == RegistrationFailure::BadAnswer).then(|| self.agent.digest_refusal()).flatten();
                let doubt = doubt.and_then(fault::of_challenge);
                // Whether the server is the right one, a person decides.
                let retry_at = retry_at.filter(|_| doubt.is_none());
                let fault = doubt.unwrap_or_else(|| fault::of_registration(why, status));
                let fault = fault.sip(status.map(StatusCode::code)).of_account(&self.host, &self.user);
                let retry_in = retry_at.map(|at| at.saturating_duration_since(now));
                if self.agent.live().1 == 0 {
                    // RFC 3263 4.3: a 503, and no answer at all, are as good as no connection.
                    let failed = status == Some(StatusCode::SERVICE_UNAVAILABLE) || why == RegistrationFailure::Timeout;
                    match retry_in {
                        None => out.push(Outcome::Link(LinkOrder::Close)),
                        Some(_) if failed => out.push(Outcome::Link(LinkOrder::NextServer)),
                        Some(_) => {}
                    }
                }
                out.push(Outcome::Line(LineEvent::Refused { fault, retry_in }));
            }
            Event::Unregistered => {
                out.push(Outcome::Line(LineEvent::Unregistered));
                out.push(Outcome::Link(LinkOrder::Close));
            }
            Event::Misbehaved(why) => {
                if self.complaints.is_new(now, why) {
                    tracing::warn!(server = self.host, "the server or who speaks through it misbehaves: {why}");
                }
            }
            Event::Refused(refused) => {
                if self.complaints.is_new(now, refused.why) {
                    tracing::info!(server = self.host, "{}", words_of(&refused));
                }
            }
            Event::Ended { .. } => {
                out.push(Outcome::Agent(event));
                if self.closing.is_some() && self.agent.live().1 == 0 {
                    out.push(Outcome::Link(LinkOrder::Close));
                }
            }
            event => out.push(Outcome::Agent(event)),
        }
    }
}

/// What was refused, for the log.
fn words_of(refused: &Refused) -> String {
    // A method may be any word of the far end.
    let what: String = refused.method.as_ref().map_or("response", Method::as_str).chars().take(20).collect();
    match refused.status {
        Some(status) => format!("{what} answered {}: {}", status.code(), refused.why),
        None => format!("{what} left aside: {}", refused.why),
    }
}

fn step_of(step: Step) -> ConnectStep {
    match step {
        Step::Find => ConnectStep::Find,
        Step::Connect => ConnectStep::Connect,
        Step::Tls => ConnectStep::Tls,
        Step::Websocket => ConnectStep::Websocket,
    }
}

fn security(tls: wss::TlsFacts) -> Option<Security> {
    let version = tls.version?;
    Some(Security {
        tls: version.to_owned(),
        cipher: tls.cipher.unwrap_or_default(),
        cert: tls.certificate.as_ref().map(Certificate::from),
        digest: None,
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The Call-ID of a message, as it stands there.
fn call_id(message: &[u8]) -> Option<String> {
    for line in message.split(|byte| *byte == b'\n').skip(1) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return None;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii_end();
        if name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i") {
            return Some(String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned());
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests;
