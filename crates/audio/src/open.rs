//! Opening a stream. Drivers may hang while they open one, so it happens on a thread of its own with a limit; a stream
//! that comes later than that is dropped on that thread.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use cpal::{
    BufferSize, SampleFormat, Stream, StreamConfig,
    traits::{DeviceTrait, StreamTrait},
};
use media::port::PortError;

use crate::{error, watch::Pulse};

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
    pub(crate) stream: Stream,
    pub(crate) config: StreamConfig,
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

/// The configuration to open a device with: its own rate and channels, which every system takes without converting,
/// and a fixed block, because a system's default may be seconds long.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn configuration(
    device: &cpal::Device,
    end: End,
    frames: u32,
) -> Result<(StreamConfig, SampleFormat), PortError> {
    let own = match end {
        End::Input => device.default_input_config(),
        End::Output => device.default_output_config(),
    }
    .map_err(|error| error::word(&error))?;
    // The block is a time: a device of another rate gets as many frames as last as long.
    let wanted = u64::from(frames) * u64::from(own.sample_rate()) / 48_000;
    let block = match own.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if min <= max => {
            u32::try_from(wanted).unwrap_or(frames).clamp((*min).max(1), *max)
        }
        _ => u32::try_from(wanted).unwrap_or(frames),
    };
    let config = StreamConfig {
        channels: own.channels(),
        sample_rate: own.sample_rate(),
        buffer_size: BufferSize::Fixed(block),
    };
    Ok((config, own.sample_format()))
}

/// What the error callback does: it leaves a word for the watcher, unless nothing really happened.
pub(crate) fn on_error(pulse: &Arc<Pulse>) -> impl FnMut(cpal::Error) + Send + 'static {
    let pulse = Arc::clone(pulse);
    move |error| {
        if !error::is_harmless(error.kind()) {
            pulse.fail(|| error::word(&error));
        }
    }
}

/// Starts a stream: since cpal 0.18 none starts by itself.
///
/// # Errors
/// What cpal says.
pub(crate) fn start(stream: Stream) -> Result<Stream, PortError> {
    stream.play().map_err(|error| error::word(&error))?;
    Ok(stream)
}
