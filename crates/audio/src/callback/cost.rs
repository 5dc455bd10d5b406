//! What a callback costs of its thread's own time, which a busy machine does not change, beside the time it is called for.
//!
//!     cargo test --release -p audio --lib -- --ignored --nocapture cost

use std::{hint::black_box, time::Duration};

use cpal::SizedSample;
use rtrb::RingBuffer;
use rustix::time::{ClockId, clock_gettime};

use super::*;

/// Blocks of one measurement, and measurements; the middle one counts.
const BLOCKS: usize = 50;
const ROUNDS: usize = 41;

/// The time that this thread has had of a processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Of one call, in nanoseconds: the middle of all rounds. `before` is not measured.
fn middle(mut before: impl FnMut(), mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            before();
            let begun = spent();
            (0..BLOCKS).for_each(|_| call());
            (spent() - begun).as_nanos() as f64 / BLOCKS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// Measures a device of this kind and prints a row. Gives the largest share of the period.
fn measure<T: SizedSample + FromSample<f32> + Heard>(rate: usize, channels: usize, frames: usize) -> f64 {
    let pulse = Pulse::default();
    let mut block = vec![T::from_sample_(0.3); frames * channels];
    let nothing = middle(|| (), || black_box(&mut block).fill(T::EQUILIBRIUM));

    let (mut into, mut ring) = RingBuffer::new(BLOCKS * frames);
    let hears = middle(|| while ring.pop().is_ok() {}, || hear(black_box(&block), channels, &mut into, &pulse));
    let (mut ring, mut from) = RingBuffer::new(BLOCKS * frames);
    let plays = middle(|| while ring.push(0.3).is_ok() {}, || play(black_box(&mut block), channels, &mut from, &pulse));

    let period = frames as f64 * 1e9 / rate as f64;
    let share = hears.max(plays) / period;
    println!(
        "| {} | {rate} | {channels} | {frames} | {:.0} | {nothing:.0} | {hears:.0} | {plays:.0} | {:.3} % |",
        T::FORMAT,
        period / 1e3,
        share * 100.0
    );
    share
}

#[test]
#[ignore = "figures, for a release build"]
fn a_callback_takes_a_small_part_of_its_period() {
    println!(
        "| samples | rate | channels | frames | period, µs | silence, ns | hears, ns | plays, ns | of the period |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let shares = [
        measure::<i16>(8_000, 1, 160),
        measure::<i16>(16_000, 1, 320),
        measure::<i16>(48_000, 2, 960),
        measure::<f32>(48_000, 2, 960),
        measure::<f32>(48_000, 2, 24),
        measure::<I24>(48_000, 6, 480),
        measure::<i32>(96_000, 8, 1_920),
        measure::<f32>(192_000, 32, 3_840),
    ];
    assert!(shares.iter().all(|share| *share < 0.05), "{shares:?}");
}
