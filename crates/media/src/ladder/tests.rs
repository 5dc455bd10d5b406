use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::rtp::Ssrc;

const MS: Duration = Duration::from_millis(1);

fn agreed() -> Ladder {
    let mut ladder = Ladder::default();
    ladder.agree(true, None);
    ladder
}

fn block(expected: u32, lost: u32, sums: &mut (u32, u32)) -> ReportBlock {
    *sums = (sums.0 + expected, sums.1 + lost);
    ReportBlock {
        ssrc: Ssrc(1),
        fraction_lost: (lost * 256 / expected).min(255) as u8,
        cumulative_lost: sums.1 as i32,
        highest_sequence: sums.0,
        jitter: 0,
        last_sr: 0,
        delay_since_last_sr: 0,
    }
}

/// Reports of 250 packets with this loss in percent.
fn reported(ladder: &mut Ladder, percents: &[u32], rtt: Duration) {
    let mut sums = (0, 0);
    for percent in percents {
        ladder.report(&block(400, percent * 4, &mut sums), 48_000, Some(rtt));
    }
}

#[test]
fn copies_are_sent_while_packets_are_lost_and_not_at_once_ended() {
    let mut ladder = agreed();
    reported(&mut ladder, &[0, 0, 1], 50 * MS);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: CALM, loss: 1, wideband: false, copy: true, past: 0, back: None, short: false }
    );
    reported(&mut ladder, &[3], 50 * MS);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: 24_000, loss: 1, wideband: true, copy: false, past: 0, back: Some(2), short: false }
    );
    reported(&mut ladder, &[0, 0], 50 * MS);
    assert!(ladder.plan().back.is_some(), "two calm reports are not the end");
    reported(&mut ladder, &[2, 0, 0], 50 * MS);
    assert!(ladder.plan().back.is_some(), "three in a row");
    reported(&mut ladder, &[0], 50 * MS);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: CALM, loss: 1, wideband: false, copy: true, past: 0, back: None, short: false }
    );
    reported(&mut ladder, &[20], 50 * MS);
    ladder.agree(false, None);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: CALM, loss: 20, wideband: true, copy: true, past: 0, back: None, short: false }
    );
}

#[test]
fn the_copy_in_the_packets_is_left_out_while_nothing_is_lost() {
    let mut ladder = Ladder::default();
    assert!(ladder.plan().copy, "nothing is known yet");
    reported(&mut ladder, &[0], 50 * MS);
    assert!(ladder.plan().copy, "one report is little");
    reported(&mut ladder, &[0], 50 * MS);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: CALM, loss: 0, wideband: false, copy: false, past: 0, back: None, short: false }
    );
    reported(&mut ladder, &[1], 50 * MS);
    assert!(ladder.plan().copy, "at once");
    reported(&mut ladder, &[0, 0, 0], 50 * MS);
    assert!(ladder.plan().copy, "that path has to prove it twice as long");
    reported(&mut ladder, &[0], 50 * MS);
    assert!(!ladder.plan().copy);
}

#[test]
fn the_sum_stays_between_floor_and_ceiling_and_under_the_limit() {
    let mut ladder = agreed();
    reported(&mut ladder, &[20], 50 * MS);
    let sum = |plan: Plan| match plan {
        Plan { past: 1.., .. } => plan.bitrate * 12 / 7 + HEADERS,
        Plan { back: Some(_), .. } => plan.bitrate * 2 + HEADERS,
        _ => plan.bitrate,
    };
    for limit in [6_000, 9_000, 25_000, 30_000, 40_000, 510_000] {
        ladder.agree(true, Some(limit));
        let plan = ladder.plan();
        assert!(sum(plan) <= limit.min(CEILING), "{limit}: {plan:?}");
        assert_eq!(plan.back.is_some(), limit >= FLOOR_OF_RED, "{limit}: {plan:?}");
    }
    ladder.agree(true, None);
    // A queue grows: less and less, at last without copies, and never under the floor.
    let mut last = sum(ladder.plan());
    for _ in 0..6 {
        reported(&mut ladder, &[20], 500 * MS);
        let plan = ladder.plan();
        assert!((FLOOR..=last).contains(&sum(plan)), "{plan:?}");
        last = sum(plan);
    }
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: FLOOR, loss: 20, wideband: true, copy: true, past: 0, back: None, short: false }
    );
    // It is gone, and slowly everything comes back.
    reported(&mut ladder, &[20], 60 * MS);
    assert!(ladder.plan().bitrate < 20_000);
    reported(&mut ladder, &[20; 12], 60 * MS);
    assert_eq!(sum(ladder.plan()), CEILING);
}

#[test]
fn deep_redundancy_is_for_bursts_that_take_the_copies_too() {
    for (percent, burst, limit, past) in [
        (10, 1.0, CEILING, 0),
        (10, 3.0, CEILING, 0),
        (20, 3.0, CEILING, PAST),
        (30, 3.0, CEILING, PAST),
        (40, 1.6, CEILING, PAST),
        (30, 3.0, FLOOR_OF_PAST - 1, 0),
    ] {
        let mut ladder = Ladder::default();
        ladder.agree(true, Some(limit));
        ladder.burst(burst);
        reported(&mut ladder, &[percent; 8], 50 * MS);
        assert_eq!(ladder.plan().past, 0, "nobody knows it there");
        ladder.allow_past(true);
        assert_eq!(ladder.plan().past, past, "{percent} % in bursts of {burst} at {limit}: {:?}", ladder.plan());
        ladder.agree(false, Some(limit));
        assert_eq!(ladder.plan().past, 0);
    }
}

#[test]
fn packets_are_short_only_while_nothing_is_lost_and_the_line_is_wide_enough() {
    let mut ladder = agreed();
    ladder.allow_short(true);
    ladder.set_delay(Delay::Auto);
    reported(&mut ladder, &[0, 0], 50 * MS);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: SHORT, loss: 0, wideband: false, copy: false, past: 0, back: None, short: true }
    );
    for (limit, short) in [(50_000, true), (32_000, true), (31_000, false)] {
        ladder.agree(true, Some(limit));
        let plan = ladder.plan();
        assert!(plan.short == short && plan.bitrate <= limit, "{limit}: {plan:?}");
    }
    ladder.agree(true, None);
    reported(&mut ladder, &[1], 50 * MS);
    assert_eq!(
        ladder.plan(),
        Plan { bitrate: CALM, loss: 1, wideband: false, copy: true, past: 0, back: None, short: false }
    );
    reported(&mut ladder, &[20], 50 * MS);
    assert!(ladder.plan().back.is_some());
    let mut thin = Ladder::new(Some(24_000));
    thin.allow_short(true);
    thin.set_delay(Delay::Low);
    assert!(!thin.plan().short);
}

#[test]
fn the_distance_follows_the_bursts() {
    // A two-state chain that loses `share` in bursts of the mean length.
    let distance = |share: f64, length: f64, seed| {
        let (mut rng, mut ladder, mut sums) = (ChaCha12Rng::seed_from_u64(seed), agreed(), (0, 0));
        let (leave, enter) = (1.0 / length, share / (1.0 - share) / length);
        let mut bad = false;
        for _ in 0..REMEMBERED {
            let lost = (0..250).filter(|_| {
                bad = rng.random_bool(if bad { 1.0 - leave } else { enter });
                bad
            });
            let lost = lost.count() as u32;
            ladder.report(&block(250, lost, &mut sums), 48_000, None);
        }
        f64::from(ladder.plan().back.unwrap_or(0))
    };
    let mean = |share, length| (0..40).map(|seed| distance(share, length, seed)).sum::<f64>() / 40.0;
    let (alone, three, six) = (mean(0.1, 1.0 / 0.9), mean(0.2, 3.0), mean(0.2, 6.0));
    assert!((1.0..2.2).contains(&alone) && three > 2.5 && six > 3.5, "{alone} {three} {six}");
}

#[test]
fn what_the_far_end_measures_counts_before_what_we_work_out() {
    // No copy gets out of bursts of a second, so nothing waits for it.
    for (told, back) in [(1.0, 1), (1.5, 2), (2.6, 4), (4.0, FARTHEST), (60.0, 1), (0.0, 1), (f32::NEG_INFINITY, 2)] {
        let mut ladder = agreed();
        ladder.burst(told);
        reported(&mut ladder, &[10; 8], 50 * MS);
        assert_eq!(ladder.plan().back, Some(back), "{told}");
    }
}

#[test]
fn a_distance_that_is_nearly_as_good_stays() {
    let mut ladder = agreed();
    for (told, back) in [(2.6, 4), (3.0, 4), (2.2, 4), (1.0, 1), (2.6, 4)] {
        ladder.burst(told);
        reported(&mut ladder, &[10; 8], 50 * MS);
        assert_eq!(ladder.plan().back, Some(back), "{told}");
    }
}

#[test]
fn figures_that_cannot_be_change_nothing() {
    let mut ladder = agreed();
    let mut block = block(400, 40, &mut (0, 0));
    for (sequence, lost) in [(0, 0), (u32::MAX, i32::MIN), (5, i32::MAX), (u32::MAX, 3), (100, 0x7f_ffff)] {
        (block.highest_sequence, block.cumulative_lost) = (sequence, lost);
        ladder.report(&block, 0, Some(Duration::MAX));
        let plan = ladder.plan();
        assert!(
            (FLOOR..=CALM).contains(&plan.bitrate) && plan.back.is_none_or(|back| (1..=FARTHEST).contains(&back)),
            "{plan:?}"
        );
    }
}
