//! The media thread: sockets, paths, sound and devices of all calls. It is asked by [`Order`]s and tells what
//! [`Happened`]; it knows no SIP.
//!
//! ```text
//!  orders ─▶ thread ─▶ ready (sockets waiting for calls) ─▶ call: negotiation + path + session
//!                └────▶ ear (10 ms each) ◀─▶ devices ◀─▶ desk (a thread that lists and opens)
//! ```

mod bells;
mod call;
mod choice;
mod desk;
mod devices;
mod ear;
pub mod load;
mod network;
mod order;
mod ready;
mod recording;
mod slot;
mod sockets;
mod streams;
#[cfg(test)]
mod tests;
mod thread;
mod tones;
#[cfg(test)]
mod virtual_time;

use std::net::{Ipv4Addr, SocketAddr};

use media::{
    agreed::Direction,
    offer::{LocalPath, Negotiation, OfferError, Policy},
};

pub(crate) use order::{Clean, Happened, Order, PathState, Sounds, TurnServer, Ways, Wish};
pub(crate) use thread::{Voice, start};
#[cfg(test)]
pub(crate) use virtual_time::VirtualVoice;

/// Could this offer of a call be answered by an account of this policy? It is asked before anything rings: a call that no answer can take rings
/// nobody (RFC 3261 13.3.1.3).
pub(crate) fn judge(offer: &[u8], policy: Policy) -> Result<(), OfferError> {
    // What we would say of ourselves plays no part in it.
    let nowhere = LocalPath {
        ufrag: String::new(),
        pwd: String::new(),
        fingerprint: String::new(),
        candidates: Vec::new(),
        default: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
    };
    Negotiation::new([0; 32], policy).answer(offer, &nowhere, Direction::SendRecv).map(|_| ())
}
