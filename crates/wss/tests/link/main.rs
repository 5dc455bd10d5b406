//! The link against a server that says what the test tells it to, byte by byte, over real TLS on loopback.

mod auth;
mod connect;
mod find;
mod frames;
mod handshake;
mod life;
mod proxy;
mod real;
mod server;
mod trust;

use std::path::{Path, PathBuf};

/// A server's program: Debian keeps those where the path of an ordinary user does not lead.
fn program(name: &str) -> PathBuf {
    let own = Path::new("/usr/sbin").join(name);
    if own.is_file() { own } else { name.into() }
}
