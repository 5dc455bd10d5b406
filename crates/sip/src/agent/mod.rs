//! The user agent of one account. It never sees a socket: messages and the state of the link go in, messages and events
//! come out, in order.

mod receive;
mod request;
mod respond;

pub(crate) use receive::{party, reason, response_sdp, sdp};
pub(crate) use request::Outcome;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::{
    auth::{Authenticator, Refusal, Seen},
    call::Call,
    event::{CallId, Event, Input, Misuse, Output},
    host::Host,
    privacy::Secret,
    registration::Registration,
    timer::{Timer, Timers, Times},
    transaction::Transactions,
    uri::Uri,
};

/// The most calls of one account at once; more are answered 486 (CONFORMANCE S24).
pub(crate) const MOST_CALLS: usize = 8;

/// How our Contact looks (W16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContactForm {
    /// A random `.invalid` name (RFC 7118 B.1).
    #[default]
    Invalid,
    /// The address that the server saw us come from, with `transport=wss`: FreeSWITCH's NOTIFYs need it.
    Learned,
}

/// What an agent is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of record, `sip:user@domain`.
    pub aor: Uri,
    /// The name shown to others.
    pub display_name: Option<String>,
    /// The name for the digest, where it is not the user part of the address.
    pub auth_user: Option<String>,
    /// The password, if it is known.
    pub password: Option<Secret<String>>,
    /// What an earlier start learned of the digest of the server.
    pub digest_seen: Seen,
    /// The stable `urn:uuid:…` of this program on this machine (RFC 5626 4.1).
    pub instance: String,
    /// Which of several flows this is (RFC 5626 4.2), from 1.
    pub reg_id: u32,
    /// How long to ask the server to keep us.
    pub expires: Duration,
    /// How our Contact looks.
    pub contact_form: ContactForm,
    /// Is the link TLS? Then Via says `WSS`, else `WS` (RFC 7118 5.2).
    pub secure: bool,
    /// How long a session shall live without a refresh (RFC 4028), at least 90 s; nothing for no timers at all.
    pub session_expires: Option<Duration>,
    /// What User-Agent says. Nothing of the machine (CONFORMANCE S32).
    pub user_agent: String,
    /// The base times.
    pub times: Times,
    /// Where its random numbers come from.
    pub seed: [u8; 32],
}

impl Config {
    /// A configuration for `aor` with the usual values.
    #[must_use]
    pub fn new(aor: Uri, seed: [u8; 32]) -> Self {
        Self {
            aor,
            display_name: None,
            auth_user: None,
            password: None,
            digest_seen: Seen::default(),
            instance: "urn:uuid:00000000-0000-4000-8000-000000000000".to_owned(),
            reg_id: 1,
            expires: Duration::from_secs(600),
            contact_form: ContactForm::Invalid,
            secure: true,
            session_expires: Some(Duration::from_secs(1800)),
            user_agent: "Bellbird".to_owned(),
            times: Times::default(),
            seed,
        }
    }
}

/// A user agent.
#[derive(Debug)]
pub struct UserAgent {
    pub(crate) config: Config,
    pub(crate) rng: ChaCha12Rng,
    /// Our name in Via: a random `.invalid` one, fresh per start (C30).
    pub(crate) host: Host,
    /// The user part of our Contact: a random token, never the user name (C30, W6).
    pub(crate) contact_user: String,
    pub(crate) link: bool,
    pub(crate) auth: Authenticator,
    pub(crate) transactions: Transactions,
    pub(crate) timers: Timers,
    pub(crate) registration: Registration,
    pub(crate) calls: Vec<Call>,
    /// Where the last redirected call would have had to go on a person's word.
    pub(crate) elsewhere: Option<(CallId, Vec<Uri>)>,
    pub(crate) last_call: u64,
    pub(crate) last_leg: u32,
    out: VecDeque<Output>,
}

impl UserAgent {
    /// An agent that is off the line, without a link.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut rng = ChaCha12Rng::from_seed(config.seed);
        let host = Host::parse(&format!("{:012x}.invalid", rng.next_u64() >> 16))
            .expect("hexadecimal digits and a suffix are a name");
        let user = config.auth_user.clone().or_else(|| config.aor.user_text()).unwrap_or_default();
        Self {
            contact_user: token(&mut rng),
            host,
            link: false,
            auth: Authenticator::new(user, config.password.clone(), config.digest_seen.clone()),
            transactions: Transactions::default(),
            timers: Timers::default(),
            registration: Registration::new(&mut rng),
            calls: Vec::new(),
            elsewhere: None,
            last_call: 0,
            last_leg: 0,
            out: VecDeque::new(),
            config,
            rng,
        }
    }

    /// Something happened at `now`. Drain [`Self::poll_output`] before the next one.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message(bytes) => self.receive(now, bytes),
            Input::LinkUp => {
                self.link = true;
                self.registration_link_up(now);
            }
            Input::LinkDown => {
                self.link = false;
                self.fail_pending(now);
            }
            Input::Timeout => {}
        }
        while let Some(timer) = self.timers.take_due(now) {
            self.fire(now, timer);
        }
    }

    /// The next thing that the agent wants; [`Output::Timeout`] when that is all.
    pub fn poll_output(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }

    /// Takes another password for what comes.
    pub fn set_password(&mut self, password: Option<Secret<String>>) {
        self.config.password.clone_from(&password);
        self.auth.set_password(password);
    }

    /// What is known of the digest of the server, to be handed to the next start ([`Config::digest_seen`]). It changes
    /// only with a registration.
    #[must_use]
    pub fn digest_seen(&self) -> &Seen {
        self.auth.seen()
    }

    /// Why the last challenge was not answered, to be told beside a registration or a call that failed with 401 or 407.
    /// Nothing when it was answered, or the registration has come through since.
    #[must_use]
    pub fn digest_refusal(&self) -> Option<Refusal> {
        self.auth.refusal()
    }

    /// What is alive in it: transactions, calls and timers. It is nothing at all when everything has ended.
    #[must_use]
    pub fn live(&self) -> (usize, usize, usize) {
        (self.transactions.clients.len() + self.transactions.servers.len(), self.calls.len(), self.timers.len())
    }

    fn fire(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::RequestTimeout(id) => self.request_timed_out(now, id),
            Timer::TransactionEnd(id) => {
                self.transactions.remove_client(id);
                self.transactions.remove_server(id);
            }
            Timer::Resend2xx(call) => self.resend_2xx(now, call),
            Timer::NoAck(call) => self.no_ack(now, call),
            Timer::StillRinging(call) => self.still_ringing(now, call),
            Timer::ResendRinging(call) => self.resend_ringing(now, call),
            Timer::NoPrack(call) => self.no_prack(now, call),
            Timer::CancelEnd(call) => self.cancel_ended(now, call),
            Timer::OfferAgain(call) => self.offer_again(now, call),
            Timer::SessionRefresh(call) => self.refresh_session(now, call),
            Timer::SessionEnd(call) => self.session_ended(now, call),
            Timer::Refresh | Timer::RegisterAgain => self.send_register(now),
            Timer::Expired => self.registration_expired(),
        }
    }

    pub(crate) fn transmit(&mut self, bytes: Bytes) {
        if self.link {
            self.out.push_back(Output::Transmit(bytes));
        }
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    pub(crate) fn next_call(&mut self) -> CallId {
        self.last_call += 1;
        CallId(self.last_call)
    }

    pub(crate) fn call(&mut self, id: CallId) -> Result<&mut Call, Misuse> {
        self.calls.iter_mut().find(|call| call.id == id).ok_or(Misuse::NoSuchCall)
    }

    /// Sixteen random hexadecimal digits: tags, Call-IDs and the like (C67: at least 64 bits).
    pub(crate) fn token(&mut self) -> String {
        token(&mut self.rng)
    }
}

fn token(rng: &mut ChaCha12Rng) -> String {
    format!("{:016x}", rng.next_u64())
}
