//! The practice line as a phone meets it: over real WSS, SIP, ICE, DTLS-SRTP and sound, in real time on loopback.

mod end;
mod phone;
mod sound;
mod words;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use ice::Identity;
use media::{RATE, agreed::Direction, level::rms_dbfs, signal};
use pbx::{Config, Faults, Language, Pbx};
use phone::Phone;
use sip::{EndedBy, Event, Invite, RegistrationFailure, Secret, StatusCode, Uri};
use sound::{Sound, power};
use wss::LinkEvent;

const SECOND: Duration = Duration::from_secs(1);

async fn line(config: Config) -> Pbx {
    pbx::start(config).await.expect("a port and a certificate")
}

fn config(seed: u8) -> Config {
    Config { call_back: SECOND / 2, ..Config::new([seed; 32]) }
}

/// How a call that nobody took has ended.
async fn refused(phone: &mut Phone, to: &str) -> Option<StatusCode> {
    phone.call(to).await;
    let ended = phone.until("it is refused", |event| matches!(event, Event::Ended { .. })).await;
    phone.sound = None;
    match ended {
        Event::Ended { cause, .. } => cause.status,
        _ => None,
    }
}

async fn ended(phone: &mut Phone) -> EndedBy {
    match phone.until("it ends", |event| matches!(event, Event::Ended { .. })).await {
        Event::Ended { cause, .. } => cause.by,
        _ => unreachable!("only that fits"),
    }
}

/// Waits until the phone hears `voice`, and says how late, in ms.
async fn hears_itself(phone: &mut Phone) -> f32 {
    phone.listen(4 * SECOND).await;
    let (said, heard) = (phone.now().said.clone(), phone.now().heard.clone());
    let level = rms_dbfs(&heard);
    // The search takes its time, and the call goes on meanwhile.
    let search = tokio::task::spawn_blocking(move || signal::find_delay(&said, &heard, 2 * RATE as usize));
    phone.wait("it is looked for", |_| search.is_finished().then_some(())).await;
    let found = search.await.expect("a search").unwrap_or_else(|| panic!("nothing comes back; {level} dBFS are heard"));
    found.delay as f32 / RATE as f32 * 1000.0
}

#[tokio::test]
async fn who_calls_600_hears_itself() {
    let pbx = line(config(1)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let call = phone.talk_to("600").await;
    let late = hears_itself(&mut phone).await;
    println!("the echo is {late:.0} ms late, under {:?}", phone.now().security);
    assert!(phone.now().first_sound);
    phone.press("5#");
    phone.wait("the keys come back", |phone| (phone.now().keys == "5#").then_some(())).await;
    let quality = phone.wait("the round trip is known", |phone| {
        let quality = phone.now().session.quality();
        quality.rtt_ms.map(|_| quality)
    });
    let quality = quality.await;
    println!("{quality:?}");
    assert_eq!(quality.codec, Some("opus"));
    phone.hang_up(call).await;
    pbx.shutdown().await;
}

#[tokio::test]
async fn the_echo_stops_on_hold_and_comes_again() {
    let pbx = line(config(2)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let call = phone.talk_to("600").await;
    hears_itself(&mut phone).await;
    phone.reoffer(call, Direction::SendOnly).await;
    // The stream ends within what the jitter buffer still holds.
    phone.wait("it is silent", |phone| tail(&phone.now().heard, RATE as usize).filter(|dbfs| *dbfs < -70.0)).await;
    phone.reoffer(call, Direction::SendRecv).await;
    phone.wait("it sounds again", |phone| tail(&phone.now().heard, RATE as usize).filter(|dbfs| *dbfs > -30.0)).await;
    phone.hang_up(call).await;
    pbx.shutdown().await;
}

/// The level of the last `samples`, in dBFS.
fn tail(heard: &[f32], samples: usize) -> Option<f32> {
    heard.len().checked_sub(samples).map(|from| rms_dbfs(&heard[from..]))
}

#[tokio::test]
async fn a_tune_is_heard_at_601() {
    let pbx = line(config(3)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let call = phone.talk_to("601").await;
    phone.listen(5 * SECOND).await;
    let heard = phone.now().heard[RATE as usize..].to_vec();
    let level = rms_dbfs(&heard);
    assert!((-30.0..-12.0).contains(&level), "{level} dBFS");
    // At any time one note of the scale sounds, and all of them do in turn. Windows are short, for an overloaded
    // machine tears the sound now and then.
    let scale = [523.25, 587.33, 659.26, 783.99, 880.0];
    let (mut all, mut of_scale, mut played) = (0.0, 0.0, [0; 5]);
    for window in heard.chunks_exact(RATE as usize / 20) {
        let powers = scale.map(|hertz| power(window, hertz));
        let strongest = (0..5).max_by(|one, other| powers[*one].total_cmp(&powers[*other])).expect("there are five");
        all += window.iter().map(|sample| sample * sample).sum::<f32>();
        of_scale += powers[strongest];
        played[strongest] += 1;
    }
    println!("{:.0} % of the sound is the tune, {played:?}", 100.0 * of_scale / all);
    assert!(of_scale > 0.6 * all, "{of_scale} of {all}");
    assert!(played.iter().all(|windows| *windows >= 3), "{played:?}");
    phone.hang_up(call).await;
    pbx.shutdown().await;
}

#[tokio::test]
async fn digits_are_read_back_in_english() {
    let pbx = line(config(4)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let call = phone.talk_to("602").await;
    // The tone that invites to press is over.
    phone.listen(SECOND).await;
    assert_eq!(read_back(&mut phone, "407*", Phone::press).await, (Language::English, "407*".to_owned()));
    phone.hang_up(call).await;
    pbx.shutdown().await;
}

#[tokio::test]
async fn digits_of_sip_info_are_read_back_in_mandarin() {
    let pbx = line(config(5).with_language(Language::Mandarin)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let call = phone.talk_to("602").await;
    phone.listen(SECOND).await;
    let press = |phone: &mut Phone, keys: &str| {
        for key in keys.chars() {
            phone.agent.info_digit(Instant::now(), call, key, 100).expect("it is up");
        }
    };
    assert_eq!(read_back(&mut phone, "935", press).await, (Language::Mandarin, "935".to_owned()));
    phone.hang_up(call).await;
    pbx.shutdown().await;
}

/// What is understood of what 602 says to `keys`. A machine that has too much to do tears sound, as a bad network
/// does: like a person, the test asks again, twice at most.
async fn read_back(phone: &mut Phone, keys: &str, press: impl Fn(&mut Phone, &str)) -> (Language, String) {
    let mut tries = 0;
    loop {
        press(phone, keys);
        let said = words::heard(phone).await;
        tries += 1;
        if said.1 == keys || tries == 3 {
            return said;
        }
        println!("understood {said:?}");
    }
}

#[tokio::test]
async fn who_calls_603_is_called_back() {
    let pbx = line(config(6)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let call = phone.talk_to("603").await;
    let over = Instant::now();
    phone.hang_up(call).await;
    let incoming = phone.ringing().await;
    assert!(over.elapsed() >= SECOND / 2, "not before its time: {:?}", over.elapsed());
    assert_eq!((incoming.from.user.as_str(), incoming.from.name.as_deref()), ("603", Some("Call back")));
    phone.answer(&incoming).await;
    phone.wait_until_secure().await;
    hears_itself(&mut phone).await;
    phone.hang_up(incoming.call).await;
    pbx.shutdown().await;
}

#[tokio::test]
async fn who_stays_on_603_is_hung_up_on_and_called_back_once() {
    let pbx = line(config(7)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    phone.talk_to("603").await;
    assert_eq!(ended(&mut phone).await, EndedBy::Remote);
    let incoming = phone.ringing().await;
    phone.reject(&incoming, StatusCode::BUSY_HERE).await;
    // Whoever declines is left alone: the next call is the one that comes after another request.
    phone.talk_to("603").await;
    assert_eq!(ended(&mut phone).await, EndedBy::Remote);
    assert_ne!(phone.ringing().await.call, incoming.call);
    assert!(!phone.events.iter().any(|event| matches!(event, Event::Incoming(_))));
    pbx.shutdown().await;
}

#[tokio::test]
async fn two_users_hear_each_other() {
    let pbx = line(Config { users: 2, ..config(8) }).await;
    let (mut alice, mut bob) = (Phone::registered(&pbx, 0).await, Phone::registered(&pbx, 1).await);
    let (callee, caller) = (bob.address(), alice.address());
    let (_, incoming) = tokio::join!(alice.talk_to(&callee), async {
        let incoming = bob.ringing().await;
        bob.answer(&incoming).await;
        bob.wait_until_secure().await;
        incoming
    });
    assert_eq!(incoming.from.uri, caller);
    tokio::join!(alice.listen(4 * SECOND), bob.listen(4 * SECOND));
    let heard_at = |sound: &Sound| (sound.said.clone(), sound.heard.clone());
    let (one, other) = (heard_at(alice.now()), heard_at(bob.now()));
    for (said, heard) in [(one.0, other.1), (other.0, one.1)] {
        signal::find_delay(&said, &heard, 2 * RATE as usize).expect("each hears the other");
    }
    bob.sound = None;
    bob.agent.hangup(Instant::now(), incoming.call).expect("there is the call");
    let (by, ()) = tokio::join!(
        ended(&mut alice),
        bob.wait("the end is confirmed", |phone| (phone.agent.live().1 == 0).then_some(()))
    );
    assert_eq!((by, alice.agent.live().1), (EndedBy::Remote, 0));
    pbx.shutdown().await;
}

#[tokio::test]
async fn a_number_that_nobody_has_is_not_found() {
    let pbx = line(config(9)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    for number in ["604", "6000", "you", "60"] {
        assert_eq!(refused(&mut phone, number).await, Some(StatusCode::NOT_FOUND), "{number}");
    }
    let call = phone.talk_to("600").await;
    phone.hang_up(call).await;
    pbx.shutdown().await;
}

#[tokio::test]
async fn an_offer_without_encryption_is_refused() {
    let pbx = line(config(10)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    let to = Uri::parse(&format!("sip:600@{}", pbx.domain())).expect("a URI");
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    phone.agent.invite(Instant::now(), Invite { to, offer: offer.into() }).expect("the link is up");
    let ended = phone.until("it is refused", |event| matches!(event, Event::Ended { .. })).await;
    let status = match ended {
        Event::Ended { cause, .. } => cause.status,
        _ => None,
    };
    assert_eq!(status, Some(StatusCode::NOT_ACCEPTABLE_HERE));
    pbx.shutdown().await;
}

#[tokio::test]
async fn more_callers_than_a_service_takes_find_it_busy() {
    let pbx = line(Config { users: 2, ..config(11) }).await;
    let (mut alice, mut bob) = (Phone::registered(&pbx, 0).await, Phone::registered(&pbx, 1).await);
    let identity = Identity::generate().expect("a certificate");
    let to = Uri::parse(&format!("sip:601@{}", pbx.domain())).expect("a URI");
    let (mut calls, mut fingerprints) = (Vec::new(), BTreeSet::new());
    for _ in 0..8 {
        let invite = Invite { to: to.clone(), offer: Sound::mute_offer(&identity) };
        calls.push(alice.agent.invite(Instant::now(), invite).expect("the link is up"));
        let answered = alice.until("it is answered", |event| matches!(event, Event::Answered { .. })).await;
        let Event::Answered { sdp: Some(sdp), .. } = answered else { panic!("no answer to the offer: {answered:?}") };
        let sdp = String::from_utf8_lossy(&sdp).into_owned();
        fingerprints.extend(sdp.lines().filter(|line| line.starts_with("a=fingerprint:")).map(str::to_owned));
    }
    assert_eq!(fingerprints.len(), 8, "each call has a certificate of its own");
    assert_eq!(refused(&mut bob, "601").await, Some(StatusCode::BUSY_HERE));
    // The other services are not.
    let call = bob.talk_to("600").await;
    bob.hang_up(call).await;
    for call in calls {
        alice.agent.hangup(Instant::now(), call).expect("there is the call");
    }
    alice.wait("all have ended", |phone| (phone.agent.live().1 == 0).then_some(())).await;
    let call = bob.talk_to("601").await;
    bob.hang_up(call).await;
    pbx.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_a_right_one_is_not() {
    for (faults, password, right) in [
        (Faults::default(), Some("not this one"), false),
        (Faults { wrong_passwords: true, ..Faults::default() }, None, false),
        (Faults::default(), None, true),
    ] {
        let pbx = line(Config { faults, ..config(12) }).await;
        assert_eq!((pbx.user(), &pbx.password()), (pbx.users[0].name.as_str(), &pbx.users[0].password));
        let password = password.map_or_else(|| pbx.password(), |other| Secret::new(other.to_owned()));
        let mut phone = Phone::new(&pbx, &pbx.users[0], password, 1);
        let said = phone
            .until("it is said", |event| matches!(event, Event::Registered(_) | Event::RegistrationFailed { .. }))
            .await;
        match said {
            Event::Registered(_) => assert!(right),
            Event::RegistrationFailed { why, .. } => {
                assert_eq!((why, right), (RegistrationFailure::WrongPassword, false));
            }
            _ => unreachable!("only these fit"),
        }
        pbx.shutdown().await;
    }
}

#[tokio::test]
async fn faults_are_what_they_are_called() {
    let refusing =
        Faults { refuse_register: Some((StatusCode::SERVICE_UNAVAILABLE, Some(7 * SECOND))), ..Faults::default() };
    let pbx = line(Config { faults: refusing, ..config(13) }).await;
    let mut phone = Phone::new(&pbx, &pbx.users[0], pbx.password(), 1);
    let failed = phone.until("it is refused", |event| matches!(event, Event::RegistrationFailed { .. })).await;
    let Event::RegistrationFailed { why, status, retry_at } = failed else { unreachable!("only that fits") };
    assert_eq!((why, status), (RegistrationFailure::ServerUnavailable, Some(StatusCode::SERVICE_UNAVAILABLE)));
    assert!(retry_at.is_some());
    pbx.shutdown().await;

    let pbx = line(Config { faults: Faults { silent: true, ..Faults::default() }, ..config(13) }).await;
    let mut phone = Phone::new(&pbx, &pbx.users[0], pbx.password(), 1);
    let failed = phone.until("it is given up", |event| matches!(event, Event::RegistrationFailed { .. })).await;
    assert!(matches!(failed, Event::RegistrationFailed { why: RegistrationFailure::Timeout, .. }), "{failed:?}");
    assert!(!phone.link.iter().any(|event| matches!(event, LinkEvent::Down { .. })), "the link lives");
    pbx.shutdown().await;

    let pbx = line(Config { faults: Faults { drop_after: Some(1), ..Faults::default() }, ..config(13) }).await;
    let mut phone = Phone::new(&pbx, &pbx.users[0], pbx.password(), 1);
    phone.wait("the link is down", went_down).await;
    pbx.shutdown().await;
}

fn went_down(phone: &mut Phone) -> Option<()> {
    std::iter::from_fn(|| phone.link.pop_front()).any(|event| matches!(event, LinkEvent::Down { .. })).then_some(())
}

#[tokio::test]
async fn a_phone_that_was_dropped_comes_again() {
    let pbx = line(config(14)).await;
    let mut phone = Phone::registered(&pbx, 0).await;
    pbx.disconnect().await;
    phone.wait("the link is down", went_down).await;
    phone.until("it is registered", |event| matches!(event, Event::Registered(_))).await;
    let call = phone.talk_to("600").await;
    phone.hang_up(call).await;
    pbx.shutdown().await;
}
