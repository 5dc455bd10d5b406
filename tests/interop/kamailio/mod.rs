//! Kamailio as an edge proxy and registrar for WebSocket clients, with rtpengine between their media and a plain phone's.

use std::{fs, path::PathBuf, process::Command};

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

/// The domain of its users.
pub(crate) const DOMAIN: &str = "sip.test.local";

/// A running Kamailio with its rtpengine.
pub(crate) struct Kamailio {
    test: &'static str,
    kamailio: Option<Process>,
    rtpengine: Process,
    folder: TempDir,
    ca: PathBuf,
    /// Where it takes WebSocket clients: `wss://127.0.0.1:port/ws`.
    pub(crate) url: String,
    /// The port of that.
    pub(crate) wss: u16,
    /// Where it takes plain phones.
    pub(crate) udp: u16,
    /// Where it looks for the plain phone, whose numbers begin with 7.
    pub(crate) sipp: u16,
}

impl Kamailio {
    /// Starts it. It names `algorithm` in its challenges, or none.
    pub(crate) fn start(test: &'static str, algorithm: Option<&str>) -> Result<Self, Missing> {
        let rtpengine = installed("rtpengine", "rtpengine-daemon")?;
        installed("kamailio", "kamailio")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ca, _) = Authority::new().furnish(folder.path());
        let (ng, rtp) = (port::free(), port::range(40));
        let (udp, wss, sipp) = (port::free(), port::free(), port::free());
        let words = [
            ("DIR", folder.path().display().to_string()),
            ("UDP", udp.to_string()),
            ("WSS", wss.to_string()),
            ("NG", ng.to_string()),
            ("SIPP", sipp.to_string()),
            (
                "ALGORITHM",
                algorithm.map_or(String::new(), |name| format!("modparam(\"auth\", \"algorithm\", \"{name}\")")),
            ),
        ];
        for name in ["kamailio.cfg", "tls.cfg"] {
            let text =
                fs::read_to_string(repository().join("tests/interop/kamailio").join(name)).expect("a file of ours");
            fs::write(folder.path().join(name), filled(&text, &words)).expect("a folder of ours");
        }
        let mut relay = Process::start(
            test,
            "rtpengine",
            Command::new(rtpengine)
                .args(["--table=-1", "--config-file=none", "--foreground", "--log-stderr", "--interface=127.0.0.1"])
                .arg(format!("--listen-ng=127.0.0.1:{ng}"))
                .args([format!("--port-min={rtp}"), format!("--port-max={}", rtp + 39)])
                .arg(format!("--pidfile={}", folder.path().join("rtpengine.pid").display())),
        );
        relay.wait_for_udp(ng, PATIENCE);
        let mut server = Self {
            test,
            kamailio: None,
            rtpengine: relay,
            folder,
            ca,
            url: format!("wss://127.0.0.1:{wss}/ws"),
            wss,
            udp,
            sipp,
        };
        server.run()?;
        Ok(server)
    }

    /// Runs it, again after [`Self::crash`].
    pub(crate) fn run(&mut self) -> Result<(), Missing> {
        let folder = self.folder.path();
        let mut kamailio = Process::start(
            self.test,
            "kamailio",
            Command::new(installed("kamailio", "kamailio")?)
                .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
                .arg(folder.join("kamailio.cfg"))
                .arg("-Y")
                .arg(folder)
                .arg("-P")
                .arg(folder.join("kamailio.pid")),
        );
        kamailio.wait_for_port(self.wss, PATIENCE);
        self.kamailio = Some(kamailio);
        Ok(())
    }

    /// Ends it as a power cut does: what it knew is gone.
    pub(crate) fn crash(&mut self) {
        if let Some(mut kamailio) = self.kamailio.take() {
            kamailio.signal("KILL");
            kamailio.wait_for_end(PATIENCE);
        }
    }

    /// Waits until the log of its rtpengine says so.
    pub(crate) fn relay_says(&self, part: &str) {
        self.rtpengine.wait_for(part, PATIENCE);
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

    /// Starts the phone under test as `1001`, and waits until it is registered.
    pub(crate) fn phone(&self, voice: u64) -> Phone {
        let mut phone = Phone::start(self.test, "phone", &self.account("1001", "pw-1001", voice));
        phone.registered();
        phone
    }

    /// The address of that user.
    pub(crate) fn address(user: &str) -> String {
        format!("sip:{user}@{DOMAIN}")
    }
}
