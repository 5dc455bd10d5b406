//! What stands before a PBX in companies: nginx that lets in only who proves to be somebody, and a proxy on the way out.

use std::{fs, path::PathBuf, process::Command};

use acceptance::{
    PATIENCE,
    cert::{Authority, Wanted},
    phone::{Setup, Trust},
    port,
    process::Process,
    repository,
};
use tempfile::TempDir;

use crate::{
    kamailio::{DOMAIN, Kamailio},
    suite::{Missing, filled, installed},
};

/// What none of the phone's lines and logs may show.
pub(crate) const SECRETS: [&str; 7] =
    ["token-secret", "header-secret", "cookie-secret", "front-secret", "proxy-secret", "pw-1001", "PRIVATE KEY"];

/// A running nginx before a Kamailio, and a running tinyproxy.
pub(crate) struct Front {
    folder: TempDir,
    _nginx: Process,
    _tinyproxy: Process,
    url: String,
    proxy: String,
    client: PathBuf,
}

impl Front {
    /// Starts both.
    pub(crate) fn start(test: &'static str, kamailio: &Kamailio) -> Result<Self, Missing> {
        let (nginx, tinyproxy) = (installed("nginx", "nginx-light")?, installed("tinyproxy", "tinyproxy-bin")?);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new();
        authority.furnish(folder.path());
        let own = authority.certify(Wanted { names: &["mara"], expired: false });
        let client = folder.path().join("client.pem");
        let (front, proxy) = (port::free(), port::free());
        let words = [
            ("DIR", folder.path().display().to_string()),
            ("PORT", front.to_string()),
            ("WSS", kamailio.wss.to_string()),
        ];
        let text = fs::read_to_string(repository().join("tests/interop/front/nginx.conf")).expect("a file of ours");
        for (name, text) in [
            ("client.pem", format!("{}{}", own.pem, own.key)),
            ("users", "mara:{PLAIN}front-secret\n".to_owned()),
            ("nginx.conf", filled(&text, &words)),
            (
                "tinyproxy.conf",
                format!("Port {proxy}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth mara proxy-secret\n"),
            ),
        ] {
            fs::write(folder.path().join(name), text).expect("a folder of ours");
        }
        let mut nginx = Process::start(
            test,
            "nginx",
            Command::new(nginx)
                .arg("-e")
                .arg(folder.path().join("nginx.errors"))
                .arg("-c")
                .arg(folder.path().join("nginx.conf")),
        );
        nginx.wait_for_port(front, PATIENCE);
        let mut tinyproxy = Process::start(
            test,
            "tinyproxy",
            Command::new(tinyproxy).arg("-d").arg("-c").arg(folder.path().join("tinyproxy.conf")),
        );
        tinyproxy.wait_for_port(proxy, PATIENCE);
        Ok(Self {
            folder,
            _nginx: nginx,
            _tinyproxy: tinyproxy,
            url: format!("wss://127.0.0.1:{front}/front?token=token-secret"),
            proxy: format!("http://mara@127.0.0.1:{proxy}"),
            client,
        })
    }

    /// Flags of a phone that may come in: all that is asked for, by flags and by variables.
    pub(crate) fn flags(&self) -> Vec<&str> {
        let file = self.client.to_str().expect("a temporary folder has a plain name");
        vec![
            "--http-user=mara",
            "--http-password-env=FRONT",
            "--headers-env=HEADERS",
            "--client-cert",
            file,
            "--proxy",
            &self.proxy,
            "--proxy-password-env=PROXY",
            "--keepalive=both",
        ]
    }

    /// A phone as `1001` with these flags, and these passwords for nginx and the proxy.
    pub(crate) fn account<'a>(&self, flags: &'a [&'a str], passwords: &'a [(&'a str, &'a str)]) -> Setup<'a> {
        Setup {
            server: self.url.clone(),
            user: "1001",
            domain: DOMAIN,
            password: "pw-1001",
            trust: Trust::Authority(self.folder.path().join("ca.pem")),
            voice: None,
            flags,
            variables: passwords,
        }
    }
}
