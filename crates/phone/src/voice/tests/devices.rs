//! Microphones and speakers that go in a call.

use super::*;

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
