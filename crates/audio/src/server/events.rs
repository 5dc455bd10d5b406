//! Tells whoever lists devices that there are others now.

use std::{
    io,
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use pulseaudio::protocol::{
    self, Command, ProtocolError, SubscriptionEventFacility as Facility, SubscriptionEventType as Kind,
    SubscriptionMask,
};

use super::Link;

/// A server that is not there is looked for again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens to the server until it is dropped.
pub(crate) struct Events {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    changed: Arc<dyn Fn() + Send + Sync>,
    socket: Mutex<Option<UnixStream>>,
    ended: AtomicBool,
}

impl Events {
    /// Starts a thread that calls `changed` whenever a device comes or goes or another one becomes the default.
    pub(crate) fn start(changed: Arc<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let shared = Arc::new(Shared { changed, socket: Mutex::default(), ended: AtomicBool::new(false) });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("sound-events".into()).spawn(move || own.run())?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(socket) = &*self.shared.socket() {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.thread.unpark();
    }
}

impl Shared {
    fn run(&self) {
        while !self.ended.load(Ordering::SeqCst) {
            if let Err(error) = self.follow() {
                tracing::debug!(%error, "the sound server tells nothing");
                thread::park_timeout(AGAIN);
            }
        }
    }

    fn follow(&self) -> Result<(), ProtocolError> {
        let mut link = Link::try_open()?;
        let wanted = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        link.send(&Command::Subscribe(wanted))?;
        protocol::read_ack_message(&mut link.socket)?;
        *self.socket() = Some(link.handle()?);
        // What happened before that was told to nobody.
        (self.changed)();
        while !self.ended.load(Ordering::SeqCst) {
            if let (_, Command::SubscribeEvent(event)) = protocol::read_command_message(&mut link.socket, link.version)?
                // The loudness of a device, and the like, change nothing.
                && (event.event_facility == Facility::Server || event.event_type != Kind::Changed)
            {
                (self.changed)();
            }
        }
        Ok(())
    }

    fn socket(&self) -> MutexGuard<'_, Option<UnixStream>> {
        // It is whole after a panic of another holder, too.
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
