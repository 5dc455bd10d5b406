//! A stretch of network between two ends that run ICE: it delays and loses packets of RTP by their number, so that each
//! run has the same, and lets all else pass.
//!
//! Each end is told that the other is where the relay is.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The packets of one way are this far apart.
const EACH: f64 = 20.0;
/// In units of the timestamp of Opus.
const FRAME: u32 = 960;
/// A lateness counts from so long after the time at which the packet should have come, for senders are unpunctual too.
const GUARD: f64 = 20.0;

/// What becomes of the packets of RTP of one way, by the number of the frame of 20 ms that is in them.
#[derive(Clone)]
pub(crate) enum Fate {
    /// Each, from the very first, is as late as this says, in milliseconds, whenever it was sent; the first again after the
    /// last.
    Late(Vec<f64>),
    /// From [`Relay::begin`] on those are lost, the first again after the last; the others are on their way for so long.
    Lost(Vec<bool>, Duration),
}

/// A packet that was passed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) sequence: u16,
    pub(crate) at: Instant,
}

/// What became of one way's packets of RTP.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) passed: Vec<Passed>,
    pub(crate) lost: usize,
    /// Without the RTP header.
    pub(crate) octets: usize,
}

/// Which of the two ends.
type Side = usize;

/// A datagram on its way.
struct Due {
    at: Instant,
    to: Side,
    bytes: Vec<u8>,
    /// The sequence number of a packet that counts.
    sequence: Option<u16>,
}

/// A stretch of network. It ends when this is dropped.
pub(crate) struct Relay {
    /// Each faces one end, for which it stands for the other.
    sockets: [UdpSocket; 2],
    begun: Arc<AtomicBool>,
    tallies: Arc<Mutex<[Tally; 2]>>,
    threads: Vec<JoinHandle<()>>,
    over: Arc<AtomicBool>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        for socket in &self.sockets {
            // Wakes who waits for a datagram.
            let _ = socket.local_addr().and_then(|own| socket.send_to(&[], own));
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Relay {
    pub(crate) fn new() -> Self {
        let socket = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        Self {
            sockets: [socket(), socket()],
            begun: Arc::default(),
            tallies: Arc::default(),
            threads: Vec::new(),
            over: Arc::default(),
        }
    }

    /// A description of one end for the other, who finds it at the relay; and where the end really is.
    pub(crate) fn through(&self, of: Side, sdp: &str) -> (String, SocketAddr) {
        let stands_in = self.sockets[1 - of].local_addr().expect("it is bound").port();
        let mut place = None;
        let mut lines = Vec::new();
        for line in sdp.lines() {
            let mut words: Vec<&str> = line.split(' ').collect();
            if !line.starts_with("a=candidate:") {
                lines.push(line.to_owned());
                continue;
            }
            // RFC 8839 5.1: foundation, component, transport, priority, address, port.
            let is_ours = place.is_none()
                && words.get(2).is_some_and(|transport| transport.eq_ignore_ascii_case("udp"))
                && words.get(4) == Some(&"127.0.0.1");
            if let (true, Some(port)) = (is_ours, words.get(5).and_then(|port| port.parse::<u16>().ok())) {
                place = Some(SocketAddr::from(([127, 0, 0, 1], port)));
                let port = stands_in.to_string();
                words[5] = &port;
                lines.push(words.join(" "));
            }
        }
        (lines.join("\r\n") + "\r\n", place.unwrap_or_else(|| panic!("no candidate of 127.0.0.1 in\n{sdp}")))
    }

    /// Passes on what the ends say to each other. `fates` are those of what each says.
    pub(crate) fn join(&mut self, ends: [SocketAddr; 2], fates: [Fate; 2]) {
        let (sender, receiver) = channel();
        for (from, fate) in fates.into_iter().enumerate() {
            let way = Way {
                from,
                place: ends[from],
                socket: self.sockets[from].try_clone().expect("a handle"),
                fate,
                begun: Arc::clone(&self.begun),
                tallies: Arc::clone(&self.tallies),
                first: None,
            };
            let (sender, over) = (sender.clone(), Arc::clone(&self.over));
            self.threads.push(thread::spawn(move || way.run(&sender, &over)));
        }
        let sockets = [0, 1].map(|side: Side| self.sockets[side].try_clone().expect("a handle"));
        let tallies = Arc::clone(&self.tallies);
        self.threads.push(thread::spawn(move || deliver(&receiver, &sockets, ends, &tallies)));
    }

    /// From the next packet on some are lost, and all are counted.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// What became of what that end said.
    pub(crate) fn tally(&self, of: Side) -> Tally {
        self.tallies.lock().expect("nobody panics with it")[of].clone()
    }
}

/// What comes from one end.
struct Way {
    from: Side,
    place: SocketAddr,
    socket: UdpSocket,
    fate: Fate,
    begun: Arc<AtomicBool>,
    tallies: Arc<Mutex<[Tally; 2]>>,
    /// The first packet that counts: its timestamp, and when it came.
    first: Option<(u32, Instant)>,
}

impl Way {
    fn run(mut self, sender: &Sender<Due>, over: &AtomicBool) {
        let mut buffer = [0; 2048];
        loop {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { return };
            if over.load(Ordering::Acquire) {
                return;
            }
            let bytes = &buffer[..length];
            if from != self.place {
                continue;
            }
            let Some((at, sequence)) = self.fate_of(bytes, Instant::now()) else { continue };
            let due = Due { at, to: 1 - self.from, bytes: bytes.to_vec(), sequence };
            if sender.send(due).is_err() {
                return;
            }
        }
    }

    /// When it is passed on, and its number if it counts; `None` if it is lost.
    fn fate_of(&mut self, bytes: &[u8], now: Instant) -> Option<(Instant, Option<u16>)> {
        let way = match &self.fate {
            Fate::Late(_) => Duration::ZERO,
            Fate::Lost(_, way) => *way,
        };
        // RFC 7983 section 7: RTP and RTCP begin with 128 to 191; RFC 5761 section 4: RTCP goes on with 192 to 223.
        let is_rtp = bytes.len() > 12 && (128..192).contains(&bytes[0]) && !(192..224).contains(&bytes[1]);
        let begun = matches!(self.fate, Fate::Late(_)) || self.begun.load(Ordering::Acquire);
        if !is_rtp || !begun {
            return Some((now + way, None));
        }
        let mut tallies = self.tallies.lock().expect("nobody panics with it");
        let tally = &mut tallies[self.from];
        tally.octets += bytes.len() - 12;
        // RFC 3550 section 5.1: Chromium probes the path with packets of padding, which would thin out a burst.
        if bytes[0] & 0x20 != 0 {
            return Some((now + way, None));
        }
        let field = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (sequence, timestamp) = (field(0) as u16, field(4));
        let (first, came) = *self.first.get_or_insert((timestamp, now));
        let number = (timestamp.wrapping_sub(first) / FRAME) as usize;
        match &self.fate {
            Fate::Late(late) => {
                let after = number as f64 * EACH + GUARD + late[number % late.len()];
                Some((came + Duration::from_secs_f64(after / 1_000.0), Some(sequence)))
            }
            Fate::Lost(lost, _) if lost[number % lost.len()] => {
                tally.lost += 1;
                None
            }
            Fate::Lost(..) => Some((now + way, Some(sequence))),
        }
    }
}

/// Passes on what is due, until both ways have ended.
fn deliver(receiver: &Receiver<Due>, sockets: &[UdpSocket; 2], ends: [SocketAddr; 2], tallies: &Mutex<[Tally; 2]>) {
    // By time, and those of the same time as they came.
    let mut waiting: BTreeMap<(Instant, u64), Due> = BTreeMap::new();
    for number in 0_u64.. {
        while let Some(next) = waiting.first_entry().filter(|next| next.key().0 <= Instant::now()) {
            let Due { to, bytes, sequence, .. } = next.remove();
            // An end that has gone is no matter.
            let _ = sockets[to].send_to(&bytes, ends[to]);
            if let Some(sequence) = sequence {
                let passed = Passed { sequence, at: Instant::now() };
                tallies.lock().expect("nobody panics with it")[1 - to].passed.push(passed);
            }
        }
        let next = waiting.first_key_value().map(|((at, _), _)| at.saturating_duration_since(Instant::now()));
        match receiver.recv_timeout(next.unwrap_or(Duration::from_secs(1))) {
            Ok(due) => {
                waiting.insert((due.at, number), due);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
