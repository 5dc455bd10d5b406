//! A sound server of the test's own, PulseAudio or PipeWire: two null sinks and a microphone that plays back what goes into
//! one of them.
//!
//! The phone finds its server by the environment, which a test cannot change for itself. So each test starts its server and
//! then runs once more, alone, in a child process that is told where the server is.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Names the server's folder to the child.
const FOLDER: &str = "BELLBIRD_TEST_PULSE";
/// Nothing here takes longer than this unless it has failed.
const LONGEST: Duration = Duration::from_secs(20);

/// Whose server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    PulseAudio,
    PipeWire,
}

/// The running server.
pub(crate) struct Server {
    kind: Kind,
    folder: PathBuf,
    processes: Vec<Child>,
}

/// Runs `body` in a process whose sound server is a new private PulseAudio.
pub(crate) fn with_server(test: &str, body: impl FnOnce(&mut Server)) {
    with(Kind::PulseAudio, test, body);
}

/// Runs `body` in a process whose sound server is new and private. Says so loudly, and does nothing, where it is not
/// installed.
pub(crate) fn with(kind: Kind, test: &str, body: impl FnOnce(&mut Server)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut server = Server { kind, folder: folder.into(), processes: Vec::new() };
        server.start();
        return body(&mut server);
    }
    let needed: &[&str] = match kind {
        Kind::PulseAudio => &["pulseaudio", "pactl", "pacat", "parec"],
        Kind::PipeWire => &["dbus-daemon", "pipewire", "wireplumber", "pipewire-pulse", "pactl", "pacat", "parec"],
    };
    let is_missing = |name: &&&str| Command::new(name).arg("--version").stdout(Stdio::null()).status().is_err();
    if let Some(missing) = needed.iter().find(is_missing) {
        eprintln!("SKIPPED: {test} needs {missing}, which is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("our own folder");
    let status = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .env("HOME", folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("PULSE_SERVER", format!("unix:{}", kind.socket(folder.path()).display()))
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .status()
        .expect("this test can be run again");
    assert!(status.success(), "{test} failed in its own process");
}

impl Kind {
    fn socket(self, folder: &Path) -> PathBuf {
        folder.join(if self == Self::PulseAudio { "pulse.sock" } else { "pulse/native" })
    }
}

impl Server {
    /// Starts the server and waits until it answers.
    pub(crate) fn start(&mut self) {
        match self.kind {
            Kind::PulseAudio => self.start_pulseaudio(),
            Kind::PipeWire => self.start_pipewire(),
        }
    }

    fn start_pipewire(&mut self) {
        // Without a bus its manager knows no defaults.
        let bus = format!("unix:path={}/bus", self.folder.display());
        let address = format!("--address={bus}");
        let servers: [(&str, &[&str], &str); 4] = [
            ("dbus-daemon", &["--session", "--nofork", "--nopidfile", &address], "bus"),
            ("pipewire", &[], "pipewire-0"),
            ("wireplumber", &[], "pipewire-0"),
            ("pipewire-pulse", &[], "pulse/native"),
        ];
        for (name, arguments, file) in servers {
            let mut command = Command::new(name);
            command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", &bus).env_remove("PULSE_SERVER");
            self.processes.push(command.stderr(Stdio::null()).spawn().expect("it starts"));
            until(name, || self.folder.join(file).exists());
        }
        until("the server answers", || self.pactl(&["info"]).status.success());
        self.module("module-null-sink", &["sink_name=speaker", "sink_properties=device.description=Speaker"]);
        self.module("module-null-sink", &["sink_name=micfeed"]);
        let named = "source_properties=device.description=Headset";
        self.module("module-remap-source", &["source_name=mic", "master=micfeed.monitor", named]);
        // A device may be named before it is there.
        for words in [["set-default-sink", "speaker"], ["set-default-source", "mic"]] {
            until("there is a default", || self.pactl(&words).status.success());
        }
        until("it is the default", || {
            let info = String::from_utf8_lossy(&self.pactl(&["info"]).stdout).into_owned();
            info.contains("Default Sink: speaker") && info.contains("Default Source: mic")
        });
    }

    /// Loads a module and gives its number.
    pub(crate) fn module(&self, name: &str, arguments: &[&str]) -> String {
        let loaded = self.pactl(&[&["load-module", name], arguments].concat());
        assert!(loaded.status.success(), "{name}: {}", String::from_utf8_lossy(&loaded.stderr));
        String::from_utf8_lossy(&loaded.stdout).trim().to_owned()
    }

    fn start_pulseaudio(&mut self) {
        let folder = self.folder.display();
        let setup = format!(
            "load-module module-native-protocol-unix socket={folder}/pulse.sock auth-anonymous=1\n\
             load-module module-cli-protocol-unix socket={folder}/console.sock\n\
             load-module module-null-sink sink_name=speaker rate=48000 channels=2 norewinds=1 sink_properties=device.description=Speaker\n\
             load-module module-null-sink sink_name=micfeed rate=48000 channels=2 norewinds=1\n\
             load-module module-remap-source master=micfeed.monitor source_name=mic source_properties=device.description=Headset\n\
             set-default-sink speaker\nset-default-source mic\n"
        );
        let script = self.folder.join("test.pa");
        fs::write(&script, setup).expect("our own folder");
        let process = Command::new("pulseaudio")
            .args(["-n", "-F"])
            .arg(&script)
            .args(["--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no", "--high-priority=no"])
            .env_remove("PULSE_SERVER")
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio starts");
        self.processes.push(process);
        until("the server answers", || self.pactl(&["info"]).status.success());
    }

    /// Ends the server, as a crash would.
    pub(crate) fn kill(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill().expect("it runs");
            process.wait().expect("it has ended");
        }
    }

    /// Asks the server for something.
    pub(crate) fn pactl(&self, words: &[&str]) -> Output {
        Command::new("pactl").args(words).output().expect("pactl is installed with the server")
    }

    /// Speaks to the server without a process for each word.
    pub(crate) fn console(&self) -> Console {
        let socket = UnixStream::connect(self.folder.join("console.sock")).expect("the server has a console");
        socket.set_read_timeout(Some(LONGEST)).expect("a time limit");
        let mut console = Console { socket: BufReader::new(socket), modules: 0 };
        let modules = console.ask("list-modules");
        let numbers = modules.iter().filter_map(|line| line.trim().strip_prefix("index: ")?.parse().ok());
        console.modules = numbers.max().expect("it has modules");
        console
    }

    /// Records a source from now on, as 48 kHz mono `f32` on its standard output.
    pub(crate) fn record(&self, source: &str) -> Child {
        Command::new("parec")
            .arg(format!("--device={source}"))
            .args(["--raw", "--format=float32le", "--rate=48000", "--channels=1", "--latency-msec=20"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("parec is installed with the server")
    }

    /// Plays a sound into a sink.
    pub(crate) fn play(&self, sink: &str, sound: &[f32]) -> Child {
        let file = self.folder.join(format!("{sink}.raw"));
        let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        fs::write(&file, bytes).expect("our own folder");
        Command::new("pacat")
            .args(["--playback", "--raw", "--format=float32le", "--rate=48000", "--channels=1"])
            .arg(format!("--device={sink}"))
            .arg(&file)
            .spawn()
            .expect("pacat is installed with the server")
    }
}

/// The console of the server.
pub(crate) struct Console {
    socket: BufReader<UnixStream>,
    /// The number of the module that was loaded last.
    modules: u32,
}

impl Console {
    /// What is answered.
    pub(crate) fn ask(&mut self, words: &str) -> Vec<String> {
        const END: &str = "that-is-all";
        writeln!(self.socket.get_mut(), "{words}\n{END}").expect("the server listens");
        let mut lines = (&mut self.socket).lines().map(|line| line.expect("the server answers"));
        lines.by_ref().take_while(|line| !line.contains(END)).collect()
    }

    /// Loads a module and gives its number.
    pub(crate) fn load(&mut self, words: &str) -> u32 {
        assert_eq!(self.ask(&format!("load-module {words}")), [""; 0]);
        self.modules += 1;
        self.modules
    }

    /// Unloads a module.
    pub(crate) fn unload(&mut self, module: u32) {
        assert_eq!(self.ask(&format!("unload-module {module}")), [""; 0]);
    }

    /// The names of the sinks that programs play into, and of the sources that programs record.
    pub(crate) fn in_use(&mut self) -> [Vec<String>; 2] {
        ["sink", "source"].map(|kind| {
            let listed = self.ask(if kind == "sink" { "list-sink-inputs" } else { "list-source-outputs" });
            let mut devices = Vec::new();
            let mut device = None;
            for line in listed.iter().map(|line| line.trim()) {
                let name = line.strip_prefix(kind).and_then(|rest| rest.strip_prefix(": ")?.split(['<', '>']).nth(1));
                device = name.map(str::to_owned).or(device);
                // A stream of the server's own has no client.
                if line.starts_with("client: ") {
                    devices.extend(device.take());
                }
            }
            devices
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for something to become true, and fails when it does not.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONGEST, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
