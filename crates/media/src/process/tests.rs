//! The whole way of a microphone's sound on virtual time: speaker feed, device, room, device, microphone feed, processor.

use std::ops::Range;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::level::rms_dbfs;
use crate::resample::Up;
use crate::signal::{Speech, find_delay};
use crate::testing::epoch;
use crate::testing::room::{BULK, Recording, Room};

mod told;

const ECHO: Processing = Processing { echo: true, ..Processing::OFF };
const LEVEL: Processing = Processing { level: true, ..Processing::OFF };

const fn noise(noise: Noise) -> Processing {
    Processing { noise, ..Processing::OFF }
}

/// What the ring of a speaker holds, in milliseconds less 5: it must not matter.
const FILLS: [u64; 10] = [0, 3, 8, 13, 18, 25, 30, 40, 50, 60];
/// Some of them, where one takes long.
const SOME_FILLS: [u64; 4] = [0, 8, 18, 30];

/// What was said in the room, what the microphone heard, and what is left of it.
struct Talk {
    near: Vec<f32>,
    heard: Vec<f32>,
    left: Vec<f32>,
}

fn talk(
    processor: &mut Processor,
    seconds: usize,
    rate: u32,
    fill: u64,
    far: impl FnMut(&mut [f32]),
    near: impl FnMut(&mut [f32]),
) -> Talk {
    let recording = Recording::new(Room::new(7, BULK, false), seconds, rate, ms(fill), far, near);
    let left = recording.through(processor, |_, _| ());
    Talk { near: recording.near, heard: recording.mic, left }
}

fn silence(out: &mut [f32]) {
    out.fill(0.0);
}

fn speech(seed: u64, gain: f32) -> impl FnMut(&mut [f32]) {
    let mut speech = Speech::new(seed);
    move |out| {
        speech.fill(out);
        out.iter_mut().for_each(|sample| *sample *= gain);
    }
}

/// The same with pauses, as everybody makes them: two seconds and half a second without.
fn sentences(seed: u64, gain: f32) -> impl FnMut(&mut [f32]) {
    let (mut speech, mut blocks) = (speech(seed, gain), 0);
    move |out| {
        if blocks % 250 < 200 {
            speech(out)
        } else {
            out.fill(0.0)
        }
        blocks += 1;
    }
}

/// The digits that the practice line speaks, again and again with pauses between: what a detector of speech takes for
/// speech.
fn digits(gain: f32) -> impl FnMut(&mut [f32]) {
    let sounds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../pbx/sounds/en");
    let mut spoken = Vec::new();
    for digit in 0..10 {
        let bytes = std::fs::read(sounds.join(format!("{digit}.pcm"))).unwrap();
        let sample = |pair: &[u8; 2]| gain * f32::from(i16::from_le_bytes(*pair)) / 32_768.0;
        let narrow: Vec<f32> = bytes.as_chunks().0.iter().map(sample).chain([0.0; 800]).collect();
        Up::new(6).process(&narrow, &mut spoken);
    }
    let mut at = 0;
    move |out| {
        for sample in out {
            *sample = spoken[at % spoken.len()];
            at += 1;
        }
    }
}

/// White noise of this amplitude.
fn hiss(seed: u64, amplitude: f32) -> impl FnMut(&mut [f32]) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    move |out| out.iter_mut().for_each(|sample| *sample = rng.random_range(-amplitude..amplitude))
}

/// Goes through a processor without a speaker.
fn alone(processing: Processing, seconds: usize, near: impl FnMut(&mut [f32])) -> Talk {
    talk(&mut Processor::new(processing), seconds, RATE, 30, silence, near)
}

/// The level of the seconds from `from` on.
fn level(sound: &[f32], from: usize) -> f32 {
    rms_dbfs(&sound[from * RATE as usize..])
}

#[test]
fn the_echo_of_the_far_end_goes() {
    for (fill, rate) in SOME_FILLS.map(|fill| (fill, RATE)).into_iter().chain([(10, 44_100), (30, 44_100)]) {
        let talk = talk(&mut Processor::new(ECHO), 8, rate, fill, speech(1, 1.0), silence);
        let enhancement = level(&talk.heard, 5) - level(&talk.left, 5);
        assert!(level(&talk.heard, 5) > -40.0, "there is an echo: {}", level(&talk.heard, 5));
        assert!(enhancement >= 25.0, "{fill} ms, {rate} Hz: {enhancement} dB");
        // The delay is told, so that it need not be found first.
        let second = 0..RATE as usize;
        let early = rms_dbfs(&talk.heard[second.clone()]) - rms_dbfs(&talk.left[second]);
        assert!(early >= 16.0, "{fill} ms, {rate} Hz, in the first second: {early} dB");
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn who_talks_alone_is_not_harmed() {
    for processing in [
        ECHO,
        noise(Noise::Low),
        noise(Noise::Medium),
        noise(Noise::High),
        noise(Noise::Strong),
        Processing { echo: true, noise: Noise::Medium, level: false },
    ] {
        let talk = alone(processing, 5, sentences(2, 1.0));
        let change = level(&talk.left, 2) - level(&talk.near, 2);
        assert!(change.abs() < 2.0, "{processing:?}: {change} dB");
        let found = find_delay(&talk.near[2 * 48_000..], &talk.left[2 * 48_000..], 4_800).unwrap();
        assert!(found.likeness > 0.6, "{processing:?}: {found:?}");
        let changes: Vec<f32> = talk.near[2 * 48_000..]
            .chunks_exact(2_400)
            .zip(talk.left[2 * 48_000 + found.delay..].chunks_exact(2_400))
            .filter(|(near, _)| rms_dbfs(near) > -40.0)
            .map(|(near, left)| (rms_dbfs(left) - rms_dbfs(near)).abs())
            .collect();
        let mean = changes.iter().sum::<f32>() / changes.len() as f32;
        assert!(mean < 3.0, "{processing:?}: each 50 ms are {mean} dB off");
        // What a call waits for it: bands, the blocks of the canceller, those of the suppressor, of the network 10 ms more.
        assert!(found.delay < 1_000, "{processing:?}: {found:?}");
    }
}

/// Of the pieces of 50 ms in these seconds in which the near end talks, which share is left with a quarter of its power or
/// more.
fn kept(talk: &Talk, seconds: Range<usize>) -> f32 {
    let (from, to) = (seconds.start * 48_000, seconds.end * 48_000);
    let late = find_delay(&talk.near[from..], &talk.left[from..], 4_800).unwrap().delay;
    let pairs = talk.near[from..to].chunks_exact(2_400).zip(talk.left[from + late..].chunks_exact(2_400));
    let talks: Vec<bool> = pairs
        .filter(|(near, _)| rms_dbfs(near) > -40.0)
        .map(|(near, left)| rms_dbfs(left) > rms_dbfs(near) - 6.0)
        .collect();
    assert!(talks.len() > 10 * seconds.len(), "there is somebody: {}", talks.len());
    talks.iter().filter(|kept| **kept).count() as f32 / talks.len() as f32
}

#[test]
fn who_talks_while_the_far_end_talks_is_heard_and_the_echo_is_not() {
    for fill in FILLS {
        let talk = talk(&mut Processor::new(ECHO), 12, RATE, fill, speech(1, 1.0), sentences(2, 1.0));
        // At first nothing is known of the way of the echo but that it is no louder than what is played.
        for seconds in [0..2, 4..12] {
            let share = kept(&talk, seconds.clone());
            assert!(share > 0.4, "{fill} ms, of one's own voice in {seconds:?} s {share}");
        }
        // From a tenth of a second into each pause on.
        let pauses = (1..4).map(|pause| pause * 120_000 + 96_000 + 9_600..(pause + 1) * 120_000 - 2_400);
        for pause in pauses {
            let enhancement = rms_dbfs(&talk.heard[pause.clone()]) - rms_dbfs(&talk.left[pause.clone()]);
            assert!(enhancement > 8.0, "{fill} ms, {pause:?}: {enhancement} dB");
        }
    }
}

#[test]
fn a_speaker_that_nobody_hears_takes_nothing_of_the_voice() {
    let mut processor = Processor::new(ECHO);
    let (mut far, mut near) = (speech(1, 1.0), sentences(2, 1.0));
    let mut talk = Talk { near: Vec::new(), heard: Vec::new(), left: Vec::new() };
    for step in 0..1_200 {
        let now = epoch() + Duration::from_millis(10) * step;
        let mut block = [0.0; BLOCK];
        far(&mut block);
        processor.render(now, &block, RATE, Duration::from_millis(20));
        near(&mut block);
        talk.near.extend(block);
        talk.left.extend_from_slice(processor.capture(now, &block, Duration::from_millis(20)));
    }
    let share = kept(&talk, 4..12);
    assert!(share > 0.4, "of one's own voice {share}");
}

/// To bring the sound of a speaker to 48 kHz costs more than all else of a call.
#[test]
fn what_is_played_is_looked_at_only_for_somebody_who_needs_it() {
    let mut processor = Processor::new(Processing::OFF);
    let render = |processor: &mut Processor| {
        processor.render(epoch(), &[0.1; 400], 16_000, Duration::from_millis(20));
        !processor.reference.pending.is_empty()
    };
    assert!(!render(&mut processor));
    processor.set_heard(true);
    assert!(render(&mut processor), "what the microphone hears may be this");
    processor.set_heard(false);
    assert!(!render(&mut processor), "and what came before is forgotten");
    processor.set(ECHO);
    assert!(render(&mut processor), "the canceller learns");
}

#[test]
fn the_noise_of_the_room_does_not_come_and_go_with_the_far_end() {
    for fill in SOME_FILLS {
        let talk = talk(&mut Processor::new(ECHO), 12, RATE, fill, sentences(1, 1.0), hiss(3, 0.003));
        // In the middle of a sentence of the far end, and at the end of the pause after it.
        for sentence in 2..4 {
            let talks = rms_dbfs(&talk.left[sentence * 120_000 + 24_000..sentence * 120_000 + 90_000]);
            let pauses = rms_dbfs(&talk.left[(sentence + 1) * 120_000 - 9_600..(sentence + 1) * 120_000]);
            assert!((talks - pauses).abs() < 6.0, "{fill} ms: {talks} and {pauses} dBFS");
        }
    }
}

#[test]
fn each_step_takes_more_of_the_noise_and_leaves_the_speech() {
    let steps = [Noise::Off, Noise::Low, Noise::Medium, Noise::High, Noise::Strong];
    let left: Vec<(f32, f32)> = steps
        .map(|step| {
            // A second of speech, a second without, 25 dB below it noise.
            let (mut says, mut hisses, mut blocks) = (speech(2, 1.0), hiss(3, 0.01), 0);
            let left = alone(noise(step), 8, |out| {
                let mut room = [0.0; BLOCK];
                hisses(&mut room);
                if blocks % 200 < 100 {
                    says(out)
                } else {
                    out.fill(0.0)
                }
                out.iter_mut().zip(room).for_each(|(sample, room)| *sample += room);
                blocks += 1;
            })
            .left;
            let half = |second: usize| rms_dbfs(&left[second * 48_000 + 20_000..second * 48_000 + 44_000]);
            (half(7), half(6))
        })
        .to_vec();
    for (pair, most) in left.windows(2).zip([-4.0, -3.0, -2.0, -3.0]) {
        assert!(pair[1].0 - pair[0].0 < most, "pauses, speech: {left:?}");
        assert!((pair[1].1 - left[0].1).abs() < 1.5, "pauses, speech: {left:?}");
    }
}

#[test]
fn who_is_far_away_is_brought_near_and_nobody_is_clipped() {
    let talk = alone(LEVEL, 12, digits(0.14));
    assert!((level(&talk.near, 8) + 40.0).abs() < 3.0, "{}", level(&talk.near, 8));
    let up = level(&talk.left, 8);
    assert!((-28.0..-14.0).contains(&up), "{} -> {up}", level(&talk.near, 8));
    // Then somebody shouts into it.
    let (mut soft, mut loud) = (digits(0.14), digits(3.0));
    let mut blocks = 0;
    let talk = alone(LEVEL, 12, |out| {
        blocks += 1;
        if blocks < 800 {
            soft(out)
        } else {
            loud(out)
        }
        out.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    });
    let loudest = talk.left.iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
    assert!(loudest <= 1.0, "{loudest}");
    let flat = |sound: &[f32]| sound.windows(3).filter(|run| run.iter().all(|sample| sample.abs() > 0.999)).count();
    assert!(flat(&talk.left[8 * 48_000..]) <= flat(&talk.near[8 * 48_000..]));
}

#[test]
fn with_all_of_it_off_not_a_bit_changes() {
    let mut processor = Processor::new(Processing::OFF);
    let odd: Vec<f32> = (0..1_000).map(|at| (at as f32).sin() * 1.7).chain([f32::NAN, f32::INFINITY, -0.0]).collect();
    for block in odd.chunks(77) {
        let left = processor.capture(epoch(), block, Duration::ZERO);
        assert!(left.iter().map(|sample| sample.to_bits()).eq(block.iter().map(|sample| sample.to_bits())));
    }
}

#[test]
fn a_change_in_the_call_loses_nothing_and_does_not_click() {
    let all = Processing { echo: true, noise: Noise::High, level: true };
    let strong = Processing { noise: Noise::Strong, ..all };
    let orders = [all, Processing::OFF, strong, all, noise(Noise::Low), Processing::OFF];
    let mut processor = Processor::new(Processing::OFF);
    // Low enough that a step of the wave is small and a click is not; a wave that goes on is noise to some, so the level
    // may go anywhere, only not at once.
    let (mut at, mut left, mut pushed) = (0u32, Vec::new(), 0);
    for step in 0..1_200usize {
        if step % 200 == 50 {
            processor.set(orders[step / 200]);
        }
        // What devices give is no whole block.
        let sound: Vec<f32> = (0..if step % 2 == 0 { 441 } else { 519 })
            .map(|_| {
                at += 1;
                0.3 * (at as f32 * std::f32::consts::TAU * 300.0 / 48_000.0).sin()
            })
            .collect();
        pushed += sound.len();
        left.extend_from_slice(processor.capture(epoch(), &sound, Duration::ZERO));
        assert!(pushed - left.len() < BLOCK, "a whole block is held back");
    }
    assert_eq!(pushed, left.len(), "with nothing to do nothing is held back");
    // The level may be doubled where it is adjusted.
    let steepest = 0.9 * std::f32::consts::TAU * 300.0 / 48_000.0;
    let worst = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(worst < steepest, "{worst} against {steepest}");
}

#[test]
fn another_step_of_noise_does_not_forget_the_echo() {
    for fill in SOME_FILLS {
        let room = Room::new(7, BULK, false);
        let recording = Recording::new(room, 9, RATE, ms(fill), speech(1, 1.0), silence);
        let left = recording.through(&mut Processor::new(ECHO), |second, processor| {
            if second == 5 {
                processor.set(Processing { noise: Noise::Strong, ..ECHO });
            }
        });
        for half in 10..17 {
            let part = half * RATE as usize / 2..(half + 1) * RATE as usize / 2;
            let enhancement = rms_dbfs(&recording.mic[part.clone()]) - rms_dbfs(&left[part]);
            assert!(enhancement > 20.0, "{fill} ms, half second {half}: {enhancement} dB");
        }
    }
}

#[test]
fn whatever_a_driver_delivers_the_next_sound_is_sound() {
    let all = Processing { echo: true, noise: Noise::Medium, level: true };
    for processing in [all, Processing { noise: Noise::Strong, ..all }] {
        let mut processor = Processor::new(processing);
        let mut rng = ChaCha12Rng::seed_from_u64(8);
        for _ in 0..300 {
            let mut sound: Vec<f32> =
                (0..rng.random_range(0..2_000)).map(|_| f32::from_bits(rng.random::<u32>())).collect();
            processor.render(epoch(), &sound, RATE, Duration::from_millis(rng.random_range(0..3_000)));
            sound.reverse();
            processor.capture(epoch(), &sound, Duration::from_millis(rng.random_range(0..3_000)));
        }
        let talk = talk(&mut processor, 5, RATE, 30, silence, speech(9, 1.0));
        assert!(talk.left.iter().all(|sample| sample.is_finite()), "{processing:?}");
        assert!(level(&talk.left, 3) > -35.0, "{processing:?}: {}", level(&talk.left, 3));
    }
}
