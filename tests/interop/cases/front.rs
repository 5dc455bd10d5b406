//! The phone behind a proxy, at a Kamailio behind an nginx that asks for everything there is.

use std::fs;

use acceptance::{artefacts, phone::Phone};
use serde_json::{Value, json};

use super::{Table, tests};
use crate::{
    front::{Front, SECRETS},
    kamailio::Kamailio,
    suite::Missing,
};

pub(crate) const TESTS: Table = tests![
    comes_through_a_proxy_and_a_front_that_ask_for_everything,
    is_told_which_password_is_wrong_on_the_way,
    takes_the_proxy_of_the_environment_but_not_for_this_machine,
];

const HEADERS: (&str, &str) = ("HEADERS", "X-Pbx-Key: header-secret\nCookie: session=cookie-secret");
const RIGHT: &[(&str, &str)] = &[("FRONT", "front-secret"), ("PROXY", "proxy-secret"), HEADERS];

fn comes_through_a_proxy_and_a_front_that_ask_for_everything() -> Result<(), Missing> {
    const TEST: &str = "interop/comes_through_a_proxy_and_a_front_that_ask_for_everything";
    let kamailio = Kamailio::start(TEST, Some("SHA-256"))?;
    let front = Front::start(TEST, &kamailio)?;
    let flags = front.flags();
    let mut phone = Phone::start(TEST, "phone", &front.account(&flags, RIGHT));
    let account = phone.registered();
    assert_eq!(account["line"]["server"], "", "only the proxy knows the server's address");
    assert_eq!(account["security"]["digest"], "SHA-256");
    assert_eq!(account["headers"], json!(["X-Pbx-Key", "Cookie"]));
    // The HTTP side asked by 401, then the registrar by 401 (which the phone answered), now the proxy by 407.
    phone.tell(json!({ "do": "watch", "watch": "sip" }));
    let call = phone.call("486");
    assert_eq!(phone.cause(&call), "busy");
    assert!(phone.messages().iter().any(|(out, text)| !out && text.starts_with("SIP/2.0 407 ")));
    assert!(phone.end().success());
    // Nothing that the phone said or logged has a secret in it.
    let logs: Vec<_> = fs::read_dir(artefacts(TEST)).expect("the artefacts").flatten().map(|own| own.path()).collect();
    let mut read = 0;
    for log in logs.iter().filter(|log| log.file_name().is_some_and(|name| name.to_string_lossy().starts_with("phone")))
    {
        let text = String::from_utf8_lossy(&fs::read(log).expect("a log")).into_owned();
        // The person who typed the address sees it as it is; a log is for others too (C22).
        let text: String = text.lines().filter(|line| !line.contains("{\"state\":")).collect();
        read += text.len();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {}", log.display());
        }
    }
    assert!(read > 2_000, "the log of the phone was looked through: {read} bytes of {logs:?}");
    Ok(())
}

fn failed(phone: &mut Phone) -> Value {
    phone.until("a line that failed", |state| {
        let line = &state["accounts"][0]["line"];
        (line["is"] == "failed").then(|| line["error"].clone())
    })
}

fn is_told_which_password_is_wrong_on_the_way() -> Result<(), Missing> {
    const TEST: &str = "interop/is_told_which_password_is_wrong_on_the_way";
    let kamailio = Kamailio::start(TEST, None)?;
    let front = Front::start(TEST, &kamailio)?;
    let flags = front.flags();
    let wrong_front = [("FRONT", "other"), ("PROXY", "proxy-secret"), HEADERS];
    let wrong_proxy = [("FRONT", "front-secret"), ("PROXY", "other"), HEADERS];
    for (name, passwords, code) in
        [("front", wrong_front, "handshake-password"), ("proxy", wrong_proxy, "proxy-password")]
    {
        let mut phone = Phone::start(TEST, name, &front.account(&flags, &passwords));
        let error = failed(&mut phone);
        assert_eq!((&error["code"], &error["act"]), (&json!(code), &json!("enter-password")), "{error}");
        assert!(phone.end().success());
    }
    // Without a certificate nginx lets nobody in, and no password would help.
    let bare: Vec<&str> = flags.iter().filter(|flag| **flag != "--client-cert").copied().collect();
    let bare: Vec<&str> = bare.into_iter().filter(|flag| !flag.ends_with("client.pem")).collect();
    let mut phone = Phone::start(TEST, "bare", &front.account(&bare, RIGHT));
    let error = failed(&mut phone);
    assert_eq!(error["code"], "websocket-refused", "{error}");
    assert!(error["detail"].as_str().is_some_and(|detail| detail.contains("403")), "{error}");
    Ok(())
}

fn takes_the_proxy_of_the_environment_but_not_for_this_machine() -> Result<(), Missing> {
    const TEST: &str = "interop/takes_the_proxy_of_the_environment_but_not_for_this_machine";
    let kamailio = Kamailio::start(TEST, None)?;
    // Nobody is there: whoever goes through it comes nowhere.
    let nowhere = format!("http://127.0.0.1:{}", acceptance::port::free());
    let environment = [("https_proxy", nowhere.as_str())];
    let mut setup = kamailio.account("1001", "pw-1001", 1);
    setup.variables = &environment;
    let mut phone = Phone::start(TEST, "here", &setup);
    phone.registered();
    assert!(phone.end().success());
    setup.server = "wss://pbx.invalid/".to_owned();
    let mut phone = Phone::start(TEST, "elsewhere", &setup);
    let code = phone.until("a line that is retried", |state| {
        let line = &state["accounts"][0]["line"];
        (line["is"] == "retrying").then(|| line["error"]["code"].clone())
    });
    assert_eq!(code, "proxy-failed");
    Ok(())
}
