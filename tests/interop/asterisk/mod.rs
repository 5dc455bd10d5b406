//! Asterisk 22 from Debian unstable, in a folder made by `scripts/asterisk-root`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use acceptance::{
    PATIENCE,
    cert::Authority,
    phone::{Phone, Setup, Trust},
    port,
    process::Process,
    repository,
};
use tempfile::TempDir;

use crate::suite::{Missing, filled, installed};

/// What it asks for in its challenges is its own business; the domain of an address means nothing to it.
pub(crate) const DOMAIN: &str = "sip.test.local";

/// Modules insist on a file of their own, even if it says nothing.
const EMPTY: [&str; 12] = [
    "acl",
    "ccss",
    "cdr",
    "cel",
    "features",
    "geolocation",
    "indications",
    "manager",
    "pjproject",
    "stasis",
    "statsd",
    "udptl",
];

/// A running Asterisk.
pub(crate) struct Asterisk {
    test: &'static str,
    process: Process,
    /// Its configuration and spool, inside the root that it sees.
    folder: TempDir,
    ca: PathBuf,
    /// Where it takes WebSocket clients.
    pub(crate) url: String,
}

impl Asterisk {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(test: &'static str) -> Result<Self, Missing> {
        let root = root()?;
        let folder = tempfile::tempdir_in(root.join("tmp")).expect("a temporary folder inside the root");
        // What Asterisk calls it.
        let inside = Path::new("/").join(folder.path().strip_prefix(&root).expect("made inside it"));
        for name in ["var/keys", "spool/outgoing", "run", "log"] {
            fs::create_dir_all(folder.path().join(name)).expect("a folder of ours");
        }
        let (ca, _) = Authority::new().furnish(folder.path());
        let wss = port::free();
        furnish(folder.path(), &inside, wss);
        let mut command = if is_root() { Command::new(installed("chroot", "coreutils")?) } else { unprivileged()? };
        command.arg(&root).args(["/usr/sbin/asterisk", "-f", "-C"]).arg(inside.join("asterisk.conf"));
        let process = Process::start(test, "asterisk", &mut command);
        process.wait_for("Asterisk Ready", PATIENCE);
        Ok(Self { test, process, folder, ca, url: format!("wss://127.0.0.1:{wss}/ws") })
    }

    /// What a phone of ours needs to be `user` here.
    pub(crate) fn account<'a>(&self, user: &'a str, password: &'a str, voice: u64) -> Setup<'a> {
        Setup {
            server: self.url.clone(),
            user,
            domain: DOMAIN,
            password,
            trust: Trust::Authority(self.ca.clone()),
            voice: Some(voice),
            flags: &[],
            variables: &[],
        }
    }

    /// Starts the phone under test as `2001`, and waits until it is registered.
    pub(crate) fn phone(&self, voice: u64) -> Phone {
        let mut phone = Phone::start(self.test, "phone", &self.account("2001", "pw-2001", voice));
        phone.registered();
        phone
    }

    /// Lets it call `user` and connect whoever answers to an extension.
    pub(crate) fn call(&self, user: &str, extension: &str) {
        let text =
            format!("Channel: PJSIP/{user}\nCallerID: \"Robot\" <77>\nContext: phones\nExtension: {extension}\n");
        let spool = self.folder.path().join("spool");
        // It takes a file the moment it sees it, so the file appears there whole.
        fs::write(spool.join("call"), text).expect("a folder of ours");
        fs::rename(spool.join("call"), spool.join("outgoing/call")).expect("a folder of ours");
    }

    /// Waits until its log says so.
    pub(crate) fn says(&self, part: &str) {
        self.process.wait_for(part, PATIENCE);
    }
}

/// Fills its configuration in.
fn furnish(folder: &Path, inside: &Path, wss: u16) {
    let rtp = port::range(100);
    // Each address that this machine has, for Asterisk would offer one of them instead of the loopback it listens on.
    let addresses: String = net::interfaces()
        .expect("the system lists its addresses")
        .into_iter()
        .filter(|interface| interface.address.is_ipv4() && !interface.address.is_loopback())
        .map(|interface| format!("{} => 127.0.0.1\n", interface.address))
        .collect();
    let words = [
        ("DIR", inside.display().to_string()),
        ("ARCH", std::env::consts::ARCH.to_owned()),
        ("UDP", port::free().to_string()),
        ("HTTP", port::free().to_string()),
        ("WSS", wss.to_string()),
        ("RTP", rtp.to_string()),
        ("RTPEND", (rtp + 99).to_string()),
        ("ADDRESSES", addresses),
    ];
    for entry in fs::read_dir(repository().join("tests/interop/asterisk")).expect("a folder of ours").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "conf") {
            let text = fs::read_to_string(entry.path()).expect("a file of ours");
            fs::write(folder.join(entry.file_name()), filled(&text, &words)).expect("a folder of ours");
        }
    }
    for name in EMPTY {
        fs::write(folder.join(name).with_extension("conf"), "").expect("a folder of ours");
    }
}

/// The folder with Asterisk in it, made when there is none.
fn root() -> Result<PathBuf, Missing> {
    static ROOT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = ROOT.get_or_init(|| {
        let script = repository().join("scripts/asterisk-root");
        let output = Command::new(script).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        out.lines().next_back().map(PathBuf::from).ok_or_else(|| "scripts/asterisk-root said nothing".to_owned())
    });
    made.clone().map_err(Missing)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|of_mine| std::os::unix::fs::MetadataExt::uid(&of_mine) == 0)
}

/// A `chroot` for who is not root: in a user namespace of its own, so that the test can end what it started.
fn unprivileged() -> Result<Command, Missing> {
    let mut command = Command::new(installed("unshare", "util-linux")?);
    command.arg("--map-root-user").arg(installed("chroot", "coreutils")?);
    Ok(command)
}
