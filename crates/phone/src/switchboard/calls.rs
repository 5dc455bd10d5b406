//! Calls of ours, and the end of any call.

use bytes::Bytes;
use sip::{EndCause, Misuse, StatusCode};

use super::{
    AgentOrder, Effect, Key, LineOrder, MOST_CALLS, Now, Switchboard,
    call::{Entry, Exchange, LINGER, Stage},
    commands::of_call,
    line::Line,
};
use crate::{
    contract::{AccountId, CallId, CauseKind, Direction, HistoryId, Notice, Ok},
    fault::{self, Code, Fault},
    party,
    voice::{Order, Wish},
};

/// A line that was silent for so long is asked for a sign of life before it is dialled on (CONFORMANCE R3).
const STALE: std::time::Duration = std::time::Duration::from_secs(10);

impl Switchboard {
    pub(super) fn call(&mut self, now: Now, text: &str, account: Option<AccountId>) -> Result<Ok, Fault> {
        let account = self.account_to_call_on(account)?;
        let entry = self.account(&account).ok_or_else(|| Fault::new(Code::NoSuchAccount))?;
        let stale = now.instant.saturating_duration_since(entry.proven) > STALE;
        match &entry.line {
            Line::Registered { .. } => {}
            // What keeps the line down keeps the call from being made; it is said as the line says it.
            Line::Failed { fault } | Line::Retrying { fault, .. } => return Err(fault.clone()),
            Line::Off | Line::Connecting { .. } => return Err(Fault::new(Code::NotRegistered)),
        }
        let domain = sip::Host::parse(&entry.profile.domain).ok_or_else(|| Fault::new(Code::BadAccount))?;
        let to = party::address(text, &domain)
            .ok_or_else(|| Fault::new(Code::BadNumber).with("number", party::clean(text)))?;
        if self.calls.iter().filter(|call| !call.is_over()).count() >= MOST_CALLS {
            return Err(Fault::new(Code::CallLimit));
        }
        let id = self.next_call();
        let mut call = Entry::new(now, id.clone(), account.clone(), Direction::Out, party::dialled(&to));
        text.trim().clone_into(&mut call.asked);
        (call.to, call.exchange) = (Some(to), Exchange::First);
        self.make_active(now, vec![id.clone()]);
        self.calls.push(call);
        if stale {
            self.effect(Effect::Line(Key::Account(account.clone()), LineOrder::Probe));
        }
        self.effect(Effect::Voice(Order::Offer { call: id.clone(), account, wish: Wish::Talk }));
        self.update_sounds();
        Ok(of_call(id))
    }

    /// The account that is named, the default one, the only enabled one that is no practice line, the practice line.
    fn account_to_call_on(&self, account: Option<AccountId>) -> Result<AccountId, Fault> {
        if let Some(id) = account.or_else(|| self.settings.default_account.clone()) {
            return self.account(&id).map(|own| own.profile.id.clone()).ok_or_else(|| Fault::new(Code::NoSuchAccount));
        }
        self.usual_account().ok_or_else(|| Fault::new(Code::NoSuchAccount))
    }

    fn usual_account(&self) -> Option<AccountId> {
        let own = |practice: bool| {
            self.accounts.iter().filter(move |own| own.profile.id.is_practice() == practice && own.profile.enabled)
        };
        // Of several, the first that is on the line.
        let first = own(false).find(|own| own.is_registered()).or_else(|| own(false).next());
        first.or_else(|| own(true).next()).map(|own| own.profile.id.clone())
    }

    pub(super) fn next_call(&mut self) -> CallId {
        let id = CallId::from(format!("c{}", self.next_call));
        self.next_call += 1;
        id
    }

    /// Our offer for a call of ours is ready.
    pub(super) fn send_invite(&mut self, id: &CallId, offer: Bytes) {
        let Some(call) = self.call_mut(id) else { return };
        let (Some(to), account) = (call.to.clone(), call.account.clone()) else { return };
        self.effect(Effect::Agent(account, AgentOrder::Invite { call: id.clone(), to, offer }));
    }

    /// The agent took the INVITE, or could not.
    pub(crate) fn invited(&mut self, now: Now, id: &CallId, sent: Result<sip::CallId, Misuse>) {
        match sent {
            Ok(sip) => {
                let Some(call) = self.call_mut(id) else { return };
                call.sip = Some(sip);
                // It was given up before the INVITE went out.
                if call.is_over() {
                    let account = call.account.clone();
                    self.effect(Effect::Agent(account, AgentOrder::Hangup(sip)));
                }
            }
            Err(Misuse::Insecure) => self.finish(now, id, CauseKind::NotAllowed, Some(Fault::new(Code::NotSecure))),
            Err(Misuse::TooMany) => self.finish(now, id, CauseKind::Unreachable, Some(Fault::new(Code::CallLimit))),
            Err(_) => self.finish(now, id, CauseKind::Network, Some(Fault::new(Code::ConnectionLost))),
        }
    }

    /// The server or the far end has taken notice of our call.
    pub(super) fn progress(&mut self, account: &AccountId, sip: sip::CallId, stage: Stage) {
        let Some(call) = self.call_of(account, sip) else { return };
        if matches!(call.stage, Stage::Dialing | Stage::Ringing) {
            call.stage = stage;
        }
        self.update_sounds();
    }

    /// The far end sends sound before it answers.
    pub(super) fn early_media(&mut self, account: &AccountId, sip: sip::CallId, sdp: Bytes) {
        let Some(call) = self.call_of(account, sip) else { return };
        if !matches!(call.stage, Stage::Dialing | Stage::Ringing | Stage::EarlyMedia) {
            return;
        }
        call.stage = Stage::EarlyMedia;
        let call = call.id.clone();
        self.effect(Effect::Voice(Order::Accept { call, answer: sdp }));
        self.update_sounds();
    }

    /// The far end has answered our call.
    pub(super) fn answered(
        &mut self,
        now: Now,
        account: &AccountId,
        sip: sip::CallId,
        sdp: Option<Bytes>,
        party: Option<&sip::Party>,
    ) {
        let Some(at) = self.calls.iter().rposition(|own| own.is_of(account, sip)) else { return };
        let talks = self.active.contains(&self.calls[at].id);
        let call = &mut self.calls[at];
        if call.is_over() || call.is_up() {
            return;
        }
        let id = call.id.clone();
        call.stage = if call.has_path() { Stage::Connected } else { Stage::Connecting };
        call.answered = Some((now.wall, now.instant));
        call.media.secure_ms = call.has_path().then_some(0);
        if let Some(party) = party {
            call.with = party::heard(party, true);
        }
        // Without a description, that of the early sound holds.
        call.exchange = if sdp.is_some() { Exchange::First } else { Exchange::None };
        if !talks {
            // Another call was taken up meanwhile: this one waits for its turn.
            call.pending = Some(super::call::Change::Offer);
            call.wish = Wish::Hold;
        }
        if let Some(answer) = sdp {
            self.effect(Effect::Voice(Order::Accept { call: id.clone(), answer }));
        }
        self.effect(Effect::Voice(Order::Talk { call: id, on: talks }));
        self.update_sounds();
    }

    /// Ends a call, however far it is.
    pub(super) fn hangup(&mut self, now: Now, id: &CallId) -> Ok {
        let Some(call) = self.call_mut(id) else { return Ok::default() };
        let (account, incoming) = (call.account.clone(), matches!(call.stage, Stage::Incoming));
        if call.is_over() {
            return of_call(id.clone());
        }
        if incoming {
            return self.decline(id);
        }
        let kind = if call.answered.is_some() { CauseKind::HungUpHere } else { CauseKind::Cancelled };
        call.decided.get_or_insert((kind, None));
        match call.sip {
            Some(sip) => {
                call.stage = Stage::Ending;
                self.silence(id);
                self.effect(Effect::Agent(account, AgentOrder::Hangup(sip)));
            }
            None => self.finish(now, id, kind, None),
        }
        self.update_sounds();
        of_call(id.clone())
    }

    /// A fault of the sound ends a call.
    pub(super) fn give_up(&mut self, now: Now, id: &CallId, kind: CauseKind, fault: Fault) {
        if let Some(call) = self.call_mut(id)
            && !call.is_over()
        {
            call.decided = Some((kind, Some(fault)));
            match (&call.stage, call.sip) {
                (Stage::Incoming, Some(sip)) => {
                    let account = call.account.clone();
                    // RFC 3261 20.43: 399 is a warning that has no code of its own.
                    let why = Some((399, "The sound could not be set up"));
                    self.effect(Effect::Agent(account, AgentOrder::Reject(sip, StatusCode::NOT_ACCEPTABLE_HERE, why)));
                }
                _ => {
                    self.hangup(now, id);
                }
            }
        }
    }

    /// The agent says that a call is over.
    pub(super) fn ended(&mut self, now: Now, account: &AccountId, sip: sip::CallId, cause: &EndCause) {
        let Some(call) = self.call_of(account, sip) else { return };
        let (id, decided, direction) = (call.id.clone(), call.decided.take(), call.direction);
        let (kind, fault) = decided.unwrap_or_else(|| fault::cause(cause, direction));
        let profile = self.account(account).map(|own| &own.profile);
        let fault = fault.map(|fault| match profile {
            Some(own) => fault.of_account(&own.host(), &own.user),
            None => fault,
        });
        self.finish(now, &id, kind, fault);
    }

    /// A call is over: it goes into the history, and out of the list in three seconds.
    pub(super) fn finish(&mut self, now: Now, id: &CallId, kind: CauseKind, fault: Option<Fault>) {
        let next = self.next_history;
        let row_id = HistoryId::from(format!("h{next}"));
        let Some(at) = self.calls.iter().position(|call| call.id == *id) else { return };
        let call = &mut self.calls[at];
        if matches!(call.stage, Stage::Ended { .. }) {
            return;
        }
        let server = call.account.clone();
        if let Some(fault) = &fault {
            self.complaints.fault(now.instant, &server, id, fault);
        }
        let call = &mut self.calls[at];
        call.stage = Stage::Ended { kind, fault };
        (call.ended_at, call.lost, call.leaves) = (Some(now.wall), None, Some(now.instant + LINGER));
        call.remote_hold = false;
        call.update_held(now);
        let missed = call.is_missed();
        let row = self.calls[at].row(row_id, now, &self.words);
        self.next_history += 1;
        self.history_seq += 1;
        if missed {
            self.missed += 1;
            self.effect(Effect::Notice(Notice::MissedCall { row: row.clone() }));
        }
        if self.calls[at].taped {
            self.row_of_taped(id, row.clone());
        }
        self.effect(Effect::Row(Box::new(row)));
        self.silence(id);
        self.update_sounds();
    }

    /// Ends the sound of a call.
    fn silence(&mut self, id: &CallId) {
        self.part(id);
        self.effect(Effect::Voice(Order::Close { call: id.clone() }));
    }

    /// The history was marked as seen; so many missed calls are left.
    pub(crate) fn seen(&mut self, missed: u32) {
        self.missed = missed;
        self.history_seq += 1;
    }

    /// What the phone itself sounds like, told when it changes.
    pub(super) fn update_sounds(&mut self) {
        let phases: Vec<_> = self.calls.iter().map(Entry::plain_phase).collect();
        let heard =
            self.calls.iter().zip(&phases).map(|(call, phase)| call.heard(phase, self.active.contains(&call.id)));
        let sounds = crate::ringer::sounds(heard);
        if sounds != self.sounds {
            self.sounds = sounds;
            self.effect(Effect::Voice(Order::Sound(sounds)));
        }
    }

    /// Whatever is due: calls that leave the list, and sound that is lost.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        self.complaints.tell_due(now.instant);
        let before = self.calls.len();
        self.calls.retain(|call| call.leaves.is_none_or(|at| at > now.instant));
        if self.calls.len() != before {
            self.update_sounds();
        }
        self.mend_lost(now);
        self.ask_again(now);
    }
}
