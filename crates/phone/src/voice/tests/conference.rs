//! Several calls that hear each other, and the tones over them.

use std::{path::Path, time::Duration};

use super::{
    table::{LOUD, Table, UNHEARD, call, hertz},
    *,
};
use crate::{
    contract::RecordAs,
    sound::{Kept, TapePlace},
};

const A_WHILE: Duration = Duration::from_secs(2);

#[test]
fn eight_parties_hear_each_other_and_never_themselves() {
    let mut table = Table::of(8);
    let everybody = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    table.talks_with(&everybody[1..]);
    table.passes(A_WHILE);
    table.hear(&everybody, &everybody);
    // Our room for nobody, and the others go on.
    let mute = |table: &mut Table, on| (1..=8).for_each(|far| table.order(0, Order::Mute { call: call(far), on }));
    mute(&mut table, true);
    table.passes(A_WHILE);
    table.hear(&everybody, &everybody[1..]);
    mute(&mut table, false);
    // One is gone, one is split from it and waits.
    table.order(0, Order::Close { call: call(3) });
    table.order(0, Order::Talk { call: call(5), on: false });
    table.talks_with(&[1, 2, 4, 6, 7, 8]);
    table.passes(A_WHILE);
    let left = [0, 1, 2, 4, 6, 7, 8];
    table.hear(&left, &left);
    // With one left it is a plain call again.
    for far in [1, 4, 6, 7, 8] {
        table.order(0, Order::Talk { call: call(far), on: false });
    }
    table.talks_with(&[2]);
    table.passes(A_WHILE);
    table.hear(&[0, 2], &[0, 2]);
}

#[test]
fn the_music_of_one_who_holds_us_is_played_to_no_other() {
    let mut table = Table::of(3);
    table.talks_with(&[1, 2, 3]);
    table.order(2, Order::Offer { call: call(1), account: "a1".into(), wish: Wish::Talk });
    let offer = table.until(2, |told| match told {
        Happened::Offer { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    // It goes on to send, as a server with music does.
    let said = |sdp: &[u8], is: &str, instead: &str| -> bytes::Bytes {
        let text = String::from_utf8(sdp.to_vec()).unwrap();
        assert!(text.contains(is), "{text}");
        text.replace(is, instead).into()
    };
    let offer = said(&offer, "a=sendrecv", "a=sendonly");
    table.order(0, Order::Answer { call: call(2), account: "a1".into(), offer, wish: Wish::Talk });
    let answer = table.until(0, |told| match told {
        Happened::Answer { sdp, remote_hold: true, .. } => Some(sdp.clone()),
        _ => None,
    });
    table.order(2, Order::Accept { call: call(1), answer: said(&answer, "a=recvonly", "a=sendrecv") });
    table.passes(A_WHILE);
    let talk = [0, 1, 3];
    for (who, other) in talk.into_iter().flat_map(|who| [0, 1, 2, 3].map(|other| (who, other))) {
        let (least, most) = table.hears(who, hertz(other));
        let heard = who != other && (other != 2 || who == 0);
        assert!(if heard { least > 0.4 * LOUD } else { most < UNHEARD }, "{who} hears {other}: {least}..={most}");
    }
    assert!((0..4).all(|other| table.hears(2, hertz(other)).1 < UNHEARD), "who holds hears nothing of us");
}

#[test]
fn the_recording_of_a_member_is_of_us_and_of_that_member() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = Table::of(3);
    table.talks_with(&[1, 2, 3]);
    table.passes(Duration::from_secs(1));
    record(&mut table, 2, dir.path(), false);
    table.passes(A_WHILE);
    table.hear(&[0, 1, 2, 3], &[0, 1, 2, 3]);
    table.order(0, Order::Record { call: call(2), to: None });
    let [near, far] = sides(&kept(&mut table));
    for (side, who) in [(&near, 0), (&far, 2)] {
        let middle = &side[side.len() / 2 - 9_600..side.len() / 2 + 9_600];
        for other in 0..=3 {
            let level = media::signal::amplitude_at(middle, hertz(other));
            assert_eq!(level > 0.6 * LOUD, other == who, "{other} in the side of {who}: {level}");
            assert!(other == who || level < UNHEARD, "{other} in the side of {who}: {level}");
        }
    }
}

fn record(table: &mut Table, far: usize, folder: &Path, announce: bool) {
    let place = TapePlace { folder: folder.to_owned(), name: "call".into(), format: RecordAs::Wav };
    table.order(0, Order::Record { call: call(far), to: Some((place, announce)) });
}

/// The file is written on a thread of its own, which has no virtual time.
fn kept(table: &mut Table) -> Kept {
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        table.carry();
        for told in &table.all[0].told {
            if let Happened::Recorded { kept, .. } = told {
                return kept.clone();
            }
        }
        std::thread::yield_now();
    }
    panic!("the file does not end")
}

/// The near end and the far end.
fn sides(kept: &Kept) -> [Vec<f32>; 2] {
    let mut wav = hound::WavReader::open(kept.path.as_ref().expect("a file")).unwrap();
    let all: Vec<f32> = wav.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
    [0, 1].map(|side| all.iter().skip(side).step_by(2).copied().collect())
}

/// A tone is heard 10 dB below itself in silence, and so 12 dB below usual speech (−20 dBFS).
const OVER: f32 = 0.0355;
/// As loud as that; a key is over within little more than what is measured at once.
fn softly(level: f32) -> bool {
    (0.6 * OVER..1.2 * OVER).contains(&level)
}

/// What is in its place without it.
const NO_TONE: f32 = 0.2 * OVER;

#[test]
fn tones_are_heard_over_the_call_softer_than_it_and_do_not_interrupt_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = Table::of(1);
    table.talks_with(&[1]);
    table.passes(A_WHILE);
    let goes_on = |table: &Table, what: &str| {
        for (who, other) in [(0, 1), (1, 0)] {
            let (least, most) = table.hears(who, hertz(other));
            assert!(least > 0.8 * LOUD && most < 1.2 * LOUD, "{what}: {who} hears {other} at {least}..={most}");
        }
    };
    goes_on(&table, "no tone");
    assert!(table.hears(0, 425.0).1 < NO_TONE);

    // Another call waits.
    table.order(0, Order::Sound(Sounds { ringer: None, ear: Some(Tone::CallWaiting) }));
    table.passes(Duration::from_secs(1));
    assert!(softly(table.hears(0, 425.0).1), "{:?}", table.hears(0, 425.0));
    goes_on(&table, "call waiting");
    assert!(table.hears(1, 425.0).1 < NO_TONE, "it is for us alone");
    table.order(0, Order::Sound(Sounds::default()));
    table.passes(Duration::from_secs(1));

    // A key: each of its two frequencies is 3 dB below the whole. The far end hears nothing of it in the sound.
    table.order(0, Order::Key('5'));
    table.passes(Duration::from_secs(1));
    let key = table.hears(0, 1336.0).1 * std::f32::consts::SQRT_2;
    assert!(softly(key), "{key}");
    goes_on(&table, "a key");
    assert!(table.hears(1, 1336.0).1 < NO_TONE);

    // It is recorded, and both sides are told.
    record(&mut table, 1, dir.path(), true);
    table.passes(Duration::from_secs(1));
    for who in 0..2 {
        assert!(softly(table.hears(who, 1400.0).1), "{who}: {:?}", table.hears(who, 1400.0));
    }
    goes_on(&table, "recording");
}

#[test]
fn in_a_conference_too_tones_are_for_our_ear_alone() {
    let mut table = Table::of(2);
    table.talks_with(&[1, 2]);
    table.order(0, Order::Sound(Sounds { ringer: None, ear: Some(Tone::CallWaiting) }));
    table.passes(Duration::from_secs(5));
    table.order(0, Order::Key('5'));
    table.passes(Duration::from_secs(1));
    table.hear(&[0, 1, 2], &[0, 1, 2]);
    for (tone, whole) in [(425.0, 1.0), (1336.0, std::f32::consts::SQRT_2)] {
        let level = table.hears(0, tone).1 * whole;
        assert!(softly(level), "{tone}: {level}");
        assert!(table.hears(1, tone).1 < NO_TONE && table.hears(2, tone).1 < NO_TONE, "{tone}");
    }
}
