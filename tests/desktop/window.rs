//! The real window, driven as a person would drive it: it is found by what can be seen, pressed and typed into.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use acceptance::{PATIENCE, artefacts, port, process::Process};
use serde_json::Value;

use crate::{
    driver::{Driver, Refusal},
    session::{Desktop, program, until},
};

/// How often the page is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// A running Bellbird and its window.
pub(crate) struct Window {
    test: &'static str,
    driver: Driver,
    /// The program; it is a child of the driver.
    pub(crate) pid: u32,
    // With it the program ends.
    _process: Process,
}

impl Window {
    /// Starts Bellbird on a desktop and waits for its page.
    pub(crate) fn open(desktop: &Desktop) -> Self {
        let port = port::free();
        let mut command = desktop.command("WebKitWebDriver");
        command.args(["--host=127.0.0.1", &format!("--port={port}")]).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let mut process = desktop.spawn("webdriver", &mut command);
        process.wait_for_port(port, PATIENCE);
        let driver = Driver::start(port, &program().display().to_string())
            .unwrap_or_else(|error| process.give_up(&format!("no window: {error:?}")));
        let mut pid = None;
        until("the program runs", || {
            pid = child_of(process.id());
            pid.is_some()
        });
        let window = Self { test: desktop.test, driver, pid: pid.expect("waited for"), _process: process };
        window.wait_for("main");
        window
    }

    /// Ends the program as a session of the desktop does when its user logs out, and waits until it is gone. Returns how
    /// long it took.
    pub(crate) fn terminate(self) -> Duration {
        let begun = Instant::now();
        let pid = self.pid.to_string();
        let sent = std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().expect("kill is everywhere");
        assert!(sent.success(), "the program had ended before");
        until("the program has ended", || !runs(self.pid));
        begun.elapsed()
    }

    /// Waits until the selector finds something.
    pub(crate) fn wait_for(&self, selector: &str) {
        self.until(selector, || !self.driver.find(selector).is_empty());
    }

    /// Is a part of that name there now?
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.driver.find(&part(name)).is_empty()
    }

    /// How many elements the selector finds now.
    pub(crate) fn count(&self, selector: &str) -> usize {
        self.driver.find(selector).len()
    }

    /// Presses the part of that name, once it is there.
    pub(crate) fn press(&self, name: &str) {
        self.press_what(&part(name));
    }

    /// Presses what the selector finds first, once it is there.
    pub(crate) fn press_what(&self, selector: &str) {
        self.until(selector, || self.try_press(selector));
    }

    /// Presses what the selector finds first, if it is there and can be pressed now.
    pub(crate) fn try_press(&self, selector: &str) -> bool {
        self.driver.find(selector).first().is_some_and(|element| self.unless_gone(element.click()).is_some())
    }

    /// Types into the field that is labelled so.
    pub(crate) fn type_into(&self, label: &str, text: &str) {
        let path = format!("//label[normalize-space()=\"{label}\"]/following-sibling::div//input");
        self.until(label, || !self.driver.find_by_path(&path).is_empty());
        self.driver.find_by_path(&path)[0].type_keys(text).unwrap_or_else(|error| panic!("{label}: {error:?}"));
    }

    /// What the part of that name says, once it is there.
    pub(crate) fn says(&self, name: &str) -> String {
        self.wait_until_says(name, |_| true)
    }

    /// Waits until the part of that name says something that fits, and returns it.
    pub(crate) fn wait_until_says(&self, name: &str, fits: impl Fn(&str) -> bool) -> String {
        let mut said = String::new();
        let selector = part(name);
        self.until(name, || {
            let found = self.driver.find(&selector);
            let Some(text) = found.first().and_then(|element| self.unless_gone(element.text())) else { return false };
            said = text;
            fits(&said)
        });
        said
    }

    /// All the words that can be seen.
    pub(crate) fn seen(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// How many windows the program shows to the driver.
    pub(crate) fn windows(&self) -> usize {
        self.driver.windows()
    }

    /// Runs a script in the page as an attacker would who has got into it, and returns what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.driver.run(script).unwrap_or_else(|error| panic!("{script}: {error:?}"))
    }

    /// Runs a script that calls its last argument with what it found.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.driver.run_async(script).unwrap_or_else(|error| panic!("{script}: {error:?}"))
    }

    /// Keeps a picture of the page among the artefacts.
    pub(crate) fn picture(&self, name: &str) {
        let picture = self.driver.picture().unwrap_or_else(|error| panic!("no picture: {error:?}"));
        fs::write(artefacts(self.test).join(format!("{name}.png")), picture).expect("a folder of ours");
    }

    /// Waits until something in the page is so; when it never is, keeps a picture and says what the page says.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > PATIENCE {
                self.picture("failed");
                panic!("waited in vain for {what}; the page says:\n{}", self.seen());
            }
            thread::sleep(GLANCE);
        }
    }

    /// A part may be drawn anew, or lie under another, between finding it and asking it; then it is looked for again.
    fn unless_gone<T>(&self, done: Result<T, Refusal>) -> Option<T> {
        const PASSING: [&str; 4] =
            ["stale element reference", "no such element", "element not interactable", "element click intercepted"];
        match done {
            Ok(done) => Some(done),
            Err(error) if PASSING.contains(&error.code.as_str()) => None,
            Err(error) => panic!("{}: {}", error.code, error.message),
        }
    }
}

/// The selector of the part of that name.
pub(crate) fn part(name: &str) -> String {
    format!("[data-part=\"{name}\"]")
}

/// Is there a process of that number that has not ended?
pub(crate) fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The program under test among the children of the driver.
fn child_of(driver: u32) -> Option<u32> {
    // A child belongs to the thread of the driver that started it.
    let wanted = program().canonicalize().ok()?;
    fs::read_dir(format!("/proc/{driver}/task")).ok()?.flatten().find_map(|thread| {
        let children = fs::read_to_string(thread.path().join("children")).ok()?;
        children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .find(|pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == wanted))
    })
}
