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

/// The first and last of each range of RFC 7983: STUN, nobody, ZRTP, DTLS, channels of TURN, nobody, RTP and RTCP, nobody.
const FIRST: [u8; 16] = [0, 3, 4, 15, 16, 19, 20, 63, 64, 79, 80, 127, 128, 191, 192, 255];

/// Datagrams of each length up to 1,500 with each of these octets before noise, and with what stands behind it: all that
/// [`agreed`] has, comfort noise, a type that is agreed for nothing, and what RTCP has.
fn sweep(mut take: impl FnMut(u32, &mut [u8])) {
    let mut noise = vec![0u8; 1500];
    ChaCha12Rng::seed_from_u64(4).fill(&mut noise[..]);
    let second = [127, 111, 9, 0, 8, 101, 110, 63, 13, 200, 201, 202, 203, 207];
    for length in 0..=1500u32 {
        for (n, first) in FIRST.into_iter().enumerate() {
            // So that each two meet: there are fourteen lengths for them.
            let second = second[(n + length as usize) % second.len()];
            let mut bytes = noise[..length as usize].to_vec();
            for (byte, wanted) in bytes.iter_mut().zip([first, second]) {
                *byte = wanted;
            }
            // RTCP says how long it is, in words.
            if let (200.., Some(said)) = (second, bytes.get_mut(2..4)) {
                said.copy_from_slice(&((length / 4) as u16).wrapping_sub(1).to_be_bytes());
            }
            take(length, &mut bytes);
        }
    }
}

#[test]
fn rubbish_of_every_length_and_first_byte_changes_nothing() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    // Before anything was agreed no sound has a meaning, but comfort noise, whose type is the same everywhere.
    sweep(|_, bytes| {
        if bytes.get(1).is_none_or(|second| second & 0x7f != 13) {
            session.handle_rtp(start, bytes);
        }
        session.handle_rtcp(start, bytes);
    });
    session.apply(start, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    sweep(|_, bytes| {
        session.handle_rtcp(start, bytes);
        // 127 was agreed for nothing.
        if let Some(byte) = bytes.get_mut(1) {
            *byte = 127;
        }
        session.handle_rtp(start, bytes);
    });
    let packets = session.playout.packets();
    assert!(session.reception.is_none(), "{packets:?}");
    assert_eq!((session.rtt, session.far_loss, packets.received), (None, None, 0));
    assert!(matches!(session.poll_output(), SessionOutput::Timeout(_)));
}

/// What comes with the keys of the far end is its own sound, whatever it is: it must not harm us, and time goes on.
#[test]
fn rubbish_of_every_length_with_the_keys_of_the_far_end_is_survived() {
    let start = epoch();
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    session.apply(start, &agreed(Codec::Opus, Direction::SendRecv)).unwrap();
    let (mut out, mut before) = ([0.0; 480], 0);
    sweep(|length, bytes| {
        let now = start + 10 * MS * length;
        // A stream that goes on, so that what is in it is looked at.
        let head = [(length as u16).to_be_bytes(), [0; 2], [0; 2], [0; 2], [0; 2]].concat();
        if let (..200, Some(own)) = (bytes.get(1).copied().unwrap_or(255), bytes.get_mut(2..12)) {
            own.copy_from_slice(&head);
            own[2..6].copy_from_slice(&(length * 480).to_be_bytes());
        }
        session.handle_rtp(now, bytes);
        session.handle_rtcp(now, bytes);
        if length != before {
            before = length;
            session.playout(now, &mut out);
            assert!(out.iter().all(|sample| sample.abs() < 1.001), "{length}");
            session.handle_timeout(now);
            while !matches!(session.poll_output(), SessionOutput::Timeout(_)) {}
        }
    });
    let quality = session.quality();
    assert!((1.0..=4.5).contains(&quality.mos) && quality.jitter_ms.is_finite(), "{quality:?}");
    assert!(session.playout.packets().received > 300, "it was looked at: {:?}", session.playout.packets());
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
