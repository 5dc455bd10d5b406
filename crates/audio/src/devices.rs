//! The devices of this machine. On Linux the PulseAudio host comes first (PipeWire speaks it too): its streams do not
//! break under load as those of ALSA's plug-in do, and its devices have names that a person knows.

use cpal::{
    Device, Host, HostId,
    traits::{DeviceTrait, HostTrait},
};
use media::port::{Capture, DeviceKind, Playback, PortDevice, PortDirection, PortError, SoundPort};

use crate::{
    capture::{self, Microphone},
    error,
    open::{self, End},
    playout::{self, Speaker},
};

/// The block of samples that a device takes or gives at once, at 48 kHz: 20 ms.
const SAFE_BLOCK: u32 = 960;

/// The sound devices of this machine, behind the port that the phone knows.
#[derive(Debug)]
pub struct Devices {
    block: u32,
}

impl Default for Devices {
    fn default() -> Self {
        Self { block: SAFE_BLOCK }
    }
}

impl Devices {
    /// Devices that are opened with blocks of 20 ms, which no busy machine breaks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl SoundPort for Devices {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        // A server that was missing may be there now, so the host is looked for each time (0.4 ms on PulseAudio).
        let Some(host) = host() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for end in [End::Input, End::Output] {
            let default = default_device(&host, end).and_then(|device| device.id().ok());
            for device in all(&host, end)? {
                let (Ok(id), Ok(about)) = (device.id(), device.description()) else { continue };
                found.push(PortDevice {
                    kind: DeviceKind::from_name(about.name()),
                    name: about.name().to_owned(),
                    direction: if end == End::Input { PortDirection::Capture } else { PortDirection::Playback },
                    is_default: default.as_ref() == Some(&id),
                    id: id.to_string(),
                });
            }
        }
        Ok(found)
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        let (id, block) = (id.map(str::to_owned), self.block);
        let opened = open::within_limit(move || {
            let (device, id) = find(id.as_deref(), End::Input)?;
            capture::open(&device, id, block)
        })?;
        Ok(Box::new(Microphone::new(opened)))
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        let (id, block) = (id.map(str::to_owned), self.block);
        let opened = open::within_limit(move || {
            let (device, id) = find(id.as_deref(), End::Output)?;
            playout::open(&device, id, block)
        })?;
        Ok(Box::new(Speaker::new(opened)))
    }
}

/// The sound system to use: PulseAudio where it answers, else what the platform has.
fn host() -> Option<Host> {
    #[cfg(target_os = "linux")]
    if let Ok(host) = cpal::host_from_id(HostId::PulseAudio) {
        return Some(host);
    }
    let host = cpal::default_host();
    // ALSA lists its plug-ins even where there is no card; a machine without one has no devices.
    #[cfg(target_os = "linux")]
    if host.id() == HostId::Alsa && !std::path::Path::new("/proc/asound/cards").exists() {
        return None;
    }
    Some(host)
}

fn all(host: &Host, end: End) -> Result<Vec<Device>, PortError> {
    let devices = host.devices().map_err(|error| error::word(&error))?;
    Ok(devices
        .filter(|device| match end {
            End::Input => device.supports_input() && !hears_a_speaker(device),
            End::Output => device.supports_output(),
        })
        .collect())
}

fn default_device(host: &Host, end: End) -> Option<Device> {
    match end {
        End::Input => host.default_input_device().filter(|device| !hears_a_speaker(device)),
        End::Output => host.default_output_device(),
    }
}

/// Every sink of PulseAudio has a source beside it that hears what the sink plays; where there is no microphone, that is
/// even the default one. It is none: the far end would hear itself.
fn hears_a_speaker(device: &Device) -> bool {
    cfg!(target_os = "linux") && device.id().is_ok_and(|id| id.to_string().ends_with(".monitor"))
}

/// The device of that id, or the default one, with the id it really has.
fn find(id: Option<&str>, end: End) -> Result<(Device, String), PortError> {
    let host = host().ok_or(PortError::NoDevice)?;
    let device = match id {
        Some(id) => all(&host, end)?
            .into_iter()
            .find(|device| device.id().is_ok_and(|own| own.to_string() == id))
            .ok_or_else(|| PortError::NoSuchDevice(id.to_owned()))?,
        None => default_device(&host, end).ok_or(PortError::NoDevice)?,
    };
    let id = device.id().map_err(|error| error::word(&error))?.to_string();
    Ok((device, id))
}
