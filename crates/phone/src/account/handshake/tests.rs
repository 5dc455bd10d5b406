use std::collections::HashMap;

use serde_json::json;
use url::Url;

use super::*;
use crate::{account::Profile, fault::Code};

fn wish(text: serde_json::Value) -> AccountWish {
    serde_json::from_value(text).expect("a wish")
}

fn made(text: serde_json::Value) -> Profile {
    Profile::from_wish(&wish(text), None).expect("an account")
}

/// A certificate with its key, and the parts of it.
fn own_certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["ann".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn what_is_said_before_sip_is_read_and_its_secrets_are_kept_apart() {
    let (chain, key) = own_certificate();
    let mut asked = wish(json!({
        "address": "1@a.example", "httpUser": "front", "httpPassword": "h-secret", "keepalive": "both",
        "headers": "X-Token: t-secret\nCookie: sid=c-secret; b=2\n", "clientCert": format!("{key}{chain}"),
        "proxy": "http://me@proxy.example:3128", "proxyPassword": "p-secret", "password": "s", "turnPassword": "t",
    }));
    let profile = Profile::from_wish(&asked, None).expect("an account");
    let seen = format!("{profile:?} {}", serde_json::to_string(&profile).expect("JSON"));
    for secret in ["-secret", "PRIVATE KEY"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    assert_eq!(profile.handshake.headers, ["X-Token", "Cookie"]);
    let subject = profile.handshake.client_facts().expect("the certificate").subject;
    assert!(!subject.is_empty());

    let secrets: HashMap<_, _> = asked.take_secrets().into_iter().collect();
    assert_eq!(secrets.len(), SecretKind::ALL.len(), "each kind has its own");
    let mut link = link();
    profile.handshake.equip(&mut link, &secrets, |_| panic!("the account names a proxy itself"));
    assert_eq!(link.credentials, Some(Credentials::new("front", "h-secret")));
    assert_eq!(link.headers, [("X-Token".to_owned(), wss::Secret::new("t-secret".to_owned()))]);
    let cookies: Vec<_> = link.cookies.iter().map(wss::Secret::expose).collect();
    assert_eq!(cookies, ["sid=c-secret", "b=2"]);
    assert_eq!(link.identity, Identity::from_pem(&format!("{chain}{key}")).ok());
    assert_eq!(link.proxy.and_then(|own| own.credentials), Some(Credentials::new("me", "p-secret")));
    assert_eq!(link.keep, KeepAlive::Both);
}

#[test]
fn without_a_proxy_of_its_own_an_account_takes_that_of_the_system() {
    let system = |name: &str| (name == "https_proxy").then(|| "http://u:p@system.example:8080".to_owned());
    let host = |text: serde_json::Value| {
        let mut link = link();
        made(text).handshake.equip(&mut link, &HashMap::new(), system);
        link.proxy.map(|own| own.host)
    };
    assert_eq!(host(json!({ "address": "1@a.example" })).as_deref(), Some("system.example"));
    assert_eq!(host(json!({ "address": "1@a.example", "proxy": "NONE" })), None);
    assert_eq!(host(json!({ "address": "1@a.example", "proxy": "socks5://s.example" })).as_deref(), Some("s.example"));
}

fn link() -> LinkConfig {
    LinkConfig::new(Url::parse("wss://a.example/").expect("a URL"), wss::Trust::Platform, [0; 32])
}

#[test]
fn what_cannot_be_said_before_sip_is_named() {
    let (chain, key) = own_certificate();
    let other_key = own_certificate().1;
    for (name, value, expected) in [
        ("httpUser", "a:b".to_owned(), "http-user"),
        ("headers", "Host: x".to_owned(), "headers"),
        ("headers", "Sec-WebSocket-Key: x".to_owned(), "headers"),
        ("headers", "no colon".to_owned(), "headers"),
        ("headers", "X-A: a\u{0}b".to_owned(), "headers"),
        ("headers", "X-A: b\n".repeat(17), "headers"),
        ("headers", format!("X-A: {}", "b".repeat(4096)), "headers"),
        ("clientCert", chain.clone(), "client-cert"),
        ("clientCert", key.clone(), "client-cert"),
        ("clientCert", format!("{chain}{other_key}"), "client-cert"),
        ("clientCert", "-".repeat(70_000), "client-cert"),
        ("clientCert", key.replace("PRIVATE", "ENCRYPTED PRIVATE") + &chain, "client-cert"),
        ("proxy", "https://proxy.example".to_owned(), "proxy"),
        ("proxy", "http://u:secret@proxy.example".to_owned(), "proxy"),
        ("httpPassword", "x".repeat(1025), "password"),
        ("proxyPassword", "x".repeat(1025), "password"),
    ] {
        let mut asked = json!({ "address": "1@a.example" });
        asked[name] = json!(value);
        let fault = Profile::from_wish(&wish(asked), None).expect_err("a fault");
        assert_eq!(
            (fault.code, fault.args[0].1.as_str()),
            (Code::BadAccount, expected),
            "{name}: {}",
            &value[..value.len().min(60)]
        );
    }
}

#[test]
fn what_is_kept_for_one_server_or_proxy_is_not_shown_to_another() {
    let base = made(json!({
        "address": "1@a.example", "httpUser": "u", "httpPassword": "h", "headers": "X: 1", "proxy": "http://me@p.example",
    }));
    let asked = |text: serde_json::Value| {
        let asked = wish(text);
        let next = Profile::from_wish(&asked, Some(&base)).expect("an account");
        next.shown_anew(&base, false, &asked)
    };
    let elsewhere = Some("b.example".to_owned());
    assert_eq!(asked(json!({ "server": "b.example" })), elsewhere);
    assert_eq!(asked(json!({ "server": "b.example", "httpPassword": "h" })), elsewhere, "the headers are kept too");
    assert_eq!(asked(json!({ "server": "b.example", "httpPassword": "h", "headers": "X: 1" })), None);
    assert_eq!(asked(json!({ "server": "b.example", "httpUser": "", "headers": "" })), None);
    assert_eq!(asked(json!({ "proxy": "http://me@q.example" })), Some("q.example".to_owned()));
    assert_eq!(asked(json!({ "proxy": "http://me@q.example", "proxyPassword": "p" })), None);
    assert_eq!(asked(json!({ "proxy": "http://q.example" })), None);
    assert_eq!(asked(json!({ "proxy": "none" })), None);
}
