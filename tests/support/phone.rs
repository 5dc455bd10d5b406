//! The terminal phone as a child, driven as any other program would drive it: `bellbird-cli run --json`.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{artefacts, line::Talker, program::terminal_phone, sound};

/// What is louder than this on the meter is sound.
const SOUND_DBFS: f64 = -45.0;
/// How often the meter is told.
const LEVELS_PER_SECOND: usize = 20;

/// With what a phone is started.
#[derive(Clone)]
pub struct Setup<'a> {
    /// `wss://…`.
    pub server: String,
    /// The user part of its address.
    pub user: &'a str,
    /// The domain of its address.
    pub domain: &'a str,
    /// The password, which goes in as the first line.
    pub password: &'a str,
    /// How it knows the server.
    pub trust: Trust,
    /// The seed of what it says; `None` is a phone without a microphone and without a speaker.
    pub voice: Option<u64>,
    /// More flags.
    pub flags: &'a [&'a str],
    /// Variables of its environment.
    pub variables: &'a [(&'a str, &'a str)],
}

/// How the phone knows the server.
#[derive(Clone)]
pub enum Trust {
    /// By whom the system trusts.
    System,
    /// By this authority.
    Authority(PathBuf),
    /// By the SHA-256 of its certificate.
    Pin(String),
}

/// A running terminal phone.
pub struct Phone {
    talker: Talker,
    name: String,
    speaker: PathBuf,
    mic: Option<Vec<f32>>,
    commands: u64,
    /// The line of the state that was last looked at: waiting begins with it, so no state is passed over.
    at: usize,
}

impl Phone {
    /// Starts it; logs and recordings are called `name` and lie among the artefacts of `test`.
    ///
    /// # Panics
    /// When it does not greet.
    #[must_use]
    pub fn start(test: &str, name: &str, setup: &Setup<'_>) -> Self {
        let folder = artefacts(test);
        let (mic, speaker) = (folder.join(format!("{name}-said.wav")), folder.join(format!("{name}-heard.wav")));
        let mut command = Command::new(terminal_phone());
        command.args([
            "run",
            "--json",
            "--server",
            &setup.server,
            "--user",
            setup.user,
            "--domain",
            setup.domain,
            "--password-stdin",
        ]);
        match &setup.trust {
            Trust::System => &mut command,
            Trust::Authority(file) => command.arg("--ca").arg(file),
            Trust::Pin(hash) => command.args(["--pin", hash]),
        };
        let voice = setup.voice.map(|seed| sound::speech(seed, sound::LENGTH));
        match &voice {
            Some(voice) => {
                sound::write(&mic, voice);
                command.arg("--mic").arg(&mic).arg("--speaker").arg(&speaker)
            }
            None => command.args(["--mic", "none", "--speaker", "none"]),
        };
        command.args(["--log", "debug"]).args(setup.flags);
        // The proxy of whoever runs the tests is none of theirs.
        for name in ["https_proxy", "http_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.envs(setup.variables.iter().copied());
        let mut talker = Talker::start(test, name, &mut command);
        talker.send_secret(setup.password);
        let mut phone = Self { talker, name: name.to_owned(), speaker, mic: voice, commands: 0, at: 0 };
        phone.at = phone.talker.find(0, "its hello", |value| value.get("hello").map(|_| ())).0;
        phone
    }

    /// Sends a command and waits for the answer: what came with `ok`, or the error.
    ///
    /// # Panics
    /// With the transcript, when no answer comes.
    pub fn ask(&mut self, mut command: Value) -> Result<Value, Value> {
        self.commands += 1;
        let id = self.commands;
        command["id"] = json!(id);
        let from = self.talker.count();
        self.talker.send(&command);
        self.talker
            .find(from, &format!("the answer to {command}"), |value| {
                (value.get("reply")? == &json!(id)).then(|| match value.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(value["ok"].clone()),
                })
            })
            .1
    }

    /// Sends a command that must be accepted.
    ///
    /// # Panics
    /// With the transcript, when it is refused.
    pub fn tell(&mut self, command: Value) -> Value {
        let shown = command.to_string();
        self.ask(command).unwrap_or_else(|error| self.fail(&format!("{shown} was refused: {error}")))
    }

    /// Waits for a state, from the one last looked at on, of which `find` makes something.
    ///
    /// # Panics
    /// With the transcript, when none comes.
    pub fn until<T>(&mut self, what: &str, mut find: impl FnMut(&Value) -> Option<T>) -> T {
        let (line, found) = self.talker.find(self.at, what, |value| value.get("state").and_then(&mut find));
        self.at = line;
        found
    }

    /// The same with a time of one's own, and `None` when it is over.
    pub fn until_within<T>(&mut self, patience: Duration, mut find: impl FnMut(&Value) -> Option<T>) -> Option<T> {
        let (line, found) =
            self.talker.find_within(self.at, patience, |value| value.get("state").and_then(&mut find))?;
        self.at = line;
        Some(found)
    }

    /// Waits until its first account is registered and returns the account.
    ///
    /// # Panics
    /// With the transcript, when it is not.
    pub fn registered(&mut self) -> Value {
        self.until("a registered account", |state| {
            let account = state["accounts"].get(0)?;
            (account["line"]["is"] == "registered").then(|| account.clone())
        })
    }

    /// Calls and returns the id of the call.
    ///
    /// # Panics
    /// With the transcript, when it may not.
    pub fn call(&mut self, to: &str) -> String {
        let ok = self.tell(json!({ "do": "call", "to": to }));
        ok["call"].as_str().unwrap_or_else(|| self.fail("the answer to `call` has no call")).to_owned()
    }

    /// Waits until a call is in that phase and returns it.
    ///
    /// # Panics
    /// With the transcript, when it does not come there.
    pub fn phase(&mut self, call: &str, phase: &str) -> Value {
        self.until(&format!("call {call} to be {phase}"), |state| {
            let found = state["calls"].as_array()?.iter().find(|row| row["id"] == call)?;
            (found["phase"]["is"] == phase).then(|| found.clone())
        })
    }

    /// Waits until `act` is something that can be done with a call.
    ///
    /// # Panics
    /// With the transcript, when it cannot.
    pub fn may(&mut self, call: &str, act: &str) {
        self.until(&format!("call {call} to allow {act}"), |state| {
            let found = state["calls"].as_array()?.iter().find(|row| row["id"] == call)?;
            found["can"].as_array()?.iter().any(|can| can == act).then_some(())
        });
    }

    /// Waits until somebody calls and returns the call.
    ///
    /// # Panics
    /// With the transcript, when nobody does.
    pub fn incoming(&mut self) -> Value {
        self.until("an incoming call", |state| {
            state["calls"].as_array()?.iter().find(|row| row["phase"]["is"] == "incoming").cloned()
        })
    }

    /// Waits until a call has ended and returns why.
    ///
    /// # Panics
    /// With the transcript, when it does not end.
    pub fn cause(&mut self, call: &str) -> String {
        let ended = self.phase(call, "ended");
        ended["phase"]["cause"]["is"].as_str().unwrap_or_else(|| self.fail("the ended call has no cause")).to_owned()
    }

    /// Waits for a line that is no state: a notice, levels, quality, a SIP message.
    ///
    /// # Panics
    /// With the transcript, when none comes.
    pub fn line<T>(&mut self, what: &str, find: impl FnMut(&Value) -> Option<T>) -> T {
        self.talker.find(0, what, find).1
    }

    /// Waits until it has heard so many seconds of sound from now on, by its own meter.
    ///
    /// # Panics
    /// With the transcript, when it does not.
    pub fn hears(&mut self, seconds: usize) {
        let from = self.talker.count();
        self.tell(json!({ "do": "watch", "watch": "levels" }));
        let mut loud = 0;
        self.talker.find(from, &format!("{seconds} s of sound"), |value| {
            loud += usize::from(value.get("levels")?["far"].as_f64()? > SOUND_DBFS);
            (loud >= seconds * LEVELS_PER_SECOND).then_some(())
        });
        self.tell(json!({ "do": "unwatch", "watch": "levels" }));
    }

    /// Every SIP message that it showed (`watch sip`): was it sent, and its text.
    #[must_use]
    pub fn messages(&self) -> Vec<(bool, String)> {
        let sip =
            |value: &Value| Some((value.get("sip")?["out"].as_bool()?, value["sip"]["text"].as_str()?.to_owned()));
        self.talker.values().iter().filter_map(|(_, value)| sip(value)).collect()
    }

    /// Closes its input and waits until it has hung up, unregistered and ended.
    ///
    /// # Panics
    /// With the transcript, when it does not.
    pub fn end(&mut self) -> ExitStatus {
        self.talker.end()
    }

    /// What it said into its microphone.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn spoken(&self) -> &[f32] {
        self.mic.as_deref().unwrap_or_else(|| panic!("{} has no voice", self.name))
    }

    /// What its speaker played, at 48 kHz; whole only after the end.
    ///
    /// # Panics
    /// When there is no recording.
    #[must_use]
    pub fn heard(&self) -> Vec<f32> {
        sound::read(&self.speaker)
    }

    /// Where the recording of the speaker lies.
    #[must_use]
    pub fn recording(&self) -> &Path {
        &self.speaker
    }

    /// The program under the phone, for sending what is no command, or signals.
    #[must_use]
    pub fn talker(&mut self) -> &mut Talker {
        &mut self.talker
    }

    /// Panics with `why` and the transcript.
    pub fn fail(&self, why: &str) -> ! {
        self.talker.fail(why)
    }
}
