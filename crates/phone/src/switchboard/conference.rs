//! Calls that are joined. The members of a conference are talked with, held, muted and resumed as one; who hangs up or is
//! split from it leaves it, and the last one of it is a plain call again.

use super::{Effect, Now, Switchboard, call::Entry, commands::of_call};
use crate::{
    contract::{Act, CallId, ConferenceId, Ok},
    fault::{Code, Fault},
    voice::{Order, Wish},
};

impl Switchboard {
    /// The call and all that are in a conference with it, the oldest first.
    pub(super) fn together(&self, id: &CallId) -> Vec<CallId> {
        let of = |own: &&Entry| own.id == *id;
        let conference = self.calls.iter().find(of).and_then(|own| own.conference.as_ref());
        let joined = |own: &&Entry| own.id == *id || (conference.is_some() && own.conference.as_ref() == conference);
        self.calls.iter().filter(joined).map(|own| own.id.clone()).collect()
    }

    /// Joins these calls with all that are in a conference with one of them, or all calls that are up.
    ///
    /// # Errors
    /// `no-such-call`, `not-answered`, `conference-too-small`: nothing has changed.
    pub(super) fn confer(&mut self, now: Now, named: Option<&[CallId]>) -> Result<Ok, Fault> {
        let mut wanted: Vec<CallId> = Vec::new();
        for id in named.unwrap_or_default() {
            let call = self.calls.iter().find(|own| own.id == *id && !own.is_over());
            match call {
                None => return Err(Fault::new(Code::NoSuchCall)),
                Some(call) if !call.is_up() => return Err(Fault::new(Code::NotAnswered)),
                Some(_) => wanted.extend(self.together(id)),
            }
        }
        let joins = |own: &&Entry| own.is_up() && (named.is_none() || wanted.contains(&own.id));
        let members: Vec<&Entry> = self.calls.iter().filter(joins).collect();
        if members.len() < 2 {
            return Err(Fault::new(Code::ConferenceTooSmall));
        }
        // Whom nobody was to hear is not let out by joining.
        let muted = members.iter().any(|own| own.muted);
        let known = members.iter().find_map(|own| own.conference.clone());
        let members: Vec<CallId> = members.into_iter().map(|own| own.id.clone()).collect();
        let conference = known.unwrap_or_else(|| {
            self.next_conference += 1;
            ConferenceId::from(format!("f{}", self.next_conference))
        });
        for id in &members {
            if let Some(call) = self.call_mut(id) {
                call.conference = Some(conference.clone());
            }
        }
        self.mute(&members[0], muted);
        self.resume(now, &members[0]);
        Ok(Ok { conference: Some(conference), ..Ok::default() })
    }

    /// Takes a call out of its conference and puts it on hold; the others talk on.
    pub(super) fn leave(&mut self, now: Now, id: &CallId) -> Ok {
        self.part(id);
        self.wish(now, id, Wish::Hold);
        of_call(id.clone())
    }

    /// It is talked with no more, and is in no conference.
    pub(super) fn part(&mut self, id: &CallId) {
        let rest: Vec<CallId> = self.together(id).into_iter().filter(|own| own != id).collect();
        for gone in std::iter::once(id).chain(rest.iter().filter(|_| rest.len() == 1)) {
            if let Some(call) = self.call_mut(gone) {
                call.conference = None;
            }
        }
        if self.active.contains(id) {
            self.active.retain(|own| own != id);
            self.effect(Effect::Voice(Order::Active { calls: self.active.clone() }));
        }
    }

    /// Would joining all that are up change anything for this one?
    pub(super) fn may_confer(&self, call: &Entry) -> bool {
        let apart = |own: &Entry| own.conference.is_none() || own.conference != call.conference;
        call.is_up() && self.calls.iter().any(|own| own.id != call.id && own.is_up() && apart(own))
    }

    /// The only one that fits; of those that go together, any.
    pub(super) fn only(&self, fitting: &[&Entry], act: Act) -> Option<CallId> {
        let as_one = matches!(act, Act::Hold | Act::Resume | Act::Mute);
        let (first, more) = fitting.split_first()?;
        let same = |own: &&Entry| as_one && own.conference.is_some() && own.conference == first.conference;
        more.iter().all(same).then(|| first.id.clone())
    }
}
