//! A program that speaks JSON, one value a line, both ways: the terminal phone, and the browser that the tests drive.

use std::{
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{PATIENCE, process::Process};

/// A line in a failure is cut after so many characters.
const LINE: usize = 600;

/// Such a program.
pub struct Talker {
    process: Process,
    /// The line from which on nothing was waited for yet.
    next: usize,
    said: Vec<(Duration, String)>,
}

impl Talker {
    /// Starts it; see [`Process::start`].
    #[must_use]
    pub fn start(test: &str, name: &str, command: &mut Command) -> Self {
        Self { process: Process::start(test, name, command), next: 0, said: Vec::new() }
    }

    /// Sends a value.
    ///
    /// # Panics
    /// With the transcript, when it does not listen.
    pub fn send(&mut self, value: &Value) {
        self.send_line(&value.to_string());
    }

    /// Sends a line that may be no value at all.
    ///
    /// # Panics
    /// With the transcript, when it does not listen.
    pub fn send_line(&mut self, line: &str) {
        self.said.push((self.process.begun().elapsed(), line.to_owned()));
        if !self.process.say(line) {
            self.fail(&format!("it did not take {line}"));
        }
    }

    /// Sends a line that the transcript must not show.
    ///
    /// # Panics
    /// With the transcript, when it does not listen.
    pub fn send_secret(&mut self, line: &str) {
        self.said.push((self.process.begun().elapsed(), "(a secret)".to_owned()));
        if !self.process.say(line) {
            self.fail("it did not take the password");
        }
    }

    /// The first value from line `from` on of which `find` makes something, and the number of its line.
    ///
    /// # Panics
    /// With the transcript, when none comes in time.
    pub fn find<T>(&self, from: usize, what: &str, find: impl FnMut(&Value) -> Option<T>) -> (usize, T) {
        self.find_within(from, PATIENCE, find).unwrap_or_else(|| self.fail(&format!("waited in vain for {what}")))
    }

    /// The same with a time of one's own, and `None` when it is over.
    pub fn find_within<T>(
        &self,
        from: usize,
        patience: Duration,
        mut find: impl FnMut(&Value) -> Option<T>,
    ) -> Option<(usize, T)> {
        self.process.hear(from, patience, |index, line| {
            let value: Value = if line.err { return None } else { serde_json::from_str(&line.text).ok()? };
            find(&value).map(|found| (index, found))
        })
    }

    /// Waits for a value after the one that was last waited for.
    ///
    /// # Panics
    /// With the transcript, when none comes in time.
    pub fn wait<T>(&mut self, what: &str, find: impl FnMut(&Value) -> Option<T>) -> T {
        let (index, found) = self.find(self.next, what, find);
        self.next = index + 1;
        found
    }

    /// Every value that it said so far, with its time since the start.
    #[must_use]
    pub fn values(&self) -> Vec<(Duration, Value)> {
        let lines = self.process.said(0);
        lines
            .iter()
            .filter(|line| !line.err)
            .filter_map(|line| Some((line.at, serde_json::from_str(&line.text).ok()?)))
            .collect()
    }

    /// How many lines it said so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.process.count()
    }

    /// Closes its input and waits until it has ended.
    ///
    /// # Panics
    /// With the transcript, when it does not end.
    pub fn end(&mut self) -> ExitStatus {
        self.process.hush();
        let until = Instant::now() + PATIENCE;
        self.process.wait_for_end(until.saturating_duration_since(Instant::now()))
    }

    /// The process.
    #[must_use]
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Panics with `why` and both sides of what was said; long lines are cut, for the log has them whole.
    pub fn fail(&self, why: &str) -> ! {
        let mut all: Vec<(Duration, String)> = self.said.iter().map(|(at, line)| (*at, format!("<< {line}"))).collect();
        all.extend(
            self.process
                .said(0)
                .into_iter()
                .map(|line| (line.at, format!("{} {}", if line.err { "!!" } else { ">>" }, line.text))),
        );
        all.sort_by_key(|(at, _)| *at);
        // Of a state, what comes before the calls seldom matters.
        let tail =
            |line: &str| line.find("\"calls\":").map_or(0, |at| if line.contains("{\"state\":") { at } else { 0 });
        let cut =
            |line: &str| line[..3].chars().chain(line[tail(line).max(3)..].chars().take(LINE)).collect::<String>();
        let text: String = all.iter().map(|(at, line)| format!("{:9.3} {}\n", at.as_secs_f64(), cut(line))).collect();
        panic!("{}: {why}\n{text}", self.process.name());
    }
}
