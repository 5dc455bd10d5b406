//! The contract as it stands on the lines, and as the window's types say it.

use std::{fs, path::Path};

use serde_json::json;
use ts_rs::{Config, TS};

use super::*;
use crate::fault::{Code, Fault};

/// The types of the window, in the order of this file.
fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let mut text = String::from(
        "// Generated from crates/phone/src/contract by its tests; BELLBIRD_REGENERATE=1 cargo test -p phone contract writes it.\n",
    );
    macro_rules! declare {
        ($($name:ty),* $(,)?) => {$(
            text.push_str("export ");
            text.push_str(&<$name>::decl(&config));
            text.push('\n');
        )*};
    }
    declare!(
        AccountId,
        CallId,
        ConferenceId,
        HistoryId,
        TestId,
        Timestamp,
        Tray,
        Certificate,
        ErrorAct,
        Who,
        Error,
        ConnectStep,
        ConnectWhy,
        LineState,
        Security,
        Turn,
        ContactForm,
        Keepalive,
        SecretState,
        Keep,
        Account,
        AccountWish,
        NameFrom,
        Verified,
        Party,
        CauseKind,
        Cause,
        Phase,
        MediaPath,
        Media,
        Act,
        Direction,
        Hold,
        Call,
        Role,
        DeviceKind,
        Device,
        InUse,
        Prefer,
        Devices,
        Theme,
        RecordAs,
        Echo,
        Delay,
        Noise,
        Settings,
        Dnd,
        TestStep,
        StepResult,
        Test,
        PhoneState,
        HistoryRow,
        Notice,
        Levels,
        Grade,
        Quality,
        CallQuality,
        Watch,
        Command,
        Hello,
        SipLine,
        Ok,
        Reply,
        Line,
    );
    text
}

#[test]
fn the_types_of_the_window_are_those_of_the_phone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/ipc/contract.ts");
    let wanted = typescript();
    if std::env::var_os("BELLBIRD_REGENERATE").is_some() {
        fs::write(&path, &wanted).expect("the window's sources are writable");
    }
    let found = fs::read_to_string(&path).expect("ui/src/ipc/contract.ts");
    assert!(
        found == wanted,
        "ui/src/ipc/contract.ts is not what the contract says: BELLBIRD_REGENERATE=1 cargo test -p phone contract"
    );
}

#[test]
fn lines_are_flat_and_named_as_documented() {
    let reply =
        Line::Reply(Reply { reply: json!(7), ok: Some(Ok { call: Some("c3".into()), ..Ok::default() }), error: None });
    assert_eq!(serde_json::to_value(&reply).unwrap(), json!({ "reply": 7, "ok": { "call": "c3" } }));
    let hello = Line::Hello(Hello { name: "bellbird".into(), version: "0.1.0".into(), contract: CONTRACT });
    assert_eq!(
        serde_json::to_value(&hello).unwrap(),
        json!({ "hello": { "name": "bellbird", "version": "0.1.0", "contract": 1 } })
    );
    let notice = Line::Notice(Notice::DeviceChanged { role: Role::Mic, device: None });
    assert_eq!(
        serde_json::to_value(&notice).unwrap(),
        json!({ "notice": { "is": "device-changed", "role": "mic", "device": null } })
    );
    let notice = Line::Notice(Notice::Dtmf { call: "c1".into(), digit: '5' });
    assert_eq!(
        serde_json::to_value(&notice).unwrap(),
        json!({ "notice": { "is": "dtmf", "call": "c1", "digit": "5" } })
    );
    let phase = serde_json::to_value(Phase::Incoming { may_auto_answer_at: None }).unwrap();
    assert_eq!(phase, json!({ "is": "incoming", "mayAutoAnswerAt": null }));
    assert_eq!(serde_json::to_value(LineState::Off {}).unwrap(), json!({ "is": "off" }));
}

#[test]
fn commands_refuse_what_they_do_not_know() {
    let read = |value| serde_json::from_value::<Command>(value);
    assert!(matches!(read(json!({ "do": "answer" })), Ok(Command::Answer { call: None })));
    assert!(matches!(read(json!({ "do": "watch", "watch": "sip", "call": "c1" })), Ok(Command::Watch { .. })));
    for wrong in [
        json!({ "do": "answer", "now": true }),
        json!({ "do": "state", "x": 1 }),
        json!({ "do": "add-account", "addres": "sip:a@b" }),
        json!({ "do": "watch", "watch": "everything" }),
        json!({ "do": "Answer" }),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_password_comes_out_nowhere() {
    let wish: AccountWish = serde_json::from_value(json!({ "password": "geheim", "turnPassword": "geheim" })).unwrap();
    let shown = format!("{:?}{:?}", wish.password, wish.turn_password);
    assert!(!shown.contains("geheim"), "{shown}");
    let error = crate::words::Words::of("en").error(&Fault::new(Code::WrongPassword));
    assert_eq!((error.code.as_str(), error.act), ("wrong-password", Some(ErrorAct::EnterPassword)));
}
