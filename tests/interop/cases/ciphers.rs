//! By what the sound of a call with real software is protected (RFC 8827 6.5): what the far end says of it, what it can be told to
//! agree to and nothing else, and what stands in our descriptions.

use std::collections::BTreeMap;

use acceptance::phone::Phone;
use serde_json::{Value, json};

use super::{Table, tests};
use crate::{
    asterisk::Asterisk,
    browser::{Account, Browser},
    kamailio::{DOMAIN, Kamailio},
    sipp::Plain,
    suite::Missing,
};

pub(crate) const TESTS: Table = tests![
    agrees_with_asterisk_on_ciphers,
    does_not_talk_to_asterisk_under_a_weak_cipher,
    agrees_with_a_browser_on_ciphers,
    agrees_with_rtpengine_on_ciphers,
];

const PHONE: u64 = 31;
const BROWSER: u64 = 32;
/// The suite that everybody has to support.
const SUITE: &str = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";

fn id(call: &Value) -> String {
    call["id"].as_str().expect("a call has an id").to_owned()
}

/// The fingerprint of each call of the phone. None of its descriptions offers a key in the clear (SDES) or sound without
/// DTLS, and all of a call name one certificate.
fn fingerprints(phone: &Phone) -> Vec<String> {
    let mut calls = BTreeMap::new();
    for (_, text) in phone.messages().iter().filter(|(out, text)| *out && text.contains("\r\nm=")) {
        assert!(!text.contains("a=crypto") && !text.contains("a=key-mgmt"), "{text}");
        assert!(
            text.lines().filter(|line| line.starts_with("m=")).all(|line| line.contains(" UDP/TLS/RTP/SAVPF ")),
            "{text}"
        );
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let (call, own) = (value("Call-ID: ").expect("a Call-ID"), value("a=fingerprint:").expect("a fingerprint"));
        assert!(own.starts_with("sha-256 "), "{own}");
        assert_eq!(calls.entry(call).or_insert_with(|| own.clone()), &own, "{text}");
    }
    calls.into_values().collect()
}

/// The fingerprints of two calls.
fn of_two_calls(phone: &Phone) -> [String; 2] {
    let fingerprints: [String; 2] = fingerprints(phone).try_into().expect("there were two calls");
    assert_ne!(fingerprints[0], fingerprints[1], "each call has a key of its own");
    fingerprints
}

fn agrees_with_asterisk_on_ciphers() -> Result<(), Missing> {
    const TEST: &str = "interop/agrees_with_asterisk_on_ciphers";
    let server = Asterisk::start(TEST)?;
    let mut phone = Phone::start(TEST, "phone", &server.account("2004", "pw-2004", PHONE));
    phone.registered();
    phone.tell(json!({ "do": "watch", "watch": "sip" }));
    // Asterisk has been told to agree on this suite only, as the client of DTLS and as the server.
    for ours in [true, false] {
        let call = if ours {
            phone.call("600")
        } else {
            server.call("2004", "600");
            let call = id(&phone.incoming());
            phone.tell(json!({ "do": "answer" }));
            call
        };
        let media = &phone.phase(&call, "connected")["media"];
        assert_eq!((&media["cipher"], &media["srtp"]), (&json!(SUITE), &json!("AES_CM_128_HMAC_SHA1_80")), "{media}");
        phone.hears(1);
        phone.tell(json!({ "do": "hangup" }));
        assert_eq!(phone.cause(&call), "hung-up-here");
    }
    of_two_calls(&phone);
    Ok(())
}

fn does_not_talk_to_asterisk_under_a_weak_cipher() -> Result<(), Missing> {
    const TEST: &str = "interop/does_not_talk_to_asterisk_under_a_weak_cipher";
    let server = Asterisk::start(TEST)?;
    let mut phone = Phone::start(TEST, "phone", &server.account("2005", "pw-2005", PHONE));
    phone.registered();
    for ours in [true, false] {
        let call = if ours {
            phone.call("600")
        } else {
            server.call("2005", "600");
            let call = id(&phone.incoming());
            phone.tell(json!({ "do": "answer" }));
            call
        };
        // Whose alert it is tells who was the server, and so chose.
        server.says(if ours {
            "due to reason 'tlsv1 alert insufficient security'"
        } else {
            "due to reason 'no shared cipher'"
        });
        let ended = phone.phase(&call, "ended");
        assert_eq!((&ended["media"]["secureMs"], &ended["media"]["cipher"]), (&Value::Null, &Value::Null), "{ended}");
        assert_eq!(ended["phase"]["cause"]["is"], "hung-up-there", "Asterisk gives up at once: {ended}");
    }
    Ok(())
}

fn agrees_with_a_browser_on_ciphers() -> Result<(), Missing> {
    const TEST: &str = "interop/agrees_with_a_browser_on_ciphers";
    let kamailio = Kamailio::start(TEST, None)?;
    let account = Account { url: &kamailio.url, user: "1002", domain: DOMAIN, password: "pw-1002" };
    let mut browser = Browser::start(TEST, "browser", &account, BROWSER)?;
    let mut phone = kamailio.phone(PHONE);
    phone.tell(json!({ "do": "watch", "watch": "sip" }));
    let mut seen = Vec::new();
    for ours in [true, false] {
        let call = if ours {
            let call = phone.call("1002");
            browser.wait("incoming");
            browser.act(json!({ "do": "answer" }));
            call
        } else {
            browser.act(json!({ "do": "call", "to": Kamailio::address("1001") }));
            let call = id(&phone.incoming());
            phone.tell(json!({ "do": "answer" }));
            call
        };
        let media = phone.phase(&call, "connected")["media"].clone();
        browser.wait("confirmed");
        browser.hears(1);
        browser.act(json!({ "do": "security" }));
        let said = browser.wait("security");
        // DTLS 1.2 on the wire (RFC 6347 4.1), and the same words at both ends.
        assert_eq!(said["tls"], "FEFD", "{said}");
        assert_eq!((&said["cipher"], &media["cipher"]), (&json!(SUITE), &json!(SUITE)), "{said} {media}");
        // It has the names of RFC 5764 and RFC 7714, we those of SDP (RFC 4568 6.2).
        let srtp = match said["srtp"].as_str() {
            Some("SRTP_AES128_CM_HMAC_SHA1_80") => "AES_CM_128_HMAC_SHA1_80",
            Some("SRTP_AEAD_AES_128_GCM") => "AEAD_AES_128_GCM",
            Some("SRTP_AEAD_AES_256_GCM") => "AEAD_AES_256_GCM",
            _ => panic!("no profile of ours: {said}"),
        };
        assert_eq!(media["srtp"], srtp, "{said}");
        seen.push(said["fingerprint"].as_str().expect("a certificate").to_owned());
        phone.tell(json!({ "do": "hangup" }));
        browser.wait("ended");
    }
    let mut told = of_two_calls(&phone).map(|own| own.replace("sha-256 ", ""));
    seen.sort();
    told.sort();
    assert_eq!(seen, told, "the certificates that it saw are those that were told");
    Ok(())
}

fn agrees_with_rtpengine_on_ciphers() -> Result<(), Missing> {
    const TEST: &str = "interop/agrees_with_rtpengine_on_ciphers";
    let kamailio = Kamailio::start(TEST, None)?;
    let plain = Plain::waiting(TEST, "answer", kamailio.sipp)?;
    let mut phone = kamailio.phone(PHONE);
    phone.tell(json!({ "do": "watch", "watch": "sip" }));
    let call = phone.call("7001");
    let media = phone.phase(&call, "connected")["media"].clone();
    // As the client of DTLS it has the choice among ours.
    let strong = [SUITE, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"];
    assert!(media["cipher"].as_str().is_some_and(|cipher| strong.contains(&cipher)), "{media}");
    let srtp = media["srtp"].as_str().expect("a profile");
    kamailio.relay_says(&format!("DTLS-SRTP successfully negotiated using {srtp}"));
    phone.hears(1);
    phone.tell(json!({ "do": "hangup" }));
    plain.done();
    assert_eq!(fingerprints(&phone).len(), 1);
    Ok(())
}
