//! Which device is open for which role: opened when it is needed, closed when not, and another one taken when it is lost
//! (R17). A device that is missing or lost is a problem to tell, never the end of a call.

use std::time::Instant;

use media::port::{DeviceKind, Health, PortDevice, PortError};
use tokio::sync::mpsc;

use super::{
    bells::{Bells, beside},
    choice::{Choice, Question, direction},
    desk::{Desk, Told},
    order::{Clean, Happened},
    slot::{Open, Slot, drop_aside, lose},
    streams::{Microphone, Speaker},
};
use crate::contract::{InUse, Prefer, Role};

/// Which roles are needed now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) mic: bool,
    pub(super) speaker: bool,
    pub(super) ringer: bool,
    /// The microphone to meter, where it is not the preferred one.
    pub(super) listen: Option<String>,
}

/// All devices.
pub(super) struct Devices {
    desk: Desk,
    tell: mpsc::UnboundedSender<Happened>,
    /// Nothing before the first look.
    list: Option<Vec<PortDevice>>,
    list_error: Option<PortError>,
    prefer: Prefer,
    clean: Clean,
    needs: Needs,
    mic: Slot<Microphone>,
    speaker: Slot<Speaker>,
    ringer: Slot<Speaker>,
    bells: Bells,
    /// The headset that was in use and is gone, while nothing else was chosen since (R17).
    headset_lost: Option<String>,
    told: Option<Report>,
}

/// What is told of the devices.
#[derive(Clone, PartialEq)]
struct Report {
    all: Vec<PortDevice>,
    in_use: InUse,
    problem: Option<(Role, PortError)>,
}

/// The role's slot, whatever streams it holds.
macro_rules! each_slot {
    ($own:ident, $role:expr, $slot:ident => $do:expr) => {
        match $role {
            Role::Mic => {
                let $slot = &mut $own.mic;
                $do
            }
            Role::Speaker => {
                let $slot = &mut $own.speaker;
                $do
            }
            Role::Ringer => {
                let $slot = &mut $own.ringer;
                $do
            }
        }
    };
}

impl Devices {
    pub(super) fn new(desk: Desk, tell: mpsc::UnboundedSender<Happened>) -> Self {
        Self {
            desk,
            tell,
            list: None,
            list_error: None,
            prefer: Prefer::default(),
            clean: Clean::default(),
            needs: Needs::default(),
            mic: Slot::new(),
            speaker: Slot::new(),
            ringer: Slot::new(),
            bells: Bells::default(),
            headset_lost: None,
            told: None,
        }
    }

    /// The open microphone.
    pub(super) fn microphone(&mut self) -> Option<&mut Microphone> {
        self.mic.open.as_mut().map(|open| &mut open.stream)
    }

    /// The open speaker.
    pub(super) fn speaker(&mut self) -> Option<&mut Speaker> {
        self.speaker.open.as_mut().map(|open| &mut open.stream)
    }

    /// The open ringer.
    pub(super) fn ringer(&mut self) -> Option<&mut Speaker> {
        self.ringer.open.as_mut().map(|open| &mut open.stream)
    }

    /// The devices that ring beside it.
    pub(super) fn bells(&mut self) -> &mut Bells {
        &mut self.bells
    }

    /// Is any device open?
    pub(super) fn any_open(&self) -> bool {
        self.mic.open.is_some() || self.speaker.open.is_some() || self.ringer.open.is_some()
    }

    /// The person chose.
    pub(super) fn prefer(&mut self, now: Instant, prefer: Prefer) {
        if prefer.speaker != self.prefer.speaker {
            self.headset_lost = None;
        }
        self.prefer = prefer;
        self.mic.forgive();
        self.speaker.forgive();
        self.ringer.forgive();
        self.settle(now);
    }

    /// What is to be done to the sound of the microphone.
    pub(super) fn clean(&mut self, clean: Clean) {
        self.clean = clean;
        self.set_processing();
    }

    /// What the speaker was just given may be heard by the microphone.
    pub(super) fn refer(&mut self, now: Instant) {
        if let (Some(speaker), Some(mic)) = (&self.speaker.open, &mut self.mic.open) {
            mic.stream.refer(now, &speaker.stream);
        }
    }

    fn set_processing(&mut self) {
        let (clean, worn) = (self.clean, self.headset().is_some());
        if let Some(mic) = self.microphone() {
            mic.clean(clean, worn);
        }
    }

    /// What is needed now.
    pub(super) fn need(&mut self, now: Instant, needs: Needs) {
        if needs != self.needs {
            self.needs = needs;
            self.settle(now);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.mic.deadline(), self.speaker.deadline(), self.ringer.deadline()].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            for role in [Role::Mic, Role::Speaker, Role::Ringer] {
                each_slot!(self, role, slot => slot.handle_timeout(now));
            }
            self.settle(now);
        }
    }

    /// The desk has news.
    pub(super) fn told(&mut self, now: Instant, told: Told) {
        match told {
            Told::Listed(listed) => self.listed(listed),
            Told::Microphone { ticket, opened } => {
                let (clean, worn) = (self.clean, self.headset().is_some());
                let made = opened.and_then(|stream| Microphone::new(stream, clean, worn));
                let old = self.opened(now, Role::Mic, ticket, made, |own| &mut own.mic);
                drop_aside(old);
            }
            Told::Bell { ticket, opened } => self.bells.opened(now, ticket, opened),
            Told::Speaker { role, ticket, opened } => {
                let made = opened.and_then(|stream| Speaker::new(now, stream));
                let slot: fn(&mut Self) -> &mut Slot<Speaker> =
                    if role == Role::Ringer { |own| &mut own.ringer } else { |own| &mut own.speaker };
                let old = self.opened(now, role, ticket, made, slot);
                drop_aside(old);
                if self.headset().is_some() {
                    self.headset_lost = None;
                }
            }
        }
        self.settle(now);
        self.set_processing();
    }

    /// Looks whether what is open still delivers.
    pub(super) fn check(&mut self, now: Instant) {
        let mut lost = false;
        if let Some(Health::Lost(why)) = self.microphone().map(|own| own.stream.health(now)) {
            lost |= lose(now, &mut self.mic, why);
        }
        if let Some(Health::Lost(why)) = self.speaker().map(|own| own.stream.health(now)) {
            self.headset_lost = self.headset().or(self.headset_lost.take());
            lost |= lose(now, &mut self.speaker, why);
        }
        if let Some(Health::Lost(why)) = self.ringer().map(|own| own.stream.health(now)) {
            lost |= lose(now, &mut self.ringer, why);
        }
        if lost {
            self.desk.list();
            self.settle(now);
            self.set_processing();
        }
    }

    fn listed(&mut self, listed: Result<Vec<PortDevice>, PortError>) {
        match listed {
            Ok(list) => {
                if let Some(worn) = self.headset()
                    && list.iter().all(|device| device.id != worn)
                {
                    self.headset_lost = Some(worn);
                }
                for role in [Role::Mic, Role::Speaker, Role::Ringer] {
                    each_slot!(self, role, slot => slot.listed(|id| list.iter().any(|device| device.id == id)));
                }
                (self.list, self.list_error) = (Some(list), None);
            }
            Err(error) => self.list_error = Some(error),
        }
    }

    /// The speaker in use, if that is worn.
    fn headset(&self) -> Option<String> {
        let (open, list) = (self.speaker.device()?, self.list.as_ref()?);
        let is_worn = |own: &PortDevice| {
            own.direction == direction(Role::Speaker) && own.id == open && own.kind == DeviceKind::Headset
        };
        list.iter().any(is_worn).then(|| open.to_owned())
    }

    /// Takes what was opened into use. Gives back what was in use before.
    fn opened<S>(
        &mut self,
        now: Instant,
        role: Role,
        ticket: u64,
        made: Result<(String, S), PortError>,
        slot: fn(&mut Self) -> &mut Slot<S>,
    ) -> Option<S> {
        let known = self.list.is_some();
        let own = slot(self);
        let (_, mut choice) = own.opening.take_if(|(waited, _)| *waited == ticket)?;
        match made {
            Err(why) => {
                tracing::warn!(?role, ?choice, %why, "a sound device does not open");
                own.failed(now, choice.device, why);
                None
            }
            Ok((device, stream)) => {
                tracing::info!(?role, device, "a sound device is open");
                (own.problem, own.retry_at) = (None, None);
                if known && choice == Choice::UNKNOWN {
                    choice.device = Some(device.clone());
                }
                let other = own.last.replace(device.clone()).is_some_and(|last| last != device);
                let changed = std::mem::take(&mut own.told_none) || other;
                let old = own.open.replace(Open { stream, choice, device: device.clone() });
                if changed {
                    let _ = self.tell.send(Happened::DeviceChanged { role, device: Some(device) });
                }
                old.map(|old| old.stream)
            }
        }
    }

    /// Opens and closes until what is open is what is needed and preferred.
    fn settle(&mut self, now: Instant) {
        if !self.needs.speaker {
            self.headset_lost = None;
        }
        // The ear first: a microphone that hangs would hold it up.
        for (role, needed) in
            [(Role::Speaker, self.needs.speaker), (Role::Ringer, self.needs.ringer), (Role::Mic, self.needs.mic)]
        {
            if needed {
                self.aim(now, role);
            } else {
                self.desk.cancel(role);
                each_slot!(self, role, slot => drop_aside(slot.close()));
            }
        }
        let wanted = if self.needs.ringer { self.beside(now) } else { Vec::new() };
        self.bells.settle(&wanted, &mut self.desk);
        self.report(now);
    }

    /// Those that ring beside the ringer, now or when it does.
    fn beside(&self, now: Instant) -> Vec<String> {
        let ringer = self.ringer.device().map(str::to_owned);
        let ringer = ringer.or_else(|| self.choose(now, Role::Ringer).and_then(|choice| choice.device));
        beside(ringer.as_deref(), &self.prefer.also_ring, self.list.as_deref().unwrap_or_default())
    }

    fn aim(&mut self, now: Instant, role: Role) {
        let choice = self.choose(now, role);
        let lost = self.headset_lost.clone().filter(|_| role == Role::Speaker);
        let known = self.list.is_some();
        each_slot!(self, role, slot => {
            let Some(choice) = choice else {
                if known && slot.problem.is_none() {
                    slot.problem = Some(lost.map_or(PortError::NoDevice, PortError::Gone));
                }
                if slot.opening.take().is_some() {
                    self.desk.cancel(role);
                }
                drop_aside(slot.open.take().map(|open| open.stream));
                if slot.last.is_some() && !std::mem::replace(&mut slot.told_none, true) {
                    let _ = self.tell.send(Happened::DeviceChanged { role, device: None });
                }
                if !slot.avoided(now).is_empty() {
                    slot.exhausted(now);
                }
                return;
            };
            if slot.open.as_ref().is_some_and(|open| open.choice == choice) {
                // Another one that failed meanwhile troubles nobody.
                slot.problem = None;
                if slot.opening.take().is_some() {
                    self.desk.cancel(role);
                }
            } else if choice.device.is_none() && slot.retry_at.is_some_and(|at| at > now) {
                // It failed, and there is no list yet to take another one from.
            } else if choice.open.is_none() && slot.opening.as_ref().is_some_and(|(_, own)| *own == Choice::UNKNOWN) {
                // The system's default was asked for before the list came, and it is still on its way.
            } else if slot.opening.as_ref().is_none_or(|(_, waited)| *waited != choice) {
                slot.opening = Some((self.desk.open(role, choice.open.clone()), choice));
            }
        });
    }

    /// The device to use for a role. Before the first list, the system's default.
    fn choose(&self, now: Instant, role: Role) -> Option<Choice> {
        let Some(devices) = &self.list else {
            return self.list_error.is_none().then_some(Choice::UNKNOWN);
        };
        let listen = self.needs.listen.as_ref().map(std::slice::from_ref);
        let (prefer, avoid, current) = match role {
            Role::Mic => (listen.unwrap_or(&self.prefer.mic), self.mic.avoided(now), self.mic.device()),
            Role::Speaker => (&self.prefer.speaker[..], self.speaker.avoided(now), self.speaker.device()),
            Role::Ringer => (&self.prefer.ringer[..], self.ringer.avoided(now), self.ringer.device()),
        };
        let discreet = role == Role::Speaker;
        let lost = self.headset_lost.as_deref().filter(|_| discreet);
        let worn = discreet && self.headset().is_some();
        Question { devices, direction: direction(role), prefer, avoid, discreet, lost, worn, current }.answer()
    }

    /// Tells what changed.
    fn report(&mut self, now: Instant) {
        let Some(all) = self.list.clone().or_else(|| self.list_error.is_some().then(Vec::new)) else { return };
        // What is tried again is not in use before it opens.
        let used = |role, open: Option<&str>, troubled: bool| {
            let would = || self.choose(now, role).filter(|_| !troubled).and_then(|choice| choice.device);
            open.map(str::to_owned).or_else(would)
        };
        let in_use = InUse {
            mic: used(Role::Mic, self.mic.device(), self.mic.problem.is_some()),
            speaker: used(Role::Speaker, self.speaker.device(), self.speaker.problem.is_some()),
            ringer: used(Role::Ringer, self.ringer.device(), self.ringer.problem.is_some()),
            also_ring: self.beside(now),
        };
        let problem = [
            (Role::Mic, self.mic.problem.clone()),
            (Role::Speaker, self.speaker.problem.clone()),
            (Role::Ringer, self.ringer.problem.clone()),
        ]
        .into_iter()
        .find_map(|(role, problem)| Some((role, problem?)))
        .or_else(|| self.missing(&all));
        let report = Report { all, in_use, problem };
        if self.told.as_ref() != Some(&report) {
            let Report { all, in_use, problem } = report.clone();
            let _ = self.tell.send(Happened::Devices { all, in_use, problem });
            self.told = Some(report);
        }
    }

    /// A phone that nobody could talk into says so before anybody tries.
    fn missing(&self, all: &[PortDevice]) -> Option<(Role, PortError)> {
        [Role::Mic, Role::Speaker]
            .into_iter()
            .find(|role| all.iter().all(|device| device.direction != direction(*role)))
            .map(|role| (role, self.list_error.clone().unwrap_or(PortError::NoDevice)))
    }
}
