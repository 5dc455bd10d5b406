//! Every timer of the agent. All are set and taken here, so that the next deadline is one look.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{event::CallId, transaction::TransactionId};

/// The base times of RFC 3261 17.1.1.1. The transport is reliable, so nothing is repeated but a 2xx.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// An estimate of a round trip; 64 of them is how long anything is waited for.
    pub t1: Duration,
    /// The longest time between two 2xx.
    pub t2: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4) }
    }
}

impl Times {
    /// 64*T1: timers B, F, H, L and M.
    pub(crate) fn limit(self) -> Duration {
        self.t1 * 64
    }
}

/// What to do when a time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Timers B and F: no final response came to our request, so it has failed with 408 (RFC 3261 17.1.1.2, 17.1.2.2).
    RequestTimeout(TransactionId),
    /// Timers H, L and M: the transaction has lived long enough (RFC 3261 17.2.1; RFC 6026 7.1, 7.2).
    TransactionEnd(TransactionId),
    /// The 2xx of an incoming call has not been acknowledged: send it again (RFC 3261 13.3.1.4).
    Resend2xx(CallId),
    /// 64*T1 after the 2xx there is still no ACK: the call ends with BYE (RFC 3261 13.3.1.4).
    NoAck(CallId),
    /// Still ringing: a provisional response again, lest a proxy gives up (RFC 3261 13.3.1.1).
    StillRinging(CallId),
    /// Our reliable 180 has no PRACK yet: send it again (RFC 3262 3).
    ResendRinging(CallId),
    /// 64*T1 after our reliable 180 there is still no PRACK: the call is refused (RFC 3262 3).
    NoPrack(CallId),
    /// 64*T1 after a CANCEL the INVITE has no final response: it is over (RFC 3261 9.1).
    CancelEnd(CallId),
    /// After a 491: offer again (RFC 3261 14.1).
    OfferAgain(CallId),
    /// Half the interval of a session has gone, and it is on us to refresh it (RFC 4028 10).
    SessionRefresh(CallId),
    /// The session is about to end without a refresh: BYE (RFC 4028 10).
    SessionEnd(CallId),
    /// The registration has run for half its life: refresh it.
    Refresh,
    /// A registration that failed for a while: try again (RFC 5626 4.5, Retry-After).
    RegisterAgain,
    /// The registration has run out without a refresh.
    Expired,
}

/// The timers that are set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<(Instant, Timer), ()>,
}

impl Timers {
    /// Sets `timer`, which replaces itself.
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.cancel(timer);
        self.due.insert((at, timer), ());
    }

    /// Takes `timer` away.
    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.due.retain(|(_, own), ()| *own != timer);
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), ())| *at)
    }

    /// Takes the next one that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let ((at, timer), ()) = self.due.first_key_value()?;
        let (at, timer) = (*at, *timer);
        (at <= now).then(|| {
            self.due.remove(&(at, timer));
            timer
        })
    }

    /// How many are set.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }
}
