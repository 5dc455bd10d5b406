//! Calls that are kept in a file.

use std::path::PathBuf;

use super::*;
use crate::sound::{Kept, Trouble};

fn desk() -> Desk {
    let mut desk = Desk::new(Beginning {
        accounts: vec![profile("a1", "alice")],
        for_this_run: true,
        recordings: Some(PathBuf::from("/calls")),
        ..Beginning::default()
    });
    desk.comes_up("a1");
    desk
}

fn kept(error: Option<Trouble>) -> Kept {
    Kept { path: Some(PathBuf::from("/calls/x.wav")), length: Duration::from_millis(1500), error }
}

#[test]
fn a_call_is_recorded_from_when_there_is_a_file_to_when_it_is_told() {
    let mut desk = desk();
    let (call, _) = desk.talks();
    desk.ask(json!({ "do": "set", "setting": "recordAs", "value": "ogg" })).unwrap();
    desk.wanted();
    assert_eq!(desk.ask(json!({ "do": "stop-recording" })).unwrap_err().code, Code::NotNow);
    assert!(desk.state().calls[0].can.contains(&Act::Record));
    desk.ask(json!({ "do": "record" })).unwrap();
    let orders = desk.orders();
    let [Order::Record { call: of, to: Some((place, false)) }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((of, place.folder.to_str(), place.format), (&call, Some("/calls"), crate::contract::RecordAs::Ogg));
    assert!(place.name.ends_with("Z 600"), "{}", place.name);
    assert!(!desk.state().calls[0].recording, "there is no file yet");
    desk.voice(Happened::RecordingBegan { call: call.clone() });
    assert!(desk.state().calls[0].recording);
    // Asked twice, it goes on.
    desk.ask(json!({ "do": "record", "call": call })).unwrap();
    assert!(desk.orders().is_empty());
    desk.ask(json!({ "do": "stop-recording" })).unwrap();
    assert!(matches!(&desk.orders()[..], [Order::Record { to: None, .. }]));
    desk.voice(Happened::Recorded { call: call.clone(), kept: kept(None) });
    assert!(!desk.state().calls[0].recording);
    let told = desk.wanted();
    let [Effect::Notice(Notice::Recorded { path, length_ms, error: None, .. })] = &told[..] else { panic!("{told:?}") };
    assert_eq!((path.as_deref(), *length_ms), (Some("/calls/x.wav"), 1500));
}

/// The files in the rows that are to be kept, in order.
fn rows(effects: &[Effect]) -> Vec<(String, Vec<String>)> {
    let row = |effect: &Effect| match effect {
        Effect::Row(row) => Some((row.id.as_str().to_owned(), row.recordings.clone())),
        _ => None,
    };
    effects.iter().filter_map(row).collect()
}

#[test]
fn the_files_of_a_call_stand_in_its_row_though_the_last_one_ends_after_it() {
    let mut desk = desk();
    let (call, sip) = desk.talks();
    let file = |name: &str| Kept { path: Some(PathBuf::from(name)), ..kept(None) };
    desk.ask(json!({ "do": "record" })).unwrap();
    desk.voice(Happened::RecordingBegan { call: call.clone() });
    desk.ask(json!({ "do": "stop-recording" })).unwrap();
    desk.voice(Happened::Recorded { call: call.clone(), kept: file("/calls/1.wav") });
    desk.ask(json!({ "do": "record" })).unwrap();
    desk.voice(Happened::RecordingBegan { call: call.clone() });
    desk.wanted();
    desk.agent(ended(sip, EndedBy::Remote, None, true));
    assert_eq!(rows(&desk.wanted()), [("h1".to_owned(), vec!["/calls/1.wav".to_owned()])]);
    let seq = desk.state().history_seq;
    // Long after the call has left the list.
    desk.passes(Duration::from_secs(10));
    assert!(desk.state().calls.is_empty());
    desk.voice(Happened::Recorded { call: call.clone(), kept: file("/calls/2.wav") });
    let both = vec!["/calls/1.wav".to_owned(), "/calls/2.wav".to_owned()];
    assert_eq!(rows(&desk.wanted()), [("h1".to_owned(), both)]);
    assert_eq!(desk.state().history_seq, seq + 1, "whoever shows the history asks again");
    // One of which nothing could be made is in no row.
    desk.voice(Happened::Recorded { call, kept: Kept { path: None, ..kept(None) } });
    assert_eq!(rows(&desk.wanted()), []);
}

#[test]
fn a_full_disk_is_told_and_the_call_goes_on() {
    let mut desk = desk();
    let (call, _) = desk.talks();
    desk.voice(Happened::RecordingBegan { call: call.clone() });
    desk.wanted();
    let trouble = Trouble { full: true, detail: "No space left on device".into() };
    desk.voice(Happened::Recorded { call: call.clone(), kept: kept(Some(trouble)) });
    let told = desk.wanted();
    let [Effect::Notice(Notice::Recorded { path: Some(_), error: Some(error), .. })] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(error.code, "disk-full");
    assert!(matches!(desk.phase(&call), Phase::Connected {}));
}

#[test]
fn where_there_is_no_folder_nothing_is_recorded() {
    let mut desk = Desk::registered();
    desk.talks();
    assert!(!desk.state().calls[0].can.contains(&Act::Record));
    assert_eq!(desk.ask(json!({ "do": "record" })).unwrap_err().code, Code::NotNow);
}
