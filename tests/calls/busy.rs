//! Calls that are not answered.

use phone::contract::{Act, CauseKind, HistoryRow, Notice, Tray};
use serde_json::json;

use crate::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_declined_ignored_missed_and_seen() {
    let place = Place::with(2).await;
    let (mut ann, mut ben) = (place.person(0, "Ann").await, place.person(1, "Ben").await);

    let out = ann.dial(&place.number(1)).await;
    let here = ben.rings().await.id.as_str().to_owned();
    ben.act("decline", &here).await;
    ben.ends(&here, CauseKind::Declined).await;
    ann.ends(&out, CauseKind::Declined).await;
    assert_eq!((ann.state.missed, ben.state.missed), (0, 0), "what was declined was not missed");

    // What is ignored rings on there, and is missed in the end.
    let out = ann.dial(&place.number(1)).await;
    let here = ben.rings().await.id.as_str().to_owned();
    ann.ringing(&out).await;
    ben.act("ignore", &here).await;
    let ignored = ben.call(&here, "the ignored call", |call| call.silenced).await;
    assert!(ignored.can.contains(&Act::Answer) && !ignored.can.contains(&Act::Ignore), "{ignored:?}");
    ann.act("hangup", &out).await;
    ann.ends(&out, CauseKind::Cancelled).await;
    ben.ends(&here, CauseKind::Cancelled).await;
    let row = ben
        .until_told("the notice", |ben| {
            ben.notices.iter().find_map(|notice| match notice {
                Notice::MissedCall { row } => Some(row.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!((row.with.name.as_str(), row.with.number.clone(), row.seen), ("Ann", place.number(0), false));
    assert_eq!(ben.until("the count", |state| (state.missed > 0).then_some(state.missed)).await, 1);
    let rows = ben.history().await;
    assert_eq!(rows.iter().map(|row| row.cause.is).collect::<Vec<_>>(), [CauseKind::Cancelled, CauseKind::Declined]);
    let text = |row: &HistoryRow| serde_json::to_string(row).expect("JSON");
    assert_eq!(text(&rows[0]), text(&row));
    assert!(rows[1].seen);
    ben.until("the tray", |state| (state.tray == Tray::Missed).then_some(())).await;
    let before = ben.state.history_seq;
    ben.ask(json!({ "do": "seen" })).await;
    ben.until("nothing missed", |state| (state.missed == 0 && state.history_seq > before).then_some(())).await;
    ben.until("the tray", |state| (state.tray == Tray::Ready).then_some(())).await;
    assert!(ben.history().await.iter().all(|row| row.seen));
    assert_eq!(ann.history().await.len(), 2);

    let out = ann.dial("nobody").await;
    ann.ends(&out, CauseKind::NotFound).await;
    ann.shutdown().await;
    ben.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_call_that_waits_is_told_that_one_is_busy() {
    let place = Place::with(2).await;
    let (mut ann, mut ben) = (place.person(0, "Ann").await, place.person(1, "Ben").await);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let out = ann.dial(&place.number(1)).await;
        ann.ringing(&out).await;
        waiting.push(out);
    }
    let third = ann.dial(&place.number(1)).await;
    ann.ends(&third, CauseKind::Busy).await;
    assert_eq!(ben.until("both", |state| (state.calls.len() >= 2).then_some(state.calls.len())).await, 2);
    let error = ben.refused(json!({ "do": "answer" })).await;
    assert_eq!(error.code, "which-call");
    let error = ben.refused(json!({ "do": "answer", "call": "c99" })).await;
    assert_eq!(error.code, "no-such-call");
    for out in &waiting {
        ann.act("hangup", out).await;
        ann.ends(out, CauseKind::Cancelled).await;
    }
    // S24: all three stand in the history of who was called, and all three were missed.
    ben.until("three missed", |state| (state.missed == 3).then_some(())).await;
    assert_eq!(ben.history().await.len(), 3);
    assert_eq!(ben.notices.len(), 3, "{:?}", ben.notices);
    ann.shutdown().await;
    ben.shutdown().await;
}
