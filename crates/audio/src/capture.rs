//! A microphone: device → callback, which mixes the channels down to one → ring → [`Capture::read`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cpal::{Device, SizedSample, Stream, StreamConfig, traits::DeviceTrait};
use media::port::{Capture, Health, PortError};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    callback::{self, Heard},
    error,
    open::{self, End, Opened, with_samples},
    system,
    watch::{Pulse, Watch},
};

/// Opens the microphone of that id, or the default one, and starts it.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn open(id: Option<&str>) -> Result<Opened<Consumer<f32>>, PortError> {
    let (device, id) = system::find(End::Input, id)?;
    open_device(&device, id)
}

/// Opens a device whose id is known.
pub(crate) fn open_device(device: &Device, id: String) -> Result<Opened<Consumer<f32>>, PortError> {
    let (config, format) = open::configuration(device, End::Input)?;
    // A quarter of a second: what is older than that is worth nothing.
    let (into, ring) = RingBuffer::new(config.sample_rate as usize / 4);
    let pulse = Arc::default();
    let stream = with_samples!(format, Sample => build::<Sample>(device, config, into, &pulse))?;
    let (stream, rate) = (Box::new(open::start(stream)?), config.sample_rate);
    Ok(Opened { stream, rate, period: open::PERIOD, device: id, pulse, ring })
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
        callback::tell_latency(at.capture, at.callback, &beat);
        callback::hear(samples, channels, &mut into, &beat);
    };
    device.build_input_stream(config, callback, open::on_error(pulse), None).map_err(|error| error::word(&error))
}

/// A running microphone.
pub(crate) struct Microphone {
    _stream: Box<dyn Send>,
    ring: Consumer<f32>,
    rate: u32,
    device: String,
    watch: Watch,
}

impl Microphone {
    pub(crate) fn new(opened: Opened<Consumer<f32>>) -> Self {
        Self {
            _stream: opened.stream,
            ring: opened.ring,
            rate: opened.rate,
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
