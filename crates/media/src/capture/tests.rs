use super::*;
use crate::codec::Codec;
use crate::rtp::Packet;

fn capture(codec: Codec, ptime: u8) -> Capture {
    let mut capture = Capture::new(Ssrc(9), Sequence(65_535), Timestamp(u32::MAX));
    capture.set_codec(&AgreedCodec { codec, pt: 96, max_bitrate: None }, ptime).unwrap();
    capture
}

fn pushed(capture: &mut Capture, samples: usize, hold_back: bool) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    capture.push(&vec![0.25; samples], hold_back, |packet| packets.push(packet));
    packets
}

#[test]
fn short_packets_prepare_for_no_loss_that_a_copy_would_mend() {
    let mut capture = capture(Codec::Opus, 20);
    let short = Plan { bitrate: 64_000, loss: 0, wideband: false, copy: false, past: 0, back: None, short: true };
    (0..2).for_each(|_| capture.follow(short).unwrap());
    assert_eq!(capture.encoder.unwrap().loss(), Some(0));
}

#[test]
fn nothing_leaves_and_nothing_is_kept_before_sending() {
    let mut capture = capture(Codec::Pcmu, 20);
    assert!(pushed(&mut capture, 4799, false).is_empty());
    assert!(capture.frame.is_empty());
    assert!(capture.dbfs() > -13.0);
    capture.set_sending(true);
    let packets = pushed(&mut capture, 961, false);
    let first = Packet::parse(&packets[0]).unwrap();
    assert!(first.header.marker);
    assert_eq!(first.header.sequence, Sequence(65_535));
    assert_eq!(first.header.timestamp, Timestamp(u32::MAX).plus(799));
    capture.set_sending(false);
    assert!(pushed(&mut capture, 4800, false).is_empty());
}

#[test]
fn timestamps_and_lengths_follow_ptime_and_clock() {
    for (codec, unit) in [(Codec::Opus, 48), (Codec::G722, 8), (Codec::Pcma, 8)] {
        for (ptime, ms) in [(5, 10), (10, 10), (20, 20), (30, 20), (40, 40), (60, 60), (200, 60)] {
            let mut capture = capture(codec, ptime);
            capture.set_sending(true);
            let packets = pushed(&mut capture, 48_000, false);
            assert_eq!(packets.len(), 1000 / ms);
            let parsed: Vec<_> = packets.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
            assert_eq!(codec.duration(parsed[0].payload), Some(ms * 48));
            for pair in parsed.windows(2) {
                assert_eq!(pair[1].header.timestamp.since(pair[0].header.timestamp), (ms * unit) as i64);
                assert_eq!(pair[1].header.sequence.since(pair[0].header.sequence), 1);
                assert!(!pair[1].header.marker);
            }
        }
    }
}

#[test]
fn mute_is_silence_that_is_sent() {
    let mut capture = capture(Codec::Pcmu, 20);
    capture.set_sending(true);
    capture.set_muted(true);
    let packets = pushed(&mut capture, 9600, false);
    assert_eq!(packets.len(), 10);
    assert!(Packet::parse(&packets[9]).unwrap().payload.iter().all(|octet| *octet == 0xff || *octet == 0x7f));
    assert!(capture.dbfs() > -13.0, "the meter shows the microphone");
}

#[test]
fn time_goes_on_while_an_event_is_sent() {
    let mut capture = capture(Codec::Pcmu, 20);
    capture.set_sending(true);
    let before = Packet::parse(&pushed(&mut capture, 960, false)[0]).unwrap().header.timestamp;
    assert!(pushed(&mut capture, 4800, true).is_empty());
    let packets = pushed(&mut capture, 960, false);
    let after = Packet::parse(&packets[0]).unwrap().header;
    assert_eq!(after.timestamp.since(before), 160 + 800);
    assert!(after.marker);
    let there = capture.timestamp().plus(400);
    capture.reach(there);
    assert_eq!(capture.timestamp(), there);
    capture.reach(Timestamp(there.0.wrapping_sub(1000)));
    assert_eq!(capture.timestamp(), there);
}

#[test]
fn broken_drivers_do_not_reach_the_codec() {
    let mut capture = capture(Codec::Opus, 20);
    capture.set_sending(true);
    let mut packets = 0;
    capture.push(&[f32::NAN; 960], false, |_| packets += 1);
    capture.push(&[f32::INFINITY; 960], false, |_| packets += 1);
    capture.push(&[1e30; 960], false, |_| packets += 1);
    assert_eq!(packets, 3);
}

#[test]
fn a_new_codec_goes_on_in_time() {
    let mut capture = capture(Codec::Pcmu, 20);
    capture.set_sending(true);
    let first = pushed(&mut capture, 1920, false);
    let last = Packet::parse(&first[1]).unwrap().header.timestamp;
    capture.set_codec(&AgreedCodec { codec: Codec::Opus, pt: 111, max_bitrate: None }, 20).unwrap();
    let packets = pushed(&mut capture, 1920, false);
    let next = Packet::parse(&packets[0]).unwrap().header;
    assert_eq!(next.timestamp.since(last), 160);
    assert_eq!(next.payload_type, 111);
    assert!(next.marker);
}
