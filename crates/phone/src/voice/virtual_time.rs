//! The media thread without its thread, its clock and its sockets: the same room on virtual time, for the simulation of
//! whole calls. The sound desk does what it is asked at once.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use media::port::SoundPort;
use net::Datagram;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    desk::{Desk, Told, Worker},
    network::{Network, Socket},
    order::{Happened, Order},
    thread::Room,
};

/// A datagram that was sent: from, to, octets.
pub(crate) type Sent = (SocketAddr, SocketAddr, Vec<u8>);

/// The sockets of one machine in memory.
#[derive(Default)]
struct Wires {
    address: Option<IpAddr>,
    /// The port that was given last.
    port: u16,
    /// What is bound, and the number of the set it belongs to.
    bound: BTreeMap<SocketAddr, u64>,
    sent: Vec<Sent>,
}

#[derive(Clone, Default)]
struct Machine(Arc<Mutex<Wires>>);

impl Machine {
    fn lock(&self) -> MutexGuard<'_, Wires> {
        self.0.lock().expect("no holder panics")
    }
}

impl Network for Machine {
    fn bind(&mut self, id: u64, _loopback: bool) -> Result<Vec<Box<dyn Socket>>, String> {
        let mut wires = self.lock();
        let address = wires.address.ok_or("this machine has no network address")?;
        wires.port += 1;
        let local = SocketAddr::new(address, 20_000 + wires.port);
        wires.bound.insert(local, id);
        Ok(vec![Box::new(Wire { machine: self.clone(), local })])
    }
}

struct Wire {
    machine: Machine,
    local: SocketAddr,
}

impl Socket for Wire {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send(&self, to: SocketAddr, bytes: &[u8]) {
        self.machine.lock().sent.push((self.local, to, bytes.to_vec()));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.machine.lock().bound.remove(&self.local);
    }
}

/// A media thread on virtual time.
pub(crate) struct VirtualVoice {
    room: Room,
    worker: Worker,
    desk: UnboundedReceiver<Told>,
    happened: UnboundedReceiver<Happened>,
    machine: Machine,
}

impl VirtualVoice {
    /// On a machine with this address.
    pub(crate) fn new(port: Box<dyn SoundPort>, seed: [u8; 32], address: IpAddr) -> Self {
        let machine = Machine::default();
        machine.lock().address = Some(address);
        let (tell, happened) = unbounded_channel();
        let (desk_in, desk_told) = unbounded_channel();
        let (desk, worker) = Desk::new(port, desk_in);
        let room = Room::new(Box::new(machine.clone()), desk, seed, tell);
        Self { room, worker, desk: desk_told, happened, machine }
    }

    /// Takes an order, as the thread's loop does.
    pub(crate) fn order(&mut self, now: Instant, order: Order) {
        self.room.obey(now, order);
        self.work(now);
    }

    /// Takes a datagram; one for a socket that is not bound is lost.
    pub(crate) fn take(&mut self, now: Instant, local: SocketAddr, from: SocketAddr, bytes: &[u8]) {
        let bound = self.machine.lock().bound.get(&local).copied();
        if let Some(mark) = bound {
            self.room.take(now, &Datagram { mark, local, from, bytes });
            self.work(now);
        }
    }

    /// Does what is due.
    pub(crate) fn work(&mut self, now: Instant) {
        self.room.work(now);
        loop {
            self.worker.serve_all();
            let Ok(told) = self.desk.try_recv() else { return };
            self.room.told(now, told);
            self.room.work(now);
        }
    }

    /// When [`Self::work`] is due.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        self.room.deadline()
    }

    /// The next thing that happened.
    pub(crate) fn happened(&mut self) -> Option<Happened> {
        self.happened.try_recv().ok()
    }

    /// What was sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.machine.lock().sent)
    }

    /// The machine has another address: sockets are bound on that one from now on.
    pub(crate) fn moves(&mut self, address: IpAddr) {
        self.machine.lock().address = Some(address);
    }

    /// How many sockets are bound and how many calls there are.
    pub(crate) fn live(&self) -> (usize, usize) {
        (self.machine.lock().bound.len(), self.room.calls())
    }
}
