//! Keys of the far end: each once, whatever way they come.

use super::*;
use crate::tone::{Tone, ToneGenerator};

/// Says `keys` as tones of 80 ms with as much between, where the first end would speak.
fn press_aloud(pair: &mut Pair, keys: &str) {
    for key in keys.chars() {
        let mut tone = ToneGenerator::new(Tone::Dtmf(key));
        for tick in 0..16 {
            if tick == 8 {
                tone.stop();
            }
            pair.instead = Some(Box::new([0.0; 480]));
            if let Some(block) = &mut pair.instead {
                tone.fill(&mut block[..]);
            }
            pair.step();
        }
    }
    pair.instead = None;
}

fn without_events(pair: &mut Pair, codec: Codec) {
    let now = pair.now();
    let none = Agreed { dtmf: None, ..agreed(codec, Direction::SendRecv) };
    pair.ends[1].session.apply(now, &none).unwrap();
}

#[test]
fn keys_in_the_sound_are_heard_where_no_events_were_agreed() {
    for codec in [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma] {
        let mut pair = Pair::new(codec);
        without_events(&mut pair, codec);
        pair.run(5);
        assert_eq!(pair.keys(1), "", "{codec:?}: speech is no key");
        press_aloud(&mut pair, "0123456789*#ABCD");
        // A re-offer that changes nothing makes no second key of one that is being pressed.
        press_aloud(&mut pair, "5");
        without_events(&mut pair, codec);
        pair.run(2);
        assert_eq!(pair.keys(1), "0123456789*#ABCD5", "{codec:?}");
    }
}

#[test]
fn keys_in_the_sound_are_left_there_where_events_were_agreed() {
    let mut pair = Pair::new(Codec::Pcmu);
    pair.run(1);
    press_aloud(&mut pair, "123");
    pair.run(1);
    assert_eq!(pair.keys(1), "");
}

#[test]
fn who_sends_events_that_were_not_agreed_is_not_heard_twice() {
    let mut pair = Pair::new(Codec::Pcmu);
    without_events(&mut pair, Codec::Pcmu);
    pair.run(1);
    let now = pair.now();
    for key in "42".chars() {
        assert!(pair.ends[0].session.send_dtmf(now, key, 100 * MS));
    }
    pair.run(1);
    // The same keys, left in the sound by a gateway that does both, and after a re-offer too.
    press_aloud(&mut pair, "42");
    without_events(&mut pair, Codec::Pcmu);
    press_aloud(&mut pair, "42");
    pair.run(1);
    assert_eq!(pair.keys(1), "42");
}

#[test]
fn events_at_8_000_and_at_48_000_in_one_call_make_no_second_key() {
    for loss in [0.0, 0.3] {
        let mut pair = Pair::new(Codec::Opus);
        pair.run(1);
        pair.loss = loss;
        let mut pressed = String::new();
        // The codec of the far end changes, and with it the clock of its keys; both numbers stay agreed here.
        for (turn, codec) in [Codec::Opus, Codec::Pcmu, Codec::G722, Codec::Opus, Codec::Pcma].into_iter().enumerate() {
            let now = pair.now();
            pair.ends[0].session.apply(now, &agreed(codec, Direction::SendRecv)).unwrap();
            // The same key before and after the change, and one that tells the turns apart.
            for key in ['7', char::from(b'0' + turn as u8), '7'] {
                assert!(pair.ends[0].session.send_dtmf(now, key, 80 * MS));
                pressed.push(key);
            }
            pair.run(1);
        }
        assert_eq!(pair.keys(1), pressed, "{loss}");
    }
}
