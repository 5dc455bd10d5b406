//! The servers with clients that are not ours: if these fail, it is not the phone.

use serde_json::json;

use super::{Table, hears, tests};
use crate::{
    asterisk::{self, Asterisk},
    browser::{Account, Browser},
    kamailio::{self, Kamailio},
    sipp::Plain,
    suite::Missing,
};

pub(crate) const TESTS: Table =
    tests![a_browser_and_a_plain_phone_talk_through_kamailio, a_browser_hears_itself_at_asterisk];

fn a_browser_and_a_plain_phone_talk_through_kamailio() -> Result<(), Missing> {
    const TEST: &str = "interop/a_browser_and_a_plain_phone_talk_through_kamailio";
    let kamailio = Kamailio::start(TEST, None)?;
    let account = Account { url: &kamailio.url, user: "1002", domain: kamailio::DOMAIN, password: "pw-1002" };
    let mut browser = Browser::start(TEST, "browser", &account, 7)?;

    let plain = Plain::waiting(TEST, "answer", kamailio.sipp)?;
    browser.act(json!({ "do": "call", "to": Kamailio::address("7001") }));
    browser.wait("confirmed");
    browser.hears(6);
    browser.act(json!({ "do": "hangup" }));
    browser.wait("ended");
    plain.done();
    hears("the browser", &browser.heard(), browser.voice());

    let plain = Plain::calling(TEST, "call", "1002", kamailio.udp)?;
    assert_eq!(browser.wait("incoming")["from"], "7001");
    browser.act(json!({ "do": "answer" }));
    browser.wait("confirmed");
    browser.hears(6);
    assert_eq!(browser.wait("ended")["by"], "remote");
    plain.done();

    let plain = Plain::calling(TEST, "late-offer", "1002", kamailio.udp)?;
    browser.wait("incoming");
    browser.act(json!({ "do": "answer" }));
    browser.wait("confirmed");
    browser.hears(3);
    assert_eq!(browser.wait("ended")["by"], "remote");
    plain.done();
    Ok(())
}

fn a_browser_hears_itself_at_asterisk() -> Result<(), Missing> {
    const TEST: &str = "interop/a_browser_hears_itself_at_asterisk";
    let server = Asterisk::start(TEST)?;
    let account = Account { url: &server.url, user: "2001", domain: asterisk::DOMAIN, password: "pw-2001" };
    let mut browser = Browser::start(TEST, "browser", &account, 7)?;
    browser.act(json!({ "do": "call", "to": format!("sip:600@{}", asterisk::DOMAIN) }));
    browser.wait("confirmed");
    browser.hears(6);
    browser.act(json!({ "do": "hangup" }));
    browser.wait("ended");
    hears("the browser", &browser.heard(), browser.voice());

    server.call("2001", "602");
    assert_eq!(browser.wait("incoming")["from"], "77");
    browser.act(json!({ "do": "answer" }));
    browser.wait("confirmed");
    for digit in ["4", "0", "7"] {
        browser.act(json!({ "do": "dtmf", "digit": digit }));
    }
    assert_eq!(browser.wait("ended")["by"], "remote");
    server.says("The digits were 407");
    Ok(())
}
