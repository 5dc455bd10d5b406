//! Sound devices.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Error;

/// The sound devices and who uses which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Devices {
    /// All microphones; a chosen one that is gone stays, with `present` false.
    pub microphones: Vec<Device>,
    /// All speakers, likewise.
    pub speakers: Vec<Device>,
    /// What would be used now, or is.
    pub in_use: InUse,
    /// What the person prefers.
    pub prefer: Prefer,
    /// What is wrong with them.
    pub problem: Option<Error>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its id, stable over restarts.
    pub id: String,
    /// What the system calls it.
    pub name: String,
    /// What sort of thing it is.
    pub kind: DeviceKind,
    /// Is it there?
    pub present: bool,
}

/// What sort of thing a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Worn.
    Headset,
    /// Loud.
    Speakers,
    /// Neither, or unknown.
    Other,
}

impl From<media::port::DeviceKind> for DeviceKind {
    fn from(kind: media::port::DeviceKind) -> Self {
        match kind {
            media::port::DeviceKind::Headset => Self::Headset,
            media::port::DeviceKind::Speakers => Self::Speakers,
            media::port::DeviceKind::Other => Self::Other,
        }
    }
}

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// To talk into.
    Mic,
    /// To listen to.
    Speaker,
    /// To ring.
    Ringer,
}

/// The device of each role; null when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "most are the role of the same name")]
pub struct InUse {
    pub mic: Option<String>,
    pub speaker: Option<String>,
    pub ringer: Option<String>,
    /// Those that ring beside the ringer.
    #[serde(default)]
    pub also_ring: Vec<String>,
}

/// The devices that the person prefers for each role, the best first; `default` is what the system would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "most are the role of the same name")]
pub struct Prefer {
    pub mic: Vec<String>,
    pub speaker: Vec<String>,
    pub ringer: Vec<String>,
    /// Those that are to ring beside the ringer.
    #[serde(default)]
    pub also_ring: Vec<String>,
}

impl Default for Prefer {
    fn default() -> Self {
        let system = || vec!["default".to_owned()];
        Self { mic: system(), speaker: system(), ringer: system(), also_ring: Vec::new() }
    }
}
