//! The keychain of the operating system, the place of the phone's data and its lock.
//!
//! This is the only crate that links `keyring-core`. It does not know what a secret is for, and it has no other place
//! for one: where there is no keychain, [`phone::secret::SecretError::NoKeychain`] says so and the person may type the password for this
//! run. A file is never an answer.
#![forbid(unsafe_code)]

mod error;
mod keychain;
mod lock;
mod memory;
mod place;

pub use error::PlaceError;
pub use keychain::Keychain;
pub use lock::Lock;
pub use memory::Memory;
pub use place::Place;
