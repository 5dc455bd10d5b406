//! OpenSSL as the far end of the handshake, as it stands behind Asterisk, FreeSWITCH and rtpengine: RSA certificates, flights
//! cut into small fragments and cut anew in each repeat, on a network that loses one datagram in seven.
#![expect(clippy::disallowed_methods, reason = "this is a driver: the sockets and the clock are real")]

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use ice::{
    Identity, LocalCandidate, Path, PathConfig, PathError, PathEvent, PathOutput, RemoteDescription, Security, Timing,
    testing::rtp,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rtc_crypto::default_provider;
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};

const LIMIT: Duration = Duration::from_secs(60);
const LOSS: f64 = 1.0 / 7.0;
const PROFILE: ProtectionProfile = ProtectionProfile::Aes128CmHmacSha1_80;

/// What it agrees to in a good handshake.
const GOOD: &[&str] = &["-dtls1_2"];

/// A running `openssl`; it ends with the test.
struct Openssl {
    process: Child,
    /// At the end of its input it would leave.
    _input: ChildStdin,
    lines: mpsc::Receiver<String>,
    folder: PathBuf,
    fingerprint: String,
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed (scripts/setup)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Openssl {
    /// `role`: `s_server` or `s_client` with the address it is to use; `ciphers`: what it agrees to.
    fn start(name: &str, role: &[&str], ciphers: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("bellbird-openssl-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = |name: &str| folder.join(name).display().to_string();
        let (key, certificate) = (file("key.pem"), file("certificate.pem"));
        run(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-subj",
            "/CN=far",
        ]);
        let printed = run(&["x509", "-in", &certificate, "-noout", "-fingerprint", "-sha256"]);
        let digest = printed.trim().split_once('=').expect("a fingerprint").1;
        let mut process = Command::new("openssl")
            .args(role)
            .args(ciphers)
            .args(["-timeout", "-mtu", "300", "-use_srtp", "SRTP_AES128_CM_SHA1_80"])
            .args(["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"])
            .args(["-cert", &certificate, "-key", &key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed (scripts/setup)");
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        Self { process, _input: input, lines, folder, fingerprint: format!("sha-256 {digest}") }
    }

    /// Waits for a line that holds `wanted`.
    fn says(&self, wanted: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("openssl does not say {wanted}"));
            if line.contains(wanted) {
                return;
            }
        }
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a time-out");
    socket
}

/// Our path, and a far end whose ICE is a path too, but whose DTLS and sound are OpenSSL's.
struct Bench {
    rng: ChaCha12Rng,
    loss: f64,
    near: UdpSocket,
    far: UdpSocket,
    /// Between the far end's socket and OpenSSL.
    inner: UdpSocket,
    openssl: Option<SocketAddr>,
    ours: Path,
    theirs: Path,
    security: Option<Security>,
    failed: Option<PathError>,
    heard: Vec<Vec<u8>>,
    sound: Vec<Vec<u8>>,
    largest: usize,
}

impl Bench {
    fn new(seed: u64, inner: UdpSocket, openssl: Option<SocketAddr>, fingerprint: &str, client: bool) -> Self {
        let (near, far) = (socket(), socket());
        let identity = Identity::generate().expect("a library");
        let path = |socket: &UdpSocket, seed| {
            let local = LocalCandidate::host(socket.local_addr().expect("an address"));
            let config = PathConfig::new(identity.clone(), vec![local], [seed; 32]);
            Path::new(PathConfig { allow_loopback: true, timing: Timing::FAST, ..config }).expect("a library")
        };
        let (mut ours, mut theirs) = (path(&near, 1), path(&far, 2));
        let describe = |path: &Path, fingerprint: &str| {
            let (local, fingerprints) = (path.local(), vec![fingerprint.to_owned()]);
            let (ufrag, pwd, candidates) = (local.ufrag, local.pwd, local.candidates);
            RemoteDescription { ufrag, pwd, fingerprints, candidates, ..RemoteDescription::default() }
        };
        let (to_us, to_them) = (describe(&theirs, fingerprint), describe(&ours, identity.fingerprint()));
        let now = Instant::now();
        ours.set_remote(now, RemoteDescription { controlling: true, dtls_client: client, ..to_us }).expect("strong");
        theirs.set_remote(now, to_them).expect("strong");
        let rng = ChaCha12Rng::seed_from_u64(seed);
        let (heard, sound) = (Vec::new(), Vec::new());
        let (security, failed) = (None, None);
        Self { rng, loss: LOSS, near, far, inner, openssl, ours, theirs, security, failed, heard, sound, largest: 0 }
    }

    fn run(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < LIMIT && self.failed.is_none(), "{what}: {:?}, {:?}", self.ours, self.failed);
            self.step();
        }
    }

    /// What was agreed, as our path tells it.
    fn agreed(&self, cipher: &str) {
        let security = self.security.expect("it is told once it is secure");
        assert_eq!((security.srtp, security.cipher), ("AES_CM_128_HMAC_SHA1_80", cipher));
    }

    fn step(&mut self) {
        let (near, far) = (self.near.local_addr().expect("bound"), self.far.local_addr().expect("bound"));
        let mut buffer = [0; 2048];
        if let Ok((length, from)) = self.near.recv_from(&mut buffer) {
            self.ours.handle_datagram(Instant::now(), near, from, &buffer[..length]);
        }
        if let Ok((length, from)) = self.far.recv_from(&mut buffer) {
            match (buffer[0], self.openssl) {
                (0..=3, _) => self.theirs.handle_datagram(Instant::now(), far, from, &buffer[..length]),
                (20..=63, Some(openssl)) if !self.rng.random_bool(self.loss) => {
                    drop(self.inner.send_to(&buffer[..length], openssl));
                }
                (20..=63, _) => {}
                _ => self.sound.push(buffer[..length].to_vec()),
            }
        }
        if let Ok((length, from)) = self.inner.recv_from(&mut buffer) {
            self.openssl = Some(from);
            self.largest = self.largest.max(length);
            if !self.rng.random_bool(self.loss) {
                drop(self.far.send_to(&buffer[..length], near));
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        let now = Instant::now();
        self.ours.handle_timeout(now);
        self.theirs.handle_timeout(now);
        loop {
            match self.ours.poll_output() {
                PathOutput::Timeout(_) => break,
                PathOutput::Transmit { to, bytes, .. } => drop(self.near.send_to(&bytes, to)),
                PathOutput::Event(PathEvent::Secure(security)) => self.security = Some(security),
                PathOutput::Event(PathEvent::Rtp(packet)) => self.heard.push(packet),
                PathOutput::Event(PathEvent::Failed(error)) => self.failed = Some(error),
                PathOutput::Event(_) => {}
            }
        }
        loop {
            match self.theirs.poll_output() {
                PathOutput::Timeout(_) => break,
                PathOutput::Transmit { to, bytes, .. } if bytes[0] < 4 => drop(self.far.send_to(&bytes, to)),
                _ => {}
            }
        }
    }

    /// What OpenSSL says was agreed. Its last flight may have been lost, or ours: repeats go on until it is content.
    fn keys(&mut self, openssl: &Openssl) -> String {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LIMIT, "openssl is not content: {:?}", self.ours);
            self.step();
            let keys = |line: String| line.split_once("Keying material: ").map(|(_, keys)| keys.trim().to_owned());
            if let Some(keys) = openssl.lines.try_iter().find_map(keys) {
                return keys;
            }
        }
    }

    /// Sound both ways under the keys that OpenSSL says were agreed.
    fn talk(&mut self, keys: &str, client: bool) {
        let keys: Vec<u8> =
            (0..60).map(|at| u8::from_str_radix(&keys[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect();
        let (client_side, server_side) = ((&keys[..16], &keys[32..46]), (&keys[16..32], &keys[46..]));
        let (ours, theirs) = if client { (client_side, server_side) } else { (server_side, client_side) };
        let provider = default_provider().expect("a library");
        let context = |(key, salt): (&[u8], &[u8])| {
            Context::new(key, salt, PROFILE, None, None, provider.crypto()).expect("a context")
        };
        let (mut theirs, mut ours) = (context(theirs), context(ours));
        let near = self.near.local_addr().expect("bound");
        for sequence in 0..20 {
            let packet = theirs.encrypt_rtp(&rtp(5, sequence)).expect("a packet");
            drop(self.far.send_to(&packet, near));
            assert!(self.ours.send_rtp(&rtp(6, sequence)));
            self.drain();
            self.step();
        }
        self.run("sound both ways", |own| own.heard.len() >= 20 && own.sound.len() >= 20);
        let opened: Vec<Vec<u8>> =
            self.sound.iter().map(|packet| ours.decrypt_rtp(packet).expect("our packet").to_vec()).collect();
        assert_eq!(opened, (0..20).map(|sequence| rtp(6, sequence)).collect::<Vec<_>>());
        assert_eq!(self.heard, (0..20).map(|sequence| rtp(5, sequence)).collect::<Vec<_>>());
    }
}

#[test]
fn openssl_as_the_server_agrees_on_keys_whatever_is_lost() {
    for seed in 0..3 {
        let inner = socket();
        let free = socket().local_addr().expect("an address");
        let openssl = Openssl::start(
            &format!("server-{seed}"),
            &["s_server", "-accept", &free.to_string(), "-Verify", "1"],
            GOOD,
        );
        openssl.says("ACCEPT");
        let mut bench = Bench::new(seed, inner, Some(free), &openssl.fingerprint, true);
        bench.run("the keys are agreed", |own| own.ours.is_secure());
        bench.agreed("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assert!((200..=300).contains(&bench.largest), "its flights were in fragments: {}", bench.largest);
        let keys = bench.keys(&openssl);
        bench.talk(&keys, true);
    }
}

#[test]
fn openssl_as_the_client_agrees_on_keys_whatever_is_lost() {
    for seed in 10..13 {
        let inner = socket();
        let address = inner.local_addr().expect("an address").to_string();
        let openssl = Openssl::start(&format!("client-{seed}"), &["s_client", "-connect", &address], GOOD);
        let mut bench = Bench::new(seed, inner, None, &openssl.fingerprint, false);
        bench.run("the keys are agreed", |own| own.ours.is_secure());
        // The one that it likes best of ours.
        bench.agreed("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
        let keys = bench.keys(&openssl);
        bench.talk(&keys, false);
    }
}

/// What no call may be protected by: the older DTLS, CBC, no forward secrecy, no encryption. Its level 0 makes OpenSSL
/// agree to what it has long refused by itself.
const WEAK: [(&str, &[&str]); 5] = [
    ("dtls-1.0", &["-dtls1", "-cipher", "ALL:@SECLEVEL=0"]),
    ("cbc", &["-dtls1_2", "-cipher", "ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"]),
    ("cbc-sha-2", &["-dtls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"]),
    ("static-rsa", &["-dtls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"]),
    ("null", &["-dtls1_2", "-cipher", "ECDHE-RSA-NULL-SHA:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"]),
];

#[test]
fn openssl_with_weak_ciphers_only_is_refused_as_the_server() {
    // Each takes its tries, for an alert in the clear may be forged: all at once.
    std::thread::scope(|scope| {
        for (name, ciphers) in WEAK {
            scope.spawn(move || assert_eq!(refused_by_us(name, ciphers), PathError::DtlsRefused, "{name}"));
        }
    });
}

fn refused_by_us(name: &str, ciphers: &[&str]) -> PathError {
    let free = socket().local_addr().expect("an address");
    let role = ["s_server", "-accept", &free.to_string(), "-Verify", "1"];
    let openssl = Openssl::start(&format!("weak-server-{name}"), &role, ciphers);
    openssl.says("ACCEPT");
    let mut bench = Bench { loss: 0.0, ..Bench::new(1, socket(), Some(free), &openssl.fingerprint, true) };
    let begun = Instant::now();
    loop {
        assert!(bench.security.is_none(), "{name}: {:?}", bench.security);
        assert!(begun.elapsed() < LIMIT, "{name}: {:?}", bench.ours);
        bench.step();
        if let Some(error) = bench.failed {
            return error;
        }
    }
}

#[test]
fn openssl_with_weak_ciphers_only_is_refused_as_the_client() {
    for (name, ciphers) in WEAK {
        let inner = socket();
        let address = inner.local_addr().expect("an address").to_string();
        let mut openssl = Openssl::start(&format!("weak-client-{name}"), &["s_client", "-connect", &address], ciphers);
        let mut bench = Bench { loss: 0.0, ..Bench::new(1, inner, None, &openssl.fingerprint, false) };
        let begun = Instant::now();
        // It leaves when it is refused.
        let left = loop {
            assert!(bench.security.is_none(), "{name}: {:?}", bench.security);
            assert!(begun.elapsed() < LIMIT, "{name}: {:?}", bench.ours);
            bench.step();
            if let Some(left) = openssl.process.try_wait().expect("a child of ours") {
                break left;
            }
        };
        assert!(!left.success() && bench.openssl.is_some(), "{name}: it tried and was refused");
    }
}
