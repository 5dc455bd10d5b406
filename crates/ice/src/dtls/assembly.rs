//! Puts DTLS handshake messages together before rtc-dtls sees them, each whole and once.
//!
//! The crate stops its repeat timer at any handshake record, also at a repeat that does not bring it on, and then both
//! ends wait for ever; and it cannot join fragments of a repeat that was cut at other points, as OpenSSL cuts them.
//! Records that do not follow the grammar are dropped here, for the crate answers them with a fatal alert.

use std::collections::BTreeMap;

/// Longer handshake messages are nobody's (a chain of certificates is a few thousand octets).
const LONGEST_MESSAGE: usize = 20_000;
/// All messages of a handshake together (CONFORMANCE L11).
const LONGEST_HANDSHAKE: usize = 65_536;
/// A handshake has about a dozen messages.
const LAST_SEQUENCE: u16 = 31;
/// How often a message is handed over again, all together: a far end gives up long before. The crate keeps each.
const MOST_REPEATS: usize = 64;
const RECORD_HEADER: usize = 13;
const FRAGMENT_HEADER: usize = 12;

/// The messages of one handshake so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    messages: BTreeMap<u16, Message>,
    /// The random of the first ClientHello, when we are the server.
    hello: Option<[u8; 32]>,
    repeats: usize,
    /// An alert came in the clear. Anyone can send one, so it ends nothing; but a handshake that then fails was refused.
    pub(crate) alerted: bool,
}

#[derive(Debug)]
struct Message {
    body: Vec<u8>,
    have: Vec<bool>,
    handed_over: bool,
}

/// What to do with a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Assembled {
    /// Hand this to the crate; it may be nothing.
    Records(Vec<u8>),
    /// The far end began anew: so does the handshake, with this datagram.
    Restarted,
}

impl Assembly {
    /// Takes one datagram of epoch 0 and beyond. `client`: we are; `done`: our handshake is finished, so that a repeat of
    /// the last flight has to reach the crate, which repeats its own.
    pub(crate) fn take(&mut self, datagram: &[u8], client: bool, done: bool) -> Assembled {
        let mut out = Vec::with_capacity(datagram.len());
        let mut rest = datagram;
        while let Some((header, body, after)) = record(rest) {
            rest = after;
            if !is_proper(header, body) {
                continue;
            }
            let plain = header[3..5] == [0, 0];
            if header[0] == 21 && plain {
                self.alerted = true;
                continue;
            }
            if header[0] != 22 || !plain {
                out.extend_from_slice(header);
                out.extend_from_slice(body);
                continue;
            }
            let Some(ready) = self.handshake(body, client, done) else { return Assembled::Restarted };
            let Ok(length) = u16::try_from(ready.len()) else { continue };
            if length > 0 {
                out.extend_from_slice(&header[..RECORD_HEADER - 2]);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&ready);
            }
        }
        Assembled::Records(out)
    }

    /// The messages that the fragments of one record complete. `None`: a ClientHello with another random.
    fn handshake(&mut self, body: &[u8], client: bool, done: bool) -> Option<Vec<u8>> {
        let (mut ready, mut rest) = (Vec::new(), body);
        while let Some(fragment) = Fragment::read(rest) {
            rest = fragment.after;
            if !client && fragment.is_first_hello() {
                let random: Option<[u8; 32]> = fragment.data.get(2..34).and_then(|random| random.try_into().ok());
                match (self.hello, random) {
                    (Some(own), Some(random)) if own != random => return None,
                    (None, random) => self.hello = random,
                    _ => {}
                }
            }
            // Before the cookie a repeated hello has to be answered again.
            let before_cookie =
                !client && fragment.sequence == 0 && self.messages.keys().all(|sequence| *sequence == 0);
            let held: usize = self.messages.values().map(|message| message.body.len()).sum();
            if !self.messages.contains_key(&fragment.sequence) && held + fragment.total > LONGEST_HANDSHAKE {
                break;
            }
            let message = self.messages.entry(fragment.sequence).or_insert_with(|| Message::empty(fragment.total));
            if message.body.len() != fragment.total {
                break;
            }
            let end = fragment.offset + fragment.data.len();
            message.body[fragment.offset..end].copy_from_slice(fragment.data);
            message.have[fragment.offset..end].fill(true);
            let wanted = (done || before_cookie) && self.repeats < MOST_REPEATS;
            let again = message.handed_over && end == fragment.total && wanted;
            self.repeats += usize::from(again);
            if again || (!message.handed_over && message.have.iter().all(|have| *have)) {
                message.handed_over = true;
                fragment.write_whole(&message.body, &mut ready);
            }
        }
        Some(ready)
    }
}

impl Message {
    fn empty(total: usize) -> Self {
        Self { body: vec![0; total], have: vec![false; total], handed_over: false }
    }
}

/// RFC 6347 4.2.2.
struct Fragment<'a> {
    kind: u8,
    total: usize,
    sequence: u16,
    offset: usize,
    data: &'a [u8],
    after: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..FRAGMENT_HEADER)?;
        let three =
            |at: usize| usize::from(header[at]) << 16 | usize::from(header[at + 1]) << 8 | usize::from(header[at + 2]);
        let (total, offset, length) = (three(1), three(6), three(9));
        let sequence = u16::from_be_bytes([header[4], header[5]]);
        let data = bytes.get(FRAGMENT_HEADER..FRAGMENT_HEADER + length)?;
        let proper = offset + length <= total && total <= LONGEST_MESSAGE && sequence <= LAST_SEQUENCE;
        proper.then_some(Self {
            kind: header[0],
            total,
            sequence,
            offset,
            data,
            after: &bytes[FRAGMENT_HEADER + length..],
        })
    }

    const fn is_first_hello(&self) -> bool {
        self.kind == 1 && self.sequence == 0 && self.offset == 0
    }

    fn write_whole(&self, body: &[u8], out: &mut Vec<u8>) {
        let total = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        out.push(self.kind);
        out.extend_from_slice(&total[1..]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0]);
        out.extend_from_slice(&total[1..]);
        out.extend_from_slice(body);
    }
}

/// Header and body of the first record, and what comes after it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let header = bytes.get(..RECORD_HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
    let body = bytes.get(RECORD_HEADER..RECORD_HEADER + length)?;
    Some((header, body, &bytes[RECORD_HEADER + length..]))
}

/// The records of a datagram that are not in the clear (RFC 6347 4.1: their epoch is not 0).
pub(crate) fn under_keys(datagram: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(datagram.len()), datagram);
    while let Some((header, body, after)) = record(rest) {
        rest = after;
        if is_proper(header, body) && header[3..5] != [0, 0] {
            out.extend_from_slice(header);
            out.extend_from_slice(body);
        }
    }
    out
}

/// A known type, a version of DTLS, a body, and nothing in the clear that must not be.
fn is_proper(header: &[u8], body: &[u8]) -> bool {
    let plain = header[3..5] == [0, 0];
    let known = matches!(header[0], 20..=23) && header[1] == 0xfe && !body.is_empty();
    known && !(header[0] == 20 && body.len() > 1 && plain) && !(header[0] == 23 && plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment(sequence: u16, total: usize, offset: usize, data: &[u8]) -> Vec<u8> {
        let three = |n: usize| u32::try_from(n).expect("short").to_be_bytes()[1..].to_vec();
        [&[2][..], &three(total), &sequence.to_be_bytes(), &three(offset), &three(data.len()), data].concat()
    }

    fn datagram(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("short").to_be_bytes();
        [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, length[0], length[1]][..], body].concat()
    }

    fn records(assembled: Assembled) -> Vec<u8> {
        match assembled {
            Assembled::Records(bytes) => bytes,
            Assembled::Restarted => panic!("nobody began anew"),
        }
    }

    #[test]
    fn a_repeat_that_is_cut_elsewhere_completes_the_message() {
        let mut assembly = Assembly::default();
        assert!(records(assembly.take(&datagram(&fragment(1, 6, 0, b"abcd")), true, false)).is_empty());
        let whole = records(assembly.take(&datagram(&fragment(1, 6, 2, b"cdef")), true, false));
        assert!(whole.ends_with(b"abcdef"));
        assert!(
            records(assembly.take(&datagram(&fragment(1, 6, 0, b"abcdef")), true, false)).is_empty(),
            "and once only"
        );
        assert!(
            !records(assembly.take(&datagram(&fragment(1, 6, 0, b"abcdef")), true, true)).is_empty(),
            "but a last flight is answered again"
        );
    }

    #[test]
    fn a_hello_in_two_datagrams_is_handed_over_whole_and_once() {
        // Chromium's ClientHello: post-quantum key shares do not fit into one. Half of it must not be answered.
        let hello: Vec<u8> = (0..1_400).map(|at: usize| u8::try_from(at % 251).expect("below 251")).collect();
        let part = |offset: usize, data: &[u8]| {
            let mut bytes = fragment(0, hello.len(), offset, data);
            bytes[0] = 1;
            datagram(&bytes)
        };
        let (first, second) = hello.split_at(1_100);
        for order in [[(0, first), (1_100, second)], [(1_100, second), (0, first)]] {
            let mut assembly = Assembly::default();
            let [half, whole] = order.map(|(at, data)| records(assembly.take(&part(at, data), false, false)));
            assert!(half.is_empty());
            assert!(whole.ends_with(&hello) && whole.len() == RECORD_HEADER + FRAGMENT_HEADER + hello.len());
        }
    }

    #[test]
    fn a_flood_of_fragments_takes_little_memory() {
        let mut assembly = Assembly::default();
        for sequence in 0..=u16::MAX {
            for total in [0, 1, LONGEST_MESSAGE] {
                let _ = assembly.take(&datagram(&fragment(sequence, total, 0, b"")), true, false);
            }
        }
        let held: usize = assembly.messages.values().map(|message| message.body.len() + message.have.len()).sum();
        assert!(held <= 2 * LONGEST_HANDSHAKE && assembly.messages.len() <= usize::from(LAST_SEQUENCE) + 1, "{held}");
        // Nor in the crate, which keeps whatever it is given, and counts only what is in it (CVE-2022-29190 of pion).
        for (client, done) in [(true, true), (false, false)] {
            let (mut assembly, mut handed_over) = (Assembly::default(), 0);
            for _ in 0..1_000_000 / 2 {
                let out = records(assembly.take(&datagram(&fragment(0, 0, 0, b"")), client, done));
                handed_over += usize::from(!out.is_empty());
            }
            assert_eq!(handed_over, 1 + MOST_REPEATS);
        }
    }

    #[test]
    fn rubbish_is_dropped_in_silence() {
        let mut assembly = Assembly::default();
        for bytes in [
            &b""[..],
            b"x",
            &[22; 12],
            &[22; 13],
            &[99; 40],
            &datagram(&fragment(40, 1, 0, b"x")),
            &datagram(&fragment(0, 1, 5, b"x")),
            &datagram(&fragment(0, 0x00ff_ffff, 0, b"x")),
            &datagram(b"short"),
        ] {
            assert!(records(assembly.take(bytes, true, false)).is_empty(), "{bytes:?}");
        }
    }

    #[test]
    fn no_bytes_panic() {
        let mut assembly = Assembly::default();
        for first in 0..=255_u8 {
            // Each length with what a record may begin with, and the next octets of both sides of it.
            let all = matches!(first, 19..=26 | 63 | 64);
            for length in (0..=1500_u16).filter(|length| all || *length < 64 || *length >= 1499) {
                let mut bytes: Vec<u8> = (0..length)
                    .map(|at| if at == 0 { first } else { u8::try_from((at * 37) % 251).expect("below 251") })
                    .collect();
                let _ = assembly.take(&bytes, first % 2 == 0, false);
                // The same as one record of the right length.
                if let Some(header) = bytes.get_mut(1..RECORD_HEADER) {
                    header[..4].copy_from_slice(&[0xfe, 0xfd, 0, 0]);
                    header[10..].copy_from_slice(&(length - 13).to_be_bytes());
                    let _ = assembly.take(&bytes, first % 2 == 0, length % 2 == 0);
                }
            }
        }
    }

    proptest! {
        /// However a message is cut, cut anew, repeated and shuffled, it is handed over once, when the last octet is there.
        #[test]
        fn any_cut_completes_the_message_once(
            body in proptest::collection::vec(any::<u8>(), 1..600),
            cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..200), 1..60),
        ) {
            let mut assembly = Assembly::default();
            let mut missing = vec![true; body.len()];
            for (from, length) in cuts {
                let from = from.index(body.len());
                let to = (from + length).min(body.len());
                let before = missing.contains(&true);
                missing[from..to].fill(false);
                let out = records(assembly.take(&datagram(&fragment(3, body.len(), from, &body[from..to])), true, false));
                if before && !missing.contains(&true) {
                    prop_assert!(out.ends_with(&body));
                } else {
                    prop_assert!(out.is_empty());
                }
            }
        }
    }
}
