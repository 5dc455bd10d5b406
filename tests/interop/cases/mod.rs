//! The tests, by the server they are made with.

pub(crate) mod asterisk;
pub(crate) mod ciphers;
pub(crate) mod front;
pub(crate) mod kamailio;
pub(crate) mod practice;
pub(crate) mod servers;

use acceptance::{
    phone::Phone,
    sound::{Known, recognise},
};
use serde_json::json;

use crate::suite::Test;

/// How much of a voice must come through: of its pieces of 200 ms, this share. Of another voice fewer than 0.3 are taken for
/// it; a browser on a busy machine stretches, cuts and loses some of the right one.
const SHARE: f32 = 0.75;

/// Makes rows of a table of tests from the functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name)),*] };
}
pub(crate) use tests;

/// Finds `voice` in what `whom` heard.
#[track_caller]
fn hears(whom: &str, heard: &[f32], voice: &[f32]) -> Known {
    let known = recognise(voice, heard)
        .unwrap_or_else(|| panic!("{whom} did not hear the voice at all in {} samples", heard.len()));
    println!("{whom} heard {known:?}");
    assert!(known.share >= SHARE && known.seconds >= 2.0, "{whom} heard too little of the voice: {known:?}");
    known
}

/// Makes sure that `voice` is not in what `whom` heard.
#[track_caller]
fn does_not_hear(whom: &str, heard: &[f32], voice: &[f32]) {
    let known = recognise(voice, heard);
    assert!(known.is_none_or(|known| known.share < 0.3), "{whom} heard what it must not: {known:?}");
}

/// The setting `delay` becomes that, and the packets of the call so long of themselves.
fn is_asked_for(phone: &mut Phone, delay: &str, packet_ms: f64) {
    phone.tell(json!({ "do": "watch", "watch": "quality" }));
    let from = phone.talker().count();
    phone.tell(json!({ "do": "set", "setting": "delay", "value": delay }));
    phone.talker().find(from, &format!("packets of {packet_ms} ms"), |value| {
        (value.get("quality")?["packetMs"] == packet_ms).then_some(())
    });
    phone.tell(json!({ "do": "unwatch", "watch": "quality" }));
}

/// For the type of the tables.
pub(crate) type Table = &'static [Test];
