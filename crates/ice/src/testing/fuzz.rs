//! What a fuzzer and the mutants of the tests run: each body takes any octets and asserts what has to hold of them.
//!
//! They are part of the library so that every build of the tests compiles them; `crates/fuzz` only calls them.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use rtc_crypto::RTCCryptoProvider as _;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::{Network, World, rtp, start};
use crate::{
    Identity, Relay, RelayOutput, Timing, TurnServer, candidate,
    dtls::assembly::{Assembled, Assembly},
    provider::Provider,
    srtp::{Keys, Srtp},
    stun::Message,
};

/// A script is many datagrams: an octet that says who sends it, two for its length, and itself.
const MOST: usize = 200;
const NEAR: [u8; 4] = [192, 0, 2, 1];
const FAR: [u8; 4] = [192, 0, 2, 2];

/// Certificates take long to make.
static IDENTITIES: LazyLock<[Arc<Identity>; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Identity::generate().expect("there is a crypto library")));
static PROVIDER: LazyLock<Arc<Provider>> = LazyLock::new(|| Provider::new([1; 32]).expect("there is a crypto library"));

/// The candidate lines of a far end: none sends us against an address that is nobody's (CONFORMANCE S9).
///
/// # Panics
/// Here and in all others: where something does not hold.
pub fn candidate(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(read) = candidate::remote(&text, false) else { return };
    let address = read.addr();
    let real = address.ip().to_canonical();
    assert!(address.port() != 0 && !real.is_unspecified() && !real.is_multicast() && !real.is_loopback(), "{address}");
    if let IpAddr::V4(four) = real {
        assert!(!four.is_link_local() && !four.is_broadcast(), "{address}");
    }
    assert!(candidate::remote(&text, true).is_some());
}

/// One STUN message: what is read lies in it, and nobody has signed it.
pub fn stun(bytes: &[u8]) {
    let Some(message) = Message::parse(bytes) else { return };
    assert!(message.method() < 0x1000 && bytes[8..20] == message.transaction(), "{message:?}");
    let _ = message.class();
    for kind in 0..=0x40 {
        assert!(message.attribute(kind).is_none_or(|value| value.len() + 24 <= bytes.len()), "{kind}");
        assert!(message.xored_address(kind).is_none_or(|address| address.port() != 0), "{kind}");
    }
    assert!(message.mapped_address().is_none_or(|address| address.port() != 0));
    assert!(message.error_code().is_none_or(|code| (300..700).contains(&code)));
    assert!(!message.is_signed(b"a key that nobody has", PROVIDER.crypto()));
}

/// Datagrams of DTLS in the clear, to a client (an even first octet) or a server, whose handshake is done from a datagram on
/// that says so. What is handed over are whole handshake messages, each once until then, and records with keys as they came.
pub fn dtls(script: &[u8]) {
    let Some((how, script)) = script.split_first() else { return };
    let (client, mut done) = (how % 2 == 0, false);
    let (mut assembly, mut handed_over) = (Assembly::default(), HashSet::new());
    for (who, datagram) in datagrams(script) {
        done |= who == 255;
        let Assembled::Records(out) = assembly.take(datagram, client, done) else {
            assert!(!client, "only who is called begins anew");
            (assembly, handed_over) = (Assembly::default(), HashSet::new());
            continue;
        };
        let mut rest = &out[..];
        while !rest.is_empty() {
            let (header, after) = rest.split_first_chunk::<13>().expect("a header");
            let (body, after) = after.split_at(usize::from(u16::from_be_bytes([header[11], header[12]])));
            rest = after;
            let plain = header[3..5] == [0, 0];
            assert!(matches!(header[0], 20..=23) && (header[0] != 21 || !plain), "{header:?}");
            let mut messages = if header[0] == 22 && plain { body } else { &[] };
            while !messages.is_empty() {
                let (head, after) = messages.split_first_chunk::<12>().expect("a header");
                assert!(head[1..4] == head[9..12] && head[6..9] == [0; 3], "a whole message: {head:?}");
                let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
                messages = &after[length..];
                let sequence = u16::from_be_bytes([head[4], head[5]]);
                // Before the cookie a hello is answered each time.
                let first = handed_over.insert(sequence);
                assert!(first || done || (!client && sequence == 0), "message {sequence} twice");
            }
        }
    }
}

/// Packets under keys that both ends have: those of the far end are opened once and as they were, with one octet changed, cut
/// or made up they are not, and disturb nothing. An odd first octet has AES-GCM, an even one HMAC.
pub fn srtp(script: &[u8]) {
    let Some((how, script)) = script.split_first() else { return };
    let (profile, key, salt) = match how % 2 {
        0 => (ProtectionProfile::Aes128CmHmacSha1_80, 16, 14),
        _ => (ProtectionProfile::AeadAes128Gcm, 16, 12),
    };
    let end = |near: u8, far: u8| {
        let (local_key, local_salt) = (vec![near; key], vec![near; salt]);
        let keys = Keys { local_key, local_salt, remote_key: vec![far; key], remote_salt: vec![far; salt] };
        Srtp::new(keys, profile, Arc::clone(&PROVIDER)).expect("keys of the right length")
    };
    let (mut near, mut far) = (end(1, 2), end(2, 1));
    for (number, (who, bytes)) in (0_u16..).zip(datagrams(script)) {
        let control = who & 1 == 1;
        let plain = if control { vec![0x80, 201, 0, 1, 0, 0, 0, 7] } else { rtp(7, number) };
        let plain = [&plain, bytes].concat();
        let protect = if control { Srtp::protect_rtcp } else { Srtp::protect_rtp };
        let open = if control { Srtp::open_rtcp } else { Srtp::open_rtp };
        let genuine = protect(&mut far, &plain).expect("a packet");
        let at = usize::from(who >> 3) * 7 % genuine.len();
        let forged = match who >> 1 & 3 {
            0 => bytes.to_vec(),
            1 => genuine[..at].to_vec(),
            2 => genuine.iter().enumerate().map(|(n, own)| own ^ u8::from(n == at)).collect(),
            // What authenticates stands at the end.
            _ => {
                let mut own = genuine.clone();
                own.iter_mut().rev().zip(bytes).for_each(|(own, made_up)| *own ^= made_up);
                own
            }
        };
        if forged != genuine {
            assert_eq!(open(&mut near, &forged), None, "forged: {forged:02x?}");
        }
        assert_eq!(open(&mut near, &genuine), Some(plain));
        assert_eq!(open(&mut near, &genuine), None, "again");
    }
}

/// Datagrams of strangers, and of nobody in the name of the far end, to a path that waits for its far end (an even first
/// octet) or talks to it (an odd one). Nothing of them is heard or believed, and the path goes on.
pub fn path(script: &[u8]) {
    let Some((how, script)) = script.split_first() else { return };
    let sockets = [SocketAddr::from((NEAR, 4_000)), SocketAddr::from((FAR, 5_000))];
    let network = Network { loss: 0.0, delay: Duration::from_millis(1), jitter: Duration::ZERO };
    let identities = [&IDENTITIES[0], &IDENTITIES[1]];
    let mut world = World::new(1, identities, [&sockets[..1], &sockets[1..]], network, Timing::FAST, 1_200);
    let connected = how % 2 == 1;
    world.tell(0, true, true);
    if connected {
        world.tell(1, false, false);
        world.run(Duration::from_secs(10), World::secure);
        assert!(world.secure(), "a good network");
        world.run(Duration::from_millis(300), |_| false);
    }
    let stranger = SocketAddr::from(([203, 0, 113, 9], 666));
    for (who, bytes) in datagrams(script) {
        let from = if who % 2 == 0 { stranger } else { sockets[1] };
        world.inject(Duration::ZERO, from, sockets[0], bytes.to_vec());
        world.run(Duration::from_millis(u64::from(who >> 2)), |_| false);
    }
    world.run(Duration::from_millis(50), |_| false);
    assert!(world.ends[0].rtp.is_empty() && world.ends[0].rtcp.is_empty() && !world.ends[0].closed);
    assert_eq!(world.ends[0].failed, None);
    assert!(
        world.trace.iter().all(|(_, end, _, to, _)| *end != 0 || *to != stranger.port()),
        "nothing goes to a stranger"
    );
    if connected {
        assert_eq!(world.ends[0].disconnected, None);
        let heard = world.talk_both(7, Duration::from_millis(40));
        assert!(heard.iter().all(|(heard, said)| heard == said), "{heard:?}");
    }
}

/// Datagrams in the name of a TURN server that has not proved itself: no address is lent by them, and they end.
pub fn relay(script: &[u8]) {
    let (near, server) = (SocketAddr::from((NEAR, 4_000)), SocketAddr::from((FAR, 3_478)));
    let account = TurnServer { address: server, username: "user".to_owned(), password: "correct horse".to_owned() };
    let mut now = start();
    let mut relay = Relay::new(now, near, account, [1; 32]).expect("there is a crypto library");
    let mut asked = drain(&mut relay);
    for (who, bytes) in datagrams(script) {
        let mut bytes = bytes.to_vec();
        // An answer is to what was asked last, or it is nothing at all.
        if let (true, Some(transaction), Some(own)) = (who & 1 == 1, asked.as_ref(), bytes.get_mut(8..20)) {
            own.copy_from_slice(transaction);
        }
        assert!(relay.handle_datagram(now, near, server, &bytes));
        asked = drain(&mut relay).or(asked);
        now += Duration::from_millis(u64::from(who));
        relay.handle_timeout(now);
        asked = drain(&mut relay).or(asked);
    }
    assert!(relay.candidate().is_none(), "nobody has signed anything");
    relay.close(now);
    drain(&mut relay);
}

/// The transaction of the last request that it sends.
fn drain(relay: &mut Relay) -> Option<[u8; 12]> {
    let mut last = None;
    loop {
        match relay.poll_output() {
            RelayOutput::Transmit { bytes, .. } => {
                assert!(!bytes.windows(13).any(|piece| piece == b"correct horse"), "no password goes out");
                last = bytes.get(8..20).and_then(|own| own.try_into().ok()).or(last);
            }
            RelayOutput::Found(own) => panic!("nobody lent {own:?}"),
            RelayOutput::Datagram { .. } => panic!("nothing comes through what is not lent"),
            RelayOutput::Lost(_) => {}
            RelayOutput::Timeout(_) => return last,
        }
    }
}

fn datagrams(mut script: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = script.split_first_chunk::<3>()?;
        let (bytes, rest) = rest.split_at(usize::from(u16::from_be_bytes([head[1], head[2]])).min(rest.len()));
        script = rest;
        Some((head[0], bytes))
    })
    .take(MOST)
}
