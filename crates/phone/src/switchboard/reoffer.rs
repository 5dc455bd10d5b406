//! Changes of a call that is up: hold and resume by either side, another server, another network.

use std::time::Duration;

use bytes::Bytes;
use media::offer::OfferError;
use sip::{Misuse, StatusCode};

use super::{
    AgentOrder, Effect, Now, Switchboard,
    call::{Change, Entry, Exchange, Lost},
    commands::of_call,
};
use crate::{
    contract::{AccountId, CallId, CauseKind, MediaPath, Ok},
    fault::{Code, Fault},
    voice::{Order, Wish},
};

/// After so long without sound another way is looked for, so often, and after so long the call is given up (R15).
const FIRST_RESTART: Duration = Duration::from_secs(5);
const BETWEEN_RESTARTS: Duration = Duration::from_secs(3);
const MOST_RESTARTS: u32 = 5;
const GIVE_UP: Duration = Duration::from_secs(60);
/// A change for which the agent is not ready is tried again after so long.
const ASK_AGAIN: Duration = Duration::from_millis(100);

impl Switchboard {
    pub(super) fn hold(&mut self, now: Now, id: &CallId) -> Ok {
        let all = self.together(id);
        if self.active.iter().any(|own| all.contains(own)) {
            self.active.clear();
            self.effect(Effect::Voice(Order::Active { calls: Vec::new() }));
        }
        for own in &all {
            self.wish(now, own, Wish::Hold);
        }
        of_call(id.clone())
    }

    pub(super) fn resume(&mut self, now: Now, id: &CallId) -> Ok {
        let all = self.together(id);
        self.make_active(now, all.clone());
        for own in &all {
            self.wish(now, own, Wish::Talk);
        }
        of_call(id.clone())
    }

    /// Whom one talks with from now on. Whoever one talked with before is put on hold.
    pub(super) fn make_active(&mut self, now: Now, calls: Vec<CallId>) {
        if self.active == calls {
            return;
        }
        for before in std::mem::replace(&mut self.active, calls.clone()) {
            if !calls.contains(&before) {
                self.wish(now, &before, Wish::Hold);
            }
        }
        self.effect(Effect::Voice(Order::Active { calls }));
    }

    pub(super) fn wish(&mut self, now: Now, id: &CallId, wish: Wish) {
        let Some(call) = self.call_mut(id) else { return };
        // One that is not up yet is held as soon as it is.
        if !call.is_up() || call.wish == wish {
            return;
        }
        call.wish = wish;
        call.pending.get_or_insert(Change::Offer);
        call.update_held(now);
        // The room is silent at once, whatever the far end says to it.
        self.effect(Effect::Voice(Order::Talk { call: id.clone(), on: wish == Wish::Talk }));
        self.make_pending(id);
    }

    /// Begins the change that waits, if nothing else is under way.
    pub(super) fn make_pending(&mut self, id: &CallId) {
        let registered =
            |own: &Self, account: &AccountId| own.account(account).is_some_and(super::AccountEntry::is_registered);
        let Some(call) = self.calls.iter().find(|call| call.id == *id) else { return };
        if !call.is_up() || call.exchange != Exchange::None || !registered(self, &call.account) {
            return;
        }
        let Some(call) = self.call_mut(id) else { return };
        let Some(change) = call.pending.take() else { return };
        (call.exchange, call.offered) = (Exchange::Making, Some(change));
        let (call, account, wish) = (call.id.clone(), call.account.clone(), call.wish);
        self.effect(Effect::Voice(match change {
            Change::Offer => Order::Offer { call, account, wish },
            Change::Restart => Order::Restart { call, account, wish },
        }));
    }

    /// W15: after a new connection every call tells the server where it is now.
    pub(super) fn tell_calls_anew(&mut self, account: &AccountId) {
        let calls: Vec<CallId> = self
            .calls
            .iter()
            .filter(|call| call.account == *account && call.is_up())
            .map(|call| call.id.clone())
            .collect();
        for id in calls {
            if let Some(call) = self.call_mut(&id) {
                // An offer of ours that the old connection took with it is made again.
                if matches!(call.exchange, Exchange::Making | Exchange::Sent) {
                    call.exchange = Exchange::None;
                }
                let change = if call.has_path() && call.lost.is_none() { Change::Offer } else { Change::Restart };
                if call.pending != Some(Change::Restart) {
                    call.pending = Some(change);
                }
            }
            self.make_pending(&id);
        }
    }

    /// Our offer for a change is ready.
    pub(super) fn send_reoffer(&mut self, id: &CallId, sdp: Bytes) {
        let Some(call) = self.call_mut(id) else { return };
        let Some(sip) = call.sip else { return };
        call.exchange = Exchange::Sent;
        let account = call.account.clone();
        self.effect(Effect::Agent(account, AgentOrder::Reoffer(sip, sdp)));
    }

    /// The agent could not send it: it waits until it can. Without a link that is when there is one; but it may only be
    /// that the ACK to a change of theirs is still on its way.
    pub(crate) fn reoffer_failed(&mut self, now: Now, id: &CallId, why: Misuse) {
        let Some(call) = self.call_mut(id) else { return };
        call.offer_again();
        call.ask_again = (why == Misuse::WrongState).then(|| now.instant + ASK_AGAIN);
        self.effect(Effect::Voice(Order::Rollback { call: id.clone() }));
    }

    /// The far end took our change.
    pub(super) fn reoffer_answered(&mut self, account: &AccountId, sip: sip::CallId, sdp: Bytes) {
        let Some(call) = self.call_of(account, sip) else { return };
        let call = call.id.clone();
        self.effect(Effect::Voice(Order::Accept { call, answer: sdp }));
    }

    /// It did not: the session stays as it was (RFC 3261 14.1). A hold holds here all the same: nothing of the room goes
    /// out and nothing is heard.
    pub(super) fn reoffer_refused(&mut self, account: &AccountId, sip: sip::CallId, status: StatusCode) {
        let Some(call) = self.call_of(account, sip) else { return };
        let id = call.id.clone();
        self.effect(Effect::Voice(Order::Rollback { call: id.clone() }));
        let Some(call) = self.call_mut(&id) else { return };
        if status == StatusCode::REQUEST_PENDING {
            // The far end's change goes first (RFC 3261 14.1); ours is made anew when that one is answered.
            return call.offer_again();
        }
        call.exchange = Exchange::None;
        self.make_pending(&id);
    }

    /// The far end wants a change.
    pub(super) fn reoffer(&mut self, account: &AccountId, sip: sip::CallId, sdp: Option<Bytes>) {
        let Some(call) = self.call_of(account, sip) else { return };
        let (call_id, account, wish) = (call.id.clone(), call.account.clone(), call.wish);
        let order = match sdp {
            Some(offer) => {
                call.exchange = Exchange::TheirOffer;
                Order::Answer { call: call_id, account, offer, wish }
            }
            None => {
                call.exchange = Exchange::TheirLateOffer;
                Order::Offer { call: call_id, account, wish }
            }
        };
        self.effect(Effect::Voice(order));
    }

    /// Our description for their change is ready.
    pub(super) fn answer_reoffer(&mut self, id: &CallId, sdp: Bytes) {
        let Some(call) = self.call_mut(id) else { return };
        let Some(sip) = call.sip else { return };
        if call.exchange == Exchange::TheirOffer {
            call.exchange = Exchange::None;
        }
        let account = call.account.clone();
        self.effect(Effect::Agent(account, AgentOrder::AnswerOffer(sip, sdp)));
        self.make_pending(id);
    }

    /// Their change is none that we can take; the call goes on as it was.
    pub(super) fn refuse_reoffer(&mut self, id: &CallId, why: OfferError) {
        let Some(call) = self.call_mut(id) else { return };
        let Some(sip) = call.sip else { return };
        call.exchange = Exchange::None;
        let account = call.account.clone();
        self.effect(Effect::Agent(account, AgentOrder::RefuseOffer(sip, why)));
        self.make_pending(id);
    }

    /// The sound of a call is lost: it is said, other ways are tried, and one day it is given up (R15).
    pub(super) fn lose(&mut self, now: Now, id: &CallId, why: &'static str) {
        let Some(call) = self.call_mut(id) else { return };
        if call.is_up() && call.lost.is_none() {
            let next = now.instant + FIRST_RESTART;
            call.lost = Some(Lost { since: now.wall, why, begun: now.instant, restarts: 0, next });
        }
    }

    /// It is there again.
    pub(super) fn find(&mut self, id: &CallId) {
        if let Some(call) = self.call_mut(id) {
            call.lost = None;
        }
    }

    /// Asks the agent once more for what it was not ready for.
    pub(super) fn ask_again(&mut self, now: Now) {
        let due = |call: &mut Entry| call.ask_again.take_if(|at| *at <= now.instant).map(|_| call.id.clone());
        let due: Vec<CallId> = self.calls.iter_mut().filter_map(due).collect();
        for id in due {
            self.make_pending(&id);
        }
    }

    pub(super) fn mend_lost(&mut self, now: Now) {
        let due = |call: &&Entry| call.lost.is_some_and(|lost| lost.next <= now.instant);
        let due: Vec<CallId> = self.calls.iter().filter(due).map(|call| call.id.clone()).collect();
        for id in due {
            let Some(call) = self.call_mut(&id) else { continue };
            let Some(lost) = &mut call.lost else { continue };
            let end = lost.begun + GIVE_UP;
            if now.instant >= end {
                self.give_up(now, &id, CauseKind::MediaFailed, Fault::new(Code::MediaFailed));
                continue;
            }
            lost.restarts += 1;
            let again = lost.restarts < MOST_RESTARTS;
            lost.next = if again { (now.instant + BETWEEN_RESTARTS).min(end) } else { end };
            call.media.path = MediaPath::Lost;
            call.pending = Some(Change::Restart);
            self.make_pending(&id);
        }
    }
}
