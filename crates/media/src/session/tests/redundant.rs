//! Redundant sound: sent while the far end reports loss, and taken for what it is.

use super::*;
use crate::red::{Copy, Redundant};

const RED: u8 = 63;

fn with_red() -> Agreed {
    Agreed { red: Some(RED), past: true, ..agreed(Codec::Opus, Direction::SendRecv) }
}

fn pair(red: bool, loss: f64) -> Pair {
    let mut pair = Pair::new(Codec::Opus);
    pair.loss = loss;
    for end in &mut pair.ends {
        let agreed = if red { with_red() } else { agreed(Codec::Opus, Direction::SendRecv) };
        end.session.apply(pair.start, &agreed).unwrap();
    }
    pair
}

/// Payload types on the way to both ends.
fn on_the_way(pair: &Pair) -> Vec<u8> {
    pair.wire.iter().filter(|packet| !packet.2).map(|packet| packet.3[1] & 0x7f).collect()
}

#[test]
fn copies_are_sent_and_heard_while_packets_are_lost() {
    let (mut with, mut without) = (pair(true, 0.2), pair(false, 0.2));
    (with.burst, without.burst) = (3.0, 3.0);
    with.run(60);
    without.run(60);
    assert!(on_the_way(&with).contains(&RED) && !on_the_way(&without).contains(&RED));
    for end in 0..2 {
        let (helped, alone) = (with.ends[end].session.quality(), without.ends[end].session.quality());
        assert!(helped.concealed_pct < 0.7 * alone.concealed_pct, "{helped:?} against {alone:?}");
        // A copy is no arrival: what the network loses is what is told.
        assert!((helped.loss_pct - 20.0).abs() < 8.0, "{helped:?}");
        assert!(helped.far_loss_pct.is_some_and(|loss| (loss - 20.0).abs() < 12.0), "{helped:?}");
        assert!(helped.jitter_ms < 0.5, "{helped:?}");
    }
    let (said, heard) = (&with.ends[0].said, &with.ends[1].heard);
    let found = find_delay(&said[1_920_000..], &heard[1_920_000..], 24_000).unwrap();
    assert!(windows_found(&said[1_920_000..], &heard[1_920_000..], found.delay, 9_600, 2_880) > 0.9, "{found:?}");
}

#[test]
fn deep_redundancy_is_sent_where_copies_are_lost_too_and_is_not_copied() {
    for (loss, burst, wanted) in [(0.3, 3.0, true), (0.05, 0.0, false)] {
        let mut pair = pair(true, loss);
        pair.burst = burst;
        pair.run(40);
        let (_, before) = pair.ends[0].session.capture.sent();
        let (mut sent, mut copied) = (0, 0);
        for _ in 0..10 * 100 {
            pair.step();
            for (.., bytes) in pair.wire.iter().filter(|packet| !packet.2 && packet.3[1] & 0x7f == RED) {
                let sound = Redundant::parse(Packet::parse(bytes).unwrap().payload).unwrap();
                sent += usize::from(Codec::Opus.has_past(sound.payload));
                copied += sound.copies.iter().filter(|copy| Codec::Opus.has_past(copy.payload)).count();
            }
        }
        assert_eq!((sent > 400, copied), (wanted, 0), "{loss}: {sent}");
        let (_, after) = pair.ends[0].session.capture.sent();
        let rate = (after - before) * 8 / 10;
        let ceiling = crate::ladder::CEILING;
        assert!((38_000..ceiling + ceiling / 20).contains(&rate), "{loss}: {rate}");
    }
}

#[test]
fn a_clean_path_has_no_copies_before_and_after() {
    let mut pair = pair(true, 0.0);
    let seen = |pair: &mut Pair, seconds| {
        let mut all = Vec::new();
        for _ in 0..seconds * 100 {
            pair.step();
            all.extend(on_the_way(pair));
        }
        all.contains(&RED)
    };
    assert!(!seen(&mut pair, 10));
    let calm = pair.ends[0].session.quality();
    assert!(calm.buffer_ms < 25.0, "nothing is waited for: {calm:?}");
    pair.loss = 0.1;
    assert!(seen(&mut pair, 16));
    pair.loss = 0.0;
    seen(&mut pair, 30);
    assert!(!seen(&mut pair, 2));
    // And the wait for them ends with them.
    seen(&mut pair, 10);
    assert!(pair.ends[0].session.quality().buffer_ms < 30.0, "{:?}", pair.ends[0].session.quality());
}

#[test]
fn keys_go_between_the_copies() {
    let mut pair = pair(true, 0.2);
    pair.run(15);
    let now = pair.now();
    for key in "159#".chars() {
        assert!(pair.ends[0].session.send_dtmf(now, key, 120 * MS));
    }
    pair.run(5);
    assert_eq!(pair.keys(1), "159#");
    assert!(on_the_way(&pair).contains(&RED));
}

/// A packet of redundant sound, or of what looks like it.
fn redundant(sequence: u16, payload_type: u8, copies: Vec<Copy<'_>>) -> Vec<u8> {
    let (mut payload, sound) = (Vec::new(), [0x7f; 160]);
    Redundant { payload_type, payload: &sound, copies }.write(&mut payload).unwrap();
    let timestamp = Timestamp(160 * u32::from(sequence));
    Header { marker: false, payload_type: RED, sequence: Sequence(sequence), timestamp, ssrc: Ssrc(9) }.packet(&payload)
}

#[test]
fn only_agreed_sound_is_taken_out_of_it() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    session.apply(start, &agreed(Codec::Pcmu, Direction::SendRecv)).unwrap();
    let received = |session: &Session| session.playout.packets().received;
    for inner in [RED, 99] {
        session.handle_rtp(start, &redundant(5, inner, vec![]));
        assert_eq!(received(&session), 0, "{inner}");
    }
    session.handle_rtp(start, &redundant(5, 0, vec![])[..13]);
    let copy = Copy { payload_type: 0, offset: 160, payload: &[0x7f; 160] };
    let strange = [RED, 99, 101, 111].map(|payload_type| Copy { payload_type, ..copy });
    for sequence in 5..9 {
        session.handle_rtp(start, &redundant(sequence, 0, strange.iter().copied().chain([copy]).collect()));
    }
    assert_eq!(received(&session), 4, "copies are not counted");
    let (expected, arrived) = session.reception.as_ref().unwrap().totals();
    assert_eq!((expected, arrived), (4, 4));
    session.apply(start, &Agreed { red_recv: vec![], ..agreed(Codec::Pcmu, Direction::SendRecv) }).unwrap();
    session.handle_rtp(start, &redundant(9, 0, vec![copy]));
    assert_eq!(received(&session), 4, "redundant sound was not agreed");
}
