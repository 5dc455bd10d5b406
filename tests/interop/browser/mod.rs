//! JsSIP in headless Chromium: an independent client, with a voice of its own and a tape of what it heard.

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use acceptance::{artefacts, line::Talker, repository, sound};
use serde_json::{Value, json};

use crate::suite::{Missing, installed};

/// Who the browser is.
pub(crate) struct Account<'a> {
    /// `wss://…`.
    pub(crate) url: &'a str,
    pub(crate) user: &'a str,
    pub(crate) domain: &'a str,
    pub(crate) password: &'a str,
}

/// A browser with JsSIP in it.
pub(crate) struct Browser {
    talker: Talker,
    voice: Vec<f32>,
    tape: PathBuf,
}

impl Browser {
    /// Starts it as that user, who speaks with the voice of a seed, and waits until it is registered.
    pub(crate) fn start(test: &str, name: &str, account: &Account<'_>, voice: u64) -> Result<Self, Missing> {
        let node = installed("node", "nodejs")?;
        if std::env::var_os("BELLBIRD_CHROMIUM").is_none() {
            installed("chromium", "chromium")?;
        }
        packages()?;
        let folder = artefacts(test);
        let (said, tape) = (folder.join(format!("{name}-said.wav")), folder.join(format!("{name}-heard.wav")));
        let voice = sound::speech(voice, sound::LENGTH);
        sound::write(&said, &voice);
        let talker = Talker::start(test, name, Command::new(node).arg(folder_of_ours().join("jssip.mjs")));
        let mut browser = Self { talker, voice, tape };
        browser.wait("ready");
        browser.act(json!({
            "do": "start", "url": account.url, "user": account.user, "domain": account.domain,
            "password": account.password, "voice": said,
        }));
        browser.wait("registered");
        Ok(browser)
    }

    /// Tells it to do something.
    pub(crate) fn act(&mut self, what: Value) {
        self.talker.send(&what);
    }

    /// Waits for an event after the one that was last waited for, and returns it.
    pub(crate) fn wait(&mut self, event: &str) -> Value {
        let found = self.talker.wait(event, |value| match value["event"].as_str()? {
            name if name == event => Some(Ok(value.clone())),
            "page-error" | "registration-failed" | "failed" => Some(Err(value.clone())),
            _ => None,
        });
        found.unwrap_or_else(|error| self.talker.fail(&format!("instead of {event} came {error}")))
    }

    /// Waits until it has heard so many seconds of sound in this call.
    pub(crate) fn hears(&mut self, seconds: u64) {
        self.talker.wait(&format!("{seconds} s of sound"), |value| {
            (value["event"] == "heard" && value["seconds"].as_u64()? >= seconds).then_some(())
        });
    }

    /// What it heard in the last call, at 48 kHz.
    pub(crate) fn heard(&mut self) -> Vec<f32> {
        self.act(json!({ "do": "recorded", "file": self.tape }));
        self.wait("recorded");
        sound::read(&self.tape)
    }

    /// What it says.
    pub(crate) fn voice(&self) -> &[f32] {
        &self.voice
    }
}

fn folder_of_ours() -> PathBuf {
    repository().join("tests/interop/browser")
}

/// Fetches what `package-lock.json` names, unless it is there.
fn packages() -> Result<(), Missing> {
    static FETCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let fetched = FETCHED.get_or_init(|| {
        let written = |name: &str| fs::metadata(folder_of_ours().join(name)).and_then(|meta| meta.modified());
        let fresh = written("node_modules/.package-lock.json")
            .is_ok_and(|kept| written("package-lock.json").is_ok_and(|wanted| kept >= wanted));
        if fresh {
            return Ok(());
        }
        let npm = installed("npm", "npm").map_err(|missing| missing.0)?;
        let output = Command::new(npm)
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder_of_ours())
            .output()
            .map_err(|error| error.to_string())?;
        let said = || format!("JsSIP cannot be had today: {}", String::from_utf8_lossy(&output.stderr).trim());
        output.status.success().then_some(()).ok_or_else(said)
    });
    fetched.clone().map_err(Missing)
}
