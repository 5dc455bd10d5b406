//! The switchboard: what the phone knows and decides, as a pure state machine. A command or something that happened goes
//! in; effects come out, and [`Switchboard::state`] tells the whole truth at any time. No socket, no clock, no thread, no
//! secret is here.
//!
//! ```text
//! Command ─┐                        ┌─▶ lines and agents (SIP)
//! line ────┼─▶ Switchboard ─effects─┼─▶ the media thread
//! agent ───┤        │               ├─▶ store, keychain, practice line
//! voice ───┘        ▼               └─▶ notices
//!              PhoneState
//! ```

mod accounts;
mod answer;
mod call;
mod calls;
mod commands;
mod conference;
mod devices;
mod effect;
mod line;
mod quality;
mod recording;
mod reoffer;
mod state;
mod trial;
mod voice;

#[cfg(test)]
mod tests;

pub(crate) use call::Entry as CallEntry;
#[cfg(test)]
pub(crate) use call::{Exchange, Stage};
pub(crate) use effect::{AgentOrder, Effect, Key, LineOrder, SecretOrder};
pub(crate) use line::LineEvent;

use std::{path::PathBuf, time::Instant};

use crate::{
    account::Profile,
    complaints::Complaints,
    contract::{AccountId, CallId, HistoryRow, InUse, Prefer, Settings, Timestamp},
    fault::{Code, Fault},
    words::Words,
};
use line::Entry as AccountEntry;
use trial::Trial;

/// The most calls that wait to be answered; more are told that we are busy (CONFORMANCE S24).
const MOST_WAITING: usize = 2;
/// The most calls at once.
const MOST_CALLS: usize = 16;

/// One moment, on the clock that decides and on the clock that people read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) wall: Timestamp,
}

/// What was kept from the last time, and what this phone can do.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    pub(crate) accounts: Vec<Profile>,
    pub(crate) settings: Settings,
    pub(crate) prefer: Prefer,
    pub(crate) next_account: u64,
    pub(crate) next_history: u64,
    pub(crate) missed: u32,
    pub(crate) problems: Vec<Fault>,
    /// Where recordings go, where there can be any.
    pub(crate) recordings: Option<PathBuf>,
    /// Can there be a practice line?
    pub(crate) practice: bool,
    /// Are the secrets of the accounts known already (a phone from flags)?
    pub(crate) for_this_run: bool,
}

/// What the phone knows.
pub(crate) struct Switchboard {
    accounts: Vec<AccountEntry>,
    calls: Vec<CallEntry>,
    /// The call that is talked on, or all of a conference.
    active: Vec<CallId>,
    devices: DevicesSeen,
    /// What is wrong with the sound of the microphone.
    microphone: Option<Fault>,
    settings: Settings,
    words: Words,
    prefer: Prefer,
    missed: u32,
    history_seq: u64,
    problems: Vec<Fault>,
    trial: Option<Trial>,
    listening: bool,
    next_account: u64,
    next_call: u64,
    next_conference: u64,
    next_history: u64,
    next_test: u64,
    practice_possible: bool,
    recordings: Option<PathBuf>,
    /// The rows of calls that are over and may still get a recording, whose file ends after the call.
    taped: Vec<(CallId, HistoryRow)>,
    sounds: crate::voice::Sounds,
    complaints: Complaints,
    out: Vec<Effect>,
}

/// What the media thread last told of the devices.
#[derive(Debug, Default)]
struct DevicesSeen {
    /// Was anything told yet? They are listed on a thread of their own, after the phone has begun.
    listed: bool,
    all: Vec<media::port::PortDevice>,
    in_use: InUse,
    problem: Option<Fault>,
}

impl Switchboard {
    /// A phone that begins: it brings the enabled accounts on the line.
    pub(crate) fn new(now: Now, beginning: Beginning) -> Self {
        let mut own = Self {
            accounts: Vec::new(),
            calls: Vec::new(),
            active: Vec::new(),
            devices: DevicesSeen::default(),
            microphone: None,
            words: Words::of(&beginning.settings.language),
            settings: beginning.settings,
            prefer: beginning.prefer,
            missed: beginning.missed,
            history_seq: 0,
            problems: beginning.problems,
            trial: None,
            listening: false,
            next_account: beginning.next_account.max(1),
            next_call: 1,
            next_conference: 0,
            next_history: beginning.next_history.max(1),
            next_test: 1,
            practice_possible: beginning.practice,
            recordings: beginning.recordings,
            taped: Vec::new(),
            sounds: crate::voice::Sounds::default(),
            complaints: Complaints::default(),
            out: Vec::new(),
        };
        own.effect(Effect::Voice(crate::voice::Order::Prefer(own.prefer.clone())));
        own.effect(Effect::Voice(crate::voice::Order::Clean(own.clean())));
        own.effect(Effect::Voice(crate::voice::Order::Delay(own.settings.delay.into())));
        for profile in beginning.accounts {
            own.bring_up(now, profile, beginning.for_this_run);
        }
        if own.practice_possible && own.settings.practice {
            own.effect(Effect::Practice(true));
        }
        own
    }

    /// What is to be done since the last call of this.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.calls.iter().filter_map(CallEntry::deadline).chain(self.complaints.next_deadline()).min()
    }

    /// Something is wrong with the phone as a whole. It is told once for each code.
    pub(crate) fn problem(&mut self, fault: Fault) {
        self.problems.retain(|own| own.code != fault.code);
        self.problems.push(fault);
    }

    /// Ends all calls and goes off every line; the driver closes the connections.
    pub(crate) fn end_all(&mut self, now: Now) {
        let calls: Vec<CallId> = self.calls.iter().map(|call| call.id.clone()).collect();
        for call in calls {
            self.hangup(now, &call);
        }
    }

    /// May the microphone be opened for the meter? Not during a call, which has it.
    ///
    /// # Errors
    /// `not-now`, `no-such-device`.
    pub(crate) fn may_listen(&self, device: Option<&str>) -> Result<(), Fault> {
        if self.calls.iter().any(|call| !call.is_over()) {
            return Err(Fault::new(Code::NotNow));
        }
        match device {
            Some(id) if id != "default" && !self.is_there(crate::contract::Role::Mic, id) => {
                Err(Fault::new(Code::NoSuchDevice))
            }
            _ => Ok(()),
        }
    }

    /// Our name for a call of an agent.
    pub(crate) fn call_named(&self, account: &AccountId, sip: sip::CallId) -> Option<CallId> {
        self.calls.iter().rfind(|call| call.is_of(account, sip)).map(|call| call.id.clone())
    }

    /// All calls, for those who look from outside.
    #[cfg(test)]
    pub(crate) fn calls(&self) -> &[CallEntry] {
        &self.calls
    }

    /// The calls that are talked on.
    #[cfg(test)]
    pub(crate) fn active(&self) -> &[CallId] {
        &self.active
    }

    /// What the settings say of the sound of the microphone.
    fn clean(&self) -> crate::voice::Clean {
        let Settings { echo, noise, level, .. } = self.settings;
        crate::voice::Clean { echo, noise: noise.into(), level }
    }

    fn solved(&mut self, codes: &[Code]) {
        self.problems.retain(|own| !codes.contains(&own.code));
    }

    fn effect(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    fn account(&self, id: &AccountId) -> Option<&AccountEntry> {
        self.accounts.iter().find(|account| account.profile.id == *id)
    }

    fn account_mut(&mut self, id: &AccountId) -> Option<&mut AccountEntry> {
        self.accounts.iter_mut().find(|account| account.profile.id == *id)
    }

    fn call_mut(&mut self, id: &CallId) -> Option<&mut CallEntry> {
        self.calls.iter_mut().find(|call| call.id == *id)
    }

    fn call_of(&mut self, account: &AccountId, sip: sip::CallId) -> Option<&mut CallEntry> {
        self.calls.iter_mut().rfind(|call| call.is_of(account, sip))
    }
}
