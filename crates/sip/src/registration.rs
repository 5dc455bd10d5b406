//! The registration (RFC 3261 10.2, RFC 5626, RFC 5627, RFC 3608).
//!
//! ```text
//! Off ──wish──▶ Sent ──2xx──▶ Registered ──half time──▶ Sent
//!  ▲              │ refused: Waiting (again by itself) or Off (a person is needed)
//!  └──wish──── link down: Off until it is up again
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::{Rng, RngCore};
use rand_chacha::ChaCha12Rng;

use crate::agent::Outcome;
use crate::{
    agent::UserAgent,
    auth::Refusal,
    event::{Event, Registered, RegistrationFailure as Failure},
    header_name::HeaderName,
    headers::{CSeq, Contact, Via},
    host::Host,
    message::{Request, Response},
    method::Method,
    name_addr::NameAddr,
    status::StatusCode,
    timer::Timer,
    transaction::Purpose,
    uri::Uri,
};

/// The longest wait between two tries (RFC 5626 4.5, max-time).
const LONGEST_WAIT: u64 = 1800;

/// What is known of our registration.
#[derive(Debug)]
pub(crate) struct Registration {
    /// One for all REGISTERs of this start (RFC 3261 10.2).
    call_id: String,
    tag: String,
    cseq: u32,
    wanted: bool,
    /// One REGISTER at a time (RFC 3261 10.2).
    pending: bool,
    leaving: bool,
    failures: u32,
    expires: Option<Duration>,
    without_outbound: bool,
    granted: Option<Granted>,
    /// Where the server saw us come from (W16).
    pub(crate) learned: Option<(Host, Option<u16>)>,
    /// The Service-Route (RFC 3608), for requests outside dialogs.
    pub(crate) service_route: Vec<NameAddr>,
}

#[derive(Debug)]
struct Granted {
    gruu: Option<Uri>,
    /// The newest temporary one. It is good as long as the registration lives and its Call-ID stays, which is that of
    /// this agent (RFC 5627 4.1); so it goes when the registration does.
    temporary: Option<Uri>,
    keeps_flow: bool,
}

impl Registration {
    pub(crate) fn new(rng: &mut ChaCha12Rng) -> Self {
        Self {
            call_id: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
            tag: format!("{:016x}", rng.next_u64()),
            cseq: 0,
            wanted: false,
            pending: false,
            leaving: false,
            failures: 0,
            expires: None,
            without_outbound: false,
            granted: None,
            learned: None,
            service_route: Vec::new(),
        }
    }

    /// Our public GRUU, while we are registered.
    pub(crate) fn gruu(&self) -> Option<&Uri> {
        self.granted.as_ref()?.gruu.as_ref()
    }

    /// Our newest temporary GRUU, while we are registered: it does not tell who we are.
    pub(crate) fn temporary_gruu(&self) -> Option<&Uri> {
        self.granted.as_ref()?.temporary.as_ref()
    }

    /// Does the server know what `ob` means? It says so in the 2xx (RFC 5626 6; RFC 7118 8.1, F4 only in Supported).
    pub(crate) fn keeps_flow(&self) -> bool {
        self.granted.as_ref().is_some_and(|granted| granted.keeps_flow)
    }

    /// The CSeq of a REGISTER that is sent again with credentials.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }
}

impl UserAgent {
    /// Come on the line, and stay there: after a lost link this registers again by itself.
    pub fn register(&mut self, now: Instant) {
        self.registration.wanted = true;
        self.registration.failures = 0;
        self.send_register(now);
    }

    /// Go off the line.
    pub fn unregister(&mut self, now: Instant) {
        let own = &mut self.registration;
        own.wanted = false;
        let registered = own.granted.take().is_some();
        for timer in [Timer::Refresh, Timer::RegisterAgain, Timer::Expired] {
            self.timers.cancel(timer);
        }
        if self.link && (registered || self.registration.pending) {
            self.registration.leaving = true;
            if !self.registration.pending {
                self.send_register(now);
            }
        } else {
            self.emit(Event::Unregistered);
        }
    }

    pub(crate) fn registration_link_up(&mut self, now: Instant) {
        if self.registration.wanted {
            self.send_register(now);
        }
    }

    pub(crate) fn registration_link_down(&mut self) {
        self.registration.granted = None;
        for timer in [Timer::Refresh, Timer::RegisterAgain, Timer::Expired] {
            self.timers.cancel(timer);
        }
        if std::mem::take(&mut self.registration.leaving) {
            self.emit(Event::Unregistered);
        }
    }

    pub(crate) fn registration_expired(&mut self) {
        self.registration.granted = None;
    }

    pub(crate) fn send_register(&mut self, now: Instant) {
        if self.registration.pending || !self.link || !(self.registration.wanted || self.registration.leaving) {
            return;
        }
        let request = self.register_request();
        if self.send(now, request, Purpose::Register).is_ok() {
            self.registration.pending = true;
            if !self.registration.leaving && self.registration.granted.is_none() {
                self.emit(Event::Registering);
            }
        }
    }

    /// RFC 7118 8.1, F3.
    fn register_request(&mut self) -> Request {
        let mut registrar = self.config.aor.clone();
        registrar.user = None;
        let number = self.registration.next_cseq();
        let leaving = self.registration.leaving;
        let own = self.own_address();
        let expires = if leaving { 0 } else { self.registration.expires.unwrap_or(self.config.expires).as_secs() };
        let mut request = Request::new(Method::Register, registrar);
        let headers = &mut request.headers;
        headers.push(HeaderName::MaxForwards, "70");
        headers.push(HeaderName::From, &own.clone().with_tag(&self.registration.tag).to_string());
        headers.push(HeaderName::To, &own.to_string());
        headers.push(HeaderName::CallId, &self.registration.call_id);
        headers.push(HeaderName::CSeq, &CSeq { number, method: Method::Register }.to_string());
        let outbound = !self.registration.without_outbound;
        headers.push(HeaderName::Supported, if outbound { "path, outbound, gruu" } else { "path, gruu" });
        let mut contact = NameAddr::new(self.flow_uri());
        if outbound {
            contact.params.set("reg-id", &self.config.reg_id.to_string());
        }
        contact.params.set_quoted("+sip.instance", &format!("<{}>", self.config.instance));
        contact.params.set("expires", &expires.to_string());
        headers.push(HeaderName::Contact, &contact.to_string());
        // W5: without it FreeSWITCH grants thirty seconds.
        headers.push(HeaderName::Expires, &expires.to_string());
        self.describe(&mut request);
        request
    }

    pub(crate) fn register_outcome(&mut self, now: Instant, outcome: Outcome) {
        if let Outcome::Response(response) = &outcome {
            self.learn(response);
            if response.status.is_provisional() {
                return;
            }
        }
        self.registration.pending = false;
        let left = std::mem::take(&mut self.registration.leaving);
        if !self.registration.wanted {
            if left {
                return self.emit(Event::Unregistered);
            }
            // The wish changed while the answer was on its way.
            self.registration.leaving = true;
            return self.send_register(now);
        }
        if left {
            return self.send_register(now);
        }
        match outcome {
            Outcome::Response(response) if response.status.is_success() => self.registered(now, &response),
            Outcome::Response(response) => self.register_refused(now, &response),
            Outcome::Timeout => self.register_failed(now, Failure::Timeout, None, None),
            // The link tells when it is back; then this starts anew by itself.
            Outcome::Link => self.register_failed(now, Failure::Link, None, Some(Duration::MAX)),
            Outcome::Refused(Refusal::NoPassword, status) => {
                self.register_failed(now, Failure::PasswordNeeded, Some(status), None)
            }
            Outcome::Refused(Refusal::Rejected, status) => {
                self.register_failed(now, Failure::WrongPassword, Some(status), None)
            }
            Outcome::Refused(_, status) => self.register_failed(now, Failure::BadAnswer, Some(status), None),
        }
    }

    /// RFC 3581 and W16: `received` and `rport` say where the server sees us.
    fn learn(&mut self, response: &Response) {
        let Some(Ok(via)) = response.headers.typed::<Via>() else { return };
        if let Some(host) = via.params.raw("received").and_then(Host::parse) {
            let port = via.params.number("rport").and_then(|port| u16::try_from(port).ok());
            self.registration.learned = Some((host, port));
        }
    }

    fn registered(&mut self, now: Instant, response: &Response) {
        // W5: our Contact is known by its user part or our instance; others of the same user stand beside it.
        let instance = format!("<{}>", self.config.instance);
        let ours = response.headers.all::<Contact>().into_iter().filter_map(Contact::address).find(|contact| {
            contact.uri.user.as_deref() == Some(&self.contact_user)
                || contact.params.get("+sip.instance").as_deref() == Some(&instance)
        });
        let header = response.headers.seconds(&HeaderName::Expires);
        // RFC 3261 10.2.4: the parameter of the Contact counts before the header.
        let seconds = ours
            .as_ref()
            .and_then(|contact| contact.params.number("expires"))
            .or(header)
            .unwrap_or_else(|| u32::try_from(self.config.expires.as_secs()).unwrap_or(600));
        if seconds == 0 {
            return self.register_failed(now, Failure::BadAnswer, Some(response.status), None);
        }
        let expires = Duration::from_secs(u64::from(seconds));
        let gruu = |name| ours.as_ref()?.params.get(name).and_then(|gruu| Uri::parse(&gruu).ok());
        let (gruu, temporary) = (gruu("pub-gruu"), gruu("temp-gruu"));
        let outbound = response.headers.has_token(&HeaderName::Require, "outbound");
        let own = &mut self.registration;
        own.failures = 0;
        own.service_route = response.headers.name_addrs(&HeaderName::ServiceRoute);
        let keeps_flow = outbound || response.headers.has_token(&HeaderName::Supported, "outbound");
        own.granted = Some(Granted { gruu: gruu.clone(), temporary: temporary.clone(), keeps_flow });
        self.timers.set(now + expires / 2, Timer::Refresh);
        self.timers.set(now + expires, Timer::Expired);
        self.emit(Event::Registered(Registered {
            expires,
            public_gruu: gruu.map(|gruu| gruu.to_string()),
            temporary_gruu: temporary.map(|gruu| gruu.to_string()),
            outbound,
            flow_timer: alive(response),
            digest: self.auth.algorithm(),
        }));
    }

    fn register_refused(&mut self, now: Instant, response: &Response) {
        let status = Some(response.status);
        let wait = response
            .headers
            .seconds(&HeaderName::RetryAfter)
            .map(|seconds| Duration::from_secs(u64::from(seconds).min(LONGEST_WAIT)));
        match response.status.code() {
            // RFC 3261 10.2.8: the server wants it longer; once, with what it says.
            423 => match response
                .headers
                .seconds(&HeaderName::MinExpires)
                .map(|seconds| Duration::from_secs(u64::from(seconds)))
            {
                Some(least)
                    if self.registration.expires.unwrap_or(self.config.expires) < least
                        && least.as_secs() <= 86_400 =>
                {
                    self.registration.expires = Some(least);
                    self.send_register(now);
                }
                _ => self.register_failed(now, Failure::BadAnswer, status, None),
            },
            // RFC 5626 4.2.1: the first hop cannot; without it we are still reached.
            439 if !self.registration.without_outbound => {
                self.registration.without_outbound = true;
                self.send_register(now);
            }
            // W4: FreeSWITCH says 403 to a wrong password, at once.
            403 if self.auth.algorithm().is_some() => self.register_failed(now, Failure::WrongPassword, status, None),
            403 => self.register_failed(now, Failure::Forbidden, status, None),
            404 | 604 => self.register_failed(now, Failure::UnknownUser, status, None),
            408 | 480 | 500..=699 => self.register_failed(now, Failure::ServerUnavailable, status, wait),
            _ => self.register_failed(now, Failure::BadAnswer, status, wait),
        }
    }

    /// A failure: tried again by itself unless a person is needed. `wait` is what the server asked for.
    fn register_failed(&mut self, now: Instant, why: Failure, status: Option<StatusCode>, wait: Option<Duration>) {
        let own = &mut self.registration;
        own.granted = None;
        own.failures = own.failures.saturating_add(1);
        let failures = own.failures;
        let person =
            matches!(why, Failure::PasswordNeeded | Failure::WrongPassword | Failure::UnknownUser | Failure::Forbidden);
        let retry_at = match wait {
            _ if person => None,
            Some(Duration::MAX) => None,
            // RFC 5626 4.2.1: at once, but not over and over.
            Some(Duration::ZERO) if failures > 1 => Some(now + self.backoff(failures)),
            Some(wait) => Some(now + wait),
            None => Some(now + self.backoff(failures)),
        };
        for timer in [Timer::Refresh, Timer::Expired] {
            self.timers.cancel(timer);
        }
        if person {
            self.registration.wanted = false;
        }
        if let Some(at) = retry_at {
            self.timers.set(at, Timer::RegisterAgain);
        }
        self.emit(Event::RegistrationFailed { why, status, retry_at });
    }

    /// RFC 5626 4.5: W = min(1800, 30 * 2^n), of which a random half to whole is waited.
    fn backoff(&mut self, failures: u32) -> Duration {
        let most = (30_u64 << (failures - 1).min(6)).min(LONGEST_WAIT);
        Duration::from_millis(self.rng.random_range(most * 500..=most * 1000))
    }

    /// The Service-Route for a request outside a dialog, as Route headers.
    pub(crate) fn preloaded_route(&self) -> Vec<Bytes> {
        self.registration.service_route.iter().map(|hop| Bytes::from(hop.to_string())).collect()
    }
}

/// How often the server wants to hear from us: Flow-Timer (RFC 5626 4.4), or the value that it gave our `keep`
/// (RFC 6223 4.3); of both the shorter. A `keep` of nothing, or of zero, says nothing.
fn alive(response: &Response) -> Option<Duration> {
    let keep = response.headers.typed::<Via>().and_then(Result::ok).and_then(|via| via.params.number("keep"));
    let flow = response.headers.seconds(&HeaderName::FlowTimer);
    let shortest = [flow, keep].into_iter().flatten().filter(|seconds| *seconds > 0).min()?;
    Some(Duration::from_secs(u64::from(shortest)))
}
