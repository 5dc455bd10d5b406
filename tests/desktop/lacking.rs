//! What the window does where something is missing: a microphone, a keychain, a language.

use serde_json::json;

use crate::{
    account::{Server, files_with, trust, type_account},
    session::{Desktop, With},
    window::Window,
};

#[test]
fn without_a_microphone_the_call_goes_on_and_says_so() {
    let desktop = Desktop::start("no-microphone", With { microphone: false, ..With::default() });
    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.press("welcome-echo");
    let said = window.wait_until_says("note", |said| said.contains("no-microphone"));
    assert!(said.lines().count() >= 2, "a sentence stands above the code: {said}");
    window.wait_until_says("chips", |said| said.contains("Encrypted") && said.contains("0:"));
    window.picture("in-call");
    window.press("hangup");
    window.terminate();
}

#[test]
fn without_a_keychain_the_password_is_kept_for_this_run_only() {
    let desktop = Desktop::start("no-keychain", With { keychain: false, ..With::default() });
    let server = Server::start();
    let password = server.users[0].password.expose().clone();
    let window = Window::open(&desktop);
    type_account(&window, &server);
    trust(&window, &server);
    window.press("save");
    window.wait_until_says("note", |said| said.contains("no-keychain"));
    window.picture("told");
    window.wait_until_says("line-state", |said| said.starts_with("Ready") && said.contains(&server.users[0].name));
    assert_eq!(files_with(desktop.folder(), &password), Vec::<String>::new(), "it lies nowhere");
    window.terminate();

    let window = Window::open(&desktop);
    let said =
        window.wait_until_says("line-state", |said| said.contains("password needed") || said.contains("no keychain"));
    assert!(said.starts_with("Not reachable"), "{said}");
    window.picture("after-a-restart");
    assert_eq!(files_with(desktop.folder(), &password), Vec::<String>::new());
    window.terminate();
}

#[test]
fn under_a_locale_without_a_language_the_window_is_not_blank() {
    for (test, locale) in [("locale-c-utf8", "C.UTF-8"), ("locale-c", "C")] {
        let desktop = Desktop::start(test, With { locale, ..With::default() });
        let window = Window::open(&desktop);
        window.wait_until_says("line-state", |said| said.starts_with("Ready"));
        let valid = window.run("try { return Intl.getCanonicalLocales(navigator.language).length } catch { return 0 }");
        assert_eq!(valid, json!(1), "{locale}: {}", window.run("return navigator.language"));
        window.picture("welcome");
        window.terminate();
    }
}
