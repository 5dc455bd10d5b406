//! The keychain of the operating system, the data directory and its lock.
