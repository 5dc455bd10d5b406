//! Sound devices, by cpal and, on Linux, by a sound server. This is the only crate that links them.
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
mod open;
mod playout;
#[cfg(target_os = "linux")]
mod priority;
#[cfg(target_os = "linux")]
mod server;
mod system;
mod watch;

pub use devices::Devices;
