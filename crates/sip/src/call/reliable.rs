//! Provisional responses that may not be lost (RFC 3262): PRACK for those that come, and our own 180 where the caller
//! requires it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;

use super::{CallState, MOST_LEGS};
use crate::{
    agent::{UserAgent, sdp},
    dialog::Dialog,
    event::{CallId, EndCause, EndedBy, Event, LegId, Misuse},
    header_name::HeaderName,
    headers::{CSeq, RAck},
    message::{Request, Response},
    method::Method,
    status::StatusCode,
    timer::Timer,
    transaction::{Purpose, TransactionId},
};

/// The option tag.
const TAG: &str = "100rel";
/// How often a caller who got a 180 for sure is told that it still rings (RFC 3262 3).
const STILL_RINGING: Duration = Duration::from_secs(150);

/// The last reliable provisional response of ours.
#[derive(Debug)]
pub(crate) struct Reliable {
    number: u32,
    /// It itself, until its PRACK.
    unacked: Option<Bytes>,
    interval: Duration,
}

impl UserAgent {
    /// RFC 3262 4: acknowledges a provisional response to an INVITE of ours that came reliably. Says whether it counts:
    /// one that comes again does not, nor one that overtook another.
    pub(crate) fn acknowledge(&mut self, now: Instant, id: TransactionId, response: &Response) -> bool {
        if response.status.code() == 100 || !response.headers.has_token(&HeaderName::Require, TAG) {
            return true;
        }
        let Some(client) = self.transactions.client(id) else { return false };
        let (invite, purpose) = (client.request.clone(), client.purpose);
        let tag = response.headers.tag(&HeaderName::To);
        let number = response.headers.seconds(&HeaderName::RSeq).filter(|number| *number > 0);
        let (Some(tag), Some(number)) = (tag, number) else {
            self.emit(Event::Misbehaved("a reliable provisional response without a tag or an RSeq"));
            return false;
        };
        match client.reliable.iter().position(|(own, _)| *own == tag) {
            Some(at) if client.reliable[at].1.checked_add(1) == Some(number) => client.reliable[at].1 = number,
            None if client.reliable.len() < MOST_LEGS => client.reliable.push((tag, number)),
            _ => {
                self.leave_aside(None, "a reliable provisional response out of its turn");
                return false;
            }
        }
        let Some((dialog, purpose)) = self.dialog_of_progress(purpose, &invite, response) else { return false };
        let mut prack = dialog.request(Method::Prack, None);
        let cseq = invite.headers.typed::<CSeq>().and_then(Result::ok);
        let cseq = cseq.unwrap_or(CSeq { number: 1, method: Method::Invite });
        prack.headers.push(HeaderName::RAck, &RAck { number, cseq }.to_string());
        self.describe(&mut prack);
        let _ = self.send(now, prack, purpose);
        true
    }

    /// The dialog that a provisional response belongs to, or makes. What comes when the call is up belongs to none:
    /// other branches have lost (RFC 3262 4 lets us drop it).
    fn dialog_of_progress(
        &mut self,
        purpose: Purpose,
        invite: &Request,
        response: &Response,
    ) -> Option<(&mut Dialog, Purpose)> {
        match purpose {
            Purpose::Invite(call) => {
                let leg = self.leg(call, response)?;
                let id = leg.id;
                if leg.dialog.is_none() {
                    leg.dialog = Dialog::of_response(invite, response);
                }
                Some((leg.dialog.as_mut()?, Purpose::Prack(call, id)))
            }
            Purpose::Reinvite(call) => Some((&mut self.established(call)?.dialog, Purpose::Prack(call, LegId(0)))),
            _ => None,
        }
    }

    /// The dialog in which a PRACK was sent.
    pub(crate) fn early_dialog(&mut self, call: CallId, leg: LegId) -> Option<&mut Dialog> {
        match &mut self.call(call).ok()?.state {
            CallState::Inviting(inviting) => {
                inviting.legs.iter_mut().find(|own| own.id == leg).and_then(|leg| leg.dialog.as_mut())
            }
            CallState::Established(established) => Some(&mut established.dialog),
            _ => None,
        }
    }

    /// It rings, and the caller requires to be told for sure. Without an offer of its own the first reliable response
    /// had to bring ours (RFC 3262 5), which is made with the answer: then there is none but the 2xx.
    pub(crate) fn ring_reliably(&mut self, now: Instant, call: CallId) -> Result<(), Misuse> {
        let (first, t1, contact) = (self.rng.random_range(1..1_u32 << 31), self.config.times.t1, self.contact());
        let ringing = self.ringing(call)?;
        // RFC 3262 3: the next one waits for the PRACK of the last.
        let waits = ringing.reliable.as_ref().is_some_and(|own| own.unacked.is_some());
        if ringing.request.body.is_empty() || waits {
            return Ok(());
        }
        let (server, number) = (ringing.server, ringing.reliable.as_ref().map_or(first, |own| own.number + 1));
        let unacked = self.respond_with(now, server, StatusCode::RINGING, |response| {
            response.headers.push(HeaderName::Contact, &contact);
            response.headers.push(HeaderName::Require, TAG);
            response.headers.push(HeaderName::RSeq, &number.to_string());
        });
        self.ringing(call)?.reliable = Some(Reliable { number, unacked, interval: t1 });
        self.timers.set(now + t1, Timer::ResendRinging(call));
        self.timers.set(now + self.config.times.limit(), Timer::NoPrack(call));
        self.timers.set(now + STILL_RINGING, Timer::StillRinging(call));
        Ok(())
    }

    /// RFC 3262 3: again, each time after twice as long.
    pub(crate) fn resend_ringing(&mut self, now: Instant, call: CallId) {
        let Ok(ringing) = self.ringing(call) else { return };
        let Some(reliable) = &mut ringing.reliable else { return };
        let Some(bytes) = reliable.unacked.clone() else { return };
        reliable.interval *= 2;
        let at = now + reliable.interval;
        self.transmit(bytes);
        self.timers.set(at, Timer::ResendRinging(call));
    }

    /// RFC 3262 3: nobody acknowledges for 64*T1; whoever called cannot be reached.
    pub(crate) fn no_prack(&mut self, now: Instant, call: CallId) {
        let Ok(ringing) = self.ringing(call) else { return };
        let server = ringing.server;
        self.refuse(now, server, StatusCode::SERVER_TIMEOUT, "nobody acknowledged that it rings");
        self.end(call, EndCause::new(EndedBy::Timeout, None, false));
    }

    /// RFC 3262 3: 200 to the PRACK of what waits for one, 481 to any other.
    pub(crate) fn on_prack(&mut self, now: Instant, id: TransactionId, request: &Request) {
        let rack = request.headers.typed::<RAck>().and_then(Result::ok);
        let ringing = self.calls.iter_mut().find_map(|call| match &mut call.state {
            CallState::Ringing(ringing) if ringing.owns(request) => Some((call.id, ringing.as_acked(rack.as_ref()))),
            _ => None,
        });
        let known = match ringing {
            Some((call, known)) => {
                if known {
                    self.timers.cancel(Timer::ResendRinging(call));
                    self.timers.cancel(Timer::NoPrack(call));
                }
                known
            }
            // RFC 3262 3: we may have answered before the PRACK.
            None => {
                let Some(call) = self.in_dialog(now, id, request) else { return };
                let waits = self.established(call).and_then(|established| established.unpracked.take());
                waits.is_some() && waits == rack
            }
        };
        let status = match known {
            false => StatusCode::NO_SUCH_CALL,
            // The offer of the INVITE has no answer yet, so there can be no other (RFC 3262 5).
            true if sdp(&request.headers, &request.body).is_some() => StatusCode::NOT_ACCEPTABLE_HERE,
            true => StatusCode::OK,
        };
        match status {
            StatusCode::NO_SUCH_CALL => self.refuse(now, id, status, "a PRACK of nothing that waits for one"),
            StatusCode::NOT_ACCEPTABLE_HERE => {
                self.refuse(now, id, status, "an offer before the first one is answered")
            }
            _ => drop(self.respond_plain(now, id, status)),
        }
    }
}

impl super::Ringing {
    /// Is it within the dialog that our 180 has made?
    pub(crate) fn owns(&self, request: &Request) -> bool {
        Dialog::of_request(&self.request, &self.tag, 0).is_some_and(|dialog| dialog.owns(request))
    }

    /// What a PRACK has to say while one is waited for.
    pub(crate) fn unpracked(&self) -> Option<RAck> {
        let waits = self.reliable.as_ref().filter(|own| own.unacked.is_some())?;
        Some(RAck { number: waits.number, cseq: self.request.headers.typed::<CSeq>()?.ok()? })
    }

    /// Takes the PRACK, if it is that of our 180.
    fn as_acked(&mut self, rack: Option<&RAck>) -> bool {
        let known = rack.is_some() && self.unpracked().as_ref() == rack;
        if let (true, Some(reliable)) = (known, &mut self.reliable) {
            reliable.unacked = None;
        }
        known
    }
}

/// Does the caller want to be told of the ringing for sure?
pub(crate) fn is_required(request: &Request) -> bool {
    request.headers.has_token(&HeaderName::Require, TAG)
}
