//! The practice line of the phone with a client that is not ours.

use acceptance::phone::{Phone, Setup, Trust};
use serde_json::json;

use super::{Table, hears, is_asked_for, tests};
use crate::{
    browser::{Account, Browser},
    suite::Missing,
};

pub(crate) const TESTS: Table = tests![
    a_browser_hears_itself_at_the_practice_line,
    the_practice_line_rings_a_browser_back,
    a_browser_and_the_phone_talk_on_the_practice_line,
    packets_to_a_browser_grow_short_in_the_call,
];

/// A practice line and the runtime it lives on.
struct Line {
    pbx: pbx::Pbx,
    _runtime: tokio::runtime::Runtime,
}

impl Line {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let config = pbx::Config { users: 2, ..pbx::Config::new([7; 32]) };
        let pbx = runtime.block_on(pbx::start(config)).expect("a practice line");
        Self { pbx, _runtime: runtime }
    }

    fn account(&self, user: usize) -> Account<'_> {
        let user = &self.pbx.users[user];
        Account { url: &self.pbx.url, user: &user.name, domain: &self.pbx.domain, password: user.password.expose() }
    }

    /// The phone as the second user.
    fn phone(&self, test: &str) -> Phone {
        let user = &self.pbx.users[1];
        Phone::start(
            test,
            "phone",
            &Setup {
                server: self.pbx.url.clone(),
                user: &user.name,
                domain: &self.pbx.domain,
                password: user.password.expose(),
                trust: Trust::Pin(self.pbx.pin.clone()),
                voice: Some(8),
                flags: &[],
                variables: &[],
            },
        )
    }

    /// A browser as the first user, which calls that phone, and the call there when it is answered.
    fn called_by_browser(&self, test: &str) -> Result<(Browser, Phone, String), Missing> {
        let mut browser = Browser::start(test, "browser", &self.account(0), 7)?;
        let mut phone = self.phone(test);
        phone.registered();
        browser.act(json!({ "do": "call", "to": self.address(&self.pbx.users[1].name) }));
        let call = phone.incoming()["id"].as_str().expect("a call has an id").to_owned();
        phone.tell(json!({ "do": "answer" }));
        browser.wait("confirmed");
        Ok((browser, phone, call))
    }

    fn address(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.pbx.domain)
    }
}

fn a_browser_hears_itself_at_the_practice_line() -> Result<(), Missing> {
    const TEST: &str = "interop/a_browser_hears_itself_at_the_practice_line";
    let line = Line::start();
    let mut browser = Browser::start(TEST, "browser", &line.account(0), 7)?;
    browser.act(json!({ "do": "call", "to": line.address("600") }));
    browser.wait("confirmed");
    browser.hears(6);
    browser.act(json!({ "do": "hangup" }));
    browser.wait("ended");
    hears("the browser", &browser.heard(), browser.voice());
    Ok(())
}

fn the_practice_line_rings_a_browser_back() -> Result<(), Missing> {
    const TEST: &str = "interop/the_practice_line_rings_a_browser_back";
    let line = Line::start();
    let mut browser = Browser::start(TEST, "browser", &line.account(0), 7)?;
    browser.act(json!({ "do": "call", "to": line.address("603") }));
    browser.wait("ended");
    browser.wait("incoming");
    browser.act(json!({ "do": "answer" }));
    browser.wait("confirmed");
    browser.hears(2);
    browser.act(json!({ "do": "hangup" }));
    browser.wait("ended");
    Ok(())
}

fn a_browser_and_the_phone_talk_on_the_practice_line() -> Result<(), Missing> {
    const TEST: &str = "interop/a_browser_and_the_phone_talk_on_the_practice_line";
    let line = Line::start();
    let (mut browser, mut phone, call) = line.called_by_browser(TEST)?;
    browser.hears(6);
    phone.hears(6);
    browser.act(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "hung-up-there");
    assert!(phone.end().success());
    hears("the browser", &browser.heard(), phone.spoken());
    hears("the phone", &phone.heard(), browser.voice());
    Ok(())
}

/// From 20 ms to 10 once the path has proved good, and back, while both talk.
fn packets_to_a_browser_grow_short_in_the_call() -> Result<(), Missing> {
    const TEST: &str = "interop/packets_to_a_browser_grow_short_in_the_call";
    let line = Line::start();
    let (mut browser, mut phone, call) = line.called_by_browser(TEST)?;
    is_asked_for(&mut phone, "safe", 20.0);
    is_asked_for(&mut phone, "auto", 10.0);
    phone.hears(6);
    is_asked_for(&mut phone, "safe", 20.0);
    phone.hears(3);
    browser.act(json!({ "do": "hangup" }));
    assert_eq!(phone.cause(&call), "hung-up-there");
    assert!(phone.end().success());
    hears("the browser", &browser.heard(), phone.spoken());
    hears("the phone", &phone.heard(), browser.voice());
    Ok(())
}
