//! The sound system of the platform, by cpal: CoreAudio, WASAPI, and ALSA where no sound server answers.

use cpal::{
    Device, Host,
    traits::{DeviceTrait, HostTrait},
};
use media::port::{DeviceKind, PortDevice, PortDirection, PortError};

use crate::{error, open::End};

/// All devices; none where there is no sound system.
///
/// # Errors
/// What cpal says of the system.
pub(crate) fn devices() -> Result<Vec<PortDevice>, PortError> {
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

/// The device of that id, or the default one, with the id it really has.
///
/// # Errors
/// That there is none, or what cpal says.
pub(crate) fn find(end: End, id: Option<&str>) -> Result<(Device, String), PortError> {
    let host = host().ok_or(PortError::NoDevice)?;
    // What is wrong with the system is told by the list alone.
    let all = all(&host, end)?;
    let device = match id {
        Some(id) => all
            .into_iter()
            .find(|device| device.id().is_ok_and(|own| own.to_string() == id))
            .ok_or_else(|| PortError::NoSuchDevice(id.to_owned()))?,
        None => default_device(&host, end).ok_or(PortError::NoDevice)?,
    };
    let id = device.id().map_err(|error| error::word(&error))?.to_string();
    Ok((device, id))
}

fn host() -> Option<Host> {
    let host = cpal::default_host();
    // ALSA lists its plug-ins even where there is no card; a machine without one has no devices.
    #[cfg(target_os = "linux")]
    if host.id() == cpal::HostId::Alsa && !std::path::Path::new("/proc/asound/cards").exists() {
        return None;
    }
    Some(host)
}

fn all(host: &Host, end: End) -> Result<Vec<Device>, PortError> {
    let devices = host.devices().map_err(|error| error::word(&error))?;
    Ok(devices
        .filter(|device| match end {
            End::Input => device.supports_input(),
            End::Output => device.supports_output(),
        })
        .collect())
}

fn default_device(host: &Host, end: End) -> Option<Device> {
    match end {
        End::Input => host.default_input_device(),
        End::Output => host.default_output_device(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
