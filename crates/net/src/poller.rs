//! What a thread sleeps on that has many sockets and little to do: one call to the system for a wake, and one for a datagram.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token};

use crate::{error::NetError, udp::Socket};

/// Octets of the largest datagram that is read: more than any packet on a network has; what is cut off would not pass its check.
pub const LARGEST: usize = 2048;
/// Told of at once by the system; more are told of next time.
const EVENTS: usize = 256;
/// Read of one socket before the others and the clock have their turn: a flood is no reason to be late.
const READS: usize = 64;
/// That of who wakes; no socket has it.
const WOKEN: Token = Token(usize::MAX);

/// Waits for datagrams, for who wakes it and for a time.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    events: Events,
    waker: Arc<Alarm>,
    ports: Ports,
    /// Sockets that have more than was read.
    unread: Vec<usize>,
    buffer: [u8; LARGEST],
}

#[derive(Debug)]
struct Alarm(mio::Waker);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It fails only where the system is out of memory; the next deadline wakes then.
        let _ = self.0.wake();
    }
}

/// Binds sockets that a [`Poller`] reads. Clones bind for the same one.
#[derive(Clone, Debug)]
pub struct Ports(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    registry: Registry,
    sockets: Mutex<Sockets>,
}

#[derive(Debug, Default)]
struct Sockets {
    made: usize,
    bound: HashMap<usize, (u64, Arc<Socket>)>,
}

impl Ports {
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.0.sockets.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Binds a port of the system's choice on `address`; what comes to it is told with `mark`.
    ///
    /// # Errors
    /// [`NetError::Bind`] when the system refuses.
    pub fn bind(&self, address: IpAddr, mark: u64) -> Result<Port, NetError> {
        let mut socket = Socket::bind(address)?;
        let mut sockets = self.lock();
        sockets.made += 1;
        let token = sockets.made;
        let registered = self.0.registry.register(&mut socket.socket, Token(token), Interest::READABLE);
        registered.map_err(|error| NetError::Bind { address: socket.local(), error })?;
        let socket = Arc::new(socket);
        sockets.bound.insert(token, (mark, Arc::clone(&socket)));
        Ok(Port { socket, token, ports: self.clone() })
    }
}

/// A bound socket that a [`Poller`] reads. Dropping it closes it.
#[derive(Debug)]
pub struct Port {
    socket: Arc<Socket>,
    token: usize,
    ports: Ports,
}

impl Port {
    /// Where it is bound.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    /// Sends one datagram, or drops it, like [`Socket::send`].
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> bool {
        self.socket.send(to, bytes)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.ports.lock().bound.remove(&self.token);
    }
}

/// A datagram that came, as [`Poller::wait`] tells it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// That of its socket.
    pub mark: u64,
    /// Where it came to.
    pub local: SocketAddr,
    /// Who sent it.
    pub from: SocketAddr,
    /// What is in it; at most [`LARGEST`] octets.
    pub bytes: &'a [u8],
}

impl Poller {
    /// One without sockets.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Alarm(mio::Waker::new(poll.registry(), WOKEN)?));
        let registry = poll.registry().try_clone()?;
        let ports = Ports(Arc::new(Shared { registry, sockets: Mutex::default() }));
        let events = Events::with_capacity(EVENTS);
        Ok(Self { poll, events, waker, ports, unread: Vec::new(), buffer: [0; LARGEST] })
    }

    /// Who binds sockets for it.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.ports.clone()
    }

    /// Ends the wait, or the next one, from any thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.waker))
    }

    /// Waits until a datagram comes, it is woken, or it is `until`, up to a millisecond later. Tells what came.
    ///
    /// # Errors
    /// What the system says; not that it was interrupted.
    pub fn wait(&mut self, until: Option<Instant>, mut tell: impl FnMut(Datagram<'_>)) -> io::Result<()> {
        let timeout = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            timeout if self.unread.is_empty() => timeout,
            _ => Some(Duration::ZERO),
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            waited => waited?,
        }
        let mut ready = std::mem::take(&mut self.unread);
        for event in &self.events {
            if event.token() != WOKEN && !ready.contains(&event.token().0) {
                ready.push(event.token().0);
            }
        }
        // The system tells of each change once, so all is read that is there.
        for token in ready.drain(..) {
            let Some((mark, socket)) = self.ports.lock().bound.get(&token).cloned() else { continue };
            let mut left = READS;
            while let Some((length, from)) = socket.try_recv(&mut self.buffer) {
                tell(Datagram { mark, local: socket.local(), from, bytes: &self.buffer[..length] });
                left -= 1;
                if left == 0 {
                    self.unread.push(token);
                    break;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    /// No test waits for longer than this.
    const LIMIT: Duration = Duration::from_secs(20);

    fn wait(poller: &mut Poller) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        let until = Instant::now() + LIMIT;
        while all.is_empty() && Instant::now() < until {
            poller.wait(Some(until), |came| all.push((came.mark, came.bytes.to_vec()))).unwrap();
        }
        all
    }

    #[test]
    fn what_comes_is_told_with_the_mark_of_its_socket() {
        let mut poller = Poller::new().unwrap();
        let ports = poller.ports();
        let (one, two) = (ports.bind(HERE, 7).unwrap(), ports.bind(HERE, 8).unwrap());
        assert!(one.send(two.local(), b"one"));
        assert_eq!(wait(&mut poller), [(8, b"one".to_vec())]);
        assert!(two.send(one.local(), b"two"));
        assert_eq!(wait(&mut poller), [(7, b"two".to_vec())]);
    }

    #[test]
    fn a_port_that_is_dropped_is_closed() {
        let mut poller = Poller::new().unwrap();
        let ports = poller.ports();
        let (one, two) = (ports.bind(HERE, 1).unwrap(), ports.bind(HERE, 2).unwrap());
        let (gone, here) = (two.local(), ports.bind(HERE, 3).unwrap());
        one.send(gone, b"unread");
        drop(two);
        assert!(std::net::UdpSocket::bind(gone).is_ok(), "its port is free");
        one.send(here.local(), b"read");
        assert_eq!(wait(&mut poller), [(3, b"read".to_vec())]);
    }

    #[test]
    fn a_flood_is_told_in_turns_and_whole() {
        let mut poller = Poller::new().unwrap();
        let (one, two) = (poller.ports().bind(HERE, 1).unwrap(), poller.ports().bind(HERE, 2).unwrap());
        let all = 2 * READS + 10;
        for number in 0..all {
            assert!(one.send(two.local(), &(number as u32).to_be_bytes()));
        }
        let mut turns = Vec::new();
        while turns.iter().sum::<usize>() < all {
            turns.push(wait(&mut poller).len());
        }
        assert_eq!(turns, [READS, READS, 10]);
    }

    #[test]
    fn who_sleeps_is_woken_from_another_thread() {
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker();
        let waked = thread::spawn(move || waker.wake());
        let begun = Instant::now();
        poller.wait(Some(begun + LIMIT), |_| panic!("nobody sent anything")).unwrap();
        waked.join().unwrap();
        assert!(begun.elapsed() < LIMIT);
    }

    #[test]
    fn it_sleeps_until_the_time_it_is_told() {
        let mut poller = Poller::new().unwrap();
        let until = Instant::now() + Duration::from_millis(3);
        poller.wait(Some(until), |_| {}).unwrap();
        assert!(Instant::now() >= until);
    }
}
