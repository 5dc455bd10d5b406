//! What two ends say of their call, held against what the network between them did.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod network;

use media::codec::Codec;
use media::quality::Grade;
use media::rtcp::{Compound, RtcpPacket};
use media::xr::{Block, Losses, Summary, Voip};
use network::{Call, PATIENCE, Way};

const BURSTS: Way = Way { loss: 0.10, row: 3.0, delay_ms: 40.0, jitter_ms: 12.0 };
const RANDOM: Way = Way { loss: 0.05, row: 1.0, delay_ms: 70.0, jitter_ms: 4.0 };
const GOOD: Way = Way { loss: 0.0, row: 1.0, delay_ms: 20.0, jitter_ms: 2.0 };

/// How near to each other two figures are.
fn near(told: f64, truth: f64, bound: f64, what: &str) {
    assert!((told - truth).abs() <= bound, "{what}: told {told}, in truth {truth}");
}

#[test]
fn each_second_the_figures_are_those_of_the_network() {
    for codec in [Codec::Pcmu, Codec::Opus] {
        let mut call = Call::new(codec, [BURSTS, RANDOM]);
        call.run(15);
        let (mut sum, mut truth) = (0.0, 0.0);
        for second in 16..45 {
            call.run(1);
            for end in 0..2 {
                let what = format!("{codec:?} at {end} after {second} s");
                let (quality, ms) = (call.session(end).quality(), call.ms());
                let ledger = call.ledger(1 - end);
                // The oldest of ten samples was taken nine seconds ago.
                let (from, to) = (ledger.known(ms - 9_000.0), ledger.known(ms));
                let all = ledger.losses(from, to);
                near(quality.loss_pct, 100.0 * all.lost as f64 / all.expected as f64, 0.01, &what);
                let judged = ledger.losses(from - PATIENCE, to - PATIENCE);
                let row = (judged.lost > 0).then(|| judged.lost as f64 / judged.rows.max(1) as f64);
                assert_eq!(quality.burst, row, "{what}");
                near(quality.jitter_ms, ledger.jitter_ms(ms, f64::from(codec.clock())), 0.1, &what);
                // Both delays, and up to both jitters.
                near(quality.rtt_ms.unwrap(), 110.0 + 8.0, 8.1, &what);
                let missing = quality.loss_pct + quality.late_pct;
                if codec == Codec::Pcmu {
                    // Nothing is repaired: what did not come in time was made up, but for what waits at either edge.
                    near(quality.concealed_pct, missing, 2.0, &what);
                } else {
                    assert!(quality.concealed_pct <= missing + 2.0, "{what}: {quality:?}");
                }
                (sum, truth) = (sum + quality.concealed_pct, truth + missing);
            }
        }
        if codec == Codec::Pcmu {
            near(sum / truth, 1.0, 0.03, "made up, against what was missing");
        } else {
            assert!(sum < 0.8 * truth, "copies repair some: {sum} of {truth}");
        }
    }
}

/// All blocks of one kind that an end sent.
fn blocks<T>(reports: &[(f64, Compound)], pick: impl Fn(&Block) -> Option<T>) -> Vec<T> {
    let of = |packet: &RtcpPacket| match packet {
        RtcpPacket::Extended(_, blocks) => blocks.iter().filter_map(&pick).collect(),
        _ => Vec::new(),
    };
    reports.iter().flat_map(|(_, compound)| compound.0.iter().flat_map(of).collect::<Vec<T>>()).collect()
}

#[test]
fn extended_reports_tell_of_each_packet() {
    let mut call = Call::new(Codec::Opus, [BURSTS, RANDOM]);
    call.run(60);
    for end in 0..2 {
        let (came, first) = (call.ledger(1 - end).came(), call.ledger(1 - end).first());
        let all: Vec<Losses> =
            blocks(call.reports(end), |block| if let Block::Losses(own) = block { Some(own.clone()) } else { None });
        assert!((8..=20).contains(&all.len()), "{}", all.len());
        let mut told = Vec::new();
        for losses in &all {
            assert_eq!(losses.begin, first.wrapping_add(told.len() as u16), "no packet twice, and none left out");
            told.extend(losses.came());
            assert_eq!(losses.end, first.wrapping_add(told.len() as u16));
        }
        assert!(told.len() > 2_500 && told == came[..told.len()]);
        let all: Vec<Summary> =
            blocks(call.reports(end), |block| if let Block::Summary(own) = block { Some(*own) } else { None });
        let lost: u32 = all.iter().filter_map(|summary| summary.lost).sum();
        let until = usize::from(all.last().unwrap().end.wrapping_sub(first));
        assert_eq!(lost as usize, call.ledger(1 - end).losses(0, until).lost);
        assert!(all.iter().all(|summary| summary.doubled == Some(0)));
    }
    // And who is told knows how his packets are lost.
    let (far, near_rows) = (call.session(0).quality(), call.session(1).far_burst().unwrap());
    near(far.far_burst.unwrap(), 3.0, 1.0, "packets in a row");
    near(near_rows, 1.05, 0.2, "packets in a row");
    near(far.far_jitter_ms.unwrap(), call.ledger(0).jitter_ms(call.ms(), 48_000.0), 1.5, "jitter there");
}

/// Bursts by the words of RFC 3611 section 4.7.2: lost packets with fewer than sixteen others between them.
fn bursts(came: &[bool]) -> Vec<(usize, usize)> {
    let lost: Vec<usize> = (0..came.len()).filter(|at| !came[*at]).collect();
    let groups = lost.chunk_by(|one, next| next - one <= 16).filter(|group| group.len() > 1);
    groups.map(|group| (group[group.len() - 1] - group[0] + 1, group.len())).collect()
}

#[test]
fn the_figures_of_telephony_are_those_of_the_network() {
    let even = Way { jitter_ms: 0.0, loss: 0.04, ..BURSTS };
    let mut call = Call::new(Codec::Pcmu, [even, GOOD]);
    call.run(90);
    let last: Voip =
        *blocks(call.reports(1), |block| if let Block::Voip(own) = block { Some(*own) } else { None }).last().unwrap();
    let (at, _) = *call.reports(1).last().unwrap();
    let ledger = call.ledger(0);
    let judged = ledger.known(at) - PATIENCE;
    let came = &ledger.came()[..judged];
    let lost = came.iter().filter(|came| !**came).count();
    let bursts = bursts(came);
    let (packets, bad) = bursts.iter().fold((0, 0), |(packets, bad), burst| (packets + burst.0, bad + burst.1));
    assert!(bursts.len() > 10, "{bursts:?}");
    assert_eq!((usize::from(last.lost), last.discarded), (256 * lost / judged, 0));
    assert_eq!(usize::from(last.burst_density), 256 * bad / packets);
    assert_eq!(usize::from(last.burst_ms), 20 * packets / bursts.len());
    assert_eq!(usize::from(last.gap_density), 256 * (lost - bad) / (judged - packets));
    assert_eq!(usize::from(last.gap_ms), 20 * (judged - packets) / (bursts.len() + 1));
    near(f64::from(last.round_trip_ms), 61.0, 1.1, "the round trip");
    let (told, heard) = (call.session(0).quality().far_mos.unwrap(), f64::from(last.mos_cq) / 10.0);
    assert_eq!(told, heard, "who is told knows it");
    assert!(last.mos_cq <= last.mos_lq && last.rating < 93 && last.signal == 127, "{last:?}");
}

#[test]
fn a_good_network_is_called_good_and_a_bad_one_bad() {
    for (way, grades) in [
        (GOOD, [Grade::Clear, Grade::Clear]),
        (RANDOM, [Grade::Clear, Grade::Fair]),
        (Way { loss: 0.2, ..BURSTS }, [Grade::Poor, Grade::Bad]),
    ] {
        let mut call = Call::new(Codec::Opus, [way, GOOD]);
        call.run(30);
        let quality = call.session(1).quality();
        assert!(grades.contains(&quality.grade), "{way:?}: {quality:?}");
        assert_eq!(call.session(0).quality().grade, Grade::Clear, "{way:?}");
        let told = call.session(0).quality().far_mos.unwrap();
        assert!((told < 3.6) == (grades[0] == Grade::Poor), "{told}");
    }
}

/// RFC 3611 sections 4.4 and 4.5: who sends no sender reports measures the round trip by reference times.
#[test]
fn who_only_listens_knows_the_round_trip_too() {
    let mut call = Call::new(Codec::Opus, [BURSTS, RANDOM]);
    call.session(1).set_sending(false);
    call.run(30);
    assert!(call.reports(1).iter().all(|(_, compound)| match &compound.0[0] {
        RtcpPacket::Report { info, .. } => info.is_none(),
        _ => false,
    }));
    near(call.session(1).quality().rtt_ms.unwrap(), 118.0, 8.1, "the one that listens");
    near(call.session(0).quality().rtt_ms.unwrap(), 118.0, 8.1, "the one that talks");
}
