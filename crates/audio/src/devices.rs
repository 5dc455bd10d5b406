//! The devices of this machine. On Linux the PulseAudio host comes first (PipeWire speaks it too): its streams do not
//! break under load as those of ALSA's plug-in do, and its devices have names that a person knows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cpal::{
    Device, Host, HostId,
    traits::{DeviceTrait, HostTrait},
};
use media::port::{Capture, DeviceKind, Playback, PortDevice, PortDirection, PortError, SoundPort};

#[cfg(target_os = "linux")]
use crate::events::Events;
use crate::{
    capture::{self, Microphone},
    error,
    open::{self, End},
    playout::{self, Speaker},
    watch::Pulse,
};

/// The block of samples that a device takes or gives at once, at 48 kHz: 20 ms.
const SAFE_BLOCK: u32 = 960;

/// The sound devices of this machine, behind the port that the phone knows.
pub struct Devices {
    block: u32,
    system: System,
    #[cfg(target_os = "linux")]
    events: Option<Events>,
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            block: SAFE_BLOCK,
            system: System::default(),
            #[cfg(target_os = "linux")]
            events: None,
        }
    }
}

impl Devices {
    /// Devices that are opened with blocks of 20 ms, which no busy machine breaks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn list(host: &Host) -> Result<Vec<PortDevice>, PortError> {
        let mut found = Vec::new();
        for end in [End::Input, End::Output] {
            let default = default_device(host, end).and_then(|device| device.id().ok());
            for device in all(host, end)? {
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

    /// What enters a stream of this moment where the loss of its device is told.
    fn entry(&mut self) -> impl Fn(End, &str, &Arc<Pulse>) + Send + 'static + use<> {
        // Nobody wants to know of changes, but streams need to.
        #[cfg(target_os = "linux")]
        if self.events.is_none() {
            self.watch(Arc::new(|| ()));
        }
        #[cfg(target_os = "linux")]
        let guard = self.events.as_ref().map(Events::guard);
        move |end, id, pulse| {
            #[cfg(target_os = "linux")]
            if let Some(guard) = &guard {
                guard.enter(end, id, pulse);
            }
            #[cfg(not(target_os = "linux"))]
            let _ = (end, id, pulse);
        }
    }
}

impl SoundPort for Devices {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        match self.system.with(Self::list) {
            // No sound system, no devices.
            Err(PortError::NoDevice) => Ok(Vec::new()),
            listed => listed.map(|(list, _)| list),
        }
    }

    #[cfg(target_os = "linux")]
    fn watch(&mut self, changed: Arc<dyn Fn() + Send + Sync>) {
        match Events::start(changed) {
            Ok(events) => self.events = Some(events),
            Err(error) => tracing::warn!(%error, "changes of sound devices are only looked for"),
        }
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        let (id, block, enter, system) = (id.map(str::to_owned), self.block, self.entry(), self.system.clone());
        let opened = open::within_limit(move || {
            let ((device, id), host) = system.with(|host| find(host, id.as_deref(), End::Input))?;
            let pulse = Arc::default();
            enter(End::Input, &id, &pulse);
            capture::open(&device, id, block, pulse).map(|opened| (opened, host))
        })?;
        Ok(Box::new(Microphone::new(opened.0, opened.1)))
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        let (id, block, enter, system) = (id.map(str::to_owned), self.block, self.entry(), self.system.clone());
        let opened = open::within_limit(move || {
            let ((device, id), host) = system.with(|host| find(host, id.as_deref(), End::Output))?;
            let pulse = Arc::default();
            enter(End::Output, &id, &pulse);
            playout::open(&device, id, block, pulse).map(|opened| (opened, host))
        })?;
        Ok(Box::new(Speaker::new(opened.0, opened.1)))
    }
}

/// Connections to the sound system. What cpal connects to PulseAudio by may stay connected after it is dropped, and the
/// server takes no more than 64, so they are kept and used again. On one of them cpal has no two speakers, so each stream
/// takes one that no other holds.
#[derive(Clone, Default)]
struct System(Arc<Mutex<Vec<Arc<Host>>>>);

impl System {
    /// Does something with a connection, and once more with a new one where that fails: a server may have begun anew.
    fn with<T>(&self, work: impl Fn(&Host) -> Result<T, PortError>) -> Result<(T, Arc<Host>), PortError> {
        let kept = {
            let mut all = self.lock();
            let free = all.iter().position(|host| Arc::strong_count(host) == 1);
            free.map(|at| all.swap_remove(at))
        };
        if let Some(host) = kept {
            match work(&host) {
                Err(PortError::Gone(_) | PortError::Busy(_) | PortError::Denied(_) | PortError::Failed(_)) => {}
                done => return self.keep(host, done),
            }
        }
        // A server that was missing may be there now, so only a connection to one is kept (0.4 ms to look for it).
        let host = Arc::new(host().ok_or(PortError::NoDevice)?);
        let done = work(&host);
        self.keep(host, done)
    }

    fn keep<T>(&self, host: Arc<Host>, done: Result<T, PortError>) -> Result<(T, Arc<Host>), PortError> {
        #[cfg(target_os = "linux")]
        if host.id() == HostId::PulseAudio {
            self.lock().push(Arc::clone(&host));
        }
        done.map(|done| (done, host))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Host>>> {
        // It is whole after a panic of another holder, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
fn find(host: &Host, id: Option<&str>, end: End) -> Result<(Device, String), PortError> {
    // What is wrong with the system is told by the list alone.
    let all = all(host, end)?;
    let device = match id {
        Some(id) => all
            .into_iter()
            .find(|device| device.id().is_ok_and(|own| own.to_string() == id))
            .ok_or_else(|| PortError::NoSuchDevice(id.to_owned()))?,
        None => default_device(host, end).ok_or(PortError::NoDevice)?,
    };
    let id = device.id().map_err(|error| error::word(&error))?.to_string();
    Ok((device, id))
}
