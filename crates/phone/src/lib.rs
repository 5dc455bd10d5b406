//! The phone: one `Command` in, one `PhoneState` and `Notice`s out.
#![forbid(unsafe_code)]

mod account;
mod complaints;
pub mod contract;
pub mod fault;
mod party;
mod phone;
mod ringer;
mod run;
pub mod secret;
mod setup;
#[cfg(test)]
mod simulation;
pub mod sound;
mod store;
mod switchboard;
mod voice;
pub mod words;

pub use phone::{Door, Listener, Phone};
pub use run::start;
pub use setup::{Pace, PracticeHost, PracticeLine, Setup, StorePlace};
pub use voice::load;
pub use wss::Dns;
