//! An account is added by typing, its certificate is looked at and trusted, and its password lies in the keychain alone.

use std::{fs, path::Path};

use pbx::{Config, Pbx};

use crate::{
    session::{Desktop, With},
    window::Window,
};

/// A server of the test's own, which runs beside it.
pub(crate) struct Server {
    pbx: Pbx,
    // With it the server ends.
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let pbx = runtime.block_on(pbx::start(Config::new([7; 32]))).expect("a server of the test's own");
        Self { pbx, _runtime: runtime }
    }
}

impl std::ops::Deref for Server {
    type Target = Pbx;

    fn deref(&self) -> &Pbx {
        &self.pbx
    }
}

/// Fills in the page `Add account` for the user of a server.
pub(crate) fn type_account(window: &Window, server: &Server) {
    window.press("welcome-add");
    let user = &server.users[0];
    window.type_into("Address", &format!("{}@{}", user.name, server.domain));
    window.type_into("Password", user.password.expose());
    window.type_into("Server", &server.url);
}

/// Looks at the unknown certificate and trusts it, if it is the one of the server.
pub(crate) fn trust(window: &Window, server: &Server) {
    window.press("account-test");
    window.wait_until_says("note", |said| said.contains("certificate-untrusted"));
    window.picture("certificate-refused");
    window.press("note-link");
    let shown: String = window.says("card").chars().filter(char::is_ascii_hexdigit).collect();
    assert!(shown.to_lowercase().contains(&server.pin), "the page shows the fingerprint of the server: {shown}");
    window.picture("certificate");
    window.press("cert-trust");
    window.until("every step of the test is done", || window.count("[data-part=\"step\"].done") >= 5);
    window.picture("tested");
}

#[test]
fn an_account_is_typed_in_and_survives_a_restart_with_its_password_in_the_keychain() {
    let desktop = Desktop::start("account", With::default());
    let server = Server::start();
    let window = Window::open(&desktop);
    type_account(&window, &server);
    trust(&window, &server);
    window.press("save");
    window.wait_until_says("line-state", |said| said.starts_with("Ready") && said.contains(&server.users[0].name));
    window.picture("registered");
    window.terminate();

    let window = Window::open(&desktop);
    window.wait_until_says("line-state", |said| said.starts_with("Ready") && said.contains(&server.users[0].name));
    desktop.picture("registered-again");

    let password = server.users[0].password.expose();
    let stored = desktop.ask("secret-tool", &["search", "--all", "service", "bellbird"]);
    assert!(stored.contains(password), "the keychain has it: {stored}");
    assert_eq!(files_with(desktop.folder(), password), Vec::<String>::new(), "and no file has it");
    window.terminate();
    assert_eq!(files_with(desktop.folder(), password), Vec::<String>::new(), "nor when the program has ended");
}

#[test]
fn a_wrong_password_is_said_and_the_phone_goes_on() {
    let desktop = Desktop::start("wrong-password", With::default());
    let server = Server::start();
    let window = Window::open(&desktop);
    window.press("welcome-add");
    window.type_into("Address", &format!("{}@{}", server.users[0].name, server.domain));
    window.type_into("Password", "not this one");
    window.type_into("Server", &server.url);
    trust_and_fail(&window, &server);
    window.press("cancel");
    window.wait_until_says("line-state", |said| said.starts_with("Ready"));
    window.terminate();
}

fn trust_and_fail(window: &Window, server: &Server) {
    window.press("account-test");
    window.wait_until_says("note", |said| said.contains("certificate-untrusted"));
    window.press("note-link");
    assert!(!server.pin.is_empty());
    window.press("cert-trust");
    let said = window.wait_until_says("note", |said| said.contains("wrong-password"));
    assert!(said.contains("SIP 401") || said.contains("SIP 403"), "{said}");
    window.picture("wrong-password");
}

/// The files below a folder that hold a text, by their paths.
pub(crate) fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            match fs::symlink_metadata(&path) {
                Ok(about) if about.is_dir() => folders.push(path),
                Ok(about) if about.is_file() => {
                    let bytes = fs::read(&path).unwrap_or_default();
                    if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                        found.push(path.display().to_string());
                    }
                }
                _ => {}
            }
        }
    }
    found
}
