//! A call to us: INVITE, ringing, the answer and its ACK, and CANCEL (RFC 3261 9.2, 13.3).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Call, CallState, Established, Ringing, Unacked, reliable::is_required};
use crate::{
    agent::{MOST_CALLS, UserAgent, party, reason, sdp},
    dialog::Dialog,
    event::{CallId, EndCause, EndedBy, Event, Incoming, Misuse, Party},
    header_name::HeaderName,
    headers::{CSeq, Warning},
    message::Request,
    method::Method,
    status::StatusCode,
    timer::Timer,
    transaction::{ServerKey, ServerState, TransactionId},
};

/// How often a proxy is told that it still rings (RFC 3261 13.3.1.1).
const STILL_RINGING: Duration = Duration::from_secs(60);

impl UserAgent {
    pub(crate) fn on_invite(&mut self, now: Instant, id: TransactionId, request: Request) {
        // RFC 3261 8.2.2.2: the same call by another way.
        if self.is_merged(id, &request) {
            self.refuse(now, id, StatusCode::LOOP_DETECTED, "the same request came by another way");
            return;
        }
        if self.calls.len() >= MOST_CALLS {
            self.refuse(now, id, StatusCode::BUSY_HERE, "more calls at once than are taken");
            return;
        }
        let (Some(from), asserted) = party(&request.headers, &HeaderName::From) else {
            return self.refuse(now, id, StatusCode::BAD_REQUEST, "an INVITE without a proper From");
        };
        let tag = self.transactions.server(id).map(|server| server.tag.clone()).unwrap_or_default();
        if Dialog::of_request(&request, &tag, 0).is_none() {
            self.emit(Event::Misbehaved("an INVITE without a Contact"));
            self.respond_plain(now, id, StatusCode::BAD_REQUEST);
            return;
        }
        self.respond_plain(now, id, StatusCode::TRYING);
        let call = self.next_call();
        let to = request
            .headers
            .name_addr(&HeaderName::To)
            .as_ref()
            .map_or(Party { name: None, user: String::new(), uri: String::new() }, Party::from);
        let offer = sdp(&request.headers, &request.body);
        self.calls.push(Call {
            id: call,
            anonymous: false,
            state: CallState::Ringing(Ringing { server: id, request, tag, reliable: None }),
        });
        self.emit(Event::Incoming(Box::new(Incoming { call, from, asserted, to, offer })));
    }

    fn is_merged(&self, id: TransactionId, request: &Request) -> bool {
        self.transactions.servers.iter().any(|other| {
            let same = |name| other.request.headers.get(&name) == request.headers.get(&name);
            other.id != id
                && other.request.method == request.method
                && [HeaderName::From, HeaderName::CallId, HeaderName::CSeq].into_iter().all(same)
        })
    }

    /// It rings here: tell the caller.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`], [`Misuse::WrongState`].
    pub fn ring(&mut self, now: Instant, call: CallId) -> Result<(), Misuse> {
        let ringing = self.ringing(call)?;
        let server = ringing.server;
        if is_required(&ringing.request) {
            return self.ring_reliably(now, call);
        }
        let contact = self.contact();
        self.respond_with(now, server, StatusCode::RINGING, |response| {
            response.headers.push(HeaderName::Contact, &contact)
        });
        self.timers.set(now + STILL_RINGING, Timer::StillRinging(call));
        Ok(())
    }

    /// Answers a call. `sdp` is the answer to its offer, or our offer where it brought none.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`], [`Misuse::WrongState`].
    pub fn answer(&mut self, now: Instant, call: CallId, sdp: Bytes) -> Result<(), Misuse> {
        let first_cseq = 1;
        let ringing = self.ringing(call)?;
        let (server, late) = (ringing.server, ringing.request.body.is_empty());
        let dialog = Dialog::of_request(&ringing.request, &ringing.tag, first_cseq).ok_or(Misuse::WrongState)?;
        let cseq = dialog.remote_cseq.unwrap_or(0);
        let request = ringing.request.clone();
        let unpracked = ringing.unpracked();
        for timer in [Timer::StillRinging(call), Timer::ResendRinging(call), Timer::NoPrack(call)] {
            self.timers.cancel(timer);
        }
        let response = self.respond_session(now, call, server, sdp.clone()).ok_or(Misuse::WrongState)?;
        let mut established = Established::new(dialog, false);
        established.session.sdp = sdp;
        established.unpracked = unpracked;
        established.unacked = Some(Unacked { response, cseq, interval: self.config.times.t1, late, first: true });
        self.call(call)?.state = CallState::Established(Box::new(established));
        self.timer_granted(now, call, &request);
        self.await_ack(now, call);
        Ok(())
    }

    /// A 2xx with a session.
    pub(crate) fn respond_session(
        &mut self,
        now: Instant,
        call: CallId,
        server: TransactionId,
        sdp: Bytes,
    ) -> Option<Bytes> {
        let (contact, supported) = (self.contact_in(call), self.supported());
        let request = self.transactions.server(server).map(|server| server.request.clone())?;
        let timer = self.timer_headers(&request);
        self.respond_with(now, server, StatusCode::OK, |response| {
            response.headers.push(HeaderName::Contact, &contact);
            Self::capabilities(&supported, response);
            timer.iter().for_each(|(name, value)| response.headers.push(name.clone(), value));
            response.headers.set(HeaderName::ContentType, "application/sdp");
            response.body = sdp;
        })
    }

    /// Refuses a call.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`], [`Misuse::WrongState`].
    pub fn reject(&mut self, now: Instant, call: CallId, status: StatusCode) -> Result<(), Misuse> {
        self.reject_with(now, call, status, None)
    }

    /// Refuses a call and says why: a 488 shall carry a Warning (RFC 3261 13.3.1.3, 21.4.26).
    ///
    /// # Errors
    /// As [`Self::reject`].
    pub fn reject_with(
        &mut self,
        now: Instant,
        call: CallId,
        status: StatusCode,
        warning: Option<Warning>,
    ) -> Result<(), Misuse> {
        let server = self.ringing(call)?.server;
        self.respond_refusal(now, server, status, warning);
        self.end(call, EndCause::new(EndedBy::Local, Some(status), false));
        Ok(())
    }

    pub(crate) fn still_ringing(&mut self, now: Instant, call: CallId) {
        let _ = self.ring(now, call);
    }

    pub(crate) fn ringing(&mut self, call: CallId) -> Result<&mut Ringing, Misuse> {
        match &mut self.call(call)?.state {
            CallState::Ringing(ringing) => Ok(ringing),
            _ => Err(Misuse::WrongState),
        }
    }

    /// RFC 3261 9.2: 200 to the CANCEL, 487 to what it cancels; 481 where there is nothing.
    pub(crate) fn on_cancel(&mut self, now: Instant, id: TransactionId, request: &Request) {
        let invite = ServerKey::of(request, Some(Method::Invite))
            .and_then(|key| self.transactions.of_request(&key).map(|server| (server.id, server.state)));
        let Some((server, state)) = invite else {
            self.refuse(now, id, StatusCode::NO_SUCH_CALL, "a CANCEL of nothing that is open");
            return;
        };
        self.respond_plain(now, id, StatusCode::OK);
        if state != ServerState::Proceeding {
            return;
        }
        let call = self
            .calls
            .iter()
            .find(|call| matches!(&call.state, CallState::Ringing(ringing) if ringing.server == server))
            .map(|call| call.id);
        if let Some(call) = call {
            self.respond_plain(now, server, StatusCode::REQUEST_TERMINATED);
            let cause = EndCause {
                reason: reason(&request.headers),
                ..EndCause::new(EndedBy::Remote, Some(StatusCode::REQUEST_TERMINATED), false)
            };
            self.end(call, cause);
        }
    }

    pub(crate) fn on_ack(&mut self, now: Instant, request: &Request) {
        // RFC 3261 17.2.1: the ACK of a refusal ends its transaction (Timer I is zero).
        if let Some(server) = ServerKey::of(request, None)
            .and_then(|key| self.transactions.of_request(&key))
            .filter(|server| server.state == ServerState::Completed)
        {
            let id = server.id;
            self.timers.cancel(Timer::TransactionEnd(id));
            self.transactions.remove_server(id);
            return;
        }
        let Some(number) = request.headers.typed::<CSeq>().and_then(Result::ok).map(|cseq| cseq.number) else { return };
        let Some((call, established)) = self.call_of(request) else {
            return self.leave_aside(Some(Method::Ack), "an ACK of nothing that waits for one");
        };
        let Some(unacked) = established.unacked.take_if(|unacked| unacked.cseq == number) else { return };
        let leaving = established.leaving;
        self.timers.cancel(Timer::Resend2xx(call));
        self.timers.cancel(Timer::NoAck(call));
        if leaving {
            return self.bye_and_end(now, call, EndCause::new(EndedBy::Local, None, true));
        }
        let answer = sdp(&request.headers, &request.body).filter(|_| unacked.late);
        match (unacked.first, answer) {
            (true, sdp) => self.emit(Event::Confirmed { call, sdp }),
            (false, Some(sdp)) => self.emit(Event::ReofferAnswered { call, sdp }),
            (false, None) => {}
        }
    }

    pub(crate) fn await_ack(&mut self, now: Instant, call: CallId) {
        self.timers.set(now + self.config.times.t1, Timer::Resend2xx(call));
        self.timers.set(now + self.config.times.limit(), Timer::NoAck(call));
    }

    /// RFC 3261 13.3.1.4: the 2xx is repeated even on a reliable transport, for a hop behind it may not be one.
    pub(crate) fn resend_2xx(&mut self, now: Instant, call: CallId) {
        let longest = self.config.times.t2;
        let Some(unacked) = self.established(call).and_then(|established| established.unacked.as_mut()) else { return };
        unacked.interval = (unacked.interval * 2).min(longest);
        let (at, response) = (now + unacked.interval, unacked.response.clone());
        self.transmit(response);
        self.timers.set(at, Timer::Resend2xx(call));
    }

    /// RFC 3261 13.3.1.4: nobody acknowledges; the call is ended properly.
    pub(crate) fn no_ack(&mut self, now: Instant, call: CallId) {
        self.bye_and_end(now, call, EndCause::new(EndedBy::Timeout, None, true));
    }
}
