//! Short packets: chosen on a good path, left when it is not, and what they save.

use super::*;
use crate::ladder::Delay;

/// Samples at 48 kHz from the mouth of the first end to the ear of the second, by the last two seconds.
fn mouth_to_ear(pair: &Pair) -> usize {
    let (said, heard) = (&pair.ends[0].said, &pair.ends[1].heard);
    let from = said.len() - 96_000;
    let found = find_delay(&said[from..from + 48_000], &heard[from..], 12_000).unwrap();
    assert!(found.likeness > 0.8, "{found:?}");
    found.delay
}

fn packet_ms(pair: &Pair) -> [f64; 2] {
    [0, 1].map(|end: usize| pair.ends[end].session.quality().packet_ms)
}

#[test]
fn a_good_path_gets_short_packets_and_sound_is_there_sooner() {
    let mut pair = Pair::new(Codec::Opus);
    pair.ends.iter_mut().for_each(|end| end.session.set_delay(Delay::Auto));
    pair.run(4);
    assert_eq!(packet_ms(&pair), [20.0; 2], "the path is not known yet");
    pair.run(36);
    assert_eq!(packet_ms(&pair), [10.0; 2]);
    // Ten milliseconds of the frame and four of the look-ahead.
    let mut usual = Pair::new(Codec::Opus);
    usual.ends.iter_mut().for_each(|end| end.session.set_delay(Delay::Safe));
    usual.run(40);
    let saved = (mouth_to_ear(&usual) as f64 - mouth_to_ear(&pair) as f64) / 48.0;
    assert!((12.0..16.0).contains(&saved), "{saved} ms");
    assert!(pair.ends.iter().all(|end| end.session.playout.counts().concealed == 0));
    pair.loss = 0.05;
    pair.run(10);
    assert_eq!(packet_ms(&pair), [20.0; 2], "the next report is enough");
    pair.loss = 0.0;
    pair.run(15);
    assert_eq!(packet_ms(&pair), [20.0; 2], "not at once again");
}

#[test]
fn safe_is_never_short_low_at_once_and_the_far_end_is_asked() {
    for (delay, short, ms) in [(Delay::Safe, true, 20.0), (Delay::Low, true, 10.0), (Delay::Low, false, 20.0)] {
        let mut pair = Pair::new(Codec::Opus);
        for end in &mut pair.ends {
            end.session.set_delay(delay);
            let agreed = Agreed { short, ..agreed(Codec::Opus, Direction::SendRecv) };
            end.session.apply(pair.start, &agreed).unwrap();
        }
        pair.run(1);
        assert_eq!(packet_ms(&pair), [ms; 2], "{delay:?}");
        pair.run(20);
        assert_eq!(packet_ms(&pair), [ms; 2], "{delay:?}");
    }
    let mut pair = Pair::new(Codec::G722);
    pair.ends.iter_mut().for_each(|end| end.session.set_delay(Delay::Low));
    pair.run(1);
    assert_eq!(packet_ms(&pair), [20.0; 2], "only Opus has them");
}

/// A tone through encoder, network and buffer, with the delay changed in its middle, wherever in a frame that is.
#[test]
fn nothing_is_heard_of_the_change() {
    for (offset, from, to) in [
        (0, Delay::Safe, Delay::Low),
        (200, Delay::Safe, Delay::Low),
        (470, Delay::Safe, Delay::Low),
        (0, Delay::Low, Delay::Safe),
        (300, Delay::Low, Delay::Safe),
    ] {
        let start = epoch();
        let session = |seed| {
            let config = SessionConfig { seed: [seed; 32], cname: None, bitrate: None };
            let mut session = Session::new(start, config);
            session.apply(start, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
            session.set_sending(true);
            session.set_delay(from);
            session
        };
        let (mut here, mut there) = (session(1), session(2));
        let step = std::f32::consts::TAU * 300.0 / 48_000.0;
        let (mut phase, mut heard, mut places) = (0, Vec::new(), Vec::new());
        for block in 0..400_u32 {
            let now = start + 10 * MS * block;
            if block == 200 {
                here.set_delay(to);
            }
            // Blocks of a device lie as they like.
            let count = if block == 150 { 480 - offset } else { 480 };
            let sound: Vec<f32> = (phase..phase + count).map(|n| 0.3 * (n as f32 * step).sin()).collect();
            phase += count;
            here.capture(now, &sound);
            loop {
                match here.poll_output() {
                    SessionOutput::Rtp(bytes) => {
                        let packet = Packet::parse(&bytes).unwrap();
                        places.push((packet.header.timestamp, Codec::Opus.duration(packet.payload).unwrap()));
                        there.handle_rtp(now, &bytes);
                    }
                    SessionOutput::Timeout(_) => break,
                    _ => {}
                }
            }
            let mut out = [0.0; 480];
            there.playout(now, &mut out);
            heard.extend(out);
        }
        let frames: Vec<usize> = places.iter().map(|place| place.1).collect();
        let whole = if from == Delay::Safe { [960, 480] } else { [480, 960] };
        assert_eq!([frames[0], frames[frames.len() - 1]], whole);
        assert_eq!(frames.windows(2).filter(|pair| pair[0] != pair[1]).count(), 1, "{from:?}: it changes once");
        for pair in places.windows(2) {
            assert_eq!(pair[1].0.since(pair[0].0), pair[0].1 as i64, "time goes on without a gap");
        }
        // The first long packet is there ten milliseconds later than the next short one would have been.
        let most = if from == Delay::Low { 960 } else { 0 };
        assert!(there.playout.counts().concealed <= most, "{from:?}, {offset}");
        let settled = &heard[24_000..];
        let steepest = settled.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        // The loudness of each five milliseconds, one and a half periods of the tone.
        let loudness = |piece: &[f32]| (piece.iter().map(|sample| sample * sample).sum::<f32>() / 240.0).sqrt() / 0.212;
        let least = settled.chunks_exact(240).map(loudness).fold(1.0, f32::min);
        assert!(steepest < 2.5 * 0.3 * step, "{from:?}, {offset}: a click of {steepest}");
        assert!(least > 0.4, "{from:?}, {offset}: a gap, {least} of the loudness");
    }
}
