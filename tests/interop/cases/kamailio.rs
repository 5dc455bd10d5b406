//! The phone at Kamailio: its line, calls with a plain phone on UDP, calls with a browser.

use acceptance::phone::Phone;
use serde_json::{Value, json};

use super::{Table, does_not_hear, hears, tests};
use crate::{
    browser::{Account, Browser},
    kamailio::{DOMAIN, Kamailio},
    sipp::Plain,
    suite::Missing,
};

pub(crate) const TESTS: Table = tests![
    registers_at_kamailio,
    registers_with_sha_256_at_kamailio,
    is_told_of_a_wrong_password_by_kamailio,
    comes_back_when_kamailio_does,
    calls_a_plain_phone,
    is_called_by_a_plain_phone,
    is_called_without_an_offer,
    gives_up_a_call_that_only_rings,
    misses_a_call_that_is_given_up,
    declines_a_call_of_a_plain_phone,
    is_told_why_a_call_fails,
    calls_a_browser,
    is_called_by_a_browser,
    a_browser_and_the_phone_hold_each_other,
];

/// The voice of the phone and the voice of the browser.
const PHONE: u64 = 11;
const BROWSER: u64 = 12;

fn browser(test: &str, kamailio: &Kamailio) -> Result<Browser, Missing> {
    let account = Account { url: &kamailio.url, user: "1002", domain: DOMAIN, password: "pw-1002" };
    Browser::start(test, "browser", &account, BROWSER)
}

fn id(call: &Value) -> String {
    call["id"].as_str().expect("a call has an id").to_owned()
}

/// The REGISTERs that it sent, and the responses to REGISTERs that it got, while it went off the line and came back.
fn line_again(phone: &mut Phone) -> (Vec<String>, Vec<String>) {
    phone.tell(json!({ "do": "watch", "watch": "sip" }));
    phone.tell(json!({ "do": "unregister" }));
    phone.until("a line that is off", |state| (state["accounts"][0]["line"]["is"] == "off").then_some(()));
    phone.tell(json!({ "do": "register" }));
    phone.registered();
    let (sent, got): (Vec<_>, Vec<_>) = phone.messages().into_iter().partition(|(out, _)| *out);
    let of_line = |all: Vec<(bool, String)>| {
        all.into_iter()
            .map(|(_, text)| text)
            .filter(|text| text.contains(" REGISTER\r\n") || text.starts_with("REGISTER "))
            .collect()
    };
    (of_line(sent), of_line(got))
}

fn registers_at_kamailio() -> Result<(), Missing> {
    const TEST: &str = "interop/registers_at_kamailio";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    let (sent, got) = line_again(&mut phone);
    // Off the line: the contact ends. On it again: with the instance that RFC 5626 wants, and an answer to the challenge.
    assert!(sent.iter().any(|text| text.contains("expires=0") || text.contains("Expires: 0\r\n")), "{sent:#?}");
    let last = sent.last().expect("it registered");
    for part in ["+sip.instance=\"<urn:uuid:", "reg-id=1", "outbound", "path", "gruu", "Authorization: Digest ***\r\n"]
    {
        assert!(last.contains(part), "no {part} in {last}");
    }
    assert!(got.iter().any(|text| text.starts_with("SIP/2.0 401 ") && !text.contains("algorithm")), "{got:#?}");
    let granted = got.last().expect("it was answered");
    assert!(granted.starts_with("SIP/2.0 200 ") && granted.contains("pub-gruu="), "{granted}");
    // What is shown of it has neither the password nor the proof of it.
    assert!(sent.iter().all(|text| !text.contains("pw-1001") && !text.contains("response=")), "{sent:#?}");
    assert!(phone.end().success());
    Ok(())
}

fn registers_with_sha_256_at_kamailio() -> Result<(), Missing> {
    const TEST: &str = "interop/registers_with_sha_256_at_kamailio";
    let kamailio = Kamailio::start(TEST, Some("SHA-256"))?;
    let mut phone = kamailio.phone(PHONE);
    let (_, got) = line_again(&mut phone);
    assert!(got.iter().any(|text| text.starts_with("SIP/2.0 401 ") && text.contains("algorithm=SHA-256")), "{got:#?}");
    let security = phone.registered()["security"]["digest"].clone();
    assert_eq!(security, "SHA-256");
    // The INVITE is challenged as well, by 407.
    let call = phone.call("486");
    assert_eq!(phone.cause(&call), "busy");
    Ok(())
}

fn is_told_of_a_wrong_password_by_kamailio() -> Result<(), Missing> {
    const TEST: &str = "interop/is_told_of_a_wrong_password_by_kamailio";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = Phone::start(TEST, "phone", &kamailio.account("1001", "pw-1002", PHONE));
    let error = phone.until("a line that failed", |state| {
        let line = &state["accounts"][0]["line"];
        (line["is"] == "failed").then(|| line["error"].clone())
    });
    assert_eq!(error["code"], "wrong-password", "{error}");
    assert_eq!(error["act"], "enter-password", "{error}");
    Ok(())
}

fn comes_back_when_kamailio_does() -> Result<(), Missing> {
    const TEST: &str = "interop/comes_back_when_kamailio_does";
    let mut kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    kamailio.crash();
    phone.until("a line that is retried", |state| (state["accounts"][0]["line"]["is"] == "retrying").then_some(()));
    kamailio.run()?;
    phone.registered();
    // And it is a line for calls, in both directions.
    let call = phone.call("486");
    assert_eq!(phone.cause(&call), "busy");
    let plain = Plain::calling(TEST, "declined", "1001", kamailio.udp)?;
    phone.incoming();
    phone.tell(json!({ "do": "decline" }));
    plain.done();
    Ok(())
}

fn calls_a_plain_phone() -> Result<(), Missing> {
    const TEST: &str = "interop/calls_a_plain_phone";
    let kamailio = Kamailio::start(TEST, None)?;
    let plain = Plain::waiting(TEST, "answer", kamailio.sipp)?;
    let mut phone = kamailio.phone(PHONE);
    let call = phone.call("7001");
    phone.phase(&call, "ringing");
    let connected = phone.phase(&call, "connected");
    assert_eq!(connected["media"]["path"], "secure", "{connected}");
    assert_eq!(connected["media"]["codec"].as_str().map(str::to_lowercase).as_deref(), Some("pcma"), "{connected}");
    phone.hears(6);
    phone.tell(json!({ "do": "hangup", "call": call }));
    assert_eq!(phone.cause(&call), "hung-up-here");
    plain.done();
    assert!(phone.end().success());
    hears("the phone", &phone.heard(), phone.spoken());
    Ok(())
}

fn is_called_by_a_plain_phone() -> Result<(), Missing> {
    const TEST: &str = "interop/is_called_by_a_plain_phone";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    let plain = Plain::calling(TEST, "call", "1001", kamailio.udp)?;
    let call = phone.incoming();
    assert_eq!(call["with"]["number"], "7001", "{call}");
    assert_eq!(call["with"]["name"], "Plain phone", "{call}");
    phone.tell(json!({ "do": "answer" }));
    phone.phase(&id(&call), "connected");
    assert_eq!(phone.cause(&id(&call)), "hung-up-there");
    plain.done();
    assert!(phone.end().success());
    hears("the phone", &phone.heard(), phone.spoken());
    Ok(())
}

fn is_called_without_an_offer() -> Result<(), Missing> {
    const TEST: &str = "interop/is_called_without_an_offer";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    let plain = Plain::calling(TEST, "late-offer", "1001", kamailio.udp)?;
    let call = id(&phone.incoming());
    phone.tell(json!({ "do": "answer" }));
    phone.phase(&call, "connected");
    assert_eq!(phone.cause(&call), "hung-up-there");
    plain.done();
    assert!(phone.end().success());
    hears("the phone", &phone.heard(), phone.spoken());
    Ok(())
}

fn gives_up_a_call_that_only_rings() -> Result<(), Missing> {
    const TEST: &str = "interop/gives_up_a_call_that_only_rings";
    let kamailio = Kamailio::start(TEST, None)?;
    let plain = Plain::waiting(TEST, "ring", kamailio.sipp)?;
    let mut phone = kamailio.phone(PHONE);
    let call = phone.call("7001");
    phone.phase(&call, "ringing");
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "cancelled");
    plain.done();
    Ok(())
}

fn misses_a_call_that_is_given_up() -> Result<(), Missing> {
    const TEST: &str = "interop/misses_a_call_that_is_given_up";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    let plain = Plain::calling(TEST, "give-up", "1001", kamailio.udp)?;
    let call = id(&phone.incoming());
    assert_eq!(phone.cause(&call), "cancelled");
    let row = phone.line("a missed call", |value| {
        let notice = value.get("notice")?;
        (notice["is"] == "missed-call").then(|| notice["row"].clone())
    });
    assert_eq!(row["with"]["number"], "7001", "{row}");
    plain.done();
    Ok(())
}

fn declines_a_call_of_a_plain_phone() -> Result<(), Missing> {
    const TEST: &str = "interop/declines_a_call_of_a_plain_phone";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    let plain = Plain::calling(TEST, "declined", "1001", kamailio.udp)?;
    let call = id(&phone.incoming());
    phone.tell(json!({ "do": "decline" }));
    assert_eq!(phone.cause(&call), "declined");
    plain.done();
    Ok(())
}

fn is_told_why_a_call_fails() -> Result<(), Missing> {
    const TEST: &str = "interop/is_told_why_a_call_fails";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut phone = kamailio.phone(PHONE);
    for (number, cause) in [("486", "busy"), ("404", "not-found"), ("503", "server-error"), ("1009", "unreachable")] {
        let call = phone.call(number);
        assert_eq!(phone.cause(&call), cause, "{number}");
    }
    // Another number is called by nobody but the person, who is told which it is.
    let call = phone.call("302");
    let ended = phone.phase(&call, "ended");
    let cause = &ended["phase"]["cause"];
    assert_eq!((&cause["is"], &cause["elsewhere"]), (&json!("moved"), &json!("sip:486@sip.test.local")), "{ended}");
    let there = phone.call(cause["elsewhere"].as_str().expect("a text"));
    assert_eq!(phone.cause(&there), "busy");
    Ok(())
}

fn calls_a_browser() -> Result<(), Missing> {
    const TEST: &str = "interop/calls_a_browser";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut browser = browser(TEST, &kamailio)?;
    let mut phone = kamailio.phone(PHONE);
    let call = phone.call("1002");
    assert_eq!(browser.wait("incoming")["from"], "1001");
    browser.act(json!({ "do": "answer" }));
    let connected = phone.phase(&call, "connected");
    assert_eq!(connected["media"]["codec"].as_str().map(str::to_lowercase).as_deref(), Some("opus"), "{connected}");
    browser.wait("confirmed");
    browser.hears(6);
    phone.hears(6);
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "hung-up-here");
    assert_eq!(browser.wait("ended")["by"], "remote");
    assert!(phone.end().success());
    let (tape, played) = (browser.heard(), phone.heard());
    hears("the browser", &tape, phone.spoken());
    hears("the phone", &played, browser.voice());
    // Each hears the other and not itself.
    does_not_hear("the browser", &tape, browser.voice());
    does_not_hear("the phone", &played, phone.spoken());
    Ok(())
}

fn is_called_by_a_browser() -> Result<(), Missing> {
    const TEST: &str = "interop/is_called_by_a_browser";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut browser = browser(TEST, &kamailio)?;
    let mut phone = kamailio.phone(PHONE);
    browser.act(json!({ "do": "call", "to": Kamailio::address("1001") }));
    let call = phone.incoming();
    assert_eq!(call["with"]["number"], "1002", "{call}");
    assert_eq!(browser.wait("progress")["status"], 180);
    phone.tell(json!({ "do": "answer" }));
    phone.phase(&id(&call), "connected");
    browser.wait("confirmed");
    browser.hears(6);
    phone.hears(6);
    browser.act(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&id(&call)), "hung-up-there");
    assert!(phone.end().success());
    hears("the browser", &browser.heard(), phone.spoken());
    hears("the phone", &phone.heard(), browser.voice());
    Ok(())
}

fn a_browser_and_the_phone_hold_each_other() -> Result<(), Missing> {
    const TEST: &str = "interop/a_browser_and_the_phone_hold_each_other";
    let kamailio = Kamailio::start(TEST, None)?;
    let mut browser = browser(TEST, &kamailio)?;
    let mut phone = kamailio.phone(PHONE);
    let call = phone.call("1002");
    browser.wait("incoming");
    browser.act(json!({ "do": "answer" }));
    phone.phase(&call, "connected");
    browser.wait("confirmed");
    browser.hears(1);
    let held = |phone: &mut Phone, hold: &str| {
        phone.until(&format!("hold to be {hold}"), |state| (state["calls"][0]["hold"] == hold).then_some(()));
    };
    phone.tell(json!({ "do": "hold" }));
    assert_eq!(browser.wait("hold")["by"], "remote");
    held(&mut phone, "local");
    phone.may(&call, "resume");
    phone.tell(json!({ "do": "resume" }));
    assert_eq!(browser.wait("unhold")["by"], "remote");
    held(&mut phone, "none");
    phone.may(&call, "hold");
    browser.act(json!({ "do": "hold" }));
    browser.wait("held");
    held(&mut phone, "remote");
    browser.act(json!({ "do": "unhold" }));
    browser.wait("unheld");
    held(&mut phone, "none");
    // Each hears the other again.
    phone.hears(2);
    browser.hears(4);
    phone.tell(json!({ "do": "hangup" }));
    assert_eq!(browser.wait("ended")["by"], "remote");
    Ok(())
}
