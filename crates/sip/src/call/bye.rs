//! The end of a call (RFC 3261 15).

use std::time::Instant;

use super::CallState;
use crate::{
    agent::{UserAgent, reason},
    dialog::Dialog,
    event::{CallId, EndCause, EndedBy, Event, Misuse},
    header_name::HeaderName,
    headers::CSeq,
    message::Request,
    method::Method,
    status::StatusCode,
    transaction::{Purpose, TransactionId},
};

impl UserAgent {
    /// Ends a call in the way that fits: CANCEL while it rings there, 603 while it rings here, BYE when it is up.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`].
    pub fn hangup(&mut self, now: Instant, call: CallId) -> Result<(), Misuse> {
        let cause = EndCause::new(EndedBy::Local, None, true);
        match &mut self.call(call)?.state {
            CallState::Inviting(_) => self.cancel(now, call),
            CallState::Ringing(_) => self.reject(now, call, StatusCode::DECLINE)?,
            CallState::Established(established) if established.leaving => {}
            // RFC 3261 15: the callee sends no BYE before the ACK, or before it gives up waiting for one.
            CallState::Established(established)
                if established.unacked.as_ref().is_some_and(|unacked| unacked.first) =>
            {
                established.leaving = true;
                self.emit(Event::Ended { call, cause });
            }
            CallState::Established(_) => self.bye_and_end(now, call, cause),
            CallState::Ending => {}
        }
        Ok(())
    }

    /// Sends BYE and tells the end at once: the media stops with the wish, not with the answer (RFC 3261 15.1.1).
    pub(crate) fn bye_and_end(&mut self, now: Instant, id: CallId, cause: EndCause) {
        let Ok(call) = self.call(id) else { return };
        let CallState::Established(mut established) = std::mem::replace(&mut call.state, CallState::Ending) else {
            return;
        };
        let change = std::mem::replace(&mut established.change, super::Change::None);
        if let super::Change::Received(server) = change {
            // RFC 3261 15.1.2: what is still open within the dialog is answered 487.
            self.respond_plain(now, server, StatusCode::REQUEST_TERMINATED);
        }
        self.say_bye(now, &mut established.dialog, Purpose::Bye(id));
        self.clear_timers(id);
        if !established.leaving {
            self.emit(Event::Ended { call: id, cause });
        }
        // Without a link there is nobody to wait for.
        if !self.link {
            self.calls.retain(|call| call.id != id);
        }
    }

    pub(crate) fn say_bye(&mut self, now: Instant, dialog: &mut Dialog, purpose: Purpose) {
        let mut bye = dialog.request(Method::Bye, None);
        self.describe(&mut bye);
        let _ = self.send(now, bye, purpose);
    }

    pub(crate) fn on_bye(&mut self, now: Instant, id: TransactionId, request: &Request) {
        // RFC 3261 15: who calls may end it so too, while it rings here.
        let ringing = self.calls.iter().find_map(|call| match &call.state {
            CallState::Ringing(ringing) if ringing.owns(request) => Some((call.id, ringing.server)),
            _ => None,
        });
        if let Some((call, server)) = ringing {
            self.respond_plain(now, id, StatusCode::OK);
            self.respond_plain(now, server, StatusCode::REQUEST_TERMINATED);
            let cause = EndCause { reason: reason(&request.headers), ..EndCause::new(EndedBy::Remote, None, false) };
            return self.end(call, cause);
        }
        let Some(call) = self.in_dialog(now, id, request) else { return };
        let open = match self
            .established(call)
            .map(|established| std::mem::replace(&mut established.change, super::Change::None))
        {
            Some(super::Change::Received(server)) => Some(server),
            _ => None,
        };
        self.respond_plain(now, id, StatusCode::OK);
        if let Some(server) = open {
            self.respond_plain(now, server, StatusCode::REQUEST_TERMINATED);
        }
        if self.established(call).is_some_and(|established| established.leaving) {
            self.calls.retain(|own| own.id != call);
            return self.clear_timers(call);
        }
        self.end(call, EndCause { reason: reason(&request.headers), ..EndCause::new(EndedBy::Remote, None, true) });
    }

    /// The call that a request within a dialog belongs to; without one, or out of order, the request is answered here
    /// (RFC 3261 12.2.2).
    pub(crate) fn in_dialog(&mut self, now: Instant, id: TransactionId, request: &Request) -> Option<CallId> {
        let number = request.headers.typed::<CSeq>().and_then(Result::ok).map_or(0, |cseq| cseq.number);
        let Some((call, established)) = self.call_of(request) else {
            // A BYE that crossed ours finds the call ending: it is as good as answered.
            let crossing =
                request.method == Method::Bye && self.calls.iter().any(|call| matches!(call.state, CallState::Ending));
            let known = crossing
                && self.transactions.clients.iter().any(|client| {
                    client.request.headers.get(&HeaderName::CallId) == request.headers.get(&HeaderName::CallId)
                });
            match known {
                true => drop(self.respond_plain(now, id, StatusCode::OK)),
                false => self.refuse(now, id, StatusCode::NO_SUCH_CALL, "it belongs to no call"),
            }
            return None;
        };
        if !established.dialog.take_cseq(number) {
            self.refuse(now, id, StatusCode::SERVER_ERROR, "its CSeq is older than the last one");
            return None;
        }
        if established.leaving && request.method != Method::Bye {
            self.refuse(now, id, StatusCode::NO_SUCH_CALL, "its call is being ended");
            return None;
        }
        Some(call)
    }
}
