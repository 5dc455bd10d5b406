//! Packets, the jitter buffer, and a whole session.

use std::time::{Duration, Instant};

use super::{Choices, MS};
use crate::{
    RATE,
    agreed::{Agreed, Direction},
    codec::{Codec, noise::ComfortNoise},
    dtmf::{DtmfReceiver, Event},
    inband::InbandReceiver,
    jitter::{BLOCK, JitterBuffer, Step},
    offer::{LocalPath, Negotiation, Policy},
    red::Redundant,
    rtcp::Compound,
    rtp::{Header, Packet, Sequence, Ssrc, Timestamp},
    session::{Session, SessionConfig, SessionOutput},
    testing::epoch,
    xr::Block,
};

/// The steps of one script that count.
const MOST: usize = 600;
const CODECS: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma];
/// What was agreed, what comfort noise has, and what nobody agreed.
const PAYLOAD_TYPES: [u8; 9] = [111, 0, 8, 110, 126, 13, 9, 72, 63];
/// What a far end like ours offers.
const OFFER: &str = "v=0\r\no=far 10 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
    m=audio 5000 UDP/TLS/RTP/SAVPF 111 63 0 8 110 126\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:110 telephone-event/48000\r\n\
    a=rtpmap:126 telephone-event/8000\r\na=setup:actpass\r\na=ice-ufrag:their\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
    a=fingerprint:sha-256 11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00\r\n\
    a=candidate:1 1 udp 2130706431 198.51.100.1 5000 typ host\r\na=rtcp-mux\r\n\
    a=rtcp-xr:pkt-loss-rle rcvr-rtt=all stat-summary=loss,dup,jitt voip-metrics\r\n";

/// RTP and RTCP: a payload lies in its packet, and reports are written as they were read.
pub fn packets(bytes: &[u8]) {
    if let Ok(packet) = Packet::parse(bytes) {
        assert!(packet.payload.len() + 12 <= bytes.len());
        let again = packet.header.packet(packet.payload);
        assert_eq!(Packet::parse(&again), Ok(packet));
        assert!(Compound::parse(bytes).is_err(), "nothing is both");
    }
    if let Ok(compound) = Compound::parse(bytes) {
        let written = compound.to_bytes();
        if !written.is_empty() {
            let again = Compound::parse(&written).expect("ours parses");
            assert_eq!(again.to_bytes(), written);
            assert_eq!(again.0.len(), compound.0.len());
        }
    }
}

/// The blocks of an extended report: what is read is written with the same meaning, and what it counts is bounded.
pub fn xr(bytes: &[u8]) {
    let Some((_, blocks)) = crate::xr::read(bytes) else { return };
    for block in blocks {
        let mut written = vec![0; 4];
        crate::xr::write(&block, &mut written);
        assert_eq!(crate::xr::read(&written), Some((Ssrc(0), vec![block.clone()])));
        let Block::Losses(losses) = block else { continue };
        let packets = losses.came().count();
        assert!(packets <= usize::from(u16::MAX), "{packets}");
        let lost = losses.came().filter(|came| !came).count();
        assert!(losses.rows().is_none_or(|(all, rows)| all as usize == lost && rows <= all), "{losses:?}");
    }
}

/// Telephone events of one stream, each with how it lies to the one before: no packet makes a key twice, and only one of a key
/// does.
pub fn event(script: &[u8]) {
    let (mut choices, mut receiver, mut header) = (Choices(script), DtmfReceiver::default(), first());
    for _ in 0..MOST {
        let Some(length) = choices.next() else { return };
        move_on(&mut header, &mut choices);
        let payload = choices.some(usize::from(length % 8));
        let event = Event::parse(payload);
        let pressed = receiver.packet(&header, payload);
        assert!(pressed.is_none() || pressed == event.and_then(|event| crate::dtmf::key(event.code)), "{payload:?}");
        assert_eq!(receiver.packet(&header, payload), None, "again: {payload:?}");
        let Some(event) = event else { continue };
        // The bit between the end and the volume is reserved, and zero in what we send.
        assert_eq!(event.to_bytes()[..], [payload[0], payload[1] & 0xbf, payload[2], payload[3]]);
    }
}

/// Redundant sound: what is read is written as it was.
pub fn red(bytes: &[u8]) {
    let Ok(redundant) = Redundant::parse(bytes) else { return };
    let mut written = Vec::new();
    redundant.write(&mut written).expect("what is read fits");
    assert_eq!(written, bytes);
}

/// Comfort noise: packets, each with its length before it, make sound of the length asked for and within bounds.
pub fn noise(script: &[u8]) {
    let mut choices = Choices(script);
    let length = usize::from(choices.byte());
    let Some(mut noise) = ComfortNoise::new(choices.some(length)) else { return };
    for _ in 0..MOST / 6 {
        let Some(length) = choices.next() else { return };
        noise.update(choices.some(usize::from(length)));
        let mut made = Vec::new();
        noise.make(2 * BLOCK, &mut made);
        assert_eq!(made.len(), 2 * BLOCK);
        assert!(made.iter().all(|sample| sample.abs() <= 1.0), "a din");
    }
}

/// Keys in the sound: samples of eight bits, in blocks of any length. No key comes sooner than one can be pressed.
pub fn inband(script: &[u8]) {
    let (mut choices, mut receiver) = (Choices(script), InbandReceiver::new());
    let (mut samples, mut keys) = (0, 0);
    while let Some(length) = choices.next() {
        let block: Vec<f32> = choices
            .some(usize::from(length))
            .iter()
            // Held for six samples, which makes it one at 8 kHz, where the keys are looked for.
            .flat_map(|octet| [(f32::from(*octet) - 128.0) / 128.0; 6])
            .collect();
        samples += block.len();
        receiver.push(&block, |key| {
            assert!(crate::dtmf::code(key).is_some(), "{key}");
            keys += 1;
        });
    }
    assert!(keys <= samples / (RATE as usize / 40), "{keys} keys in {samples} samples");
}

/// The jitter buffer: packets in any order and at any time. It keeps a bounded number, and always says how to go on.
pub fn jitter(script: &[u8]) {
    let (mut choices, start) = (Choices(script), epoch());
    let mut buffer = JitterBuffer::new(start);
    let (mut now, mut header) = (start, first());
    for _ in 0..MOST {
        let Some(what) = choices.next() else { return };
        match what % 4 {
            0 | 1 => {
                move_on(&mut header, &mut choices);
                let codec = CODECS[usize::from(what >> 4) % CODECS.len()];
                let length = usize::from(choices.byte());
                let _ = buffer.insert(now, &header, codec, choices.some(length));
            }
            2 => match buffer.next(now, usize::from(what >> 2) * 7) {
                Step::Play { packet, skip } => {
                    assert!((1..=5_760).contains(&packet.duration) && skip < packet.duration, "{skip} of {packet:?}");
                }
                Step::Recover { samples, .. } | Step::Restore { samples, .. } | Step::Conceal { samples, .. } => {
                    assert!((1..=48_000).contains(&samples), "{samples}");
                    buffer.stretched(i64::from(what >> 2) - 32);
                }
                Step::Wait => {}
            },
            _ => {
                now += MS * u32::from(choices.byte());
                let _ = (buffer.insert_other(&header), buffer.wanted_stretch());
                let (codec, offset) = (CODECS[usize::from(what >> 4) % CODECS.len()], u16::from(what) * 96);
                let _ = buffer.insert_copy(&header, codec, offset, choices.some(20));
            }
        }
        assert!(buffer.target() <= 400 * MS);
    }
}

/// A whole session: packets of the far end, sound, keys and time. What it sends are packets, what it plays is sound, and
/// time goes on.
pub fn session(script: &[u8]) {
    let (mut choices, start) = (Choices(script), epoch());
    let mut session = Session::new(start, SessionConfig { seed: [1; 32], cname: None, bitrate: None });
    let agreed = agreed();
    session.apply(start, &agreed).expect("there are codecs");
    session.set_sending(true);
    let (mut now, mut header) = (start, first());
    for _ in 0..MOST {
        let Some(what) = choices.next() else { break };
        match what % 8 {
            0 | 1 => {
                move_on(&mut header, &mut choices);
                header.payload_type = PAYLOAD_TYPES[usize::from(what >> 5)];
                let length = usize::from(choices.byte());
                session.handle_rtp(now, &header.packet(choices.some(length)));
            }
            2 => {
                let length = usize::from(choices.byte());
                session.handle_rtp(now, choices.some(length));
            }
            3 => {
                let length = usize::from(choices.byte());
                session.handle_rtcp(now, choices.some(length));
            }
            4 | 5 => {
                let mut block = [0.25; BLOCK];
                session.capture(now, &block);
                session.playout(now, &mut block);
                assert!(block.iter().all(|sample| sample.abs() < 1.001), "that is no sound");
                now = passed(&mut session, now, 10 * MS);
            }
            6 => now = passed(&mut session, now, 100 * MS * u32::from(choices.byte())),
            _ => match what >> 3 {
                key @ 0..16 => {
                    let _ = session.send_dtmf(now, crate::dtmf::key(key).unwrap_or(','), 100 * MS);
                }
                other => {
                    let direction =
                        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
                    let direction = direction[usize::from(other) % direction.len()];
                    session.apply(now, &Agreed { direction, ..agreed.clone() }).expect("there are codecs");
                }
            },
        }
        drain(&mut session);
    }
    let quality = session.quality();
    assert!((1.0..=4.5).contains(&quality.mos) && (0.0..=100.0).contains(&quality.loss_pct), "{quality:?}");
    assert!(quality.buffer_ms.is_finite() && quality.jitter_ms.is_finite(), "{quality:?}");
    session.close(now);
    drain(&mut session);
}

/// Lets `time` pass, timer by timer.
fn passed(session: &mut Session, now: Instant, time: Duration) -> Instant {
    let end = now + time;
    let mut turns = 0;
    while let Some(due) = drain(session).filter(|due| *due <= end) {
        session.handle_timeout(due.max(now));
        turns += 1;
        assert!(turns < 10_000, "time goes on");
    }
    end
}

fn drain(session: &mut Session) -> Option<Instant> {
    loop {
        match session.poll_output() {
            SessionOutput::Rtp(bytes) => assert!(Packet::parse(&bytes).is_ok()),
            SessionOutput::Rtcp(bytes) => assert!(Compound::parse(&bytes).is_ok()),
            SessionOutput::Event(_) => {}
            SessionOutput::Timeout(due) => return due,
        }
    }
}

fn first() -> Header {
    Header {
        marker: false,
        payload_type: 111,
        sequence: Sequence(65_530),
        timestamp: Timestamp(u32::MAX - 5_000),
        ssrc: Ssrc(1),
    }
}

/// The next packet of the far end, or any other.
fn move_on(header: &mut Header, choices: &mut Choices<'_>) {
    let how = choices.byte();
    let by = u16::from(how % 8);
    header.sequence = Sequence(header.sequence.0.wrapping_add(by));
    header.timestamp = header.timestamp.plus(u32::from(by) * if how & 0x40 == 0 { 960 } else { 160 });
    header.marker = how & 0x20 != 0;
    match how >> 3 {
        1 => header.sequence = Sequence(u16::from_be_bytes([choices.byte(), choices.byte()])),
        2 => {
            let at = [choices.byte(), choices.byte(), choices.byte(), choices.byte()];
            header.timestamp = Timestamp(u32::from_be_bytes(at));
        }
        3 => header.ssrc = Ssrc(u32::from(choices.byte() % 3)),
        _ => {}
    }
}

/// What a call with a far end like ours agrees on.
fn agreed() -> Agreed {
    let local = LocalPath {
        ufrag: "ours".into(),
        pwd: "0123456789abcdefghijkl".into(),
        fingerprint: "sha-256 00".into(),
        candidates: Vec::new(),
        default: ([192, 0, 2, 1], 40_000).into(),
    };
    let answered = Negotiation::new([7; 32], Policy::default()).answer(OFFER.as_bytes(), &local, Direction::SendRecv);
    answered.expect("a good offer").1
}
