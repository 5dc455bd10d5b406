//! The built program as a child, with lines in and lines out.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take before a test gives up; nothing waits this long unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The program, with a home of its own and nothing of the person's.
pub(crate) fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellbird-cli"));
    command.env("HOME", home).env("XDG_DATA_HOME", home.join("data"));
    for name in ["BELLBIRD_LOG", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8");
    command
}

/// A running program.
pub(crate) struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Vec<String>,
    /// Up to where the lines were looked at.
    at: usize,
    deadline: Instant,
}

impl Talk {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let input = child.stdin.take();
        Self { child, input, lines, said: Vec::new(), at: 0, deadline: Instant::now() + PATIENCE }
    }

    pub(crate) fn send(&mut self, line: impl AsRef<[u8]>) {
        let input = self.input.as_mut().expect("the input is open");
        input
            .write_all(line.as_ref())
            .and_then(|()| input.write_all(b"\n"))
            .and_then(|()| input.flush())
            .expect("it reads");
    }

    /// The next line, from the last that was found on, of which `find` makes something.
    pub(crate) fn find<T>(&mut self, what: &str, mut find: impl FnMut(&str) -> Option<T>) -> T {
        loop {
            while let Some(line) = self.said.get(self.at) {
                self.at += 1;
                if let Some(found) = find(line) {
                    return found;
                }
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(_) => panic!("waited in vain for {what}:\n{}", self.said.join("\n")),
            }
        }
    }

    /// The next line of JSON of which `find` makes something.
    pub(crate) fn json<T>(&mut self, what: &str, mut find: impl FnMut(&Value) -> Option<T>) -> T {
        self.find(what, |line| find(&serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))))
    }

    /// The next state of which `find` makes something.
    pub(crate) fn state<T>(&mut self, what: &str, mut find: impl FnMut(&Value) -> Option<T>) -> T {
        self.json(what, |line| line.get("state").and_then(&mut find))
    }

    /// The answer to the command of that id.
    pub(crate) fn reply(&mut self, id: &Value) -> Value {
        self.json(&format!("the answer to {id}"), |line| (line.get("reply")? == id).then(|| line.clone()))
    }

    /// Ends the input and waits for the end of the program. Gives its code and all that it said.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>) {
        drop(self.input.take());
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.said.join("\n")),
            }
        }
        let status = self.child.wait().expect("it ends");
        (status, std::mem::take(&mut self.said))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; one that did not has waited for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
