//! The phone against real software on loopback: Kamailio with rtpengine, Asterisk 22, SIPp, JsSIP in Chromium.
//!
//! The phone is the terminal phone as a child, driven by its JSON lines. Every test starts servers of its own on free
//! ports and ends them; logs, SIP transcripts and recordings lie in `$BELLBIRD_ARTEFACTS/interop/<test>` (without it
//! `target/artefacts`). Software that cannot be had is a skipped test, said loudly: see [`suite`].

mod asterisk;
mod browser;
mod cases;
mod front;
mod kamailio;
mod sipp;
mod suite;

use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(
        &[
            cases::servers::TESTS,
            cases::kamailio::TESTS,
            cases::asterisk::TESTS,
            cases::practice::TESTS,
            cases::front::TESTS,
            cases::ciphers::TESTS,
        ]
        .concat(),
    )
}
