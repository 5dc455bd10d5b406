//! A call of ours: INVITE, its branches, CANCEL, and the answer (RFC 3261 9.1, 13.2).

use std::time::Instant;

use bytes::Bytes;

use super::{Call, CallState, Cancel, Established, Inviting, Leg, MOST_LEGS, Redirects, cause_of};
use crate::{
    agent::{MOST_CALLS, Outcome, UserAgent, party, response_sdp},
    dialog::Dialog,
    event::{CallId, EndCause, EndedBy, Event, LegId, Misuse},
    header_name::HeaderName,
    headers::CSeq,
    host::Host,
    message::{Request, Response},
    method::Method,
    name_addr::NameAddr,
    params::Params,
    timer::Timer,
    transaction::{Purpose, TransactionId},
    uri::Uri,
};

/// A call to make.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom to call.
    pub to: Uri,
    /// Our offer (`application/sdp`).
    pub offer: Bytes,
}

impl UserAgent {
    /// Calls somebody.
    ///
    /// # Errors
    /// [`Misuse::NoLink`] and [`Misuse::TooMany`].
    pub fn invite(&mut self, now: Instant, invite: Invite) -> Result<CallId, Misuse> {
        self.make_call(now, &invite, false)
    }

    /// Calls somebody without saying who we are to anybody but the server (RFC 3323 4.1, RFC 3325 9.3). From and Contact
    /// name nobody; the server is asked to pass on nothing of us, and told whom to charge.
    ///
    /// # Errors
    /// As [`Self::invite`].
    pub fn invite_anonymously(&mut self, now: Instant, invite: Invite) -> Result<CallId, Misuse> {
        self.make_call(now, &invite, true)
    }

    fn make_call(&mut self, now: Instant, invite: &Invite, anonymous: bool) -> Result<CallId, Misuse> {
        if !self.link {
            return Err(Misuse::NoLink);
        }
        if self.calls.len() >= MOST_CALLS {
            return Err(Misuse::TooMany);
        }
        let id = self.next_call();
        let request = self.first_invite(invite, anonymous);
        let transaction = self.send(now, request, Purpose::Invite(id))?;
        self.calls.push(Call {
            id,
            anonymous,
            state: CallState::Inviting(Inviting {
                transaction,
                legs: Vec::new(),
                cancel: Cancel::No,
                proceeding: false,
                redirects: Redirects::default(),
            }),
        });
        Ok(id)
    }

    /// RFC 3261 8.1.1; RFC 7118 8.2, F1.
    fn first_invite(&mut self, invite: &Invite, anonymous: bool) -> Request {
        let (tag, call_id) = (self.token(), format!("{}{}", self.token(), self.token()));
        let mut to = invite.to.clone().into_target();
        let mut request = Request::new(Method::Invite, to.clone());
        let headers = &mut request.headers;
        headers.push(HeaderName::MaxForwards, "70");
        // RFC 3608 6.1: the path that the registrar gave comes first.
        for hop in self.preloaded_route() {
            headers.push_raw(HeaderName::Route, &hop[..]);
        }
        let own = self.own_address();
        let from = if anonymous { nobody() } else { own.clone() };
        headers.push(HeaderName::From, &from.with_tag(&tag).to_string());
        // RFC 3261 19.1.1, table 1: To names somebody, not a way.
        ["transport", "maddr", "ttl", "lr"].into_iter().for_each(|way| to.params.remove(way));
        headers.push(HeaderName::To, &NameAddr::new(to).to_string());
        headers.push(HeaderName::CallId, &call_id);
        headers.push(HeaderName::CSeq, &CSeq { number: 1, method: Method::Invite }.to_string());
        if anonymous {
            headers.push(HeaderName::Privacy, "id");
            headers.push(HeaderName::PPreferredIdentity, &own.to_string());
            headers.push(HeaderName::Contact, &self.anonymous_contact());
        } else {
            headers.push(HeaderName::Contact, &self.contact());
        }
        self.wish_for_timer(&mut request);
        request = request.with_body("application/sdp", invite.offer.clone());
        self.describe(&mut request);
        request
    }

    /// RFC 3261 9.1: give up a call that has no final answer.
    pub(crate) fn cancel(&mut self, now: Instant, id: CallId) {
        let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(id) else { return };
        if inviting.cancel == Cancel::Sent {
            return;
        }
        // No CANCEL before the first response: it could overtake the INVITE.
        inviting.cancel = if inviting.proceeding { Cancel::Sent } else { Cancel::Wanted };
        if inviting.cancel == Cancel::Wanted {
            return;
        }
        let transaction = inviting.transaction;
        let Some(client) = self.transactions.client(transaction) else { return };
        let (invite, branch) = (client.request.clone(), client.branch.clone());
        let mut cancel = Request::new(Method::Cancel, invite.uri.clone());
        cancel.headers.push(HeaderName::MaxForwards, "70");
        for name in [HeaderName::Route, HeaderName::From, HeaderName::To, HeaderName::CallId] {
            cancel.headers.copy(&invite.headers, &name);
        }
        let number = invite.headers.typed::<CSeq>().and_then(Result::ok).map_or(1, |cseq| cseq.number);
        cancel.headers.push(HeaderName::CSeq, &CSeq { number, method: Method::Cancel }.to_string());
        // RFC 4028 7.1: in every request but ACK.
        cancel.headers.push(HeaderName::Supported, &self.supported());
        self.send_cancel(now, cancel, &branch);
        self.timers.set(now + self.config.times.limit(), Timer::CancelEnd(id));
    }

    /// The CANCEL has the branch of its INVITE, and a transaction of its own.
    fn send_cancel(&mut self, now: Instant, mut cancel: Request, branch: &str) {
        use crate::{
            auth::Tries,
            transaction::{Client, ClientState},
        };
        self.stamp_branch(&mut cancel, branch);
        self.transmit(cancel.to_bytes());
        let id = self.transactions.next_id();
        self.timers.set(now + self.config.times.limit(), Timer::RequestTimeout(id));
        self.transactions.clients.push(Client {
            id,
            purpose: Purpose::Aside,
            request: cancel,
            branch: branch.to_owned(),
            state: ClientState::Sent,
            tries: Tries::default(),
            longer: 0,
            reliable: Vec::new(),
        });
    }

    pub(crate) fn cancel_ended(&mut self, _now: Instant, id: CallId) {
        if let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(id) {
            let transaction = inviting.transaction;
            self.transactions.remove_client(transaction);
            self.end(id, EndCause::new(EndedBy::Local, None, false));
        }
    }

    pub(crate) fn invite_outcome(&mut self, now: Instant, transaction: TransactionId, id: CallId, outcome: Outcome) {
        match outcome {
            Outcome::Response(response) if response.status.is_provisional() => self.invite_progress(now, id, &response),
            Outcome::Response(response) if response.status.is_success() => {
                self.invite_accepted(now, transaction, id, &response)
            }
            outcome => {
                let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(id) else { return };
                let mut cause = cause_of(&outcome, false);
                // A 487 after our CANCEL is what we asked for.
                if inviting.cancel != Cancel::No {
                    cause.by = EndedBy::Local;
                }
                self.end(id, cause);
            }
        }
    }

    /// The server has said something: now the call may be given up (RFC 3261 9.1). Says whether it goes on.
    pub(crate) fn invite_proceeds(&mut self, now: Instant, id: CallId) -> bool {
        let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(id) else { return false };
        inviting.proceeding = true;
        let given_up = inviting.cancel == Cancel::Wanted;
        if given_up {
            self.cancel(now, id);
        }
        !given_up
    }

    fn invite_progress(&mut self, now: Instant, id: CallId, response: &Response) {
        if !self.invite_proceeds(now, id) {
            return;
        }
        let status = response.status.code();
        if status == 100 {
            return self.emit(Event::Trying(id));
        }
        let Some(leg) = self.leg(id, response) else { return };
        let (leg_id, sdp) = (leg.id, response_sdp(response).filter(|_| !leg.answered));
        leg.answered |= sdp.is_some();
        match sdp {
            Some(sdp) => self.emit(Event::EarlyMedia { call: id, leg: leg_id, sdp }),
            // RFC 3261 21.1.5: unknown ones are a 183.
            None if status == 180 => self.emit(Event::Ringing(id)),
            None => self.emit(Event::Trying(id)),
        }
    }

    /// The branch of a call that is being made that a response comes from, known or new.
    pub(crate) fn leg(&mut self, id: CallId, response: &Response) -> Option<&mut Leg> {
        let call = self.calls.iter_mut().find(|call| call.id == id)?;
        let CallState::Inviting(inviting) = &mut call.state else { return None };
        let tag = response.headers.tag(&HeaderName::To);
        let known = inviting.legs.iter().position(|leg| leg.tag == tag);
        let at = known.unwrap_or(inviting.legs.len());
        if known.is_none() && at < MOST_LEGS {
            self.last_leg += 1;
            inviting.legs.push(Leg { id: LegId(self.last_leg), tag, answered: false, dialog: None });
        }
        inviting.legs.get_mut(at)
    }

    /// RFC 3261 13.2.2.4: every 2xx gets an ACK; the first makes the call, one of another branch gets a BYE too.
    fn invite_accepted(&mut self, now: Instant, transaction: TransactionId, id: CallId, response: &Response) {
        let Some(client) = self.transactions.client(transaction) else { return };
        let invite = client.request.clone();
        let Some(mut dialog) = Dialog::of_response(&invite, response) else {
            return self.emit(Event::Misbehaved("a 2xx to INVITE without a proper To"));
        };
        if let Some(established) = self.established(id)
            && established.dialog.remote_tag() == dialog.remote_tag()
        {
            // It came again: so does its ACK.
            let number = invite.headers.typed::<CSeq>().and_then(Result::ok).map(|cseq| cseq.number);
            let again = number.and_then(|number| established.ack_of(number));
            return again.into_iter().for_each(|ack| self.transmit(ack));
        }
        let ack = self.ack_success(&mut dialog, &invite, None);
        self.transmit(ack.clone());
        let number = dialog.local_cseq;
        let Ok(Call { state: CallState::Inviting(inviting), .. }) = self.call(id) else {
            return self.say_bye(now, &mut dialog, Purpose::Aside);
        };
        let cancelled = inviting.cancel != Cancel::No;
        let known = inviting.legs.iter().find(|leg| leg.tag.as_deref() == dialog.remote_tag()).map(|leg| {
            // The PRACKs of the branch have taken numbers too.
            dialog.local_cseq = leg.dialog.as_ref().map_or(number, |early| early.local_cseq.max(number));
            (leg.id, leg.answered)
        });
        if cancelled {
            // RFC 3261 9.1: the 2xx crossed our CANCEL; the call is up and has to be ended like one.
            self.say_bye(now, &mut dialog, Purpose::Aside);
            return self.end(id, EndCause::new(EndedBy::Local, Some(response.status), false));
        }
        let (leg, answered) = known.unwrap_or_else(|| {
            self.last_leg += 1;
            (LegId(self.last_leg), false)
        });
        // RFC 3261 13.2.1: the first answer of a branch counts; later ones are ignored.
        let sdp = response_sdp(response).filter(|_| !answered);
        let mut established = Established::new(dialog, true);
        established.acknowledged(number, ack);
        established.session.sdp = invite.body;
        if let Ok(call) = self.call(id) {
            call.state = CallState::Established(Box::new(established));
        }
        self.clear_timers(id);
        self.timer_agreed(now, id, &response.headers);
        let (shown, asserted) = party(&response.headers, &HeaderName::To);
        self.emit(Event::Answered { call: id, leg, sdp, party: shown.filter(|_| asserted) });
    }
}

/// RFC 3323 4.1.1.3: whom a call comes from that hides who calls.
fn nobody() -> NameAddr {
    let host = Host::parse("anonymous.invalid").expect("a name");
    NameAddr { display: Some("Anonymous".into()), uri: Uri::sip(Some("anonymous"), host), params: Params::new() }
}
