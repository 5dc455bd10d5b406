//! The thread that touches the sound system: it lists the devices every two seconds and opens them, which may take
//! seconds, while packets go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use media::port::{Capture, Playback, PortDevice, PortError, SoundPort};
use tokio::sync::mpsc::UnboundedSender;

use crate::contract::Role;

/// Between two looks at the list of devices.
const POLL: Duration = Duration::from_secs(2);

/// What the desk found or opened.
pub(super) enum Told {
    /// The list of devices, when it changed or was asked for.
    Listed(Result<Vec<PortDevice>, PortError>),
    /// A microphone, or why there is none, under the number it was asked for by.
    Microphone { ticket: u64, opened: Result<Box<dyn Capture>, PortError> },
    /// A speaker or ringer, likewise.
    Speaker { role: Role, ticket: u64, opened: Result<Box<dyn Playback>, PortError> },
}

enum Ask {
    List,
    Open { role: Role, ticket: u64, id: Option<String> },
}

/// Our side of the thread. It ends when this is dropped.
pub(super) struct Desk {
    asks: mpsc::Sender<Ask>,
    valid: Arc<[AtomicU64; 3]>,
    tickets: u64,
}

impl Desk {
    /// Starts the thread.
    pub(super) fn start(port: Box<dyn SoundPort>, tell: UnboundedSender<Told>) -> std::io::Result<Self> {
        let (own, worker) = Self::new(port, tell);
        thread::Builder::new().name("sound-desk".into()).spawn(move || worker.run())?;
        Ok(own)
    }

    /// Both sides, and no thread.
    pub(super) fn new(port: Box<dyn SoundPort>, tell: UnboundedSender<Told>) -> (Self, Worker) {
        let (asks, asked) = mpsc::channel();
        let valid = Arc::new([const { AtomicU64::new(0) }; 3]);
        let worker = Worker { port, asked, tell, valid: Arc::clone(&valid), last: None };
        (Self { asks, valid, tickets: 0 }, worker)
    }

    /// Asks for a device; what was asked for this role before is not wanted any more.
    pub(super) fn open(&mut self, role: Role, id: Option<String>) -> u64 {
        self.tickets += 1;
        self.valid[index(role)].store(self.tickets, Ordering::SeqCst);
        // When the thread has ended, nothing is opened; the devices stay closed.
        let _ = self.asks.send(Ask::Open { role, ticket: self.tickets, id });
        self.tickets
    }

    /// What was asked for this role is not wanted any more: it is not opened, or closed at once.
    pub(super) fn cancel(&self, role: Role) {
        self.valid[index(role)].store(0, Ordering::SeqCst);
    }

    /// Asks for the list, changed or not.
    pub(super) fn list(&self) {
        let _ = self.asks.send(Ask::List);
    }
}

const fn index(role: Role) -> usize {
    match role {
        Role::Mic => 0,
        Role::Speaker => 1,
        Role::Ringer => 2,
    }
}

/// The thread's side.
pub(super) struct Worker {
    port: Box<dyn SoundPort>,
    asked: mpsc::Receiver<Ask>,
    tell: UnboundedSender<Told>,
    valid: Arc<[AtomicU64; 3]>,
    last: Option<Result<Vec<PortDevice>, PortError>>,
}

impl Worker {
    fn run(mut self) {
        let mut look_at = Instant::now();
        loop {
            let wait = look_at.saturating_duration_since(Instant::now());
            let going_on = match self.asked.recv_timeout(wait) {
                Ok(ask) => {
                    if matches!(ask, Ask::List) {
                        look_at = Instant::now() + POLL;
                    }
                    self.serve(&ask)
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    look_at = Instant::now() + POLL;
                    self.look(false)
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => false,
            };
            if !going_on {
                return;
            }
        }
    }

    /// Does what was asked up to now, after a first look, without any thread.
    #[cfg(test)]
    pub(super) fn serve_all(&mut self) {
        if self.last.is_none() {
            self.look(false);
        }
        while let Ok(ask) = self.asked.try_recv() {
            self.serve(&ask);
        }
    }

    fn serve(&mut self, ask: &Ask) -> bool {
        match ask {
            Ask::List => self.look(true),
            Ask::Open { role, ticket, id } => self.open(*role, *ticket, id.as_deref()),
        }
    }

    fn look(&mut self, asked: bool) -> bool {
        let listed = self.port.devices();
        if !asked && self.last.as_ref() == Some(&listed) {
            return !self.tell.is_closed();
        }
        self.last = Some(listed.clone());
        self.tell.send(Told::Listed(listed)).is_ok()
    }

    /// A microphone that nobody waits for any more must not stay open while this is told (S15).
    fn open(&mut self, role: Role, ticket: u64, id: Option<&str>) -> bool {
        let valid = Arc::clone(&self.valid);
        let wanted = || valid[index(role)].load(Ordering::SeqCst) == ticket;
        if !wanted() {
            return true;
        }
        let told = match role {
            Role::Mic => Told::Microphone { ticket, opened: self.port.open_capture(id) },
            Role::Speaker | Role::Ringer => Told::Speaker { role, ticket, opened: self.port.open_playback(id) },
        };
        if !wanted() {
            return true;
        }
        self.tell.send(told).is_ok()
    }
}
