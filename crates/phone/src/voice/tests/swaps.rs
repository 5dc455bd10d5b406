//! Devices that change under a live call, on virtual time: how soon there is sound again.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    rig::{Plugged, Rig},
    table::{One, Table, hum},
    *,
};

/// Two headsets, each with a microphone; nobody prefers either, and the system takes the first.
const OLD: [&str; 2] = ["head", "head-mic"];
const NEW: [&str; 2] = ["other", "other-mic"];

/// A phone in a call, whose devices are those.
fn in_a_call() -> (Table, Arc<Mutex<Plugged>>) {
    let worn = |[ear, mic]: [&str; 2], is_default| {
        [(ear, PortDirection::Playback), (mic, PortDirection::Capture)]
            .map(|(id, direction)| device(id, direction, DeviceKind::Headset, is_default))
    };
    let devices = [worn(OLD, true), worn(NEW, false)].concat();
    let plugged = Arc::new(Mutex::new(Plugged { devices, ..Plugged::default() }));
    let (buffers, heard) = hum(0);
    let rig = Rig { plugged: Arc::clone(&plugged), buffers };
    let mut table = Table::with(vec![One::at(0, Box::new(rig), heard, None), One::new(1)], Codec::Pcmu);
    table.talks_with(&[1]);
    table.passes(Duration::from_secs(2));
    table.hear(&[0, 1], &[0, 1]);
    assert_eq!(open(&plugged), OLD);
    (table, plugged)
}

fn open(plugged: &Mutex<Plugged>) -> Vec<String> {
    let mut open = plugged.lock().unwrap().open.clone();
    open.sort();
    open
}

/// Less than a second after this moment both hear each other without a gap, by the new devices alone.
fn sound_is_back(table: &mut Table, plugged: &Mutex<Plugged>) {
    table.passes(Duration::from_millis(950));
    assert_eq!(open(plugged), NEW);
    let heard = table.all[0].heard.clone();
    let before = heard.len();
    table.passes(Duration::from_secs(1));
    assert!(heard.len() - before >= 47_500, "the speaker plays on: {}", heard.len() - before);
    table.hear(&[0, 1], &[0, 1]);
    for role in [Role::Speaker, Role::Mic] {
        let next = NEW[usize::from(role == Role::Mic)];
        let is_told = |told: &Happened| matches!(told, Happened::DeviceChanged { role: own, device } if *own == role && device.as_deref() == Some(next));
        assert_eq!(table.all[0].told.iter().filter(|told| is_told(told)).count(), 1, "{role:?}");
    }
}

#[test]
fn sound_is_back_within_a_second_when_the_streams_end() {
    let (mut table, plugged) = in_a_call();
    plugged.lock().unwrap().dead.extend(OLD.map(String::from));
    sound_is_back(&mut table, &plugged);
}

#[test]
fn sound_is_back_within_a_second_when_streams_fall_silent_without_a_word() {
    let (mut table, plugged) = in_a_call();
    plugged.lock().unwrap().silent.extend(OLD.map(String::from));
    sound_is_back(&mut table, &plugged);
}

/// The streams may not know of it: a server may let them go on into nothing.
#[test]
fn sound_is_back_within_a_second_when_the_system_tells_that_the_devices_are_gone() {
    let (mut table, plugged) = in_a_call();
    plugged.lock().unwrap().devices.retain(|device| NEW.contains(&device.id.as_str()));
    Plugged::tell(&plugged);
    sound_is_back(&mut table, &plugged);
}

#[test]
fn a_call_goes_to_the_new_default_within_a_second_where_nobody_chose() {
    let (mut table, plugged) = in_a_call();
    plugged.lock().unwrap().devices.iter_mut().for_each(|device| device.is_default = !device.is_default);
    Plugged::tell(&plugged);
    sound_is_back(&mut table, &plugged);
}
