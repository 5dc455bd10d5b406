use super::*;
use crate::rtcp::{Compound, RtcpPacket};

fn voip() -> Voip {
    Voip {
        ssrc: Ssrc(7),
        lost: 26,
        discarded: 3,
        burst_density: 128,
        gap_density: 2,
        burst_ms: 140,
        gap_ms: 9_000,
        round_trip_ms: 81,
        end_system_ms: 90,
        signal: -21,
        noise: -60,
        echo: UNKNOWN,
        gmin: GMIN,
        rating: 71,
        outer_rating: UNKNOWN,
        mos_lq: 37,
        mos_cq: 36,
        config: 0xb1,
        buffer_ms: [40, 60, 400],
    }
}

fn all() -> Vec<Block> {
    let summary = Summary {
        ssrc: Ssrc(7),
        begin: 10,
        end: 260,
        lost: Some(25),
        doubled: None,
        jitter: Some([0, 900, 140, 80]),
        hops_of: 1,
        hops: [50, 60, 55, 2],
    };
    vec![
        Block::Losses(Losses::new(Ssrc(7), 65_530, &[true, true, false, true, false, false, true])),
        Block::Reference(Ntp(0x1122_3344_5566_7788)),
        Block::LastReference(vec![LastReference { ssrc: Ssrc(9), last: 77, delay: 65_536 }; 2]),
        Block::Summary(summary),
        Block::Voip(voip()),
    ]
}

#[test]
fn what_is_written_is_read() {
    let compound = Compound(vec![RtcpPacket::Extended(Ssrc(3), all()), RtcpPacket::Bye(vec![Ssrc(3)])]);
    assert_eq!(Compound::parse(&compound.to_bytes()), Ok(compound));
}

/// RFC 3611 section 4.7: the block, byte by byte.
#[test]
fn the_figures_of_telephony_are_where_the_rfc_has_them() {
    let mut bytes = Vec::new();
    write(&Block::Voip(voip()), &mut bytes);
    let expected = [
        7, 0, 0, 8, 0, 0, 0, 7, 26, 3, 128, 2, 0, 140, 0x23, 0x28, 0, 81, 0, 90, 235, 196, 127, 16, 71, 127, 37, 36,
        0xb1, 0, 0, 40, 0, 60, 1, 0x90,
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn losses_are_what_was_told_whatever_their_pattern() {
    let runs = |run: usize| (0..600).map(move |n| (n / run).is_multiple_of(2)).collect::<Vec<bool>>();
    for came in [1, 2, 3, 14, 15, 16, 40, 700].map(runs) {
        for length in [0, 1, 14, 15, 16, 31, 600] {
            let losses = Losses::new(Ssrc(1), 65_300, &came[..length]);
            assert!(losses.came().eq(came[..length].iter().copied()));
            let mut body = vec![0, 0, 0, 5];
            write(&Block::Losses(losses.clone()), &mut body);
            assert_eq!(read(&body), Some((Ssrc(5), vec![Block::Losses(losses)])), "{length}");
        }
    }
    let long = Losses::new(Ssrc(1), 0, &vec![true; 40_000]);
    assert!(long.came().count() == 40_000 && long.came().all(|came| came));
    let rows = Losses::new(Ssrc(1), 0, &[false, true, false, false, false, true, false]);
    assert_eq!(rows.rows(), Some((5, 3)));
    assert_eq!(Losses { thinning: 1, ..rows }.rows(), None);
}

/// RFC 3611 section 4.1.1 and 4.1.2, with bits and runs mixed as another phone may write them.
#[test]
fn chunks_of_another_hand_are_understood() {
    let body = [0, 0, 0, 5, 1, 0, 0, 4, 0, 0, 0, 7, 0, 10, 0, 40, 0x40, 10, 0, 2, 0xc0, 0, 0, 0];
    let Some((_, blocks)) = read(&body) else { panic!("it is well formed") };
    let [Block::Losses(losses)] = &blocks[..] else { panic!("{blocks:?}") };
    let came: Vec<bool> = losses.came().collect();
    assert_eq!(came.len(), 10 + 2 + 15, "what is not said is not made up");
    assert!(came[..10].iter().all(|came| *came) && !came[10] && !came[11] && came[12] && !came[13]);
}

#[test]
fn strange_blocks_are_left_out_and_bad_lengths_refused() {
    let mut body = vec![0, 0, 0, 5];
    body.extend([99, 0, 0, 1, 1, 2, 3, 4]);
    // A reference time is never so short.
    body.extend([4, 0, 0, 1, 1, 2, 3, 4]);
    write(&Block::Reference(Ntp(8)), &mut body);
    assert_eq!(read(&body), Some((Ssrc(5), vec![Block::Reference(Ntp(8))])));
    body.pop();
    assert_eq!(read(&body), None);
    assert_eq!(read(&[0, 0, 0, 5, 7, 0, 0xff, 0xff]), None);
}

#[test]
fn wishes_are_read_as_phones_write_them() {
    let wishes = Wishes::read("rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics");
    assert_eq!(wishes, Wishes { losses: false, ..Wishes::ALL });
    assert_eq!(Wishes::read("pkt-loss-rle=120 pkt-dup-rle x"), Wishes { losses: true, ..Wishes::default() });
    assert!(Wishes::read("").is_none() && Wishes::default().to_string().is_empty());
    assert_eq!(Wishes::read(&Wishes::ALL.to_string()), Wishes::ALL);
}
