//! A microphone: device → callback, which mixes the channels down to one → ring → [`Capture::read`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cpal::{Device, Host, SizedSample, Stream, StreamConfig, traits::DeviceTrait};
use media::port::{Capture, Health, PortError};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    callback::{self, Heard},
    error,
    open::{self, End, Opened, with_samples},
    watch::{Pulse, Watch},
};

/// Opens the microphone of `device` and starts it. `frames` is the block at 48 kHz.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn open(
    device: &Device,
    id: String,
    frames: u32,
    pulse: Arc<Pulse>,
) -> Result<Opened<Consumer<f32>>, PortError> {
    let (config, format) = open::configuration(device, End::Input, frames)?;
    // A quarter of a second: what is older than that is worth nothing.
    let (into, ring) = RingBuffer::new(config.sample_rate as usize / 4);
    let stream = with_samples!(format, Sample => build::<Sample>(device, config, into, &pulse))?;
    Ok(Opened { stream: open::start(stream)?, config, device: id, pulse, ring })
}

fn build<T: SizedSample + Heard>(
    device: &Device,
    config: StreamConfig,
    mut into: Producer<f32>,
    pulse: &Arc<Pulse>,
) -> Result<Stream, PortError> {
    let (beat, channels) = (Arc::clone(pulse), usize::from(config.channels));
    let callback = move |samples: &[T], info: &cpal::InputCallbackInfo| {
        let at = info.timestamp();
        beat.tell_latency(at.callback.checked_duration_since(at.capture));
        callback::hear(samples, channels, &mut into, &beat);
    };
    device.build_input_stream(config, callback, open::on_error(pulse), None).map_err(|error| error::word(&error))
}

/// A running microphone.
pub(crate) struct Microphone {
    _stream: Stream,
    /// No other stream has its connection, see [`crate::devices`].
    _host: Arc<Host>,
    ring: Consumer<f32>,
    rate: u32,
    device: String,
    watch: Watch,
}

impl Microphone {
    pub(crate) fn new(opened: Opened<Consumer<f32>>, host: Arc<Host>) -> Self {
        Self {
            _stream: opened.stream,
            _host: host,
            ring: opened.ring,
            rate: opened.config.sample_rate,
            device: opened.device,
            watch: Watch::new(opened.pulse),
        }
    }
}

impl Capture for Microphone {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn read(&mut self, _now: Instant, out: &mut Vec<f32>) {
        let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) else { return };
        let (first, second) = chunk.as_slices();
        out.extend_from_slice(first);
        out.extend_from_slice(second);
        chunk.commit_all();
    }

    fn health(&mut self, now: Instant) -> Health {
        self.watch.health(now)
    }

    fn device(&self) -> &str {
        &self.device
    }

    fn latency(&self) -> Duration {
        self.watch.latency()
    }
}
