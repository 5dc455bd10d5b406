//! Two phones and a call between them.

use phone::contract::{Act, Call, CauseKind, Direction, Hold, Phase};
use serde_json::json;

use crate::{person::Person, place::Place};

/// Two persons who talk. Gives the call as it is named at either end.
async fn talking(ann: &mut Person, ben: &mut Person, number: &str) -> (String, String) {
    let out = ann.dial(number).await;
    let here = ben.rings().await;
    ann.ringing(&out).await;
    let id = here.id.as_str().to_owned();
    ben.act("answer", &id).await;
    ben.connected(&id).await;
    ann.connected(&out).await;
    (out, id)
}

fn can(call: &Call, act: Act) -> bool {
    call.can.contains(&act)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_talk_hold_mute_and_hang_up() {
    let place = Place::with(2).await;
    let (mut ann, mut ben) = (place.person(0, "Ann").await, place.person(1, "Ben").await);
    let out = ann.dial(&place.number(1)).await;
    let here = ben.rings().await;
    assert_eq!(
        (here.direction, here.with.name.as_str(), here.with.number.clone()),
        (Direction::In, "Ann", place.number(0))
    );
    assert!(can(&here, Act::Answer) && can(&here, Act::Decline) && can(&here, Act::Ignore), "{here:?}");
    assert!(!here.active && here.answered_at.is_none());
    let there = ann.ringing(&out).await;
    assert_eq!((there.with.number.clone(), there.asked.clone()), (place.number(1), place.number(1)));
    let id = here.id.as_str().to_owned();
    ben.act("answer", &id).await;
    ben.connected(&id).await;
    ann.connected(&out).await;
    ann.hears(&ben.ear.clone()).await;
    ben.hears(&ann.ear.clone()).await;

    // Muted, one is not heard and still hears.
    ann.act("mute", &out).await;
    ann.call(&out, "the mute", |call| call.muted).await;
    ben.hears_nothing().await;
    ann.hears(&ben.ear.clone()).await;
    ann.act("unmute", &out).await;
    ben.hears(&ann.ear.clone()).await;

    // On hold, neither hears the other, and both know why.
    let error = ann.refused(json!({ "do": "resume", "call": out })).await;
    assert_eq!(error.code, "not-now");
    ann.act("hold", &out).await;
    let held = ann.call(&out, "the hold", |call| call.hold == Hold::Local && can(call, Act::Resume)).await;
    assert!(!held.active && held.held_at.is_some() && !can(&held, Act::Hold) && !can(&held, Act::Dtmf), "{held:?}");
    ben.call(&id, "the hold there", |call| call.hold == Hold::Remote && call.held_at.is_some()).await;
    ben.hears_nothing().await;
    ben.call(&id, "the way to hold too", |call| can(call, Act::Hold)).await;
    ben.act("hold", &id).await;
    ben.call(&id, "the hold of both", |call| call.hold == Hold::Both && can(call, Act::Resume)).await;
    ann.call(&out, "the hold of both there", |call| call.hold == Hold::Both && can(call, Act::Resume)).await;
    ann.act("resume", &out).await;
    ann.call(&out, "the hold of the other alone", |call| call.hold == Hold::Remote).await;
    ben.call(&id, "the hold of its own alone", |call| call.hold == Hold::Local && can(call, Act::Resume)).await;
    ben.act("resume", &id).await;
    ben.call(&id, "no hold", |call| call.hold == Hold::None && call.active && call.held_at.is_none()).await;
    ann.call(&out, "no hold there", |call| call.hold == Hold::None && call.active).await;
    ann.hears(&ben.ear.clone()).await;
    ben.hears(&ann.ear.clone()).await;

    // Who was called hangs up.
    ben.act("hangup", &id).await;
    ben.ends(&id, CauseKind::HungUpHere).await;
    ann.ends(&out, CauseKind::HungUpThere).await;
    assert_eq!(ann.history().await[0].cause.is, CauseKind::HungUpThere);

    // And in the next call who calls; it goes the other way.
    let (back, id) = talking(&mut ben, &mut ann, &place.number(0)).await;
    ben.act("hangup", &back).await;
    ben.ends(&back, CauseKind::HungUpHere).await;
    ann.ends(&id, CauseKind::HungUpThere).await;
    assert_eq!(ann.state.missed, 0);
    ann.shutdown().await;
    ben.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_call_puts_the_first_on_hold() {
    let place = Place::with(2).await;
    let (mut ann, mut ben) = (place.person(0, "Ann").await, place.person(1, "Ben").await);
    let (out, id) = talking(&mut ann, &mut ben, &place.number(1)).await;
    let echo = ann.dial("600").await;
    ann.connected(&echo).await;
    ann.call(&out, "the first on hold", |call| call.hold == Hold::Local && !call.active).await;
    ben.call(&id, "the hold there", |call| call.hold == Hold::Remote).await;
    let itself = ann.ear.clone();
    ann.hears(&itself).await;
    assert_eq!(ann.state.calls.iter().filter(|call| call.active).count(), 1);
    let error = ann.refused(json!({ "do": "hangup" })).await;
    assert_eq!(error.code, "which-call");
    // Taken up again, the first one puts the second on hold.
    ann.call(&out, "the way back", |call| can(call, Act::Resume)).await;
    ann.act("resume", &out).await;
    ann.call(&echo, "the second on hold", |call| call.hold == Hold::Local).await;
    ben.call(&id, "no hold", |call| call.hold == Hold::None).await;
    ben.hears(&ann.ear.clone()).await;
    // It ends with the phone, and the other hears of it.
    ann.shutdown().await;
    ben.ends(&id, CauseKind::HungUpThere).await;
    // Who went off the line cannot be called.
    let out = ben.dial(&place.number(0)).await;
    ben.ends(&out, CauseKind::Unreachable).await;
    ben.until("the end of the list", |state| {
        state.calls.iter().all(|call| !matches!(call.phase, Phase::Ending {})).then_some(())
    })
    .await;
    ben.shutdown().await;
}
