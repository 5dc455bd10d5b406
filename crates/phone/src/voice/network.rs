//! Where sockets for sound come from: the system, or a network of the tests' own.

use std::net::{IpAddr, SocketAddr};

use net::{Port, Ports};

/// So many addresses of this machine are tried; more make a description that servers refuse.
const MOST_ADDRESSES: usize = 4;

/// Something to bind sockets on. What comes in is told as [`net::Datagram`]s.
pub(super) trait Network: Send {
    /// Binds on each address of this machine, the best first; what comes is told with the mark `id`.
    ///
    /// # Errors
    /// A sentence for the log, when there is no address to bind on.
    fn bind(&mut self, id: u64, loopback: bool) -> Result<Vec<Box<dyn Socket>>, String>;
}

/// A bound socket. Dropping it closes it.
pub(super) trait Socket: Send {
    /// Where it is bound.
    fn local(&self) -> SocketAddr;

    /// Sends one datagram, or drops it.
    fn send(&self, to: SocketAddr, bytes: &[u8]);
}

impl Network for Ports {
    fn bind(&mut self, id: u64, loopback: bool) -> Result<Vec<Box<dyn Socket>>, String> {
        let mut why = "this machine has no network address".to_owned();
        let mut bound: Vec<Box<dyn Socket>> = Vec::new();
        for address in addresses(loopback)? {
            match Self::bind(self, address, id) {
                Ok(port) => bound.push(Box::new(port)),
                Err(error) => why = error.to_string(),
            }
        }
        if bound.is_empty() { Err(why) } else { Ok(bound) }
    }
}

impl Socket for Port {
    fn local(&self) -> SocketAddr {
        Self::local(self)
    }

    fn send(&self, to: SocketAddr, bytes: &[u8]) {
        Self::send(self, to, bytes);
    }
}

/// The addresses to bind on, the best first. Loopback comes first where the server is on this machine, and nowhere else
/// (S9).
fn addresses(loopback: bool) -> Result<Vec<IpAddr>, String> {
    let all = net::interfaces().map_err(|error| error.to_string())?;
    let of = |wanted: bool| all.iter().filter(move |one| one.loopback == wanted).map(|one| one.address);
    let here = of(true).take(usize::from(loopback));
    Ok(here.chain(of(false).take(MOST_ADDRESSES)).collect())
}
