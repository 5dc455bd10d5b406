//! Headless Chromium with a page that holds any number of peer connections, each with a voice of its own and a tape.

use std::{path::Path, process::Command};

use acceptance::{line::Talker, program, repository};
use serde_json::{Value, json};

/// The browser; it ends when this is dropped.
pub(crate) struct Browser(Talker);

impl Browser {
    /// Starts it, with what its ends say again and again; `None` where there is none.
    pub(crate) fn start(voice: &Path) -> Option<Self> {
        let node = program::find("node")?;
        let script = repository().join("tests/interop/browser/far.mjs");
        let mut browser = Self(Talker::start("far", "far-browser", Command::new(node).arg(script)));
        browser.ask("start", &json!({ "voice": voice }));
        Some(browser)
    }

    /// Has the page do something, and waits for what comes of it.
    fn ask(&mut self, verb: &str, with: &Value) -> Value {
        let mut request = with.clone();
        request["do"] = verb.into();
        self.0.send(&request);
        let found = self.0.wait(verb, |value| match value["event"].as_str()? {
            event if event == verb => Some(Ok(value["result"].clone())),
            "page-error" => Some(Err(value.clone())),
            _ => None,
        });
        found.unwrap_or_else(|error| self.0.fail(&format!("instead of {verb} came {error}")))
    }

    /// The offer of a new end of that name, as it comes from a page that asks for nothing.
    pub(crate) fn offer(&mut self, name: &str) -> String {
        self.text("offer", &json!({ "name": name }))
    }

    /// The answer of a new end.
    pub(crate) fn answer(&mut self, name: &str, offer: &str) -> String {
        self.text("answer", &json!({ "name": name, "sdp": offer }))
    }

    fn text(&mut self, verb: &str, with: &Value) -> String {
        self.ask(verb, with).as_str().expect("a description").to_owned()
    }

    pub(crate) fn accept(&mut self, name: &str, answer: &str) {
        self.ask("accept", &json!({ "name": name, "sdp": answer }));
    }

    /// Waits until the end is connected.
    pub(crate) fn connected(&mut self, name: &str) {
        self.ask("connected", &json!({ "name": name }));
    }

    /// Lets the ends begin to speak, each with the first word, and all tapes run.
    pub(crate) fn speak(&mut self, names: &[&str]) {
        self.ask("speak", &json!({ "names": names }));
    }

    /// Waits until the tape of that end is so long.
    pub(crate) fn taped(&mut self, name: &str, seconds: usize) {
        // Longer than anything else here may take.
        for until in (20..seconds).step_by(20).chain([seconds]) {
            self.ask("taped", &json!({ "name": name, "seconds": until }));
        }
    }

    /// Writes the tape of that end to a file of 48 kHz.
    pub(crate) fn tape(&mut self, name: &str, file: &Path) {
        self.ask("tape", &json!({ "name": name, "file": file }));
    }

    /// What the end says of the sound that it receives: `RTCInboundRtpStreamStats`.
    pub(crate) fn received(&mut self, name: &str) -> Value {
        self.ask("received", &json!({ "name": name }))
    }
}
