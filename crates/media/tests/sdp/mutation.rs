//! Whatever a bad line or an enemy makes of a real description, it is judged; nothing panics, and what is answered is
//! a good answer.

use std::sync::OnceLock;

use media::offer::Direction;
use media::sdp::SessionDescription;
use proptest::prelude::*;

use super::captured;
use super::{lines, local, negotiation, origin};

/// One description of each shape: what differs only in numbers is one shape.
fn shapes() -> &'static [String] {
    static SHAPES: OnceLock<Vec<String>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let mut seen = std::collections::BTreeMap::new();
        for sdp in captured::all().into_iter().flat_map(|capture| capture.messages).filter_map(|message| message.sdp) {
            let shape: Vec<String> = sdp.lines().map(|line| line.chars().take(7).collect()).collect();
            seen.entry(shape).or_insert(sdp);
        }
        seen.into_values().collect()
    })
}

#[derive(Debug, Clone)]
enum Change {
    Byte(usize, u8),
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
    Number(usize, &'static str),
    Cut(usize),
    Insert(usize, String),
}

const NUMBERS: [&str; 8] = ["0", "-1", "127", "128", "65536", "4294967296", "99999999999999999999", ""];

fn change() -> impl Strategy<Value = Change> {
    let place = 0_usize..10_000;
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        place.clone().prop_map(Change::Drop),
        place.clone().prop_map(Change::Double),
        (place.clone(), place.clone()).prop_map(|(one, other)| Change::Swap(one, other)),
        (place.clone(), prop::sample::select(&NUMBERS[..])).prop_map(|(at, number)| Change::Number(at, number)),
        place.clone().prop_map(Change::Cut),
        (place, "[amco]=[ -~]{0,60}").prop_map(|(at, line)| Change::Insert(at, line)),
    ]
}

fn apply(sdp: &mut Vec<u8>, change: &Change) {
    let mut parts: Vec<Vec<u8>> = sdp.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let count = parts.len();
    match change {
        Change::Byte(at, byte) => {
            let length = sdp.len().max(1);
            if let Some(found) = sdp.get_mut(at % length) {
                *found = *byte;
            }
            return;
        }
        Change::Cut(at) => return sdp.truncate(at % (sdp.len() + 1)),
        Change::Drop(at) => drop(parts.remove(at % count)),
        Change::Double(at) => parts.insert(at % count, parts[at % count].clone()),
        Change::Swap(one, other) => parts.swap(one % count, other % count),
        Change::Insert(at, line) => parts.insert(at % count, format!("{line}\r").into_bytes()),
        Change::Number(at, number) => {
            let line = &mut parts[at % count];
            let start = line.iter().position(u8::is_ascii_digit).unwrap_or(line.len());
            let end =
                line[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(line.len(), |end| start + end);
            line.splice(start..end, number.bytes());
        }
    }
    *sdp = parts.join(&b'\n');
}

/// The answer to whatever was understood fits it, and names no address but ours.
fn check(offer: &[u8], own: &str) {
    super::is_answer(offer, own);
    assert!(lines(own, "c=").iter().all(|address| *address == "IN IP4 192.0.2.1"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn mutated_descriptions_are_judged(
        which in any::<prop::sample::Index>(),
        later in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 0..12),
    ) {
        let mut sdp = which.get(shapes()).clone().into_bytes();
        for change in &changes {
            apply(&mut sdp, change);
        }
        let mut call = negotiation();
        let first = call.answer(&sdp, &local(), Direction::SendRecv);
        if let Ok((own, agreed)) = &first {
            check(&sdp, own);
            prop_assert!(!agreed.send.is_empty() && (10..=60).contains(&agreed.ptime));
            prop_assert!(!agreed.remote.as_ref().unwrap().fingerprints.is_empty());
        }
        // The call goes on with a good offer, and then with an offer of ours.
        let next = later.get(shapes());
        let before = call.agreed().cloned();
        match call.answer(next.as_bytes(), &local(), Direction::SendRecv) {
            Ok((own, _)) => {
                check(next.as_bytes(), &own);
                if let Ok((old, _)) = &first {
                    let ((old_id, old_version), (id, version)) = (origin(old), origin(&own));
                    prop_assert!(id == old_id && (version == old_version + 1) == (old.as_str() != own.as_str()));
                }
            }
            Err(_) => prop_assert_eq!(call.agreed(), before.as_ref()),
        }
        let own = call.offer(&local(), Direction::SendOnly);
        prop_assert!(SessionDescription::parse(own.as_bytes()).is_ok());
        let mut caller = negotiation();
        caller.offer(&local(), Direction::SendRecv);
        let accepted = caller.accept(&sdp);
        prop_assert_eq!(accepted.as_ref().ok(), caller.agreed());
    }
}

#[test]
fn there_are_many_shapes() {
    assert!(shapes().len() > 40, "{}", shapes().len());
}
