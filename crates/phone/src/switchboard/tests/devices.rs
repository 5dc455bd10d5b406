//! Which devices a person prefers.

use media::port::{DeviceKind, PortDevice, PortDirection};

use super::*;
use crate::contract::InUse;

fn desk() -> Desk {
    let device = |id: &str, direction| {
        let (id, name) = (id.to_owned(), id.to_owned());
        PortDevice { id, name, kind: DeviceKind::Other, direction, is_default: false }
    };
    let mut desk = Desk::registered();
    let all = vec![
        device("mic", PortDirection::Capture),
        device("head", PortDirection::Playback),
        device("box", PortDirection::Playback),
    ];
    desk.voice(Happened::Devices { all, in_use: InUse::default(), problem: None });
    desk.wanted();
    desk
}

#[test]
fn the_order_of_devices_is_set_at_once_and_kept() {
    let mut desk = desk();
    desk.ask(json!({ "do": "set-devices", "role": "speaker", "devices": ["head", "default", "head", "box"] })).unwrap();
    let wanted = ["head", "default", "box"].map(String::from);
    assert_eq!(desk.state().devices.prefer.speaker, wanted);
    let effects = desk.wanted();
    assert!(effects.iter().any(|own| matches!(own, Effect::Prefer(prefer) if prefer.speaker == wanted)), "{effects:?}");
    assert!(effects.iter().any(|own| matches!(own, Effect::Voice(Order::Prefer(prefer)) if prefer.speaker == wanted)));
    // One that is pulled out keeps its place, and may be given another.
    desk.voice(Happened::Devices { all: Vec::new(), in_use: InUse::default(), problem: None });
    desk.ask(json!({ "do": "set-devices", "role": "speaker", "devices": ["box", "head"] })).unwrap();
    assert_eq!(desk.state().devices.prefer.speaker, ["box", "head"]);
    for (devices, code) in [
        (json!(["nothing"]), Code::NoSuchDevice),
        (json!(["mic"]), Code::NoSuchDevice),
        (json!([]), Code::BadCommand),
        (json!(["box", "box", "box", "box", "box", "box", "box", "box", "box"]), Code::BadCommand),
    ] {
        let refused = desk.ask(json!({ "do": "set-devices", "role": "speaker", "devices": devices })).unwrap_err();
        assert_eq!(refused.code, code, "{devices}");
    }
    assert_eq!(desk.state().devices.prefer.speaker, ["box", "head"]);
}

#[test]
fn others_ring_beside_the_ringer() {
    let mut desk = desk();
    desk.ask(json!({ "do": "also-ring", "devices": ["box"] })).unwrap();
    assert_eq!(desk.state().devices.prefer.also_ring, ["box"]);
    assert!(desk.wanted().iter().any(|own| matches!(own, Effect::Prefer(prefer) if prefer.also_ring == ["box"])));
    assert_eq!(desk.ask(json!({ "do": "also-ring", "devices": ["mic"] })).unwrap_err().code, Code::NoSuchDevice);
    desk.ask(json!({ "do": "also-ring", "devices": [] })).unwrap();
    assert!(desk.state().devices.prefer.also_ring.is_empty());
}

/// Devices are listed on a thread of their own: a script that gives its order as soon as the phone answers was refused.
#[test]
fn an_order_that_comes_before_the_list_is_kept() {
    let mut desk = Desk::registered();
    desk.ask(json!({ "do": "set-devices", "role": "speaker", "devices": ["head", "default"] })).unwrap();
    desk.ask(json!({ "do": "set-device", "role": "mic", "device": "mic" })).unwrap();
    desk.ask(json!({ "do": "also-ring", "devices": ["attic"] })).unwrap();
    let is_kept = |own: &Effect| matches!(own, Effect::Prefer(prefer) if prefer.speaker[0] == "head");
    assert!(desk.wanted().iter().any(is_kept));
    let device = |id: &str, direction| {
        let (id, name) = (id.to_owned(), id.to_owned());
        PortDevice { id, name, kind: DeviceKind::Other, direction, is_default: false }
    };
    let all = vec![device("mic", PortDirection::Capture), device("head", PortDirection::Playback)];
    desk.voice(Happened::Devices { all, in_use: InUse::default(), problem: None });
    let devices = desk.state().devices;
    assert_eq!(devices.prefer.speaker, ["head", "default"]);
    // What turns out not to be there is shown so, and from now on what is not known is refused.
    let present = |id: &str| devices.speakers.iter().find(|own| own.id == id).map(|own| own.present);
    assert_eq!((present("head"), present("attic")), (Some(true), Some(false)));
    for ask in [
        json!({ "do": "set-devices", "role": "speaker", "devices": ["cellar"] }),
        json!({ "do": "set-device", "role": "mic", "device": "cellar" }),
    ] {
        assert_eq!(desk.ask(ask).unwrap_err().code, Code::NoSuchDevice);
    }
}
