//! Sound ports without a device: silence, WAV files and buffers in memory, each role from wherever one likes.

mod buffers;
mod mix;
mod pace;
mod tape;
mod wav;

use std::sync::Arc;

use media::port::{Capture, Playback, PortDevice, PortDirection, PortError, SoundPort};

pub use buffers::{Buffers, Heard};
#[cfg(test)]
pub(crate) use tape::Trouble;
pub(crate) use tape::{Kept, Place as TapePlace, Tape};
pub use wav::{AtEnd, WavMicrophone, WavSpeaker};

/// No devices at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl SoundPort for Silence {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        Ok(Vec::new())
    }

    fn open_capture(&mut self, _id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        Err(PortError::NoDevice)
    }

    fn open_playback(&mut self, _id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        Err(PortError::NoDevice)
    }
}

/// Microphones of one port and speakers of another.
pub struct Mixed {
    microphones: Box<dyn SoundPort>,
    speakers: Box<dyn SoundPort>,
}

impl Mixed {
    /// Takes the microphones of the first and the speakers of the second.
    #[must_use]
    pub fn new(microphones: Box<dyn SoundPort>, speakers: Box<dyn SoundPort>) -> Self {
        Self { microphones, speakers }
    }
}

impl SoundPort for Mixed {
    /// A side that cannot list its devices does not hide the other's; when neither can, the first error is told.
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        let of = |listed: &[PortDevice], direction| -> Vec<PortDevice> {
            listed.iter().filter(|device| device.direction == direction).cloned().collect()
        };
        match (self.microphones.devices(), self.speakers.devices()) {
            (Err(error), Err(_)) => Err(error),
            (microphones, speakers) => {
                let mut all = of(&microphones.unwrap_or_default(), PortDirection::Capture);
                all.extend(of(&speakers.unwrap_or_default(), PortDirection::Playback));
                Ok(all)
            }
        }
    }

    fn watch(&mut self, changed: Arc<dyn Fn() + Send + Sync>) {
        self.microphones.watch(Arc::clone(&changed));
        self.speakers.watch(changed);
    }

    fn raise_priority(&self) {
        self.microphones.raise_priority();
        self.speakers.raise_priority();
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        self.microphones.open_capture(id)
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        self.speakers.open_playback(id)
    }
}

/// Is it this port's only device of its direction?
fn is_asked(id: Option<&str>, own: &str) -> Result<(), PortError> {
    match id {
        Some(id) if id != own => Err(PortError::NoSuchDevice(id.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_of_a_mix_comes_from_its_own_port() {
        let (whole, _heard) = Buffers::new(|out| out.fill(0.5));
        let mut mixed = Mixed::new(Box::new(whole), Box::new(Silence));
        let listed = mixed.devices().unwrap();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0].direction, PortDirection::Capture);
        assert!(mixed.open_capture(None).is_ok());
        assert_eq!(mixed.open_playback(None).err(), Some(PortError::NoDevice));
    }
}
