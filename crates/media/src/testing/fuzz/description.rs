//! Descriptions, and what offer and answer make of them.

use crate::{
    agreed::Direction,
    offer::{LocalPath, Negotiation, Policy},
    sdp::SessionDescription,
};

/// Between two steps of a script.
const BETWEEN: u8 = 0x1e;
/// The steps of one script that count.
const MOST: usize = 50;
/// A fingerprint of the right length.
const FINGERPRINT: &str =
    "sha-256 11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00";

/// A description: what is read is written with the same meaning, and what is written is stable.
///
/// # Panics
/// Here and in all others: where something does not hold.
pub fn sdp(bytes: &[u8]) {
    let Ok(description) = SessionDescription::parse(bytes) else { return };
    let written = description.to_string();
    let again = SessionDescription::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written:?}"));
    assert_eq!(again, description);
    for line in written.split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}

/// One call: each step is `a` and an offer of the far end, `c` and its answer, `o` an offer of ours, `h` one that holds,
/// `r` its refusal. The octet 1E stands between.
pub fn offer(script: &[u8]) {
    let mut call = Negotiation::new([7; 32], Policy::default());
    let mut last: Option<(u64, u64)> = None;
    for step in script.split(|byte| *byte == BETWEEN).take(MOST) {
        let Some((what, sdp)) = step.split_first() else { continue };
        let before = call.agreed().cloned();
        let own = match what {
            b'a' => match call.answer(sdp, &local(), Direction::SendRecv) {
                Ok((own, agreed)) => {
                    assert_eq!(call.agreed(), Some(&agreed));
                    assert!(!agreed.send.is_empty() && (10..=60).contains(&agreed.ptime), "{agreed:?}");
                    assert!(agreed.remote.as_ref().is_some_and(|remote| !remote.fingerprints.is_empty()));
                    is_answer(sdp, &own);
                    Some(own)
                }
                Err(_) => {
                    assert_eq!(call.agreed(), before.as_ref(), "a refused offer changes nothing");
                    None
                }
            },
            b'c' => {
                let accepted = call.accept(sdp);
                match accepted {
                    Ok(agreed) => assert_eq!(call.agreed(), Some(&agreed)),
                    Err(_) => assert_eq!(call.agreed(), before.as_ref(), "a refused answer changes nothing"),
                }
                None
            }
            b'o' => Some(call.offer(&local(), Direction::SendRecv)),
            b'h' => Some(call.offer(&local(), Direction::SendOnly)),
            b'r' => {
                call.rollback();
                None
            }
            _ => None,
        };
        let Some(own) = own else { continue };
        let description = SessionDescription::parse(own.as_bytes()).expect("ours parses");
        // RFC 3264 8: the session stays, and its version grows by one where it changes.
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let origin = (number(&description.origin.session_id), number(&description.origin.version));
        if let Some((id, version)) = last.replace(origin) {
            assert_eq!(id, origin.0);
            assert!(origin.1 == version || origin.1 == version + 1, "{version} {origin:?}");
        }
    }
}

/// The answer has the sections of the offer, in its order, and one of them in use.
fn is_answer(offer: &[u8], own: &str) {
    let offered = SessionDescription::parse(offer).expect("it was answered");
    let answered = SessionDescription::parse(own.as_bytes()).expect("ours parses");
    assert_eq!(answered.to_string(), own);
    assert_eq!(offered.media.len(), answered.media.len());
    for (offered, answered) in offered.media.iter().zip(&answered.media) {
        assert_eq!((&offered.kind, &offered.protocol), (&answered.kind, &answered.protocol));
        assert!(offered.port != 0 || answered.port == 0);
        assert_eq!(offered.attribute("mid"), answered.attribute("mid"));
    }
    let used: Vec<_> = answered.media.iter().filter(|media| media.port != 0).collect();
    assert_eq!((used.len(), used[0].port), (1, 40_000));
    assert_eq!(used[0].attribute("fingerprint"), Some(FINGERPRINT));
    assert!(matches!(used[0].attribute("setup"), Some("active" | "passive")));
}

/// A path of ours on a network of documentation (RFC 5737).
fn local() -> LocalPath {
    LocalPath {
        ufrag: "ours".into(),
        pwd: "0123456789abcdefghijkl".into(),
        fingerprint: FINGERPRINT.into(),
        candidates: vec!["1 1 udp 2130706431 192.0.2.1 40000 typ host".into()],
        default: ([192, 0, 2, 1], 40_000).into(),
    }
}
