//! The whole truth, as listeners get it.

use media::port::PortDirection;

use super::{Switchboard, call::Stage, line::Line};
use crate::contract::{Account, Act, CONTRACT, Device, Devices, Dnd, PhoneState, Tray};

impl Switchboard {
    /// The state of the phone, with this number.
    pub(crate) fn state(&self, seq: u64) -> PhoneState {
        PhoneState {
            contract: CONTRACT,
            seq,
            accounts: self.accounts.iter().map(|own| self.shown_account(own)).collect(),
            calls: self
                .calls
                .iter()
                .map(|call| {
                    let mut shown = call.shown(self.active.contains(&call.id), &self.words);
                    shown.can.extend(self.may_confer(call).then_some(Act::Conference));
                    shown.can.retain(|act| *act != Act::Record || self.recordings.is_some());
                    shown
                })
                .collect(),
            devices: self.shown_devices(),
            dnd: Dnd::default(),
            settings: self.settings.clone(),
            missed: self.missed,
            history_seq: self.history_seq,
            problems: self.problems.iter().map(|fault| self.words.error(fault)).collect(),
            listening: self.listening,
            tray: self.tray(),
            tests: self.trial.iter().map(|trial| trial.shown(&self.words)).collect(),
        }
    }

    /// The words of the language that is spoken.
    pub(crate) fn words(&self) -> &crate::words::Words {
        &self.words
    }

    fn shown_account(&self, own: &super::AccountEntry) -> Account {
        let profile = &own.profile;
        let practice = profile.id.is_practice();
        Account {
            id: profile.id.clone(),
            practice,
            line: own.shown(&self.words),
            voicemail: None,
            security: own.security.clone(),
            secret: own.secret,
            name: if practice { self.words.text("practice-line") } else { profile.name.clone() },
            address: profile.address(),
            server: profile.server.to_string(),
            user: profile.user.clone(),
            domain: profile.domain.clone(),
            auth_user: profile.auth_user.clone(),
            display_name: profile.display_name.clone(),
            ca: profile.ca.clone(),
            pin: profile.pin.clone(),
            origin: profile.origin.clone(),
            http_user: profile.handshake.http_user.clone(),
            headers: profile.handshake.headers.clone(),
            client_cert: profile.handshake.client_facts(),
            proxy: profile.handshake.proxy.clone(),
            keepalive: profile.handshake.keepalive,
            stun: profile.stun.clone(),
            turn: profile.turn.clone(),
            contact_form: profile.contact_form,
            expires_s: profile.expires_s,
            codecs: profile.speech.codecs.clone(),
            bitrate: profile.speech.bitrate,
            enabled: profile.enabled,
        }
    }

    /// All devices, and those that are preferred and not there.
    fn shown_devices(&self) -> Devices {
        let list = |direction: PortDirection, preferred: [&[String]; 3]| {
            let there = self.devices.all.iter().filter(move |own| own.direction == direction);
            let mut list: Vec<Device> = there
                .map(|own| Device { id: own.id.clone(), name: own.name.clone(), kind: own.kind.into(), present: true })
                .collect();
            for id in preferred.into_iter().flatten().filter(|id| *id != "default") {
                if !list.iter().any(|own| own.id == *id) {
                    let name = id.rsplit(':').next().unwrap_or(id).to_owned();
                    let kind = media::port::DeviceKind::from_name(&name).into();
                    list.push(Device { id: id.clone(), name, kind, present: false });
                }
            }
            list
        };
        let prefer = &self.prefer;
        Devices {
            microphones: list(PortDirection::Capture, [&prefer.mic, &[], &[]]),
            speakers: list(PortDirection::Playback, [&prefer.speaker, &prefer.ringer, &prefer.also_ring]),
            in_use: self.devices.in_use.clone(),
            prefer: prefer.clone(),
            problem: self.devices.problem.as_ref().or(self.microphone.as_ref()).map(|fault| self.words.error(fault)),
        }
    }

    /// The first that holds.
    fn tray(&self) -> Tray {
        let enabled = || self.accounts.iter().filter(|own| own.profile.enabled);
        if self.calls.iter().any(|call| !call.is_over() && !matches!(call.stage, Stage::Incoming)) {
            Tray::InCall
        } else if enabled().any(|own| matches!(own.line, Line::Failed { .. } | Line::Retrying { .. })) {
            Tray::Unreachable
        } else if self.missed > 0 {
            Tray::Missed
        } else if enabled().any(|own| !own.is_registered() || own.suspect.is_some()) {
            Tray::Working
        } else {
            Tray::Ready
        }
    }
}
