//! Changes of a session (RFC 3261 14, RFC 3311): hold, resume, other codecs, another path; asked by either side.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;

use super::{CallState, Change, Leg, Unacked, cause_of};
use crate::{
    agent::{Outcome, UserAgent, party, response_sdp, sdp},
    event::{CallId, EndCause, EndedBy, Event, Misuse},
    header_name::HeaderName,
    headers::{CSeq, Warning},
    message::Request,
    method::Method,
    status::StatusCode,
    timer::Timer,
    transaction::{Purpose, TransactionId},
};

/// Why a change of theirs is refused.
const OURS_FIRST: &str = "a change while one of ours is open";
const THEIRS_FIRST: &str = "a change while their last one is not answered";

impl UserAgent {
    /// Offers a change of the session by re-INVITE. One at a time; a clash with the far end is settled here.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`], [`Misuse::NoLink`], and [`Misuse::WrongState`] while another change is under way.
    pub fn reoffer(&mut self, now: Instant, call: CallId, offer: Bytes) -> Result<(), Misuse> {
        self.call(call)?;
        let link = self.link;
        let established = self.established(call).ok_or(Misuse::WrongState)?;
        if !matches!(established.change, Change::None) || established.unacked.is_some() {
            return Err(Misuse::WrongState);
        }
        if !link {
            return Err(Misuse::NoLink);
        }
        established.session.refreshing = false;
        self.offer(now, call, offer)
    }

    /// Sends a re-INVITE, for a change or to refresh the session.
    pub(crate) fn offer(&mut self, now: Instant, call: CallId, offer: Bytes) -> Result<(), Misuse> {
        let established = self.established(call).ok_or(Misuse::WrongState)?;
        established.change = Change::Sent(offer.clone());
        let mut request = established.dialog.request(Method::Invite, None);
        established.session.describe(&mut request);
        self.timers.cancel(Timer::OfferAgain(call));
        request.headers.push(HeaderName::Contact, &self.contact_in(call));
        self.describe(&mut request);
        self.send(now, request.with_body("application/sdp", offer), Purpose::Reinvite(call)).map(|_| ())
    }

    pub(crate) fn offer_again(&mut self, now: Instant, call: CallId) {
        let Some(offer) = self.established(call).and_then(|established| established.again.take()) else { return };
        let refreshing = self.established(call).is_some_and(|established| established.session.refreshing);
        match self.reoffer(now, call, offer.clone()) {
            Ok(()) => {
                if let Some(established) = self.established(call) {
                    established.session.refreshing = refreshing;
                }
            }
            // The far end's own change is still open: ours comes after it.
            Err(Misuse::WrongState) => self.wait_to_offer(now, call, offer),
            Err(_) if refreshing => self.refresh_session(now, call),
            Err(_) => self.emit(Event::ReofferRefused { call, status: StatusCode::REQUEST_PENDING }),
        }
    }

    fn wait_to_offer(&mut self, now: Instant, call: CallId, offer: Bytes) {
        let at = now + self.glare_delay(call);
        if let Some(established) = self.established(call) {
            established.again = Some(offer);
            self.timers.set(at, Timer::OfferAgain(call));
        }
    }

    /// The far end's change came first: the offer of ours that waits speaks of a session that will not be any more when
    /// its turn comes (RFC 3264 8). Whoever still wants that change makes another.
    fn give_way(&mut self, call: CallId) {
        let Some(established) = self.established(call) else { return };
        if established.again.take().is_some() {
            let refreshing = std::mem::take(&mut established.session.refreshing);
            self.timers.cancel(Timer::OfferAgain(call));
            if !refreshing {
                self.emit(Event::ReofferRefused { call, status: StatusCode::REQUEST_PENDING });
            }
        }
    }

    pub(crate) fn reinvite_outcome(&mut self, now: Instant, id: TransactionId, call: CallId, outcome: Outcome) {
        if outcome.status().is_provisional() {
            return;
        }
        let status = outcome.status();
        if let Outcome::Response(response) = &outcome
            && status.is_success()
        {
            return self.reinvite_accepted(now, id, call, response);
        }
        let Some(established) = self.established(call) else { return };
        let Change::Sent(offer) = std::mem::replace(&mut established.change, Change::None) else { return };
        if established.session.refreshing && status != StatusCode::REQUEST_PENDING {
            established.session.refreshing = false;
            return self.refresh_failed(now, call, &outcome);
        }
        match status.code() {
            // RFC 3261 14.1: both asked at once; each waits for a time of its own.
            491 => self.wait_to_offer(now, call, offer),
            // RFC 3261 12.2.1.2: the far end has no such call, or answers nothing: it is over.
            408 | 481 => self.bye_and_end(now, call, cause_of(&outcome, true)),
            _ => self.emit(Event::ReofferRefused { call, status }),
        }
    }

    fn reinvite_accepted(
        &mut self,
        now: Instant,
        id: TransactionId,
        call: CallId,
        response: &crate::message::Response,
    ) {
        let Some(invite) = self.transactions.client(id).map(|client| client.request.clone()) else { return };
        let number = invite.headers.typed::<CSeq>().and_then(Result::ok).map_or(0, |cseq| cseq.number);
        let Some(established) = self.established(call) else { return };
        if let Some(ack) = established.ack_of(number) {
            return self.transmit(ack);
        }
        established.dialog.refresh_target(&response.headers);
        if let Change::Sent(offer) = std::mem::replace(&mut established.change, Change::None) {
            established.session.sdp = offer;
        }
        let refreshing = std::mem::take(&mut established.session.refreshing);
        let mut dialog = established.dialog.clone();
        let ack = self.ack_success(&mut dialog, &invite, None);
        if let Some(established) = self.established(call) {
            established.acknowledged(number, ack.clone());
        }
        self.transmit(ack);
        self.timer_agreed(now, call, &response.headers);
        self.tell_party(call, &response.headers);
        // A refresh repeats what holds, and so does its answer (RFC 4028 7.4).
        if refreshing {
            return;
        }
        match response_sdp(response) {
            Some(sdp) => self.emit(Event::ReofferAnswered { call, sdp }),
            None => self.emit(Event::ReofferRefused { call, status: StatusCode::NOT_ACCEPTABLE_HERE }),
        }
    }

    /// RFC 3261 14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other, in steps of 10 ms.
    fn glare_delay(&mut self, call: CallId) -> Duration {
        let owner = self.established(call).is_some_and(|established| established.owner);
        let steps = if owner { self.rng.random_range(210..=400) } else { self.rng.random_range(0..=200) };
        Duration::from_millis(10 * steps)
    }

    pub(crate) fn on_reinvite(&mut self, now: Instant, id: TransactionId, request: Request) {
        let Some(call) = self.in_dialog(now, id, &request) else { return };
        let retry = self.rng.random_range(0..=10);
        let Some(established) = self.established(call) else { return };
        match established.change {
            // RFC 3261 14.2: ours is under way.
            Change::Sent(_) => {
                self.refuse(now, id, StatusCode::REQUEST_PENDING, OURS_FIRST);
            }
            // RFC 3261 14.2: theirs is not answered yet.
            Change::Received(_) => {
                self.refuse_with(now, id, StatusCode::SERVER_ERROR, THEIRS_FIRST, |response| {
                    response.headers.push(HeaderName::RetryAfter, &retry.to_string())
                });
            }
            Change::None => {
                established.change = Change::Received(id);
                established.dialog.refresh_target(&request.headers);
                self.give_way(call);
                self.respond_plain(now, id, StatusCode::TRYING);
                self.tell_party(call, &request.headers);
                self.emit(Event::Reoffer { call, sdp: sdp(&request.headers, &request.body) });
            }
        }
    }

    /// RFC 3311: like a re-INVITE without an ACK; without a body it only says who and where the far end is (W12).
    pub(crate) fn on_update(&mut self, now: Instant, id: TransactionId, request: Request) {
        if let Some((call, status)) = self.early_update(&request) {
            let (contact, retry) = (self.contact_in(call), self.rng.random_range(0..=10_u32).to_string());
            let more = |response: &mut crate::message::Response| match status {
                StatusCode::OK => response.headers.push(HeaderName::Contact, &contact),
                StatusCode::SERVER_ERROR => response.headers.push(HeaderName::RetryAfter, &retry),
                _ => {}
            };
            match status {
                StatusCode::OK => drop(self.respond_with(now, id, status, more)),
                _ => self.refuse_with(now, id, status, "an offer before the first one is answered", more),
            }
            return;
        }
        let Some(call) = self.in_dialog(now, id, &request) else { return };
        let Some(established) = self.established(call) else { return };
        established.dialog.refresh_target(&request.headers);
        let Some(sdp) = sdp(&request.headers, &request.body) else {
            let (contact, timer) = (self.contact_in(call), self.timer_headers(&request));
            self.respond_with(now, id, StatusCode::OK, |response| {
                response.headers.push(HeaderName::Contact, &contact);
                timer.iter().for_each(|(name, value)| response.headers.push(name.clone(), value));
            });
            self.timer_granted(now, call, &request);
            return self.tell_party(call, &request.headers);
        };
        match established.change {
            // RFC 3311 5.2.
            Change::Sent(_) => {
                self.refuse(now, id, StatusCode::REQUEST_PENDING, OURS_FIRST);
            }
            Change::Received(_) => {
                self.refuse_with(now, id, StatusCode::SERVER_ERROR, THEIRS_FIRST, |response| {
                    response.headers.push(HeaderName::RetryAfter, "1")
                });
            }
            Change::None => {
                established.change = Change::Received(id);
                self.give_way(call);
                self.tell_party(call, &request.headers);
                self.emit(Event::Reoffer { call, sdp: Some(sdp) });
            }
        }
    }

    /// What an UPDATE is answered before the call is up (RFC 3311 5.2); nothing when it belongs to no such call.
    fn early_update(&mut self, request: &Request) -> Option<(CallId, StatusCode)> {
        let offers = sdp(&request.headers, &request.body).is_some();
        self.calls.iter_mut().find_map(|call| match &mut call.state {
            CallState::Ringing(ringing) if ringing.owns(request) => {
                // Its first offer has no answer yet.
                Some((call.id, if offers { StatusCode::SERVER_ERROR } else { StatusCode::OK }))
            }
            CallState::Inviting(inviting) => {
                let early = |leg: &&mut Leg| leg.dialog.as_ref().is_some_and(|dialog| dialog.owns(request));
                let leg = inviting.legs.iter_mut().find(early)?;
                let (answered, dialog) = (leg.answered, leg.dialog.as_mut()?);
                dialog.refresh_target(&request.headers);
                let status = match (offers, answered) {
                    (false, _) => StatusCode::OK,
                    (true, false) => StatusCode::REQUEST_PENDING,
                    // A session that nobody has answered is not changed.
                    (true, true) => StatusCode::NOT_ACCEPTABLE_HERE,
                };
                Some((call.id, status))
            }
            _ => None,
        })
    }

    /// Takes the change that the far end asked for. `sdp` is the answer to its offer, or our offer where it made none.
    ///
    /// # Errors
    /// [`Misuse::NoSuchCall`], and [`Misuse::WrongState`] when it asked for nothing.
    pub fn answer_offer(&mut self, now: Instant, call: CallId, sdp: Bytes) -> Result<(), Misuse> {
        let server = self.take_received(call)?;
        let request =
            self.transactions.server(server).map(|server| server.request.clone()).ok_or(Misuse::WrongState)?;
        let response = self.respond_session(now, call, server, sdp.clone()).ok_or(Misuse::WrongState)?;
        if let Some(established) = self.established(call) {
            established.session.sdp = sdp;
        }
        self.timer_granted(now, call, &request);
        if request.method == Method::Invite {
            let (t1, cseq) = (
                self.config.times.t1,
                request.headers.typed::<CSeq>().and_then(Result::ok).map_or(0, |cseq| cseq.number),
            );
            if let Some(established) = self.established(call) {
                established.unacked =
                    Some(Unacked { response, cseq, interval: t1, late: request.body.is_empty(), first: false });
            }
            self.await_ack(now, call);
        }
        Ok(())
    }

    /// Refuses the change that the far end asked for; the session stays as it was.
    ///
    /// # Errors
    /// As [`Self::answer_offer`].
    pub fn refuse_offer(&mut self, now: Instant, call: CallId, status: StatusCode) -> Result<(), Misuse> {
        self.refuse_offer_with(now, call, status, None)
    }

    /// Refuses the change and says why: a 488 shall carry a Warning (RFC 3261 14.2, 21.4.26).
    ///
    /// # Errors
    /// As [`Self::answer_offer`].
    pub fn refuse_offer_with(
        &mut self,
        now: Instant,
        call: CallId,
        status: StatusCode,
        warning: Option<Warning>,
    ) -> Result<(), Misuse> {
        let server = self.take_received(call)?;
        self.respond_refusal(now, server, status, warning);
        Ok(())
    }

    fn take_received(&mut self, call: CallId) -> Result<TransactionId, Misuse> {
        self.call(call)?;
        let established = self.established(call).ok_or(Misuse::WrongState)?;
        let Change::Received(server) = established.change else { return Err(Misuse::WrongState) };
        established.change = Change::None;
        Ok(server)
    }

    /// W12: a re-INVITE, an UPDATE or a 2xx may say that the other party has changed.
    fn tell_party(&mut self, call: CallId, headers: &crate::headers::Headers) {
        if let (Some(party), true) = party(headers, &HeaderName::From) {
            self.emit(Event::PartyChanged { call, party });
        }
    }

    /// Ends a call that cannot go on, for `status`.
    pub fn fail(&mut self, now: Instant, call: CallId, status: StatusCode) {
        self.bye_and_end(now, call, EndCause::new(EndedBy::Local, Some(status), true));
    }
}
