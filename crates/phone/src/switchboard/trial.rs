//! A test of an account: the steps of getting on the line, one by one, with a line of its own that is left afterwards.

use std::time::Instant;

use super::{Effect, Key, LineEvent, LineOrder, Now, Switchboard};
use crate::{
    account::Profile,
    contract::{AccountId, AccountWish, Ok, StepResult, Test, TestId, TestStep},
    fault::{Code, Fault},
    words::Words,
};

/// The test that was made last.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(super) id: TestId,
    account: Option<AccountId>,
    profile: Box<Profile>,
    steps: Vec<Step>,
    done: bool,
}

#[derive(Debug)]
struct Step {
    step: TestStep,
    begun: Instant,
    ms: Option<u32>,
    skipped: bool,
    fault: Option<Fault>,
}

impl Trial {
    /// What it failed of.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.steps.iter().find_map(|step| step.fault.as_ref())
    }

    fn begin(&mut self, now: Now, step: TestStep) {
        if self.steps.last().is_some_and(|last| last.step == step) {
            return;
        }
        self.finish(now);
        self.steps.push(Step { step, begun: now.instant, ms: None, skipped: false, fault: None });
    }

    fn finish(&mut self, now: Now) {
        if let Some(last) = self.steps.last_mut()
            && last.ms.is_none()
        {
            let taken = now.instant.saturating_duration_since(last.begun).as_millis();
            last.ms = Some(u32::try_from(taken).unwrap_or(u32::MAX));
        }
    }

    fn fail(&mut self, fault: Fault) {
        if let Some(last) = self.steps.last_mut() {
            last.fault = Some(fault);
        }
        self.done = true;
    }

    /// The test as listeners see it.
    pub(crate) fn shown(&self, words: &Words) -> Test {
        let step = |step: &Step| StepResult {
            step: step.step,
            ms: step.ms,
            skipped: step.skipped,
            error: step.fault.as_ref().map(|fault| words.error(fault)),
        };
        Test {
            id: self.id.clone(),
            account: self.account.clone(),
            steps: self.steps.iter().map(step).collect(),
            done: self.done,
        }
    }
}

impl Switchboard {
    pub(super) fn test_account(&mut self, now: Now, mut wish: AccountWish) -> Result<Ok, Fault> {
        let account = wish.account.clone();
        let mut profile = match &account {
            Some(id) => {
                let before = self.account(id).ok_or_else(|| Fault::new(Code::NoSuchAccount))?;
                self.profile_of_known(&wish, &before.profile)?
            }
            None => Profile::from_wish(&wish, None)?,
        };
        let id = TestId::from(format!("t{}", self.next_test));
        self.next_test += 1;
        if account.is_none() {
            profile.id = AccountId::from(id.as_str());
        }
        profile.enabled = true;
        if let Some(before) = self.trial.take().filter(|before| !before.done) {
            self.effect(Effect::Line(Key::Test(before.id), LineOrder::Close));
        }
        let typed = wish.take_secrets();
        let profile = Box::new(profile);
        let mut trial = Trial { id: id.clone(), account, profile: profile.clone(), steps: Vec::new(), done: false };
        trial.begin(now, TestStep::Find);
        self.trial = Some(trial);
        self.effect(Effect::Line(Key::Test(id.clone()), LineOrder::Open { profile, typed }));
        Ok(Ok { test: Some(id), ..Ok::default() })
    }

    /// The line of a test told something.
    pub(crate) fn on_test_line(&mut self, now: Now, id: &TestId, event: LineEvent) {
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.id == *id && !trial.done) else { return };
        let over = match event {
            LineEvent::Step(step) => {
                trial.begin(now, step.into());
                false
            }
            LineEvent::Up { .. } => {
                trial.begin(now, TestStep::Register);
                false
            }
            LineEvent::Registered { .. } => {
                trial.begin(now, TestStep::Sound);
                let servers = trial.profile.stun.clone();
                if servers.is_empty() {
                    if let Some(last) = trial.steps.last_mut() {
                        last.skipped = true;
                    }
                    trial.done = true;
                } else {
                    self.out.push(Effect::Stun { test: id.clone(), servers });
                }
                true
            }
            LineEvent::Down { fault, .. } | LineEvent::Refused { fault, .. } => {
                trial.fail(fault);
                true
            }
            LineEvent::Proof { .. } | LineEvent::Suspect | LineEvent::Unregistered => false,
        };
        if over {
            self.effect(Effect::Line(Key::Test(id.clone()), LineOrder::Close));
        }
    }

    /// The STUN servers of a test answered, or did not.
    pub(crate) fn on_stun(&mut self, now: Now, id: &TestId, answered: Result<(), Fault>) {
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.id == *id && !trial.done) else { return };
        match answered {
            Ok(()) => trial.finish(now),
            Err(fault) => trial.fail(fault),
        }
        trial.done = true;
    }
}
