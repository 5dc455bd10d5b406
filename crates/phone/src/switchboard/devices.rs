//! Which devices a person prefers.

use media::port::PortDirection;

use super::{Effect, Switchboard};
use crate::{
    contract::{Ok, Prefer, Role},
    fault::{Code, Fault},
    voice::Order,
};

/// A person has no more devices than that in mind.
const MOST: usize = 8;

impl Switchboard {
    /// The device asked for comes first; those that were preferred before stay behind it, for when it is gone.
    pub(super) fn set_device(&mut self, role: Role, device: String) -> Result<Ok, Fault> {
        if device != "default" && !self.is_there(role, &device) {
            return Err(Fault::new(Code::NoSuchDevice));
        }
        let list = list(&mut self.prefer, role);
        list.retain(|own| *own != device);
        list.insert(0, device);
        list.truncate(MOST);
        self.preferred();
        Ok(Ok::default())
    }

    /// The whole order at once. A device that is not there now keeps its place.
    pub(super) fn set_devices(&mut self, role: Role, devices: Vec<String>) -> Result<Ok, Fault> {
        if devices.is_empty() {
            return Err(Fault::new(Code::BadCommand).detail("at least one device, or default"));
        }
        *list(&mut self.prefer, role) = self.known(role, devices)?;
        self.preferred();
        Ok(Ok::default())
    }

    /// Those that ring beside the ringer.
    pub(super) fn also_ring(&mut self, devices: Vec<String>) -> Result<Ok, Fault> {
        self.prefer.also_ring = self.known(Role::Ringer, devices)?;
        self.preferred();
        Ok(Ok::default())
    }

    /// Before the first list a device is taken at its word: whoever asks early, a script or a page of the window, means one
    /// of an earlier run. One that is not there is then shown as absent, as any that is pulled out.
    pub(super) fn is_there(&self, role: Role, id: &str) -> bool {
        let direction = if role == Role::Mic { PortDirection::Capture } else { PortDirection::Playback };
        !self.devices.listed || self.devices.all.iter().any(|own| own.direction == direction && own.id == id)
    }

    /// These, each once, if all are devices of the role that are there or were preferred for anything like it before.
    fn known(&self, role: Role, devices: Vec<String>) -> Result<Vec<String>, Fault> {
        if devices.len() > MOST {
            return Err(Fault::new(Code::BadCommand).detail("8 devices at most"));
        }
        let own = &self.prefer;
        let before: &[&[String]] =
            if role == Role::Mic { &[&own.mic] } else { &[&own.speaker, &own.ringer, &own.also_ring] };
        let mut known: Vec<String> = Vec::with_capacity(devices.len());
        for id in devices {
            let is_known = || self.is_there(role, &id) || before.iter().any(|list| list.contains(&id));
            if id != "default" && !is_known() {
                return Err(Fault::new(Code::NoSuchDevice));
            }
            if !known.contains(&id) {
                known.push(id);
            }
        }
        Ok(known)
    }

    fn preferred(&mut self) {
        let prefer = self.prefer.clone();
        self.effect(Effect::Voice(Order::Prefer(prefer.clone())));
        self.effect(Effect::Prefer(prefer));
    }
}

fn list(prefer: &mut Prefer, role: Role) -> &mut Vec<String> {
    match role {
        Role::Mic => &mut prefer.mic,
        Role::Speaker => &mut prefer.speaker,
        Role::Ringer => &mut prefer.ringer,
    }
}
