//! A desktop of the test's own: a screen, a window manager, a session bus, a sound server and a keychain, in a home that
//! nobody else sees. All of it ends with the test.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use acceptance::{PATIENCE, artefacts, process::Process, repository};
use tempfile::TempDir;

/// How often something is looked at that cannot wake us.
const GLANCE: Duration = Duration::from_millis(20);

/// What the desktop has.
#[derive(Clone, Copy)]
pub(crate) struct With {
    pub(crate) keychain: bool,
    pub(crate) microphone: bool,
    /// `LC_ALL`.
    pub(crate) locale: &'static str,
}

impl Default for With {
    fn default() -> Self {
        Self { keychain: true, microphone: true, locale: "C.UTF-8" }
    }
}

/// The desktop.
pub(crate) struct Desktop {
    pub(crate) test: &'static str,
    /// What runs on it, in the order of its start.
    running: Vec<Process>,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
}

/// The program under test: `$BELLBIRD`, or the release build of this repository.
pub(crate) fn program() -> PathBuf {
    let program =
        std::env::var_os("BELLBIRD").map_or_else(|| repository().join("target/release/bellbird"), PathBuf::from);
    assert!(program.is_file(), "{} is not there: `scripts/test build` makes it", program.display());
    program
}

impl Desktop {
    /// Starts one for the test of that name.
    pub(crate) fn start(test: &'static str, with: With) -> Self {
        let folder = tempfile::Builder::new().prefix("bellbird-").tempdir().expect("a temporary folder");
        for name in ["home", "run"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).expect("our own folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("our own folder");
        }
        let mut desktop = Self { test, running: Vec::new(), environment: Vec::new(), folder };
        let home = desktop.home().display().to_string();
        let run = desktop.folder.path().join("run").display().to_string();
        desktop.environment = vec![
            ("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into())),
            ("HOME", home),
            ("XDG_RUNTIME_DIR", run),
            ("LC_ALL", with.locale.into()),
            // There is no accessibility bus here, and looking for one takes time.
            ("NO_AT_BRIDGE", "1".into()),
        ];
        desktop.start_bus();
        desktop.start_screen();
        desktop.start_sound(with.microphone);
        if with.keychain {
            desktop.start_keychain();
        }
        desktop
    }

    /// The home of its user.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder in which all of it lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program on this desktop.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Output {
        self.command(program)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// What a program says, without the last line's end.
    pub(crate) fn ask(&self, program: &str, words: &[&str]) -> String {
        String::from_utf8_lossy(&self.run(program, words).stdout).trim_end().to_owned()
    }

    /// Starts a program that runs until it is dropped.
    pub(crate) fn spawn(&self, name: &str, command: &mut Command) -> Process {
        Process::start(self.test, name, command)
    }

    /// Keeps a picture of the whole screen among the artefacts.
    pub(crate) fn picture(&self, name: &str) {
        let file = artefacts(self.test).join(format!("{name}.png"));
        let done = self.run("import", &["-window", "root", &file.display().to_string()]);
        assert!(done.status.success(), "no picture: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Hides the screen from what is started from now on.
    pub(crate) fn forget_screen(&mut self) {
        self.environment.retain(|(name, _)| *name != "DISPLAY");
    }

    fn start_bus(&mut self) {
        // The file names no folder of services: nothing may start by itself, least of all a keychain.
        let file = self.folder.path().join("bus.conf");
        let rules = r#"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;
        fs::write(&file, rules).expect("our own folder");
        let mut command = self.command("dbus-daemon");
        command.arg("--config-file").arg(&file).args(["--print-address=1", "--nofork", "--nopidfile"]);
        let bus = self.spawn("dbus", &mut command);
        let address = bus.wait_for("unix:", PATIENCE).text;
        self.environment.push(("DBUS_SESSION_BUS_ADDRESS", address));
        self.running.push(bus);
    }

    fn start_screen(&mut self) {
        let mut command = self.command("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]);
        let screen = self.spawn("xvfb", &mut command);
        let number = screen
            .hear(0, PATIENCE, |_, line| line.text.trim().parse::<u32>().ok())
            .unwrap_or_else(|| screen.give_up("it named no display"));
        self.environment.push(("DISPLAY", format!(":{number}")));
        self.running.push(screen);
        let manager = self.spawn("openbox", &mut self.command("openbox"));
        self.running.push(manager);
        until("the window manager is there", || {
            self.ask("xprop", &["-root", "_NET_SUPPORTING_WM_CHECK"]).contains("window id")
        });
        // The first key of a screen changes its keyboard, and the manager loses what is pressed while it takes its
        // keys anew. This one means nothing, and the manager has taken it before it manages a window.
        self.run("xdotool", &["key", "shift"]);
    }

    fn start_sound(&mut self, microphone: bool) {
        let socket = self.folder.path().join("run/pulse.sock");
        // No air leads from this sink to that source, so they are a headset, as whoever made one would name it.
        let mut setup = format!(
            "load-module module-native-protocol-unix socket={} auth-anonymous=1\n\
             load-module module-null-sink sink_name=speaker rate=48000 channels=2 norewinds=1 sink_properties=device.description=Headset\n\
             set-default-sink speaker\n",
            socket.display()
        );
        if microphone {
            setup += "load-module module-null-sink sink_name=micfeed rate=48000 channels=2 norewinds=1\n\
                      load-module module-remap-source source_name=mic master=micfeed.monitor source_properties=device.description=Headset\n\
                      set-default-source mic\n";
        }
        let file = self.folder.path().join("test.pa");
        fs::write(&file, setup).expect("our own folder");
        let mut command = self.command("pulseaudio");
        command.args(["-n", "-F"]).arg(&file);
        command.args([
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--realtime=no",
            "--high-priority=no",
        ]);
        let server = self.spawn("pulseaudio", &mut command);
        self.environment.push(("PULSE_SERVER", format!("unix:{}", socket.display())));
        self.running.push(server);
        until("the sound server answers", || self.run("pactl", &["info"]).status.success());
    }

    fn start_keychain(&mut self) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        let mut daemon = self.spawn("keyring", &mut command);
        daemon.say("the password of the keychain itself");
        daemon.hush();
        self.running.push(daemon);
        until("the keychain is there", || self.owned("org.freedesktop.secrets"));
    }

    /// Another program takes the keyboard and writes down what is typed.
    pub(crate) fn work_elsewhere(&self) -> Process {
        const NAME: &str = "Other program";
        let other = self.spawn("xev", self.command("xev").args(["-event", "keyboard", "-name", NAME]));
        until("the other program has the keyboard", || {
            self.run("xdotool", &["search", "--name", NAME, "windowactivate", "--sync"]);
            self.active() == NAME
        });
        other
    }

    /// Gives a window the keyboard, as a click on its title would.
    pub(crate) fn activate(&self, window: &str) {
        self.run("xdotool", &["windowactivate", "--sync", window]);
    }

    /// The name of the window that has the keyboard.
    pub(crate) fn active(&self) -> String {
        self.ask("xdotool", &["getactivewindow", "getwindowname"])
    }

    /// The windows of Bellbird that can be seen, by their numbers.
    pub(crate) fn windows(&self) -> Vec<String> {
        let found = self.ask("xdotool", &["search", "--onlyvisible", "--class", "bellbird"]);
        found.lines().map(str::to_owned).collect()
    }

    /// Place and size of a window: x, y, width, height.
    pub(crate) fn place(&self, window: &str) -> Option<(i32, i32, i32, i32)> {
        let shell = self.ask("xdotool", &["getwindowgeometry", "--shell", window]);
        let value = |key: &str| shell.lines().find_map(|line| line.strip_prefix(key)?.parse::<i32>().ok());
        Some((value("X=")?, value("Y=")?, value("WIDTH=")?, value("HEIGHT=")?))
    }

    /// The colour of one point of a window: red, green, blue.
    pub(crate) fn colour(&self, window: &str, x: i32, y: i32) -> [u8; 3] {
        let point = format!("1x1+{x}+{y}");
        let said = self.ask("import", &["-window", window, "-crop", &point, "-depth", "8", "txt:-"]);
        // The line of a pixel begins with its place, which is none of its colour.
        let digits = said.lines().last().and_then(|line| line.split('#').nth(1)).and_then(|line| line.get(..6));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let [_, colour @ ..] = number.to_be_bytes();
        colour
    }

    /// Does the call window show its green button to answer with?
    pub(crate) fn offers_to_answer(&self, window: &str, (width, height): (i32, i32)) -> bool {
        let [red, green, blue] = self.colour(window, width * 11 / 20, height * 3 / 4);
        green > 80 && red < green / 2 && blue < green
    }

    /// How many programs listen to the microphone.
    pub(crate) fn open_microphones(&self) -> usize {
        let sources = self.ask("pactl", &["list", "short", "sources"]);
        let number = sources.lines().find_map(|line| {
            line.split('\t')
                .collect::<Vec<_>>()
                .get(..2)
                .filter(|cells| cells[1] == "mic")
                .map(|cells| cells[0].to_owned())
        });
        let number = number.expect("this desktop has a microphone");
        self.ask("pactl", &["list", "short", "source-outputs"])
            .lines()
            .filter(|line| line.split('\t').nth(1) == Some(&number))
            .count()
    }

    /// The address of the session bus.
    pub(crate) fn bus(&self) -> String {
        self.environment
            .iter()
            .find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS")
            .expect("every desktop has a bus")
            .1
            .clone()
    }

    /// Is there somebody of this name on the session bus?
    pub(crate) fn owned(&self, name: &str) -> bool {
        let question = format!("string:{name}");
        self.ask(
            "dbus-send",
            &[
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.NameHasOwner",
                &question,
            ],
        )
        .contains("boolean true")
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // The last that came goes first: nothing loses the screen or the bus under its feet.
        while self.running.pop().is_some() {}
    }
}

/// Waits for something to become true, and fails when it does not.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(GLANCE);
    }
}
