//! The gate of the secured path: whole connections on virtual time, under loss, reordering, skew, changes and enemies, by
//! seed.

mod changes;
mod connects;
mod hostile;
mod relay;
mod restarts;
mod sweep;

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use ice::{
    Identity, Timing,
    testing::{Network, World},
};
use rtc_crypto::default_provider;
use rtc_stun::{
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{Message, MessageType, Setter, TransactionId},
};

static IDENTITIES: LazyLock<[Arc<Identity>; 2]> =
    LazyLock::new(|| [Identity::generate().expect("a library"), Identity::generate().expect("a library")]);

const SECOND: Duration = Duration::from_secs(1);
/// The first end's address that works, and the one that swallows everything.
const FIRST: &str = "10.0.0.1:4000";
const BLACK_HOLE: &str = "10.0.1.1:4001";
const SECOND_END: &str = "10.0.0.2:5000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn world(seed: u64, loss: f64, timing: Timing, mtu: usize) -> World {
    let network = Network { loss, delay: Duration::from_millis(20), jitter: Duration::from_millis(40) };
    let sockets = [&[address(FIRST), address(BLACK_HOLE)][..], &[address(SECOND_END)]];
    World::new(seed, [&IDENTITIES[0], &IDENTITIES[1]], sockets, network, timing, mtu)
}

/// Connects. `skew` in milliseconds is how much later the second end learns of the first, or earlier.
fn connect(world: &mut World, controlling: [bool; 2], first_is_client: bool, skew: i64, limit: Duration) {
    let (early, late) = if skew < 0 { (1, 0) } else { (0, 1) };
    for (at, wait) in [(early, skew.unsigned_abs()), (late, 0)] {
        world.tell(at, controlling[at], first_is_client == (at == 0));
        world.run(Duration::from_millis(wait), |_| false);
    }
    world.run(limit, World::secure);
}

/// A quick connection on a clean network, as most tests begin.
fn connected(seed: u64) -> World {
    let mut world = world(seed, 0.0, Timing::FAST, 1200);
    connect(&mut world, [true, false], true, 0, 10 * SECOND);
    assert!(world.secure());
    world
}

/// Both ends talk for a moment, and everything arrives.
fn hear_each_other(world: &mut World, ssrc: u32) {
    for at in 0..2 {
        let before = world.ends[1 - at].rtp.len();
        world.talk(at, ssrc, 0, SECOND / 5);
        world.run(SECOND / 2, |_| false);
        assert_eq!(world.ends[1 - at].rtp.len() - before, 10, "from end {at}");
    }
}

/// An answer to the check `transaction`, signed with `password`.
fn stun_answer(kind: MessageType, transaction: &[u8], what: Box<dyn Setter>, password: &str) -> Vec<u8> {
    let provider = default_provider().expect("a library");
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), provider.crypto());
    let mut message = Message::new();
    let attributes: [Box<dyn Setter>; 5] = [
        Box::new(TransactionId(transaction.try_into().expect("twelve octets"))),
        Box::new(kind),
        what,
        Box::new(integrity),
        Box::new(FINGERPRINT),
    ];
    message.build(&attributes).expect("a message");
    message.raw.clone()
}
