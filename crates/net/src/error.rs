//! What can go wrong with a socket.

use std::{io, net::SocketAddr};

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The list of interfaces cannot be read.
    #[error("the network interfaces cannot be listed: {0}")]
    Interfaces(io::Error),
    /// The socket cannot be bound: the address is gone, or the system has no ports left.
    #[error("no UDP socket on {address}: {error}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}
