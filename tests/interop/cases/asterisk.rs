//! The phone at Asterisk 22.

use acceptance::phone::Phone;
use serde_json::{Value, json};

use super::{Table, hears, tests};
use crate::{
    asterisk::{Asterisk, DOMAIN},
    browser::{Account, Browser},
    suite::Missing,
};

pub(crate) const TESTS: Table = tests![
    registers_at_asterisk,
    is_told_of_a_wrong_password_by_asterisk,
    hears_itself_at_asterisk_and_hangs_up,
    asterisk_which_asks_for_20_ms_gets_no_short_packets,
    asterisk_hangs_up,
    is_called_by_asterisk_and_hangs_up,
    is_called_by_asterisk_which_hangs_up,
    presses_keys_for_asterisk,
    holds_asterisk,
    talks_to_a_browser_through_asterisk,
    lets_another_phone_of_the_same_user_answer,
];

/// The voice of the phone and the voice of the browser.
const PHONE: u64 = 21;
const BROWSER: u64 = 22;

fn id(call: &Value) -> String {
    call["id"].as_str().expect("a call has an id").to_owned()
}

fn registers_at_asterisk() -> Result<(), Missing> {
    const TEST: &str = "interop/registers_at_asterisk";
    let server = Asterisk::start(TEST)?;
    let mut phone = server.phone(PHONE);
    // Of the two that Asterisk offers, the stronger one.
    let account = phone.registered();
    assert_eq!(account["security"]["digest"], "SHA-256", "{account}");
    // Asterisk asks with OPTIONS and is answered.
    server.says("is now Reachable.  RTT");
    phone.tell(json!({ "do": "unregister" }));
    phone.until("a line that is off", |state| (state["accounts"][0]["line"]["is"] == "off").then_some(()));
    server.says("Removed contact");
    Ok(())
}

fn is_told_of_a_wrong_password_by_asterisk() -> Result<(), Missing> {
    const TEST: &str = "interop/is_told_of_a_wrong_password_by_asterisk";
    let server = Asterisk::start(TEST)?;
    for (user, code) in [("2001", "wrong-password"), ("2999", "wrong-password")] {
        let mut phone = Phone::start(TEST, &format!("phone-{user}"), &server.account(user, "wrong", PHONE));
        let error = phone.until("a line that failed", |state| {
            let line = &state["accounts"][0]["line"];
            (line["is"] == "failed").then(|| line["error"].clone())
        });
        assert_eq!(error["code"], code, "{error}");
    }
    Ok(())
}

fn hears_itself_at_asterisk_and_hangs_up() -> Result<(), Missing> {
    const TEST: &str = "interop/hears_itself_at_asterisk_and_hangs_up";
    let server = Asterisk::start(TEST)?;
    let mut phone = server.phone(PHONE);
    let call = phone.call("600");
    let connected = phone.phase(&call, "connected");
    assert_eq!(connected["media"]["codec"].as_str().map(str::to_lowercase).as_deref(), Some("opus"), "{connected}");
    phone.hears(6);
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "hung-up-here");
    assert!(phone.end().success());
    hears("the phone", &phone.heard(), phone.spoken());
    Ok(())
}

/// Asterisk names 20 ms and no less (RFC 7587 section 6.1), so that a good path alone makes no packet short.
fn asterisk_which_asks_for_20_ms_gets_no_short_packets() -> Result<(), Missing> {
    const TEST: &str = "interop/asterisk_which_asks_for_20_ms_gets_no_short_packets";
    let server = Asterisk::start(TEST)?;
    let mut phone = server.phone(PHONE);
    phone.tell(json!({ "do": "set", "setting": "delay", "value": "auto" }));
    for watch in ["sip", "quality"] {
        phone.tell(json!({ "do": "watch", "watch": watch }));
    }
    let call = phone.call("600");
    phone.phase(&call, "connected");
    let (mut proven, from) = (0, phone.talker().count());
    phone.talker().find(from, "a path that has long proved good", |value| {
        let quality = value.get("quality")?;
        assert_eq!(quality["packetMs"], 20.0, "{quality}");
        // Towards a browser two reports are enough, and one comes every five seconds.
        proven += usize::from(quality["rttMs"].is_number());
        (proven >= 20).then_some(())
    });
    let answer =
        phone.messages().into_iter().rfind(|(out, text)| !out && text.contains("m=audio")).expect("an answer").1;
    assert!(answer.contains("a=ptime:20") && !answer.contains("minptime"), "{answer}");
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "hung-up-here");
    assert!(phone.end().success());
    hears("the phone", &phone.heard(), phone.spoken());
    Ok(())
}

fn asterisk_hangs_up() -> Result<(), Missing> {
    const TEST: &str = "interop/asterisk_hangs_up";
    let server = Asterisk::start(TEST)?;
    let mut phone = server.phone(PHONE);
    let call = phone.call("603");
    phone.phase(&call, "connected");
    assert_eq!(phone.cause(&call), "hung-up-there");
    let call = phone.call("486");
    assert_eq!(phone.cause(&call), "busy");
    Ok(())
}

fn is_called_by_asterisk_and_hangs_up() -> Result<(), Missing> {
    const TEST: &str = "interop/is_called_by_asterisk_and_hangs_up";
    let server = Asterisk::start(TEST)?;
    let mut phone = server.phone(PHONE);
    server.call("2001", "600");
    let call = phone.incoming();
    assert_eq!((&call["with"]["number"], &call["with"]["name"]), (&json!("77"), &json!("Robot")), "{call}");
    phone.tell(json!({ "do": "answer" }));
    phone.phase(&id(&call), "connected");
    phone.hears(6);
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&id(&call)), "hung-up-here");
    server.says("Spawn extension (phones, 600, ");
    assert!(phone.end().success());
    hears("the phone", &phone.heard(), phone.spoken());
    Ok(())
}

fn is_called_by_asterisk_which_hangs_up() -> Result<(), Missing> {
    const TEST: &str = "interop/is_called_by_asterisk_which_hangs_up";
    let server = Asterisk::start(TEST)?;
    let mut phone = server.phone(PHONE);
    server.call("2001", "603");
    let call = id(&phone.incoming());
    phone.tell(json!({ "do": "answer" }));
    phone.phase(&call, "connected");
    assert_eq!(phone.cause(&call), "hung-up-there");
    Ok(())
}

fn presses_keys_for_asterisk() -> Result<(), Missing> {
    const TEST: &str = "interop/presses_keys_for_asterisk";
    let server = Asterisk::start(TEST)?;
    // 2001 agrees on telephone events, 2002 takes keys by INFO.
    for (user, password, keys) in [("2001", "pw-2001", "407"), ("2002", "pw-2002", "913")] {
        let mut phone = Phone::start(TEST, &format!("phone-{user}"), &server.account(user, password, PHONE));
        phone.registered();
        let call = phone.call("602");
        phone.phase(&call, "connected");
        phone.tell(json!({ "do": "dtmf", "digits": keys }));
        server.says(&format!("The digits were {keys}"));
        assert_eq!(phone.cause(&call), "hung-up-there");
    }
    Ok(())
}

fn holds_asterisk() -> Result<(), Missing> {
    const TEST: &str = "interop/holds_asterisk";
    let server = Asterisk::start(TEST)?;
    let mut phone = Phone::start(TEST, "phone", &server.account("2003", "pw-2003", PHONE));
    phone.registered();
    let call = phone.call("601");
    phone.phase(&call, "connected");
    phone.hears(1);
    phone.tell(json!({ "do": "hold" }));
    phone.may(&call, "resume");
    phone.tell(json!({ "do": "resume" }));
    phone.may(&call, "hold");
    phone.hears(2);
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "hung-up-here");
    Ok(())
}

fn talks_to_a_browser_through_asterisk() -> Result<(), Missing> {
    const TEST: &str = "interop/talks_to_a_browser_through_asterisk";
    let server = Asterisk::start(TEST)?;
    let account = Account { url: &server.url, user: "2002", domain: DOMAIN, password: "pw-2002" };
    let mut browser = Browser::start(TEST, "browser", &account, BROWSER)?;
    let mut phone = Phone::start(TEST, "phone", &server.account("2003", "pw-2003", PHONE));
    phone.registered();
    browser.act(json!({ "do": "call", "to": format!("sip:2003@{DOMAIN}") }));
    let call = phone.incoming();
    assert_eq!(call["with"]["number"], "2002", "{call}");
    phone.tell(json!({ "do": "answer" }));
    phone.phase(&id(&call), "connected");
    browser.wait("confirmed");
    browser.hears(6);
    phone.hears(6);
    phone.tell(json!({ "do": "hangup" }));
    browser.wait("ended");
    assert!(phone.end().success());
    hears("the browser", &browser.heard(), phone.spoken());
    hears("the phone", &phone.heard(), browser.voice());
    Ok(())
}

fn lets_another_phone_of_the_same_user_answer() -> Result<(), Missing> {
    const TEST: &str = "interop/lets_another_phone_of_the_same_user_answer";
    let server = Asterisk::start(TEST)?;
    let mut caller = Phone::start(TEST, "caller", &server.account("2002", "pw-2002", BROWSER));
    let mut other = Phone::start(TEST, "other", &server.account("2003", "pw-2003", BROWSER));
    let mut phone = Phone::start(TEST, "phone", &server.account("2003", "pw-2003", PHONE));
    caller.registered();
    other.registered();
    phone.registered();
    let outgoing = caller.call("700");
    let (call, theirs) = (id(&phone.incoming()), id(&other.incoming()));
    other.tell(json!({ "do": "answer" }));
    other.phase(&theirs, "connected");
    caller.phase(&outgoing, "connected");
    // Asterisk cancels with a Reason (RFC 3326): nobody has missed anything.
    assert_eq!(phone.cause(&call), "answered-elsewhere");
    assert_eq!(phone.until("a state", |state| Some(state["missed"].clone())), 0);
    caller.tell(json!({ "do": "hangup" }));
    assert_eq!(other.cause(&theirs), "hung-up-there");
    Ok(())
}
