//! Microphones and speakers that go in a call.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use media::process::{Noise, Processing, Trouble};
use tokio::sync::mpsc;

use super::{
    super::{
        desk::Desk,
        devices::{Devices, Needs},
        order::Clean,
    },
    rig::{Plugged, Rig},
    *,
};
use crate::{contract::Echo, sound::Buffers};

#[test]
fn a_lost_device_is_replaced_in_the_call() {
    play(async {
        let mut anna = Person::with(
            1,
            vec![
                device("mic", PortDirection::Capture, DeviceKind::Other, true),
                device("mic-2", PortDirection::Capture, DeviceKind::Other, false),
                device("ear", PortDirection::Playback, DeviceKind::Other, true),
                device("ear-2", PortDirection::Playback, DeviceKind::Other, false),
            ],
        );
        let mut ben = Person::new(2);
        connect(&mut anna, &mut ben).await;
        anna.hears_of(&ben).await;
        for (lost, role, next) in [("ear", Role::Speaker, "ear-2"), ("mic", Role::Mic, "mic-2")] {
            anna.plugged().dead.insert(lost.into());
            let device = anna
                .until("another device", |happened| match happened {
                    Happened::DeviceChanged { role: changed, device } if *changed == role => Some(device.clone()),
                    _ => None,
                })
                .await;
            assert_eq!(device.as_deref(), Some(next));
        }
        anna.hears_of(&ben).await;
        ben.hears_of(&anna).await;
    });
}

/// A device that another program holds is told as that, the next one is taken meanwhile, and it is tried again in the same call
/// until it is free.
#[test]
fn a_busy_device_is_told_replaced_and_taken_when_it_is_free() {
    let all = ["ear", "ear-2"].map(|id| device(id, PortDirection::Playback, DeviceKind::Other, id == "ear"));
    let plugged = Arc::new(Mutex::new(Plugged { devices: all.to_vec(), ..Plugged::default() }));
    plugged.lock().unwrap().busy.insert("ear".into());
    let rig = Rig { plugged: Arc::clone(&plugged), buffers: Buffers::new(|out| out.fill(0.0)).0 };
    let (told_in, mut told) = mpsc::unbounded_channel();
    let (desk, mut worker) = Desk::new(Box::new(rig), told_in);
    let (tell, mut happened) = mpsc::unbounded_channel();
    let (mut devices, mut now) = (Devices::new(desk, tell), Instant::now());
    let mut serve = |devices: &mut Devices, now| {
        worker.serve_all();
        while let Ok(news) = told.try_recv() {
            devices.told(now, news);
            worker.serve_all();
        }
    };
    let in_use = |devices: &mut Devices| devices.speaker().map(|own| own.stream.device().to_owned());
    devices.need(now, Needs { speaker: true, ..Needs::default() });
    serve(&mut devices, now);
    assert_eq!(in_use(&mut devices).as_deref(), Some("ear-2"));
    let is_busy = |told: Happened| matches!(told, Happened::Devices { problem: Some((Role::Speaker, PortError::Busy(id))), .. } if id == "ear");
    assert!(std::iter::from_fn(|| happened.try_recv().ok()).any(is_busy));
    for free in [false, true] {
        if free {
            plugged.lock().unwrap().busy.clear();
        }
        let due = devices.deadline().expect("another try");
        assert!(due > now && due <= now + Duration::from_secs(30));
        now = due;
        devices.handle_timeout(now);
        serve(&mut devices, now);
        assert_eq!(in_use(&mut devices).as_deref(), Some(if free { "ear" } else { "ear-2" }));
        let troubled = |told| matches!(told, Happened::Devices { problem: Some((Role::Speaker, _)), .. });
        assert!(!std::iter::from_fn(|| happened.try_recv().ok()).last().is_some_and(troubled));
    }
}

/// The list of devices may come while the system's default is being opened.
#[test]
fn the_default_is_opened_once_even_where_the_list_comes_meanwhile() {
    let ear = device("ear", PortDirection::Playback, DeviceKind::Other, true);
    let plugged = Arc::new(Mutex::new(Plugged { devices: vec![ear], ..Plugged::default() }));
    let rig = Rig { plugged: Arc::clone(&plugged), buffers: Buffers::new(|out| out.fill(0.0)).0 };
    let (told_in, mut told) = mpsc::unbounded_channel();
    let (desk, mut worker) = Desk::new(Box::new(rig), told_in);
    let (tell, _happened) = mpsc::unbounded_channel();
    let (mut devices, now) = (Devices::new(desk, tell), Instant::now());
    devices.need(now, Needs { speaker: true, ..Needs::default() });
    // The desk tells the list first, then what it opened.
    worker.serve_all();
    while let Ok(news) = told.try_recv() {
        devices.told(now, news);
        worker.serve_all();
    }
    let opened = plugged.lock().unwrap().opened.clone();
    assert_eq!(opened, ["ear"]);
    assert!(devices.speaker().is_some());
}

/// What is done to the microphone is what the settings say, and what suits the speaker in use.
#[test]
fn a_headset_needs_no_canceller_where_that_is_asked_for() {
    let plugged = Arc::new(Mutex::new(Plugged {
        devices: vec![
            device("mic", PortDirection::Capture, DeviceKind::Other, true),
            device("head", PortDirection::Playback, DeviceKind::Headset, true),
            device("box", PortDirection::Playback, DeviceKind::Speakers, false),
        ],
        room: Some(1.0),
        ..Plugged::default()
    }));
    let rig = Rig { plugged: Arc::clone(&plugged), buffers: Buffers::new(|out| out.fill(0.0)).0 };
    let (told_in, mut told) = mpsc::unbounded_channel();
    let (desk, mut worker) = Desk::new(Box::new(rig), told_in);
    let (tell, _happened) = mpsc::unbounded_channel();
    let (mut devices, now) = (Devices::new(desk, tell), Instant::now());
    let mut settle = |devices: &mut Devices| {
        worker.serve_all();
        while let Ok(news) = told.try_recv() {
            devices.told(now, news);
            worker.serve_all();
        }
        devices.microphone().unwrap().processing()
    };
    let automatic = Clean { echo: Echo::Auto, noise: Noise::High, level: true };
    devices.clean(automatic);
    devices.need(now, Needs { mic: true, speaker: true, ..Needs::default() });
    let without = Processing { echo: false, noise: Noise::High, level: true };
    let with = Processing { echo: true, ..without };
    assert_eq!(settle(&mut devices), without);
    devices.prefer(now, Prefer { speaker: vec!["box".into()], ..Prefer::default() });
    assert_eq!(settle(&mut devices), with, "loud speakers are heard");
    devices.prefer(now, Prefer::default());
    assert_eq!(settle(&mut devices), without);
    for (echo, expected) in [(Echo::On, with), (Echo::Off, without)] {
        devices.clean(Clean { echo, ..automatic });
        assert_eq!(settle(&mut devices), expected, "{echo:?}");
    }
    // What hears no room is taken as it is.
    plugged.lock().unwrap().room = None;
    devices.clean(automatic);
    assert_eq!(settle(&mut devices), Processing::OFF);
}

#[test]
fn a_microphone_that_is_turned_up_too_far_is_told() {
    play(async {
        let (mut anna, mut ben) = (Person::new(1), Person::new(2));
        anna.plugged().room = Some(30.0);
        connect(&mut anna, &mut ben).await;
        let told = |wanted: Option<Trouble>| {
            move |happened: &Happened| match happened {
                Happened::Microphone { trouble } if *trouble == wanted => Some(()),
                _ => None,
            }
        };
        anna.until("trouble", told(Some(Trouble::Clipped))).await;
        anna.plugged().room = Some(1.0);
        anna.until("no trouble", told(None)).await;
        assert!(ben.log.iter().all(|happened| !matches!(happened, Happened::Microphone { .. })), "his is well");
    });
}

#[test]
fn a_lost_headset_never_makes_the_room_loud() {
    play(async {
        let mut anna = Person::with(
            1,
            vec![
                device("mic", PortDirection::Capture, DeviceKind::Other, true),
                device("head", PortDirection::Playback, DeviceKind::Headset, true),
                device("box", PortDirection::Playback, DeviceKind::Speakers, false),
            ],
        );
        let mut ben = Person::new(2);
        connect(&mut anna, &mut ben).await;
        anna.hears_of(&ben).await;
        {
            // It is pulled out, and the system takes the box.
            let mut plugged = anna.plugged();
            plugged.dead.insert("head".into());
            plugged.devices.retain(|device| device.id != "head");
            plugged.devices[1].is_default = true;
        }
        let problem = anna
            .until("a problem", |happened| match happened {
                Happened::Devices { problem: Some((Role::Speaker, why)), all, in_use } if all.len() == 2 => {
                    assert_eq!(in_use.speaker, None);
                    Some(why.clone())
                }
                _ => None,
            })
            .await;
        assert_eq!(problem, PortError::Gone("head".into()));
        // The call lives on: the far end is heard no more, but hears.
        ben.hears_of(&anna).await;
        assert!(!anna.plugged().opened.contains(&"box".into()));
        anna.order(Order::Prefer(Prefer { speaker: vec!["box".into()], ..Prefer::default() }));
        anna.hears_of(&ben).await;
        assert!(anna.plugged().open.contains(&"box".into()));
    });
}

/// Who put a headset before the loud speakers is asked, not overheard, when another program holds it as the call begins. The
/// call waits in silence until it is free, or until the person takes the speakers.
#[test]
fn a_headset_that_is_busy_when_a_call_begins_never_makes_the_room_loud() {
    for frees in [true, false] {
        play(async move {
            let mut anna = Person::with(
                1,
                vec![
                    device("mic", PortDirection::Capture, DeviceKind::Other, true),
                    device("head", PortDirection::Playback, DeviceKind::Headset, false),
                    device("box", PortDirection::Playback, DeviceKind::Speakers, true),
                ],
            );
            let order = Prefer { speaker: vec!["head".into(), "default".into()], ..Prefer::default() };
            anna.order(Order::Prefer(order));
            anna.plugged().busy.insert("head".into());
            anna.until("the list", |happened| {
                matches!(happened, Happened::Devices { all, .. } if all.len() == 3).then_some(())
            })
            .await;
            let mut ben = Person::new(2);
            connect(&mut anna, &mut ben).await;
            let told = |happened: &Happened| match happened {
                Happened::Devices { problem: Some((Role::Speaker, why)), in_use, .. } => {
                    Some((why.clone(), in_use.speaker.clone()))
                }
                _ => None,
            };
            let problem = match anna.log.iter().find_map(told) {
                Some(problem) => problem,
                None => anna.until("a problem", told).await,
            };
            assert_eq!(problem, (PortError::Busy("head".into()), None));
            ben.hears_of(&anna).await;
            let silent = !anna.plugged().opened.iter().any(|id| id == "box");
            assert!(silent, "nobody asked for the loud speakers");
            let taken = if frees {
                anna.plugged().busy.clear();
                "head"
            } else {
                anna.order(Order::Prefer(Prefer { speaker: vec!["box".into(), "head".into()], ..Prefer::default() }));
                "box"
            };
            anna.hears_of(&ben).await;
            assert!(anna.plugged().open.iter().any(|id| id == taken));
        });
    }
}

#[test]
fn a_call_lives_without_any_device() {
    play(async {
        let (mut anna, mut ben) = (Person::with(1, Vec::new()), Person::new(2));
        connect(&mut anna, &mut ben).await;
        ben.until("her silence", |happened| matches!(happened, Happened::FirstSound { .. }).then_some(())).await;
        if !anna.log.iter().any(|happened| matches!(happened, Happened::FirstSound { .. })) {
            anna.until("his voice", |happened| matches!(happened, Happened::FirstSound { .. }).then_some(())).await;
        }
        let problem = anna.log.iter().rev().find_map(|happened| match happened {
            Happened::Devices { problem, .. } => Some(problem.clone()),
            _ => None,
        });
        assert_eq!(problem, Some(Some((Role::Mic, PortError::NoDevice))));
        // A device that comes is used.
        anna.plugged().devices = vec![
            device("mic", PortDirection::Capture, DeviceKind::Other, true),
            device("ear", PortDirection::Playback, DeviceKind::Other, true),
        ];
        ben.hears_of(&anna).await;
        anna.hears_of(&ben).await;
    });
}

#[test]
fn a_call_rings_on_all_devices_that_are_to() {
    play(async {
        let speaker = |id: &str, kind| device(id, PortDirection::Playback, kind, false);
        let devices = vec![
            speaker("head", DeviceKind::Headset),
            speaker("box", DeviceKind::Speakers),
            speaker("hall", DeviceKind::Speakers),
            speaker("desk", DeviceKind::Speakers),
        ];
        let mut anna = Person::with(1, devices);
        let also_ring = ["box", "head", "hall", "box", "attic"].map(String::from).to_vec();
        anna.order(Order::Prefer(Prefer { ringer: vec!["head".into()], also_ring, ..Prefer::default() }));
        let in_use = anna
            .until("the devices", |happened| match happened {
                Happened::Devices { in_use, .. } if !in_use.also_ring.is_empty() => Some(in_use.clone()),
                _ => None,
            })
            .await;
        assert_eq!(
            (in_use.ringer.as_deref(), &in_use.also_ring[..]),
            (Some("head"), &["box".into(), "hall".into()][..])
        );
        assert!(anna.plugged().opened.is_empty(), "nothing rings");
        let plugged = anna.plugged_by();
        let open = || {
            let mut open = plugged.lock().unwrap().open.clone();
            open.sort();
            open
        };
        anna.order(Order::Sound(Sounds { ringer: Some(Tone::Ring), ear: None }));
        eventually("all three", || open() == ["box", "hall", "head"]).await;
        eventually("the ring from each", || plugged.lock().unwrap().loud.len() == 3).await;
        // One of them goes; the others ring on.
        plugged.lock().unwrap().dead.insert("box".into());
        eventually("the others", || open() == ["hall", "head"]).await;
        anna.order(Order::Sound(Sounds::default()));
        eventually("quiet", || open().is_empty()).await;
    });
}
