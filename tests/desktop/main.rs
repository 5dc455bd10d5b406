//! The real window: the built program under a screen, a sound server and a keychain of the test's own, driven by
//! WebDriver. Run it after `scripts/test build`, one test at a time:
//! `cargo test -p acceptance --test desktop -- --test-threads=1`.

mod account;
mod binary;
mod bus;
mod calls;
mod driver;
mod hostile;
mod lacking;
mod session;
mod shell;
mod window;
