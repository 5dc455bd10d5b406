//! One end of a call: the phone's own call, on a socket that is looked at when the call has its turn.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use media::{codec::Codec, offer::Policy, session::Carried};
use net::{Datagram, LARGEST};
use rand::Rng;
use rand_chacha::ChaCha12Rng;
use tokio::sync::mpsc::UnboundedSender;

use super::{FRAME, Mode, SAMPLES, Shared};
use crate::{
    contract::CallId,
    voice::{
        Happened, Ways, Wish,
        call::{Call, Making},
        network::{Network, Socket},
        sockets::Sockets,
    },
};

/// Sockets without readers of their own.
#[derive(Default)]
struct Quiet {
    bound: Option<Arc<net::Socket>>,
}

impl Network for Quiet {
    fn bind(&mut self, _: u64, _: bool) -> Result<Vec<Box<dyn Socket>>, String> {
        let socket = net::Socket::bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).map_err(|error| error.to_string())?;
        let socket = Arc::clone(self.bound.insert(Arc::new(socket)));
        Ok(vec![Box::new(socket)])
    }
}

impl Socket for Arc<net::Socket> {
    fn local(&self) -> SocketAddr {
        net::Socket::local(self)
    }

    fn send(&self, to: SocketAddr, bytes: &[u8]) {
        net::Socket::send(self, to, bytes);
    }
}

/// What the ends of a thread have in common: where they read into, and whom they tell.
pub(super) struct Reader {
    pub(super) buffer: [u8; LARGEST],
    pub(super) tell: UnboundedSender<Happened>,
}

/// One end of a call.
pub(super) struct End {
    id: u64,
    call: Call,
    socket: Arc<net::Socket>,
    mode: Mode,
    /// The frame that is said next.
    at: usize,
    /// Was any packet of it sent late?
    pub(super) late: bool,
}

impl End {
    fn new(now: Instant, id: u64, mode: Mode, shared: &Shared, rng: &mut ChaCha12Rng) -> Result<Self, String> {
        let policy = Policy { codecs: vec![Codec::Opus], ..Policy::default() };
        let ways = Ways { loopback: true, stun: Vec::new(), turn: Vec::new(), policy };
        let mut network = Quiet::default();
        let mut sockets = Sockets::bind(now, id, ways.clone(), &mut network, rng.random())?;
        sockets.taken();
        let making = Making {
            id: CallId::from(format!("c{id}")),
            sockets,
            ways,
            seeds: [rng.random(), rng.random(), rng.random()],
        };
        let mut call = Call::new(now, making)?;
        call.session.set_listening(mode == Mode::Opus);
        let socket = network.bound.expect("it was bound just now");
        Ok(Self { id, call, socket, mode, at: rng.random_range(0..shared.voice.len()), late: false })
    }

    /// Both ends of a call that have agreed, the first with the even number `id`.
    ///
    /// # Errors
    /// Why there is no call, in words.
    pub(super) fn pair(id: u64, mode: Mode, shared: &Shared, rng: &mut ChaCha12Rng) -> Result<[Self; 2], String> {
        let now = Instant::now();
        let mut ends = [Self::new(now, id, mode, shared, rng)?, Self::new(now, id + 1, mode, shared, rng)?];
        let offer = ends[0].call.offer(Wish::Talk);
        let answer = ends[1].call.answer(now, &offer, Wish::Talk).map(|(sdp, _)| sdp);
        let answer = answer.map_err(|error| error.to_string())?;
        ends[0].call.accept(now, &answer).map_err(|error| error.to_string())?;
        Ok(ends)
    }

    /// Can sound flow?
    pub(super) fn is_secure(&self) -> bool {
        !self.call.is_checking()
    }

    /// Lets sound out.
    pub(super) fn talk(&mut self) {
        self.call.talk(true);
    }

    /// Reads what has come and does what is due.
    pub(super) fn work(&mut self, now: Instant, reader: &mut Reader) {
        while let Some((length, from)) = self.socket.try_recv(&mut reader.buffer) {
            let bytes = &reader.buffer[..length];
            self.call.take(now, &Datagram { mark: self.id, local: self.socket.local(), from, bytes });
        }
        self.call.work(now, &reader.tell);
    }

    /// Has its turn: the packet that was due at `due`, and half of a frame to hear. Gives how late it was sent.
    pub(super) fn speak(&mut self, due: Instant, shared: &Shared, reader: &mut Reader) -> Duration {
        let now = Instant::now();
        match self.mode {
            Mode::Opus => self.call.session.capture(now, &shared.voice[self.at]),
            Mode::Encoded => drop(self.call.session.forward(now, &shared.encoded[self.at])),
        }
        self.at = (self.at + 1) % shared.voice.len();
        self.listen(now, reader);
        let late = Instant::now().saturating_duration_since(due);
        self.late |= late >= FRAME;
        late
    }

    /// Has its turn between two packets: half of a frame to hear.
    pub(super) fn listen(&mut self, now: Instant, reader: &mut Reader) {
        self.work(now, reader);
        if self.mode == Mode::Opus {
            self.call.session.playout(now, &mut [0.0; SAMPLES / 2]);
        }
    }

    /// What it carried.
    pub(super) fn carried(&self) -> Carried {
        self.call.session.carried()
    }

    /// Hangs up.
    pub(super) fn close(self, now: Instant, reader: &Reader) {
        self.call.close(now, &reader.tell);
    }
}
