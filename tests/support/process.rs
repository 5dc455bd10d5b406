//! A program that runs beside the test: what it says is kept, and it ends when its owner is dropped.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use crate::artefacts;

/// How often something is looked at that cannot wake us.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a program has to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// One line that a program said, and when.
#[derive(Debug, Clone)]
pub struct Said {
    /// Since the program was started.
    pub at: Duration,
    /// Was it said on the error channel?
    pub err: bool,
    /// The line without its end.
    pub text: String,
}

#[derive(Default)]
struct Heard {
    lines: Vec<Said>,
    /// Channels that are still open.
    open: usize,
}

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    begun: Instant,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    log: PathBuf,
}

impl Process {
    /// Starts it in a process group of its own. `name` is what it is called in failures; everything that it says goes to
    /// `<name>.log` among the artefacts of `test` too.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(test: &str, name: &str, command: &mut Command) -> Self {
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started ({:?}): {error}", command.get_program()));
        let log = artefacts(test).join(format!("{name}.log"));
        let file =
            Arc::new(Mutex::new(File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()))));
        let heard = Arc::new((Mutex::new(Heard { lines: Vec::new(), open: 2 }), Condvar::new()));
        let out = child.stdout.take().expect("asked for above");
        let err = child.stderr.take().expect("asked for above");
        listen(out, false, begun, heard.clone(), file.clone());
        listen(err, true, begun, heard.clone(), file);
        let input = child.stdin.take();
        Self { name: name.to_owned(), child, input, begun, heard, log }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its input. `false` when it does not listen any more.
    pub fn say(&mut self, line: &str) -> bool {
        self.input.as_mut().is_some_and(|input| writeln!(input, "{line}").and_then(|()| input.flush()).is_ok())
    }

    /// Closes its input.
    pub fn hush(&mut self) {
        self.input = None;
    }

    /// How many lines it has said.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().lines.len()
    }

    /// What it said from line `from` on.
    #[must_use]
    pub fn said(&self, from: usize) -> Vec<Said> {
        self.lock().lines.get(from..).unwrap_or_default().to_vec()
    }

    /// Waits until `find` makes something of the lines from `from` on, which it is shown one by one and once each.
    /// `None` when `patience` is over or the program has fallen silent for good.
    pub fn hear<T>(
        &self,
        from: usize,
        patience: Duration,
        mut find: impl FnMut(usize, &Said) -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + patience;
        let mut next = from;
        let mut heard = self.lock();
        loop {
            while let Some(line) = heard.lines.get(next) {
                next += 1;
                if let Some(found) = find(next - 1, line) {
                    return Some(found);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if heard.open == 0 || left.is_zero() {
                return None;
            }
            heard = self.heard.1.wait_timeout(heard, left).expect("nobody panics with the lock").0;
        }
    }

    /// Waits for a line with `part` in it.
    ///
    /// # Panics
    /// With all that it said, when no such line comes within `patience`.
    pub fn wait_for(&self, part: &str, patience: Duration) -> Said {
        self.hear(0, patience, |_, line| line.text.contains(part).then(|| line.clone()))
            .unwrap_or_else(|| self.give_up(&format!("it did not say {part:?} within {patience:?}")))
    }

    /// Waits until it takes TCP connections on a port of 127.0.0.1.
    ///
    /// # Panics
    /// With all that it said, when it does not within `patience` or ends before.
    pub fn wait_for_port(&mut self, port: u16, patience: Duration) {
        let until = Instant::now() + patience;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.give_up(&format!("it ended with {status} before it listened on port {port}"));
            }
            if Instant::now() > until {
                self.give_up(&format!("it did not listen on port {port} within {patience:?}"));
            }
            thread::sleep(GLANCE);
        }
    }

    /// Waits until somebody on this machine has that UDP port of 127.0.0.1.
    ///
    /// # Panics
    /// With all that it said, when nobody has it within `patience` or it ends before.
    pub fn wait_for_udp(&mut self, port: u16, patience: Duration) {
        let until = Instant::now() + patience;
        let row = format!(": 0100007F:{port:04X} ");
        while !std::fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.contains(&row)) {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.give_up(&format!("it ended with {status} before it had UDP port {port}"));
            }
            if Instant::now() > until {
                self.give_up(&format!("it did not open UDP port {port} within {patience:?}"));
            }
            thread::sleep(GLANCE);
        }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// With all that it said, when it has not within `patience`.
    pub fn wait_for_end(&mut self, patience: Duration) -> ExitStatus {
        match self.ended_within(patience) {
            Some(status) => status,
            None => self.give_up(&format!("it did not end within {patience:?}")),
        }
    }

    /// Has it ended?
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            thread::sleep(GLANCE);
        }
    }

    /// Sends a signal (`TERM`, `KILL`, `STOP`, …) to it and all that it started in its group.
    pub fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        // It may have ended just now; then there is nobody to tell.
        let _ = Command::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status();
    }

    /// Panics with `why` and the last lines that it said.
    pub fn give_up(&self, why: &str) -> ! {
        let lines = self.said(0);
        let text: String = lines[lines.len().saturating_sub(200)..]
            .iter()
            .map(|line| format!("{:9.3} {} {}\n", line.at.as_secs_f64(), if line.err { '!' } else { ' ' }, line.text))
            .collect();
        panic!("{}: {why}; it said (also in {}):\n{text}", self.name, self.log.display());
    }

    /// Since when it runs.
    #[must_use]
    pub fn begun(&self) -> Instant {
        self.begun
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.0.lock().expect("nobody panics with the lock")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        if self.ended().is_none() {
            self.signal("TERM");
            let ended = self.ended_within(GRACE);
            if ended.is_none() {
                self.signal("KILL");
                let _ = self.child.wait();
            }
        }
    }
}

/// Keeps what comes out of a channel.
fn listen(
    channel: impl Read + Send + 'static,
    err: bool,
    begun: Instant,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    file: Arc<Mutex<File>>,
) {
    thread::spawn(move || {
        let mut reader = BufReader::new(channel);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            line.clear();
            let at = begun.elapsed();
            if let Ok(mut file) = file.lock() {
                // The log is for people; a full disk shows in what the test itself does.
                let _ = writeln!(file, "{:9.3} {} {text}", at.as_secs_f64(), if err { '!' } else { ' ' });
            }
            heard.0.lock().expect("nobody panics with the lock").lines.push(Said { at, err, text });
            heard.1.notify_all();
        }
        heard.0.lock().expect("nobody panics with the lock").open -= 1;
        heard.1.notify_all();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PATIENCE;

    #[test]
    fn it_is_heard_on_both_channels_and_answers() {
        let mut shell = Process::start(
            "support",
            "shell",
            Command::new("sh").args(["-c", "echo one; echo two >&2; read x; echo got $x"]),
        );
        assert!(!shell.wait_for("one", PATIENCE).err);
        assert!(shell.wait_for("two", PATIENCE).err);
        assert!(shell.say("three"));
        shell.wait_for("got three", PATIENCE);
        assert!(shell.wait_for_end(PATIENCE).success());
        assert_eq!(shell.hear(0, PATIENCE, |_, line| line.text.contains("four").then_some(())), None);
    }

    #[test]
    fn dropped_it_ends_with_what_it_started() {
        let shell = Process::start("support", "family", Command::new("sh").args(["-c", "sleep 1000 & echo $!; wait"]));
        let child = shell.hear(0, PATIENCE, |_, line| line.text.parse::<u32>().ok()).unwrap();
        drop(shell);
        let until = Instant::now() + PATIENCE;
        // Gone, or waiting for somebody to take note of its end.
        while std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < until, "it still runs");
            thread::sleep(GLANCE);
        }
    }
}
