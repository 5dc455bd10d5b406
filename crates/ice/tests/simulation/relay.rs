//! A TURN server in memory, which says right and wrong things; the real one is in `tests/coturn.rs`.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use ice::{CandidateKind, LocalCandidate, Relay, RelayError, RelayOutput, TurnServer, testing::start};
use rtc_crypto::{HashAlgorithm, HmacAlgorithm, default_provider};

use super::{FIRST, SECOND, address};

const SERVER: &str = "192.0.2.53:3478";
const LENT: &str = "192.0.2.53:50000";
const PEER: &str = "198.51.100.7:7000";
const PASSWORD: &str = "squeamish ossifrage";

const ALLOCATE: u16 = 3;
const REFRESH: u16 = 4;
const SEND: u16 = 6;
const DATA: u16 = 7;
const PERMISSION: u16 = 8;
const CHANNEL: u16 = 9;

/// What the server does with the next request of a method.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Grant,
    GrantUnsigned,
    GrantSignedByAnother,
    Refuse(u16),
}

struct Server {
    relay: Relay,
    now: Instant,
    mood: Mood,
    nonce: u8,
    /// Method and octets of all that came.
    came: Vec<(u16, Vec<u8>)>,
    found: Vec<LocalCandidate>,
    data: Vec<(SocketAddr, Vec<u8>)>,
    lost: Option<RelayError>,
    due: Option<Instant>,
}

fn server() -> TurnServer {
    TurnServer { address: address(SERVER), username: "user".to_owned(), password: PASSWORD.to_owned() }
}

fn key(password: &str) -> Vec<u8> {
    let provider = default_provider().expect("a library");
    provider.crypto().hash(HashAlgorithm::Md5, format!("user:realm:{password}").as_bytes()).expect("a digest")
}

/// A STUN message; `class`: 0x0110 an error, 0x0100 a success, 0x0010 an indication.
fn message(class: u16, method: u16, transaction: &[u8], attributes: &[(u16, Vec<u8>)], key: Option<&[u8]>) -> Vec<u8> {
    let kind = class | method & 0xf;
    let mut bytes = [&kind.to_be_bytes()[..], &[0, 0, 0x21, 0x12, 0xa4, 0x42], transaction].concat();
    for (kind, value) in attributes {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let length = bytes.len() - 20 + if key.is_some() { 24 } else { 0 };
    bytes[2..4].copy_from_slice(&u16::try_from(length).expect("short").to_be_bytes());
    if let Some(key) = key {
        let provider = default_provider().expect("a library");
        let mut mac = [0; 20];
        let mut signer = provider.crypto().new_hmac(HmacAlgorithm::Sha1, key).expect("a MAC");
        signer.sign(&[&bytes[..]], &mut mac).expect("a MAC");
        bytes.extend([0, 8, 0, 20]);
        bytes.extend(mac);
    }
    bytes
}

fn xored(address: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(four) = address else { panic!("IPv4 here") };
    let port = (four.port() ^ 0x2112).to_be_bytes();
    let ip = (u32::from(*four.ip()) ^ 0x2112_a442).to_be_bytes();
    [&[0, 1][..], &port, &ip].concat()
}

impl Server {
    fn new() -> Self {
        let now = start();
        let relay = Relay::new(now, address(FIRST), server(), [1; 32]).expect("a library");
        let (found, data) = (Vec::new(), Vec::new());
        Self { relay, now, mood: Mood::Grant, nonce: 1, came: Vec::new(), found, data, lost: None, due: None }
    }

    fn lent() -> Self {
        let mut own = Self::new();
        own.work();
        assert_eq!(own.found, [own.relay.candidate().expect("an address")]);
        own
    }

    /// Serves all that comes until nothing does.
    fn work(&mut self) {
        loop {
            match self.relay.poll_output() {
                RelayOutput::Transmit { local, to, bytes } => {
                    assert_eq!((local, to), (address(FIRST), address(SERVER)));
                    self.serve(&bytes);
                }
                RelayOutput::Found(candidate) => self.found.push(candidate),
                RelayOutput::Datagram { local, from, bytes } => {
                    assert_eq!(local, address(LENT));
                    self.data.push((from, bytes));
                }
                RelayOutput::Lost(error) => self.lost = Some(error),
                RelayOutput::Timeout(due) => {
                    self.due = due;
                    return;
                }
            }
        }
    }

    fn serve(&mut self, bytes: &[u8]) {
        let method = u16::from(bytes[1] & 0xf);
        if bytes[0] & 0xc0 != 0 {
            self.came.push((DATA, bytes.to_vec()));
            return;
        }
        self.came.push((method, bytes.to_vec()));
        if method == SEND {
            return;
        }
        let transaction = &bytes[8..20];
        // A request without a name asks for realm and nonce; one with an old nonce is told the new one.
        let signed = bytes.windows(4).any(|own| own == b"user");
        let fresh = bytes.windows(8).any(|own| own == self.nonce());
        let code = match self.mood {
            _ if !signed => Some(401),
            _ if !fresh => Some(438),
            Mood::Refuse(code) => Some(code),
            _ => None,
        };
        let own = key(if self.mood == Mood::GrantSignedByAnother { "another" } else { PASSWORD });
        let answer = match code {
            Some(code) => {
                let number = [0, 0, u8::try_from(code / 100).expect("small"), u8::try_from(code % 100).expect("small")];
                let attributes = [(9, number.to_vec()), (0x14, b"realm".to_vec()), (0x15, self.nonce().to_vec())];
                let key = Some(&own[..]).filter(|_| code != 401 && code != 438);
                message(0x110, method, transaction, &attributes, key)
            }
            None => {
                let key = Some(&own[..]).filter(|_| self.mood != Mood::GrantUnsigned);
                let attributes = [(0x16, xored(address(LENT))), (0x0d, 600_u32.to_be_bytes().to_vec())];
                message(0x100, method, transaction, &attributes, key)
            }
        };
        self.say(&answer);
    }

    fn nonce(&self) -> [u8; 8] {
        [b'n', b'o', b'n', b'c', b'e', b'-', b'-', self.nonce]
    }

    fn say(&mut self, bytes: &[u8]) {
        assert!(self.relay.handle_datagram(self.now, address(FIRST), address(SERVER), bytes));
    }

    fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.relay.send(self.now, address(PEER), b"sound");
        }
        self.work();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.work();
        while let Some(due) = self.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.relay.handle_timeout(self.now);
            self.work();
        }
        self.now = end;
    }

    fn count(&self, method: u16) -> usize {
        self.came.iter().filter(|(own, _)| *own == method).count()
    }
}

#[test]
fn an_address_is_lent() {
    let server = Server::lent();
    let candidate = LocalCandidate { kind: CandidateKind::Relayed, address: address(LENT), base: address(FIRST) };
    assert_eq!(server.found, [candidate]);
    assert!(server.relay.is_done());
    assert!(!format!("{:?} {:?}", server.relay, super::relay::server()).contains(PASSWORD));
}

#[test]
fn an_answer_that_nobody_signed_is_not_believed() {
    for mood in [Mood::GrantUnsigned, Mood::GrantSignedByAnother] {
        let mut server = Server::new();
        server.mood = mood;
        server.work();
        assert!(server.found.is_empty() && server.lost.is_none());
        server.mood = Mood::Grant;
        server.pass(SECOND);
        assert_eq!(server.found.len(), 1, "the repeat was answered by the server itself");
    }
}

#[test]
fn only_the_server_is_heard() {
    let mut server = Server::lent();
    let bytes = message(0x10, DATA, &[1; 12], &[(0x12, xored(address(PEER))), (0x13, b"sound".to_vec())], None);
    assert!(!server.relay.handle_datagram(server.now, address(FIRST), address(PEER), &bytes));
    assert!(!server.relay.handle_datagram(server.now, address(PEER), address(SERVER), &bytes));
    server.work();
    assert!(server.data.is_empty());
    server.say(&bytes);
    server.work();
    assert_eq!(server.data, [(address(PEER), b"sound".to_vec())]);
}

#[test]
fn what_is_sent_waits_for_the_permission_and_asks_for_it_once() {
    let mut server = Server::lent();
    server.mood = Mood::GrantUnsigned;
    server.send(30);
    assert_eq!((server.count(PERMISSION), server.count(SEND)), (1, 0));
    server.mood = Mood::Grant;
    server.pass(SECOND / 2);
    assert_eq!(
        (server.count(PERMISSION), server.count(SEND) + server.count(DATA)),
        (2, 16),
        "a repeat, then what waited"
    );
    server.send(5);
    assert_eq!(server.count(SEND) + server.count(DATA), 21);
}

#[test]
fn a_peer_that_is_refused_is_not_asked_for_again() {
    let mut server = Server::lent();
    server.mood = Mood::Refuse(403);
    server.send(3);
    server.mood = Mood::Grant;
    server.send(10);
    server.pass(10 * SECOND);
    assert_eq!((server.count(PERMISSION), server.count(SEND)), (1, 0));
    assert_eq!(server.lost, None);
}

#[test]
fn the_address_is_kept_by_a_refresh_each_minute_whatever_the_nonce() {
    let mut server = Server::lent();
    server.send(1);
    for minute in 1..=30 {
        server.nonce += u8::from(minute % 3 == 0);
        let before = server.count(REFRESH);
        server.pass(Duration::from_secs(61));
        assert!(server.count(REFRESH) > before, "minute {minute}");
    }
    assert_eq!(server.lost, None);
    assert!(server.relay.candidate().is_some());
}

#[test]
fn a_stale_nonce_costs_no_time() {
    let mut server = Server::lent();
    server.nonce += 1;
    let before = server.now;
    server.pass(Duration::from_millis(60_100));
    assert_eq!(server.count(REFRESH), 2, "the second one at once, with the new nonce");
    server.nonce += 1;
    server.send(1);
    assert_eq!(server.count(PERMISSION), 2);
    assert_eq!(server.count(SEND), 1, "sent after {:?}", server.now - before);
}

#[test]
fn a_channel_that_was_not_refreshed_loses_nothing() {
    let mut server = Server::lent();
    server.send(1);
    server.send(1);
    assert_eq!((server.count(CHANNEL), server.count(DATA)), (1, 1));
    let (_, bind) = server.came.iter().find(|(own, _)| *own == CHANNEL).cloned().expect("a channel");
    let at = bind.windows(4).position(|own| own == [0, 0x0c, 0, 4]).expect("its number");
    let number = [bind[at + 4], bind[at + 5]];
    // After five minutes the channel is asked for again, and refused: first for the nonce, then for good.
    server.pass(Duration::from_secs(301));
    server.nonce += 1;
    server.send(1);
    server.mood = Mood::Refuse(400);
    for _ in 0..20 {
        server.send(1);
    }
    assert!(server.count(CHANNEL) <= 3, "{} asked", server.count(CHANNEL));
    assert_eq!(server.count(SEND) + server.count(DATA), 23, "all of it went");
    let data = [&number[..], &[0, 5], b"sound\0\0\0"].concat();
    server.say(&data);
    server.work();
    assert_eq!(server.data, [(address(PEER), b"sound".to_vec())], "and the server may go on using it");
}

#[test]
fn a_refusal_says_why() {
    for (mood, method) in [(401, ALLOCATE), (486, ALLOCATE), (437, REFRESH)] {
        let mut server = if method == ALLOCATE { Server::new() } else { Server::lent() };
        server.mood = Mood::Refuse(mood);
        server.pass(Duration::from_secs(62));
        assert_eq!(server.lost, Some(RelayError::Refused(mood)));
        assert_eq!(server.relay.candidate(), None);
        assert_eq!(server.due, None);
    }
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let mut relay = Relay::new(start(), address(FIRST), server(), [1; 32]).expect("a library");
    let (mut sent, mut lost) = (0, None);
    loop {
        match relay.poll_output() {
            RelayOutput::Transmit { .. } => sent += 1,
            RelayOutput::Lost(error) => lost = Some(error),
            RelayOutput::Timeout(Some(due)) => {
                relay.handle_timeout(due);
            }
            RelayOutput::Timeout(None) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sent, lost), (7, Some(RelayError::NoAnswer)));
}

#[test]
fn what_is_closed_is_given_back() {
    let mut server = Server::lent();
    server.relay.close(server.now);
    server.work();
    let (method, bytes) = server.came.last().expect("something was sent");
    assert_eq!(*method, REFRESH);
    assert!(bytes.windows(8).any(|own| own == [0, 0x0d, 0, 4, 0, 0, 0, 0]), "for no time");
    assert_eq!((server.due, server.lost, server.relay.candidate()), (None, None, None));
}

#[test]
fn nothing_the_server_says_panics() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha12Rng::seed_from_u64(7);
    let mut server = Server::lent();
    server.send(2);
    for _ in 0..20_000 {
        let class = [0, 0x10, 0x100, 0x110][rng.random_range(0..4)];
        let value: Vec<u8> = (0..rng.random_range(0..24)).map(|_| rng.random()).collect();
        let attributes = [(rng.random_range(0..0x30), value), (0x12, xored(address(PEER)))];
        let mut bytes = message(class, rng.random_range(1..10), &[rng.random(); 12], &attributes, None);
        let cut = rng.random_range(0..=bytes.len());
        if rng.random_bool(0.3) {
            bytes.truncate(cut);
        } else if let Some(octet) = bytes.get_mut(cut) {
            *octet = rng.random();
        }
        server.say(&bytes);
        server.work();
    }
    assert_eq!(server.lost, None);
    server.data.clear();
    server.send(1);
    assert!(server.relay.candidate().is_some());
}
