//! Deep redundancy: what was lost comes back from a packet after the gap. On virtual time, beside the same packets
//! without it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use media::RATE;
use media::codec::{Codec, VoiceDecoder, VoiceEncoder};
use media::playout::{Playout, PlayoutCounts};
use media::rtp::{Header, Sequence, Ssrc, Timestamp};
use media::signal::{Speech, amplitude_at, find_delay};
use media::testing::epoch;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

const FRAME: usize = RATE as usize / 50;
const SECOND: usize = RATE as usize;

fn speech(seconds: usize) -> Vec<f32> {
    let mut sound = vec![0.0; seconds * SECOND];
    Speech::new(11).fill(&mut sound);
    sound
}

/// Packets of 20 ms that carry half a second of what was before them.
fn packets(said: &[f32]) -> Vec<Vec<u8>> {
    let mut encoder = VoiceEncoder::new(Codec::Opus, None).unwrap();
    encoder.set_bitrate(48_000, false).unwrap();
    encoder.set_wideband(true).unwrap();
    encoder.set_loss(30);
    encoder.set_past(50).unwrap();
    let coded = |frame| {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload).unwrap();
        payload
    };
    said.chunks_exact(FRAME).map(coded).collect()
}

/// The same packet without anything in its padding.
fn bare(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let length = opus::packet::unpad(&mut packet).unwrap();
    packet.truncate(length);
    packet
}

/// Three to six packets in a row of each twenty, after the first second.
fn lost(n: usize) -> bool {
    n >= 50 && n % 20 < 3 + n / 20 % 4
}

/// How far apart two frames are, in dB, over 32 places of the voice band.
fn apart(one: &[f32], other: &[f32]) -> f32 {
    let level = |frame: &[f32], n: u8| 20.0 * amplitude_at(frame, 100.0 + 125.0 * f32::from(n)).max(1e-5).log10();
    (0..32).map(|n| (level(one, n) - level(other, n)).abs()).sum::<f32>() / 32.0
}

/// The mean of that over the lost frames; the second sound is so much later.
fn distance(said: &[f32], heard: &[f32], delay: usize) -> f32 {
    let frames = said.chunks_exact(FRAME).zip(heard[delay..].chunks_exact(FRAME)).enumerate();
    let all: Vec<f32> = frames.filter(|(n, _)| lost(*n)).map(|(_, (one, other))| apart(one, other)).collect();
    all.iter().sum::<f32>() / all.len() as f32
}

/// What is played of these packets behind that loss. Each leaves with its last sample and takes 5 ms.
fn heard(packets: &[Vec<u8>]) -> (Vec<f32>, PlayoutCounts, Duration) {
    let start = epoch();
    let mut playout = Playout::new(start);
    let (mut sound, mut block) = (Vec::new(), [0.0; 480]);
    for tick in 0..2 * packets.len() + 50 {
        let now = start + Duration::from_millis(10) * tick as u32;
        if let Some((n, packet)) = (tick % 2 == 0).then(|| (tick / 2, packets.get(tick / 2))).filter(|(n, _)| !lost(*n))
            && let Some(packet) = packet
        {
            let header = Header {
                marker: false,
                payload_type: 111,
                sequence: Sequence(65_000_u16.wrapping_add(n as u16)),
                timestamp: Timestamp((n * FRAME) as u32),
                ssrc: Ssrc(5),
            };
            playout.insert(now, &header, Codec::Opus, packet);
        }
        playout.pull(now, &mut block);
        sound.extend_from_slice(&block);
    }
    (sound, playout.counts(), playout.delay())
}

#[test]
fn what_rides_along_is_nearer_than_what_is_made_up() {
    let packets = packets(&speech(12));
    assert!(packets[50..].iter().all(|packet| Codec::Opus.has_past(packet)));
    assert!(!packets.iter().any(|packet| Codec::Opus.has_past(&bare(packet))));
    let run = |way: u8| {
        let (mut decoder, mut out) = (VoiceDecoder::new(Codec::Opus).unwrap(), Vec::new());
        for (n, packet) in packets.iter().enumerate() {
            let left = (n + 1..packets.len()).take_while(|n| lost(*n)).count();
            let made = match packets.get(n + 1 + left) {
                Some(next) if way == 2 && lost(n) => decoder.restore(next, FRAME, left * FRAME, &mut out),
                _ if way > 0 && lost(n) => decoder.conceal(FRAME, &mut out),
                _ => decoder.decode(packet, &mut out),
            };
            assert_eq!(made, Ok(FRAME));
        }
        out
    };
    let whole = run(0);
    let (made_up, restored) = (distance(&whole, &run(1), 0), distance(&whole, &run(2), 0));
    assert!(restored < 0.8 * made_up, "{restored} dB off, {made_up} dB where it is made up");
}

#[test]
fn a_burst_is_heard_from_the_packet_after_it() {
    let said = speech(40);
    let with = packets(&said);
    let without: Vec<Vec<u8>> = with.iter().map(|packet| bare(packet)).collect();
    let missing = (0..with.len()).filter(|n| lost(*n)).count() as u64 * FRAME as u64;
    let judged = |packets: &[Vec<u8>]| {
        let (sound, counts, delay) = heard(packets);
        // After ten seconds, in which the wait settles.
        let (said, sound) = (&said[10 * SECOND..], &sound[10 * SECOND..]);
        let found = find_delay(said, sound, SECOND / 2).unwrap();
        (distance(said, sound, found.delay), counts, delay)
    };
    let ((near, helped, wait), (far, alone, _)) = (judged(&with), judged(&without));
    assert_eq!(alone.recovered, 0);
    assert!(alone.concealed.abs_diff(missing) < missing / 10, "{alone:?}");
    assert!(helped.recovered > missing / 2, "{helped:?} of {missing}");
    assert!(near < 0.85 * far, "{near} dB off, {far} dB without");
    assert!(wait < Duration::from_millis(120), "{wait:?}");
}

#[test]
fn a_broken_extension_does_no_harm() {
    let whole = packets(&speech(20));
    let without: Vec<Vec<u8>> = whole.iter().map(|packet| bare(packet)).collect();
    let (_, alone, _) = heard(&without);
    // What is done to the padding, which is all that lies behind the frame.
    let broken = |how: fn(&mut ChaCha12Rng, &mut [u8])| -> Vec<Vec<u8>> {
        let mut rng = ChaCha12Rng::seed_from_u64(5);
        let one = |(packet, bare): (&Vec<u8>, &Vec<u8>)| {
            let mut packet = packet.clone();
            if Codec::Opus.has_past(&packet) {
                let header = 3 + packet[2..].iter().take_while(|octet| **octet == 255).count();
                how(&mut rng, &mut packet[header + bare.len() - 1..]);
            }
            packet
        };
        whole.iter().zip(&without).map(one).collect()
    };
    let all = [
        ("noise", broken(|rng, padding| rng.fill(padding))),
        ("noise behind its name", broken(|rng, padding| rng.fill(&mut padding[3..]))),
        ("nothing behind its name", broken(|_, padding| padding[3..].fill(0))),
        ("only half of it", broken(|_, padding| padding.rotate_right(padding.len() / 2))),
        (
            "a length beyond the end",
            broken(|_, padding| {
                padding[0] |= 1;
                padding[1..].fill(255);
            }),
        ),
        ("another version", broken(|_, padding| padding[2] ^= 1)),
    ];
    for (what, packets) in all {
        let (sound, counts, _) = heard(&packets);
        assert!(sound.iter().all(|sample| sample.abs() <= 1.0), "{what}");
        assert!(counts.decoded.abs_diff(alone.decoded) < 4 * FRAME as u64, "{what}: {counts:?} and {alone:?}");
        let gaps = |counts: PlayoutCounts| counts.concealed + counts.recovered;
        assert!(gaps(counts).abs_diff(gaps(alone)) < gaps(alone) / 10, "{what}: {counts:?} and {alone:?}");
    }
}
