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
    /// A headset was in use: loud speakers need to be asked for by name (R17).
    pub(super) quiet: bool,
    /// What is in use now, to stay with where nothing is better.
    pub(super) current: Option<&'a str>,
}

impl Question<'_> {
    /// The device, if there is one that may be used.
    pub(super) fn answer(&self) -> Option<Choice> {
        let fits =
            |device: &&PortDevice| device.direction == self.direction && !self.avoid.contains(&device.id.as_str());
        let may = |device: &&PortDevice| !self.quiet || device.kind != DeviceKind::Speakers;
        let all = || self.devices.iter().filter(fits);
        let default = all().find(|device| device.is_default).filter(may);
        for wish in self.prefer {
            if wish == DEFAULT {
                if let Some(device) = default {
                    return Some(Choice { open: None, device: Some(device.id.clone()) });
                }
            } else if let Some(device) = all().find(|device| device.id == *wish) {
                return Some(named(device));
            }
        }
        if let Some(device) = default {
            return Some(Choice { open: None, device: Some(device.id.clone()) });
        }
        let current = all().find(|device| Some(device.id.as_str()) == self.current);
        let worn = || all().find(|device| device.kind == DeviceKind::Headset);
        current.filter(may).or_else(worn).or_else(|| all().find(may)).map(named)
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

    fn choose(devices: &[PortDevice], prefer: &[&str], avoid: &[&str], quiet: bool) -> Option<String> {
        let prefer: Vec<String> = prefer.iter().map(|id| (*id).to_owned()).collect();
        let question = Question {
            devices,
            direction: PortDirection::Playback,
            prefer: &prefer,
            avoid: avoid.to_vec(),
            quiet,
            current: None,
        };
        question.answer().and_then(|choice| choice.device)
    }

    #[test]
    fn the_best_one_that_is_there_is_used() {
        let all = [
            device("box", DeviceKind::Speakers, true),
            device("head", DeviceKind::Headset, false),
            device("card", DeviceKind::Other, false),
        ];
        let is = |prefer: &[&str], avoid: &[&str], quiet| choose(&all, prefer, avoid, quiet);
        assert_eq!(is(&["head", "default"], &[], false).as_deref(), Some("head"));
        assert_eq!(is(&["gone", "default"], &[], false).as_deref(), Some("box"));
        assert_eq!(is(&["gone"], &[], false).as_deref(), Some("box"));
        assert_eq!(is(&["default"], &["box"], false).as_deref(), Some("head"));
        assert_eq!(is(&["default"], &["box", "head", "card"], false), None);
        assert_eq!(choose(&[], &["default"], &[], false), None);
    }

    #[test]
    fn after_a_headset_only_a_named_speaker_is_loud() {
        let all = [device("box", DeviceKind::Speakers, true)];
        assert_eq!(choose(&all, &["head", "default"], &[], true), None);
        assert_eq!(choose(&all, &["box"], &[], true).as_deref(), Some("box"));
        let more = [device("box", DeviceKind::Speakers, true), device("card", DeviceKind::Other, false)];
        assert_eq!(choose(&more, &["default"], &[], true).as_deref(), Some("card"));
    }
}
