//! One phone and the numbers of the practice line.

use media::{RATE, signal::find_delay};
use phone::contract::{CauseKind, Direction, MediaPath, Phase};
use serde_json::json;

use crate::{person::Person, place::Place};

/// The voice of 602, as 8 kHz and 16 bits.
const FIVE: &[u8] = include_bytes!("../../crates/pbx/sounds/en/5.pcm");
/// A word that was coded, sent and played is as like the recording as this.
const LIKE: f32 = 0.6;
/// In so much sound after the key it is read: a second and a half passes before.
const READ: usize = 4 * RATE as usize;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_is_called_and_heard() {
    let place = Place::with(2).await;
    let mut ann = Person::new("Ann", place.secrets()).await;
    ann.ask(json!({ "do": "watch", "watch": "sip" })).await;
    for user in 0..2 {
        ann.add(place.wish(user, "Ann")).await;
    }
    let account = ann.registered("a1").await;
    ann.registered("a2").await;
    let security = account.security.expect("it is secured");
    assert_eq!(security.cert.expect("the certificate is known").sha256, place.pbx.pin);
    assert_eq!(security.digest.as_deref(), Some("SHA-256"));

    let call = ann.dial("600").await;
    let up = ann.connected(&call).await;
    assert_eq!((up.direction, up.asked.as_str(), up.with.number.as_str()), (Direction::Out, "600", "600"));
    let itself = ann.ear.clone();
    ann.hears(&itself).await;
    let up = ann.call(&call, "the first sound", |call| call.media.first_sound_ms.is_some()).await;
    assert_eq!(up.media.path, MediaPath::Secure);
    assert_eq!(up.media.codec.as_deref(), Some("opus"));
    assert!(up.active && up.media.srtp.is_some() && up.media.secure_ms.is_some(), "{up:?}");
    let state = serde_json::to_string(&*ann.state).expect("JSON");
    assert!(state.len() < 6000, "{} bytes: {state}", state.len());

    ann.act("hangup", &call).await;
    ann.ends(&call, CauseKind::HungUpHere).await;
    let rows = ann.history().await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert!(row.answered_at.is_some() && row.seen && row.cause.is == CauseKind::HungUpHere, "{row:?}");
    assert_eq!((row.asked.as_str(), row.with.number.as_str()), ("600", "600"));
    ann.until("the end of the list", |state| state.calls.is_empty().then_some(())).await;
    the_ladder_is_clean(&ann, &call);
    ann.shutdown().await;
}

/// The whole exchange was told, the credentials in it were not.
fn the_ladder_is_clean(ann: &Person, call: &str) {
    let told = |start: &str, out: bool, of_call: bool| {
        ann.sip.iter().any(|line| {
            let named = line.call.as_ref().is_some_and(|own| own.as_str() == call);
            line.out == out && line.text.starts_with(start) && named == of_call
        })
    };
    assert!(told("REGISTER ", true, false) && told("SIP/2.0 401 ", false, false));
    assert!(told("INVITE ", true, true) && told("SIP/2.0 200 ", false, true) && told("BYE ", true, true));
    assert!(ann.sip.iter().any(|line| line.text.contains("Authorization: Digest ***")), "the credentials are shown");
    assert!(ann.sip.iter().any(|line| line.text.contains("a=ice-pwd:***")), "the way of the sound is shown");
    for line in &ann.sip {
        for secret in ["response=", "nonce-count=", "cnonce="] {
            assert!(!line.text.contains(secret), "{secret} in {}", line.text);
        }
        for password in line.text.lines().filter_map(|line| line.strip_prefix("a=ice-pwd:")) {
            assert_eq!(password, "***");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digit_is_pressed_and_read_back() {
    let place = Place::with(1).await;
    let mut ann = place.person(0, "Ann").await;
    let call = ann.dial("602").await;
    ann.connected(&call).await;
    ann.call(&call, "the first sound", |call| call.media.first_sound_ms.is_some()).await;
    for digits in ["", "5x", &"1".repeat(65)] {
        let error = ann.refused(json!({ "do": "dtmf", "call": call, "digits": digits })).await;
        assert_eq!(error.code, "bad-command");
    }
    let samples = FIVE.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0);
    let word: Vec<f32> = samples.flat_map(|sample| [sample; 6]).collect();
    // Where the machine has no time for sound the word may be torn, so it is asked for again.
    let mut heard = false;
    for _ in 0..10 {
        let from = ann.ear.heard_so_far();
        ann.ask(json!({ "do": "dtmf", "call": call, "digits": "5" })).await;
        ann.until_told("sound", |ann| (ann.ear.heard_so_far() > from + READ).then_some(())).await;
        let sound = ann.ear.heard_since(from);
        heard = find_delay(&word, &sound, sound.len()).is_some_and(|found| found.likeness > LIKE);
        if heard {
            break;
        }
    }
    assert!(heard, "the five was not read back");
    place.pbx.shutdown().await;
    ann.call(&call, "the end of the call", |call| matches!(call.phase, Phase::Ended { .. })).await;
    ann.shutdown().await;
}
