//! Where sockets for sound come from: the system, or a network of the tests' own.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use net::Udp;
use tokio::{sync::mpsc, task::JoinHandle};

use super::sockets::Datagram;

/// So many addresses of this machine are tried; more make a description that servers refuse.
const MOST_ADDRESSES: usize = 4;
/// Larger than any packet on a network; what is cut off would not pass its check.
pub(super) const LARGEST: usize = 2048;

/// Something to bind sockets on. What comes in is told as [`Datagram`]s.
pub(super) trait Network: Send {
    /// Binds on each address of this machine, the best first; what comes is told under the number `id`.
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

/// The network of the system.
pub(super) struct System {
    datagrams: mpsc::Sender<Datagram>,
}

impl System {
    /// What comes goes to `datagrams`.
    pub(super) const fn new(datagrams: mpsc::Sender<Datagram>) -> Self {
        Self { datagrams }
    }
}

impl Network for System {
    fn bind(&mut self, id: u64, loopback: bool) -> Result<Vec<Box<dyn Socket>>, String> {
        let mut why = "this machine has no network address".to_owned();
        let mut bound: Vec<Box<dyn Socket>> = Vec::new();
        for address in addresses(loopback)? {
            match Udp::bind(address) {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    let reader = tokio::spawn(read(id, Arc::clone(&socket), self.datagrams.clone()));
                    bound.push(Box::new(Bound { socket, reader }));
                }
                Err(error) => why = error.to_string(),
            }
        }
        if bound.is_empty() { Err(why) } else { Ok(bound) }
    }
}

struct Bound {
    socket: Arc<Udp>,
    reader: JoinHandle<()>,
}

impl Socket for Bound {
    fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    fn send(&self, to: SocketAddr, bytes: &[u8]) {
        self.socket.send(to, bytes);
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.reader.abort();
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

/// Reads one socket until it is dropped. When the loop is busy, the system keeps what comes.
async fn read(id: u64, socket: Arc<Udp>, datagrams: mpsc::Sender<Datagram>) {
    let mut buffer = [0; LARGEST];
    while socket.readable().await.is_ok() {
        while let Some((length, from)) = socket.try_recv(&mut buffer) {
            let bytes = buffer[..length].to_vec();
            let datagram = Datagram { sockets: id, local: socket.local(), from, bytes };
            if datagrams.send(datagram).await.is_err() {
                return;
            }
        }
    }
}
