use media::{codec::Codec, offer::Policy};

use super::*;

fn wish(text: serde_json::Value) -> AccountWish {
    serde_json::from_value(text).expect("a wish")
}

fn made(text: serde_json::Value) -> Profile {
    Profile::from_wish(&wish(text), None).expect("an account")
}

fn field(text: serde_json::Value) -> String {
    let fault = Profile::from_wish(&wish(text), None).expect_err("a fault");
    assert_eq!(fault.code, Code::BadAccount);
    fault.args[0].1.clone()
}

macro_rules! json {
    ($($all:tt)*) => { serde_json::json!($($all)*) };
}

#[test]
fn an_address_alone_is_an_account() {
    let profile = made(json!({ "address": "SIP:2001@example.com" }));
    assert_eq!(profile.address(), "sip:2001@example.com");
    assert_eq!((profile.server.as_str(), profile.host().as_str()), ("wss://example.com/", "example.com"));
    assert_eq!((profile.name.as_str(), profile.expires_s, profile.enabled), ("2001@example.com", 600, true));
    assert_eq!(made(json!({ "user": "2001", "domain": "example.com" })), profile);
}

#[test]
fn a_server_is_a_name_or_an_address() {
    let of = |server: &str| made(json!({ "address": "1@a.example", "server": server })).server;
    assert_eq!(of("sip.example.com"), "wss://sip.example.com/");
    assert_eq!(of("sip.example.com:8443/ws"), "wss://sip.example.com:8443/ws");
    assert_eq!(of("ws://10.0.0.1:8088/ws"), "ws://10.0.0.1:8088/ws");
    assert_eq!(of("[::1]:8089"), "wss://[::1]:8089/");
    assert_eq!(of(""), "wss://a.example/");
    for server in
        ["https://x", "wss://u@x/", "wss://u:p@x/", "wss://x/#y", "wss://", "wss://x:0/", "a b", "sip:x", "://"]
    {
        assert_eq!(field(json!({ "address": "1@a.example", "server": server })), "server", "{server}");
    }
}

#[test]
fn each_field_that_is_wrong_is_named() {
    let mut base = json!({ "address": "1@a.example" });
    for (name, value, expected) in [
        ("address", json!("nobody"), "address"),
        ("address", json!("@a.example"), "address"),
        ("address", json!("1@"), "address"),
        ("address", json!("1\r\nVia: x@a.example"), "address"),
        ("address", json!("1@a.example>;x=<"), "address"),
        ("user", json!(""), "address"),
        ("user", json!("1".repeat(129)), "address"),
        ("domain", json!("a b"), "address"),
        ("authUser", json!("a\nb"), "auth-user"),
        ("displayName", json!("x".repeat(129)), "display-name"),
        ("name", json!("\u{7}"), "name"),
        ("ca", json!("no certificate"), "ca"),
        ("ca", json!("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----"), "ca"),
        ("pin", json!("12"), "pin"),
        ("pin", json!("zz".repeat(32)), "pin"),
        ("origin", json!("example.com"), "origin"),
        ("origin", json!("https://example.com/path"), "origin"),
        ("stun", json!(["stun:"]), "stun"),
        ("stun", json!(["stun:x:70000"]), "stun"),
        ("stun", json!(["turn:x"]), "stun"),
        ("stun", json!(["a", "b", "c", "d", "e"]), "stun"),
        ("turn", json!([{ "url": "turn:x", "user": "" }]), "turn"),
        ("turn", json!([{ "url": "turn:x?transport=tcp", "user": "u" }]), "turn"),
        ("expiresS", json!(59), "expires"),
        ("expiresS", json!(86_401), "expires"),
        ("codecs", json!(["opus", "speex"]), "codecs"),
        ("codecs", json!(["opus", "OPUS"]), "codecs"),
        ("codecs", json!([""]), "codecs"),
        ("bitrate", json!(5_999), "bitrate"),
        ("bitrate", json!(510_001), "bitrate"),
        ("password", json!("x".repeat(1025)), "password"),
        ("turnPassword", json!("x".repeat(1025)), "password"),
    ] {
        let before = base.clone();
        base[name] = value;
        assert_eq!(field(base.clone()), expected, "{base}");
        base = before;
    }
}

#[test]
fn what_is_right_is_written_in_one_way() {
    let profile = made(json!({
        "address": "1@a.example", "pin": "AB:".repeat(31) + "cd", "origin": "https://Example.com/",
        "stun": ["stun.example.com", "stun:[2001:db8::1]:99", "stun:10.0.0.1"],
        "turn": [{ "url": "turn:turn.example.com?transport=udp", "user": " u " }], "expiresS": 60,
        "contactForm": "learned", "enabled": false, "password": "x", "keep": "run",
    }));
    assert_eq!(profile.pin, Some("ab".repeat(31) + "cd"));
    assert_eq!(profile.origin.as_deref(), Some("https://example.com"));
    assert_eq!(profile.stun, ["stun:stun.example.com:3478", "stun:[2001:db8::1]:99", "stun:10.0.0.1:3478"]);
    assert_eq!(profile.turn, [Turn { url: "turn:turn.example.com:3478".to_owned(), user: "u".to_owned() }]);
    assert!(!profile.enabled && !profile.keeps_secret && profile.contact_form == ContactForm::Learned);
    let again = Profile::from_wish(&AccountWish::default(), Some(&profile)).expect("the same");
    assert_eq!(again, profile);
}

#[test]
fn codecs_and_a_bitrate_make_the_policy_of_the_calls() {
    let usual = made(json!({ "address": "1@a.example" }));
    assert_eq!((usual.speech.policy(), usual.speech.bitrate), (Policy::default(), None));
    let own = made(json!({ "address": "1@a.example", "codecs": [" G722", "opus"], "bitrate": 64_000 }));
    let expected = Policy { codecs: vec![Codec::G722, Codec::Opus], own_order: true, bitrate: Some(64_000) };
    assert_eq!((own.speech.policy(), own.speech.codecs.join(" ").as_str()), (expected, "g722 opus"));
    // The calls of a connection are of its account: another order is another connection.
    assert!(!own.is_same_connection(&usual));
    let wish: AccountWish = serde_json::from_value(json!({ "codecs": [], "bitrate": 0 })).expect("a wish");
    assert_eq!(Profile::from_wish(&wish, Some(&own)).expect("cleared").speech.policy(), Policy::default());
    // What an older version kept says nothing of either.
    let mut kept = serde_json::to_value(&usual).expect("it is kept");
    assert!(kept.as_object_mut().expect("an object").remove("speech").is_some());
    assert_eq!(serde_json::from_value::<Profile>(kept).expect("an old account"), usual);
}

#[test]
fn a_certificate_authority_is_read() {
    // Not a certificate inside, but proper PEM: what TLS makes of it is TLS's own affair.
    let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(made(json!({ "address": "1@a.example", "ca": pem })).ca.as_deref(), Some(pem.trim()));
    let long = pem.repeat(2000);
    assert_eq!(field(json!({ "address": "1@a.example", "ca": long })), "ca");
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let base = Profile {
        id: AccountId::from("a7"),
        ..made(json!({ "address": "1@a.example", "authUser": "x", "stun": ["s.example"] }))
    };
    let next =
        Profile::from_wish(&wish(json!({ "domain": "b.example", "authUser": "" })), Some(&base)).expect("a change");
    assert_eq!((next.id.as_str(), next.auth_user.as_deref()), ("a7", None));
    assert_eq!(next.server, "wss://b.example/", "the usual server follows the domain");
    assert_eq!((next.name.as_str(), next.stun.len()), ("1@b.example", 1));
    let fixed =
        Profile::from_wish(&wish(json!({ "server": "s.example", "name": "Desk" })), Some(&next)).expect("a change");
    let moved =
        Profile::from_wish(&wish(json!({ "domain": "c.example", "stun": [] })), Some(&fixed)).expect("a change");
    assert_eq!((moved.server.as_str(), moved.name.as_str(), moved.stun.len()), ("wss://s.example/", "Desk", 0));
}

#[test]
fn two_accounts_are_compared_by_what_matters() {
    let one = made(json!({ "address": "1@a.example" }));
    let named = Profile { name: "Desk".to_owned(), enabled: false, keeps_secret: false, ..one.clone() };
    assert!(one.is_same_line(&named) && one.is_same_connection(&named));
    let other = Profile { auth_user: Some("x".to_owned()), ..one.clone() };
    assert!(one.is_same_line(&other) && !one.is_same_connection(&other));
    assert!(!one.is_same_line(&made(json!({ "address": "2@a.example" }))));
}
