//! What the phone notices of the machine it runs on: another network, and having slept.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use ice::{Gatherer, GathererOutput};
use tokio::time::{sleep_until, timeout};

use crate::fault::{Code, Fault};

/// How often the interfaces are looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(3);
/// A look that comes so much later than it should tells that the machine slept (R4).
const SLEPT: Duration = Duration::from_secs(15);
/// A STUN server that is tested has so long to answer.
const STUN: Duration = Duration::from_secs(5);

/// What was seen at the last look.
#[derive(Debug)]
pub(crate) struct Watch {
    addresses: Vec<IpAddr>,
    at: SystemTime,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Same,
    Changed,
    Slept,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { addresses: addresses(), at: SystemTime::now() }
    }

    pub(crate) fn look(&mut self) -> Seen {
        let (now, addresses) = (SystemTime::now(), addresses());
        let slept = now.duration_since(self.at).is_ok_and(|since| since > EVERY + SLEPT);
        self.at = now;
        if addresses != self.addresses {
            self.addresses = addresses;
            return Seen::Changed;
        }
        if slept { Seen::Slept } else { Seen::Same }
    }
}

/// All but the loopback ones, which never change.
fn addresses() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = net::interfaces()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.loopback)
        .map(|interface| interface.address)
        .collect();
    addresses.sort();
    addresses
}

/// The addresses of `stun:host:port` and `turn:host:port`, by the resolver of the system.
pub(crate) async fn find(server: &str) -> Vec<SocketAddr> {
    let Some((_, rest)) = server.split_once(':') else { return Vec::new() };
    let found = timeout(STUN, tokio::net::lookup_host(rest)).await;
    found.ok().and_then(Result::ok).map(Iterator::collect).unwrap_or_default()
}

/// Asks STUN servers from a socket of its own; the first answer is enough.
pub(crate) async fn ask_stun(servers: Vec<String>, seed: [u8; 32]) -> Result<(), Fault> {
    let silent = || Fault::new(Code::MediaFailed).detail("no STUN server answered");
    let mut addresses = Vec::new();
    for server in &servers {
        addresses.extend(find(server).await);
    }
    let loopback = addresses.iter().any(|address| address.ip().is_loopback());
    let sockets: Vec<net::Udp> = net::interfaces()
        .unwrap_or_default()
        .iter()
        .filter(|interface| loopback || !interface.loopback)
        .filter_map(|interface| net::Udp::bind(interface.address).ok())
        .take(8)
        .collect();
    let locals: Vec<SocketAddr> = sockets.iter().map(net::Udp::local).collect();
    let mut gatherer = Gatherer::new(Instant::now(), &locals, &addresses, seed);
    timeout(STUN, async {
        loop {
            let due = loop {
                match gatherer.poll_output() {
                    GathererOutput::Transmit { local, to, bytes } => {
                        if let Some(socket) = sockets.iter().find(|socket| socket.local() == local) {
                            socket.send(to, &bytes);
                        }
                    }
                    GathererOutput::Timeout(at) => break at,
                    _ => {}
                }
            };
            let Some(due) = due else { return false };
            let readable = futures(&sockets);
            tokio::select! {
                at = readable => {
                    let mut buffer = [0; 1500];
                    let Some(socket) = sockets.get(at) else { return false };
                    while let Some((read, from)) = socket.try_recv(&mut buffer) {
                        if gatherer.handle_datagram(socket.local(), from, &buffer[..read]) {
                            return true;
                        }
                    }
                }
                () = sleep_until(due.into()) => gatherer.handle_timeout(Instant::now()),
            }
        }
    })
    .await
    .unwrap_or(false)
    .then_some(())
    .ok_or_else(silent)
}

/// The first socket that has something.
async fn futures(sockets: &[net::Udp]) -> usize {
    let mut waits: Vec<_> = sockets.iter().map(|socket| Box::pin(socket.readable())).collect();
    std::future::poll_fn(|context| {
        for (at, wait) in waits.iter_mut().enumerate() {
            if wait.as_mut().poll(context).is_ready() {
                return std::task::Poll::Ready(at);
            }
        }
        std::task::Poll::Pending
    })
    .await
}
