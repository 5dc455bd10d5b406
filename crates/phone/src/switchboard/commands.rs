//! Commands in. Each is answered at once; what comes of it is in the state.

use super::{Effect, Now, Switchboard, call::Entry};
use crate::{
    contract::{AccountId, Act, CallId, Command, Ok, Settings},
    fault::{Code, Fault},
    voice::Order,
};

impl Switchboard {
    /// Does what a person asks for. `history`, `key`, `watch`, `unwatch`, `listen`, `unlisten` and `state` belong to the listener
    /// that asks and never come here.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(crate) fn command(&mut self, now: Now, command: Command) -> Result<Ok, Fault> {
        match command {
            Command::AddAccount(wish) => self.add_account(now, *wish),
            Command::ChangeAccount(wish) => self.change_account(now, *wish),
            Command::RemoveAccount { account } => self.remove_account(now, &account),
            Command::Register { account } => self.each_account(now, account, Self::register),
            Command::Unregister { account } => self.each_account(now, account, Self::unregister),
            Command::TestAccount(wish) => self.test_account(now, *wish),
            Command::TrustCertificate { account, test, sha256 } => self.trust(now, account, test, &sha256),
            Command::Call { to, account } => self.call(now, &to, account),
            Command::Answer { call } => self.with_call(call, Act::Answer).map(|call| self.answer(now, &call)),
            Command::Decline { call } => self.with_call(call, Act::Decline).map(|call| self.decline(&call)),
            Command::Ignore { call } => self.with_call(call, Act::Ignore).map(|call| self.ignore(&call)),
            Command::Hangup { call } => self.with_call(call, Act::Hangup).map(|call| self.hangup(now, &call)),
            Command::Hold { call } => self.with_call(call, Act::Hold).map(|call| self.hold(now, &call)),
            Command::Resume { call } => self.with_call(call, Act::Resume).map(|call| self.resume(now, &call)),
            Command::Conference { calls } => self.confer(now, calls.as_deref()),
            Command::Leave { call } => self.with_call(call, Act::Leave).map(|call| self.leave(now, &call)),
            Command::Mute { call } => self.with_call(call, Act::Mute).map(|call| self.mute(&call, true)),
            Command::Unmute { call } => self.with_call(call, Act::Mute).map(|call| self.mute(&call, false)),
            Command::Record { call } => {
                self.may_record().and_then(|()| self.with_call(call, Act::Record)).map(|call| self.record(now, &call))
            }
            Command::StopRecording { call } => self.with_recording(call).map(|call| self.stop_recording(&call)),
            Command::Dtmf { call, digits } => self.dtmf(call, digits),
            Command::SetDevice { role, device } => self.set_device(role, device),
            Command::SetDevices { role, devices } => self.set_devices(role, devices),
            Command::AlsoRing { devices } => self.also_ring(devices),
            Command::Set { setting, value } => self.set(now, &setting, value),
            Command::Seen { before } => {
                self.effect(Effect::Seen(before));
                Ok(Ok::default())
            }
            Command::Listen { .. }
            | Command::Unlisten {}
            | Command::History { .. }
            | Command::Key { .. }
            | Command::Watch { .. }
            | Command::Unwatch { .. }
            | Command::State {} => Err(Fault::new(Code::Internal).detail("the command belongs to its listener")),
        }
    }

    fn each_account(
        &mut self,
        now: Now,
        account: Option<AccountId>,
        act: fn(&mut Self, Now, &AccountId),
    ) -> Result<Ok, Fault> {
        let all: Vec<AccountId> = match account {
            Some(account) if self.account(&account).is_some() => vec![account],
            Some(_) => return Err(Fault::new(Code::NoSuchAccount)),
            None => self.accounts.iter().map(|own| own.profile.id.clone()).collect(),
        };
        for account in all {
            act(self, now, &account);
        }
        Ok(Ok::default())
    }

    /// The call that is meant: the one that is named, or the only one for which `act` would work.
    fn with_call(&self, call: Option<CallId>, act: Act) -> Result<CallId, Fault> {
        let fits = |own: &&Entry| match act {
            // Whoever wants a call to end does not care how far it is.
            Act::Hangup => !own.is_over(),
            act => own.can().contains(&act),
        };
        if let Some(id) = call {
            let call = self.calls.iter().find(|own| own.id == id).ok_or_else(|| Fault::new(Code::NoSuchCall))?;
            return if fits(&call) { Ok(id) } else { Err(Fault::new(Code::NotNow)) };
        }
        let fitting: Vec<&Entry> = self.calls.iter().filter(fits).collect();
        match (self.only(&fitting, act), fitting.is_empty()) {
            (Some(id), _) => Ok(id),
            (None, false) => Err(Fault::new(Code::WhichCall)),
            (None, true) if self.calls.iter().any(|own| !own.is_over()) => Err(Fault::new(Code::NotNow)),
            (None, true) => Err(Fault::new(Code::NoSuchCall)),
        }
    }

    fn dtmf(&mut self, call: Option<CallId>, digits: String) -> Result<Ok, Fault> {
        let proper = |key: char| matches!(key, '0'..='9' | 'A'..='D' | 'a'..='d' | '*' | '#' | ',');
        if digits.is_empty() || digits.len() > 64 || !digits.chars().all(proper) {
            // The digits may be a PIN: they are not repeated (S29).
            return Err(Fault::new(Code::BadCommand).detail("digits are 1 to 64 of 0-9 A-D * # and ,"));
        }
        let call = self.with_call(call, Act::Dtmf)?;
        self.effect(Effect::Voice(Order::Dtmf { call: call.clone(), digits: digits.to_ascii_uppercase() }));
        Ok(of_call(call))
    }

    /// Nobody of its conference hears the microphone, or all do.
    pub(super) fn mute(&mut self, id: &CallId, on: bool) -> Ok {
        for call in self.together(id) {
            if let Some(own) = self.call_mut(&call) {
                own.muted = on;
            }
            self.effect(Effect::Voice(Order::Mute { call, on }));
        }
        of_call(id.clone())
    }

    fn ignore(&mut self, id: &CallId) -> Ok {
        if let Some(call) = self.call_mut(id) {
            call.silenced = true;
        }
        self.update_sounds();
        of_call(id.clone())
    }

    /// A setting is a key of [`Settings`]; its value is checked by the type of that key.
    fn set(&mut self, now: Now, setting: &str, value: serde_json::Value) -> Result<Ok, Fault> {
        let bad = || Fault::new(Code::BadSetting).with("setting", crate::party::clean(setting));
        let mut all = serde_json::to_value(&self.settings).map_err(|_| bad())?;
        let place = all.get_mut(setting).ok_or_else(bad)?;
        *place = value;
        let next: Settings = serde_json::from_value(all).map_err(|_| bad())?;
        let known = |tag: &str| tag == "system" || crate::words::LANGUAGES.contains(&tag);
        if !known(&next.language) {
            return Err(bad());
        }
        if let Some(account) = &next.default_account
            && self.account(account).is_none()
        {
            return Err(Fault::new(Code::NoSuchAccount));
        }
        let (clean, before) = (self.clean(), std::mem::replace(&mut self.settings, next));
        if clean != self.clean() {
            self.effect(Effect::Voice(Order::Clean(self.clean())));
        }
        if before.delay != self.settings.delay {
            self.effect(Effect::Voice(Order::Delay(self.settings.delay.into())));
        }
        if before.language != self.settings.language {
            self.words = crate::words::Words::of(&self.settings.language);
        }
        if before.practice != self.settings.practice && self.practice_possible {
            if self.settings.practice {
                self.effect(Effect::Practice(true));
            } else {
                self.practice_gone(now);
            }
        }
        if before != self.settings {
            self.effect(Effect::Settings(self.settings.clone()));
        }
        Ok(Ok::default())
    }
}

/// The answer to a command about a call.
pub(super) fn of_call(call: CallId) -> Ok {
    Ok { call: Some(call), ..Ok::default() }
}
