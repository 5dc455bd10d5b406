//! What a server may say to a stream, and what no server should.

use std::{
    ffi::CString,
    io::{BufReader, Read},
    time::Instant,
};

use media::port::Health;
use pulseaudio::protocol::{
    self, ChannelMap, PlaybackStreamMovedParams, RecordStreamMovedParams, Request, StreamSuspendedParams,
};

use super::*;
use crate::{server::PREFIX, watch::Watch};

const STEREO: SampleSpec = SampleSpec { format: SampleFormat::Float32Le, channels: 2, sample_rate: 48_000 };
/// The number of the stream.
const OURS: u32 = 7;

/// The server's end of a stream that is open, and ours.
struct Played<R> {
    socket: UnixStream,
    opened: Opened<R>,
    watch: Watch,
}

impl<R> Played<R> {
    fn new(ring: R, run: impl FnOnce(Wire) -> Result<Infallible, ProtocolError> + Send + 'static) -> Self {
        let (socket, end) = UnixStream::pair().unwrap();
        // No test waits for longer than this.
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let link = Link { socket: BufReader::new(end), version: protocol::MAX_VERSION, sent: 0 };
        let (id, name) = (format!("{PREFIX}test"), "Test".to_owned());
        let device = Known { id, name, index: 1, spec: STEREO, map: ChannelMap::stereo(), is_default: true };
        let opened = Wire::new(link, OURS, STEREO).start("sound-test", device, ring, run).unwrap();
        let watch = Watch::new(Arc::clone(&opened.pulse));
        Self { socket, opened, watch }
    }

    fn say(&mut self, command: &Command) {
        protocol::write_command_message(&mut self.socket, u32::MAX, command, protocol::MAX_VERSION).unwrap();
    }

    /// Waits until the thread has ended, by what is left to read, and gives what it says.
    fn lost(mut self) -> PortError {
        let mut rest = Vec::new();
        self.socket.read_to_end(&mut rest).unwrap();
        match self.watch.health(Instant::now()) {
            Health::Lost(error) => error,
            Health::Ok => panic!("it goes on"),
        }
    }
}

fn microphone() -> Played<Consumer<f32>> {
    let (into, ring) = RingBuffer::new(48_000);
    Played::new(ring, |wire| listen(wire, into))
}

/// A speaker of which `first` bytes are wanted.
fn speaker(first: u32) -> Played<Producer<f32>> {
    let (mut ring, from) = RingBuffer::new(48_000);
    (0..48_000).for_each(|n| ring.push(n as f32 / 48_000.0).unwrap());
    Played::new(ring, move |wire| speak(wire, from, first))
}

/// The next message that the server gets: a channel and what is in it.
fn got(socket: &mut UnixStream) -> (u32, Vec<u8>) {
    let about = protocol::read_descriptor(socket).unwrap();
    let mut message = vec![0; about.length as usize];
    socket.read_exact(&mut message).unwrap();
    (about.channel, message)
}

/// The next sound that the server gets, one sample of each frame.
fn sound(socket: &mut UnixStream) -> Vec<f32> {
    loop {
        let (channel, message) = got(socket);
        if channel == OURS {
            let frames = message.as_chunks::<8>().0;
            return frames.iter().map(|frame| f32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]])).collect();
        }
    }
}

#[test]
fn a_speaker_gives_what_is_wanted_and_no_more() {
    let mut played = speaker(80);
    let given = sound(&mut played.socket);
    assert_eq!(given, (0..10).map(|n| n as f32 / 48_000.0).collect::<Vec<_>>());
    // What is said of other things, and wanted by halves, changes nothing.
    played.say(&Command::Started(OURS));
    played.say(&Command::PlaybackStreamSuspended(StreamSuspendedParams { stream_index: OURS, suspended: false }));
    played.say(&Command::Request(Request { channel: OURS, length: 3 }));
    played.say(&Command::Request(Request { channel: OURS, length: 8_000 }));
    let given = sound(&mut played.socket);
    assert_eq!((given.len(), given[0]), (1_000, 10.0 / 48_000.0));
}

#[test]
fn a_microphone_hears_its_own_channel_alone() {
    let mut played = microphone();
    let bytes: Vec<u8> = [0.25_f32, 0.75].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    protocol::write_memblock(&mut played.socket, OURS + 1, &[0; 800], 0).unwrap();
    protocol::write_memblock(&mut played.socket, OURS, &bytes[..3], 0).unwrap();
    protocol::write_memblock(&mut played.socket, OURS, &bytes, 0).unwrap();
    // The latency is asked for with the first block, so the second was heard when the third is answered.
    assert_eq!(got(&mut played.socket).0, u32::MAX);
    drop(played.socket.shutdown(Shutdown::Write));
    let mut rest = Vec::new();
    played.socket.read_to_end(&mut rest).unwrap();
    let mut ring = played.opened.ring;
    assert_eq!(ring.pop(), Ok(0.5));
    assert!(ring.pop().is_err());
}

#[test]
fn a_microphone_wakes_who_waits_for_as_much_once_it_is_there() {
    let mut played = microphone();
    let (tell, told) = std::sync::mpsc::channel();
    let (pulse, ring) = (Arc::clone(&played.opened.pulse), &mut played.opened.ring);
    let rings: Arc<dyn Fn() + Send + Sync> = Arc::new(move || tell.send(()).unwrap());
    pulse.alarm.set(30, &rings);
    let sound = |frames: usize| vec![0; frames * 2 * SAMPLE];
    for frames in [20, 9, 1, 100] {
        protocol::write_memblock(&mut played.socket, OURS, &sound(frames), 0).unwrap();
    }
    told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(ring.slots() >= 30, "{}", ring.slots());
    // As much as is there already wakes at once, through the stream that others have; then nobody waits any more.
    while ring.slots() < 130 {
        thread::yield_now();
    }
    Watch::new(pulse).wake_at(130, ring.slots(), &rings);
    told.try_recv().unwrap();
    protocol::write_memblock(&mut played.socket, OURS, &sound(100), 0).unwrap();
    while ring.slots() < 230 {
        thread::yield_now();
    }
    assert!(told.try_recv().is_err(), "it rings once for each time it is set");
}

#[test]
fn how_long_samples_are_on_their_way_is_told() {
    let mut played = speaker(80);
    let answer = PlaybackLatency {
        sink_usec: 20_000,
        source_usec: 0,
        playing: true,
        local_time: SystemTime::UNIX_EPOCH,
        remote_time: SystemTime::UNIX_EPOCH,
        // A hundredth of a second.
        write_offset: 3_940,
        read_offset: 100,
        underrun_for: 0,
        playing_for: 0,
    };
    sound(&mut played.socket);
    assert_eq!(got(&mut played.socket).0, u32::MAX, "it is asked for");
    protocol::write_reply_message(&mut played.socket, 1, &answer, protocol::MAX_VERSION).unwrap();
    played.say(&Command::Request(Request { channel: OURS, length: 80 }));
    sound(&mut played.socket);
    assert_eq!(played.watch.latency(), Duration::from_millis(30));
}

#[test]
fn a_stream_that_is_taken_away_is_lost() {
    let moved = PlaybackStreamMovedParams {
        stream_index: OURS,
        device_index: 3,
        device_name: CString::from(c"loud"),
        device_suspended: false,
        buffer_attr: BufferAttr::default(),
        configured_sink_latency: 0,
    };
    for command in [Command::PlaybackStreamKilled(OURS), Command::PlaybackStreamMoved(moved)] {
        let mut played = speaker(0);
        played.say(&command);
        assert!(matches!(played.lost(), PortError::Gone(_)));
    }
    let moved = RecordStreamMovedParams {
        stream_index: OURS,
        device_index: 3,
        device_name: CString::from(c"loud"),
        device_suspended: false,
        buffer_attr: BufferAttr::default(),
        configured_source_latency: 0,
    };
    for command in [Command::RecordStreamKilled(OURS), Command::RecordStreamMoved(moved)] {
        let mut played = microphone();
        played.say(&command);
        assert!(matches!(played.lost(), PortError::Gone(_)));
    }
}

#[test]
fn a_server_that_talks_nonsense_loses_the_stream_and_no_memory() {
    let length = u32::try_from(MAX_MEMBLOCKQ_LENGTH).unwrap() + 8;
    let mut played = speaker(0);
    played.say(&Command::Request(Request { channel: OURS, length }));
    assert!(matches!(played.lost(), PortError::Gone(_)));
    let mut played = microphone();
    let flags = DescriptorFlags::empty();
    protocol::write_descriptor(&mut played.socket, &Descriptor { length, channel: OURS, offset: 0, flags }).unwrap();
    assert!(matches!(played.lost(), PortError::Gone(_)));
    let mut played = microphone();
    protocol::write_memblock(&mut played.socket, u32::MAX, b"this is no command", 0).unwrap();
    assert!(matches!(played.lost(), PortError::Gone(_)));
}

#[test]
fn a_stream_that_is_dropped_is_closed() {
    let Played { mut socket, opened, .. } = speaker(0);
    drop(opened.stream);
    let mut rest = Vec::new();
    assert_eq!(socket.read_to_end(&mut rest).unwrap(), 0);
}
