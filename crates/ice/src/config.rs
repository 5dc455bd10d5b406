//! What a path is made of, and how it times its checks.

use std::{fmt, sync::Arc, time::Duration};

use crate::{candidate::LocalCandidate, identity::Identity};

/// How ICE times its checks.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Between two checks (RFC 8445 14.2: 50 ms unless both ends agree on less).
    pub pacing: Duration,
    /// Until the first repeat of a check (RFC 8445 14.3: at least 500 ms).
    pub first_repeat: Duration,
    /// Between two consent checks; each time it is drawn from 0.8 to 1.2 times this (RFC 7675 5.1: 5 s, at least 4 s).
    pub consent: Duration,
    /// How many repeats without an answer end a pair: with the above, longer than the 30 s of consent (RFC 7675 5.1), which
    /// then decide for the selected one.
    pub repeats: usize,
}

impl Timing {
    /// As the RFCs want it.
    pub const STANDARD: Self = Self {
        pacing: Duration::from_millis(50),
        first_repeat: Duration::from_millis(500),
        consent: Duration::from_secs(5),
        repeats: 12,
    };
    /// For both ends on one machine or network: a knowing departure from RFC 8445 14.2 and 14.3.
    pub const FAST: Self = Self {
        pacing: Duration::from_millis(5),
        first_repeat: Duration::from_millis(100),
        repeats: 14,
        ..Self::STANDARD
    };
}

/// What a path is made of.
#[derive(Clone)]
pub struct PathConfig {
    /// Our certificate.
    pub identity: Arc<Identity>,
    /// Our addresses.
    pub locals: Vec<LocalCandidate>,
    /// How ICE times its checks.
    pub timing: Timing,
    /// May loopback addresses be tried? Only for an account whose server is on this machine (CONFORMANCE S9).
    pub allow_loopback: bool,
    /// The largest handshake datagram; 0 is the library's own.
    pub mtu: usize,
    /// Where its random numbers come from.
    pub seed: [u8; 32],
}

impl PathConfig {
    /// A path from `locals` with the usual values.
    #[must_use]
    pub const fn new(identity: Arc<Identity>, locals: Vec<LocalCandidate>, seed: [u8; 32]) -> Self {
        Self { identity, locals, timing: Timing::STANDARD, allow_loopback: false, mtu: 1200, seed }
    }
}

/// All but the seed, which the password and the keys come from.
impl fmt::Debug for PathConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, locals, timing, allow_loopback, mtu, seed: _ } = self;
        write!(f, "PathConfig {{ {identity:?}, {locals:?}, {timing:?}, loopback: {allow_loopback}, mtu: {mtu} }}")
    }
}
