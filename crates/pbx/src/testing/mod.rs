//! For the tests of this crate and of those that use it.

pub mod fuzz;
pub mod load;

use sip::{Output, Uri, UserAgent};

use crate::DOMAIN;

/// What an agent wants done now; nothing when it only waits.
fn next(agent: &mut UserAgent) -> Option<Output> {
    match agent.poll_output() {
        Output::Timeout(_) => None,
        output => Some(output),
    }
}

/// The address of a user of the line.
fn uri(user: &str) -> Uri {
    Uri::parse(&format!("sip:{user}@{DOMAIN}")).expect("a user and a name make a URI")
}
