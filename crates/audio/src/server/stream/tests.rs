//! What a server may say to a stream, and what no server should.

use std::{ffi::CString, io::BufReader};

use media::port::{Capture, Playback};
use pulseaudio::protocol::{
    Descriptor, DescriptorFlags, PlaybackLatency, PlaybackStreamMovedParams, RecordStreamMovedParams, Request,
    StreamSuspendedParams, Underflow, stream::BufferAttr,
};

use super::*;

const STEREO: SampleSpec = SampleSpec { format: SampleFormat::Float32Le, channels: 2, sample_rate: 48_000 };
/// The number of the stream.
const OURS: u32 = 7;
/// Bytes of a frame.
const FRAME: u32 = 8;

/// The server's end of a stream.
struct Server {
    socket: UnixStream,
    now: Instant,
}

impl Server {
    fn new() -> (Self, Wire) {
        let (socket, end) = UnixStream::pair().unwrap();
        // No test waits for longer than this.
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let link = Link { socket: BufReader::new(end), version: protocol::MAX_VERSION, sent: 0 };
        let wire = Wire::new(link, OURS, STEREO, "test".to_owned()).unwrap();
        (Self { socket, now: Instant::now() }, wire)
    }

    fn microphone() -> (Self, Microphone) {
        let (own, wire) = Self::new();
        (own, Microphone::new(wire))
    }

    fn speaker() -> (Self, Speaker) {
        let (own, wire) = Self::new();
        (own, Speaker::new(wire, 0))
    }

    /// Time goes on; a stream looks once for each time.
    fn later(&mut self, time: Duration) -> Instant {
        self.now += time;
        self.now
    }

    fn soon(&mut self) -> Instant {
        self.later(Duration::from_millis(1))
    }

    fn say(&mut self, command: &Command) {
        protocol::write_command_message(&mut self.socket, u32::MAX, command, protocol::MAX_VERSION).unwrap();
    }

    fn wants(&mut self, frames: u32) {
        self.say(&Command::Request(Request { channel: OURS, length: frames * FRAME }));
    }

    /// The microphone heard so many frames.
    fn heard(&mut self, frames: u32) {
        protocol::write_memblock(&mut self.socket, OURS, &vec![0; (frames * FRAME) as usize], 0).unwrap();
    }

    /// The next message that the server gets: a channel and what is in it.
    fn got(&mut self) -> (u32, Vec<u8>) {
        let about = protocol::read_descriptor(&mut self.socket).unwrap();
        let mut message = vec![0; about.length as usize];
        self.socket.read_exact(&mut message).unwrap();
        (about.channel, message)
    }

    fn latency(&mut self, write_offset: i64, read_offset: i64) {
        let answer = PlaybackLatency {
            sink_usec: 20_000,
            source_usec: 0,
            playing: true,
            local_time: SystemTime::UNIX_EPOCH,
            remote_time: SystemTime::UNIX_EPOCH,
            write_offset,
            read_offset,
            underrun_for: 0,
            playing_for: 0,
        };
        protocol::write_reply_message(&mut self.socket, 1, &answer, protocol::MAX_VERSION).unwrap();
    }
}

fn gone(health: Health) {
    assert!(matches!(health, Health::Lost(PortError::Gone(_))), "{health:?}");
}

#[test]
fn what_is_written_is_sent_at_once_to_all_channels_and_counted_until_it_is_taken() {
    let (mut server, mut speaker) = Server::speaker();
    let sound: Vec<f32> = (0..480).map(|n| n as f32 / 480.0).collect();
    assert_eq!(speaker.write(server.soon(), &sound), 480);
    let (channel, message) = server.got();
    let frames: Vec<f32> = message.as_chunks::<SAMPLE>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    assert!(channel == OURS && frames.chunks_exact(2).zip(&sound).all(|(frame, one)| frame == [*one, *one]));
    assert_eq!(server.got().0, u32::MAX, "how long it is on its way is asked for");
    // What is said of other things, and in halves of a message, changes nothing.
    server.say(&Command::Started(OURS));
    server.say(&Command::PlaybackStreamSuspended(StreamSuspendedParams { stream_index: OURS, suspended: false }));
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 480));
    let mut wanted = Vec::new();
    let request = Command::Request(Request { channel: OURS, length: 240 * FRAME });
    protocol::write_command_message(&mut wanted, 3, &request, protocol::MAX_VERSION).unwrap();
    server.socket.write_all(&wanted[..30]).unwrap();
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 480));
    server.socket.write_all(&wanted[30..]).unwrap();
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 240));
    // More than was given cannot be taken, and nothing is left where nothing could be played.
    server.wants(1_000);
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 0));
    assert_eq!(speaker.write(server.soon(), &sound), 480);
    server.say(&Command::Underflow(Underflow { channel: OURS, offset: i64::from(960 * FRAME) }));
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 0));
}

#[test]
fn what_a_server_wants_first_is_not_what_it_took() {
    let (mut server, wire) = Server::new();
    let mut speaker = Speaker::new(wire, u64::from(300 * FRAME));
    assert_eq!(speaker.write(server.soon(), &[0.0; 480]), 480);
    server.wants(100);
    server.wants(260);
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 420));
}

#[test]
fn a_server_that_tells_too_little_of_what_it_took_is_asked() {
    let (mut server, mut speaker) = Server::speaker();
    assert_eq!(speaker.write(server.soon(), &[0.0; 9_600]), 9_600);
    // It has 480 of them left, and 20 ms in the device.
    server.latency(9_600 * i64::from(FRAME), 9_120 * i64::from(FRAME));
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 480));
    assert_eq!(speaker.latency(), Duration::from_millis(20));
}

#[test]
fn a_server_that_takes_nothing_is_given_a_quarter_of_a_second() {
    let (mut server, mut speaker) = Server::speaker();
    let given: usize = (0..100).map(|_| speaker.write(server.soon(), &[0.0; 480])).sum();
    assert_eq!(given, 12_000);
    assert_eq!(speaker.queued(), 12_000);
}

#[test]
fn a_microphone_hears_its_own_channel_alone() {
    let (mut server, mut microphone) = Server::microphone();
    let bytes: Vec<u8> = [0.25_f32, 0.75].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    protocol::write_memblock(&mut server.socket, OURS + 1, &[0; 800], 0).unwrap();
    protocol::write_memblock(&mut server.socket, OURS, &bytes[..3], 0).unwrap();
    protocol::write_memblock(&mut server.socket, OURS, &bytes, 0).unwrap();
    let mut heard = Vec::new();
    microphone.read(server.soon(), &mut heard);
    assert_eq!(heard, [0.5]);
    microphone.read(server.soon(), &mut heard);
    assert_eq!(heard, [0.5], "once");
}

#[test]
fn what_nobody_read_for_a_quarter_of_a_second_is_dropped() {
    let (mut server, mut microphone) = Server::microphone();
    for _ in 0..40 {
        server.heard(480);
        assert_eq!(microphone.health(server.soon()), Health::Ok);
    }
    let mut heard = Vec::new();
    microphone.read(server.soon(), &mut heard);
    assert_eq!(heard.len(), 12_000);
}

/// Pieces of 5 ms come at their times, and who wants 10 ms finds them within a millisecond, after few looks in vain.
#[test]
fn a_microphone_knows_when_the_next_sound_comes() {
    let (mut server, mut microphone) = Server::microphone();
    let (start, piece) = (server.now, Duration::from_millis(5));
    let (mut came, mut sound, mut looks, mut waited) = (0, Vec::new(), 0, Vec::new());
    // The first look is long after the first piece.
    let mut at = start + Duration::from_micros(8_900);
    while waited.len() < 1_000 {
        while start + piece * (came + 1) <= at {
            server.heard(240);
            came += 1;
        }
        microphone.read(at, &mut sound);
        looks += 1;
        if sound.len() >= 480 {
            sound.drain(..480);
            waited.push(at - (start + piece * came));
        }
        at = microphone.ready_at(at, 480 - sound.len()).unwrap();
    }
    let settled = &waited[500..];
    let longest = settled.iter().max().unwrap();
    assert!(*longest <= Duration::from_millis(1), "{longest:?}");
    assert!(looks < 1_250, "{looks} looks");
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
        let (mut server, mut speaker) = Server::speaker();
        server.say(&command);
        gone(speaker.health(server.soon()));
        assert_eq!(speaker.write(server.soon(), &[0.0; 480]), 0);
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
        let (mut server, mut microphone) = Server::microphone();
        server.say(&command);
        gone(microphone.health(server.soon()));
    }
    let (mut server, mut microphone) = Server::microphone();
    drop(server.socket.shutdown(Shutdown::Both));
    gone(microphone.health(server.soon()));
}

#[test]
fn a_server_that_talks_nonsense_loses_the_stream_and_no_memory() {
    let (mut server, mut microphone) = Server::microphone();
    let length = u32::try_from(MAX_MEMBLOCKQ_LENGTH).unwrap() + 8;
    let about = Descriptor { length, channel: OURS, offset: 0, flags: DescriptorFlags::empty() };
    protocol::write_descriptor(&mut server.socket, &about).unwrap();
    gone(microphone.health(server.soon()));
    let (mut server, mut microphone) = Server::microphone();
    protocol::write_memblock(&mut server.socket, u32::MAX, b"this is no command", 0).unwrap();
    gone(microphone.health(server.soon()));
    // It may want what it likes.
    let (mut server, mut speaker) = Server::speaker();
    server.say(&Command::Request(Request { channel: OURS, length: u32::MAX }));
    server.say(&Command::Request(Request { channel: OURS, length: u32::MAX }));
    assert_eq!((speaker.health(server.soon()), speaker.queued()), (Health::Ok, 0));
    server.latency(i64::MIN, i64::MAX);
    assert_eq!(speaker.write(server.soon(), &[0.0; 480]), 480);
}

#[test]
fn a_server_that_does_not_read_is_not_waited_for() {
    let (mut server, mut speaker) = Server::speaker();
    // It says that it takes everything and does not even read it.
    for _ in 0..2_000 {
        let _ = speaker.write(server.soon(), &[0.0; 480]);
        server.wants(480);
    }
    assert_eq!(speaker.write(server.soon(), &[0.0; 480]), 0);
    assert!(speaker.wire.unsent.len() < 1_000_000, "{}", speaker.wire.unsent.len());
}

#[test]
fn a_stream_that_is_dropped_is_closed() {
    let (mut server, speaker) = Server::speaker();
    drop(speaker);
    let mut rest = Vec::new();
    assert_eq!(server.socket.read_to_end(&mut rest).unwrap(), 0);
}
