//! What a call says and hears: alone with us, or in a conference.

use std::time::Instant;

use media::mixer::Mixer;
use tokio::sync::mpsc;

use super::{Call, Happened, Recording};
use crate::sound::TapePlace;

impl Call {
    /// Lets the microphone out, or not.
    pub(in crate::voice) fn talk(&mut self, on: bool) {
        self.talks = on;
        self.session.set_sending(on);
    }

    pub(in crate::voice) fn talks(&self) -> bool {
        self.talks
    }

    /// Sends silence instead of the microphone, or not.
    pub(in crate::voice) fn mute(&mut self, on: bool) {
        self.muted = on;
        self.update_mute();
    }

    /// Begins to record, or ends it. What is recorded already goes on.
    pub(in crate::voice) fn record(
        &mut self,
        now: Instant,
        to: Option<(TapePlace, bool)>,
        tell: &mpsc::UnboundedSender<Happened>,
    ) {
        self.recording = match (to, self.recording.take()) {
            (None, _) => None,
            (Some(_), Some(going)) => Some(going),
            (Some(to), None) => Recording::begin(now, &self.id, to, tell),
        };
        self.update_mute();
    }

    pub(in crate::voice) const fn is_muted(&self) -> bool {
        self.muted
    }

    /// Takes part in a conference from now on, or in none.
    pub(in crate::voice) fn join(&mut self, on: bool) {
        if on {
            self.party.get_or_insert_default();
        } else {
            self.party = None;
        }
        self.update_mute();
    }

    /// Who is muted is still heard to record; and in a conference the others are heard, and our microphone is silenced
    /// before it comes to them.
    fn update_mute(&mut self) {
        let announces = self.recording.as_ref().is_some_and(Recording::announces);
        self.session.set_muted(self.muted && !announces && self.party.is_none());
    }

    /// Sound of the microphone.
    pub(in crate::voice) fn capture(&mut self, now: Instant, sound: &[f32]) {
        let sending = self.session.is_sending();
        match &mut self.recording {
            Some(recording) if sending => self.session.capture(now, recording.said(sound, self.muted)),
            _ => self.session.capture(now, sound),
        }
    }

    /// Sound of the far end, for an ear or for none.
    pub(in crate::voice) fn playout(&mut self, now: Instant, out: &mut [f32]) {
        self.session.playout(now, out);
        if let Some(recording) = &mut self.recording {
            recording.heard(out);
            recording.tell_ear(out);
        }
    }

    /// A block of what the far end says to the others of its conference. One that holds us is heard by us alone: its music
    /// would play to all.
    pub(in crate::voice) fn says(&mut self, now: Instant, mixer: &mut Mixer) {
        let held = self.negotiation.agreed().is_some_and(|agreed| agreed.remote_hold);
        let Some(party) = &mut self.party else { return };
        let said = party.says();
        self.session.playout(now, said);
        if let Some(recording) = &mut self.recording {
            recording.heard(said);
        }
        mixer.add(party, self.talks && !held);
    }

    /// A block of what the far end hears of all others, when all have said theirs. What is recorded is what we say and not
    /// what the others do.
    pub(in crate::voice) fn hears(&mut self, now: Instant, mixer: &Mixer) {
        let Some(party) = self.party.as_mut().filter(|_| self.talks) else { return };
        let mut out = [0.0; Mixer::BLOCK];
        let mic = match &mut self.recording {
            Some(recording) if self.session.is_sending() => recording.said(mixer.said(), self.muted),
            _ => mixer.said(),
        };
        party.hears(mixer, mic, &mut out);
        self.session.capture(now, &out);
    }

    /// Tells our ear that it is recorded.
    pub(in crate::voice) fn tell_ear(&mut self, out: &mut [f32]) {
        if let Some(recording) = &mut self.recording {
            recording.tell_ear(out);
        }
    }

    /// Is there, or could there be, something to hear? Not before we answer: nobody speaks into a room unasked.
    pub(in crate::voice) fn is_audible(&self) -> bool {
        (self.talks || self.ours) && self.negotiation.agreed().is_some()
    }

    /// Does sound go either way?
    pub(in crate::voice) fn flows(&self) -> bool {
        let agreed = self.negotiation.agreed();
        agreed.is_some_and(|agreed| agreed.direction.receives()) || self.session.is_sending()
    }
}
