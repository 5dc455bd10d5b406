//! The contract: what goes into the phone and what comes out of it, for the window, the tray, the terminal and other
//! programs alike. One [`Command`] in; one [`PhoneState`] after each change, and short [`Notice`]s.
//!
//! Everything here serialises to the very lines of `bellbird-cli run --json`. New fields and new values may come at any
//! time; nothing is renamed or removed without raising [`CONTRACT`].

mod account;
mod call;
mod command;
mod device;
mod error;
mod id;
mod line;
mod quality;
mod state;
mod time;

pub use account::{
    Account, AccountWish, ConnectStep, ConnectWhy, ContactForm, Keep, Keepalive, LineState, SecretState, Security, Turn,
};
pub use call::{
    Act, Call, Cause, CauseKind, Direction, HistoryRow, Hold, Media, MediaPath, NameFrom, Party, Phase, Verified,
};
pub use command::{Command, Watch};
pub use device::{Device, DeviceKind, Devices, InUse, Prefer, Role};
pub use error::{Certificate, Error, ErrorAct, Who};
pub use id::{AccountId, CallId, ConferenceId, HistoryId, TestId};
pub use line::{Hello, Line, Notice, Ok, Reply, SipLine};
pub use quality::{CallQuality, Grade, Levels, Quality};
pub use state::{Delay, Dnd, Echo, Noise, PhoneState, RecordAs, Settings, StepResult, Test, TestStep, Theme, Tray};
pub use time::Timestamp;

/// The version of this contract.
pub const CONTRACT: u32 = 1;

#[cfg(test)]
mod tests;
