//! The thread that touches the sound system: it lists the devices when the system says that they changed, and every two
//! seconds, and opens them, which may take seconds, while packets go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    /// One that rings beside the ringer.
    Bell { ticket: u64, opened: Result<Box<dyn Playback>, PortError> },
}

enum Ask {
    List,
    /// Something changed, as the system says.
    Look,
    End,
    Open {
        role: Role,
        ticket: u64,
        id: Option<String>,
    },
    Bell {
        ticket: u64,
        id: String,
    },
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
    pub(super) fn new(mut port: Box<dyn SoundPort>, tell: UnboundedSender<Told>) -> (Self, Worker) {
        let (asks, asked) = mpsc::channel();
        let valid = Arc::new([const { AtomicU64::new(0) }; 3]);
        let changed = Arc::new(AtomicBool::new(false));
        let (ask, asked_for) = (asks.clone(), Arc::clone(&changed));
        port.watch(Arc::new(move || {
            // A flood of changes is one look.
            if !asked_for.swap(true, Ordering::SeqCst) {
                let _ = ask.send(Ask::Look);
            }
        }));
        let worker = Worker { port, asked, tell, valid: Arc::clone(&valid), changed, last: None };
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

    /// Asks for a device that rings beside the ringer, wanted until it is told.
    pub(super) fn open_bell(&mut self, id: &str) -> u64 {
        self.tickets += 1;
        let _ = self.asks.send(Ask::Bell { ticket: self.tickets, id: id.to_owned() });
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

impl Drop for Desk {
    /// The port may still hold a way to ask.
    fn drop(&mut self) {
        let _ = self.asks.send(Ask::End);
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
    /// A look is asked for.
    changed: Arc<AtomicBool>,
    last: Option<Result<Vec<PortDevice>, PortError>>,
}

impl Worker {
    fn run(mut self) {
        let mut look_at = Instant::now();
        loop {
            let wait = look_at.saturating_duration_since(Instant::now());
            let going_on = match self.asked.recv_timeout(wait) {
                Ok(ask) => {
                    if matches!(ask, Ask::List | Ask::Look) {
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
            Ask::Look => {
                self.changed.store(false, Ordering::SeqCst);
                self.look(false)
            }
            Ask::Bell { ticket, id } => {
                let opened = self.port.open_playback(Some(id));
                self.tell.send(Told::Bell { ticket: *ticket, opened }).is_ok()
            }
            Ask::End => false,
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use media::port::{DeviceKind, PortDirection};

    use super::*;
    use crate::sound::Silence;

    type Changed = Arc<dyn Fn() + Send + Sync>;

    /// A list of devices, and who is to be told that it changed.
    #[derive(Clone, Default)]
    struct Plugs(Arc<Mutex<(Vec<PortDevice>, Option<Changed>)>>);

    impl SoundPort for Plugs {
        fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
            Ok(self.0.lock().unwrap().0.clone())
        }

        fn watch(&mut self, changed: Changed) {
            self.0.lock().unwrap().1 = Some(changed);
        }

        fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
            Silence.open_capture(id)
        }

        fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
            Silence.open_playback(id)
        }
    }

    #[test]
    fn a_change_that_the_system_tells_is_looked_at() {
        let plugs = Plugs::default();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (_desk, mut worker) = Desk::new(Box::new(plugs.clone()), tell);
        worker.serve_all();
        assert!(matches!(told.try_recv(), Ok(Told::Listed(Ok(list))) if list.is_empty()));
        let changed = plugs.0.lock().unwrap().1.clone().expect("the desk wants to know");
        for id in ["one", "two"] {
            let (name, kind, direction) = (id.to_owned(), DeviceKind::Other, PortDirection::Playback);
            let device = PortDevice { id: id.into(), name, kind, direction, is_default: false };
            plugs.0.lock().unwrap().0.push(device);
            changed();
        }
        worker.serve_all();
        // Both in one look.
        assert!(matches!(told.try_recv(), Ok(Told::Listed(Ok(list))) if list.len() == 2));
        assert!(told.try_recv().is_err());
        changed();
        worker.serve_all();
        assert!(told.try_recv().is_err(), "nothing is different");
    }
}
