//! Calls that come.

use bytes::Bytes;
use media::offer::OfferError;
use sip::{Incoming, StatusCode};

use super::{
    AgentOrder, Effect, MOST_CALLS, MOST_WAITING, Now, Switchboard,
    call::{Entry, Exchange, Stage},
    commands::of_call,
};
use crate::{
    contract::{AccountId, CallId, CauseKind, Direction, Ok},
    fault::{self, Code},
    party,
    voice::{self, Order, Wish},
};

impl Switchboard {
    /// Somebody calls.
    pub(super) fn incoming(&mut self, now: Now, account: &AccountId, incoming: Incoming) {
        let id = self.next_call();
        let with = party::heard(&incoming.from, incoming.asserted);
        let mut call = Entry::new(now, id.clone(), account.clone(), Direction::In, with);
        (call.sip, call.offer) = (Some(incoming.call), incoming.offer);
        let waiting = self.calls.iter().filter(|own| matches!(own.stage, Stage::Incoming)).count();
        let full = waiting >= MOST_WAITING || self.calls.iter().filter(|own| !own.is_over()).count() >= MOST_CALLS;
        let policy = || self.account(account).map(|own| own.profile.speech.policy()).unwrap_or_default();
        let unfit = call.offer.as_deref().and_then(|offer| voice::judge(offer, policy()).err());
        self.calls.push(call);
        if let Some(why) = unfit {
            return self.refuse_unfit(account, &id, incoming.call, &why);
        }
        if full {
            // S24: a flood is told that we are busy; each such call still stands in the history.
            if let Some(call) = self.call_mut(&id) {
                call.decided = Some((CauseKind::Busy, None));
                call.silenced = true;
            }
            let busy = AgentOrder::Reject(incoming.call, StatusCode::BUSY_HERE, None);
            return self.effect(Effect::Agent(account.clone(), busy));
        }
        self.effect(Effect::Agent(account.clone(), AgentOrder::Ring(incoming.call)));
        self.update_sounds();
    }

    /// A call whose offer we could never answer rings nobody. It stands in the history, for somebody meant us.
    fn refuse_unfit(&mut self, account: &AccountId, id: &CallId, sip: sip::CallId, why: &OfferError) {
        let fault = fault::of_offer(why);
        let kind = if fault.code == Code::NoCommonCodec { CauseKind::NoCommonCodec } else { CauseKind::MediaFailed };
        if let Some(call) = self.call_mut(id) {
            call.decided = Some((kind, Some(fault)));
            call.silenced = true;
        }
        let status = StatusCode::new(why.sip_status()).unwrap_or(StatusCode::NOT_ACCEPTABLE_HERE);
        self.effect(Effect::Agent(account.clone(), AgentOrder::Reject(sip, status, Some(why.warning()))));
    }

    /// Answers: the description first, the 200 when it is ready.
    pub(super) fn answer(&mut self, now: Now, id: &CallId) -> Ok {
        self.make_active(now, vec![id.clone()]);
        let Some(call) = self.call_mut(id) else { return Ok::default() };
        let (call_id, account) = (call.id.clone(), call.account.clone());
        call.silenced = true;
        let order = match call.offer.take() {
            Some(offer) => {
                call.exchange = Exchange::Answering;
                Order::Answer { call: call_id, account, offer, wish: Wish::Talk }
            }
            // RFC 3261 13.2.1: an INVITE without an offer gets ours in the 200 (W13).
            None => {
                call.exchange = Exchange::LateOffer;
                Order::Offer { call: call_id, account, wish: Wish::Talk }
            }
        };
        self.effect(Effect::Voice(order));
        self.update_sounds();
        of_call(id.clone())
    }

    /// Our description for a call that came is ready: now it is answered.
    pub(super) fn send_answer(&mut self, now: Now, id: &CallId, sdp: Bytes) {
        let Some(call) = self.call_mut(id) else { return };
        let (Stage::Incoming, Some(sip)) = (&call.stage, call.sip) else { return };
        call.stage = Stage::Connecting;
        call.answered = Some((now.wall, now.instant));
        if call.exchange == Exchange::Answering {
            call.exchange = Exchange::None;
        }
        let account = call.account.clone();
        self.effect(Effect::Agent(account, AgentOrder::Answer(sip, sdp)));
        // L15: only now may the microphone be heard.
        self.effect(Effect::Voice(Order::Talk { call: id.clone(), on: true }));
        self.update_sounds();
    }

    /// The caller knows that we answered; with a late offer its answer comes now.
    pub(super) fn confirmed(&mut self, account: &AccountId, sip: sip::CallId, sdp: Option<Bytes>) {
        let Some(call) = self.call_of(account, sip) else { return };
        let id = call.id.clone();
        if let Some(answer) = sdp.filter(|_| call.exchange == Exchange::LateOffer) {
            self.effect(Effect::Voice(Order::Accept { call: id, answer }));
        }
    }

    /// Refuses a call, for everybody who could take it.
    pub(super) fn decline(&mut self, id: &CallId) -> Ok {
        let Some(call) = self.call_mut(id) else { return Ok::default() };
        let (Some(sip), account) = (call.sip, call.account.clone()) else { return Ok::default() };
        call.decided = Some((CauseKind::Declined, None));
        self.effect(Effect::Agent(account, AgentOrder::Reject(sip, StatusCode::DECLINE, None)));
        of_call(id.clone())
    }
}
