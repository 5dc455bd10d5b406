//! SRTP and SRTCP (RFC 3711, RFC 7714) by rtc-srtp, with a replay window of our own.

use std::{collections::HashSet, sync::Arc};

use rtc_crypto::RTCCryptoProvider as _;
use rtc_shared::replay_detector::ReplayDetector;
use rtc_srtp::{context::Context, option::ContextOption, protection_profile::ProtectionProfile};

use crate::{error::PathError, provider::Provider};

/// Streams of the far end that proved themselves; more are nobody's.
const MOST_STREAMS: usize = 256;
/// How many streams are tried before what the trials left behind is thrown away.
const MOST_TRIALS: usize = 64;

/// The keys of both directions.
///
/// The crate makes a state for each SSRC before it authenticates anything, and keeps it. So a new SSRC is tried on a
/// context of its own first, and forged ones leave nothing in the one that counts (CONFORMANCE S17, S33).
pub(crate) struct Srtp {
    outgoing: Context,
    incoming: Context,
    trial: Context,
    trials: usize,
    known: HashSet<u32>,
    keys: Keys,
    profile: ProtectionProfile,
    provider: Arc<Provider>,
}

impl std::fmt::Debug for Srtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Srtp(***)")
    }
}

/// Master keys and salts of one session.
pub(crate) struct Keys {
    pub(crate) local_key: Vec<u8>,
    pub(crate) local_salt: Vec<u8>,
    pub(crate) remote_key: Vec<u8>,
    pub(crate) remote_salt: Vec<u8>,
}

impl Srtp {
    pub(crate) fn new(keys: Keys, profile: ProtectionProfile, provider: Arc<Provider>) -> Result<Self, PathError> {
        let outgoing = Context::new(&keys.local_key, &keys.local_salt, profile, None, None, provider.crypto());
        Ok(Self {
            outgoing: outgoing.map_err(|_| PathError::Crypto)?,
            incoming: incoming(&keys, profile, &provider)?,
            trial: incoming(&keys, profile, &provider)?,
            trials: 0,
            known: HashSet::new(),
            keys,
            profile,
            provider,
        })
    }

    pub(crate) fn protect_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.outgoing.encrypt_rtp(packet).ok().map(|own| own.to_vec())
    }

    pub(crate) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.outgoing.encrypt_rtcp(packet).ok().map(|own| own.to_vec())
    }

    pub(crate) fn open_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.open(packet, 8, |context, packet| context.decrypt_rtp(packet).ok().map(|own| own.to_vec()))
    }

    pub(crate) fn open_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        // RFC 3711 3.4: the flag E before the index says whether a report is encrypted. All profiles of ours encrypt (RFC 5764
        // 4.1.2, RFC 7714 9.3), and the crate hands over what says that it is not, without a look at its tag.
        let flag = packet.len().checked_sub(4 + self.profile.rtcp_auth_tag_len())?;
        packet.get(flag).filter(|own| **own & 0x80 != 0)?;
        self.open(packet, 4, |context, packet| context.decrypt_rtcp(packet).ok().map(|own| own.to_vec()))
    }

    /// `at`: where the SSRC stands.
    fn open(
        &mut self,
        packet: &[u8],
        at: usize,
        decrypt: fn(&mut Context, &[u8]) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let ssrc = packet.get(at..)?.first_chunk().map(|own| u32::from_be_bytes(*own))?;
        if !self.known.contains(&ssrc) {
            if self.known.len() >= MOST_STREAMS {
                return None;
            }
            if self.trials >= MOST_TRIALS {
                (self.trial, self.trials) = (incoming(&self.keys, self.profile, &self.provider).ok()?, 0);
            }
            self.trials += 1;
            decrypt(&mut self.trial, packet)?;
            self.known.insert(ssrc);
        }
        decrypt(&mut self.incoming, packet)
    }
}

fn incoming(keys: &Keys, profile: ProtectionProfile, provider: &Provider) -> Result<Context, PathError> {
    // RTP counts to 2^16, SRTCP to 2^31 (RFC 3711 3.3.2, 3.4).
    let (rtp, rtcp) = (window(0xffff), window(0x7fff_ffff));
    Context::new(&keys.remote_key, &keys.remote_salt, profile, Some(rtp), Some(rtcp), provider.crypto())
        .map_err(|_| PathError::Crypto)
}

fn window(most: u64) -> ContextOption {
    Box::new(move || Box::new(Window { top: None, seen: 0, asked: 0, most }))
}

/// A window of 128 packets that learns only from what was authenticated (RFC 3711 3.3.2): the crate's own takes its
/// start from the first packet it sees, so that one forged packet could silence a stream.
struct Window {
    top: Option<u64>,
    /// Bit n: the packet n before the top was seen.
    seen: u128,
    asked: u64,
    most: u64,
}

impl Window {
    /// How far `sequence` is behind the top; negative, when it is ahead.
    fn behind(&self, sequence: u64) -> i64 {
        let Some(top) = self.top else { return 0 };
        let ring = i64::try_from(self.most).unwrap_or(i64::MAX - 1) + 1;
        let behind = (i64::try_from(top).unwrap_or(0) - i64::try_from(sequence).unwrap_or(0)).rem_euclid(ring);
        if behind > ring / 2 { behind - ring } else { behind }
    }
}

impl ReplayDetector for Window {
    fn check(&mut self, sequence: u64) -> bool {
        self.asked = sequence;
        if sequence > self.most {
            return false;
        }
        let behind = self.behind(sequence);
        self.top.is_none() || behind < 0 || (behind < 128 && self.seen >> behind & 1 == 0)
    }

    fn accept(&mut self) {
        let behind = self.behind(self.asked);
        if self.top.is_none() || behind < 0 {
            let ahead = u32::try_from(-behind).unwrap_or(u32::MAX);
            self.seen = if self.top.is_none() { 1 } else { self.seen.checked_shl(ahead).unwrap_or(0) | 1 };
            self.top = Some(self.asked);
        } else if behind < 128 {
            self.seen |= 1 << behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_seen_is_not_taken_again() {
        let mut window = Window { top: None, seen: 0, asked: 0, most: 0xffff };
        let mut take = |sequence| {
            let fresh = window.check(sequence);
            if fresh {
                window.accept();
            }
            fresh
        };
        for sequence in [65_530, 65_535, 0, 1, 65_534, 5] {
            assert!(take(sequence), "{sequence}");
            assert!(!take(sequence), "{sequence} again");
        }
        assert!(take(200) && !take(5) && take(73) && !take(72), "128 packets back and no further");
        assert!(!take(70_000));
    }

    #[test]
    fn a_packet_that_was_not_authenticated_moves_nothing() {
        let mut window = Window { top: None, seen: 0, asked: 0, most: 0xffff };
        assert!(window.check(40_000));
        assert!(window.check(7));
        window.accept();
        assert!(window.check(8) && window.check(6));
    }

    fn pair(profile: ProtectionProfile) -> [Srtp; 2] {
        let provider = Provider::new([1; 32]).unwrap();
        [(1, 2), (2, 1)].map(|(near, far)| {
            let (key, salt) = (profile.key_len(), profile.salt_len());
            let (local_key, local_salt) = (vec![near; key], vec![near; salt]);
            let keys = Keys { local_key, local_salt, remote_key: vec![far; key], remote_salt: vec![far; salt] };
            Srtp::new(keys, profile, Arc::clone(&provider)).unwrap()
        })
    }

    /// Found by a fuzzer: whoever knew the address of the far end could make a call sound worse by reports in the clear, for the
    /// crate asks for no tag where a report says that it is not encrypted.
    #[test]
    fn a_report_in_the_clear_is_nobodys() {
        const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];
        for profile in
            [ProtectionProfile::AeadAes128Gcm, ProtectionProfile::AeadAes256Gcm, ProtectionProfile::Aes128CmHmacSha1_80]
        {
            let [mut near, mut far] = pair(profile);
            for tag in 0..40 {
                let clear = [&REPORT[..], &[0, 0, 0, 9], &vec![0xaa; tag]].concat();
                assert_eq!(near.open_rtcp(&clear), None, "{profile:?} with {tag} octets behind it");
                assert_eq!(near.open_rtcp(&clear[..tag.min(11)]), None);
            }
            assert!(near.known.is_empty());
            let genuine = far.protect_rtcp(&REPORT).unwrap();
            let mut stripped = genuine.clone();
            let flag = genuine.len() - 4 - profile.rtcp_auth_tag_len();
            stripped[flag] &= 0x7f;
            assert_eq!(near.open_rtcp(&stripped), None);
            assert_eq!(near.open_rtcp(&genuine).as_deref(), Some(&REPORT[..]), "{profile:?}");
            assert_eq!(near.open_rtcp(&stripped), None, "nor from a stream that is known");
        }
    }

    proptest! {
        /// The window against a list of all that was taken, with numbers that never wrap.
        #[test]
        fn the_window_takes_what_a_list_would_take(
            begin in 0_i64..65_536,
            steps in proptest::collection::vec((-140_i64..140, any::<bool>()), 1..400),
        ) {
            let mut window = Window { top: None, seen: 0, asked: 0, most: 0xffff };
            let (mut at, mut taken) = (begin + 65_536, BTreeSet::new());
            for (step, authentic) in steps {
                at += step;
                let fresh = taken.last().is_none_or(|top| at > *top || top - at < 128 && !taken.contains(&at));
                prop_assert_eq!(window.check(u64::try_from(at % 65_536).unwrap()), fresh, "{} of {:?}", at, taken);
                if fresh && authentic {
                    window.accept();
                    taken.insert(at);
                }
            }
        }
    }
}
