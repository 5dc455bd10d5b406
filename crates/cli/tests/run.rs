//! The built program, driven as a program and as a person drive it.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, reason = "each of the tests uses its part")]
mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Talk, program};

const SILENT: [&str; 4] = ["--mic", "none", "--speaker", "none"];

fn practice(home: &tempfile::TempDir) -> Command {
    let mut command = program(home.path());
    command.args(["run", "--practice"]).args(SILENT);
    command
}

fn registered(state: &Value) -> Option<()> {
    state["accounts"]
        .as_array()?
        .iter()
        .any(|own| own["practice"] == true && own["line"]["is"] == "registered")
        .then_some(())
}

fn phase<'a>(state: &'a Value, id: &str) -> Option<&'a str> {
    state["calls"].as_array()?.iter().find(|call| call["id"] == id)?["phase"]["is"].as_str()
}

#[test]
fn a_program_calls_the_echo() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(practice(&home).arg("--json"));
    let hello = talk.json("the hello", |line| line.get("hello").cloned());
    assert_eq!(hello, json!({ "name": "bellbird", "version": env!("CARGO_PKG_VERSION"), "contract": 1 }));
    talk.state("the practice line", registered);
    talk.send(r#"{"id":7,"do":"call","to":"600"}"#);
    let reply = talk.reply(&json!(7));
    let id = reply["ok"]["call"].as_str().expect("a call").to_owned();
    talk.state("a connected call", |state| (phase(state, &id)? == "connected").then_some(()));
    talk.send(r#"{"id":"h","do":"hangup"}"#);
    assert_eq!(talk.reply(&json!("h")), json!({ "reply": "h", "ok": { "call": id } }));
    talk.state("the end of the call", |state| (phase(state, &id)? == "ended").then_some(()));
    talk.send(r#"{"id":8,"do":"history"}"#);
    let rows = talk.reply(&json!(8))["ok"]["rows"].clone();
    assert_eq!((rows.as_array().map(Vec::len), &rows[0]["asked"]), (Some(1), &json!("600")));
    let (status, said) = talk.end();
    assert_eq!(status.code(), Some(0));
    assert!(said.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "every line is JSON");
}

#[test]
fn the_end_of_input_hangs_up() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(practice(&home).arg("--json"));
    talk.state("the practice line", registered);
    talk.send(r#"{"do":"call","to":"600"}"#);
    talk.state("a connected call", |state| (state["calls"][0]["phase"]["is"] == "connected").then_some(()));
    let (status, said) = talk.end();
    assert_eq!(status.code(), Some(0));
    let ended = said.iter().rev().find(|line| line.contains(r#""is":"hung-up-here""#));
    assert!(ended.is_some(), "{}", said.last().unwrap());
}

#[test]
fn bad_lines_are_answered_and_never_fatal() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(practice(&home).arg("--json"));
    talk.json("the hello", |line| line.get("hello").map(drop));
    let long = vec![b'x'; 2 << 20];
    let bad: [&[u8]; 9] = [
        b"{",
        b"null",
        b"[1]",
        br#"{"do":"fly"}"#,
        br#"{"do":"call"}"#,
        br#"{"do":"call","to":"600","wings":2}"#,
        br#"{"do":"state","id":[]}"#,
        b"\xff\xfe",
        &long,
    ];
    for line in bad {
        talk.send(line);
        let answer = talk.json("an answer", |line| line.get("reply").is_some().then(|| line.clone()));
        assert_eq!((&answer["reply"], &answer["error"]["code"]), (&Value::Null, &json!("bad-command")), "{answer}");
        assert!(answer["error"]["why"].is_string(), "the place is named: {answer}");
    }
    talk.send(b"");
    for (id, line, code) in [
        (1, r#"{"id":1,"do":"hangup","call":"c99"}"#, "no-such-call"),
        (2, r#"{"id":2,"do":"register","account":"a99"}"#, "no-such-account"),
        (3, r#"{"id":3,"do":"set","setting":"theme","value":"plaid"}"#, "bad-setting"),
        (4, r#"{"id":4,"do":"set-device","role":"mic","device":"d99"}"#, "no-such-device"),
        (5, r#"{"id":5,"do":"add-account","address":"nobody"}"#, "bad-account"),
    ] {
        talk.send(line);
        assert_eq!(talk.reply(&json!(id))["error"]["code"], code, "{line}");
    }
    talk.send(r#"{"id":9,"do":"state"}"#);
    assert!(talk.reply(&json!(9))["ok"].is_object());
    assert_eq!(talk.end().0.code(), Some(0));
}

#[test]
fn a_person_calls_the_echo() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(&mut practice(&home));
    talk.find("the greeting", |line| line.contains("Type help").then_some(()));
    talk.find("the practice line", |line| (line.starts_with("a0 ") && line.ends_with(": ready")).then_some(()));
    talk.send("fly");
    talk.find("a way out", |line| line.contains("Type help to see").then_some(()));
    talk.send("call 600");
    talk.find("a connected call", |line| line.contains("connected").then_some(()));
    talk.send("hold");
    talk.find("the hold", |line| line.contains("on hold").then_some(()));
    talk.send("calls");
    talk.find("the list", |line| line.contains("on hold").then_some(()));
    talk.send("resume");
    talk.send("hangup");
    talk.find("the end", |line| line.ends_with(": ended").then_some(()));
    talk.send("history 600");
    talk.find("the history", |line| line.contains("-> 600").then_some(()));
    talk.send("hangup");
    talk.find("a refusal", |line| line.contains("call").then_some(()));
    let (status, said) = talk.end();
    assert_eq!(status.code(), Some(0));
    assert!(said.iter().all(|line| !line.contains(['\u{2068}', '\u{2069}'])), "no isolation marks in a terminal");
}

#[test]
fn only_one_phone_has_the_stored_accounts() {
    let home = tempfile::tempdir().unwrap();
    let mut first = Talk::start(program(home.path()).args(["run", "--json"]).args(SILENT));
    first.state("a state", |_| Some(()));
    for json in [true, false] {
        let mut second = program(home.path());
        second.arg("run").args(SILENT).args(json.then_some("--json")).stdin(std::process::Stdio::null());
        let done = second.output().unwrap();
        assert_eq!(done.status.code(), Some(1));
        let said = String::from_utf8_lossy(if json { &done.stdout } else { &done.stderr }).into_owned();
        assert!(said.contains("already-running"), "{said}");
    }
    assert_eq!(first.end().0.code(), Some(0));
    let mut third = Talk::start(program(home.path()).args(["run", "--json"]).args(SILENT));
    third.state("a state", |_| Some(()));
    assert_eq!(third.end().0.code(), Some(0));
}

#[test]
fn a_password_goes_in_and_never_comes_out() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let pbx = runtime.block_on(pbx::start(pbx::Config::practice())).unwrap();
    let password = pbx.password();
    let secret = password.expose();
    let home = tempfile::tempdir().unwrap();
    for from in ["--password-stdin", "--password-env=BELLBIRD_TEST"] {
        let mut command = program(home.path());
        let log = home.path().join("log");
        command.args(["run", "--json", "--server", pbx.url(), "--pin", pbx.pin(), "--user", pbx.user()]);
        command.args(["--domain", pbx.domain(), from]).args(SILENT);
        // All that any library has to say: also where the password is proven.
        command.env("BELLBIRD_TEST", secret).env("BELLBIRD_LOG", "trace").stderr(std::fs::File::create(&log).unwrap());
        let mut talk = Talk::start(&mut command);
        if from == "--password-stdin" {
            talk.send(secret);
        }
        talk.state("a registered line", |state| {
            let account = &state["accounts"][0];
            assert_eq!((&account["user"], &account["secret"]), (&json!(pbx.user()), &json!("run")));
            (account["line"]["is"] == "registered").then_some(())
        });
        talk.send(r#"{"id":0,"do":"watch","watch":"sip"}"#);
        talk.send(format!(r#"{{"id":1,"do":"change-account","account":"a1","password":"{secret}","keep":"run"}}"#));
        assert!(talk.reply(&json!(1))["ok"].is_object());
        talk.json("a REGISTER of the new password", |line| {
            let text = line.get("sip")?["text"].as_str()?;
            (text.starts_with("REGISTER") && text.contains("Authorization:")).then_some(())
        });
        talk.send(format!(r#"{{"id":2,"do":"change-account","account":"a1","password":"x","keep":"{secret}"}}"#));
        talk.json("a refusal", |line| (line["error"]["code"] == "bad-command").then_some(()));
        let (status, said) = talk.end();
        assert_eq!(status.code(), Some(0));
        let log = std::fs::read_to_string(log).unwrap();
        assert!(!log.is_empty() && !log.contains(secret), "in the log of {from}");
        assert!(said.iter().all(|line| !line.contains(secret)), "in the lines of {from}");
    }
    runtime.block_on(pbx.shutdown());
}

#[test]
fn a_wav_file_is_a_microphone_and_a_speaker() {
    let home = tempfile::tempdir().unwrap();
    let [mic, speaker] = ["mic.wav", "speaker.wav"].map(|name| home.path().join(name));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&mic, spec).unwrap();
    let mut speech = media::signal::Speech::new(1);
    let mut sound = vec![0.0; 48_000 * 20];
    speech.fill(&mut sound);
    sound.iter().try_for_each(|sample| wav.write_sample((sample * 32_767.0) as i16)).unwrap();
    wav.finalize().unwrap();
    let mut command = program(home.path());
    command.args(["run", "--json", "--practice", "--mic"]).arg(&mic).arg("--speaker").arg(&speaker);
    let mut talk = Talk::start(&mut command);
    talk.state("the practice line", registered);
    talk.send(r#"{"do":"watch","watch":"levels"}"#);
    talk.send(r#"{"do":"call","to":"600"}"#);
    let mut loud = 0;
    talk.json("two seconds of the echo", |line| {
        loud += usize::from(line.get("levels")?["far"].as_f64()? > -45.0);
        (loud >= 40).then_some(())
    });
    assert_eq!(talk.end().0.code(), Some(0));
    let mut heard = hound::WavReader::open(&speaker).unwrap();
    let bits = heard.spec().bits_per_sample;
    let loudest = match heard.spec().sample_format {
        hound::SampleFormat::Int => {
            heard.samples::<i32>().map(|s| s.unwrap().abs() as f32 / (1u32 << (bits - 1)) as f32).fold(0.0, f32::max)
        }
        hound::SampleFormat::Float => heard.samples::<f32>().map(|s| s.unwrap().abs()).fold(0.0, f32::max),
    };
    assert!(loudest > 0.05, "{loudest}");
}

#[test]
fn what_is_not_understood_ends_with_2_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    for (line, said) in [
        (&[][..], "command is missing"),
        (&["fly"], "no command fly"),
        (&["run", "--wings"], "no flag --wings"),
        (&["run", "--user", "1"], "--domain or --server"),
        (&["echo-test", "--mic", "none"], "no flag of echo-test"),
    ] {
        let done = program(home.path()).args(line).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{line:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains(said), "{line:?}");
        assert!(done.stdout.is_empty());
    }
}

#[test]
fn what_cannot_be_done_ends_with_1_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    let account = ["--user", "1", "--domain", "a.example"];
    for (flags, said) in [
        (&["--mic", "/no/such/file.wav"][..], "/no/such/file.wav"),
        (&["--ca", "/no/such/file.pem"], "/no/such/file.pem"),
        (&["--password-env", "BELLBIRD_NOT_SET"], "BELLBIRD_NOT_SET"),
        (&["--password-stdin"], "no password"),
        (&["--pin", "12"], "bad-account"),
    ] {
        let mut command = program(home.path());
        command.arg("run").args(account).args(flags).stdin(std::process::Stdio::null());
        if !flags.contains(&"--mic") {
            command.args(SILENT);
        }
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{flags:?}: {done:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains(said), "{flags:?}: {done:?}");
    }
}

#[test]
fn it_says_its_version_and_its_help() {
    let home = tempfile::tempdir().unwrap();
    let done = program(home.path()).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout), format!("bellbird-cli {}\n", env!("CARGO_PKG_VERSION")));
    let help = program(home.path()).arg("--help").output().unwrap();
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--password-stdin"));
}
