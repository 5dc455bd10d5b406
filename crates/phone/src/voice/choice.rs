//! Which device is used for a role: what the person prefers, else what the system would take, else any.

use media::port::{DeviceKind, PortDevice, PortDirection};

use crate::contract::Role;

/// The word for what the system would take.
const DEFAULT: &str = "default";

/// A device to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// What to ask the port for; nothing is the system's default.
    pub(super) open: Option<String>,
    /// The device that this is, as far as the list tells.
    pub(super) device: Option<String>,
}

impl Choice {
    /// The default, whatever that is: before the first list.
    pub(super) const UNKNOWN: Self = Self { open: None, device: None };
}

/// What a choice is made by.
pub(super) struct Question<'a> {
    /// All devices there are.
    pub(super) devices: &'a [PortDevice],
    /// Of which direction.
    pub(super) direction: PortDirection,
    /// What the person prefers, the best first.
    pub(super) prefer: &'a [String],
    /// Those that failed lately.
    pub(super) avoid: Vec<&'a str>,
    /// It is for the ear: loud speakers behind a headset are not taken without asking (R17). A ring is to be heard.
    pub(super) discreet: bool,
    /// The headset that was in use and is gone.
    pub(super) lost: Option<&'a str>,
    /// A headset is in use.
    pub(super) worn: bool,
    /// What is in use now, to stay with where nothing is better.
    pub(super) current: Option<&'a str>,
}

impl Question<'_> {
    /// The device, if there is one that may be used.
    pub(super) fn answer(&self) -> Option<Choice> {
        let there = || self.devices.iter().filter(|device| device.direction == self.direction);
        let failed = |device: &PortDevice| self.avoid.contains(&device.id.as_str());
        let is_loud = |device: &PortDevice| device.kind == DeviceKind::Speakers;
        let current = there().find(|device| Some(device.id.as_str()) == self.current);
        let already_loud = current.is_some_and(is_loud);
        // A headset that the person wants before what follows cannot be had. What was chosen once stays in the order, so that to
        // stand behind it is no wish to be loud.
        let mut missed = false;
        for wish in self.prefer.iter().map(String::as_str).chain([DEFAULT]) {
            let by_default = wish == DEFAULT;
            missed |= self.lost.is_some_and(|lost| by_default || lost == wish);
            let Some(device) = there().find(|own| if by_default { own.is_default } else { own.id == wish }) else {
                continue;
            };
            if failed(device) {
                missed |= self.discreet && device.kind == DeviceKind::Headset && !already_loud;
            } else if !is_loud(device) || !(missed || by_default && self.worn) {
                let open = (!by_default).then(|| device.id.clone());
                return Some(Choice { open, device: Some(device.id.clone()) });
            }
        }
        let all = || there().filter(|device| !failed(device));
        let may = |device: &&PortDevice| !is_loud(device) || !(missed || self.worn);
        let worn = || all().find(|device| device.kind == DeviceKind::Headset);
        current.filter(|own| !failed(own)).filter(may).or_else(worn).or_else(|| all().find(may)).map(named)
    }
}

fn named(device: &PortDevice) -> Choice {
    Choice { open: Some(device.id.clone()), device: Some(device.id.clone()) }
}

/// The direction of a role.
pub(super) const fn direction(role: Role) -> PortDirection {
    match role {
        Role::Mic => PortDirection::Capture,
        Role::Speaker | Role::Ringer => PortDirection::Playback,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, kind: DeviceKind, is_default: bool) -> PortDevice {
        PortDevice { id: id.into(), name: id.into(), kind, direction: PortDirection::Playback, is_default }
    }

    fn choose(devices: &[PortDevice], prefer: &[&str], ask: impl FnOnce(&mut Question<'_>)) -> Option<String> {
        let prefer: Vec<String> = prefer.iter().map(|id| (*id).to_owned()).collect();
        let mut question = Question {
            devices,
            direction: PortDirection::Playback,
            prefer: &prefer,
            avoid: Vec::new(),
            discreet: true,
            lost: None,
            worn: false,
            current: None,
        };
        ask(&mut question);
        question.answer().and_then(|choice| choice.device)
    }

    #[test]
    fn the_best_one_that_is_there_is_used() {
        let all = [
            device("box", DeviceKind::Speakers, true),
            device("head", DeviceKind::Headset, false),
            device("card", DeviceKind::Other, false),
        ];
        let is = |prefer: &[&str], failed: &[&'static str]| {
            choose(&all, prefer, |question| question.avoid.extend_from_slice(failed))
        };
        assert_eq!(is(&["head", "default"], &[]).as_deref(), Some("head"));
        assert_eq!(is(&["gone", "default"], &[]).as_deref(), Some("box"));
        assert_eq!(is(&["gone"], &[]).as_deref(), Some("box"));
        assert_eq!(is(&["default"], &["box"]).as_deref(), Some("head"));
        assert_eq!(is(&["default"], &["box", "head", "card"]), None);
        assert_eq!(choose(&[], &["default"], |_| {}), None);
    }

    #[test]
    fn a_headset_is_left_for_loud_speakers_only_where_they_come_first() {
        let all = [device("box", DeviceKind::Speakers, true), device("head", DeviceKind::Headset, false)];
        let worn =
            |prefer: &[&str]| choose(&all, prefer, |question| (question.worn, question.current) = (true, Some("head")));
        assert_eq!(worn(&["default"]).as_deref(), Some("head"));
        assert_eq!(worn(&["box", "head"]).as_deref(), Some("box"));
        let lost = |prefer: &[&str]| choose(&all[..1], prefer, |question| question.lost = Some("head"));
        assert_eq!(lost(&["default"]), None);
        assert_eq!(lost(&["head", "box"]), None);
        assert_eq!(lost(&["default", "box"]), None);
        assert_eq!(lost(&["box", "head"]).as_deref(), Some("box"));
        let more = [all[0].clone(), device("card", DeviceKind::Other, false)];
        assert_eq!(choose(&more, &["default"], |question| question.lost = Some("head")).as_deref(), Some("card"));
    }

    #[test]
    fn a_headset_that_fails_is_not_replaced_by_loud_speakers_behind_it() {
        let all = [device("box", DeviceKind::Speakers, true), device("head", DeviceKind::Headset, false)];
        let failed = |prefer: &[&str], current, discreet| {
            choose(&all, prefer, |question| {
                (question.avoid, question.current, question.discreet) = (vec!["head"], current, discreet);
            })
        };
        assert_eq!(failed(&["head", "default"], None, true), None);
        assert_eq!(failed(&["head", "box"], None, true), None);
        assert_eq!(failed(&["box", "head"], None, true).as_deref(), Some("box"));
        // What nobody asked for in the first place.
        assert_eq!(failed(&["default"], None, true).as_deref(), Some("box"));
        // Loud already, and a ring.
        assert_eq!(failed(&["head", "default"], Some("box"), true).as_deref(), Some("box"));
        assert_eq!(failed(&["head", "default"], None, false).as_deref(), Some("box"));
        // A headset that is the system's default is one too.
        let by_default = [device("box", DeviceKind::Speakers, false), device("head", DeviceKind::Headset, true)];
        assert_eq!(choose(&by_default, &["default"], |question| question.avoid.push("head")), None);
    }
}
