//! The priority of a thread, by a real rtkit on a bus of the test's own. That bus is named by the environment, so the test runs
//! once more in a child process that is told of it.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use audio::Devices;
use media::port::SoundPort;

use crate::server::until;

const POLKIT: &str = "/usr/lib/polkit-1/polkitd";
const RTKIT: &str = "/usr/libexec/rtkit-daemon";
/// Names the bus to whoever asks for that of the system.
const BUS: &str = "DBUS_SYSTEM_BUS_ADDRESS";
/// Ends with the test.
struct Daemon(Child);

impl Daemon {
    fn start(program: &str, arguments: &[&str], bus: &str) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).env(BUS, bus).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it has ended");
    }
}

/// The nice level of the calling thread.
fn nice() -> i32 {
    let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux tells of its threads");
    // What stands in brackets is a name, which may hold anything.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    rest.split_whitespace().nth(16).and_then(|nice| nice.parse().ok()).expect("a nice level")
}

#[test]
fn a_thread_that_moves_sound_goes_before_others() {
    if env::var_os(BUS).is_some_and(|bus| bus.to_string_lossy().contains("bellbird-priority")) {
        let before = nice();
        Devices::new().raise_priority();
        return until("this thread goes first", || nice() < before);
    }
    let missing = [POLKIT, RTKIT].into_iter().find(|program| !Path::new(program).exists());
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if missing.is_some() || !is_root {
        let why = missing.map_or("to be root".to_owned(), |program| format!("{program}, which is not installed"));
        return eprintln!("SKIPPED: the priority of a thread needs {why}");
    }
    let folder = tempfile::Builder::new().prefix("bellbird-priority").tempdir().expect("a temporary folder");
    // The daemons become users of their own.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our own folder");
    let (socket, settings) = (folder.path().join("bus"), folder.path().join("bus.conf"));
    let address = format!("unix:path={}", socket.display());
    let words = format!(
        "<busconfig><type>system</type><listen>{address}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
         <allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/></policy></busconfig>"
    );
    fs::write(&settings, words).expect("our own folder");
    let settings = format!("--config-file={}", settings.display());
    let _bus = Daemon::start("dbus-daemon", &[&settings, "--nofork", "--nopidfile"], &address);
    until("there is a bus", || socket.exists());
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).expect("our own socket");
    let _polkit = Daemon::start(POLKIT, &["--no-debug"], &address);
    let _rtkit = Daemon::start(RTKIT, &[], &address);
    let is_there = |name: &str| {
        let asked =
            ["--system", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner"];
        let answer = Command::new("dbus-send").args(asked).arg(format!("string:{name}")).env(BUS, &address).output();
        answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).contains("true"))
    };
    until("both daemons are there", || {
        is_there("org.freedesktop.PolicyKit1") && is_there("org.freedesktop.RealtimeKit1")
    });
    let test = env::current_exe().expect("this test has a file");
    let name = "priority::a_thread_that_moves_sound_goes_before_others";
    let status =
        Command::new(test).args(["--exact", name, "--nocapture"]).env(BUS, &address).status().expect("it runs again");
    assert!(status.success(), "it failed in its own process");
}
