//! A speaker: [`Playback::write`] → ring → callback, which copies one channel to all → device.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cpal::{Device, FromSample, SizedSample, Stream, StreamConfig, traits::DeviceTrait};
use media::port::{Health, Playback, PortError};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    callback, error,
    open::{self, End, Opened, with_samples},
    system,
    watch::{Pulse, Watch},
};

/// Opens the speaker of that id, or the default one, and starts it.
///
/// # Errors
/// What cpal says of the device.
pub(crate) fn open(id: Option<&str>) -> Result<Opened<Producer<f32>>, PortError> {
    let (device, id) = system::find(End::Output, id)?;
    open_device(&device, id)
}

/// Opens a device whose id is known.
pub(crate) fn open_device(device: &Device, id: String) -> Result<Opened<Producer<f32>>, PortError> {
    let (config, format) = open::configuration(device, End::Output)?;
    // One channel, a quarter of a second: 200 ms of anything is never queued, and the writer watches the filling.
    let (ring, from) = RingBuffer::new(config.sample_rate as usize / 4);
    let pulse = Arc::default();
    let stream = with_samples!(format, Sample => build::<Sample>(device, config, from, &pulse))?;
    let (stream, rate) = (Box::new(open::start(stream)?), config.sample_rate);
    Ok(Opened { stream, rate, period: open::PERIOD, device: id, pulse, ring })
}

fn build<T: SizedSample + FromSample<f32>>(
    device: &Device,
    config: StreamConfig,
    mut from: Consumer<f32>,
    pulse: &Arc<Pulse>,
) -> Result<Stream, PortError> {
    let (beat, channels) = (Arc::clone(pulse), usize::from(config.channels));
    let callback = move |block: &mut [T], info: &cpal::OutputCallbackInfo| {
        let at = info.timestamp();
        callback::tell_latency(at.callback, at.playback, &beat);
        callback::play(block, channels, &mut from, &beat);
    };
    device.build_output_stream(config, callback, open::on_error(pulse), None).map_err(|error| error::word(&error))
}

/// A running speaker.
pub(crate) struct Speaker {
    _stream: Box<dyn Send>,
    ring: Producer<f32>,
    rate: u32,
    period: Duration,
    device: String,
    watch: Watch,
}

impl Speaker {
    pub(crate) fn new(opened: Opened<Producer<f32>>) -> Self {
        Self {
            _stream: opened.stream,
            ring: opened.ring,
            rate: opened.rate,
            period: opened.period,
            device: opened.device,
            watch: Watch::new(opened.pulse),
        }
    }
}

impl Playback for Speaker {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn write(&mut self, _now: Instant, samples: &[f32]) -> usize {
        let room = self.ring.slots().min(samples.len());
        let Ok(chunk) = self.ring.write_chunk_uninit(room) else { return 0 };
        chunk.fill_from_iter(samples.iter().copied())
    }

    fn queued(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    fn health(&mut self, now: Instant) -> Health {
        self.watch.health(now)
    }

    fn device(&self) -> &str {
        &self.device
    }

    fn period(&self) -> Duration {
        self.period
    }

    fn latency(&self) -> Duration {
        self.watch.latency()
    }
}
