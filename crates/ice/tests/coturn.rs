//! A relayed path through a real TURN server: coturn (Debian's `coturn`, which `scripts/setup` installs) on loopback.
#![expect(clippy::disallowed_methods, reason = "this is a driver: the sockets and the clock are real")]

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use ice::{
    CandidateKind, Gatherer, GathererOutput, Identity, LocalCandidate, Path, PathConfig, PathEvent, PathOutput, Relay,
    RelayError, RelayOutput, RemoteDescription, Timing, TurnServer, testing::rtp,
};

const LIMIT: Duration = Duration::from_secs(20);

/// A running server; it ends with the test.
struct Coturn {
    process: Child,
    address: SocketAddr,
    folder: std::path::PathBuf,
}

impl Coturn {
    /// `extra`: options beside the usual ones.
    fn start(name: &str, extra: &[&str]) -> Self {
        let free = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let folder = std::env::temp_dir().join(format!("bellbird-coturn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut process = Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--lt-cred-mech", "--realm=bellbird.test"])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers", "--log-file=stdout"])
            .args(["--user=alice:wonderland", "--denied-peer-ip=127.0.0.66", "--verbose"])
            .arg(format!("--listening-port={}", address.port()))
            .arg(format!("--pidfile={}", folder.join("pid").display()))
            .arg(format!("--userdb={}", folder.join("users").display()))
            .args(extra)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver is installed (scripts/setup)");
        let mut log = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let own = Self { process, address, folder };
        let up = log.by_ref().map_while(Result::ok).any(|line| line.contains("UDP listener opened on"));
        assert!(up, "turnserver did not start");
        // It must not block on a full pipe.
        std::thread::spawn(move || log.for_each(drop));
        own
    }

    fn account(&self, password: &str) -> TurnServer {
        TurnServer { address: self.address, username: "alice".to_owned(), password: password.to_owned() }
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Two ends: the first has nothing but a relayed address, the second nothing but its socket.
struct Pair {
    sockets: [UdpSocket; 2],
    relay: Relay,
    paths: Option<[Path; 2]>,
    heard: [usize; 2],
    /// From where the second end got its datagrams.
    sources: Vec<SocketAddr>,
    selected: Option<SocketAddr>,
    lost: Option<RelayError>,
    /// The first octets of what went to the server, and the errors and successes that came from it.
    sent: Vec<u8>,
    answers: Vec<[u8; 2]>,
    /// How far the clock of the relay is ahead.
    ahead: Duration,
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a time-out");
    socket
}

impl Pair {
    fn new(account: TurnServer) -> Self {
        let sockets = [socket(), socket()];
        let local = sockets[0].local_addr().expect("an address");
        let relay = Relay::new(Instant::now(), local, account, [7; 32]).expect("a library");
        let (sources, answers) = (Vec::new(), Vec::new());
        let (paths, selected, lost, sent) = (None, None, None, Vec::new());
        Self { sockets, relay, paths, heard: [0; 2], sources, selected, lost, sent, answers, ahead: Duration::ZERO }
    }

    fn far(&self) -> SocketAddr {
        self.sockets[1].local_addr().expect("an address")
    }

    fn introduce(&mut self) {
        let identity = Identity::generate().expect("a library");
        let candidate = self.relay.candidate().expect("an address was lent");
        assert_eq!(
            (candidate.kind, candidate.base),
            (CandidateKind::Relayed, self.sockets[0].local_addr().expect("an address"))
        );
        let now = Instant::now();
        let path = |local, seed| {
            let config = PathConfig::new(Arc::clone(&identity), vec![local], [seed; 32]);
            Path::new(PathConfig { allow_loopback: true, timing: Timing::FAST, ..config }).expect("a library")
        };
        let mut paths = [path(candidate, 1), path(LocalCandidate::host(self.far()), 2)];
        let told = [&paths[1], &paths[0]].map(|other| {
            let local = other.local();
            let (fingerprints, candidates) = (vec![local.fingerprint], local.candidates);
            RemoteDescription { ufrag: local.ufrag, pwd: local.pwd, fingerprints, candidates, ..Default::default() }
        });
        for (at, (path, remote)) in paths.iter_mut().zip(told).enumerate() {
            let remote = RemoteDescription { controlling: at == 0, dtls_client: at == 0, ..remote };
            path.set_remote(now, remote).expect("a strong fingerprint");
        }
        self.paths = Some(paths);
    }

    /// Goes on until `done`, or fails the test after a generous time.
    fn run(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < LIMIT, "{what}: {:?} {:?} {:?}", self.relay, self.heard, self.lost);
            self.step();
        }
    }

    fn step(&mut self) {
        let mut buffer = [0; 2048];
        for at in 0..2 {
            let Ok((length, from)) = self.sockets[at].recv_from(&mut buffer) else { continue };
            let (bytes, now) = (&buffer[..length], Instant::now());
            let local = self.sockets[at].local_addr().expect("an address");
            if at == 0 && self.relay.handle_datagram(now + self.ahead, local, from, bytes) {
                self.answers.push([bytes[0], bytes[1]]);
            } else if let Some(paths) = &mut self.paths {
                assert_eq!(at, 1, "the first end is reached by the relay alone");
                self.sources.push(from);
                paths[at].handle_datagram(now, local, from, bytes);
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        let now = Instant::now();
        self.relay.handle_timeout(now + self.ahead);
        for at in 0..2 {
            if let Some(paths) = &mut self.paths {
                paths[at].handle_timeout(now);
            }
            while let Some(output) = self.paths.as_mut().map(|paths| paths[at].poll_output()) {
                match output {
                    PathOutput::Timeout(_) => break,
                    PathOutput::Transmit { to, bytes, .. } if at == 1 => drop(self.sockets[1].send_to(&bytes, to)),
                    PathOutput::Transmit { local, to, bytes } => {
                        assert_eq!(Some(local), self.relay.candidate().map(|own| own.address));
                        self.relay.send(now + self.ahead, to, &bytes);
                    }
                    PathOutput::Event(PathEvent::Rtp(_)) => self.heard[at] += 1,
                    PathOutput::Event(PathEvent::PairSelected { local, .. }) if at == 0 => self.selected = Some(local),
                    PathOutput::Event(_) => {}
                }
            }
        }
        loop {
            match self.relay.poll_output() {
                RelayOutput::Timeout(_) => break,
                RelayOutput::Transmit { to, bytes, .. } => {
                    self.sent.extend(bytes.first());
                    drop(self.sockets[0].send_to(&bytes, to));
                }
                RelayOutput::Datagram { local, from, bytes } => {
                    if let Some(paths) = &mut self.paths {
                        paths[0].handle_datagram(now, local, from, &bytes);
                    }
                }
                RelayOutput::Lost(error) => self.lost = Some(error),
                RelayOutput::Found(_) => {}
            }
        }
    }

    /// Fifty packets each way.
    fn talk(&mut self, ssrc: u32) {
        let before = self.heard;
        for sequence in 0..50 {
            for path in self.paths.iter_mut().flatten() {
                assert!(path.send_rtp(&rtp(ssrc, sequence)));
            }
            self.drain();
            self.step();
        }
        self.run("fifty packets each way", |own| (0..2).all(|at| own.heard[at] >= before[at] + 50));
    }
}

#[test]
fn sound_goes_both_ways_through_the_relay_and_its_address_is_kept() {
    let coturn = Coturn::start("sound", &[]);
    let mut pair = Pair::new(coturn.account("wonderland"));
    pair.run("an address is lent", |own| own.relay.is_done());
    pair.introduce();
    pair.run("the path is secure", |own| own.paths.iter().flatten().all(Path::is_secure));
    let lent = pair.relay.candidate().expect("it is lent").address;
    assert_eq!(pair.selected, Some(lent));
    pair.talk(1);
    assert!(pair.sources.iter().all(|from| *from == lent), "the second end sees nothing but the relay");
    assert!(pair.sent.contains(&0x40), "by a channel (RFC 8656 12)");

    // A minute later on the relay's clock the address is refreshed, and the sound goes on.
    pair.answers.clear();
    pair.ahead = Duration::from_secs(61);
    pair.run("the refresh is granted", |own| own.answers.contains(&[0x01, 0x04]));
    pair.talk(2);
    assert_eq!((pair.lost, pair.relay.candidate().map(|own| own.address)), (None, Some(lent)));

    pair.answers.clear();
    pair.relay.close(Instant::now() + pair.ahead);
    pair.run("the address is given back", |own| own.answers.contains(&[0x01, 0x04]));
}

#[test]
fn a_stale_nonce_is_renewed() {
    // A nonce is good for a second here: the refreshes soon meet a stale one.
    let coturn = Coturn::start("stale", &["--stale-nonce=1"]);
    let mut pair = Pair::new(coturn.account("wonderland"));
    pair.run("an address is lent", |own| own.relay.is_done());
    let begun = Instant::now();
    while !pair.answers.contains(&[0x01, 0x14]) {
        assert!(begun.elapsed() < LIMIT, "no refresh was refused");
        let granted = pair.answers.len();
        pair.ahead += Duration::from_secs(61);
        pair.run("a refresh is answered", |own| own.answers.len() > granted);
    }
    pair.run("it is granted after all", |own| own.answers.last() == Some(&[0x01, 0x04]));
    assert_eq!(pair.lost, None);
    pair.introduce();
    pair.run("the path is secure", |own| own.paths.iter().flatten().all(Path::is_secure));
    pair.talk(1);
}

#[test]
fn a_wrong_password_is_told_as_such() {
    let coturn = Coturn::start("password", &[]);
    let mut pair = Pair::new(coturn.account("looking-glass"));
    pair.run("it is refused", |own| own.relay.is_done());
    assert_eq!((pair.lost, pair.relay.candidate()), (Some(RelayError::Refused(401)), None));
}

#[test]
fn a_peer_that_the_server_refuses_harms_no_other() {
    let coturn = Coturn::start("refused", &[]);
    let mut pair = Pair::new(coturn.account("wonderland"));
    pair.run("an address is lent", |own| own.relay.is_done());
    pair.relay.send(Instant::now(), "127.0.0.66:7".parse().unwrap(), b"to nobody");
    pair.run("the permission is refused", |own| own.answers.contains(&[0x01, 0x18]));
    pair.introduce();
    pair.run("the path is secure", |own| own.paths.iter().flatten().all(Path::is_secure));
    pair.talk(1);
}

#[test]
fn one_server_tells_our_address_and_lends_another_on_the_same_socket() {
    let coturn = Coturn::start("both", &[]);
    let mut pair = Pair::new(coturn.account("wonderland"));
    let local = pair.sockets[0].local_addr().unwrap();
    let mut gatherer = Gatherer::new(Instant::now(), &[local], &[coturn.address], [3; 32]);
    let mut buffer = [0; 2048];
    let begun = Instant::now();
    while !(gatherer.is_done() && pair.relay.is_done()) {
        assert!(begun.elapsed() < LIMIT, "{:?} {:?}", gatherer, pair.relay);
        gatherer.handle_timeout(Instant::now());
        while let GathererOutput::Transmit { to, bytes, .. } = gatherer.poll_output() {
            drop(pair.sockets[0].send_to(&bytes, to));
        }
        pair.drain();
        if let Ok((length, from)) = pair.sockets[0].recv_from(&mut buffer) {
            let bytes = &buffer[..length];
            assert!(
                gatherer.handle_datagram(local, from, bytes)
                    || pair.relay.handle_datagram(Instant::now(), local, from, bytes),
                "every answer has its owner"
            );
        }
    }
    // On loopback the server sees the very address of the socket, which is no second candidate.
    assert_eq!(gatherer.candidates(), [LocalCandidate::host(local)]);
    assert_eq!(pair.relay.candidate().map(|own| own.kind), Some(CandidateKind::Relayed));
}
