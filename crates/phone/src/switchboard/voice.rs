//! What the media thread tells, and what the agents tell of calls.

use sip::Event;

use super::{
    AgentOrder, Effect, Key, LineEvent, Now, Switchboard,
    call::{Exchange, Stage},
};
use crate::{
    contract::{AccountId, CallId, CauseKind, MediaPath, Notice},
    fault::{self, Code, Fault},
    party,
    voice::{Happened, PathState},
};

impl Switchboard {
    /// The agent of an account told something of a call. What it tells of the line comes as a [`LineEvent`].
    pub(crate) fn on_agent(&mut self, now: Now, account: &AccountId, event: Event) {
        match event {
            Event::Incoming(incoming) => self.incoming(now, account, *incoming),
            Event::Trying(_) => {}
            Event::Digit { call, digit } => {
                if let Some(call) = self.call_of(account, call).map(|call| call.id.clone()) {
                    self.effect(Effect::Notice(Notice::Dtmf { call, digit }));
                }
            }
            Event::Ringing(call) => self.progress(account, call, Stage::Ringing),
            Event::EarlyMedia { call, sdp, .. } => self.early_media(account, call, sdp),
            Event::Answered { call, sdp, party, .. } => self.answered(now, account, call, sdp, party.as_ref()),
            Event::Confirmed { call, sdp } => self.confirmed(account, call, sdp),
            Event::Reoffer { call, sdp } => self.reoffer(account, call, sdp),
            Event::ReofferAnswered { call, sdp } => self.reoffer_answered(account, call, sdp),
            Event::ReofferRefused { call, status } => self.reoffer_refused(account, call, status),
            Event::PartyChanged { call, party } => {
                if let Some(call) = self.call_of(account, call) {
                    call.with = party::heard(&party, true);
                }
            }
            Event::Ended { call, cause } => self.ended(now, account, call, &cause),
            Event::Registering
            | Event::Registered(_)
            | Event::RegistrationFailed { .. }
            | Event::Unregistered
            | Event::MessageSummary(_)
            | Event::Misbehaved(_)
            | Event::Refused(_) => {}
        }
    }

    /// A line told something.
    pub(crate) fn on_key(&mut self, now: Now, key: &Key, event: LineEvent) {
        match key {
            Key::Account(account) => self.on_line(now, account, event),
            Key::Test(test) => self.on_test_line(now, test, event),
        }
    }

    /// The media thread told something. Levels never come here.
    pub(crate) fn on_voice(&mut self, now: Now, happened: Happened) {
        match happened {
            Happened::Offer { call, sdp } => match self.exchange(&call) {
                Exchange::First => self.send_invite(&call, sdp),
                Exchange::LateOffer => self.send_answer(now, &call, sdp),
                Exchange::Making => self.send_reoffer(&call, sdp),
                Exchange::TheirLateOffer => self.answer_reoffer(&call, sdp),
                Exchange::None | Exchange::Answering | Exchange::Sent | Exchange::TheirOffer => {}
            },
            Happened::Answer { call, sdp, remote_hold, codec } => {
                self.agreed(now, &call, remote_hold, codec);
                match self.exchange(&call) {
                    Exchange::Answering => self.send_answer(now, &call, sdp),
                    Exchange::TheirOffer => self.answer_reoffer(&call, sdp),
                    _ => {}
                }
            }
            Happened::Accepted { call, remote_hold, codec } => {
                self.agreed(now, &call, remote_hold, codec);
                if let Some(own) = self.call_mut(&call)
                    && own.is_up()
                {
                    own.exchange = Exchange::None;
                }
                self.make_pending(&call);
            }
            Happened::Refused { call, why } => self.refused(now, &call, why),
            Happened::NoPath { call, why } => {
                let fault = Fault::new(Code::MediaFailed).detail(why);
                self.give_up(now, &call, CauseKind::MediaFailed, fault);
            }
            Happened::Path { call, path } => self.on_path(now, &call, path),
            Happened::FirstSound { call } => {
                if let Some(own) = self.call_mut(&call) {
                    own.media.first_sound_ms = own.media.first_sound_ms.or(own.since_answer(now).or(Some(0)));
                }
            }
            Happened::Silent { call, silent: true } => self.lose(now, &call, "silent"),
            Happened::Silent { call, silent: false } => self.find(&call),
            Happened::SendInfo { call, key, ms } => {
                if let Some(own) = self.call_mut(&call)
                    && let Some(sip) = own.sip
                {
                    let account = own.account.clone();
                    self.effect(Effect::Agent(account, AgentOrder::Info { call: sip, key, ms }));
                }
            }
            Happened::RecordingBegan { call } => self.recording_began(&call),
            Happened::Recorded { call, kept } => self.recorded(call, kept),
            Happened::Devices { all, in_use, problem } => {
                let problem = problem.map(|(role, error)| fault::of_port(role, &error));
                self.devices = super::DevicesSeen { listed: true, all, in_use, problem };
            }
            Happened::Microphone { trouble } => self.microphone = trouble.map(fault::of_microphone),
            Happened::DeviceChanged { role, device } => {
                self.effect(Effect::Notice(Notice::DeviceChanged { role, device }));
            }
            Happened::ListenEnded => self.listening = false,
            Happened::Dtmf { call, digit } => self.effect(Effect::Notice(Notice::Dtmf { call, digit })),
            Happened::Quality { call, quality } => self.on_quality(now, &call, &quality),
            Happened::Levels { .. } => {}
        }
    }

    /// Somebody opened the microphone for the meter.
    pub(crate) fn listens(&mut self, on: bool) {
        self.listening = on;
    }

    fn exchange(&self, id: &CallId) -> Exchange {
        self.calls.iter().find(|call| call.id == *id).map_or(Exchange::None, |call| call.exchange)
    }

    fn agreed(&mut self, now: Now, id: &CallId, remote_hold: bool, codec: Option<&'static str>) {
        let Some(call) = self.call_mut(id) else { return };
        call.remote_hold = remote_hold;
        call.media.codec = codec.map(str::to_owned);
        call.update_held(now);
    }

    /// A description is none that we can use.
    fn refused(&mut self, now: Now, id: &CallId, why: media::offer::OfferError) {
        let changes = matches!(self.exchange(id), Exchange::TheirOffer | Exchange::Sent);
        if let Some(account) = self.call_mut(id).filter(|_| changes).map(|call| call.account.clone()) {
            self.complaints.fault(now.instant, &account, id, &fault::of_offer(&why));
        }
        match self.exchange(id) {
            Exchange::TheirOffer => self.refuse_reoffer(id, why),
            Exchange::Sent => {
                // The change is lost, the call is not.
                if let Some(call) = self.call_mut(id) {
                    call.exchange = Exchange::None;
                }
                self.make_pending(id);
            }
            _ => {
                let fault = fault::of_offer(&why);
                let kind = match fault.code {
                    Code::NoCommonCodec => CauseKind::NoCommonCodec,
                    _ => CauseKind::MediaFailed,
                };
                self.give_up(now, id, kind, fault);
            }
        }
    }

    fn on_path(&mut self, now: Now, id: &CallId, path: PathState) {
        let Some(call) = self.call_mut(id) else { return };
        match path {
            PathState::Checking => {
                if call.media.path != MediaPath::Secure {
                    call.media.path = MediaPath::Checking;
                }
            }
            PathState::Secure { security, local, remote, relay } => {
                let media = &mut call.media;
                (media.path, media.relay) = (MediaPath::Secure, relay);
                (media.srtp, media.cipher) = (Some(security.srtp.to_owned()), Some(security.cipher.to_owned()));
                (media.local, media.remote) = (Some(local.to_string()), Some(remote.to_string()));
                let since = call.since_answer(now);
                call.media.secure_ms = call.media.secure_ms.or(since);
                if matches!(call.stage, Stage::Connecting) {
                    call.stage = Stage::Connected;
                }
                call.lost = None;
                self.make_pending(id);
                self.update_sounds();
            }
            PathState::Lost => {
                call.media.path = MediaPath::Lost;
                self.lose(now, id, "media-lost");
            }
            // The far end's BYE may have been lost with its connection: it has five seconds to come.
            PathState::Closed => {
                call.media.path = MediaPath::Lost;
                self.lose(now, id, "closed-by-peer");
            }
            PathState::Failed(error) => {
                let fault = fault::of_path(error);
                if call.is_up() && call.lost.is_some() {
                    call.media.path = MediaPath::Lost;
                } else {
                    self.give_up(now, id, CauseKind::MediaFailed, fault);
                }
            }
        }
    }
}
