//! Accounts: added, changed, removed, brought on the line and off it.

use super::{AccountEntry, Effect, Key, LineEvent, LineOrder, Now, SecretOrder, Switchboard, line::Line};
use crate::{
    account::Profile,
    contract::{AccountId, AccountWish, ConnectStep, ConnectWhy, Keep, Notice, Ok, SecretState, TestId},
    fault::{self, Code, Fault},
    secret::{SecretError, SecretKind},
};

/// The most accounts.
const MOST_ACCOUNTS: usize = 16;

impl Switchboard {
    /// An account from the store or from flags; its password is fetched first.
    pub(super) fn bring_up(&mut self, now: Now, profile: Profile, secret_known: bool) {
        let id = profile.id.clone();
        let secret = if secret_known { SecretState::Run } else { SecretState::Missing };
        self.accounts.push(AccountEntry::new(profile, secret, now));
        if secret_known {
            self.open_line(now, &id, ConnectWhy::Start);
        } else {
            if let Some(account) = self.account_mut(&id)
                && account.profile.enabled
            {
                account.line = Line::Connecting { step: ConnectStep::Find, since: now.wall };
            }
            self.effect(Effect::Secret(id, SecretOrder::Load));
        }
    }

    pub(super) fn add_account(&mut self, now: Now, mut wish: AccountWish) -> Result<Ok, Fault> {
        if wish.account.is_some() {
            return Err(Fault::new(Code::BadCommand).detail("a new account has no id yet"));
        }
        if self.accounts.len() >= MOST_ACCOUNTS {
            return Err(Fault::new(Code::AccountLimit));
        }
        let id = AccountId::from(format!("a{}", self.next_account));
        let mut profile = Profile::from_wish(&wish, None)?;
        profile.id = id.clone();
        if self.accounts.iter().any(|own| own.profile.is_same_line(&profile)) {
            return Err(Fault::new(Code::AccountExists));
        }
        self.next_account += 1;
        let (_, secret) = self.keep_typed(&id, &mut wish);
        profile.keeps_secret = secret == Some(SecretState::Stored);
        self.effect(Effect::Save(Box::new(profile.clone())));
        self.accounts.push(AccountEntry::new(profile, secret.unwrap_or(SecretState::Missing), now));
        self.open_line(now, &id, ConnectWhy::Asked);
        Ok(Ok { account: Some(id), ..Ok::default() })
    }

    pub(super) fn change_account(&mut self, now: Now, mut wish: AccountWish) -> Result<Ok, Fault> {
        let id = wish.account.clone().ok_or_else(|| Fault::new(Code::BadCommand).detail("which account is missing"))?;
        let before = self.account(&id).ok_or_else(|| Fault::new(Code::NoSuchAccount))?.profile.clone();
        if id.is_practice() {
            return Err(Fault::new(Code::NotNow));
        }
        let mut profile = self.profile_of_known(&wish, &before)?;
        let (typed, password) = self.keep_typed(&id, &mut wish);
        if let Some(state) = password {
            profile.keeps_secret = state == SecretState::Stored;
        }
        let reopen = typed || !profile.is_same_connection(&before);
        if let Some(account) = self.account_mut(&id) {
            account.profile = profile.clone();
            account.secret = password.unwrap_or(account.secret);
        }
        self.effect(Effect::Save(Box::new(profile.clone())));
        match (profile.enabled, reopen || !before.enabled) {
            (true, true) => {
                self.hang_up_all_of(now, &id);
                self.open_line(now, &id, ConnectWhy::Asked);
            }
            (false, _) => {
                self.hang_up_all_of(now, &id);
                self.close_line(&id);
            }
            (true, false) => {}
        }
        Ok(Ok { account: Some(id), ..Ok::default() })
    }

    /// A known account as it is wished for. What is kept for one server is not shown to another: its password is asked for
    /// anew (CONFORMANCE S1).
    pub(super) fn profile_of_known(&self, wish: &AccountWish, before: &Profile) -> Result<Profile, Fault> {
        let profile = Profile::from_wish(wish, Some(before))?;
        let has_password = self.account(&before.id).is_some_and(|own| own.secret != SecretState::Missing);
        match profile.shown_anew(before, has_password, wish) {
            Some(host) => Err(Fault::new(Code::PasswordAnew).with("host", host)),
            None => Ok(profile),
        }
    }

    /// The secrets of a wish go to the keychain or into this run. Says whether there were any, and where the SIP password
    /// is then.
    fn keep_typed(&mut self, id: &AccountId, wish: &mut AccountWish) -> (bool, Option<SecretState>) {
        let keep = wish.keep.unwrap_or(Keep::Keychain);
        let state = match keep {
            Keep::Keychain => SecretState::Stored,
            Keep::Run => SecretState::Run,
        };
        let secrets = wish.take_secrets();
        let (typed, password) = (!secrets.is_empty(), secrets.iter().any(|(kind, _)| *kind == SecretKind::Sip));
        for (kind, secret) in secrets {
            self.effect(Effect::Secret(id.clone(), SecretOrder::Keep(kind, secret, keep)));
        }
        (typed, password.then_some(state))
    }

    pub(super) fn remove_account(&mut self, now: Now, id: &AccountId) -> Result<Ok, Fault> {
        if self.account(id).is_none() {
            return Err(Fault::new(Code::NoSuchAccount));
        }
        if id.is_practice() {
            self.settings.practice = false;
            self.effect(Effect::Settings(self.settings.clone()));
            self.practice_gone(now);
            return Ok(Ok::default());
        }
        self.take_away(now, id);
        self.effect(Effect::Secret(id.clone(), SecretOrder::Delete));
        self.effect(Effect::Forget(id.clone()));
        if self.settings.default_account.as_ref() == Some(id) {
            self.settings.default_account = None;
            self.effect(Effect::Settings(self.settings.clone()));
        }
        Ok(Ok::default())
    }

    /// Ends the calls of an account and its line, and forgets it.
    fn take_away(&mut self, now: Now, id: &AccountId) {
        self.hang_up_all_of(now, id);
        self.effect(Effect::Line(Key::Account(id.clone()), LineOrder::Close));
        self.effect(Effect::Ready { account: id.clone(), ways: None });
        self.accounts.retain(|own| own.profile.id != *id);
    }

    /// Ends the calls of an account: the agent that knows them goes.
    fn hang_up_all_of(&mut self, now: Now, id: &AccountId) {
        let calls: Vec<_> = self.calls.iter().filter(|call| call.account == *id).map(|call| call.id.clone()).collect();
        for call in calls {
            self.hangup(now, &call);
        }
    }

    pub(super) fn register(&mut self, now: Now, id: &AccountId) {
        let Some(account) = self.account_mut(id) else { return };
        let connects = matches!(account.line, Line::Connecting { .. } | Line::Retrying { .. });
        if account.is_registered() || (connects && account.secret != SecretState::Missing) {
            // Its calls outlive the connection, and the agent that has them stays.
            (account.why, account.moved) = (ConnectWhy::Asked, true);
            account.line = Line::Connecting { step: ConnectStep::Find, since: now.wall };
            return self.effect(Effect::Line(Key::Account(id.clone()), LineOrder::Reconnect));
        }
        let was_enabled = std::mem::replace(&mut account.profile.enabled, true);
        let profile = account.profile.clone();
        if !was_enabled && !profile.id.is_practice() {
            self.effect(Effect::Save(Box::new(profile)));
        }
        if self.account(id).is_some_and(|account| account.secret == SecretState::Missing) {
            // The keychain may have been opened meanwhile.
            return self.effect(Effect::Secret(id.clone(), SecretOrder::Load));
        }
        self.open_line(now, id, ConnectWhy::Asked);
    }

    pub(super) fn unregister(&mut self, now: Now, id: &AccountId) {
        self.hang_up_all_of(now, id);
        let Some(account) = self.account_mut(id) else { return };
        account.profile.enabled = false;
        let profile = account.profile.clone();
        if !profile.id.is_practice() {
            self.effect(Effect::Save(Box::new(profile)));
        }
        self.close_line(id);
    }

    /// Connects the line of an account, again if it has one.
    pub(super) fn open_line(&mut self, now: Now, id: &AccountId, why: ConnectWhy) {
        let Some(account) = self.account_mut(id) else { return };
        if !account.profile.enabled {
            account.line = Line::Off;
            return;
        }
        account.why = why;
        account.suspect = None;
        account.line = Line::Connecting { step: ConnectStep::Find, since: now.wall };
        let profile = Box::new(account.profile.clone());
        self.effect(Effect::Line(Key::Account(id.clone()), LineOrder::Open { profile, typed: Vec::new() }));
    }

    fn close_line(&mut self, id: &AccountId) {
        if let Some(account) = self.account_mut(id) {
            (account.line, account.security, account.suspect) = (Line::Off, None, None);
        }
        self.effect(Effect::Line(Key::Account(id.clone()), LineOrder::Close));
        self.effect(Effect::Ready { account: id.clone(), ways: None });
    }

    /// The link or the agent of an account told something.
    pub(crate) fn on_line(&mut self, now: Now, id: &AccountId, event: LineEvent) {
        let (up, registered) = (matches!(event, LineEvent::Up { .. }), matches!(event, LineEvent::Registered { .. }));
        let Some(account) = self.account_mut(id) else { return };
        let before = account.profile.digest.clone();
        account.take(now, event);
        let loopback = account.is_loopback();
        let profile = Box::new(account.profile.clone());
        if profile.digest != before && !id.is_practice() {
            self.effect(Effect::Save(profile.clone()));
        }
        if up && profile.enabled {
            self.effect(Effect::Ready { account: id.clone(), ways: Some((profile, loopback)) });
        }
        if registered && self.account_mut(id).is_some_and(|account| std::mem::take(&mut account.moved)) {
            self.tell_calls_anew(id);
        }
    }

    /// The network of this machine is another one: nothing that was bound to the old one is believed (R5).
    pub(crate) fn network_changed(&mut self, now: Now) {
        for account in &mut self.accounts {
            if account.profile.enabled && !matches!(account.line, Line::Failed { .. }) && !account.is_loopback() {
                (account.why, account.moved) = (ConnectWhy::NetworkChanged, true);
                account.line = Line::Connecting { step: ConnectStep::Find, since: now.wall };
                self.out.push(Effect::Line(Key::Account(account.profile.id.clone()), LineOrder::Reconnect));
            }
        }
        for call in &mut self.calls {
            if call.is_up() && self.accounts.iter().any(|own| own.profile.id == call.account && !own.is_loopback()) {
                call.pending = Some(super::call::Change::Restart);
            }
        }
    }

    /// The keychain answered what is kept of an account.
    pub(crate) fn secret_loaded(&mut self, now: Now, id: &AccountId, found: Result<(), SecretError>) {
        let Some(account) = self.account_mut(id) else { return };
        match found {
            Ok(()) => {
                account.secret = SecretState::Stored;
                self.solved(&[Code::NoKeychain, Code::KeychainLocked]);
                self.open_line(now, id, ConnectWhy::Start);
            }
            Err(error) => {
                account.secret = SecretState::Missing;
                let keychain = fault::of_secret(&error);
                // Some servers want no password; but a person who has one shall be asked before the server refuses.
                if account.profile.enabled {
                    account.line = Line::Failed { fault: Fault::new(Code::PasswordNeeded) };
                }
                if !matches!(error, SecretError::NotFound) {
                    self.problem(keychain);
                }
            }
        }
    }

    /// The keychain kept a password, or could not.
    pub(crate) fn secret_kept(&mut self, id: &AccountId, kept: Result<(), SecretError>) {
        match kept {
            Ok(()) => self.solved(&[Code::NoKeychain, Code::KeychainLocked]),
            Err(error) => {
                self.problem(fault::of_secret(&error));
                // It holds for this run.
                if let Some(account) = self.account_mut(id) {
                    account.secret = SecretState::Run;
                    account.profile.keeps_secret = false;
                    let profile = Box::new(account.profile.clone());
                    self.effect(Effect::Save(profile));
                }
            }
        }
    }

    /// The practice line runs: it is the first account.
    pub(crate) fn practice_up(&mut self, now: Now, profile: Profile) {
        let id = profile.id.clone();
        self.accounts.retain(|own| own.profile.id != id);
        self.accounts.insert(0, AccountEntry::new(profile, SecretState::Run, now));
        self.open_line(now, &id, ConnectWhy::Start);
    }

    /// It does not.
    pub(crate) fn practice_failed(&mut self, detail: &str) {
        let fault = Fault::new(Code::PracticeFailed).detail(detail);
        let error = self.words.error(&fault);
        self.problem(fault);
        self.effect(Effect::Notice(Notice::PracticeStopped { error }));
    }

    pub(super) fn practice_gone(&mut self, now: Now) {
        self.take_away(now, &AccountId::practice());
        self.effect(Effect::Practice(false));
    }

    /// Trusts a certificate that was shown, and only that one (CONFORMANCE S11).
    pub(super) fn trust(
        &mut self,
        now: Now,
        account: Option<AccountId>,
        test: Option<TestId>,
        sha256: &str,
    ) -> Result<Ok, Fault> {
        let shown = |fault: &Fault| fault.cert.as_ref().is_some_and(|cert| cert.sha256 == sha256);
        match (account, test) {
            (Some(id), None) => {
                let account = self.account_mut(&id).ok_or_else(|| Fault::new(Code::NoSuchAccount))?;
                match &account.line {
                    Line::Failed { fault } if shown(fault) => {}
                    _ => return Err(Fault::new(Code::NoSuchCertificate)),
                }
                account.profile.pin = Some(sha256.to_owned());
                let profile = Box::new(account.profile.clone());
                self.effect(Effect::Save(profile));
                self.open_line(now, &id, ConnectWhy::Asked);
                Ok(Ok { account: Some(id), ..Ok::default() })
            }
            (None, Some(id)) => {
                let fits = self.trial.as_ref().is_some_and(|trial| trial.id == id && trial.fault().is_some_and(shown));
                if !fits {
                    return Err(Fault::new(Code::NoSuchCertificate));
                }
                Ok(Ok { test: Some(id), pin: Some(sha256.to_owned()), ..Ok::default() })
            }
            _ => Err(Fault::new(Code::BadCommand).detail("name the account or the test")),
        }
    }
}
