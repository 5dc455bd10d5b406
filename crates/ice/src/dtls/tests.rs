//! Far ends that know the keys and do what no library lets one do: end a call by an alert, or show the certificate of
//! another. Their keys are read out of the library's state.

use std::{cell::RefCell, rc::Rc};

use rtc_crypto::{HmacAlgorithm, default_provider};
use rtc_dtls::{
    content::ContentType,
    crypto::crypto_gcm::CryptoGcm,
    record_layer::record_layer_header::{PROTOCOL_VERSION1_2, RecordLayerHeader},
};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    Timing,
    testing::{Network, World, rtp, start},
};

const CERTIFICATE: u8 = 11;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;
const FINISHED: u8 = 20;

/// Kind, epoch and body of each record of a datagram, and the record itself.
fn records(mut rest: &[u8]) -> Vec<(u8, u8, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    while rest.len() > 13 {
        let (own, after) = rest.split_at(13 + usize::from(u16::from_be_bytes([rest[11], rest[12]])));
        all.push((own[0], own[4], own[13..].to_vec(), own.to_vec()));
        rest = after;
    }
    all
}

/// The handshake messages in the clear, in their order, the last of each sequence number; none is cut here.
fn messages(datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let all = datagrams.iter().flat_map(|datagram| records(datagram));
    all.filter(|(kind, epoch, ..)| (*kind, *epoch) == (22, 0)).map(|(_, _, body, _)| body).collect()
}

/// What both ends know when the keys are agreed (RFC 5246 8.1).
struct Secret {
    master: Vec<u8>,
    /// Of the client, of the server.
    randoms: [Vec<u8>; 2],
}

impl Secret {
    /// Finds the master secret in a state: it is that which opens `sealed`, a record of the client's.
    fn find(endpoint: &Endpoint, log: &[Vec<u8>], sealed: &[u8]) -> Self {
        let random = |hello: u8| {
            let own = messages(log).into_iter().rfind(|message| message[0] == hello).expect("a hello");
            own[14..46].to_vec()
        };
        let randoms = [random(1), random(2)];
        let state = endpoint.get_connection_state(FAR_END).expect("a handshake").marshal_binary().expect("a state");
        let all = state.windows(48).map(|master| Self { master: master.to_vec(), randoms: randoms.clone() });
        all.into_iter().find(|own| own.cipher(false).decrypt(sealed).is_ok()).expect("a master secret")
    }

    /// RFC 5246 5, with SHA-256.
    fn prf(&self, label: &str, seed: &[u8], length: usize) -> Vec<u8> {
        let provider = default_provider().unwrap();
        let mac = |parts: &[&[u8]]| {
            let mut out = [0; 32];
            let mut mac = provider.crypto().new_hmac(HmacAlgorithm::Sha256, &self.master).unwrap();
            mac.sign(parts, &mut out).unwrap();
            out
        };
        let (mut a, mut out) = (mac(&[label.as_bytes(), seed]), Vec::new());
        while out.len() < length {
            out.extend(mac(&[&a, label.as_bytes(), seed]));
            a = mac(&[&a]);
        }
        out.truncate(length);
        out
    }

    /// AES-128-GCM as the client seals or as the server does (RFC 5246 6.3, RFC 5288 3).
    fn cipher(&self, client: bool) -> CryptoGcm {
        let block = self.prf("key expansion", &[&self.randoms[1][..], &self.randoms[0]].concat(), 40);
        let [theirs, ours] = [(&block[..16], &block[32..36]), (&block[16..32], &block[36..40])];
        let (local, remote) = if client { (theirs, ours) } else { (ours, theirs) };
        CryptoGcm::new(default_provider().unwrap(), local.0, local.1, remote.0, remote.1).unwrap()
    }

    fn seal(&self, client: bool, kind: ContentType, sequence_number: u64, body: &[u8]) -> Vec<u8> {
        let content_len = u16::try_from(body.len()).unwrap();
        let protocol_version = PROTOCOL_VERSION1_2;
        let header = RecordLayerHeader { content_type: kind, protocol_version, epoch: 1, sequence_number, content_len };
        let mut raw = Vec::new();
        header.marshal(&mut raw).unwrap();
        raw.extend(body);
        self.cipher(client).encrypt(&header, &raw).unwrap()
    }
}

/// A call in which an end, the client of the handshake or the server, sends this under the keys.
fn told(client: bool, kind: ContentType, body: &[u8]) -> World {
    let identities = [Identity::generate().unwrap(), Identity::generate().unwrap()];
    let [first, second] = ["10.0.0.1:4000", "10.0.0.2:5000"].map(|own| own.parse().unwrap());
    let (ten, zero) = (Duration::from_millis(10), Duration::ZERO);
    let network = Network { loss: 0.0, delay: ten, jitter: zero };
    let mut world = World::new(9, [&identities[0], &identities[1]], [&[first], &[second]], network, Timing::FAST, 1200);
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    world.middle = Some(Box::new(move |from, to, bytes| {
        if matches!(bytes[0], 20..=63) {
            seen.borrow_mut().push((from, bytes.to_vec()));
        }
        vec![(from, to, bytes.to_vec())]
    }));
    world.tell(0, true, true);
    world.tell(1, false, false);
    world.run(Duration::from_secs(5), World::secure);
    assert_eq!(world.talk_both(1, Duration::from_secs(1)), [(50, 50); 2]);
    world.middle = None;
    let log = log.take();
    let datagrams: Vec<Vec<u8>> = log.iter().map(|(_, bytes)| bytes.clone()).collect();
    let clients = log.iter().filter(|(from, _)| *from == first).flat_map(|(_, bytes)| records(bytes));
    let (.., sealed) = clients.into_iter().find(|(kind, epoch, ..)| (*kind, *epoch) == (22, 1)).expect("a Finished");
    let dtls = world.ends[usize::from(!client)].path.dtls.as_ref().unwrap();
    let secret = Secret::find(&dtls.endpoint, &datagrams, &sealed);
    let (from, to) = if client { (first, second) } else { (second, first) };
    world.trace.clear();
    world.inject(zero, from, to, secret.seal(client, kind, 1_000, body));
    world.run(Duration::from_millis(100), |_| false);
    world
}

#[test]
fn a_goodbye_or_a_fatal_alert_under_the_keys_ends_the_path() {
    // close_notify, handshake_failure, internal_error; a fatal close_notify too (RFC 5246 7.2).
    for alert in [[1, 0], [2, 40], [2, 80], [2, 0]] {
        let mut world = told(false, ContentType::Alert, &alert);
        assert!(world.ends[0].closed && world.ends[0].failed.is_none(), "{alert:?}");
        assert!(!world.ends[0].path.is_secure());
        world.run(Duration::from_secs(20), |_| false);
        assert!(!world.ends[0].path.send_rtp(&rtp(2, 1)), "nothing is sent any more (RFC 7675 5.2)");
        let since = world.trace.len();
        world.run(Duration::from_secs(20), |_| false);
        assert!(world.trace[since..].iter().all(|own| own.1 != 0 || own.4 < 4), "but answers of ICE");
    }
}

#[test]
fn a_warning_under_the_keys_ends_nothing() {
    // user_canceled, no_renegotiation.
    for alert in [[1, 90], [1, 100]] {
        let mut world = told(false, ContentType::Alert, &alert);
        assert!(!world.ends[0].closed, "{alert:?}");
        assert_eq!(world.talk_both(2, Duration::from_secs(1)), [(50, 50); 2]);
    }
}

#[test]
fn nobody_agrees_on_keys_a_second_time() {
    // RFC 8827 6.5: a HelloRequest of the server, a ClientHello of the client.
    let hello = [&[1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38, 0xfe, 0xfd][..], &[7; 32], &[0, 0, 0, 0]].concat();
    for (client, message) in [(false, vec![0; 12]), (true, hello)] {
        let mut world = told(client, ContentType::Handshake, &message);
        assert_eq!(world.talk_both(2, Duration::from_secs(20)), [(1_000, 1_000); 2], "the keys hold");
        // Whoever gets it may take it for a loss of its last flight, and the other then too: no more than that goes out.
        let handshake = world.trace.iter().filter(|own| matches!(own.4, 20..=63)).count();
        assert!(handshake <= 2, "no handshake begins: {handshake}");
    }
}

#[test]
fn only_forward_secrecy_and_authenticated_encryption_are_offered() {
    let provider = Provider::new([1; 32]).unwrap();
    let named = Identity::generate().unwrap();
    let fingerprint = Fingerprint::strongest(&[named.fingerprint().to_owned()]).unwrap();
    let mut client = Dtls::new(provider, named, fingerprint, true, 1_200).unwrap();
    client.begin(start());
    let hello = messages(&[client.poll_transmit().expect("a ClientHello")]).remove(0);
    // RFC 5246 7.4.1.2: the version and the random, no session, no cookie, then the suites.
    assert_eq!((hello[12..14].to_vec(), &hello[46..48]), (vec![0xfe, 0xfd], &[0, 0][..]));
    let length = usize::from(u16::from_be_bytes([hello[48], hello[49]]));
    assert_eq!(hello[50..50 + length], [0xc0, 0x2b, 0xc0, 0x2f, 0xcc, 0xa9]);
    // RFC 5764 4.1.2: three profiles with a tag of 80 bits or more, and no MKI.
    let srtp = [0, 14, 0, 9, 0, 6, 0, 7, 0, 1, 0, 8, 0];
    assert!(hello[50 + length..].windows(srtp.len()).any(|own| own == srtp), "{hello:?}");
}

/// What a client does with the certificate that the signalling named.
#[derive(Clone, Copy, PartialEq)]
enum Client {
    /// It is its own.
    Honest,
    /// It is another's, and the signature is by another key.
    Thief,
    /// It shows none at all.
    Anonymous,
}

/// Does the server take the client's last flight? `forge`: it is put together here, with a CertificateVerify or without.
fn is_taken(client: Client, forge: Option<bool>) -> bool {
    let (now, named) = (start(), Identity::generate().unwrap());
    let mut own = Arc::into_inner(Identity::generate().unwrap()).unwrap();
    match client {
        Client::Honest => own.certificate = named.certificate.clone(),
        Client::Thief => own.certificate.certificate.clone_from(&named.certificate.certificate),
        Client::Anonymous => own.certificate.certificate.clear(),
    }
    let servers = Identity::generate().unwrap();
    let dtls = |seed, identity: Arc<Identity>, fingerprint: &str, client| {
        let fingerprint = Fingerprint::strongest(&[fingerprint.to_owned()]).unwrap();
        Dtls::new(Provider::new([seed; 32]).unwrap(), identity, fingerprint, client, 0).unwrap()
    };
    let mut server = dtls(1, Arc::clone(&servers), named.fingerprint(), false);
    let mut client = dtls(2, Arc::new(own), servers.fingerprint(), true);
    let (mut log, mut last) = (Vec::new(), Vec::new());
    client.begin(now);
    for _ in 0..3 {
        while let Some(datagram) = client.poll_transmit() {
            let certificate = messages(std::slice::from_ref(&datagram)).iter().any(|message| message[0] == CERTIFICATE);
            if certificate || !last.is_empty() {
                last.push(datagram);
            } else {
                log.push(datagram.clone());
                server.receive(now, &datagram).unwrap();
            }
        }
        while let Some(datagram) = server.poll_transmit() {
            log.push(datagram.clone());
            client.receive(now, &datagram).unwrap();
        }
    }
    assert!(!last.is_empty(), "nobody asked the client for a certificate");
    if let Some(verify) = forge {
        last = forged(&client, log, &last, verify);
    }
    for datagram in last {
        server.receive(now, &datagram).unwrap();
    }
    server.done
}

/// The last flight of the client, made anew and right in all but that a CertificateVerify may be missing.
fn forged(client: &Dtls, log: Vec<Vec<u8>>, last: &[Vec<u8>], verify: bool) -> Vec<Vec<u8>> {
    let sealed = last.iter().flat_map(|own| records(own)).find(|(kind, epoch, ..)| (*kind, *epoch) == (22, 1));
    let secret = Secret::find(&client.endpoint, &log, &sealed.expect("a Finished").3);
    let wanted = |message: &Vec<u8>| {
        matches!(message[0], CERTIFICATE | CLIENT_KEY_EXCHANGE) || verify && message[0] == CERTIFICATE_VERIFY
    };
    let kept: Vec<Vec<u8>> = messages(last).into_iter().filter(wanted).collect();
    // RFC 6347 4.2.1: the first ClientHello and the HelloVerifyRequest do not count.
    let before = messages(&log);
    let begin = before.iter().rposition(|message| message[0] == 1).expect("a ClientHello");
    let transcript = before[begin..].iter().chain(&kept).flatten().copied().collect::<Vec<u8>>();
    let data = secret.prf("client finished", &Sha256::digest(&transcript), 12);
    let next = kept.last().map(|message| message[5] + 1).expect("a message");
    let finished = [&[FINISHED, 0, 0, 12, 0, next, 0, 0, 0, 0, 0, 12][..], &data].concat();
    let record = |kind: u8, number: usize, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        let number = u8::try_from(100 + number).unwrap();
        [&[kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, number, length[0], length[1]][..], body].concat()
    };
    let mut flight: Vec<Vec<u8>> = kept.iter().enumerate().map(|(number, body)| record(22, number, body)).collect();
    flight.push(record(20, 50, &[1]));
    flight.push(secret.seal(true, ContentType::Handshake, 0, &finished));
    flight
}

#[test]
fn who_cannot_sign_with_the_key_of_the_certificate_is_refused() {
    assert!(is_taken(Client::Honest, None));
    assert!(!is_taken(Client::Thief, None), "signed by another key");
    assert!(!is_taken(Client::Anonymous, None), "no certificate");
    // What is put together here is taken as long as nothing is missing, so it is the signature that is.
    assert!(is_taken(Client::Honest, Some(true)));
    assert!(!is_taken(Client::Honest, Some(false)), "not signed at all (CVE-2022-29222 of pion)");
    assert!(!is_taken(Client::Thief, Some(false)));
}
