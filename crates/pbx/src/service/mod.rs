//! What the practice line itself answers with: one row of [`ROWS`] for each number.
//!
//! A service is a phone without a person: a SIP agent behind a door of the hub, and for each of its calls a socket, a
//! secured path and something that makes sound. Nothing of a call is shortened because both ends are on one machine, so
//! who hears its own voice from 600 has proven everything.
//!
//! ```text
//! hub ─ door ─ attendant: SIP agent ─ orders ─▶ talk: UDP ─ conversation (pure): offer/answer, path, sound
//!                     ▲───────────── told ──────┘                     mirror · music · digits
//! ```

mod attendant;
mod conversation;
mod digits;
mod mirror;
mod music;
mod player;
mod sound;
mod talk;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod testing;

use std::{sync::Arc, time::Duration};

use rand::Rng;
use rand_chacha::ChaCha12Rng;
use tokio::sync::watch;

use crate::{
    config::{Config, Language},
    hub::Hub,
};
use attendant::Attendant;
use sound::Kind;

/// One service.
#[derive(Debug)]
struct Row {
    /// What is dialled.
    number: &'static str,
    /// The name that the phone shows, in English and in Chinese.
    names: [&'static str; 2],
    /// What the caller hears.
    plays: Kind,
    /// Does it end the call soon and call back?
    calls_back: bool,
}

/// All services.
const ROWS: [Row; 4] = [
    Row { number: "600", names: ["Echo", "回声"], plays: Kind::Mirror, calls_back: false },
    Row { number: "601", names: ["Music", "音乐"], plays: Kind::Music, calls_back: false },
    Row { number: "602", names: ["Digits", "读号"], plays: Kind::Digits, calls_back: false },
    Row { number: "603", names: ["Call back", "回拨"], plays: Kind::Music, calls_back: true },
];

/// What all services share.
#[derive(Debug)]
struct Shared {
    hub: Hub,
    language: Language,
    call_back: Duration,
}

/// Starts all services. When this returns they can be called. They end, and their calls with them, when `closing` says
/// so; its sender sees that by [`watch::Sender::closed`].
pub(crate) async fn start(config: &Config, hub: &Hub, rng: &mut ChaCha12Rng, closing: &watch::Receiver<bool>) {
    let shared = Arc::new(Shared { hub: hub.clone(), language: config.language, call_back: config.call_back });
    for row in &ROWS {
        let seed = rng.random();
        // No door: the exchange has ended already, and with it all.
        if let Some(door) = hub.connect(Some(row.number)).await {
            tokio::spawn(Attendant::new(row, Arc::clone(&shared), seed).run(door, closing.clone()));
        }
    }
}
