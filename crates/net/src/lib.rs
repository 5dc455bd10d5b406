//! Sockets for media, and the interfaces of this machine to bind them on. What a datagram means is not known here.
//!
//! TURN over TCP and TLS will need streams beside the sockets; they come with the issue that brings those transports.
#![forbid(unsafe_code)]

mod error;
mod interfaces;
mod poller;
mod udp;

pub use error::NetError;
pub use interfaces::{Interface, interfaces};
pub use poller::{Datagram, LARGEST, Poller, Port, Ports};
pub use udp::{Socket, Udp};
