//! For the tests of this crate and of those that use it.

pub mod fuzz;
pub mod room;
pub mod traces;

use std::time::Instant;

/// Some beginning of virtual time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test needs one instant to count from; it is never read again")]
pub fn epoch() -> Instant {
    Instant::now()
}
