//! Where the sound comes from and goes to: devices of the system, one of them, WAV files, or nothing.

use std::{path::Path, sync::Arc};

use anyhow::{Context, bail};
use audio::Devices;
use media::port::{Capture, Playback, PortDevice, PortDirection, PortError, SoundPort};
use phone::sound::{AtEnd, Mixed, Silence, WavMicrophone, WavSpeaker};

/// The port for what `--mic` and `--speaker` say.
///
/// # Errors
/// A sentence for the person: a file that cannot be read or made, a device that is not there.
pub(crate) fn port(mic: Option<&str>, speaker: Option<&str>) -> anyhow::Result<Box<dyn SoundPort>> {
    if mic.is_none() && speaker.is_none() {
        return Ok(Box::new(Devices::new()));
    }
    let microphones: Box<dyn SoundPort> = match mic {
        None => Box::new(Devices::new()),
        Some("none") => Box::new(Silence),
        Some(path) if is_wav(path) => Box::new(WavMicrophone::open(path, AtEnd::Silence).context("--mic")?),
        Some(device) => Box::new(Only::new(device, PortDirection::Capture)?),
    };
    let speakers: Box<dyn SoundPort> = match speaker {
        None => Box::new(Devices::new()),
        Some("none") => Box::new(Silence),
        Some(path) if is_wav(path) => Box::new(WavSpeaker::create(path).context("--speaker")?),
        Some(device) => Box::new(Only::new(device, PortDirection::Playback)?),
    };
    Ok(Box::new(Mixed::new(microphones, speakers)))
}

fn is_wav(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"))
}

/// One device of the system, as if there were no other of its direction.
struct Only {
    devices: Devices,
    id: String,
    direction: PortDirection,
}

impl Only {
    fn new(asked: &str, direction: PortDirection) -> anyhow::Result<Self> {
        let mut devices = Devices::new();
        let all = devices.devices().context("the sound devices cannot be listed")?;
        let mut fitting = all.iter().filter(|device| device.direction == direction);
        let Some(id) = choose(asked, fitting.clone()) else {
            let names: Vec<_> = fitting.by_ref().map(|device| device.name.as_str()).collect();
            let there = if names.is_empty() { "none at all".to_owned() } else { names.join(", ") };
            bail!("no-such-device: there is no device {asked:?}; there is {there}");
        };
        Ok(Self { devices, id, direction })
    }

    fn own(&self, id: Option<&str>) -> Result<Option<&str>, PortError> {
        match id {
            Some(id) if id != self.id => Err(PortError::NoSuchDevice(id.to_owned())),
            _ => Ok(Some(&self.id)),
        }
    }
}

/// The device of that id or that name; else the only one whose name has it somewhere.
fn choose<'a>(asked: &str, devices: impl Iterator<Item = &'a PortDevice> + Clone) -> Option<String> {
    let lower = asked.to_lowercase();
    let exact = devices.clone().find(|device| device.id == asked || device.name.to_lowercase() == lower);
    let mut partly = devices.filter(|device| device.name.to_lowercase().contains(&lower));
    let found = exact.or_else(|| match (partly.next(), partly.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    })?;
    Some(found.id.clone())
}

impl SoundPort for Only {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        let mut all = self.devices.devices()?;
        all.retain(|device| device.direction == self.direction && device.id == self.id);
        Ok(all)
    }

    fn watch(&mut self, changed: Arc<dyn Fn() + Send + Sync>) {
        self.devices.watch(changed);
    }

    fn raise_priority(&self) {
        self.devices.raise_priority();
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        let id = self.own(id)?.map(str::to_owned);
        self.devices.open_capture(id.as_deref())
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        let id = self.own(id)?.map(str::to_owned);
        self.devices.open_playback(id.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use media::port::DeviceKind;

    use super::*;

    fn device(id: &str, name: &str) -> PortDevice {
        PortDevice {
            id: id.to_owned(),
            name: name.to_owned(),
            kind: DeviceKind::Other,
            direction: PortDirection::Capture,
            is_default: false,
        }
    }

    #[test]
    fn a_device_is_chosen_by_id_name_or_a_part_that_only_it_has() {
        let all = [device("x1", "USB Headset"), device("x2", "USB Headset Pro"), device("x3", "Built-in")];
        let chosen = |asked: &str| choose(asked, all.iter());
        assert_eq!(chosen("x2").as_deref(), Some("x2"));
        assert_eq!(chosen("usb headset").as_deref(), Some("x1"));
        assert_eq!(chosen("built").as_deref(), Some("x3"));
        assert_eq!(chosen("usb"), None, "two have it");
        assert_eq!(chosen("nothing"), None);
    }

    #[test]
    fn a_file_is_told_by_its_ending() {
        assert!(is_wav("a/b.WAV") && !is_wav("wav") && !is_wav("none"));
        let missing = port(Some("/no/such/file.wav"), Some("none")).err().expect("an error");
        assert!(format!("{missing:#}").contains("/no/such/file.wav"), "{missing:#}");
    }
}
