//! What the callbacks of a device do: they move samples between it and a wait-free ring, and nothing else. A microphone's
//! channels become one on the way, a speaker gets one sample on all of its channels.
//!
//! In debug builds and tests whoever allocates here ends the program (`assert_no_alloc`). With `--cfg rtsan` on a nightly
//! compiler the real-time sanitizer watches instead, which sees locks and calls to the system too: `scripts/test`.

use cpal::{FromSample, I24, StreamInstant, U24};
use rtrb::{Consumer, Producer};

use crate::{
    error,
    watch::{Failure, Pulse},
};

/// As loud as a sample may be: 1 itself is out of range where samples are numbers of 24 bits.
const LOUDEST: f32 = 1.0 - f32::EPSILON / 2.0;

/// In debug builds, an allocation of a callback ends the program.
#[cfg(all(debug_assertions, not(rtsan)))]
#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

#[cfg(all(debug_assertions, not(rtsan)))]
use assert_no_alloc::assert_no_alloc as watched;

/// Only debug builds watch what is done.
#[cfg(any(not(debug_assertions), rtsan))]
fn watched<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// A sample as a microphone hands it in.
pub(crate) trait Heard: Copy {
    /// Its loudness, -1..=1.
    fn heard(self) -> f32;
}

macro_rules! heard {
    ($($Sample:ty),+) => {
        $(impl Heard for $Sample {
            fn heard(self) -> f32 {
                f32::from_sample_(self)
            }
        })+
    };
}
heard!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

// 24 bits come in 32, and what the other eight hold is nobody's word: PulseAudio leaves those of a negative number empty.
impl Heard for I24 {
    fn heard(self) -> f32 {
        f32::from_sample_(self.inner() << 8)
    }
}

impl Heard for U24 {
    fn heard(self) -> f32 {
        f32::from_sample_(self.inner().cast_unsigned() << 8)
    }
}

/// The microphone's callback: frames of `channels` samples come from the device, and the mean of each goes into the ring.
/// A headset on one side of a stereo device is then half as loud, never silent. Where the ring is full, nobody reads, and
/// what comes is dropped.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
pub(crate) fn hear<T: Heard>(samples: &[T], channels: usize, into: &mut Producer<f32>, pulse: &Pulse) {
    watched(|| {
        pulse.beat();
        let frames = samples.chunks_exact(channels.max(1));
        let room = into.slots().min(frames.len());
        if let Ok(chunk) = into.write_chunk_uninit(room) {
            chunk.fill_from_iter(frames.map(mean));
        }
    });
}

/// One sample for all channels of a frame.
pub(crate) fn mean<T: Heard>(frame: &[T]) -> f32 {
    let sum: f32 = frame.iter().map(|sample| sample.heard()).sum();
    in_range(sum / frame.len() as f32)
}

/// The speaker's callback: each sample of the ring goes to the device as a frame of `channels` equal ones. What is missing
/// is silence, and so is all that a lost one plays.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
pub(crate) fn play<T: Copy + FromSample<f32>>(
    block: &mut [T],
    channels: usize,
    from: &mut Consumer<f32>,
    pulse: &Pulse,
) {
    watched(|| {
        pulse.beat();
        let mut frames = block.chunks_exact_mut(channels.max(1));
        // What is lost may still be called, for another device than it was opened on.
        let ready = if pulse.has_failed() { 0 } else { from.slots().min(frames.len()) };
        if let Ok(chunk) = from.read_chunk(ready) {
            let (first, second) = chunk.as_slices();
            for (sample, frame) in first.iter().chain(second).zip(frames.by_ref()) {
                frame.fill(T::from_sample_(in_range(*sample)));
            }
            chunk.commit_all();
        }
        let silence = T::from_sample_(0.0);
        frames.by_ref().for_each(|frame| frame.fill(silence));
        frames.into_remainder().fill(silence);
    });
}

/// The device tells between which moments its samples are on their way.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
pub(crate) fn tell_latency(from: StreamInstant, to: StreamInstant, pulse: &Pulse) {
    watched(|| pulse.tell_latency(to.checked_duration_since(from)));
}

/// The error callback, which some systems call on the thread of the others: it leaves the error to the watcher, unless
/// nothing really happened or one is there. Gives back what it does not leave.
#[cfg_attr(rtsan, sanitize(realtime = "nonblocking"))]
pub(crate) fn fail(error: cpal::Error, pulse: &Pulse) -> Option<Failure> {
    watched(|| {
        let (is_harmless, failure) = (error::is_harmless(error.kind()), Failure::Cpal(error));
        if is_harmless { Some(failure) } else { pulse.fail(failure).err() }
    })
}

/// No device gets or gives more than full scale, and no number that is none.
pub(crate) fn in_range(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, LOUDEST) }
}

#[cfg(all(test, unix))]
mod cost;
#[cfg(test)]
mod tests;
