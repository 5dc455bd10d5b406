//! Opening a stream. Drivers may hang while they open one, so it happens on a thread of its own with a limit; a stream
//! that comes later than that is dropped on that thread.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use cpal::{
    BufferSize, SampleFormat, Stream, StreamConfig, SupportedStreamConfig, SupportedStreamConfigRange,
    traits::{DeviceTrait, StreamTrait},
};
use media::{RATE, port::PortError, resample::DEVICE_RATES};

use crate::{callback, error, watch::Pulse};

/// How long a device may take to open.
const LIMIT: Duration = Duration::from_secs(3);

/// Which end of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its microphone.
    Input,
    /// Its speaker.
    Output,
}

/// Does something with the type of a format's samples. A stream of single bits (DSD) is none of a phone.
macro_rules! with_samples {
    ($format:expr, $Sample:ident => $do:expr) => {
        with_samples!($format, $Sample => $do; I8 i8, I16 i16, I24 cpal::I24, I32 i32, I64 i64, U8 u8, U16 u16,
            U24 cpal::U24, U32 u32, U64 u64, F32 f32, F64 f64)
    };
    ($format:expr, $Sample:ident => $do:expr; $($name:ident $type:ty),+) => {
        match $format {
            $(cpal::SampleFormat::$name => {
                type $Sample = $type;
                $do
            })+
            other => Err(PortError::Failed(format!("samples of the kind {other} are not known"))),
        }
    };
}
pub(crate) use with_samples;

/// An open stream and what is known of it.
pub(crate) struct Opened<R> {
    /// Ends the stream when it is dropped.
    pub(crate) stream: Box<dyn Send>,
    /// In Hz.
    pub(crate) rate: u32,
    /// What the device takes or gives at once.
    pub(crate) period: Duration,
    pub(crate) device: String,
    pub(crate) pulse: Arc<Pulse>,
    /// Our end of the ring.
    pub(crate) ring: R,
}

/// Runs `open` on a thread of its own.
///
/// # Errors
/// What `open` says, or [`PortError::Unresponsive`] after [`LIMIT`].
pub(crate) fn within_limit<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    let (done, wait) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("open-sound".into())
        .spawn(move || {
            let _ = done.send(open());
        })
        .map_err(|error| PortError::Failed(error.to_string()))?;
    match wait.recv_timeout(LIMIT) {
        Ok(opened) => opened,
        Err(_) => Err(PortError::Unresponsive),
    }
}

/// What a device takes or gives at once, which no busy machine breaks.
pub(crate) const PERIOD: Duration = Duration::from_millis(20);
/// Its frames at 48 kHz.
const BLOCK: u32 = 960;

/// The configuration to open a device with: its own rate and channels, which every system takes without converting,
/// and a fixed block, because a system's default may be seconds long. A device whose own are not for a phone (more than
/// 192 kHz, single bits) is asked for what else it does.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn configuration(device: &cpal::Device, end: End) -> Result<(StreamConfig, SampleFormat), PortError> {
    let own = match end {
        End::Input => device.default_input_config(),
        End::Output => device.default_output_config(),
    };
    let own = match own {
        Ok(own) if suits(own.sample_format(), own.channels(), own.sample_rate()) => own,
        own => {
            let others = match end {
                End::Input => device.supported_input_configs().map(Iterator::collect),
                End::Output => device.supported_output_configs().map(Iterator::collect),
            };
            second_best(others.unwrap_or_default()).ok_or_else(|| match own {
                Ok(own) => {
                    PortError::Failed(format!("{} Hz of {} are not known", own.sample_rate(), own.sample_format()))
                }
                Err(error) => error::word(&error),
            })?
        }
    };
    // The block is a time: a device of another rate gets as many frames as last as long.
    let wanted = u64::from(BLOCK) * u64::from(own.sample_rate()) / 48_000;
    let block = match own.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if min <= max => {
            u32::try_from(wanted).unwrap_or(BLOCK).clamp((*min).max(1), *max)
        }
        _ => u32::try_from(wanted).unwrap_or(BLOCK),
    };
    let config = StreamConfig {
        channels: own.channels(),
        sample_rate: own.sample_rate(),
        buffer_size: BufferSize::Fixed(block),
    };
    Ok((config, own.sample_format()))
}

/// Can the phone use it?
fn suits(format: SampleFormat, channels: u16, rate: u32) -> bool {
    !format.is_dsd() && channels > 0 && DEVICE_RATES.contains(&rate)
}

/// The best of all that a device can do, at the rate nearest to that of the pipeline.
fn second_best(all: Vec<SupportedStreamConfigRange>) -> Option<SupportedStreamConfig> {
    let rate = |range: &SupportedStreamConfigRange| range.min_sample_rate().max(RATE.min(range.max_sample_rate()));
    all.into_iter()
        .filter(|range| suits(range.sample_format(), range.channels(), rate(range)))
        .max_by(SupportedStreamConfigRange::cmp_default_heuristics)
        .and_then(|range| range.try_with_sample_rate(rate(&range)))
}

/// The error callback of a stream.
pub(crate) fn on_error(pulse: &Arc<Pulse>) -> impl FnMut(cpal::Error) + Send + 'static {
    let pulse = Arc::clone(pulse);
    // What is not kept was made by cpal, and freed here as it would have been there.
    move |error| drop(callback::fail(error, &pulse))
}

/// Starts a stream: since cpal 0.18 none starts by itself.
///
/// # Errors
/// What cpal says.
pub(crate) fn start(stream: Stream) -> Result<Stream, PortError> {
    stream.play().map_err(|error| error::word(&error))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use cpal::SupportedBufferSize;

    use super::*;

    fn range(channels: u16, rates: [u32; 2], format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, rates[0], rates[1], SupportedBufferSize::Unknown, format)
    }

    fn best(all: &[SupportedStreamConfigRange]) -> Option<(u16, u32, SampleFormat)> {
        second_best(all.to_vec()).map(|own| (own.channels(), own.sample_rate(), own.sample_format()))
    }

    #[test]
    fn a_device_that_does_too_much_is_asked_for_less() {
        let studio = [
            range(2, [352_800, 768_000], SampleFormat::I32),
            range(2, [2_822_400, 2_822_400], SampleFormat::DsdU8),
            range(2, [44_100, 192_000], SampleFormat::DsdU32),
        ];
        assert_eq!(best(&studio), None);
        let mut more = studio.to_vec();
        more.push(range(2, [88_200, 768_000], SampleFormat::I24));
        assert_eq!(best(&more), Some((2, 88_200, SampleFormat::I24)));
        more.push(range(2, [8_000, 768_000], SampleFormat::I32));
        assert_eq!(best(&more), Some((2, 48_000, SampleFormat::I32)));
        assert_eq!(best(&[range(1, [1_000, 16_000], SampleFormat::I16)]), Some((1, 16_000, SampleFormat::I16)));
        assert_eq!(
            best(&[range(1, [1_000, 4_000], SampleFormat::I16), range(0, [8_000, 48_000], SampleFormat::F32)]),
            None
        );
    }
}
