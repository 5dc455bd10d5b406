//! The callbacks with every format, number of channels and size of block, watched as in a debug build.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use cpal::SizedSample;
use media::port::{Health, PortError};
use rtrb::RingBuffer;

use super::*;
use crate::watch::Watch;

/// Frames of a block: PulseAudio gives a microphone's by 24, others what they are asked for or what they like.
const BLOCKS: [usize; 6] = [1, 24, 480, 960, 1_009, 19_200];
const CHANNELS: [usize; 6] = [1, 2, 3, 6, 8, 32];

/// Does the same with every kind of sample, and the smallest step that the kind knows.
macro_rules! each_kind {
    ($test:ident) => {{
        $test::<u8>(1.0 / 128.0);
        $test::<i8>(1.0 / 128.0);
        $test::<u16>(1.0 / 32_768.0);
        $test::<i16>(1.0 / 32_768.0);
        $test::<U24>(1e-6);
        $test::<I24>(1e-6);
        $test::<u32>(1e-6);
        $test::<i32>(1e-6);
        $test::<u64>(1e-6);
        $test::<i64>(1e-6);
        $test::<f32>(1e-6);
        $test::<f64>(1e-6);
    }};
}

/// A sound in which no two neighbours are alike.
fn sound(at: usize) -> f32 {
    (at % 199) as f32 / 200.0 - 0.5
}

fn close(one: f32, other: f32, step: f32) -> bool {
    (one - other).abs() <= step
}

fn hears<T: SizedSample + FromSample<f32> + Heard>(step: f32) {
    for channels in CHANNELS {
        let (mut into, mut ring) = RingBuffer::new(48_000);
        let (pulse, mut at, mut read) = (Pulse::default(), 0, 0);
        for frames in BLOCKS {
            // Every channel is another one; their mean is the sound.
            let block: Vec<T> = (0..frames * channels)
                .map(|n| {
                    let apart = if channels == 1 { 0.0 } else { (n % channels) as f32 / (channels - 1) as f32 - 0.5 };
                    T::from_sample_(sound(at + n / channels) + apart * 0.5)
                })
                .collect();
            at += frames;
            hear(&block, channels, &mut into, &pulse);
            while let Ok(heard) = ring.pop() {
                assert!(close(heard, sound(read), step), "{:?}, {channels} channels: {heard} at {read}", T::FORMAT);
                read += 1;
            }
        }
        assert_eq!(read, at, "{:?}, {channels} channels", T::FORMAT);
    }
}

fn plays<T: SizedSample + FromSample<f32> + Heard>(step: f32) {
    for channels in CHANNELS {
        let (mut ring, mut from) = RingBuffer::new(48_000);
        let (pulse, mut at) = (Pulse::default(), 0);
        for frames in BLOCKS {
            (0..frames).for_each(|n| ring.push(sound(at + n)).unwrap());
            // A device may hand in what it played last.
            let mut block = vec![T::from_sample_(0.9); frames * channels];
            play(&mut block, channels, &mut from, &pulse);
            for (n, sample) in block.iter().enumerate() {
                let (given, wanted) = (sample.heard(), sound(at + n / channels));
                assert!(close(given, wanted, step), "{:?}, {channels} channels: {given} for {wanted}", T::FORMAT);
            }
            at += frames;
        }
    }
}

/// What cannot be played is the loudest that can, on its own side, and what is no number is silence.
fn is_never_too_loud<T: SizedSample + FromSample<f32> + Heard>(step: f32) {
    let loud = [1.0, 1.5, f32::INFINITY, -1.0, -3.0, f32::NEG_INFINITY, f32::NAN];
    let (mut ring, mut from) = RingBuffer::new(loud.len());
    loud.iter().for_each(|sample| ring.push(*sample).unwrap());
    let mut block = vec![T::from_sample_(0.0); loud.len()];
    play(&mut block, 1, &mut from, &Pulse::default());
    for (sample, wanted) in block.iter().zip([1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 0.0]) {
        let given = sample.heard();
        assert!(close(given, wanted, step), "{:?}: {given} for {wanted}", T::FORMAT);
    }
}

fn is_silent_when_starved<T: SizedSample + FromSample<f32> + Heard>(step: f32) {
    let (mut ring, mut from) = RingBuffer::new(8);
    ring.push(0.5).unwrap();
    // Three frames of two channels, and one sample too many, which no device hands in.
    let mut block = vec![T::from_sample_(0.9); 7];
    play(&mut block, 2, &mut from, &Pulse::default());
    let given: Vec<f32> = block.iter().map(|sample| sample.heard()).collect();
    for (given, wanted) in given.iter().zip([0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]) {
        assert!(close(*given, wanted, step), "{:?}: {given} for {wanted}", T::FORMAT);
    }
}

#[test]
fn a_microphone_of_any_kind_is_heard() {
    each_kind!(hears);
}

#[test]
fn a_speaker_of_any_kind_plays() {
    each_kind!(plays);
}

#[test]
fn nothing_is_louder_than_full_scale() {
    each_kind!(is_never_too_loud);
    let (mut into, mut ring) = RingBuffer::new(4);
    hear(&[7.0_f32, f32::NAN, -7.0], 1, &mut into, &Pulse::default());
    assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Ok(LOUDEST), Ok(0.0), Ok(-1.0)]);
}

#[test]
fn a_speaker_without_sound_is_silent() {
    each_kind!(is_silent_when_starved);
}

#[test]
fn a_lost_speaker_plays_nothing_more() {
    let (mut ring, mut from) = RingBuffer::new(8);
    let pulse = Pulse::default();
    (0..4).for_each(|_| ring.push(0.5).unwrap());
    let mut block = [0.9_f32; 2];
    play(&mut block, 1, &mut from, &pulse);
    assert_eq!(block, [0.5; 2]);
    assert!(pulse.fail(Failure::Worded(PortError::Unresponsive)).is_ok());
    play(&mut block, 1, &mut from, &pulse);
    assert_eq!(block, [0.0; 2]);
}

/// Of 24 bits in 32, only the 24 count.
#[test]
fn what_stands_beside_a_sample_is_not_heard() {
    let (mut into, mut ring) = RingBuffer::new(4);
    let samples = [0x0040_0000, 0x00C0_0000, 0x7FC0_0000, -0x0040_0000];
    hear(&samples.map(I24::new_unchecked), 1, &mut into, &Pulse::default());
    assert_eq!([ring.pop(), ring.pop(), ring.pop(), ring.pop()], [Ok(0.5), Ok(-0.5), Ok(-0.5), Ok(-0.5)]);
    hear(
        &samples[..3].iter().map(|bits| U24::new_unchecked(*bits)).collect::<Vec<_>>(),
        1,
        &mut into,
        &Pulse::default(),
    );
    assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Ok(-0.5), Ok(0.5), Ok(0.5)]);
}

#[test]
fn what_nobody_reads_is_dropped_and_channels_stay_where_they_are() {
    let (mut into, mut ring) = RingBuffer::new(3);
    let pulse = Pulse::default();
    hear(&[0.1_f32, 0.3, 0.2, 0.4, 0.3, 0.5, 0.4, 0.6], 2, &mut into, &pulse);
    let heard: Vec<f32> = std::iter::from_fn(|| ring.pop().ok()).collect();
    assert!(heard.iter().zip([0.2, 0.3, 0.4]).all(|(one, other)| close(*one, other, 1e-6)), "{heard:?}");
    assert_eq!(heard.len(), 3);
    // Half a frame, which no device gives, is none, and a device that says it has no channels has one.
    hear(&[0.5_f32, 0.7, 0.9], 2, &mut into, &pulse);
    hear(&[0.8_f32], 0, &mut into, &pulse);
    let heard: Vec<f32> = std::iter::from_fn(|| ring.pop().ok()).collect();
    assert!(heard.len() == 2 && close(heard[0], 0.6, 1e-6) && close(heard[1], 0.8, 1e-6), "{heard:?}");
}

/// Runs a test of this file alone in a process of its own, which is to die of what it does.
fn dies(test: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("callback::tests::{test}"), "--include-ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // A test that only fails ends with 101.
    assert!(!output.status.success() && output.status.code() != Some(101), "{}: {said}", output.status);
    said
}

#[test]
fn the_watcher_knows_how_long_sound_is_on_its_way() {
    let (pulse, taken) = (Arc::new(Pulse::default()), StreamInstant::new(7, 990_000_000));
    tell_latency(taken, StreamInstant::new(8, 10_000_000), &pulse);
    // A clock that goes back tells nothing.
    tell_latency(taken, StreamInstant::new(7, 0), &pulse);
    assert_eq!(Watch::new(pulse).latency(), Duration::from_millis(20));
}

/// An error is left as it came, for whoever allocates in a callback ends this process, and worded by the watcher.
#[test]
fn the_error_callback_only_moves_what_it_is_told() {
    let pulse = Arc::new(Pulse::default());
    let mut told = crate::open::on_error(&pulse);
    told(cpal::Error::with_message(cpal::ErrorKind::Xrun, String::from("late")));
    assert!(!pulse.has_failed(), "that is none");
    told(cpal::Error::with_message(cpal::ErrorKind::DeviceNotAvailable, String::from("pulled out")));
    told(cpal::Error::with_message(cpal::ErrorKind::DeviceBusy, String::from("second")));
    let Health::Lost(PortError::Gone(why)) = Watch::new(pulse).health(Instant::now()) else { panic!("it is lost") };
    assert!(why.contains("pulled out"), "{why}");
}

/// A sample that does in a callback what none may do.
#[derive(Clone, Copy, Debug)]
struct Heavy;

#[cfg(all(debug_assertions, not(rtsan)))]
impl Heard for Heavy {
    fn heard(self) -> f32 {
        f32::from(u16::try_from(std::hint::black_box(vec![1; 100]).len()).unwrap_or_default())
    }
}

#[cfg(rtsan)]
impl Heard for Heavy {
    fn heard(self) -> f32 {
        f32::from(u8::from(std::fs::File::open("/").is_ok()))
    }
}

#[cfg(any(debug_assertions, rtsan))]
#[test]
#[ignore = "it is run by the test below and ends its process"]
fn a_heavy_callback() {
    let (mut into, _ring) = RingBuffer::new(4);
    hear(&[Heavy], 1, &mut into, &Pulse::default());
}

#[cfg(all(debug_assertions, not(rtsan)))]
#[test]
fn a_callback_that_allocates_ends_a_debug_build() {
    assert!(dies("a_heavy_callback").contains("memory allocation of"));
}

#[cfg(rtsan)]
#[test]
fn a_callback_that_calls_the_system_is_caught() {
    assert!(dies("a_heavy_callback").contains("RealtimeSanitizer"));
}
