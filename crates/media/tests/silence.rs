//! Talk and silence on purpose: G.711 with comfort noise (RFC 3389) and the silence of Opus, on virtual time, measured by
//! what is heard.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use media::RATE;
use media::codec::{Codec, VoiceEncoder};
use media::level::rms_dbfs;
use media::playout::{Playout, PlayoutCounts};
use media::rtp::{Header, Sequence, Ssrc, Timestamp};
use media::signal::{Speech, find_delay, gaps, windows_found};
use media::testing::epoch;
use opus::{Application, Bitrate, Channels, Encoder};

const SECOND: usize = RATE as usize;
const FRAME: usize = 960;

/// What goes out with a frame of 20 ms.
#[derive(Clone)]
enum Sent {
    Sound(Codec, Vec<u8>),
    Noise(Vec<u8>),
    Nothing,
}

fn speech(seconds: usize) -> Vec<f32> {
    let mut sound = vec![0.0; seconds * SECOND];
    Speech::new(42).fill(&mut sound);
    sound
}

fn heard(frames: &[Sent]) -> (Vec<f32>, PlayoutCounts) {
    let start = epoch();
    let mut playout = Playout::new(start);
    let (mut sound, mut block, mut sequence) = (Vec::new(), [0.0; FRAME / 2], 60_000u16);
    for (n, frame) in frames.iter().enumerate() {
        let now = start + Duration::from_millis(20) * n as u32;
        let clock = if let Sent::Sound(codec, _) = frame { codec.clock() } else { 8_000 };
        let header = Header {
            marker: false,
            payload_type: 96,
            sequence: Sequence(sequence),
            timestamp: Timestamp(n as u32 * clock / 50),
            ssrc: Ssrc(1),
        };
        match frame {
            Sent::Sound(codec, payload) => drop(playout.insert(now, &header, *codec, payload)),
            Sent::Noise(payload) => assert!(playout.insert_noise(&header, payload)),
            Sent::Nothing => {}
        }
        sequence = sequence.wrapping_add(u16::from(!matches!(frame, Sent::Nothing)));
        for half in 0..2 {
            playout.pull(now + Duration::from_millis(10) * half, &mut block);
            sound.extend_from_slice(&block);
        }
    }
    (sound, playout.counts())
}

fn steepest(sound: &[f32]) -> f32 {
    sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

/// Talks for a second and is silent for two; the first packet of a silence says `noise`, and a second one `later`.
fn spurts(codec: Codec, said: &[f32], noise: &[u8], later: &[u8]) -> Vec<Sent> {
    let mut encoder = VoiceEncoder::new(codec, None).unwrap();
    let sent = |(n, frame): (usize, &[f32])| {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload).unwrap();
        match n % 150 {
            ..50 => Sent::Sound(codec, payload),
            50 => Sent::Noise(noise.to_vec()),
            100 => Sent::Noise(later.to_vec()),
            _ => Sent::Nothing,
        }
    };
    said.chunks_exact(FRAME).enumerate().map(sent).collect()
}

#[test]
fn comfort_noise_is_heard_between_spurts_and_blends_with_them() {
    let said = speech(15);
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        let (heard, counts) = heard(&spurts(codec, &said, &[45, 60, 140], &[55]));
        assert_eq!(counts.concealed, 0, "{codec:?}: {counts:?}");
        for spurt in (0..15).step_by(3) {
            // 100 ms after the last word and the change, for the noise glides.
            for (from, dbfs) in [(1, -45.0), (2, -55.0)] {
                let silence = &heard[(spurt + from) * SECOND + 9_600..(spurt + from + 1) * SECOND];
                let level = rms_dbfs(silence);
                assert!((level - dbfs).abs() < 2.0, "{codec:?}: {level} instead of {dbfs}");
                assert!(gaps(silence, dbfs - 12.0, 480).is_empty(), "{codec:?}: the noise has holes");
            }
            let part = &said[spurt * SECOND + 4_800..spurt * SECOND + 43_200];
            let after = &heard[spurt * SECOND..spurt * SECOND + 67_200];
            let found = find_delay(&part[..19_200], after, 12_000).unwrap();
            let share = windows_found(part, after, found.delay, 9_600, 2_880);
            assert!(share > 0.9, "{codec:?}, {spurt}: {share} with {found:?}");
        }
        let (ours, theirs) = (steepest(&heard), steepest(&said));
        assert!(ours < 1.3 * theirs, "{codec:?}: {ours} against {theirs}");
    }
}

#[test]
fn a_click_at_neither_edge_of_the_noise() {
    // A tone so slow and soft noise that every step at an edge would stand out.
    let said: Vec<f32> =
        (0..9 * SECOND).map(|n| 0.3 * (std::f32::consts::TAU * 150.0 * n as f32 / RATE as f32).sin()).collect();
    let (heard, _) = heard(&spurts(Codec::Pcmu, &said, &[60], &[60]));
    let slope = 0.3 * std::f32::consts::TAU * 150.0 / RATE as f32;
    assert!(steepest(&heard[4_800..]) < 1.6 * slope, "{} against {slope}", steepest(&heard[4_800..]));
}

#[test]
fn noise_without_a_word_before_it_and_noise_that_is_empty() {
    let frames = [vec![Sent::Noise(vec![40]), Sent::Noise(Vec::new())], vec![Sent::Nothing; 50]].concat();
    let (sound, _) = heard(&frames);
    assert!(sound.iter().all(|sample| sample.abs() <= 1.0));
    let mut frames = spurts(Codec::Pcmu, &speech(3), &[], &[]);
    frames.truncate(100);
    assert!(rms_dbfs(&heard(&frames).0[80_000..]) < -80.0, "nothing was said of how the silence sounds");
}

#[test]
fn the_silence_of_opus_is_as_loud_as_the_room() {
    // Speech in a room of −50 dBFS; the encoder stops sending when only the room is left.
    let room = |n: usize| 0.0055 * ((n * 7_919 % 1_000) as f32 / 500.0 - 1.0);
    let mut said = speech(12);
    for (n, sample) in said.iter_mut().enumerate() {
        *sample = room(n) + if (n / SECOND).is_multiple_of(4) { *sample } else { 0.0 };
    }
    let mut encoder = Encoder::new(RATE, Channels::Mono, Application::Voip).unwrap();
    encoder.set_bitrate(Bitrate::Bits(20_000)).unwrap();
    encoder.set_dtx(true).unwrap();
    // As browsers do it: the first packet without sound is sent, so that the far end knows.
    let mut silent = false;
    let frame = |frame: &[f32]| {
        let payload = encoder.encode_vec_float(frame, 1_275).unwrap();
        let was_silent = std::mem::replace(&mut silent, payload.len() <= 2);
        if silent && was_silent { Sent::Nothing } else { Sent::Sound(Codec::Opus, payload) }
    };
    let frames: Vec<Sent> = said.chunks_exact(FRAME).map(frame).collect();
    let left_out = frames.iter().filter(|frame| matches!(frame, Sent::Nothing)).count();
    assert!(left_out > 100, "{left_out} of {} were not sent", frames.len());
    let (heard, counts) = heard(&frames);
    assert_eq!(counts.concealed, 0, "{counts:?}");
    for spurt in [0, 4, 8] {
        let silence = rms_dbfs(&heard[(spurt + 2) * SECOND..(spurt + 4) * SECOND - 9_600]);
        assert!((-62.0..-44.0).contains(&silence), "{spurt}: {silence} dBFS");
        let part = &said[spurt * SECOND + 4_800..spurt * SECOND + 43_200];
        let found = find_delay(part, &heard[spurt * SECOND..spurt * SECOND + 67_200], 12_000).unwrap();
        assert!(found.likeness > 0.6, "{spurt}: {found:?}");
    }
}
