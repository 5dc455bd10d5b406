//! Calls, from the INVITE to the BYE.
//!
//! ```text
//! caller   Inviting ──2xx──▶ Established ──BYE──▶ Ending ──answer──▶ ∅
//!             │ refused, CANCEL answered, link down: ∅
//! callee   Ringing ──answer──▶ Established (2xx repeated until its ACK) ──BYE──▶ Ending ──▶ ∅
//!             │ refused, CANCEL: ∅
//! ```

mod bye;
mod change;
mod incoming;
mod info;
mod outgoing;
mod redirect;
mod reliable;
mod session;

use std::time::Duration;

use bytes::Bytes;

pub use outgoing::Invite;
use redirect::Redirects;
use reliable::Reliable;
pub(crate) use session::LEAST as LEAST_SESSION;
use session::SessionTimer;

use crate::{
    agent::{Outcome, UserAgent},
    dialog::Dialog,
    event::{CallId, EndCause, EndedBy, Event, LegId},
    headers::{CSeq, RAck},
    message::Request,
    timer::Timer,
    transaction::{Purpose, TransactionId},
};

/// The most branches of a call that are told apart; what more there are is not heard (CONFORMANCE C52).
pub(crate) const MOST_LEGS: usize = 32;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    /// Do we hide who we are?
    pub(crate) anonymous: bool,
    pub(crate) state: CallState,
}

/// Where a call is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are a handful of calls, and each rings before it is up")]
pub(crate) enum CallState {
    /// We call, and wait for the answer.
    Inviting(Inviting),
    /// We are called, and have not answered.
    Ringing(Ringing),
    /// Both ends have agreed.
    Established(Box<Established>),
    /// Our BYE is on its way. Nothing of the call is told any more.
    Ending,
}

/// We call.
#[derive(Debug)]
pub(crate) struct Inviting {
    pub(crate) transaction: TransactionId,
    pub(crate) legs: Vec<Leg>,
    pub(crate) cancel: Cancel,
    pub(crate) proceeding: bool,
    pub(crate) redirects: Redirects,
}

/// A branch of a forked call that has sent a response (RFC 3261 12.1).
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) tag: Option<String>,
    /// Has it given its answer already (RFC 3261 13.2.1)?
    pub(crate) answered: bool,
    /// Its early dialog, once a PRACK was sent in it.
    pub(crate) dialog: Option<Dialog>,
}

/// How far a call is on its way to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// It is not.
    No,
    /// It is to be, but the server has not said a word yet (RFC 3261 9.1).
    Wanted,
    /// The CANCEL is sent.
    Sent,
}

/// We are called.
#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) server: TransactionId,
    pub(crate) request: Request,
    pub(crate) tag: String,
    /// Our 180, where the caller requires it to be reliable.
    pub(crate) reliable: Option<Reliable>,
}

/// Both ends have agreed.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) dialog: Dialog,
    /// The last 2xx of ours that has no ACK yet.
    pub(crate) unacked: Option<Unacked>,
    /// The ACKs of our first INVITE and of the last one, for a 2xx that comes again; the CSeq of that INVITE with each.
    acks: Vec<(u32, Bytes)>,
    pub(crate) change: Change,
    /// Our offer that clashed with one of the far end, to be made again soon (491).
    pub(crate) again: Option<Bytes>,
    /// Did we make the call? Then we are the owner of its Call-ID (RFC 3261 14.1).
    pub(crate) owner: bool,
    /// We have hung up before the ACK of our 2xx: the BYE has to wait for it (RFC 3261 15). Nothing more is told.
    pub(crate) leaving: bool,
    pub(crate) session: SessionTimer,
    /// The PRACK that our answer did not wait for.
    pub(crate) unpracked: Option<RAck>,
}

/// A 2xx that waits for its ACK (RFC 3261 13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacked {
    pub(crate) response: Bytes,
    pub(crate) cseq: u32,
    pub(crate) interval: Duration,
    /// Does the ACK bring the answer to our offer?
    pub(crate) late: bool,
    /// Was it the INVITE that made the call?
    pub(crate) first: bool,
}

/// A change of the session that is under way (RFC 3261 14).
#[derive(Debug)]
pub(crate) enum Change {
    /// None.
    None,
    /// We asked for it.
    Sent(Bytes),
    /// The far end asked for it, with this request.
    Received(TransactionId),
}

impl Established {
    /// The ACK of the INVITE with that CSeq.
    pub(crate) fn ack_of(&self, number: u32) -> Option<Bytes> {
        self.acks.iter().find(|(own, _)| *own == number).map(|(_, ack)| ack.clone())
    }

    /// Remembers an ACK. RFC 3261 13.2.2.4: each 2xx that comes again gets one, that of the first INVITE even when
    /// another INVITE has been sent meanwhile.
    pub(crate) fn acknowledged(&mut self, number: u32, ack: Bytes) {
        self.acks.truncate(1);
        self.acks.push((number, ack));
    }

    fn new(dialog: Dialog, owner: bool) -> Self {
        Self {
            dialog,
            unacked: None,
            acks: Vec::new(),
            change: Change::None,
            again: None,
            owner,
            leaving: false,
            session: SessionTimer::default(),
            unpracked: None,
        }
    }
}

impl UserAgent {
    /// The established call that a request belongs to.
    pub(crate) fn call_of(&mut self, request: &Request) -> Option<(CallId, &mut Established)> {
        self.calls.iter_mut().find_map(|call| match &mut call.state {
            CallState::Established(established) if established.dialog.owns(request) => {
                Some((call.id, established.as_mut()))
            }
            _ => None,
        })
    }

    pub(crate) fn established(&mut self, id: CallId) -> Option<&mut Established> {
        match &mut self.call(id).ok()?.state {
            CallState::Established(established) => Some(established),
            _ => None,
        }
    }

    /// The call is over: its timers go, and the program hears why.
    pub(crate) fn end(&mut self, id: CallId, mut cause: EndCause) {
        if let Some((_, elsewhere)) = self.elsewhere.take_if(|(own, _)| *own == id) {
            cause.elsewhere = elsewhere;
        }
        self.calls.retain(|call| call.id != id);
        self.clear_timers(id);
        self.emit(Event::Ended { call: id, cause });
    }

    pub(crate) fn clear_timers(&mut self, id: CallId) {
        for timer in [
            Timer::Resend2xx(id),
            Timer::NoAck(id),
            Timer::StillRinging(id),
            Timer::ResendRinging(id),
            Timer::NoPrack(id),
            Timer::CancelEnd(id),
            Timer::OfferAgain(id),
            Timer::SessionRefresh(id),
            Timer::SessionEnd(id),
        ] {
            self.timers.cancel(timer);
        }
    }

    /// The CSeq of a request that is sent again with credentials: the next one of whatever it belongs to.
    pub(crate) fn next_cseq(&mut self, purpose: Purpose, request: &Request) -> u32 {
        match purpose {
            Purpose::Register => self.registration.next_cseq(),
            Purpose::Reinvite(call) | Purpose::Refresh(call) | Purpose::Bye(call) => match self.established(call) {
                Some(established) => {
                    established.dialog.local_cseq += 1;
                    established.dialog.local_cseq
                }
                None => following(request),
            },
            Purpose::Prack(call, leg) => match self.early_dialog(call, leg) {
                Some(dialog) => {
                    dialog.local_cseq += 1;
                    dialog.local_cseq
                }
                None => following(request),
            },
            Purpose::Invite(_) | Purpose::Aside => following(request),
        }
    }

    /// Is it still wanted? A call that was given up while the challenge was on its way is not made again.
    pub(crate) fn may_send_again(&mut self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Invite(call) => {
                matches!(self.call(call).map(|call| &call.state), Ok(CallState::Inviting(inviting)) if inviting.cancel == Cancel::No)
            }
            Purpose::Reinvite(call) | Purpose::Refresh(call) => self.established(call).is_some(),
            _ => true,
        }
    }

    /// The request of `purpose` has another transaction now.
    pub(crate) fn sent_again(&mut self, purpose: Purpose, id: TransactionId) {
        if let Purpose::Invite(call) = purpose
            && let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(call)
        {
            inviting.transaction = id;
            inviting.proceeding = false;
            // The refusal has ended what early dialogs there were (RFC 3261 12.3).
            inviting.legs.clear();
        }
    }
}

fn following(request: &Request) -> u32 {
    request.headers.typed::<CSeq>().and_then(Result::ok).map_or(1, |cseq| cseq.number + 1)
}

/// The cause of an end that an outcome brings.
pub(crate) fn cause_of(outcome: &Outcome, answered: bool) -> EndCause {
    let (by, reason) = match outcome {
        Outcome::Response(response) => (EndedBy::Remote, crate::agent::reason(&response.headers)),
        Outcome::Refused(..) => (EndedBy::Remote, None),
        Outcome::Timeout => (EndedBy::Timeout, None),
        Outcome::Link => (EndedBy::Link, None),
    };
    let refusal = match outcome {
        Outcome::Refused(refusal, _) => Some(*refusal),
        _ => None,
    };
    EndCause { reason, refusal, ..EndCause::new(by, Some(outcome.status()), answered) }
}
