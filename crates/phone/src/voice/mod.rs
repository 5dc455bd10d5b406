//! The media thread: sockets, paths, sound and devices of all calls. It is asked by [`Order`]s and tells what
//! [`Happened`]; it knows no SIP.
//!
//! ```text
//!  orders ─▶ thread ─▶ ready (sockets waiting for calls) ─▶ call: negotiation + path + session
//!                └────▶ ear (each 10 ms) ◀─▶ devices ◀─▶ desk (a thread that lists and opens)
//! ```

mod call;
mod choice;
mod desk;
mod devices;
mod ear;
mod order;
mod ready;
mod slot;
mod sockets;
#[cfg(test)]
mod tests;
mod thread;
mod tones;

pub(crate) use order::{Happened, Order, PathState, Sounds, TurnServer, Ways, Wish};
pub(crate) use thread::{Voice, start};
