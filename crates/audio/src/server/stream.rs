//! Streams of a sound server: a thread each, which waits for what the server says and calls back.

use std::{
    convert::Infallible,
    io::{Cursor, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use media::{RATE, port::PortError, resample::DEVICE_RATES};
use pulseaudio::protocol::{
    Command, CommandReply, CreatePlaybackStreamReply, CreateRecordStreamReply, DESCRIPTOR_SIZE, Descriptor,
    DescriptorFlags, LatencyParams, MAX_MEMBLOCKQ_LENGTH, PlaybackLatency, PlaybackStreamParams, Prop, Props,
    ProtocolError, PulseError, RecordLatency, RecordStreamParams, SampleFormat, SampleSpec, TagStructReader,
    encode_descriptor,
    stream::{BufferAttr, StreamFlags},
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{Known, Link, word};
use crate::{
    callback,
    open::{End, Opened},
    priority,
    watch::Pulse,
};

/// A microphone gives and a speaker takes this much at once; of what is played the server keeps twice as much.
const PERIOD: Duration = Duration::from_millis(5);
/// Some servers give the sound of a microphone in pieces of half a millisecond. After one that is so much shorter than a
/// period nothing is read for a moment, so that what has come meanwhile is read at once: two thousand wakings in a second
/// cost more than all else in a call.
const PAUSE: Duration = Duration::from_millis(4);
/// The server is asked how long samples are on their way each time so many of them went by.
const ASKED: Duration = Duration::from_millis(500);
/// Bytes of a sample. All are `f32` here, whatever the device has: the server converts without loss.
const SAMPLE: usize = size_of::<f32>();

/// Opens the microphone of that id, or the default one.
///
/// # Errors
/// What the server says of the device.
pub(crate) fn open_capture(mut link: Link, id: Option<&str>) -> Result<Opened<Consumer<f32>>, PortError> {
    let device = link.find(End::Input, id)?;
    let spec = spec(&device);
    let params = RecordStreamParams {
        sample_spec: spec,
        channel_map: device.map,
        source_index: Some(device.index),
        buffer_attr: BufferAttr { fragment_size: bytes(spec, PERIOD), ..BufferAttr::default() },
        flags: flags(),
        props: props(),
        ..RecordStreamParams::default()
    };
    let reply: CreateRecordStreamReply = link.ask(&Command::CreateRecordStream(params)).map_err(word)?;
    // A quarter of a second: what is older than that is worth nothing.
    let (into, ring) = RingBuffer::new(spec.sample_rate as usize / 4);
    Wire::new(link, reply.channel, spec).start("sound-in", device, ring, |wire| listen(wire, into))
}

/// Opens the speaker of that id, or the default one.
///
/// # Errors
/// What the server says of the device.
pub(crate) fn open_playback(mut link: Link, id: Option<&str>) -> Result<Opened<Producer<f32>>, PortError> {
    let device = link.find(End::Output, id)?;
    let spec = spec(&device);
    let block = bytes(spec, PERIOD);
    let params = PlaybackStreamParams {
        sample_spec: spec,
        channel_map: device.map,
        sink_index: Some(device.index),
        buffer_attr: BufferAttr { target_length: 2 * block, minimum_request_length: block, ..BufferAttr::default() },
        flags: flags(),
        props: props(),
        ..PlaybackStreamParams::default()
    };
    let reply: CreatePlaybackStreamReply = link.ask(&Command::CreatePlaybackStream(params)).map_err(word)?;
    // One channel, a quarter of a second: 200 ms of anything is never queued, and the writer watches the filling.
    let (ring, from) = RingBuffer::new(spec.sample_rate as usize / 4);
    let wanted = reply.requested_bytes;
    Wire::new(link, reply.channel, spec).start("sound-out", device, ring, move |wire| speak(wire, from, wanted))
}

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
    // come from loud speakers (R17).
    StreamFlags { no_move: true, adjust_latency: true, ..StreamFlags::default() }
}

fn props() -> Props {
    let mut props = Props::new();
    props.set(Prop::MediaName, c"Call");
    // Music makes way for a call, where the person's system has it so.
    props.set(Prop::MediaRole, c"phone");
    props
}

/// Ends its stream when it is dropped.
struct Stream(UnixStream);

impl Drop for Stream {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The thread's end of a stream.
struct Wire {
    link: Link,
    channel: u32,
    spec: SampleSpec,
    pulse: Arc<Pulse>,
    message: Vec<u8>,
    /// Bytes that may go by before the latency is asked for.
    unasked: usize,
}

/// What the server says to a stream.
enum Event<L> {
    /// Here is sound, in `message`.
    Sound,
    /// So many bytes are wanted.
    Wanted(u32),
    /// Samples are so long on their way.
    Latency(L),
}

impl Wire {
    fn new(link: Link, channel: u32, spec: SampleSpec) -> Self {
        Self { link, channel, spec, pulse: Arc::default(), message: Vec::new(), unasked: 0 }
    }

    fn start<R>(
        self,
        name: &str,
        device: Known,
        ring: R,
        run: impl FnOnce(Self) -> Result<Infallible, ProtocolError> + Send + 'static,
    ) -> Result<Opened<R>, PortError> {
        let failed = |error: std::io::Error| PortError::Failed(error.to_string());
        // The thread may be in the middle of a read, or the stream may be kept when the thread has ended: both may close it.
        let [stream, last] = [self.link.handle().map_err(failed)?, self.link.handle().map_err(failed)?].map(Stream);
        let (pulse, rate) = (Arc::clone(&self.pulse), self.spec.sample_rate);
        let own = Arc::clone(&pulse);
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            priority::raise();
            let Err(error) = run(self);
            own.fail(|| PortError::Gone(error.to_string()));
            drop(last);
        });
        thread.map_err(failed)?;
        Ok(Opened { stream: Box::new(stream), rate, period: PERIOD, device: device.id, pulse, ring })
    }

    /// Waits until the server says something of interest.
    fn next<L: CommandReply>(&mut self) -> Result<Event<L>, ProtocolError> {
        loop {
            let channel = self.link.wait(&mut self.message)?;
            if channel == self.channel {
                return Ok(Event::Sound);
            } else if channel != u32::MAX {
                continue;
            }
            let mut rest = Cursor::new(self.message.as_slice());
            let command = match Command::read_tag_prefixed(&mut rest, self.link.version) {
                Ok((_, command)) => command,
                // A newer server has more to say.
                Err(ProtocolError::Unimplemented(..)) => continue,
                Err(error) => return Err(error),
            };
            match command {
                Command::Request(request) => return Ok(Event::Wanted(request.length)),
                Command::Reply => {
                    return TagStructReader::new(&mut rest, self.link.version).read().map(Event::Latency);
                }
                Command::Error(error) => return Err(ProtocolError::ServerError(error)),
                // Not every server leaves a stream where it is.
                Command::PlaybackStreamKilled(_)
                | Command::RecordStreamKilled(_)
                | Command::PlaybackStreamMoved(_)
                | Command::RecordStreamMoved(_) => return Err(ProtocolError::ServerError(PulseError::Killed)),
                _ => {}
            }
        }
    }

    /// So many bytes went by. Asks now and then how long samples are on their way.
    fn ask_latency(&mut self, bytes: usize, command: fn(LatencyParams) -> Command) -> Result<(), ProtocolError> {
        let Some(left) = self.unasked.checked_sub(bytes) else {
            self.unasked = self::bytes(self.spec, ASKED) as usize;
            // The time is handed back, and nobody asks how long the answer took.
            self.link.send(&command(LatencyParams { channel: self.channel, now: SystemTime::UNIX_EPOCH }))?;
            return Ok(());
        };
        self.unasked = left;
        Ok(())
    }

    /// Samples were `device` microseconds in the device and wait behind `bytes` more.
    fn tell_latency(&self, device: u64, bytes: i64) {
        let bytes = usize::try_from(bytes).unwrap_or(0);
        self.pulse.tell_latency(Duration::from_micros(device).checked_add(self.spec.bytes_to_duration(bytes)));
    }
}

fn listen(mut wire: Wire, mut into: Producer<f32>) -> Result<Infallible, ProtocolError> {
    let (mut samples, block) = (Vec::new(), bytes(wire.spec, PERIOD));
    let (piece, frame) = (block as usize / 4, usize::from(wire.spec.channels) * SAMPLE);
    loop {
        match wire.next::<RecordLatency>()? {
            Event::Sound => {
                samples.clear();
                let fours = wire.message.as_chunks::<SAMPLE>().0;
                samples.extend(fours.iter().map(|four| f32::from_le_bytes(*four)));
                callback::hear(&samples, usize::from(wire.spec.channels), &mut into, &wire.pulse);
                let there = into.buffer().capacity() - into.slots();
                wire.pulse.alarm.tell(there);
                wire.ask_latency(wire.message.len(), Command::GetRecordLatency)?;
                if wire.message.len() < piece && wire.link.socket.buffer().is_empty() {
                    // Unless somebody waits for what comes sooner.
                    let missing = wire.pulse.alarm.missing(there).map(|frames| frames * frame);
                    thread::sleep(missing.map_or(PAUSE, |bytes| PAUSE.min(wire.spec.bytes_to_duration(bytes))));
                }
            }
            // The first of a block waits for its last.
            Event::Latency(at) => {
                wire.tell_latency(at.source_usec, at.write_offset - at.read_offset + i64::from(block))
            }
            Event::Wanted(_) => {}
        }
    }
}

fn speak(mut wire: Wire, mut from: Consumer<f32>, first: u32) -> Result<Infallible, ProtocolError> {
    let (mut samples, mut message, mut wanted) = (Vec::new(), Vec::new(), first);
    loop {
        let length = wanted as usize / SAMPLE * SAMPLE;
        if length > MAX_MEMBLOCKQ_LENGTH {
            return Err(ProtocolError::Invalid(format!("{length} bytes are wanted at once")));
        } else if length > 0 {
            samples.resize(length / SAMPLE, 0.0);
            callback::play(&mut samples, usize::from(wire.spec.channels), &mut from, &wire.pulse);
            let mut about = [0; DESCRIPTOR_SIZE];
            let flags = DescriptorFlags::empty();
            let descriptor = Descriptor { length: length as u32, channel: wire.channel, offset: 0, flags };
            encode_descriptor(&mut about, &descriptor);
            message.clear();
            message.extend_from_slice(&about);
            message.extend(samples.iter().flat_map(|sample: &f32| sample.to_le_bytes()));
            wire.link.socket.get_mut().write_all(&message)?;
            wire.ask_latency(length, Command::GetPlaybackLatency)?;
        }
        wanted = match wire.next::<PlaybackLatency>()? {
            Event::Wanted(wanted) => wanted,
            Event::Latency(at) => {
                wire.tell_latency(at.sink_usec, at.write_offset - at.read_offset);
                0
            }
            Event::Sound => 0,
        };
    }
}

#[cfg(test)]
mod tests;
