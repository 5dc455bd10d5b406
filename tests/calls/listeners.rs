//! Who listens: in time, late, slowly, and who says what is no command.

use phone::contract::{CauseKind, Command, Line, Phase, Watch};
use serde_json::json;

use crate::{person::Person, place::Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_listener_loses_levels_and_no_phase() {
    let place = Place::with(1).await;
    let mut ann = place.person(0, "Ann").await;
    let (door, mut slow) = ann.phone.attach();
    door.send(Command::Watch { watch: Watch::Levels, call: None }).await.expect("it may watch");
    let call = ann.dial("600").await;
    ann.connected(&call).await;
    // Four seconds of a call have more levels than are kept for who does not read them.
    let mut levels = 0;
    ann.until_told("many levels", |_| {
        levels += 1;
        (levels > 90).then_some(())
    })
    .await;
    ann.act("hangup", &call).await;
    ann.ends(&call, CauseKind::HungUpHere).await;
    ann.until("the end of the list", |state| state.calls.is_empty().then_some(())).await;
    let last = ann.state.seq;
    ann.shutdown().await;

    let (mut levels, mut seq, mut phases) = (0, None, Vec::new());
    assert!(matches!(slow.next().await, Some(Line::Hello(_))));
    // The phone has ended, so the lines do as well.
    while let Some(line) = slow.next().await {
        match line {
            Line::Levels(_) => levels += 1,
            Line::State(state) => {
                assert!(seq.is_none_or(|before| before < state.seq), "{seq:?} and then {}", state.seq);
                seq = Some(state.seq);
                let phase = state.calls.first().map(|call| word(&call.phase));
                if phases.last() != Some(&phase) {
                    phases.push(phase);
                }
            }
            _ => {}
        }
    }
    assert!((1..=64).contains(&levels), "{levels} levels were kept");
    assert!(seq >= Some(last));
    let whole = [None, Some("dialing"), Some("connecting"), Some("connected"), Some("ended"), None];
    let mut told = phases.iter();
    assert!(whole.iter().all(|phase| told.any(|seen| seen == phase)), "{phases:?}");
}

fn word(phase: &Phase) -> &'static str {
    match phase {
        Phase::Dialing {} => "dialing",
        Phase::Ringing {} => "ringing",
        Phase::EarlyMedia {} => "early-media",
        Phase::Incoming { .. } => "incoming",
        Phase::Connecting {} => "connecting",
        Phase::Connected {} => "connected",
        Phase::Reconnecting { .. } => "reconnecting",
        Phase::Ending {} => "ending",
        Phase::Ended { .. } => "ended",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_command_is_named_and_the_phone_goes_on() {
    let place = Place::with(1).await;
    let mut ann = Person::new("Ann", vec!["geheim".to_owned()]).await;
    for line in [
        "",
        "{",
        "[]",
        "7",
        r#"{"do":"fly"}"#,
        r#"{"do":"call"}"#,
        r#"{"do":"call","to":["geheim"]}"#,
        r#"{"do":"add-account","address":"sip:a@b.example","password":{"geheim":1}}"#,
    ] {
        assert_eq!(ann.babble(line).await.code, "bad-command", "{line}");
    }
    for (command, code) in [
        (json!({ "do": "add-account", "address": "nobody", "password": "geheim" }), "bad-account"),
        (json!({ "do": "set", "setting": "volume", "value": 11 }), "bad-setting"),
        (json!({ "do": "set", "setting": "language", "value": 7 }), "bad-setting"),
        (json!({ "do": "set-device", "role": "mic", "device": "none" }), "no-such-device"),
        (json!({ "do": "answer" }), "no-such-call"),
        (json!({ "do": "call", "to": "600" }), "no-such-account"),
        (json!({ "do": "key", "key": "x" }), "bad-command"),
    ] {
        assert_eq!(ann.refused(command.clone()).await.code, code, "{command}");
    }
    ann.add(place.wish(0, "Ann")).await;
    ann.registered("a1").await;
    // Who comes later gets the whole state at once, and who asks gets it again.
    let (_, mut late) = ann.phone.attach();
    assert!(matches!(late.next().await, Some(Line::Hello(_))));
    let Some(Line::State(state)) = late.next().await else { panic!("the state comes second") };
    assert_eq!(state.accounts.len(), 1);
    ann.ask(json!({ "do": "state" })).await;
    ann.shutdown().await;
}
