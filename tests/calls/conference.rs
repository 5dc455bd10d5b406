//! Three phones in one conversation.

use phone::{
    Setup,
    contract::{Act, Call, CauseKind, Hold},
};
use serde_json::json;

use crate::{person::Person, place::Place};

/// The caller is connected with another one who answers. Gives the call as it is named at either end.
async fn connect(from: &mut Person, to: &mut Person, number: &str) -> (String, String) {
    let out = from.dial(number).await;
    let here = to.rings().await.id.as_str().to_owned();
    to.act("answer", &here).await;
    to.connected(&here).await;
    from.connected(&out).await;
    (out, here)
}

fn joined(call: &Call) -> bool {
    call.conference.is_some() && call.active && call.hold == Hold::None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hear_each_other_and_one_leaves() {
    let place = Place::with(3).await;
    let folder = tempfile::tempdir().expect("a folder");
    let recordings = Some(folder.path().to_owned());
    let mut ann = Person::with("Ann", place.secrets(), |setup| Setup { recordings, ..setup }).await;
    ann.add(place.wish(0, "Ann")).await;
    ann.registered("a1").await;
    let (mut ben, mut cat) = (place.person(1, "Ben").await, place.person(2, "Cat").await);
    let (with_ben, at_ben) = connect(&mut ann, &mut ben, &place.number(1)).await;
    let error = ann.refused(json!({ "do": "conference" })).await;
    assert_eq!(error.code, "conference-too-small");
    let (with_cat, at_cat) = connect(&mut ann, &mut cat, &place.number(2)).await;
    ann.call(&with_ben, "the hold", |call| call.hold == Hold::Local && call.can.contains(&Act::Conference)).await;
    ben.call(&at_ben, "the hold there", |call| call.hold == Hold::Remote).await;

    // Joined: who was on hold is back, and those who never called each other talk.
    let done = ann.ask(json!({ "do": "conference" })).await;
    for call in [&with_ben, &with_cat] {
        let call = ann.call(call, "the conference", joined).await;
        assert_eq!(call.conference, done.conference);
    }
    ben.call(&at_ben, "no hold there", |call| call.hold == Hold::None).await;
    // One voice at a time, so that each is known: Ann says nothing, then Ben neither.
    ann.act("mute", &with_ben).await;
    ben.hears(&cat.ear.clone()).await;
    cat.hears(&ben.ear.clone()).await;
    ben.act("mute", &at_ben).await;
    ann.hears(&cat.ear.clone()).await;
    cat.hears_nothing().await;
    ann.act("unmute", &with_cat).await;
    cat.hears(&ann.ear.clone()).await;

    // It is held and taken up as one.
    ann.ask(json!({ "do": "hold" })).await;
    for (person, call) in [(&mut ben, &at_ben), (&mut cat, &at_cat)] {
        person.call(call, "the hold of all", |call| call.hold == Hold::Remote).await;
    }
    ann.call(&with_ben, "the way back", |call| call.can.contains(&Act::Resume)).await;
    ann.act("resume", &with_ben).await;
    for call in [&with_ben, &with_cat] {
        ann.call(call, "the conference again", joined).await;
    }
    for (person, call) in [(&mut ben, &at_ben), (&mut cat, &at_cat)] {
        person.call(call, "no hold", |call| call.hold == Hold::None).await;
    }
    cat.hears(&ann.ear.clone()).await;

    // What is recorded of one stands in its row of the history.
    ann.act("record", &with_ben).await;
    ann.call(&with_ben, "the recording", |call| call.recording).await;

    // Cat goes, and the other two talk on.
    cat.act("hangup", &at_cat).await;
    ann.ends(&with_cat, CauseKind::HungUpThere).await;
    let left = ann.call(&with_ben, "the plain call", |call| call.conference.is_none()).await;
    assert!(left.active && left.hold == Hold::None && !left.can.contains(&Act::Leave), "{left:?}");
    ben.hears(&ann.ear.clone()).await;
    ann.act("hangup", &with_ben).await;
    ben.ends(&at_ben, CauseKind::HungUpThere).await;
    ann.until_told("the file", |own| {
        own.notices.iter().find(|notice| matches!(notice, phone::contract::Notice::Recorded { .. })).cloned()
    })
    .await;
    let rows = ann.history().await;
    let [file] = &rows[0].recordings[..] else { panic!("{:?}", rows[0]) };
    assert!(rows[1].recordings.is_empty() && std::path::Path::new(file).starts_with(folder.path()), "{rows:?}");
    assert!(std::fs::metadata(file).expect("the file").len() > 48_000);
    for person in [ann, ben, cat] {
        person.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_is_split_from_it_waits() {
    let place = Place::with(3).await;
    let (mut ann, mut ben) = (place.person(0, "Ann").await, place.person(1, "Ben").await);
    let mut cat = place.person(2, "Cat").await;
    let (with_ben, at_ben) = connect(&mut ann, &mut ben, &place.number(1)).await;
    let (with_cat, at_cat) = connect(&mut ann, &mut cat, &place.number(2)).await;
    ann.ask(json!({ "do": "conference", "calls": [with_ben, with_cat] })).await;
    ann.call(&with_ben, "the conference", joined).await;
    ann.act("leave", &with_cat).await;
    ann.call(&with_cat, "the hold", |call| call.hold == Hold::Local && !call.active).await;
    cat.call(&at_cat, "the hold there", |call| call.hold == Hold::Remote).await;
    cat.hears_nothing().await;
    ben.call(&at_ben, "the talk", |call| call.hold == Hold::None).await;
    ben.hears(&ann.ear.clone()).await;
    ann.hears(&ben.ear.clone()).await;
    let call = ann.call(&with_ben, "the plain call", |call| call.conference.is_none()).await;
    assert!(call.active, "{call:?}");
    for person in [ann, ben, cat] {
        person.shutdown().await;
    }
}
