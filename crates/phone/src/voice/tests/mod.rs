//! Whole calls between two media threads, or one and a far end of the test's own, over real sockets.

mod conference;
mod devices;
mod echo;
mod far_end;
mod pieces;
mod recording;
mod rig;
mod short;
mod swaps;
mod table;

use media::{
    codec::Codec,
    level::rms_dbfs,
    offer::Policy,
    port::{DeviceKind, PortDirection, PortError},
    tone::Tone,
};

use super::{Happened, Order, PathState, Sounds, Ways, Wish};
use crate::contract::{Prefer, Role};
use far_end::FarEnd;
use rig::{Person, device, eventually, is_heard, play};

/// Two people in a call.
async fn connected() -> (Person, Person) {
    let (mut anna, mut ben) = (Person::new(1), Person::new(2));
    connect(&mut anna, &mut ben).await;
    (anna, ben)
}

async fn connect(anna: &mut Person, ben: &mut Person) {
    change(anna, ben, Wish::Talk, Wish::Talk).await;
    anna.talk("c1");
    ben.talk("c1");
    anna.secure().await;
    ben.secure().await;
}

/// An offer and its answer; says whether the one who answers is held.
async fn change(offers: &mut Person, answers: &mut Person, offer: Wish, answer: Wish) -> bool {
    let offered = offers.offer("c1", offer).await;
    let (sdp, held) = answers.answer("c1", offered, answer).await;
    offers.accept("c1", sdp).await;
    held
}

/// A person who called a far end, which answered; the person has not talked yet.
async fn called() -> (Person, FarEnd) {
    let (mut anna, far) = (Person::new(1), FarEnd::start(7));
    let offer = anna.offer("c1", Wish::Talk).await;
    anna.accept("c1", far.answer(&offer).into()).await;
    (anna, far)
}

#[test]
fn an_account_speaks_in_its_own_order() {
    play(async {
        let (mut anna, mut ben) = (Person::new(1), Person::new(2));
        let policy = Policy { codecs: vec![Codec::G722, Codec::Opus], own_order: true, bitrate: Some(48_000) };
        let ways = Ways { loopback: true, stun: Vec::new(), turn: Vec::new(), policy };
        ben.order(Order::Ready { account: "a1".into(), ways: Some(ways) });
        let text = |sdp: bytes::Bytes| String::from_utf8_lossy(&sdp).into_owned();
        let offered = anna.offer("c1", Wish::Talk).await;
        let answered = text(ben.answer("c1", offered, Wish::Talk).await.0);
        assert!(answered.contains("/SAVPF 9 111 "), "{answered}");
        assert!(answered.contains("maxaveragebitrate=48000"), "{answered}");
        let own = text(ben.offer("c2", Wish::Talk).await);
        assert!(own.contains("/SAVPF 9 111 ") && !own.contains("PCMU"), "{own}");
    });
}

#[test]
fn each_call_has_a_certificate_of_its_own() {
    play(async {
        let (mut anna, far) = called().await;
        let fingerprint = |sdp: bytes::Bytes| {
            let text = String::from_utf8_lossy(&sdp).into_owned();
            text.lines().find(|line| line.starts_with("a=fingerprint:")).expect("a fingerprint").to_owned()
        };
        let first = fingerprint(anna.offer("c1", Wish::Talk).await);
        assert_ne!(fingerprint(anna.offer("c2", Wish::Talk).await), first, "another call");
        let answered = anna.answer("c3", FarEnd::start(8).offer().into(), Wish::Talk).await.0;
        assert_ne!(fingerprint(answered), first, "one that is answered");
        assert_eq!(fingerprint(anna.offer("c1", Wish::Hold).await), first, "a change of the first");
        drop(far);
    });
}

#[test]
fn two_people_hear_each_other() {
    play(async {
        let (mut anna, mut ben) = connected().await;
        anna.hears_of(&ben).await;
        ben.hears_of(&anna).await;
        for person in [&anna, &ben] {
            assert!(person.log.iter().any(|happened| matches!(happened, Happened::FirstSound { .. })));
            assert_eq!(person.plugged().opened, ["ear", "mic"], "each device is opened once");
        }
        anna.order(Order::Close { call: "c1".into() });
        ben.until("goodbye", |happened| {
            matches!(happened, Happened::Path { path: PathState::Closed, .. }).then_some(())
        })
        .await;
    });
}

#[test]
fn hold_is_silent_and_resume_brings_all_back() {
    play(async {
        let (mut anna, mut ben) = connected().await;
        anna.hears_of(&ben).await;
        assert!(change(&mut anna, &mut ben, Wish::Hold, Wish::Talk).await, "he is held");
        anna.hears_nothing().await;
        ben.hears_nothing().await;
        assert!(!change(&mut anna, &mut ben, Wish::Talk, Wish::Talk).await);
        anna.hears_of(&ben).await;
        ben.hears_of(&anna).await;
        // A refused change changes nothing.
        anna.offer("c1", Wish::Hold).await;
        anna.order(Order::Rollback { call: "c1".into() });
        ben.hears_of(&anna).await;
    });
}

#[test]
fn mute_is_silence_for_the_far_end_only() {
    play(async {
        let (mut anna, mut ben) = connected().await;
        ben.hears_of(&anna).await;
        anna.order(Order::Mute { call: "c1".into(), on: true });
        ben.hears_nothing().await;
        anna.hears_of(&ben).await;
        anna.until("her level, mute or not", |happened| match happened {
            Happened::Levels { mic, far: Some(_), .. } => (*mic > -40.0).then_some(()),
            _ => None,
        })
        .await;
        anna.order(Order::Mute { call: "c1".into(), on: false });
        ben.hears_of(&anna).await;
    });
}

#[test]
fn keys_are_pressed_there_and_heard_here() {
    play(async {
        let (mut anna, far) = called().await;
        anna.talk("c1");
        anna.secure().await;
        anna.hears(|| far.lock().said.clone()).await;
        anna.order(Order::Dtmf { call: "c1".into(), digits: "1,5#".into() });
        anna.until_so("the keys", || (far.lock().keys == "15#").then_some(())).await;
    });
}

#[test]
fn without_telephone_events_keys_are_asked_for_by_info() {
    play(async {
        let (mut anna, far) = (Person::new(1), FarEnd::start(7));
        let offer = anna.offer("c1", Wish::Talk).await;
        let answer: String = far
            .answer(&offer)
            .lines()
            .filter(|line| !line.contains("telephone-event"))
            .flat_map(|line| [line, "\r\n"])
            .collect();
        anna.accept("c1", answer.into()).await;
        anna.talk("c1");
        anna.secure().await;
        anna.order(Order::Dtmf { call: "c1".into(), digits: "9".into() });
        let (key, ms) = anna
            .until("INFO", |happened| match happened {
                Happened::SendInfo { key, ms, .. } => Some((*key, *ms)),
                _ => None,
            })
            .await;
        assert_eq!((key, ms), ('9', 120));
    });
}

#[test]
fn early_sound_is_heard_and_another_branch_takes_over() {
    play(async {
        let (mut anna, first, second) = (Person::new(1), FarEnd::start(7), FarEnd::start(8));
        let offer = anna.offer("c1", Wish::Talk).await;
        anna.order(Order::Active { calls: vec!["c1".into()] });
        anna.accept("c1", first.answer(&offer).into()).await;
        anna.hears(|| first.lock().said.clone()).await;
        assert_eq!(anna.plugged().opened, ["ear"], "nobody answered, so nobody is listened to");
        assert_eq!(first.lock().packets, 0);
        anna.accept("c1", second.answer(&offer).into()).await;
        anna.talk("c1");
        anna.hears(|| second.lock().said.clone()).await;
        // What was heard of the first one before is soon more than a second and a half ago.
        let heard = anna.heard.clone();
        anna.until_so("the silence of the first", || {
            let last = heard.since(heard.len() - 72_000);
            let (first, second) = (first.lock().said.clone(), second.lock().said.clone());
            (!is_heard(&first, &last) && is_heard(&second, &last)).then_some(())
        })
        .await;
        let said = anna.said_by();
        anna.until_so("her voice at the second", || {
            is_heard(&said.lock().unwrap(), &second.lock().heard).then_some(())
        })
        .await;
        assert_eq!(first.lock().packets, 0);
    });
}

/// The name of the ICE session that a description speaks of.
fn ufrag(sdp: &[u8]) -> String {
    let text = String::from_utf8(sdp.to_vec()).unwrap();
    text.lines().find(|line| line.starts_with("a=ice-ufrag")).map(str::to_owned).unwrap()
}

#[test]
fn a_refused_restart_is_taken_back() {
    play(async {
        let (mut anna, mut ben) = connected().await;
        let plain = anna.offer("c1", Wish::Talk).await;
        let (same, _) = ben.answer("c1", plain.clone(), Wish::Talk).await;
        anna.accept("c1", same).await;
        anna.order(Order::Restart { call: "c1".into(), account: "a1".into(), wish: Wish::Talk });
        assert_ne!(ufrag(&anna.offered().await), ufrag(&plain));
        anna.order(Order::Rollback { call: "c1".into() });
        let next = anna.offer("c1", Wish::Talk).await;
        assert_eq!(ufrag(&next), ufrag(&plain), "the session is what it was (RFC 3261 14.1)");
        let (answer, _) = ben.answer("c1", next, Wish::Talk).await;
        anna.accept("c1", answer).await;
        anna.hears_of(&ben).await;
        ben.hears_of(&anna).await;
    });
}

#[test]
fn a_restart_moves_to_new_sockets_under_the_sound() {
    play(async {
        let (mut anna, mut ben) = (Person::new(1), Person::new(2));
        change(&mut anna, &mut ben, Wish::Talk, Wish::Talk).await;
        anna.talk("c1");
        ben.talk("c1");
        let before = anna.secure().await;
        ben.hears_of(&anna).await;
        let plain = anna.offer("c1", Wish::Talk).await;
        let (same, _) = ben.answer("c1", plain.clone(), Wish::Talk).await;
        anna.accept("c1", same.clone()).await;
        anna.order(Order::Restart { call: "c1".into(), account: "a1".into(), wish: Wish::Talk });
        let offer = anna.offered().await;
        assert_ne!(ufrag(&offer), ufrag(&plain));
        let (answer, _) = ben.answer("c1", offer, Wish::Talk).await;
        assert_ne!(ufrag(&answer), ufrag(&same), "new credentials on both sides (RFC 8445 9)");
        anna.accept("c1", answer).await;
        anna.until("a new pair", |happened| match happened {
            Happened::Path { path: PathState::Secure { local, .. }, .. } => (*local != before).then_some(()),
            _ => None,
        })
        .await;
        ben.hears_of(&anna).await;
    });
}

#[test]
fn a_restart_loses_no_packet() {
    play(async {
        let (mut anna, far) = called().await;
        anna.talk("c1");
        anna.secure().await;
        anna.hears(|| far.lock().said.clone()).await;
        let before = far.lock().received();
        anna.order(Order::Restart { call: "c1".into(), account: "a1".into(), wish: Wish::Talk });
        let offer = anna.offered().await;
        anna.accept("c1", far.answer(&offer).into()).await;
        anna.secure().await;
        anna.until_so("two seconds of packets", || (far.lock().packets > before.1 + 100).then_some(())).await;
        let far = far.lock();
        println!("longest time between two packets over the restart: {:?}", far.longest);
        let (expected, received) = far.received();
        assert_eq!(expected - before.0, received - before.1, "no packet is lost on the way");
    });
}

#[test]
fn the_microphone_is_open_only_between_answer_and_end() {
    play(async {
        let (mut anna, far) = (Person::new(1), FarEnd::start(7));
        let offer = far.offer();
        let (answer, _) = anna.answer("c1", offer.into(), Wish::Talk).await;
        far.accept(&answer);
        anna.secure().await;
        // The far end has talked for a second; nothing of hers is there, nor open.
        anna.order(Order::Sound(Sounds { ringer: Some(Tone::Ring), ear: None }));
        let began = far.lock().said.len();
        anna.order(Order::Listen { device: Some(None) });
        anna.until("a level", |happened| matches!(happened, Happened::Levels { call: None, .. }).then_some(())).await;
        anna.order(Order::Listen { device: None });
        anna.until("the end of it", |happened| matches!(happened, Happened::ListenEnded).then_some(())).await;
        let plugged = anna.plugged_by();
        let closed = || !plugged.lock().unwrap().open.contains(&"mic".into());
        eventually("a second of theirs", || closed() && far.lock().said.len() >= began + 48_000).await;
        assert!(far.lock().secure);
        assert_eq!(far.lock().packets, 0, "no sound before the answer");
        anna.plugged().opened.clear();
        anna.order(Order::Sound(Sounds::default()));
        anna.talk("c1");
        anna.until_so("her voice", || (far.lock().packets > 20).then_some(())).await;
        assert!(anna.plugged().open.contains(&"mic".into()));
        anna.order(Order::Close { call: "c1".into() });
        let asked = std::time::Instant::now();
        eventually("a closed microphone", closed).await;
        println!("closed after {:?}", asked.elapsed());
        assert_eq!(anna.plugged().opened.iter().filter(|id| *id == "mic").count(), 1);
    });
}

#[test]
fn a_wrong_certificate_is_no_path() {
    play(async {
        let (mut anna, far) = (Person::new(1), FarEnd::start(7));
        let offer = anna.offer("c1", Wish::Talk).await;
        let stranger = ice::Identity::generate().unwrap();
        let answer: String = far
            .answer(&offer)
            .lines()
            .map(|line| match line.starts_with("a=fingerprint:") {
                true => format!("a=fingerprint:{}\r\n", stranger.fingerprint()),
                false => format!("{line}\r\n"),
            })
            .collect();
        anna.accept("c1", answer.into()).await;
        anna.talk("c1");
        let why = anna
            .until("a failure", |happened| match happened {
                Happened::Path { path: PathState::Failed(why), .. } => Some(*why),
                _ => None,
            })
            .await;
        assert_eq!(why, ice::PathError::Fingerprint);
        assert_eq!(far.lock().packets, 0);
    });
}

#[test]
fn the_phone_rings_and_stops() {
    play(async {
        let mut anna = Person::new(1);
        anna.order(Order::Sound(Sounds { ringer: Some(Tone::Ring), ear: None }));
        let plugged = anna.plugged_by();
        let heard = anna.heard.clone();
        let loud = |samples: usize| rms_dbfs(&heard.since(heard.len().saturating_sub(samples))) > -30.0;
        let closed = || plugged.lock().unwrap().open.is_empty();
        eventually("the ring", || loud(4_800)).await;
        anna.order(Order::Sound(Sounds::default()));
        eventually("its end", closed).await;
        assert!(!loud(480), "it faded");
        anna.order(Order::Key('5'));
        eventually("the key", || loud(2_400)).await;
        // The speaker stays for the next key, and is closed when none comes.
        eventually("the end of the keys", closed).await;
        assert_eq!(anna.plugged().opened, ["ear", "ear"]);
        anna.order(Order::Shutdown);
        while let Some(happened) = anna.happened.recv().await {
            assert!(matches!(happened, Happened::Devices { .. }), "{happened:?}");
        }
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    play(async {
        let mut anna = Person::new(1);
        let refused = |happened: &Happened| match happened {
            Happened::Refused { why, .. } => Some(*why),
            _ => None,
        };
        anna.order(Order::Accept { call: "c9".into(), answer: "v=0\r\n".into() });
        assert_eq!(anna.until("a refusal", refused).await, media::offer::OfferError::NothingOffered);
        let answer =
            Order::Answer { call: "c1".into(), account: "a1".into(), offer: "v=0\r\n".into(), wish: Wish::Talk };
        anna.order(answer);
        anna.until("a refusal", refused).await;
        anna.order(Order::Offer { call: "c1".into(), account: "a2".into(), wish: Wish::Talk });
        anna.until("no path", |happened| matches!(happened, Happened::NoPath { .. }).then_some(())).await;
    });
}
