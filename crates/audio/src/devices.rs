//! The devices of this machine. On Linux a sound server comes first: its streams do not break under load as those of ALSA's
//! plug-in do, and its devices have names that a person knows.

use media::port::{Capture, Playback, PortDevice, PortError, SoundPort};

#[cfg(target_os = "linux")]
use crate::server::{self, Events, Link};
use crate::{
    capture::{self, Microphone},
    open,
    playout::{self, Speaker},
    system,
};

/// The sound devices of this machine, behind the port that the phone knows.
#[derive(Default)]
pub struct Devices {
    #[cfg(target_os = "linux")]
    events: Option<Events>,
}

impl Devices {
    /// The devices of this machine. Nothing is opened or watched yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl SoundPort for Devices {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        #[cfg(target_os = "linux")]
        if let Some(mut link) = Link::open() {
            return link.devices();
        }
        system::devices()
    }

    #[cfg(target_os = "linux")]
    fn watch(&mut self, changed: std::sync::Arc<dyn Fn() + Send + Sync>) {
        match Events::start(changed) {
            Ok(events) => self.events = Some(events),
            Err(error) => tracing::warn!(%error, "changes of sound devices are only looked for"),
        }
    }

    #[cfg(target_os = "linux")]
    fn raise_priority(&self) {
        crate::priority::raise();
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        let id = id.map(str::to_owned);
        open::within_limit(move || {
            #[cfg(target_os = "linux")]
            if let Some(link) = Link::open() {
                return Ok(Box::new(server::Microphone::open(link, id.as_deref())?) as Box<dyn Capture>);
            }
            Ok(Box::new(Microphone::new(capture::open(id.as_deref())?)) as Box<dyn Capture>)
        })
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        let id = id.map(str::to_owned);
        open::within_limit(move || {
            #[cfg(target_os = "linux")]
            if let Some(link) = Link::open() {
                return Ok(Box::new(server::Speaker::open(link, id.as_deref())?) as Box<dyn Playback>);
            }
            Ok(Box::new(Speaker::new(playout::open(id.as_deref())?)) as Box<dyn Playback>)
        })
    }
}
