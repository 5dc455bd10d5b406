//! Sound devices, by cpal. This is the only crate that links it.
//!
//! A callback only moves samples between the device and a wait-free ring: it takes no lock, allocates nothing, logs
//! nothing and makes no call to the system. What else there is to do (resampling, watching) happens on the thread that
//! reads or writes the stream. No codec and no call is known here.
#![forbid(unsafe_code)]
#![cfg_attr(rtsan, feature(sanitize))]

mod callback;
mod capture;
mod devices;
mod error;
#[cfg(target_os = "linux")]
mod events;
mod open;
mod playout;
mod watch;

pub use devices::Devices;
