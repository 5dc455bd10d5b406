//! Packets from others, late ones, and what is no sound at all.

use super::*;

#[test]
fn another_source_may_take_over_at_any_time() {
    let mut pair = Pair::new(Codec::Opus);
    pair.run(3);
    // The far end is replaced by another, whose numbers wrap in its first second.
    let now = pair.now();
    let mut other = Session::new(now, SessionConfig { seed: [9; 32], cname: None, bitrate: None });
    other.apply(now, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    other.set_sending(true);
    other.capture = Capture::new(Ssrc(5), Sequence(65_520), Timestamp(u32::MAX - 9_000));
    other.apply(now, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    other.update_sending();
    let at = pair.ends[1].heard.len();
    pair.ends[0].session = other;
    // It begins to speak softly; a voice cut into would click by itself.
    pair.ends[0].voice = Speech::new(33);
    pair.run(4);
    let said = &pair.ends[0].said[at + 24_000..at + 120_000];
    let found = find_delay(said, &pair.ends[1].heard[at + 24_000..], 24_000).unwrap();
    assert!(found.delay < 6_000, "{found:?}");
    assert_eq!(pair.ends[1].session.quality().loss_pct, 0.0);
    let steepest = |sound: &[f32]| sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    let (heard, said) = (steepest(&pair.ends[1].heard), steepest(&pair.ends[0].said));
    assert!(heard < 1.5 * said, "a click: {heard} against {said}");
}

#[test]
fn stragglers_of_the_old_source_do_not_bring_it_back() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    session.apply(start, &agreed(Codec::Pcmu, Direction::SendRecv)).unwrap();
    let packet = |ssrc, n: u32| {
        let sequence = Sequence(n as u16);
        Header { marker: false, payload_type: 0, sequence, timestamp: Timestamp(n * 160), ssrc: Ssrc(ssrc) }
            .packet(&[0xff; 160])
    };
    for n in 0..10 {
        session.handle_rtp(start + 20 * MS * n, &packet(1, n));
    }
    session.handle_rtp(start + 200 * MS, &packet(2, 700));
    session.handle_rtp(start + 201 * MS, &packet(1, 10));
    assert_eq!(session.reception.as_ref().unwrap().ssrc(), Ssrc(2));
    session.handle_rtp(start + 900 * MS, &packet(1, 45));
    assert_eq!(session.reception.as_ref().unwrap().ssrc(), Ssrc(1));
}

#[test]
fn rubbish_of_every_length_and_first_byte_changes_nothing() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    session.apply(start, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    let mut rng = ChaCha12Rng::seed_from_u64(4);
    let mut noise = vec![0u8; 1500];
    rng.fill(&mut noise[..]);
    for length in (0..64).chain((64..=1500).step_by(31)) {
        for first in 0..=255u8 {
            let mut bytes = noise[..length].to_vec();
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            session.handle_rtcp(start, &bytes);
            // 127 was agreed for nothing.
            if let Some(byte) = bytes.get_mut(1) {
                *byte = 127;
            }
            session.handle_rtp(start, &bytes);
        }
    }
    assert!(session.reception.is_none() && session.rtt.is_none());
    assert!(matches!(session.poll_output(), SessionOutput::Timeout(_)));
}

#[test]
fn any_payload_of_an_agreed_type_is_survived() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    session.apply(start, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    let mut rng = ChaCha12Rng::seed_from_u64(5);
    let mut out = [0.0; 480];
    for n in 0..4_000u32 {
        let mut payload = vec![0u8; rng.random_range(0..400)];
        rng.fill(&mut payload[..]);
        let header = Header {
            marker: rng.random(),
            payload_type: [111, 0, 8, 101, 110, 13][rng.random_range(0..6)],
            sequence: Sequence(if rng.random_bool(0.01) { rng.random() } else { n as u16 }),
            timestamp: Timestamp(if rng.random_bool(0.01) { rng.random() } else { n * 960 }),
            ssrc: Ssrc(rng.random_bool(0.01).into()),
        };
        let now = start + 20 * MS * n;
        session.handle_rtp(now, &header.packet(&payload));
        session.playout(now, &mut out);
        session.playout(now, &mut out);
        assert!(out.iter().all(|sample| sample.is_finite()));
        let _ = session.quality();
    }
    assert_eq!(Packet::parse(&[0x80; 12]).unwrap().payload, &[] as &[u8]);
    assert_eq!(RATE, 48_000);
}
