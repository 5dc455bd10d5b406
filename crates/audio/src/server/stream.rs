//! Streams of a sound server. No thread waits for what the server says: whoever reads or writes a stream looks, some hundred
//! times a second, for to wake a thread costs more than to move the sound.

mod microphone;
mod speaker;

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use media::{
    RATE,
    port::{Health, PortError},
    resample::DEVICE_RATES,
};
use pulseaudio::protocol::{
    self, Command, CommandReply, DESCRIPTOR_SIZE, LatencyParams, MAX_MEMBLOCKQ_LENGTH, Prop, Props, ProtocolError,
    PulseError, SampleFormat, SampleSpec, TagStructReader, stream::StreamFlags,
};

pub(crate) use self::{microphone::Microphone, speaker::Speaker};
use super::{Known, Link};
use crate::watch::{Failure, Pulse, Watch};

/// The server gives the sound of a microphone, and takes that of a speaker, in pieces of this length.
const PERIOD: Duration = Duration::from_millis(5);
/// The server is asked how long samples are on their way each time so many of them went by.
const ASKED: Duration = Duration::from_millis(500);
/// What is older than that is worth nothing.
const OLD: Duration = Duration::from_millis(250);
/// Bytes of a sample. All are `f32` here, whatever the device has: the server converts without loss.
const SAMPLE: usize = size_of::<f32>();
/// Read at once; and so often before the sound that goes out has its turn again.
const PIECE: usize = 16 * 1024;
const READS: usize = 64;

/// A device's own rate and channels, for the phone converts better than the server; but a rate that no phone knows is the
/// server's to convert.
fn spec(device: &Known) -> SampleSpec {
    let own = device.spec;
    let sample_rate = if DEVICE_RATES.contains(&own.sample_rate) { own.sample_rate } else { RATE };
    SampleSpec { format: SampleFormat::Float32Le, channels: own.channels, sample_rate }
}

/// How many bytes last so long.
fn bytes(spec: SampleSpec, time: Duration) -> u32 {
    let frames = u64::from(spec.sample_rate) * time.as_millis() as u64 / 1_000;
    u32::try_from(frames * u64::from(spec.channels) * SAMPLE as u64).unwrap_or(u32::MAX)
}

fn flags() -> StreamFlags {
    // Where its device went, a stream ends. The server would move it to another one, and what was said in a headset would
    // come from loud speakers (R17). The device is asked to work in pieces as long as ours.
    StreamFlags { no_move: true, early_requests: true, ..StreamFlags::default() }
}

fn props() -> Props {
    let mut props = Props::new();
    props.set(Prop::MediaName, c"Call");
    // Music makes way for a call, where the person's system has it so.
    props.set(Prop::MediaRole, c"phone");
    props
}

/// Our end of a stream. It ends when this is dropped.
struct Wire {
    socket: UnixStream,
    version: u16,
    /// The number of the last command.
    sent: u32,
    channel: u32,
    spec: SampleSpec,
    device: String,
    /// What the server said, up to the middle of a message.
    said: Vec<u8>,
    /// Where it is read into: to clear it for each look would cost more than to read.
    piece: Box<[u8; PIECE]>,
    /// What it has not taken yet.
    unsent: Vec<u8>,
    /// Bytes of sound that may go by before the latency is asked for.
    unasked: usize,
    pulse: Arc<Pulse>,
    watch: Watch,
    /// When it was looked for what the server says.
    looked: Option<Instant>,
}

/// What the server says to a stream.
enum Event<'a, L> {
    /// Here is sound.
    Sound(&'a [u8]),
    /// So many bytes more are wanted.
    Wanted(u32),
    /// There was nothing to play after so many bytes.
    Dry(i64),
    /// Samples are so long on their way.
    Latency(L),
}

impl Drop for Wire {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Wire {
    fn new(link: Link, channel: u32, spec: SampleSpec, device: String) -> io::Result<Self> {
        let (version, sent, said) = (link.version, link.sent, link.socket.buffer().to_vec());
        let socket = link.socket.into_inner();
        socket.set_nonblocking(true)?;
        let pulse = Arc::default();
        let watch = Watch::new(Arc::clone(&pulse));
        let (piece, unsent, unasked, looked) = (Box::new([0; PIECE]), Vec::new(), 0, None);
        Ok(Self { socket, version, sent, channel, spec, device, said, piece, unsent, unasked, pulse, watch, looked })
    }

    /// Takes all that the server has said by now; once for each time.
    fn look<L: CommandReply>(&mut self, now: Instant, take: impl FnMut(Event<'_, L>)) {
        if self.looked.replace(now) != Some(now) && !self.pulse.has_failed() {
            let mut said = std::mem::take(&mut self.said);
            if let Err(error) = self.hear(&mut said, take) {
                self.lose(&error);
            }
            self.said = said;
        }
    }

    fn hear<L: CommandReply>(
        &mut self,
        said: &mut Vec<u8>,
        mut take: impl FnMut(Event<'_, L>),
    ) -> Result<(), ProtocolError> {
        for _ in 0..READS {
            let length = match self.socket.read(&mut self.piece[..]) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            said.extend_from_slice(&self.piece[..length]);
            let mut at = 0;
            while let Some((channel, message)) = message(&said[at..])? {
                at += DESCRIPTOR_SIZE + message.len();
                if channel == self.channel {
                    self.pulse.beat();
                    take(Event::Sound(message));
                } else if channel == u32::MAX
                    && let Some(event) = self.event(message)?
                {
                    take(event);
                }
            }
            said.drain(..at);
            if length < PIECE {
                break;
            }
        }
        Ok(())
    }

    /// What a command tells a stream.
    fn event<L: CommandReply>(&self, message: &[u8]) -> Result<Option<Event<'static, L>>, ProtocolError> {
        let mut rest = io::Cursor::new(message);
        let command = match Command::read_tag_prefixed(&mut rest, self.version) {
            Ok((_, command)) => command,
            // A newer server has more to say.
            Err(ProtocolError::Unimplemented(..)) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(match command {
            Command::Request(request) => {
                self.pulse.beat();
                Some(Event::Wanted(request.length))
            }
            Command::Underflow(dry) => Some(Event::Dry(dry.offset)),
            Command::Reply => Some(Event::Latency(TagStructReader::new(&mut rest, self.version).read()?)),
            Command::Error(error) => return Err(ProtocolError::ServerError(error)),
            // Not every server leaves a stream where it is.
            Command::PlaybackStreamKilled(_)
            | Command::RecordStreamKilled(_)
            | Command::PlaybackStreamMoved(_)
            | Command::RecordStreamMoved(_) => return Err(ProtocolError::ServerError(PulseError::Killed)),
            _ => None,
        })
    }

    /// So many bytes of sound went by. Asks now and then how long they are on their way; says whether it did.
    fn ask_latency(&mut self, bytes: usize, command: fn(LatencyParams) -> Command) -> bool {
        let Some(left) = self.unasked.checked_sub(bytes) else {
            self.unasked = self::bytes(self.spec, ASKED) as usize;
            self.sent = self.sent.wrapping_add(1);
            // The time is handed back, and nobody asks how long the answer took.
            let ask = command(LatencyParams { channel: self.channel, now: SystemTime::UNIX_EPOCH });
            match protocol::write_command_message(&mut self.unsent, self.sent, &ask, self.version) {
                Ok(()) => self.flush(),
                Err(error) => self.lose(&error),
            }
            return true;
        };
        self.unasked = left;
        false
    }

    /// Sends what the server takes now.
    fn flush(&mut self) {
        while !self.unsent.is_empty() && !self.pulse.has_failed() {
            match self.socket.write(&self.unsent) {
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => self.lose(&error.into()),
            }
        }
    }

    fn lose(&self, error: &ProtocolError) {
        // The first word is kept.
        let _ = self.pulse.fail(Failure::Worded(PortError::Gone(error.to_string())));
    }

    fn health(&mut self, now: Instant) -> Health {
        self.watch.health(now)
    }

    /// Samples were `device` microseconds in the device and wait behind `bytes` more.
    fn tell_latency(&self, device: u64, bytes: i64) {
        let bytes = usize::try_from(bytes).unwrap_or(0);
        self.pulse.tell_latency(Duration::from_micros(device).checked_add(self.spec.bytes_to_duration(bytes)));
    }

    /// Bytes of a frame.
    fn frame(&self) -> usize {
        usize::from(self.spec.channels) * SAMPLE
    }
}

/// The first message of what was said, and its channel: that of a stream, or of commands, which is the highest. Nothing
/// before the whole of it is there.
fn message(said: &[u8]) -> Result<Option<(u32, &[u8])>, ProtocolError> {
    let Some((mut about, rest)) = said.split_at_checked(DESCRIPTOR_SIZE) else { return Ok(None) };
    let about = protocol::read_descriptor(&mut about)?;
    let length = usize::try_from(about.length).unwrap_or(usize::MAX);
    if length > MAX_MEMBLOCKQ_LENGTH {
        return Err(ProtocolError::Invalid(format!("a message of {length} bytes")));
    }
    Ok(rest.get(..length).map(|message| (about.channel, message)))
}

#[cfg(test)]
mod tests;
