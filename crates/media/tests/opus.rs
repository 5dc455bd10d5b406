//! Opus as others send it: two channels, every length of packet, several frames in one, and all of that changing in
//! mid-call. Through jitter buffer and decoder on virtual time, measured by what is heard.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use media::RATE;
use media::codec::{Codec, VoiceDecoder};
use media::level::rms_dbfs;
use media::playout::{Playout, PlayoutCounts};
use media::rtp::{Header, Sequence, Ssrc, Timestamp};
use media::signal::{Speech, find_delay, gaps, windows_found};
use media::testing::epoch;
use opus::{Application, Bandwidth, Bitrate, Channels, Encoder, Repacketizer};

const SECOND: usize = RATE as usize;
/// Lengths of packets: 2.5 to 120 ms (RFC 6716 section 3.2.5).
const SIZES: [usize; 9] = [120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760];
/// What makes the three modes of Opus: SILK, both together, CELT.
const MODES: [(Application, i32, Bandwidth); 3] = [
    (Application::Voip, 14_000, Bandwidth::Wideband),
    (Application::Voip, 32_000, Bandwidth::Fullband),
    (Application::LowDelay, 64_000, Bandwidth::Fullband),
];

/// How a stretch of sound is sent.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// Samples in a frame as it is coded.
    frame: usize,
    /// Frames put together in a packet afterwards.
    together: usize,
    bitrate: i32,
    bandwidth: Bandwidth,
    /// Channels in the packet.
    channels: Channels,
}

/// Packets with the place of their first sample and their length.
struct Sender {
    encoder: Encoder,
    packets: Vec<(usize, usize, Vec<u8>)>,
    at: usize,
}

impl Sender {
    fn new(application: Application) -> Self {
        Self { encoder: Encoder::new(RATE, Channels::Stereo, application).unwrap(), packets: Vec::new(), at: 0 }
    }

    /// Sends `sound`, as long as there is enough for a packet of it.
    fn send(&mut self, sound: &[f32], manner: Manner) {
        // Short frames are CELT whatever is asked for, and with few bits they are nothing but noise.
        let bitrate = if manner.frame < 480 { manner.bitrate.max(64_000) } else { manner.bitrate };
        self.encoder.set_bitrate(Bitrate::Bits(bitrate)).unwrap();
        self.encoder.set_max_bandwidth(manner.bandwidth).unwrap();
        self.encoder.set_force_channels(Some(manner.channels)).unwrap();
        for block in sound.chunks_exact(manner.frame * manner.together) {
            // One ear hears a little less, so that two channels are of use.
            let frame = |part: &[f32]| {
                let both: Vec<f32> = part.iter().flat_map(|sample| [*sample, 0.8 * sample]).collect();
                self.encoder.encode_vec_float(&both, 4_000).unwrap()
            };
            let frames: Vec<Vec<u8>> = block.chunks_exact(manner.frame).map(frame).collect();
            // Only frames of one mode, width and number of channels can share a packet (RFC 6716 section 3.1).
            for run in frames.chunk_by(|one, other| one[0] == other[0]) {
                let payload = if let [one] = run { one.clone() } else { together(run) };
                self.packets.push((self.at, run.len() * manner.frame, payload));
                self.at += run.len() * manner.frame;
            }
        }
    }
}

/// One packet of several.
fn together(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0; 8_000];
    let parts: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let length = Repacketizer::new().unwrap().combine(&parts, &mut out).unwrap();
    out.truncate(length);
    out
}

fn speech(seconds: usize) -> Vec<f32> {
    let mut sound = vec![0.0; seconds * SECOND];
    Speech::new(42).fill(&mut sound);
    sound
}

/// What is played of these packets, each of which leaves with its last sample and takes 5 ms.
fn heard(packets: &[(usize, usize, Vec<u8>)]) -> (Vec<f32>, PlayoutCounts, Duration) {
    let start = epoch();
    let mut playout = Playout::new(start);
    let end = packets.last().map_or(0, |(at, length, _)| at + length);
    let mut waiting = packets.iter().enumerate().peekable();
    let (mut sound, mut block) = (Vec::new(), [0.0; 480]);
    for tick in 0..end / 480 {
        let now = start + Duration::from_millis(10) * tick as u32;
        while let Some((number, (at, length, payload))) =
            waiting.next_if(|(_, (at, length, _))| at + length + 240 <= tick * 480)
        {
            let header = Header {
                marker: false,
                payload_type: 111,
                sequence: Sequence(number as u16),
                timestamp: Timestamp(*at as u32),
                ssrc: Ssrc(5),
            };
            let arrives = Duration::from_secs_f64((at + length + 240) as f64 / f64::from(RATE));
            playout.insert(start + arrives, &header, Codec::Opus, payload);
        }
        playout.pull(now, &mut block);
        sound.extend_from_slice(&block);
    }
    (sound, playout.counts(), playout.delay())
}

/// The same packets through a decoder alone.
fn plain(packets: &[(usize, usize, Vec<u8>)]) -> Vec<f32> {
    let mut decoder = VoiceDecoder::new(Codec::Opus).unwrap();
    let mut sound = Vec::new();
    for (_, length, payload) in packets {
        assert_eq!(decoder.decode(payload, &mut sound), Ok(*length));
    }
    sound
}

/// The largest step from one sample to the next.
fn steepest(sound: &[f32]) -> f32 {
    sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

/// Share of 200 ms windows of `said` recognised in `heard`.
fn recognised(said: &[f32], heard: &[f32]) -> f32 {
    let found = find_delay(&said[SECOND..], &heard[SECOND..], SECOND).expect("speech is heard");
    windows_found(said, heard, found.delay, 9_600, 2_880)
}

#[test]
fn every_length_and_mode_in_one_channel_or_two_is_whole() {
    let said = speech(4);
    for (application, bitrate, bandwidth) in MODES {
        for frame in SIZES {
            for channels in [Channels::Mono, Channels::Stereo] {
                let case = format!("{application:?} {frame} {channels:?}");
                let mut sender = Sender::new(application);
                sender.send(&said, Manner { frame, together: 1, bitrate, bandwidth, channels });
                assert_eq!(opus::packet::get_nb_channels(&sender.packets[9].2).unwrap(), channels, "{case}");
                let (heard, counts, wait) = heard(&sender.packets);
                assert_eq!((counts.concealed, counts.recovered), (0, 0), "{case}: {counts:?}");
                assert!(recognised(&said, &heard) > 0.9, "{case}");
                // Half of what both ears hear.
                let change = rms_dbfs(&heard[SECOND..]) - rms_dbfs(&said[SECOND..]);
                assert!((change + 0.92).abs() < 1.2, "{case}: {change} dB");
                assert!(gaps(&heard[SECOND / 2..], -45.0, 960).is_empty(), "{case}");
                // The first caution is taken back after some 250 packets.
                let most = Duration::from_millis(if frame <= 480 { 22 } else { 40 });
                assert!(wait < most, "{case}: {wait:?}");
                let (ours, decoders) = (steepest(&heard[SECOND / 2..]), steepest(&plain(&sender.packets)));
                assert!(ours <= 1.3 * decoders, "{case}: {ours} against {decoders}");
            }
        }
    }
}

#[test]
fn several_frames_in_a_packet_are_all_heard() {
    let said = speech(4);
    for (frame, together) in [(120, 8), (240, 3), (480, 2), (480, 12), (960, 3), (960, 6), (1920, 3), (2880, 2)] {
        for (application, bitrate, bandwidth) in MODES {
            let case = format!("{application:?} {together} of {frame}");
            let mut sender = Sender::new(application);
            sender.send(&said, Manner { frame, together, bitrate, bandwidth, channels: Channels::Mono });
            let whole = sender.packets.iter().filter(|packet| packet.1 == frame * together).count();
            assert!(whole * 3 > sender.packets.len(), "{case}: {whole} of {}", sender.packets.len());
            let (heard, counts, _) = heard(&sender.packets);
            assert_eq!((counts.concealed, counts.recovered), (0, 0), "{case}: {counts:?}");
            assert!(recognised(&said, &heard) > 0.9, "{case}");
        }
    }
}

#[test]
fn changes_in_mid_call_are_not_heard() {
    use Bandwidth::{Fullband, Narrowband, Superwideband, Wideband};
    let manner =
        |frame, together, bitrate, bandwidth, channels| Manner { frame, together, bitrate, bandwidth, channels };
    let (mono, stereo) = (Channels::Mono, Channels::Stereo);
    // Mode, width, channels and length of the packets change each second.
    let manners = [
        manner(960, 1, 32_000, Fullband, mono),
        manner(960, 1, 12_000, Narrowband, mono),
        manner(960, 1, 64_000, Fullband, stereo),
        manner(480, 1, 64_000, Fullband, stereo),
        manner(480, 1, 14_000, Wideband, mono),
        manner(120, 1, 64_000, Superwideband, mono),
        manner(240, 1, 64_000, Fullband, stereo),
        manner(960, 1, 20_000, Wideband, stereo),
        manner(1920, 1, 40_000, Fullband, mono),
        manner(960, 3, 24_000, Superwideband, mono),
        manner(2880, 1, 12_000, Narrowband, mono),
        manner(960, 1, 32_000, Fullband, mono),
        manner(5760, 1, 64_000, Fullband, stereo),
        manner(480, 2, 64_000, Fullband, mono),
        manner(120, 8, 64_000, Fullband, stereo),
        manner(960, 1, 16_000, Wideband, mono),
    ];
    let said = speech(manners.len());
    for application in [Application::Voip, Application::Audio] {
        let mut sender = Sender::new(application);
        let (mut growth, mut longer, mut last) = (0, 0, 960);
        for manner in manners {
            let from = sender.at;
            let until = said.len().min((from / SECOND + 1) * SECOND + SECOND / 2) / SECOND * SECOND;
            sender.send(&said[from..until], manner);
            let length = manner.frame * manner.together;
            growth += length.saturating_sub(last) as u64;
            longer += u64::from(length > last);
            last = length;
        }
        let (heard, counts, _) = heard(&sender.packets);
        // A longer packet comes later than a short one would have. That time must be made up, once more for the first packet
        // of each length, which might be the only one, and no more.
        assert!(counts.concealed <= growth + 960 * longer, "{application:?}: {counts:?}, grown by {growth}");
        assert_eq!(counts.recovered, 0, "{application:?}: {counts:?}");
        assert!(recognised(&said, &heard) > 0.9, "{application:?}: {}", recognised(&said, &heard));
        assert!(gaps(&heard[SECOND / 2..], -45.0, 960).is_empty(), "{application:?}");
        let change = rms_dbfs(&heard[SECOND..]) - rms_dbfs(&said[SECOND..]);
        assert!((change + 0.5).abs() < 1.2, "{application:?}: {change} dB");
        let (ours, decoders) = (steepest(&heard), steepest(&plain(&sender.packets)));
        assert!(ours <= 1.2 * decoders, "{application:?}: {ours} against {decoders}");
    }
}
