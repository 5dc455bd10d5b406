//! What a fuzzer and the mutants of the tests run: each body takes any octets and asserts what has to hold of them.
//!
//! They are part of the library so that every build of the tests compiles them; `crates/fuzz` only calls them.

mod description;
mod sound;

pub use description::{FINGERPRINT, is_answer, local, offer, sdp};
pub use sound::{event, inband, jitter, noise, packets, red, session, xr};

use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Takes choices off the front of what a fuzzer gives.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// The next octet, if there is one.
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next octet, or 0.
    fn byte(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    /// So many octets, or all that are left.
    fn some(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
