//! What goes into the agent and what comes out of it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{auth::Refusal, headers::Reason, method::Method, name_addr::NameAddr, status::StatusCode, uri::Uri};

/// A call of this agent. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u64);

/// One branch of a forked call: the far end that a response came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub(crate) u32);

/// What happens to the agent.
#[derive(Clone, Debug)]
pub enum Input {
    /// One WebSocket message, text or binary.
    Message(Bytes),
    /// The connection to the server is up.
    LinkUp,
    /// The connection is gone. What waited for an answer on it has failed; calls live on.
    LinkDown,
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// What the agent wants.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this as one WebSocket message.
    Transmit(Bytes),
    /// Something happened.
    Event(Event),
    /// Nothing more; come again with [`Input::Timeout`] at this time, if there is one.
    Timeout(Option<Instant>),
}

/// Somebody, as a message names them. Everything in it came from the far end and may lie.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The display name, if one was given.
    pub name: Option<String>,
    /// The user part or the number, unescaped; empty for a URI without one.
    pub user: String,
    /// The whole URI.
    pub uri: String,
}

impl std::fmt::Debug for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Party(***)")
    }
}

impl From<&NameAddr> for Party {
    fn from(address: &NameAddr) -> Self {
        Self {
            name: address.display.as_deref().map(str::to_owned),
            user: address.uri.user_text().unwrap_or_default(),
            uri: address.uri.address_of_record().to_string(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A REGISTER is on its way.
    Registering,
    /// We can be reached.
    Registered(Registered),
    /// We cannot be reached.
    RegistrationFailed {
        /// Why.
        why: RegistrationFailure,
        /// The status that said so, if one did.
        status: Option<StatusCode>,
        /// When it is tried again by itself; never, when it needs a person.
        retry_at: Option<Instant>,
    },
    /// We have gone off the line, as asked.
    Unregistered,
    /// Somebody calls.
    Incoming(Box<Incoming>),
    /// The server has our call.
    Trying(CallId),
    /// It rings at the far end.
    Ringing(CallId),
    /// The far end sends sound before it answers.
    EarlyMedia {
        /// The call.
        call: CallId,
        /// Which branch of it.
        leg: LegId,
        /// Its answer to our offer.
        sdp: Bytes,
    },
    /// The far end has answered our call.
    Answered {
        /// The call.
        call: CallId,
        /// Which branch of it.
        leg: LegId,
        /// Its answer to our offer; nothing when it came before in early media of the same branch.
        sdp: Option<Bytes>,
        /// Who answered, where the server says so.
        party: Option<Party>,
    },
    /// The far end knows that we answered its call.
    Confirmed {
        /// The call.
        call: CallId,
        /// Its answer, when we made the offer.
        sdp: Option<Bytes>,
    },
    /// The far end wants to change the session: answer with `answer_offer` or `refuse_offer`.
    Reoffer {
        /// The call.
        call: CallId,
        /// Its offer; nothing when we shall make one.
        sdp: Option<Bytes>,
    },
    /// Our change of the session was taken.
    ReofferAnswered {
        /// The call.
        call: CallId,
        /// Its answer.
        sdp: Bytes,
    },
    /// Our change of the session was refused; the session stays as it was (RFC 3261 14.1).
    ReofferRefused {
        /// The call.
        call: CallId,
        /// Why.
        status: StatusCode,
    },
    /// The other party has another name or number now.
    PartyChanged {
        /// The call.
        call: CallId,
        /// Who it is.
        party: Party,
    },
    /// A digit came by INFO.
    Digit {
        /// The call.
        call: CallId,
        /// 0-9, A-D, * or #.
        digit: char,
    },
    /// The call is over.
    Ended {
        /// The call.
        call: CallId,
        /// Why.
        cause: EndCause,
    },
    /// The server tells of waiting messages (RFC 3842).
    MessageSummary(Bytes),
    /// The far end did something that no RFC allows; for the log.
    Misbehaved(&'static str),
    /// Something that may be proper was refused or left aside; for the log.
    Refused(Refused),
}

/// What the agent refused or left aside by itself. What a person refuses is not told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The method of the request; nothing, when it was a response.
    pub method: Option<Method>,
    /// What it was answered; nothing, when there was no answer.
    pub status: Option<StatusCode>,
    /// Why, in words. Nothing that came from anybody is in them.
    pub why: &'static str,
}

/// A registration.
#[derive(Clone, Debug)]
pub struct Registered {
    /// How long the server keeps it.
    pub expires: Duration,
    /// Our public GRUU (RFC 5627), if the server gave one.
    pub public_gruu: Option<String>,
    /// Our newest temporary GRUU, which names nobody, if the server gave one.
    pub temporary_gruu: Option<String>,
    /// Did the server agree to Outbound (RFC 5626 4.2.1)?
    pub outbound: bool,
    /// How often the server wants to hear from us (RFC 5626 4.4).
    pub flow_timer: Option<Duration>,
    /// Which digest proved us.
    pub digest: Option<&'static str>,
}

/// Why a registration failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationFailure {
    /// The server wants a password and we have none.
    PasswordNeeded,
    /// The server refused the password.
    WrongPassword,
    /// The server does not know the user.
    UnknownUser,
    /// The server does not let us.
    Forbidden,
    /// The server cannot now.
    ServerUnavailable,
    /// The server did not answer within 64*T1.
    Timeout,
    /// The connection broke before the answer.
    Link,
    /// The answer makes no sense.
    BadAnswer,
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The call.
    pub call: CallId,
    /// Who says to call: what the server asserts (RFC 3325), else From.
    pub from: Party,
    /// Was it the server that asserted it?
    pub asserted: bool,
    /// What was called.
    pub to: Party,
    /// Its offer; nothing when we shall make one.
    pub offer: Option<Bytes>,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// We did.
    Local,
    /// The far end or the server did.
    Remote,
    /// Nobody answered in time.
    Timeout,
    /// The connection broke before the call was up.
    Link,
}

/// Why a call is over.
#[derive(Clone, Debug)]
pub struct EndCause {
    /// Who ended it.
    pub by: EndedBy,
    /// The status that ended it, if one did.
    pub status: Option<StatusCode>,
    /// The reason that was given beside it (RFC 3326).
    pub reason: Option<Reason>,
    /// Had it been answered?
    pub answered: bool,
    /// Where a 3xx sent the call that the agent did not follow by itself, because it is another number: a person has to say
    /// whether to call it (RFC 3261 8.1.3.4, CONFORMANCE C69).
    pub elsewhere: Vec<Uri>,
    /// Why the challenge of a 401 or 407 was not answered, where that ended the call.
    pub refusal: Option<Refusal>,
}

impl EndCause {
    /// An end without a reason beside it.
    #[must_use]
    pub const fn new(by: EndedBy, status: Option<StatusCode>, answered: bool) -> Self {
        Self { by, status, reason: None, answered, elsewhere: Vec::new(), refusal: None }
    }
}

/// A call of the program that does not fit the state of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// There is no such call, or no more.
    #[error("there is no such call")]
    NoSuchCall,
    /// The call is not in a state for it.
    #[error("the call is not in a state for that")]
    WrongState,
    /// There is no connection to the server.
    #[error("there is no connection to the server")]
    NoLink,
    /// A `sips:` address over a connection in the clear (RFC 7118 9.2).
    #[error("a sips address needs a secure connection")]
    Insecure,
    /// There are as many calls as this agent takes.
    #[error("there are too many calls")]
    TooMany,
}
