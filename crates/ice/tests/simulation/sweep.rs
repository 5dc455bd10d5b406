//! Datagrams of every length with every first octet, before there are keys and after.

use std::time::Duration;

use ice::{Timing, testing::World};

use super::{
    SECOND, connected, hear_each_other,
    hostile::{inject, unchanged},
    world,
};

/// A datagram of each length up to 1,500 for the first and last octet of each range of RFC 7983, and the kinds of DTLS
/// records: STUN, nobody, ZRTP, DTLS, channels of TURN, nobody, RTP and RTCP, nobody. STUN and DTLS are whole messages.
fn sweep() -> impl Iterator<Item = Vec<u8>> {
    let firsts = [0_u8, 1, 3, 4, 15, 16, 19, 20, 21, 22, 23, 63, 64, 79, 80, 127, 128, 191, 192, 255];
    (0..=1_500_u16).flat_map(move |length| {
        firsts.into_iter().map(move |first| {
            let mut bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("below 251")).collect();
            let (head, at): (&[u8], _) = match first {
                // A cookie and a length, to be followed by attributes that are none.
                0..=3 => (&[first, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], 2),
                20..=63 => (&[first, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 11),
                // A channel, or the payload type of our sound, and of reports.
                64..=127 => (&[first, 0, 0, 0], 2),
                191 => (&[first, 200, 0, 0], 2),
                _ => (&[first, 111], 0),
            };
            let whole = usize::from(length).saturating_sub(if first < 4 { 20 } else { head.len() });
            let said = u16::try_from(if first == 191 { whole / 4 } else { whole }).expect("short").to_be_bytes();
            bytes.iter_mut().zip(head).for_each(|(own, wanted)| *own = *wanted);
            if let (1.., Some(own)) = (at, bytes.get_mut(at..at + 2)) {
                own.copy_from_slice(&said);
            }
            bytes
        })
    })
}

#[test]
fn no_first_octet_and_no_length_does_anything() {
    let mut world = connected(5);
    world.talk(0, 1, 0, SECOND / 5);
    world.run(SECOND, |_| false);
    let heard = world.ends[1].rtp.len();
    // All octets with the shortest, some octets with all.
    let short = (0..=255_u8).flat_map(|first| (0..24).map(move |length| vec![first; length]));
    for (n, bytes) in short.chain(sweep()).enumerate() {
        inject(&mut world, &bytes);
        if n % 100 == 0 {
            world.run(Duration::from_millis(1), |_| false);
        }
    }
    world.run(Duration::from_millis(1), |_| false);
    unchanged(&world, heard);
    assert!(world.ends[1].rtcp.is_empty());
    hear_each_other(&mut world, 2);
}

/// The same before there are keys: while nothing is known of the far end, while it is awaited, and while both shake hands.
#[test]
fn no_first_octet_and_no_length_stops_a_beginning() {
    let mut world = world(6, 0.0, Timing::FAST, 1200);
    for told in 0..3 {
        match told {
            0 => {}
            1 => world.tell(1, false, false),
            _ => world.tell(0, true, true),
        }
        for (n, bytes) in sweep().enumerate() {
            inject(&mut world, &bytes);
            // Some three hundred milliseconds.
            if n % 100 == 0 {
                world.run(Duration::from_millis(1), |_| false);
            }
        }
        unchanged(&world, 0);
        assert!(world.ends[1].rtcp.is_empty());
    }
    world.run(10 * SECOND, World::secure);
    assert!(world.secure() && world.ends.iter().all(|end| end.failed.is_none() && !end.closed));
    hear_each_other(&mut world, 2);
}
