//! What PulseAudio tells of devices, where cpal tells nothing. When a device goes, the server moves its streams to another
//! one without a word to them: a call in a headset would go on from loud speakers (R17). So the streams of a device that
//! went are lost here, within milliseconds, and whoever lists devices is woken.

use std::{
    ffi::CString,
    io::{self, BufReader},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use media::port::PortError;
use pulseaudio::protocol::{
    self, Command, CommandReply, LookupReply, ProtocolError, SubscriptionEvent, SubscriptionEventFacility as Facility,
    SubscriptionEventType as Kind, SubscriptionMask,
};

use crate::{open::End, watch::Pulse};

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A server that is not there is looked for again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens to the server until it is dropped.
pub(crate) struct Events {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    streams: Mutex<Vec<Stream>>,
    changed: Arc<dyn Fn() + Send + Sync>,
    socket: Mutex<Option<UnixStream>>,
    ended: AtomicBool,
}

/// A stream and the number that the server knows its device by: a device that goes and comes again has another one.
struct Stream {
    end: End,
    device: u32,
    pulse: Weak<Pulse>,
}

impl Events {
    /// Starts a thread that calls `changed` whenever a device comes or goes or another one becomes the default.
    pub(crate) fn start(changed: Arc<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            streams: Mutex::default(),
            changed,
            socket: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("sound-events".into()).spawn(move || own.run())?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// What tells streams of this moment on that their device went.
    pub(crate) fn guard(&self) -> Guard {
        Guard(Arc::clone(&self.shared))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(socket) = &*lock(&self.shared.socket) {
            // It may be closed already.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        self.thread.unpark();
    }
}

/// Where streams are entered.
pub(crate) struct Guard(Arc<Shared>);

impl Guard {
    /// Enters a stream that is about to be opened on the device of this id.
    pub(crate) fn enter(&self, end: End, id: &str, pulse: &Arc<Pulse>) {
        match lookup(end, id) {
            Ok(device) => {
                let mut streams = lock(&self.0.streams);
                streams.retain(|stream| stream.pulse.strong_count() > 0);
                streams.push(Stream { end, device, pulse: Arc::downgrade(pulse) });
            }
            // It may be gone already, which opening it will tell, or a device of another sound system.
            Err(error) => tracing::debug!(id, %error, "a sound device is not known to the server"),
        }
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
        let mut link = Link::open()?;
        *lock(&self.socket) = Some(link.socket.get_ref().try_clone()?);
        let wanted = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        link.send(2, &Command::Subscribe(wanted))?;
        protocol::read_ack_message(&mut link.socket)?;
        link.socket.get_ref().set_read_timeout(None)?;
        // What happened before that was told to nobody.
        (self.changed)();
        while !self.ended.load(Ordering::SeqCst) {
            if let (_, Command::SubscribeEvent(event)) = protocol::read_command_message(&mut link.socket, link.version)?
            {
                self.happened(event);
            }
        }
        Ok(())
    }

    fn happened(&self, event: SubscriptionEvent) {
        let end = match (event.event_facility, event.event_type) {
            (Facility::Sink, Kind::New | Kind::Removed) => Some(End::Output),
            (Facility::Source, Kind::New | Kind::Removed) => Some(End::Input),
            (Facility::Server, _) => None,
            // The loudness of a device, and the like.
            _ => return,
        };
        if event.event_type == Kind::Removed {
            let streams = lock(&self.streams);
            let hit = streams.iter().filter(|stream| Some(stream.end) == end && Some(stream.device) == event.index);
            for pulse in hit.filter_map(|stream| stream.pulse.upgrade()) {
                pulse.fail(|| PortError::Gone("the sound server removed it".into()));
            }
        }
        (self.changed)();
    }
}

/// A connection to the server.
struct Link {
    socket: BufReader<UnixStream>,
    version: u16,
}

impl Link {
    fn open() -> Result<Self, ProtocolError> {
        let path = pulseaudio::socket_path_from_env().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut link = Self { socket: BufReader::new(socket), version: protocol::MAX_VERSION };
        let auth =
            protocol::AuthParams { version: protocol::MAX_VERSION, supports_shm: false, supports_memfd: false, cookie };
        let reply: protocol::AuthReply = link.ask(0, &Command::Auth(auth))?;
        link.version = reply.version.min(protocol::MAX_VERSION);
        let mut about = protocol::Props::new();
        about.set(protocol::Prop::ApplicationName, CString::from(c"Bellbird"));
        let _: protocol::SetClientNameReply = link.ask(1, &Command::SetClientName(about))?;
        Ok(link)
    }

    fn send(&mut self, number: u32, command: &Command) -> Result<(), ProtocolError> {
        protocol::write_command_message(self.socket.get_mut(), number, command, self.version)
    }

    fn ask<R: CommandReply>(&mut self, number: u32, command: &Command) -> Result<R, ProtocolError> {
        self.send(number, command)?;
        Ok(protocol::read_reply_message(&mut self.socket, self.version)?.1)
    }
}

/// The number of a device now.
fn lookup(end: End, id: &str) -> Result<u32, ProtocolError> {
    let name = id.strip_prefix("pulseaudio:").and_then(|name| CString::new(name).ok());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let command = if end == End::Input { Command::LookupSource(name) } else { Command::LookupSink(name) };
    Link::open()?.ask::<LookupReply>(2, &command).map(|reply| reply.0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // It is whole after a panic of another holder, too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
